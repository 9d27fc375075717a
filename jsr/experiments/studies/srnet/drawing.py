"""The plots: PSNR of the systems, and of pictures under impulse noise."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from jsr.evaluate import plots, svg
from jsr.experiments.studies.srnet import impulse

SYSTEMS = 'PSNR of each seed on each set, and of bicubic'
NOISE = 'PSNR of photographs under impulse noise, by the share of pixels hit'


def systems(
  scores: Mapping[str, Mapping[str, Sequence[float]]],
  bicubic: Mapping[str, float],
  titles: Mapping[str, str],
) -> str:
  """Draws a row a system and set, a dot a seed, and bicubic as a line.

  Args:
    scores: {set: {system: PSNR Y of each seed}}, dB.
    bicubic: {set: PSNR Y}, dB.
    titles: Of the systems.

  Returns:
    An `<svg>` element.
  """
  with svg.style():
    figure = Figure(figsize=(7.2, 2.4), layout='constrained')
    panels = figure.subplots(1, len(scores), squeeze=False, sharey=True)[0]
    for axes, (name, rows) in zip(panels, scores.items(), strict=True):
      for i, values in enumerate(rows.values()):
        axes.plot(
          values,
          [i] * len(values),
          linestyle='none',
          marker=plots.MARKERS[i % len(plots.MARKERS)],
          color=plots.PALETTE[i % len(plots.PALETTE)],
          markersize=6,
          alpha=0.8,
        )
      axes.axvline(bicubic[name], color=svg.INK, linestyle=(0, (4, 3)), linewidth=1.1)
      axes.set_yticks(range(len(rows)), [titles[system] for system in rows])
      axes.set_ylim(len(rows) - 0.5, -0.5)
      axes.margins(x=0.1)
      axes.grid(axis='x', color=svg.INK, alpha=0.25, linewidth=0.6)
      axes.set_axisbelow(True)
      axes.tick_params(length=0)
      axes.set_title(f'{name}, dashed: bicubic', fontsize=9, loc='left')
      axes.set_xlabel('PSNR Y (dB)')
    return svg.render(figure, SYSTEMS)


def noise(looked: Sequence[impulse.Noisy], hits: Sequence[float]) -> str:
  """Draws the formula as lines and the measurements as dots; SVG text."""
  with svg.style():
    figure = Figure(figsize=(7.2, 3.4), layout='constrained')
    axes = figure.add_subplot()
    for i, one in enumerate(looked):
      colour = plots.PALETTE[i % len(plots.PALETTE)]
      axes.plot(hits, one.expected, color=colour, linewidth=1.2)
      axes.plot(
        hits,
        one.measured,
        color=colour,
        linestyle='none',
        marker=plots.MARKERS[i % len(plots.MARKERS)],
        markersize=5,
        label=one.name,
      )
    printed = float(impulse.PRINTED)
    axes.axhline(printed, color=svg.INK, linestyle=(0, (4, 3)), linewidth=1.1)
    axes.annotate(
      f'report 000: {printed:.2f} dB',
      (0, printed),
      (4, 3),
      xycoords=('axes fraction', 'data'),
      textcoords='offset points',
    )
    axes.set_xscale('log')
    axes.set_xticks(list(hits))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_minor_formatter(lambda *_: '')
    axes.grid(axis='y', color=svg.INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, which='both')
    axes.set_xlabel('pixels hit, half of them black and half white')
    axes.set_ylabel('PSNR RGB (dB)')
    axes.legend(
      loc='lower left',
      bbox_to_anchor=(0, 1),
      ncols=max(1, len(looked)),
      frameon=False,
      borderaxespad=0.2,
    )
    return svg.render(figure, NOISE)
