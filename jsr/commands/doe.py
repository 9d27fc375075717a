"""`jsr doe`."""

import argparse
import pathlib

from jsr import errors
from jsr.commands import arguments
from jsr.commands.arguments import Commands

_RESPONSE = (
  'what to look at, and whether it is the better the larger or the smaller, nominal'
  ' (the steadier) or omega (a share); may be repeated'
)


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'doe',
    help='vary settings by an orthogonal array, and say which of them matter',
    description='Trains a config once for each row of an orthogonal array and analyses'
    ' the results as Taguchi does; run it again to resume. jsr doe analyse does the'
    ' same for a table of results.',
    epilog='Any key of the config can be set for all runs, as in'
    ' --config.train.max_steps=1000.',
  )
  parser.add_argument(
    '--design', metavar='NAME', help='an array of pyDOE, such as L9 or L18(6^1 3^6)'
  )
  parser.add_argument('--config', metavar='FILE.py[:ARG]', help='what is trained')
  parser.add_argument(
    '--factor',
    action='append',
    default=[],
    metavar='KEY=V1,V2,...',
    help='a key of the config, and its levels; may be repeated',
  )
  _response(parser)
  parser.add_argument(
    '-o',
    '--output',
    type=pathlib.Path,
    metavar='DIR',
    help='a workdir a run, table.csv, results.json, main-effects.svg',
  )
  parser.add_argument(
    '--seeds',
    type=arguments.positive,
    default=1,
    metavar='N',
    help='trainings of each row, with other seeds (default: %(default)s)',
  )
  parser.add_argument(
    '--confirm', action='store_true', help='train the best levels of each response, too'
  )
  parser.set_defaults(run=_run, overrides=[])
  actions = parser.add_subparsers(dest='action', metavar='analyse')
  analyse = actions.add_parser(
    'analyse',
    help='analyse a table of results',
    description='Reads a CSV file: columns of responses, and factors, which all other'
    ' columns are, but for one called run. Rows with the same levels, and columns NAME,'
    ' NAME.2, ..., are replicates.',
  )
  analyse.add_argument('table', type=pathlib.Path, metavar='TABLE.csv')
  _response(analyse)
  analyse.add_argument(
    '--ignore',
    type=arguments.names,
    default=[],
    metavar='COLUMN,...',
    help='columns that are neither factors nor responses',
  )
  analyse.add_argument(
    '--pool',
    type=arguments.names,
    metavar='FACTOR,...',
    help='whose effects count as error (default: the smallest, if nothing else does)',
  )
  analyse.add_argument(
    '--json', type=pathlib.Path, metavar='FILE', help='write all numbers there'
  )
  analyse.add_argument(
    '--svg', type=pathlib.Path, metavar='FILE', help='draw the main effects there'
  )
  analyse.set_defaults(run=_analyse)


def _response(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    '--response',
    action='append',
    default=[],
    metavar='NAME:KIND',
    help=_RESPONSE,
  )


def _analyse(args: argparse.Namespace) -> int:
  if args.overrides:
    raise errors.UserError(f'{args.overrides[0]}: a table has no config')
  from jsr.evaluate import comparison, output
  from jsr.experiments.doe import analysis, ratios, report, table

  responses = ratios.parse(args.response)
  for path in filter(None, (args.json, args.svg)):
    output.check_file(path)
  names = list(dict.fromkeys(name for name, _ in responses))
  read = table.read(args.table, names, args.ignore)
  found = [analysis.analyse(read, n, kind, pool=args.pool) for n, kind in responses]
  print('\n\n'.join(report.text(each) for each in found))
  if args.json is not None:
    comparison.write_json(args.json, report.to_json(read, found))
  if args.svg is not None:
    output.write_text(args.svg, report.main_effects(found) + '\n')
  return 0


def _run(args: argparse.Namespace) -> int:
  for option in ('design', 'config', 'factor', 'response', 'output'):
    if not getattr(args, option):
      raise errors.UserError(
        f'--{option} is missing; a design needs --design, --config, --factor,'
        ' --response and --output, and jsr doe analyse a TABLE.csv'
      )
  from jsr.train import parallel

  parallel.configure_for_training()
  from jsr.experiments.doe import conduct, experiment, ratios

  responses = ratios.parse(args.response)
  design = experiment.Experiment(
    args.config,
    args.overrides,
    args.design,
    [experiment.parse_factor(text) for text in args.factor],
    responses,
    args.output,
    args.seeds,
  )
  print(conduct.conduct(design, responses, args.output, confirm=args.confirm))
  return 0
