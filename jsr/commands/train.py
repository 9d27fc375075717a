"""`jsr train`."""

import argparse
import pathlib

from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'train',
    help='train a model, or resume',
    description='Trains what a config describes; run it again to resume.',
    epilog='Any key of the config can be set, as in --config.data.batch_size=8.',
  )
  parser.add_argument(
    '--config',
    required=True,
    metavar='FILE.py[:ARG]',
    help='such as configs/srresnet.py or configs/srresnet.py:smoke',
  )
  parser.add_argument('--workdir', required=True, type=pathlib.Path, metavar='DIR')
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  from jsr.train import parallel, settings

  parallel.configure_for_training()
  config = settings.load(args.config, args.overrides)
  from jsr.evaluate import output
  from jsr.train import loop

  output.check_folder(args.workdir)
  result = loop.train(config, args.workdir)
  figures = ', '.join(
    f'{name.removeprefix("eval/")} {value:.4f}'
    for name, value in result.items()
    if name.startswith('eval/')
  )
  print(
    f'{args.workdir}: step {result["step"]} ({result["reason"]}),'
    f' {result["skipped"]} steps skipped, {result["rollbacks"]} rollbacks,'
    f' {result["seconds"]:.0f} s' + (f'; {figures}' if figures else '')
  )
  return 0
