"""`jsr upscale`."""

import argparse
import pathlib

from jsr.commands import arguments
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'upscale',
    help='enlarge pictures',
    description='Enlarges pictures and writes them as PNG.',
  )
  parser.add_argument('images', nargs='+', type=pathlib.Path, metavar='IMAGE')
  parser.add_argument('-o', '--output', required=True, type=pathlib.Path, metavar='DIR')
  parser.add_argument(
    '--model',
    required=True,
    metavar='MODEL',
    help='a workdir, a .safetensors model file, or nearest, bicubic, anime4k',
  )
  parser.add_argument(
    '--scale', type=arguments.positive, help="factor (default: the model's own, or 4)"
  )
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  from jsr.upscale import upscaler

  return upscaler.run(
    args.images, folder=args.output, model=args.model, scale=args.scale
  )
