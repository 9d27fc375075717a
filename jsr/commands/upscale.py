"""`jsr upscale`."""

import argparse
import math
import pathlib

from jsr import errors
from jsr.commands import arguments, signals, zoo
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'upscale',
    help='enlarge pictures and videos',
    description='Enlarges pictures, animations and videos.',
  )
  parser.add_argument(
    'inputs',
    nargs='*',
    metavar='INPUT',
    help='files, folders (their tree is kept), or patterns such as "scans/**/*.tif"',
  )
  parser.add_argument(
    '-o',
    '--output',
    type=pathlib.Path,
    metavar='OUT',
    help='a folder; or a file, for one input',
  )
  parser.add_argument('--list', action='store_true', help='the models that jsr has')
  _add_pixels(parser)
  _add_machine(parser)
  _add_files(parser)
  parser.set_defaults(run=_run)


def _add_pixels(parser: argparse.ArgumentParser) -> None:
  group = parser.add_argument_group('the result')
  group.add_argument(
    '--model',
    metavar='MODEL',
    help='a name of --list, a workdir, a .safetensors model file, or nearest, bilinear,'
    ' bicubic, anime4k (default: compact)',
  )
  group.add_argument(
    '--scale', type=_factor, help="any number (default: the model's own factor)"
  )
  group.add_argument(
    '--width', type=arguments.positive, metavar='PIXELS', help='instead of --scale'
  )
  group.add_argument(
    '--height', type=arguments.positive, metavar='PIXELS', help='instead of --scale'
  )
  group.add_argument(
    '--strength',
    type=_share,
    metavar='X',
    help='0: true to the input, 1: with the texture that a GAN-trained partner invents',
  )
  group.add_argument(
    '--perceptual',
    default='',
    metavar='MODEL',
    help='the partner for --strength and --trust-map (default: the one jsr has)',
  )
  group.add_argument(
    '--self-ensemble',
    action='store_true',
    help='average over eight orientations: a little better, eight times as long',
  )
  group.add_argument(
    '--consistent',
    action='store_true',
    help='correct the result so that it shrinks to the input; tells what is left',
  )
  group.add_argument(
    '--wrap', action='store_true', help='the picture is a seamless texture'
  )
  group.add_argument(
    '--trust-map',
    action='store_true',
    help='also write NAME-trust.png: what the GAN-trained partner would invent, and'
    ' where',
  )


def _add_machine(parser: argparse.ArgumentParser) -> None:
  group = parser.add_argument_group('the computation')
  group.add_argument(
    '--tile', type=arguments.positive, metavar='PIXELS', help='side of a tile'
  )
  group.add_argument(
    '--halo', type=_natural, metavar='PIXELS', help='what tiles share with neighbours'
  )
  group.add_argument(
    '--engine',
    choices=('auto', 'jax', 'onnx', 'openvino', 'onnxruntime'),
    default='auto',
    help='(default: auto, the fastest)',
  )
  group.add_argument(
    '--precision',
    choices=('float32', 'bfloat16', 'int8'),
    help='(default: float32)',
  )


def _add_files(parser: argparse.ArgumentParser) -> None:
  group = parser.add_argument_group('the files')
  group.add_argument(
    '--format',
    metavar='NAME',
    help='png, jpeg, webp, tiff, avif, gif; mp4, mov, mkv (default: that of the input)',
  )
  group.add_argument(
    '--quality', type=_percent, metavar='1..100', help='of JPEG, WebP, AVIF and videos'
  )
  group.add_argument(
    '--lossless', action='store_true', help='WebP and AVIF without loss'
  )
  group.add_argument(
    '--overwrite',
    action='store_true',
    help='replace results that are there; without it they are kept',
  )
  group.add_argument(
    '--max-pixels',
    type=arguments.positive,
    metavar='N',
    help='refuse larger inputs (default: 268435456)',
  )
  group.add_argument(
    '--report',
    type=pathlib.Path,
    metavar='FILE.json',
    help='write what became of each file there',
  )


def _number(text: str) -> float:
  try:
    return float(text)
  except ValueError:
    return math.nan


def _factor(text: str) -> float:
  value = _number(text)
  if not 0 < value < math.inf:
    raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
  return value


def _share(text: str) -> float:
  value = _number(text)
  if not 0 <= value <= 1:
    raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to 1")
  return value


def _natural(text: str) -> int:
  if not text.isdecimal():
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0")
  return int(text)


def _percent(text: str) -> int:
  if not text.isdecimal() or not 1 <= int(text) <= 100:
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 to 100")
  return int(text)


def _run(args: argparse.Namespace) -> int:
  if args.list:
    return _list(args)
  if not args.inputs:
    raise errors.UserError('name what to upscale: INPUT is missing')
  if args.output is None:
    raise errors.UserError('say where the results go: -o/--output is missing')
  if args.scale is not None and (args.width or args.height):
    raise errors.UserError('give --scale or --width and --height, not both')
  if args.lossless and args.quality is not None:
    raise errors.UserError('--lossless has no --quality: drop one of them')
  if args.perceptual and args.strength is None and not args.trust_map:
    raise errors.UserError(
      '--perceptual names the partner for --strength or --trust-map: give one of them'
    )
  from jsr.upscale import files, image_io
  from jsr.upscale.upscaler import DEFAULT, Options

  options = Options(
    **{
      name: getattr(args, name)
      for name in (
        *('scale', 'width', 'height', 'strength', 'perceptual', 'self_ensemble'),
        *('tile', 'halo', 'engine', 'precision', 'wrap', 'consistent'),
      )
    }
  )
  settings = files.Settings(
    **{
      name: getattr(args, name)
      for name in ('format', 'quality', 'lossless', 'overwrite', 'trust_map', 'report')
    },
    max_pixels=args.max_pixels or image_io.MAX_PIXELS,
  )
  with signals.terminable():
    return files.run(
      args.inputs,
      args.output,
      model=args.model or DEFAULT,
      options=options,
      settings=settings,
    )


def _list(args: argparse.Namespace) -> int:
  if args.inputs or args.output:
    raise errors.UserError('--list only lists: drop INPUT and -o')
  zoo.print_names()
  return 0
