"""`jsr reproduce`."""

import argparse
import pathlib
import re

from jsr.commands import arguments
from jsr.commands.arguments import Commands

FORMATS = ('markdown', 'csv', 'json', 'latex')


def _sizes(text: str) -> list[tuple[int, int]]:
  if text == 'none':
    return []
  sizes = []
  for part in arguments.names(text):
    if not (found := re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', part)):
      raise argparse.ArgumentTypeError(f"'{part}' is no size such as 640x480")
    sizes.append((int(found[1]), int(found[2])))
  return sizes


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'reproduce',
    help='lay a published table beside our own measurements',
    description='Prints published tables: the quoted row, ours, and the difference.'
    ' A method without trained weights is called so; no figure is made up.',
  )
  parser.add_argument(
    'tables',
    nargs='*',
    metavar='TABLE',
    help='such as report002-benchmark; none: list them',
  )
  parser.add_argument('--data', metavar='DIR', help='folder that holds Set5, Set14 ...')
  parser.add_argument(
    '--sets', type=arguments.names, metavar='SET,...', help='only these sets'
  )
  parser.add_argument(
    '--weights',
    action='append',
    default=[],
    metavar='METHOD=SPEC',
    help='a workdir, FILE.safetensors, or images:DIR for pictures made elsewhere;'
    ' may be repeated',
  )
  parser.add_argument(
    '--runs',
    type=pathlib.Path,
    metavar='DIR',
    help='folder of workdirs that are named like the configs, such as out',
  )
  parser.add_argument(
    '--limit',
    type=arguments.positive,
    metavar='N',
    help='only the first N pictures of each set; differences are left out then',
  )
  parser.add_argument(
    '--sizes',
    type=_sizes,
    metavar='WxH,...',
    help="inputs whose speed is measured (default: 128x128,640x480), or 'none'",
  )
  parser.add_argument(
    '--format',
    choices=FORMATS,
    default='markdown',
    help='what is printed (default: %(default)s)',
  )
  parser.add_argument(
    '-o',
    '--output',
    type=pathlib.Path,
    metavar='DIR',
    help='also write each table there in every format',
  )
  parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
  """Reproduces `args.tables`."""
  from jsr.experiments.reproduce import run as reproduce

  options = {} if args.sizes is None else {'sizes': args.sizes}
  return reproduce.run(
    args.tables,
    form=args.format,
    folder=args.output,
    data=args.data,
    set_names=args.sets,
    weights=reproduce.parse_weights(args.weights),
    runs=args.runs,
    limit=args.limit,
    **options,
  )
