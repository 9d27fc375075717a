"""Plots of a rating study as SVG; see `jsr.evaluate.plots` for what they share."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from jsr.evaluate import svg
from jsr.evaluate.plots import PALETTE
from jsr.evaluate.svg import INK
from jsr.experiments import opinion, opinion_pairs

# From bad to excellent, readable on white and on black and for the colour-blind.
_SHADES = ('#d55e00', '#e69f00', '#9a9a9a', '#56b4e9', '#0072b2')


def boxes(
  scores: np.ndarray, opinions: Sequence[opinion.Opinion], *, title: str, label: str
) -> str:
  """Draws a box of the raters' mean scores for each method, and the mean of all.

  The box spans the middle half of the raters, its line is the median, whiskers reach
  to the last rater within 1.5 of its heights, dots are raters beyond. The diamond is
  the mean opinion score with its 95 % interval.

  Args:
    scores: (R, I, M); see `opinion`.
    opinions: M of them.
    title: What the picture shows, for those who cannot see it.
    label: Of the axis.

  Returns:
    An `<svg>` element.
  """
  with svg.style():
    figure, axes = _axes(len(opinions))
    for m in range(len(opinions)):
      raters = scores[..., m]
      rated = raters[~np.isnan(raters).all(1)]
      if len(rated):
        _box(axes, m, np.nanmean(rated, 1))
    for y, one in enumerate(opinions):
      _estimate(axes, y, one.mean, one.low, one.high)
    axes.set_xlim(opinion.LOWEST - 0.1, opinion.HIGHEST + 0.1)
    axes.set_xticks(range(opinion.LOWEST, opinion.HIGHEST + 1))
    _name(axes, [one.method for one in opinions], label)
    return svg.render(figure, title)


def histograms(
  opinions: Sequence[opinion.Opinion], *, title: str, label: str, words: Sequence[str]
) -> str:
  """Draws how often each method was given 1, 2, ..., 5, as shares of a bar.

  Args:
    opinions: One bar each.
    title: What the picture shows, for those who cannot see it.
    label: Of the axis.
    words: Five, for 1 to 5.

  Returns:
    An `<svg>` element.
  """
  with svg.style():
    figure, axes = _axes(len(opinions), extra=0.35)
    for y, one in enumerate(opinions):
      left = 0.0
      for count, shade in zip(one.counts, _SHADES, strict=True):
        share = 100 * count / one.n if one.n else 0
        axes.barh(y, share, left=left, color=shade, height=0.6)
        if share >= 7:
          axes.annotate(
            f'{share:.0f}',
            (left + share / 2, y),
            ha='center',
            va='center_baseline',
            color='black' if shade != _SHADES[-1] else 'white',
          )
        left += share
    axes.set_xlim(0, 100)
    _name(axes, [one.method for one in opinions], label)
    handles = [Patch(color=shade) for shade in _SHADES]
    names = [f'{k} {word}' for k, word in enumerate(words, opinion.LOWEST)]
    legend = axes.legend(
      handles,
      names,
      loc='lower left',
      bbox_to_anchor=(0, 1),
      ncols=5,
      frameon=False,
      handlelength=1.2,
      columnspacing=1.2,
    )
    for text in legend.get_texts():
      text.set_parse_math(False)
    return svg.render(figure, title)


def preferences(
  strengths: Sequence[opinion_pairs.Strength], *, title: str, label: str
) -> str:
  """Draws the Bradley-Terry score of each method with its interval.

  Args:
    strengths: One line each.
    title: What the picture shows, for those who cannot see it.
    label: Of the axis.

  Returns:
    An `<svg>` element.
  """
  with svg.style():
    figure, axes = _axes(len(strengths))
    for y, one in enumerate(strengths):
      _estimate(axes, y, one.score, one.low, one.high)
    _name(axes, [one.method for one in strengths], label)
    return svg.render(figure, title)


def _axes(rows: int, extra: float = 0.0) -> tuple[Figure, Axes]:
  figure = Figure(figsize=(7.2, 0.9 + extra + 0.36 * rows), layout='constrained')
  return figure, figure.add_subplot()


def _box(axes: Axes, y: int, values: np.ndarray) -> None:
  # Matplotlib's own has changed its arguments between the releases that jsr runs with.
  low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
  reach = 1.5 * (high - low)
  near = values[(values >= low - reach) & (values <= high + reach)]
  beyond = values[(values < low - reach) | (values > high + reach)]
  axes.barh(
    y, high - low, left=low, height=0.5, color=PALETTE[0], alpha=0.35, edgecolor=INK
  )
  # Quantiles lie between raters: the last one near may be within the box.
  ends = min(near.min(), low), max(near.max(), high)
  for start, end in zip(ends, (low, high), strict=True):
    axes.plot([start, end], [y, y], color=INK, linewidth=1.2)
  for end in ends:
    axes.plot([end, end], [y - 0.12, y + 0.12], color=INK, linewidth=1.2)
  axes.plot([middle, middle], [y - 0.25, y + 0.25], color=INK, linewidth=2)
  axes.plot(beyond, [y] * len(beyond), 'o', color=INK, markersize=3)


def _estimate(axes: Axes, y: int, value: float, low: float, high: float) -> None:
  if math.isnan(value):
    return
  if not math.isnan(low):
    axes.plot([low, high], [y, y], color=PALETTE[1], linewidth=2.4, zorder=4)
  axes.plot([value], [y], 'D', color=PALETTE[1], markersize=5, zorder=5)


def _name(axes: Axes, names: Sequence[str], label: str) -> None:
  axes.grid(axis='x', color=INK, alpha=0.25, linewidth=0.6)
  axes.set_axisbelow(True)
  axes.tick_params(length=0)
  axes.spines['bottom'].set_alpha(0.5)
  axes.set_yticks(range(len(names)), names)
  for text in axes.get_yticklabels():
    text.set_parse_math(False)
  axes.set_ylim(len(names) - 0.5, -0.5)
  axes.set_xlabel(label)
