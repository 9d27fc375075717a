"""A design from its first run to its files: what `jsr doe` does."""

import pathlib
from collections.abc import Mapping, Sequence

from jsr.errors import UserError
from jsr.evaluate import comparison, output
from jsr.experiments.doe import analysis, confirmation, report, table
from jsr.experiments.doe.experiment import Experiment


def conduct(
  design: Experiment,
  responses: Sequence[tuple[str, str]],
  folder: pathlib.Path,
  *,
  confirm: bool,
) -> str:
  """Runs a design and writes table.csv, results.json and main-effects.svg.

  A response that has no analysis, as where a run has no number, is told of; the others
  have theirs.

  Args:
    design: The design.
    responses: (name, kind).
    folder: Gets the files.
    confirm: Train the best levels of each response, too.

  Returns:
    Everything that was found, as text.
  """
  read, said = design.run()
  output.write_text(folder / 'table.csv', table.write_csv(read))
  found, parts = [], []
  for name, kind in responses:
    try:
      found.append(analysis.analyse(read, name, kind))
      parts.append(report.text(found[-1]))
    except UserError as error:
      said.append(f'{name}: {error}')
  confirmations = []
  for each in found if confirm else []:
    if each.tried is not None:
      values = list(each.values[each.tried])
    else:
      got, told = design.train(_name(design, each.best), each.best)
      values = got[each.response]
      said += [line for line in told if line not in said]
    try:
      confirmed = confirmation.confirm(each, values)
    except UserError as error:
      said.append(f'{each.response}: {error}')
      continue
    confirmations.append({'response': each.response, **confirmed.to_json()})
    parts.append(report.confirmed(each, confirmed))
  comparison.write_json(
    folder / 'results.json',
    {
      'design': design.array.name,
      **report.to_json(read, found),
      'confirmations': confirmations,
      'said': said,
    },
  )
  if found:
    output.write_text(folder / 'main-effects.svg', report.main_effects(found) + '\n')
  parts += [f'! {line}' for line in said]
  return '\n\n'.join([*parts, f'Read {folder / "results.json"}'])


def _name(design: Experiment, best: Mapping[str, str]) -> str:
  """A run is named by its levels, 'best-1-2-3-1': with more seeds others may lead."""
  levels = [factor.values.index(best[factor.key]) + 1 for factor in design.factors]
  return '-'.join(map(str, ['best', *levels]))
