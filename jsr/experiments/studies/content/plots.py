"""Looks over fidelity: the variants, and the way between two of them."""

from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jsr.evaluate import plots, svg
from jsr.experiments.studies.content import measures
from jsr.experiments.studies.content.measures import Measured
from jsr.experiments.studies.content.variants import VARIANTS

PANELS = ('niqe', measures.DISTANCE)


def tradeoff(
  rows: Mapping[str, Sequence[Measured]],
  between: Sequence[tuple[float, Measured]],
  names: Sequence[str],
  last: str,
) -> str:
  """Draws both figures of looks over PSNR; SVG text.

  Args:
    rows: Of every variant, on the sets of `between`.
    between: (alpha, measured), from 0 to 1.
    names: Variants, in the order of the legend; alpha is 0 at the first.
    last: The variant at alpha 1.
  """
  with svg.style():
    figure = Figure(figsize=(7.2, 3.9), layout='constrained')
    panels = figure.subplots(1, len(PANELS))
    handles: list[Artist] = []
    for axes, key in zip(panels, PANELS, strict=True):
      handles = _panel(axes, key, rows, between, names)
    titles = [VARIANTS[name].title for name in names]
    line = f'α, {VARIANTS[names[0]].title} to {VARIANTS[last].title}'
    figure.legend(
      handles,
      [line, *titles],
      loc='outside upper left',
      ncols=3,
      frameon=False,
      handletextpad=0.4,
      columnspacing=1.4,
    )
    return svg.render(figure, 'NIQE and the distance in SqueezeNet features over PSNR')


def _panel(
  axes: Axes,
  key: str,
  rows: Mapping[str, Sequence[Measured]],
  between: Sequence[tuple[float, Measured]],
  names: Sequence[str],
) -> list[Artist]:
  x = [measures.mean([run], 'psnr_y') for _, run in between]
  y = [measures.mean([run], key) for _, run in between]
  handles: list[Artist] = [
    *axes.plot(x, y, color=svg.INK, marker='.', markersize=6, linewidth=1.2)
  ]
  for (alpha, _), px, py in zip(between, x, y, strict=True):
    if 0 < alpha < 1:
      axes.annotate(
        f'{alpha:g}',
        (px, py),
        (-4, -9),
        textcoords='offset points',
        fontsize=7,
        ha='right',
      )
  for i, name in enumerate(names):
    handles += axes.plot(
      measures.mean(rows[name], 'psnr_y'),
      measures.mean(rows[name], key),
      linestyle='none',
      marker=plots.MARKERS[i % len(plots.MARKERS)],
      markersize=max(10 - i, 6),  # Where two meet, both are seen.
      color=plots.PALETTE[i % len(plots.PALETTE)],
    )
  axes.grid(color=svg.INK, alpha=0.25, linewidth=0.6)
  axes.set_axisbelow(True)
  axes.tick_params(length=0)
  axes.margins(0.1)
  axes.set_xlabel(measures.TITLES['psnr_y'])
  axes.set_ylabel(f'{measures.TITLES[key]} (lower is better)')
  return handles
