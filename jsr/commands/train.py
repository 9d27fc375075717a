"""`jsr train`."""

import argparse
import errno
import pathlib

from jsr import errors
from jsr.commands.arguments import Commands

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


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
  parser.add_argument(
    '--deterministic',
    action='store_true',
    help='equal bits at each rerun on a GPU too (--config.train.deterministic=True)',
  )
  parser.add_argument(
    '--profile',
    action='store_true',
    help='measure some steps and write WORKDIR/profile: a page and a trace',
  )
  parser.set_defaults(run=_run, overrides=[])


def _run(args: argparse.Namespace) -> int:
  from jsr.train import hosts, parallel, settings

  more = ['--config.train.deterministic=True'] * args.deterministic
  config = settings.load(args.config, [*args.overrides, *more])
  parallel.configure_for_training(deterministic=config.train.deterministic)
  hosts.connect()
  from jsr.evaluate import output
  from jsr.train import loop

  output.check_folder(args.workdir)
  asked = hosts.signal_status()
  try:
    result = loop.train(config, args.workdir, profile=args.profile)
  except OSError as error:
    if error.errno not in _OF_THE_DISK:
      raise
    raise errors.UserError(
      f'{args.workdir} cannot be written to ({error.strerror}); what checkpoints it has'
      ' are complete: make room, or choose another folder, and start again'
    ) from error
  status = asked if result['reason'] == 'signal' else 0
  if not hosts.is_first():
    return status
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
  return status
