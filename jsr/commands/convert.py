"""`jsr convert`."""

import argparse
import ast
import pathlib
from typing import Any

from jsr import errors
from jsr.commands import arguments
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'convert',
    help='make a model file of published weights or of a workdir',
    description='Reads weights that another program trained, or the best checkpoint of'
    ' a workdir, and writes one file that jsr takes wherever it takes a workdir.',
    epilog='Nothing that is pickled in a file is executed.',
  )
  parser.add_argument(
    'source',
    type=pathlib.Path,
    metavar='FILE_OR_WORKDIR',
    help='a torch .pth, Keras .h5, MATLAB .mat, .npz or .safetensors file, or a'
    ' workdir',
  )
  parser.add_argument(
    '--as', dest='model', metavar='MODEL', help='the network, such as srresnet'
  )
  parser.add_argument(
    '-o', '--output', required=True, type=pathlib.Path, metavar='OUT.safetensors'
  )
  parser.add_argument(
    '--scale',
    type=arguments.positive,
    metavar='S',
    help='factor, for weights that do not tell it (SRCNN, DRCN)',
  )
  parser.add_argument(
    '--set',
    action='append',
    default=[],
    type=_field,
    dest='fields',
    metavar='FIELD=VALUE',
    help='a field of the network that the tensors do not tell, such as'
    ' residual_scale=0.1; may be repeated',
  )
  parser.add_argument(
    '--key',
    metavar='NAME',
    help='entry of a PyTorch checkpoint that holds the weights, such as params_ema',
  )
  parser.set_defaults(run=_run)


def _field(text: str) -> tuple[str, Any]:
  name, equals, value = text.partition('=')
  if not equals or not name.isidentifier():
    raise argparse.ArgumentTypeError(f"'{text}' is not FIELD=VALUE")
  try:
    return name, ast.literal_eval(value)
  except (ValueError, SyntaxError):
    return name, value


def _run(args: argparse.Namespace) -> int:
  if args.output.suffix != '.safetensors':
    raise errors.UserError(f'{args.output} must end in .safetensors')
  from jsr.evaluate import conversion, output

  output.check_file(args.output)
  if args.source.is_dir():
    for option in ('model', 'scale', 'key', 'fields'):
      if getattr(args, option):
        raise errors.UserError(
          f'{args.source} is a workdir and says itself what it holds: only -o goes'
          ' with it'
        )
    model = conversion.from_workdir(args.source)
  else:
    if args.model is None:
      raise errors.UserError('name the network of these weights with --as')
    model = conversion.from_file(
      args.source,
      generator=args.model,
      scale=args.scale,
      fields=dict(args.fields),
      key=args.key,
    )
  conversion.save(args.output, model)
  print(conversion.describe(args.output, model))
  return 0
