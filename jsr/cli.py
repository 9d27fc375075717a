"""The command line: thin, it decides nothing."""

import argparse
import logging
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from jsr import __version__, errors

# Modules that need JAX are imported by the command that runs: `--help` answers at once,
# and training can choose XLA's settings first.


class _Parser(argparse.ArgumentParser):
  """Refuses bad arguments in one sentence, and guesses no abbreviations."""

  def __init__(self, **options: Any):
    super().__init__(allow_abbrev=False, **options)

  def error(self, message: str) -> NoReturn:
    self.exit(2, f'{self.prog}: {message}; see {self.prog} --help\n')


def _positive(text: str) -> int:
  if not text.isdecimal() or int(text) < 1:
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
  return int(text)


def _names(text: str) -> list[str]:
  names = [part.strip() for part in text.split(',') if part.strip()]
  if not names:
    raise argparse.ArgumentTypeError('an empty list')
  return names


def _train(args: argparse.Namespace) -> int:
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


def _compare(args: argparse.Namespace) -> int:
  from jsr.evaluate import comparison

  return comparison.run(
    args.methods,
    sets=args.sets,
    scale=args.scale,
    data=args.data,
    lr=args.lr,
    limit=args.limit,
    protocol=args.protocol,
    json_path=args.json,
    html_path=args.html,
  )


def _evaluate(args: argparse.Namespace) -> int:
  if not args.workdir.is_dir():
    raise errors.UserError(f'there is no workdir {args.workdir}')
  # A full path is taken for nothing else, whatever the folder is called.
  folder = args.workdir.resolve()
  label = 'model' if folder.name == 'bicubic' or '=' in folder.name else folder.name
  args.methods = ['bicubic', f'{label}={folder}']
  args.html = None
  return _compare(args)


def _upscale(args: argparse.Namespace) -> int:
  from jsr.upscale import upscaler

  return upscaler.run(
    args.images, folder=args.output, model=args.model, scale=args.scale
  )


def _demo(args: argparse.Namespace) -> int:
  from jsr.train import parallel

  parallel.configure_for_training()
  from jsr.evaluate import output
  from jsr.experiments import demo

  output.check_folder(args.output)
  demo.run(args.output, args.config)
  return 0


def _measuring(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    '--sets',
    type=_names,
    required=True,
    metavar='SET,...',
    help="folders of --data, each with its pictures in HR/; 'photographs' is embedded",
  )
  parser.add_argument('--data', metavar='DIR', help='folder that holds the sets')
  parser.add_argument(
    '--scale', type=_positive, default=4, help='factor (default: %(default)s)'
  )
  parser.add_argument(
    '--lr',
    metavar='FOLDER',
    help='folder beside HR/ with the low-resolution pictures; without it they are made'
    ' from HR by the MATLAB rule',
  )
  parser.add_argument(
    '--limit', type=_positive, metavar='N', help='only the first N pictures of each set'
  )
  parser.add_argument(
    '--protocol',
    default='rgb8',
    help='rgb8 (default) or y_float, what papers of 2014 to 2016 quote',
  )
  parser.add_argument(
    '--json', type=pathlib.Path, metavar='FILE', help='write all numbers there'
  )


def _parser() -> argparse.ArgumentParser:
  parser = _Parser(
    prog='jsr', description='Super-resolution: train, measure, compare, upscale.'
  )
  parser.add_argument('--version', action='version', version=f'jsr {__version__}')
  commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')

  train = commands.add_parser(
    'train',
    help='train a model, or resume',
    description='Trains what a config describes; run it again to resume.',
    epilog='Any key of the config can be set, as in --config.data.batch_size=8.',
  )
  train.add_argument(
    '--config',
    required=True,
    metavar='FILE.py[:ARG]',
    help='such as configs/srresnet.py or configs/srresnet.py:smoke',
  )
  train.add_argument('--workdir', required=True, type=pathlib.Path, metavar='DIR')
  train.set_defaults(run=_train)

  evaluate = commands.add_parser(
    'evaluate',
    help='measure a trained model beside bicubic',
    description='Measures the best checkpoint of a workdir beside bicubic.',
  )
  evaluate.add_argument('--workdir', required=True, type=pathlib.Path, metavar='DIR')
  _measuring(evaluate)
  evaluate.set_defaults(run=_evaluate)

  compare = commands.add_parser(
    'compare',
    help='measure several methods on the same pictures',
    description='Measures methods on sets of pictures; prints the table.',
  )
  compare.add_argument(
    '--methods',
    type=_names,
    required=True,
    metavar='METHOD,...',
    help='nearest, bicubic, a workdir, LABEL=WORKDIR, or LABEL=images:DIR for pictures'
    ' that another program made (DIR/SET/STEM*.png or DIR/STEM*.png)',
  )
  _measuring(compare)
  compare.add_argument(
    '--html', type=pathlib.Path, metavar='FILE', help='write a page with the pictures'
  )
  compare.set_defaults(run=_compare)

  upscale = commands.add_parser(
    'upscale',
    help='enlarge pictures',
    description='Enlarges pictures and writes them as PNG.',
  )
  upscale.add_argument('images', nargs='+', type=pathlib.Path, metavar='IMAGE')
  upscale.add_argument(
    '-o', '--output', required=True, type=pathlib.Path, metavar='DIR'
  )
  upscale.add_argument(
    '--model',
    required=True,
    metavar='NAME_OR_WORKDIR',
    help='nearest, bicubic or a workdir',
  )
  upscale.add_argument(
    '--scale', type=_positive, help="factor (default: the model's own, or 4)"
  )
  upscale.set_defaults(run=_upscale)

  demo = commands.add_parser(
    'demo',
    help='train a small SRGAN on embedded photographs and show it',
    description='Runs both stages of SRGAN in a few minutes and writes a report.',
  )
  demo.add_argument(
    '-o', '--output', type=pathlib.Path, default=pathlib.Path('out/demo'), metavar='DIR'
  )
  demo.add_argument('--config', default='configs/demo.py', metavar='FILE.py')
  demo.set_defaults(run=_demo)
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
  if args.command == 'train':
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
