"""`jsr compare`."""

import argparse
import pathlib

from jsr.commands import arguments
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'compare',
    help='measure several methods on the same pictures',
    description='Measures methods on sets of pictures; prints the table.',
  )
  parser.add_argument(
    '--methods',
    type=arguments.names,
    required=True,
    metavar='METHOD,...',
    help='nearest, bicubic, a workdir, LABEL=WORKDIR, or LABEL=images:DIR for pictures'
    ' that another program made (DIR/SET/STEM*.png or DIR/STEM*.png)',
  )
  arguments.measuring(parser)
  parser.add_argument(
    '--html', type=pathlib.Path, metavar='FILE', help='write a page with the pictures'
  )
  parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
  """Measures `args.methods`."""
  from jsr.evaluate import comparison

  return comparison.run(
    args.methods,
    sets=args.sets,
    scale=args.scale,
    data=args.data,
    lr=args.lr,
    limit=args.limit,
    protocol=args.protocol,
    json_path=args.json,
    html_path=args.html,
  )
