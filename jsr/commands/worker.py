"""`jsr worker`."""

import argparse

from jsr.commands import serve
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'worker',
    help='enlarge what visitors of the website send',
    description='Does jobs of the website beside those workers that `jsr serve` starts:'
    ' on this machine, or on others that share JSR_DATABASE and JSR_S3_BUCKET.',
  )
  # How `jsr serve` starts its own: by this name, ending with it.
  parser.add_argument('--supervised', metavar='NAME', help=argparse.SUPPRESS)
  serve.site(parser)
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  from jsr import errors
  from jsr.web import environment, setup

  folder = (args.site or environment.folder()).expanduser()
  if not environment.text('DATABASE') and not (folder / 'jsr.sqlite3').is_file():
    raise errors.UserError(
      f'there is no site in {folder}: name the --site of `jsr serve`, or set'
      ' JSR_DATABASE'
    )
  setup.open_site(args.site, what='jsr worker')
  from jsr.web.jobs import worker

  return worker.run(args.supervised, supervised=args.supervised is not None)
