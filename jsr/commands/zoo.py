"""`jsr zoo`."""

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'zoo',
    help='the networks that jsr has trained: list, card, fetch',
    description='Lists the networks that jsr has trained, shows what each of them is,'
    ' and brings their files here.',
  )
  actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
  listing = actions.add_parser('list', help='all of them, a line each')
  listing.add_argument(
    '--json',
    nargs='?',
    const='-',
    metavar='FILE',
    help='all that is known of them, into FILE or onto the terminal',
  )
  listing.set_defaults(run=_list)
  card = actions.add_parser(
    'card', help='what one of them is: data, recipe, hours, tables, distance'
  )
  card.add_argument('name', metavar='NAME')
  card.set_defaults(run=_card)
  fetch = actions.add_parser(
    'fetch', help='bring the model file of one of them here, checked'
  )
  fetch.add_argument('name', metavar='NAME')
  fetch.add_argument(
    '-o',
    '--output',
    type=pathlib.Path,
    metavar='OUT',
    help='a .safetensors file, or a folder; without it the file is only made ready for'
    ' --model and --methods',
  )
  fetch.add_argument(
    '--from',
    dest='source',
    default='',
    metavar='PLACE',
    help='folder or address that holds NAME.safetensors, where it is not in the package'
    ' of jsr (default: the variable JSR_ZOO)',
  )
  fetch.set_defaults(run=_fetch)


def print_names() -> None:
  """Prints the names with a line about each."""
  from jsr.weights import embedded

  rows = [(name, embedded.record(name)['about']) for name in embedded.names()]
  print('\n'.join(_table(rows)))


def _list(args: argparse.Namespace) -> int:
  from jsr.weights import embedded

  records = [embedded.record(name) for name in embedded.names()]
  if args.json is None:
    print('\n'.join(_table([_HEAD, *map(_cells, records)])))
    return 0
  text = json.dumps(records, indent=1, ensure_ascii=False) + '\n'
  if args.json == '-':
    sys.stdout.write(text)
    return 0
  from jsr.evaluate import output

  output.write_text(pathlib.Path(args.json), text)
  return 0


_HEAD = ('name', 'network', 'scale', 'MB', 'Set5', 'what it is for')


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  padded = (map(str.ljust, row, widths) for row in rows)
  return ['  '.join(cells).rstrip() for cells in padded]


def _cells(record: dict[str, Any]) -> tuple[str, ...]:
  results, scale = record['results'], record['scale']
  # Of a network of several factors, the record's own stands first.
  psnr = next(row['psnr_y'] for row in results if row['set'] == 'Set5')
  scales = sorted({row.get('scale', scale) for row in results})
  return (
    record['name'],
    record['generator'],
    ','.join(f'x{each}' for each in scales),
    f'{record["bytes"] / 1e6:.2f}',
    f'{psnr:.2f}',
    record['about'],
  )


def _card(args: argparse.Namespace) -> int:
  from jsr.weights import embedded

  print(embedded.card(args.name), end='')
  return 0


def _fetch(args: argparse.Namespace) -> int:
  from jsr.weights import embedded, model_file

  file = None
  if args.output is not None:
    embedded.record(args.name)  # A wrong name is told first.
    whole = model_file.is_model_file(args.output) and not args.output.is_dir()
    file = args.output if whole else args.output / f'{args.name}{model_file.SUFFIX}'
    from jsr.evaluate import output

    output.check_file(file)
    embedded.check_free(args.name, file)
  found = embedded.path(args.name, args.source)
  embedded.check(args.name, found)
  if file is not None:
    found = embedded.copy(found, file)
  print(f'{found}: {args.name}, {found.stat().st_size:,} bytes, as its record says')
  return 0
