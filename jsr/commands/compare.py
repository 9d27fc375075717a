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
    help='nearest, bilinear, bicubic, bicubic_cv (of OpenCV), a generator without'
    ' parameters, a workdir, a model file, LABEL= before one of them, or'
    ' LABEL=images:DIR for pictures that another program made (DIR/SET/STEM*.png or'
    ' DIR/STEM*.png)',
  )
  arguments.measuring(parser)
  more(parser)
  parser.add_argument(
    '--html', type=pathlib.Path, metavar='FILE', help='write a page with the pictures'
  )
  parser.set_defaults(run=run)


def more(parser: argparse.ArgumentParser) -> None:
  """Adds what goes beyond the table of a protocol."""
  parser.add_argument(
    '--metrics',
    type=arguments.names,
    default=[],
    metavar='NAME,...',
    help='further columns, such as fsim, fsimc, ssim_global, lpips_alex, niqe',
  )
  parser.add_argument(
    '--conventions',
    action='store_true',
    help='also print PSNR and SSIM under every convention of luma, border and SSIM',
  )
  parser.add_argument(
    '--locate',
    type=arguments.names,
    default=[],
    metavar='NUMBER,...',
    help='tell under which convention a number of a paper was measured, such as 28.42',
  )
  parser.add_argument(
    '--speed',
    type=_size,
    nargs='?',
    const=(640, 480),
    metavar='WIDTHxHEIGHT',
    help='also time every method on a picture of that size (without it: 640x480)',
  )


def _size(text: str) -> tuple[int, int]:
  parts = text.split('x')
  if len(parts) != 2:
    raise argparse.ArgumentTypeError(f"'{text}' is no size such as 640x480")
  return arguments.positive(parts[0]), arguments.positive(parts[1])


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
    metrics=args.metrics,
    matrix=args.conventions,
    locate=args.locate,
    speed_size=args.speed,
  )
