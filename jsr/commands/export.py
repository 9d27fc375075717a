"""`jsr export`."""

import argparse
import pathlib

from jsr.commands import arguments
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'export',
    help='write a model for use without jsr',
    description='Writes a network as ONNX (n, C, h, w), StableHLO (n, h, w, C) or a'
    ' model file of jsr, float32 in [0, 1], for pictures of any size; runs the file'
    ' again and compares it with the network before it is handed over.',
    epilog='int8 is ONNX with 8-bit arithmetic, measured on the pictures of'
    ' --calibrate; `jsr upscale --precision int8` finds it. ONNX needs the extra'
    ' packages of pip install -e ".[onnx]", int8 also those of ".[int8]".',
  )
  parser.add_argument(
    'model', metavar='MODEL', help='a name, a workdir or a .safetensors model file'
  )
  parser.add_argument(
    '--to', required=True, choices=('onnx', 'stablehlo', 'safetensors', 'int8')
  )
  parser.add_argument(
    '-o', '--output', type=pathlib.Path, metavar='FILE', help='default: by the name'
  )
  parser.add_argument(
    '--scale',
    type=arguments.positive,
    metavar='N',
    help="factor, of a model that serves several (default: the model's own, or 4)",
  )
  parser.add_argument(
    '--calibrate',
    type=pathlib.Path,
    metavar='FOLDER',
    help='high-resolution training pictures, for int8',
  )
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  from jsr.upscale import export

  return export.run(
    args.model,
    to=args.to,
    target=args.output,
    scale=args.scale,
    calibrate=args.calibrate,
  )
