"""The plot of report 001's section 1.4.3, as ratios: does the swing grow?"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jsr.evaluate import plots, svg
from jsr.experiments import stability
from jsr.experiments.studies.rrim import curves


def swings(
  looked: Mapping[str, Sequence[curves.Looked]],
  titles: Mapping[str, str],
  asked: stability.Rule,
) -> str:
  """Draws the rolling deviation over its usual one: a line a variant, a band of seeds.

  Args:
    looked: Trainings of each variant.
    titles: Of the variants.
    asked: The rule.

  Returns:
    An `<svg>` element.
  """
  with svg.style():
    figure = Figure(figsize=(7.2, 5.2), layout='constrained')
    panels = figure.subplots(len(curves.LOSSES), 1, sharex=True)
    for axes, (key, name) in zip(panels, curves.LOSSES.items(), strict=True):
      axes.axvspan(*asked.base, color=svg.INK, alpha=0.12, linewidth=0)
      axes.axhline(asked.ratio, color=svg.INK, linestyle=(0, (4, 3)), linewidth=1.1)
      for i, (variant, each) in enumerate(looked.items()):
        got = curves.band(each, key)
        colour = plots.PALETTE[i % len(plots.PALETTE)]
        axes.fill_between(
          got['step'], got['low'], got['high'], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(
          got['step'],
          got['middle'],
          color=colour,
          linestyle=plots.DASHES[i % len(plots.DASHES)],
          linewidth=1.6,
          label=titles[variant],
        )
      axes.set_yscale('log')
      limits = axes.get_ylim()
      axes.set_yticks([0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100])
      axes.set_ylim(limits)
      axes.yaxis.set_major_formatter(lambda x, _: f'{x:g}')
      axes.yaxis.set_minor_formatter(lambda *_: '')
      axes.grid(axis='y', color=svg.INK, alpha=0.25, linewidth=0.6)
      axes.set_axisbelow(True)
      axes.tick_params(length=0, which='both')
      axes.set_ylabel(f"swing of the {name}'s loss,\nover its usual one")
      axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panels[-1].set_xlabel('step against the discriminator')
    panels[0].legend(
      loc='lower left', bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2
    )
    return svg.render(figure, title(asked))


def title(asked: stability.Rule) -> str:
  """What the plot shows, in words."""
  return (
    f'Rolling standard deviation ({asked.window} steps) of both losses, over that of'
    f' steps {asked.base[0]} to {asked.base[1]}'
  )
