"""`jsr study`."""

import argparse
import pathlib

from jsr.commands import arguments, serve
from jsr.commands.arguments import Commands

_ADDRESS = 'http://localhost:8000'


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'study',
    help='let people rate pictures on the website',
    description='Makes, watches, exports and deletes rating studies: mean opinion'
    ' scores by the protocol of the SRGAN paper, or side-by-side choices. jsr serve'
    ' shows them.',
  )
  actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
  _create(actions.add_parser('create', help='make a study; prints the links'))
  status = actions.add_parser('status', help='how far raters are, and what they found')
  status.add_argument('name', metavar='NAME')
  status.add_argument('--json', action='store_true', help='all figures, for programs')
  _where(status)
  status.set_defaults(run=_run_status)
  export = actions.add_parser('export', help='write all answers, figures and plots')
  export.add_argument('name', metavar='NAME')
  export.add_argument(
    '-o',
    '--output',
    type=pathlib.Path,
    required=True,
    metavar='DIR',
    help='gets ratings.csv, summary.json and the plots as SVG',
  )
  serve.site(export)
  export.set_defaults(run=_run_export)
  delete = actions.add_parser('delete', help='delete pictures, links and all answers')
  delete.add_argument('name', metavar='NAME')
  delete.add_argument(
    '--yes', action='store_true', help='really; without it nothing is deleted'
  )
  serve.site(delete)
  delete.set_defaults(run=_run_delete)


def _create(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    'name', metavar='NAME', help='for these commands; no rater sees it'
  )
  parser.add_argument(
    '--from',
    dest='pictures',
    type=pathlib.Path,
    nargs='+',
    required=True,
    metavar='PAGE_pictures',
    help='folders that jsr compare --html PAGE.html wrote beside its page',
  )
  parser.add_argument(
    '--sets', type=arguments.names, metavar='SET,...', help='of them (default: all)'
  )
  parser.add_argument(
    '--methods',
    type=arguments.names,
    metavar='METHOD,...',
    help='to rate; hr is the original (default: all; in pairs all but hr)',
  )
  parser.add_argument(
    '--mode',
    choices=('rating', 'pairs'),
    default='rating',
    help='rate each picture from 1 to 5, or choose the better of two'
    ' (default: %(default)s)',
  )
  parser.add_argument(
    '--raters',
    type=arguments.positive,
    default=26,
    metavar='N',
    help='invitations (default: %(default)s, as in the paper)',
  )
  parser.add_argument(
    '--repeats',
    type=_count,
    metavar='N',
    help='trials that each rater sees a second time (default: 10)',
  )
  parser.add_argument(
    '--calibration',
    type=_count,
    metavar='N',
    help='images shown first as nearest neighbour (1) and original (5) (default: 20, or'
    ' all there are)',
  )
  parser.add_argument(
    '--calibration-from',
    type=pathlib.Path,
    nargs='+',
    default=[],
    metavar='PAGE_pictures',
    help='folders of them (default: images of the study)',
  )
  parser.add_argument(
    '--reference',
    action='store_true',
    help='show the original beside each pair, and ask which is closer to it',
  )
  parser.add_argument(
    '--seed', type=_count, default=0, help='of all that is random (default: 0)'
  )
  parser.add_argument(
    '--title',
    default='Picture quality',
    help="what raters read (default: '%(default)s')",
  )
  _where(parser)
  parser.set_defaults(run=_run_create)


def _where(parser: argparse.ArgumentParser) -> None:
  serve.site(parser)
  parser.add_argument(
    '--address',
    type=_address,
    default=_ADDRESS,
    metavar='URL',
    help='where raters reach the site (default: %(default)s)',
  )


def _count(text: str) -> int:
  if not text.isdecimal() or int(text) >= 2**31:
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0")
  return int(text)


def _address(text: str) -> str:
  if not text.startswith(('http://', 'https://')):
    raise argparse.ArgumentTypeError(f"'{text}' must begin with http:// or https://")
  return text.rstrip('/')


def _open(args: argparse.Namespace) -> None:
  from jsr.web import setup

  setup.open_site(args.site, what='jsr study')


def _run_create(args: argparse.Namespace) -> int:
  _open(args)
  from jsr.web.studies import console

  print(
    console.create(
      args.name,
      pictures=args.pictures,
      sets=args.sets,
      methods=args.methods,
      mode=args.mode,
      raters=args.raters,
      repeats=args.repeats,
      calibration=args.calibration,
      calibration_from=args.calibration_from,
      reference=args.reference,
      seed=args.seed,
      title=args.title,
      address=args.address,
    )
  )
  return 0


def _run_status(args: argparse.Namespace) -> int:
  _open(args)
  from jsr.web.studies import console

  print(console.status(args.name, as_json=args.json, address=args.address))
  return 0


def _run_export(args: argparse.Namespace) -> int:
  _open(args)
  from jsr.web.studies import console

  for path in console.write(args.name, args.output):
    print(path)
  return 0


def _run_delete(args: argparse.Namespace) -> int:
  _open(args)
  from jsr.web.studies import console

  print(console.delete(args.name, yes=args.yes))
  return 0
