"""Report 000's Taguchi study of SR-NET: its table analysed, and its nine runs rerun."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jsr.evaluate import output
from jsr.experiments.doe import analysis, arrays, table, together
from jsr.experiments.doe import report as doe_report
from jsr.experiments.findings import Findings
from jsr.experiments.studies.taguchi import report, runs, verdicts
from jsr.experiments.studies.taguchi.verdicts import Measured
from jsr.experiments.study import Study


def run(study: Study) -> Findings:
  """Trains the nine runs of L9, analyses both tables, confirms the prediction."""
  levels = runs.levels(study.config)
  array = arrays.choose('L9', [len(values) for values in levels])
  nine = [_at(levels, row) for row in array.levels.tolist()]
  trained = runs.train(study, nine)
  rows = _table(nine, trained)
  analyses = {
    name: analysis.analyse(rows, name, kind) for name, kind in runs.RESPONSES.items()
  }
  analyses['omega'] = analysis.analyse(rows, 'accuracy', 'omega')
  best = {
    name: _at(levels, [e.best for e in a.effects]) for name, a in analyses.items()
  }
  printed = table.read(doe_report.REPORT000, ['accuracy', 'loss'])
  printed_loss = analysis.analyse(printed, 'loss', 'smaller')
  # By their places, which the slide's levels have too.
  of_report = _at(levels, [e.best for e in printed_loss.effects])
  further = [best[study.config.criterion], of_report]
  trained |= runs.train(study, further)
  measured = Measured(
    nine=nine,
    values={
      name: {
        setting: [trained[setting, seed][name] for seed in range(study.config.seeds)]
        for setting in dict.fromkeys([*nine, *further])
      }
      for name in (*runs.RESPONSES, 'skipped')
    },
    table=rows,
    analyses=analyses,
    best=best[study.config.criterion],
    of_report=of_report,
    criterion=study.config.criterion,
    printed_table=printed,
    printed={
      'accuracy': analysis.analyse(printed, 'accuracy', 'larger'),
      'loss': printed_loss,
      'omega': analysis.analyse(printed, 'accuracy', 'omega'),
    },
    bicubic=runs.Judge(study).bicubic(),
    seconds={run: result['seconds'] for run, result in trained.items()},
    speed=_speed(study, nine),
  )
  return report.findings(
    study.config, measured, verdicts.claims(study.config, measured)
  )


def _at(levels: Sequence[Sequence[Any]], places: Sequence[int]) -> runs.Settings:
  rate, optimizer, activation, filters = (
    values[i] for values, i in zip(levels, places, strict=True)
  )
  return rate, optimizer, activation, filters


def _table(
  nine: Sequence[runs.Settings],
  trained: Mapping[tuple[runs.Settings, int], Mapping[str, Any]],
) -> table.Table:
  rows: list[dict[str, str]] = []
  values: dict[str, list[list[float]]] = {name: [] for name in runs.RESPONSES}
  for setting in nine:
    rows.append({f: _text(x) for f, x in zip(runs.FACTORS, setting, strict=True)})
    own = [result for (s, _), result in trained.items() if s == setting]
    for name in runs.RESPONSES:
      values[name].append([result[name] for result in own])
  return table.make(rows, values)


def _text(level: Any) -> str:
  return f'{level:g}' if isinstance(level, float) else str(level)


def _speed(study: Study, nine: Sequence[runs.Settings]) -> list[dict[str, float]]:
  """Times the two ways to train a seed's runs, a program a number of filters."""
  repeats = study.config.measured_steps
  path = study.output / 'speed.json'
  if not repeats:
    return []
  if path.is_file():
    return json.loads(path.read_text(encoding='utf-8'))
  configs = [runs.recipe(study, setting, 0) for setting in nine]
  data = together.load(configs[0])
  found = []
  for places in together.groups(configs):
    group = together.Group([configs[i] for i in places], data, configs)
    filters = nine[places[0]][-1]
    print(f'timing {len(group)} runs with {filters} filters, both ways', flush=True)
    found.append({'filters': filters, **group.compare_speed(repeats)})
  output.write_text(path, json.dumps(found, indent=1) + '\n')
  return found
