"""`jsr demo`."""

import argparse
import pathlib

from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'demo',
    help='train a small SRGAN on embedded photographs and show it',
    description='Runs both stages of SRGAN in a few minutes and writes a report.',
  )
  parser.add_argument(
    '-o', '--output', type=pathlib.Path, default=pathlib.Path('out/demo'), metavar='DIR'
  )
  parser.add_argument('--config', default='configs/demo.py', metavar='FILE.py')
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  from jsr.train import parallel

  parallel.configure_for_training()
  from jsr.evaluate import output
  from jsr.experiments import demo

  output.check_folder(args.output)
  demo.run(args.output, args.config)
  return 0
