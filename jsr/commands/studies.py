"""`jsr study-NAME`: the studies of the seed documents."""

import argparse
import functools
import pathlib

from jsr.commands.arguments import Commands
from jsr.experiments.studies import STUDIES


def add(commands: Commands) -> None:
  """Describes the commands."""
  for name, help_text in STUDIES.items():
    parser = commands.add_parser(
      f'study-{name}',
      help=help_text,
      description=f'A study: {help_text}. Writes a report with verdicts, plots and all'
      ' numbers; run it again to resume.',
      epilog='Any key of the config can be set, as in --config.seeds=1.',
    )
    parser.add_argument(
      '--config',
      default=f'configs/studies/{name}.py',
      metavar='FILE.py[:ARG]',
      help='(default: %(default)s; behind it, :smoke gives a run of a minute or so)',
    )
    parser.add_argument(
      '-o',
      '--output',
      type=pathlib.Path,
      default=pathlib.Path('out/studies') / name,
      metavar='DIR',
      help='trainings, pictures and report (default: %(default)s)',
    )
    parser.add_argument(
      '--data', type=pathlib.Path, metavar='DIR', help='folder of picture sets'
    )
    parser.add_argument(
      '--weights', type=pathlib.Path, metavar='DIR', help='folder of published weights'
    )
    parser.add_argument(
      '--report',
      type=pathlib.Path,
      metavar='DIR',
      help='also write NAME.md, NAME.json and its plots there',
    )
    parser.set_defaults(run=functools.partial(_run, name), overrides=[])


def _run(name: str, args: argparse.Namespace) -> int:
  from jsr.train import parallel

  parallel.configure_for_training()
  import importlib

  from jsr.experiments import findings, study

  opened = study.open_study(
    name, args.config, args.overrides, args.output, args.data, args.weights
  )
  module = importlib.import_module(f'jsr.experiments.studies.{name}')
  record = study.Record(opened)
  try:
    found = module.run(opened)
    paths = study.finish(
      opened, found, _command(name, args), record.seconds(), args.report
    )
  finally:
    record.close()
  print(findings.summary(found))
  print(f'Read {paths[0]}')
  return 0


def _command(name: str, args: argparse.Namespace) -> list[str]:
  """The command, as a reader would type it: folders that are theirs by their name."""
  words = ['jsr', f'study-{name}']
  if args.config != f'configs/studies/{name}.py':
    words += ['--config', args.config]
  words += args.overrides
  if args.data is not None:
    words += ['--data', 'DATA']
  if args.weights is not None:
    words += ['--weights', 'WEIGHTS']
  return words
