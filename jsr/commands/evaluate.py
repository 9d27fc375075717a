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
    description='Measures the best checkpoint of a workdir, or a model file, beside'
    ' bicubic.',
  )
  parser.add_argument(
    '--workdir',
    required=True,
    type=pathlib.Path,
    metavar='DIR_OR_FILE',
    help='of a run, or a model file (.safetensors)',
  )
  arguments.measuring(parser)
  compare.more(parser)
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  from jsr.weights import model_file

  if not args.workdir.is_dir() and not model_file.is_model_file(args.workdir):
    raise errors.UserError(f'there is no workdir {args.workdir}')
  # A full path is taken for nothing else, whatever the folder is called.
  path = args.workdir.resolve()
  name = path.name if path.is_dir() else path.stem
  label = 'model' if name == 'bicubic' or '=' in name else name
  args.methods = ['bicubic', f'{label}={path}']
  args.html = None
  return compare.run(args)
