"""`jsr interpolate`."""

import argparse
import pathlib

from jsr import errors
from jsr.commands import arguments
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'interpolate',
    help='mix a network trained for PSNR with one trained with a GAN from it',
    description='Writes the network (1 - alpha) A + alpha B, or measures it for many'
    ' alphas.',
  )
  parser.add_argument('a', type=pathlib.Path, metavar='A', help='trained for PSNR')
  parser.add_argument(
    'b', type=pathlib.Path, metavar='B', help='trained with a GAN, from A'
  )
  what = parser.add_mutually_exclusive_group(required=True)
  what.add_argument('--alpha', type=_alpha, metavar='X', help='0 is A, 1 is B')
  what.add_argument(
    '--sweep',
    type=_alphas,
    nargs='?',
    const=[i / 10 for i in range(11)],
    metavar='X,...',
    help='measure each of these (default: 0,0.1,...,1) on --sets; writes'
    ' OUT.json and OUT.svg',
  )
  parser.add_argument(
    '-o',
    '--output',
    type=pathlib.Path,
    metavar='OUT',
    help='a .safetensors file (default: named after A, B and alpha), or for --sweep the'
    ' name without suffix (default: interpolation)',
  )
  parser.add_argument(
    '--perceptual',
    default='auto',
    metavar='NAME',
    help='what stands for looks in --sweep: lpips, niqe or high_frequency (default: the'
    ' first whose parameters are at hand)',
  )
  parser.add_argument(
    '--weights',
    type=pathlib.Path,
    metavar='FILE',
    help='parameters of --perceptual lpips or niqe',
  )
  measured = parser.add_argument_group('for --sweep')
  measured.add_argument('--sets', type=arguments.names, metavar='SET,...')
  measured.add_argument('--data', metavar='DIR', help='folder that holds the sets')
  measured.add_argument('--lr', metavar='FOLDER', help='as in jsr compare')
  measured.add_argument('--limit', type=arguments.positive, metavar='N')
  parser.set_defaults(run=_run)


def _alpha(text: str) -> float:
  try:
    value = float(text)
  except ValueError:
    value = -1.0
  if not 0 <= value <= 1:
    raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to 1")
  return value


def _alphas(text: str) -> list[float]:
  return sorted({_alpha(part) for part in arguments.names(text)})


def _run(args: argparse.Namespace) -> int:
  if args.sweep is not None:
    return _sweep(args)
  for option in ('sets', 'data', 'lr', 'limit', 'weights'):
    if getattr(args, option) is not None:
      raise errors.UserError(f'--{option} belongs to --sweep: drop it')
  from jsr.evaluate import blend, conversion, output

  path = args.output or pathlib.Path(blend.default_name(args.a, args.b, args.alpha))
  if path.suffix != '.safetensors':
    raise errors.UserError(f'{path} must end in .safetensors')
  output.check_file(path)
  a, b = conversion.load(args.a), conversion.load(args.b)
  model = blend.interpolate(a, b, args.alpha)
  blend.warn_of_statistics(model, args.alpha)
  conversion.save(path, model)
  print(conversion.describe(path, model))
  return 0


def _sweep(args: argparse.Namespace) -> int:
  if args.sets is None:
    raise errors.UserError('--sweep measures: name pictures with --sets')
  from jsr.evaluate import blend, conversion, output, sets
  from jsr.experiments import looks, tradeoff

  stem = args.output or pathlib.Path('interpolation')
  if stem.suffix.lower() in ('.json', '.svg'):
    stem = stem.with_suffix('')
  for suffix in ('.json', '.svg'):
    output.check_file(stem.with_name(f'{stem.name}{suffix}'))
  a, b = conversion.load(args.a), conversion.load(args.b)
  blend.check_alike(a, b)
  figure = looks.find(args.perceptual, scale=a.scale, weights=args.weights)
  pictures = sets.open_sets(args.sets, data=args.data, lr=args.lr, limit=args.limit)
  blend.warn_of_statistics(a, 0.5)
  results = tradeoff.sweep(a, b, args.sweep, pictures, figure, progress=True)
  print(tradeoff.table(results))
  for path in tradeoff.write(stem, results):
    print(path)
  return 0
