"""Plots of the study of faces."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jsr.evaluate import svg
from jsr.evaluate.plots import MARKERS, PALETTE
from jsr.evaluate.svg import INK
from jsr.experiments.studies.faces.embeddings import BICUBIC, HR, Condition
from jsr.experiments.studies.faces.scores import Scores
from jsr.metrics.verification import Roc

# Figures near 100 or 0 per cent, with the ticks of a scale that spreads this end.
_TICKS = {
  'accuracy': (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999),
  'eer': (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
}
# Nothing that a few thousand pairs tell is nearer to either end.
_EDGE = 5e-4


def _looks(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
  """Colour and marker of each method; bicubic in ink."""
  others = [label for label in labels if label != BICUBIC]
  looks: dict[str, dict[str, Any]] = {BICUBIC: {'color': INK, 'marker': 'X'}}
  for i, label in enumerate(others):
    looks[label] = {
      'color': PALETTE[i % len(PALETTE)],
      'marker': MARKERS[i % len(MARKERS)],
    }
  return looks


def over_sizes(
  scores: Scores,
  figure: str,
  sizes: Sequence[int],
  labels: Sequence[str],
  claimed: str,
  title: str,
  y_label: str,
) -> str:
  """Draws a figure over the side of the face, a line a method, as `<svg>`."""
  looks = _looks(labels)
  with svg.style():
    drawn = Figure(figsize=(7.2, 3.4), layout='constrained')
    axes = drawn.add_subplot()
    hr = scores.of[Condition(HR, 0)].values[figure]
    axes.axhline(hr, color=INK, linestyle=(0, (4, 3)), linewidth=1.1)
    lows, highs = [hr], [hr]
    for label in labels:
      intervals = [scores.interval(Condition(label, n), figure) for n in sizes]
      means = [i.mean for i in intervals]
      important = label in (BICUBIC, claimed)
      look = {**looks[label], 'markersize': 4.5, 'label': label}
      axes.plot(list(sizes), means, linewidth=1.6 if important else 0.9, **look)
      lows, highs = lows + means, highs + means
      if important:
        ends = [i.low for i in intervals], [i.high for i in intervals]
        # Beside each other.
        at = np.array(sizes) + (0.35 if label == claimed else -0.35)
        colour = looks[label]['color']
        axes.vlines(at, ends[0], ends[1], color=colour, linewidth=1, alpha=0.7)
        lows, highs = lows + ends[0], highs + ends[1]
    _scale(axes, figure, min(lows), max(highs))
    axes.set_xticks(list(sizes), [f'{n}x{n}' for n in sizes])
    axes.set_xlabel('pixels of the reduced face')
    axes.set_ylabel(y_label)
    axes.grid(axis='y', color=INK, alpha=0.25, linewidth=0.6)
    axes.tick_params(length=0)
    _legend(axes)
    return svg.render(drawn, title)


def _scale(axes: Axes, figure: str, low: float, high: float) -> None:
  """Sets the vertical axis for values between two."""
  if figure not in _TICKS:
    return
  axes.set_yscale('logit' if figure == 'accuracy' else 'log')
  low, high = max(low, _EDGE), min(high, 1 - _EDGE)
  ticks = [t for t in _TICKS[figure] if low / 1.1 < t < high * 1.1]
  axes.set_yticks(ticks, [f'{100 * t:g}' for t in ticks])
  axes.minorticks_off()
  if figure == 'accuracy':
    axes.set_ylim(1 - (1 - low) * 1.2, 1 - (1 - high) / 1.3)
  else:
    axes.set_ylim(low / 1.3, high * 1.2)


def thinned(curve: Roc, most: int) -> Roc:
  """At most about so many points of a curve, denser where few are accepted."""
  far, tar = curve.far, curve.tar
  # A stair is told by its corners: the last point at each rate of false ones.
  ends = np.flatnonzero(np.append(far[1:] != far[:-1], True))
  far, tar = far[ends], tar[ends]
  if far.size > most:
    chosen = np.unique(np.geomspace(1, far.size, most).round().astype(int) - 1)
    far, tar = far[chosen], tar[chosen]
  return Roc(far, tar)


def roc(scores: Scores, sizes: Sequence[int], labels: Sequence[str], title: str) -> str:
  """Draws same pairs accepted over different ones accepted, a panel a size."""
  looks = _looks(labels)
  least = 0.5 / max(scores.all_pairs[1], 1)
  with svg.style():
    drawn = Figure(figsize=(7.2, 3.6), layout='constrained')
    panels = drawn.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    low = 1.0
    for axes, n in zip(panels, sizes, strict=True):
      drawn_as: dict[Condition, dict[str, Any]] = {
        Condition(HR, 0): {'color': INK, 'linestyle': (0, (4, 3))},
        **{Condition(m, n): {'color': looks[m]['color']} for m in labels},
      }
      for condition, look in drawn_as.items():
        curve = thinned(scores.of[condition].curve, 80)
        low = min(low, float(curve.tar[0]))
        axes.step(
          np.maximum(curve.far, least),
          100 * curve.tar,
          where='post',
          linewidth=1.3,
          label=condition.method,
          **look,
        )
      axes.set_xscale('log')
      axes.set_xlim(least, 1)
      axes.set_xlabel(f'different pairs accepted, {n}x{n}')
      axes.grid(color=INK, alpha=0.25, linewidth=0.6)
      axes.tick_params(which='both', length=0)
    panels[0].set_ylim(100 * low - 2, 100.5)
    panels[0].set_ylabel('same pairs accepted (%)')
    handles, names = panels[0].get_legend_handles_labels()
    drawn.legend(handles, names, loc='outside upper left', ncols=4, frameon=False)
    return svg.render(drawn, title)


def _legend(axes: Axes) -> None:
  axes.legend(
    loc='lower left',
    bbox_to_anchor=(0, 1),
    ncols=4,
    frameon=False,
    borderaxespad=0.2,
  )
