"""The plots of study `degradations`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jsr.evaluate import plots, svg
from jsr.experiments.findings import Plot
from jsr.experiments.intervals import Interval


def changes(found: Mapping[str, Mapping[str, Mapping[str, Interval]]], c: Any) -> Plot:
  """Draws the change of PSNR on each degradation, with its interval over seeds."""
  title = f'PSNR of training on {c.judged} less that of training on {c.control}'
  names = list(found)
  with svg.style():
    figure = Figure(figsize=(7.2, 1.0 + 0.32 * len(names)), layout='constrained')
    axes = figure.add_subplot()
    for y, name in enumerate(names):
      interval = found[name]['psnr_y']['seeds']
      colour = plots.PALETTE[2 if interval.mean > 0 else 1]
      if interval.n > 1:
        axes.plot([interval.low, interval.high], [y, y], color=colour, linewidth=2)
      axes.plot([interval.mean], [y], color=colour, marker='o', markersize=6)
    axes.axvline(0, color=svg.INK, linewidth=1)
    _names(axes, names)
    axes.set_xlabel('change of PSNR Y in dB (line: 95 % interval over seeds)')
    return Plot('psnr', title, svg.render(figure, title))


def niqe(real: Mapping[str, Any], c: Any) -> Plot:
  """Draws NIQE of each photograph: two dots, mean over seeds."""
  title = 'NIQE of each photograph, by what the network was trained on'
  means = {
    kind: np.mean(real['rows'][kind]['niqe'], axis=0) for kind in (c.control, c.judged)
  }
  order = np.argsort(means[c.judged] - means[c.control])
  names = [real['names'][i] for i in order]
  with svg.style():
    figure = Figure(figsize=(7.2, 1.0 + 0.22 * len(names)), layout='constrained')
    axes = figure.add_subplot()
    for y, i in enumerate(order):
      pair = [values[i] for values in means.values()]
      axes.plot(pair, [y, y], color=svg.INK, alpha=0.5, linewidth=1)
    for j, (kind, values) in enumerate(means.items()):
      axes.plot(
        values[order],
        range(len(names)),
        linestyle='none',
        color=plots.PALETTE[j],
        marker=plots.MARKERS[j],
        markersize=5,
        label=f'trained on {kind}',
      )
    _names(axes, names)
    axes.set_xlabel('NIQE (lower is better)')
    axes.legend(
      loc='lower left', bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderpad=0.2
    )
    return Plot('niqe', title, svg.render(figure, title))


def _names(axes: Axes, names: list[str]) -> None:
  """A row a name, from the top."""
  axes.set_yticks(range(len(names)), names)
  for label in axes.get_yticklabels():
    label.set_parse_math(False)
  axes.set_ylim(len(names) - 0.5, -0.5)
  axes.grid(axis='x', color=svg.INK, alpha=0.25, linewidth=0.6)
  axes.set_axisbelow(True)
  axes.tick_params(length=0)
