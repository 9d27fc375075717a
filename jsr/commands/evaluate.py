"""`jsr evaluate`."""

import argparse
import pathlib

from jsr import errors
from jsr.commands import arguments, compare
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'evaluate',
    help='measure a trained model beside bicubic',
    description='Measures the best checkpoint of a workdir beside bicubic.',
  )
  parser.add_argument('--workdir', required=True, type=pathlib.Path, metavar='DIR')
  arguments.measuring(parser)
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  if not args.workdir.is_dir():
    raise errors.UserError(f'there is no workdir {args.workdir}')
  # A full path is taken for nothing else, whatever the folder is called.
  folder = args.workdir.resolve()
  label = 'model' if folder.name == 'bicubic' or '=' in folder.name else folder.name
  args.methods = ['bicubic', f'{label}={folder}']
  args.html = None
  return compare.run(args)
