"""`jsr serve`."""

import argparse
import pathlib

from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'serve',
    help='the website: upload, upscale, compare, download',
    description='Serves the website, with workers that enlarge what visitors send.',
    epilog='The environment sets the rest: JSR_SITE, JSR_HOSTS, JSR_DATABASE, limits;'
    ' see docs/website.md.',
  )
  parser.add_argument(
    '--host',
    default='127.0.0.1',
    metavar='ADDRESS',
    help='to listen at (default: 127.0.0.1, this machine only)',
  )
  parser.add_argument(
    '--port', type=_port, default=8000, metavar='N', help='(default: 8000; 0: any)'
  )
  parser.add_argument(
    '--workers',
    type=_count,
    default=1,
    metavar='N',
    help='processes that enlarge (default: 1, which uses all processors); 0: `jsr'
    ' worker` runs elsewhere',
  )
  site(parser)
  parser.set_defaults(run=_run)


def site(parser: argparse.ArgumentParser) -> None:
  """Adds `--site`."""
  parser.add_argument(
    '--site',
    type=pathlib.Path,
    metavar='DIR',
    help='folder of the database and the pictures (default: JSR_SITE, or'
    ' ~/.local/share/jsr/site)',
  )


def _port(text: str) -> int:
  if not text.isdecimal() or int(text) > 65535:
    raise argparse.ArgumentTypeError(f"'{text}' is no port from 0 to 65535")
  return int(text)


def _count(text: str) -> int:
  if not text.isdecimal():
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0")
  return int(text)


def _run(args: argparse.Namespace) -> int:
  from jsr.web import serve

  return serve.run(args.host, args.port, args.workers, args.site)
