"""`jsr curate`."""

import argparse
import pathlib

from jsr.commands import arguments, signals
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'curate',
    help='cut pictures into tiles and drop those that repeat or show little',
    description='Cuts every picture into squares, drops tiles that show too little and'
    ' tiles that repeat an earlier one, and writes the rest with a manifest; train on'
    ' them with --config.data.source=DIR. The same pictures give the same manifest.',
    epilog='Splits are of whole pictures: no two splits share one.',
  )
  parser.add_argument(
    'source', metavar='SOURCE', help="a folder, 'photographs' or tfds:NAME"
  )
  parser.add_argument(
    '-o', '--output', type=pathlib.Path, required=True, metavar='DIR', help='a new one'
  )
  parser.add_argument('--split', default='train', metavar='NAME', help='of the source')
  parser.add_argument(
    '--size',
    type=arguments.positive,
    default=128,
    metavar='PIXELS',
    help='height and width of a tile (default: %(default)s)',
  )
  parser.add_argument(
    '--hamming',
    type=int,
    default=10,
    metavar='BITS',
    help='bits of 169 in which duplicates may differ (default: %(default)s)',
  )
  parser.add_argument(
    '--dihedral', action='store_true', help='flips and quarter turns repeat, too'
  )
  for name in ('validation', 'test'):
    parser.add_argument(
      f'--{name}',
      type=_share,
      default=0.0,
      metavar='SHARE',
      help=f'of the pictures, for the split {name} (default: none)',
    )
  parser.add_argument(
    '--sheet', action='store_true', help='draw dropped.png: what was dropped and why'
  )
  parser.set_defaults(run=_run)


def _share(text: str) -> float:
  try:
    return float(text)
  except ValueError:
    raise argparse.ArgumentTypeError(f"'{text}' is no number") from None


def _run(args: argparse.Namespace) -> int:
  from jsr.data import curate, tile_folder
  from jsr.evaluate import output

  output.check_folder(args.output)
  rules = curate.Rules(
    size=args.size,
    hamming=args.hamming,
    dihedral=args.dihedral,
    validation=args.validation,
    test=args.test,
  )
  with signals.terminable():
    made = tile_folder.write(
      args.source, args.output, rules, split=args.split, with_sheet=args.sheet
    )
  print(curate.text(made))
  print(f'Train with --config.data.source={args.output}')
  return 0
