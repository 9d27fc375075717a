"""The command line: finds the command, runs it, and tells mistakes in one sentence."""

import argparse
import importlib
import logging
import os
import pathlib
import sys
from collections.abc import Sequence

from jsr import __version__, errors
from jsr.commands import arguments

# In the order of the help; any other file of jsr/commands with an `add` follows.
_FIRST = ('train', 'evaluate', 'compare', 'upscale', 'demo')


def _parser() -> argparse.ArgumentParser:
  parser = arguments.Parser(
    prog='jsr', description='Super-resolution: train, measure, compare, upscale.'
  )
  parser.add_argument('--version', action='version', version=f'jsr {__version__}')
  commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
  folder = pathlib.Path(arguments.__file__).parent
  found = {path.stem for path in folder.glob('[a-z]*.py')} - {'arguments', 'signals'}
  for name in (*_FIRST, *sorted(found - set(_FIRST))):
    importlib.import_module(f'jsr.commands.{name}').add(commands)
  return parser


def main(argv: Sequence[str] | None = None) -> int:
  """Runs a command.

  Args:
    argv: Arguments after the program's name; those of the process if None.

  Returns:
    The exit status: 0, or 2 after a user's mistake, told in one sentence.
  """
  parser = _parser()
  args, rest = parser.parse_known_args(argv)
  # Commands that have a config take any of its keys.
  if hasattr(args, 'overrides'):
    args.overrides = [a for a in rest if a.startswith('--config.')]
    rest = [a for a in rest if a not in args.overrides]
  if rest:
    parser.error(f'unrecognized arguments: {" ".join(rest)}')
  level = os.environ.get('JSR_LOG', 'INFO')
  if level not in logging.getLevelNamesMapping():
    parser.error(f"JSR_LOG='{level}' is no level such as INFO or WARNING")
  logging.basicConfig(level=level, format='%(message)s', stream=sys.stderr)
  # Libraries speak up only for warnings: their progress is not the user's.
  for name in ('jax', 'matplotlib', 'PIL'):
    logging.getLogger(name).setLevel(logging.WARNING)
  # Orbax logs through absl, and warns of what is no fault.
  logging.getLogger('absl').setLevel(logging.ERROR)
  try:
    return args.run(args)
  except errors.UserError as error:
    print(f'jsr {args.command}: {error}', file=sys.stderr)
    return 2
  except KeyboardInterrupt:
    print(f'jsr {args.command}: interrupted', file=sys.stderr)
    return 130


if __name__ == '__main__':
  sys.exit(main())
