"""The sentences of the study `content`, by its config and its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jsr.experiments.studies.content import measures
from jsr.experiments.studies.content.measures import Measured
from jsr.experiments.studies.content.variants import VARIANTS

START, BICUBIC = 'start', 'bicubic'
TITLES = {START: 'the start, untouched', BICUBIC: 'bicubic'}
# Levels of a pattern that an eye sees on a flat area, roughly.
_VISIBLE = 1.0


def title(name: str) -> str:
  """The name of a row."""
  return TITLES[name] if name in TITLES else VARIANTS[name].title


def of_sets(c: Any, names: Sequence[str]) -> str:
  """'Set5, Set14 and the first 5 pictures of BSD100'."""
  limits = dict(zip(c.sets, c.limits, strict=True))
  told = [
    f'the first {limits[name]} pictures of {name}' if limits[name] else name
    for name in names
  ]
  return f'{", ".join(told[:-1])} and {told[-1]}' if len(told) > 1 else told[0]


def question() -> list[str]:
  """What the document says, and what is asked."""
  return [
    "Report 002 presents SRGAN and prints the paper's table of five variants: content"
    ' loss by MSE or in features of VGG19 (VGG22, VGG54), without a discriminator'
    ' (SRResNet) and with one (SRGAN). SRResNet-MSE has the highest PSNR and the lowest'
    ' marks of people (MOS), all others less of the one and more of the other; among'
    ' those the orders of Set5 and Set14 differ. Is that so when all are trained alike'
    ' from one network, and is it a trade, more of one for less of the other?',
    'Complete VGG19 weights are not at hand, so there is no VGG54. In its place stands'
    ' the deepest layer of the public part of VGG19, relu3_1 (normalised: each filter'
    ' scaled to mean activation 1), as SRGAN-VGG31; VGG22 is the real relu2_2 of the'
    ' same file. SqueezeNet 1.1 (Caffe) judges: of the five above, none has its'
    ' features in a loss.',
  ]


def setup(c: Any) -> list[str]:
  """How it was measured."""
  d = c.discriminator
  seeds = f'{c.seeds} {"seed" if c.seeds == 1 else "seeds"}'
  return [
    'All variants start from one published SRResNet of 8 blocks (others trained it)'
    f' and take {c.steps} steps of {c.batch_size} patches of {c.patch_size} ×'
    f' {c.patch_size} pixels, in one order, with Adam from {c.learning_rate:g} after'
    f' {c.warmup} steps of warm-up down to 0 by a cosine, {seeds}. SRResNet-MSE is'
    ' trained further as well: what the short training itself does is in its row.'
    f' Training pictures: DATA/{c.source} (BSDS500 train and test, 91 images, DIV2K'
    ' test LR), none of which is in the sets.',
    f'The discriminator is small: {d.depth} convolutions from {d.features} maps, mean'
    f' over space, {d.hidden} units, no batch norm (each batch of a kind would be'
    ' normalised by itself, which hides how much detail it has), Adam at'
    f' {d.learning_rate:g}. The game is the vanilla one with weight 1e-3, as in the'
    ' paper. Its rate was chosen on training pictures.',
    f'Measured on {of_sets(c, c.sets)} by protocol srgan: LR of the SelfExSR'
    ' distribution, Y rounded, 4 pixels cut. Intervals are 95 %, of the mean of'
    ' differences paired by picture, each picture the mean over seeds; a verdict also'
    ' needs every seed on the same side.',
    'What differs from the paper: 8 blocks in place of 16, a start that others'
    ' trained and a few steps in place of 1e6 and 2e5, small patches, a small'
    ' discriminator, no VGG54.',
  ]


def remarks(
  c: Any,
  rows: Mapping[str, Sequence[Measured]],
  shares: Mapping[str, Sequence[float | None]],
) -> list[str]:
  """What the figures do not show."""
  start = measures.mean(rows[START], 'psnr_y')
  own = measures.mean(rows[c.variants[0]], 'psnr_y')
  said = [
    f'Training further by MSE changes PSNR by {own - start:+.2f} dB over all pictures:'
    ' so much is due to the short training itself, and what the other variants lose'
    ' beyond it to their loss.'.replace('-', '−')
  ]
  grids = {name: measures.mean(rows[name], measures.GRID) for name in c.variants}
  if marked := [name for name, value in grids.items() if value > _VISIBLE]:
    told = ', '.join(
      f'{title(name)} {grids[name]:.1f} ({_part_of_error(rows, c.variants[0], name)})'
      for name in marked
    )
    said.append(
      'A fine pattern that repeats every 4 pixels lies over some pictures, in levels:'
      f' {told}; the start has {measures.mean(rows[START], measures.GRID):.1f}. In'
      ' brackets its part in what the squared error on Y grows by, against'
      f' {title(c.variants[0])}. These variants have no loss in pixels, and in so few'
      ' steps nothing has taken the pattern away again: NIQE judges it, too, and not'
      ' the choice of features alone.'
    )
  games = {
    name: [x for x in shares[name] if x is not None]
    for name in c.variants
    if VARIANTS[name].adversarial
  }
  if told := ', '.join(
    f'{title(name)} {100 * sum(x) / len(x):.0f} %' for name, x in games.items() if x
  ):
    said.append(
      'How much the discriminator had to say at the end, as its share of the loss:'
      f' {told}. It starts from nothing and learns within the same {c.steps} steps.'
    )
  if c.seeds == 1:
    said.append(
      'There is one training of each variant: the intervals are over pictures, and do'
      ' not know how another seed would turn out.'
    )
  return [
    *said,
    'No figure here is a mark of a person. NIQE and the distance stand for looks and'
    ' disagree at times; `jsr study` asks people.',
    'Verdicts hold for these few steps. A GAN of 2e5 steps has moved much farther from'
    ' its start, and VGG54 may do what relu3_1 cannot.',
  ]


def _part_of_error(
  rows: Mapping[str, Sequence[Measured]], first: str, name: str
) -> str:
  """How much of the growth of the squared error is the grid, such as '25 %'."""
  errors = [
    np.mean(255**2 / 10 ** (measures.pictures(rows[x], 'psnr_y') / 10))
    for x in (first, name)
  ]
  grid = np.mean(measures.pictures(rows[name], measures.GRID) ** 2)
  growth = errors[1] - errors[0]
  return f'{100 * grid / growth:.0f} %' if growth > 0 else 'it grows by nothing'
