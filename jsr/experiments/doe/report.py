"""Analyses as text for a terminal, as JSON, and as a plot of main effects."""

import pathlib
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from jsr.evaluate import plots, svg
from jsr.experiments.doe.analysis import Analysis
from jsr.experiments.doe.anova import Error
from jsr.experiments.doe.confirmation import Confirmation
from jsr.experiments.doe.ratios import KINDS
from jsr.experiments.doe.table import Table

# The printed table of report 000, "OA L9(3^4)".
REPORT000 = pathlib.Path(__file__).parent / 'report000.csv'


def text(analysis: Analysis) -> str:
  """Returns one response's analysis as plain text."""
  lines = [
    f'{analysis.response} ({KINDS[analysis.kind]})',
    'S/N of the runs, dB: '
    + ' '.join(f'{x:.6f}' for x in analysis.sn)
    + f'; mean {analysis.mean:.6f}',
    '',
  ]
  rows = [['factor', 'level', 'mean S/N', 'delta', 'rank', 'SS', 'share %']]
  for e in analysis.effects:
    for i, (level, mean) in enumerate(zip(e.levels, e.means, strict=True)):
      own = [f'{e.delta:.6f}', str(e.rank), f'{e.ss:.6f}', f'{e.share:.6f}']
      best = '*' if i == e.best else ''
      row = [e.factor if i == 0 else '', level + best, f'{mean:.6f}']
      rows.append(row + (own if i == 0 else [''] * 4))
  lines += aligned(rows)
  lines += ['', f'best levels (*): {_setting(analysis.best)}']
  lines.append(f'predicted there: {_predicted(analysis)}')
  for error in filter(None, (analysis.pooled, analysis.within)):
    lines += ['', *_error(error)]
  return '\n'.join([*lines, *_warned(analysis)])


def _warned(analysis: Analysis) -> list[str]:
  return [''] * bool(analysis.warnings) + [f'! {said}' for said in analysis.warnings]


def _setting(best: dict[str, str]) -> str:
  return ', '.join(f'{factor} {level}' for factor, level in best.items())


def _predicted(analysis: Analysis) -> str:
  said = f'{analysis.prediction:.6f} dB'
  if analysis.predicted is not None:
    said += f', {analysis.response} {analysis.predicted:.6f}'
  return said


def _error(error: Error) -> list[str]:
  lines = [
    f'against {error.source} as error: variance {error.variance:.6f}, {error.dof}'
    ' degrees of freedom'
  ]
  rows = [['factor', 'F', 'F at 5 %', 'p', 'pure share %']]
  rows += [
    [t.factor, f'{t.f:.6f}', f'{t.critical:.2f}', f'{t.p:.3g}', f'{t.share:.6f}']
    for t in error.tests
  ]
  half = error.interval()
  return [
    *lines,
    *aligned(rows),
    f'predicted by these: {error.prediction:.6f} dB; another run is expected within'
    f' {half:.6f} dB of it (n_eff {error.n_eff:.6f})',
  ]


def confirmed(analysis: Analysis, found: Confirmation) -> str:
  """Returns what a confirmation run says, as plain text."""
  where = 'inside' if found.inside else 'outside'
  lines = [
    f'confirmation of {analysis.response} at {_setting(analysis.best)}:'
    f' {found.sn:.3f} dB, {where} {found.prediction:.3f} +- {found.half:.3f} dB'
  ]
  if found.within is not None:
    each = found.within
    where = 'inside' if each.inside else 'outside'
    lines.append(
      f'  the mean of its replicates, {each.sn:.3f} dB, is {where} their interval,'
      f' {each.prediction:.3f} +- {each.half:.3f} dB'
    )
  return '\n'.join(lines)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
  """Returns rows as lines, columns aligned: words left, numbers right."""
  widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
  return [
    '  '.join(
      cell.ljust(width) if (i < 2 and len(rows[0]) > 5) or i == 0 else cell.rjust(width)
      for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ).rstrip()
    for row in rows
  ]


def to_json(table: Table, analyses: Sequence[Analysis]) -> dict[str, Any]:
  """Returns a table and its analyses for a JSON file."""
  return {
    'runs': [
      {
        'run': run,
        **table.setting(i),
        **{name: list(values[i]) for name, values in table.responses.items()},
      }
      for i, run in enumerate(table.runs)
    ],
    'analyses': [a.to_json() for a in analyses],
  }


def main_effects(
  analyses: Sequence[Analysis], *, names: Sequence[str] | None = None
) -> str:
  """Draws mean S/N over the levels of each factor; a row a response.

  Args:
    analyses: Of the same factors.
    names: What each row is called; None: its response.

  Returns:
    An `<svg>` element.
  """
  factors = [e.factor for e in analyses[0].effects]
  names = names or [a.response for a in analyses]
  with svg.style():
    figure = Figure(
      figsize=(max(3.0, 1.8 * len(factors)), 0.5 + 1.9 * len(analyses)),
      layout='constrained',
    )
    all_axes = figure.subplots(len(analyses), len(factors), sharey='row', squeeze=False)
    for row, (analysis, name, axes_of_row) in enumerate(
      zip(analyses, names, all_axes, strict=True)
    ):
      colour = plots.PALETTE[row % len(plots.PALETTE)]
      for axes, e in zip(axes_of_row, analysis.effects, strict=True):
        places = range(len(e.levels))
        axes.axhline(analysis.mean, color=svg.INK, linestyle=(0, (4, 3)), linewidth=1)
        axes.plot(
          places, e.means, color=colour, marker='o', markersize=4, linewidth=1.6
        )
        axes.plot(
          [e.best],
          [e.means[e.best]],
          color=colour,
          marker='o',
          markersize=9,
          mfc='none',
        )
        axes.set_xticks(places, e.levels)
        for label in axes.get_xticklabels():
          label.set_parse_math(False)
        axes.set_xlim(-0.4, len(e.levels) - 0.6)
        axes.margins(y=0.15)
        axes.grid(axis='y', color=svg.INK, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        if row == 0:
          # A long key takes two lines, or it would run into its neighbour.
          title = '.\n'.join(e.factor.rsplit('.', 1))
          axes.set_title(title, fontsize=9, parse_math=False)
      axes_of_row[0].set_ylabel(f'S/N of {name}, dB', parse_math=False)
    return svg.render(
      figure, f'Main effects of {", ".join(factors)} on {", ".join(names)}'
    )
