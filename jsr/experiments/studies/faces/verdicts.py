"""What the figures of verification say to report 002's claims."""

from ml_collections import ConfigDict

from jsr.experiments.findings import CONFIRMED, NOT_CONFIRMED, UNDECIDABLE, Claim
from jsr.experiments.intervals import Interval
from jsr.experiments.studies.faces.embeddings import BICUBIC, Condition
from jsr.experiments.studies.faces.scores import FIGURES, Scores

# The report's table: FaceNet, 6,000 pairs of LFW; per cent without and with SRGAN.
REPORT_002 = {
  20: (93.5, 92.217),
  30: (97.467, 97.867),
  40: (98.7, 99.1),
  50: (99.167, 99.45),
  60: (99.517, 99.567),
}
# From this side on the report's SRGAN helps; below it hurts.
HELPS_FROM = 30
_ORDER = ('first', 'second', 'third')
NAMES = {'accuracy': 'accuracy', 'eer': 'equal error rate', 'auc': 'area under the ROC'}


def percent(interval: Interval, digits: int = 2) -> str:
  """An interval of shares in per cent."""
  # No minus before what is rounded to 0.
  mean, low, high = (round(100 * x, digits) + 0.0 for x in interval[:3])
  return interval._replace(mean=mean, low=low, high=high).text(digits)


def decided(scores: Scores, size: int, method: str) -> tuple[str, Interval]:
  """The first figure in which a method differs from bicubic at a size, and its gain.

  Returns:
    The figure and the gain, positive where the method is better; ('', gain in accuracy)
    where no interval excludes 0.
  """
  a, b = Condition(method, size), Condition(BICUBIC, size)
  gains = {figure: scores.gain(a, b, figure) for figure in FIGURES}
  for figure, gain in gains.items():
    if gain.excludes(0):
      return figure, gain
  return '', gains['accuracy']


def _gain_text(figure: str, gain: Interval) -> str:
  digits = 2 if figure != 'auc' else 3
  return f'{NAMES[figure]} better by {percent(gain, digits)} points'


def at(scores: Scores, size: int, method: str) -> tuple[int, str]:
  """Whether a method helps (1), hurts (-1) or neither at a size, and a sentence.

  The sentence says which look has decided: intervals of 95 % are not corrected for
  there being several.
  """
  figure, gain = decided(scores, size, method)
  if figure:
    sign = 1 if gain.mean > 0 else -1
    word = 'helps' if sign > 0 else 'hurts'
    look = _ORDER[list(FIGURES).index(figure)]
    told = (
      f'{_gain_text(figure, gain)}, the {look} of three figures looked at, not'
      f' corrected for, over {scores.people:,} people'
    )
    if figure != 'accuracy':
      a, b = Condition(method, size), Condition(BICUBIC, size)
      accuracy = percent(scores.gain(a, b, 'accuracy'))
      told += f'; accuracy, which the claim is about, changes by {accuracy} points'
    return sign, f'at {size} it {word} ({told})'
  told = percent(gain)
  return 0, f'at {size} undecided (accuracy changes by {told} points)'


def claims(c: ConfigDict, scores: Scores) -> list[Claim]:
  """Returns the report's three claims with their verdicts."""
  small = [n for n in c.sizes if n < HELPS_FROM]
  large = [n for n in c.sizes if n >= HELPS_FROM]
  result = []
  for sizes, wanted, text in (
    (small, -1, 'SRGAN x4 hurts verification at 20 x 20 pixels (93.5 to 92.2 %).'),
    (large, 1, 'SRGAN x4 helps from 30 x 30 pixels up (97.5 to 97.9 % at 30).'),
  ):
    found = [at(scores, n, c.claimed) for n in sizes]
    signs = [sign for sign, _ in found]
    reason = f'{c.claimed}: ' + '; '.join(text for _, text in found) + '.'
    reason += _nearer(c, scores, sizes)
    if not found:
      result.append(Claim(text, UNDECIDABLE, 'No such size was measured.'))
    elif all(sign == wanted for sign in signs):
      result.append(Claim(text, CONFIRMED, reason))
    elif -wanted in signs:
      result.append(Claim(text, NOT_CONFIRMED, reason))
    else:
      result.append(Claim(text, UNDECIDABLE, reason))
  result.append(_shrinks(c, scores, large))
  return result


def _nearer(c: ConfigDict, scores: Scores, sizes: list[int]) -> str:
  """What the cosine says beside the figures that decide."""
  gains = [
    scores.gain(Condition(c.claimed, n), Condition(BICUBIC, n), 'cosine') for n in sizes
  ]
  told = ', '.join(
    f'{gain.text(3)} at {n}' for n, gain in zip(sizes, gains, strict=True)
  )
  return f' The cosine to the embeddings of HR changes by {told}.'


def _shrinks(c: ConfigDict, scores: Scores, sizes: list[int]) -> Claim:
  text = 'From 30 pixels up, the gain shrinks as faces grow.'
  if len(sizes) < 2:
    return Claim(text, UNDECIDABLE, 'Fewer than two such sizes were measured.')
  first, last = sizes[0], sizes[-1]
  told = []
  for figure, sign in FIGURES.items():
    values, samples = [], []
    for n in (first, last):
      a, b = (scores.of[Condition(m, n)] for m in (c.claimed, BICUBIC))
      values.append(sign * (a.values[figure] - b.values[figure]))
      samples.append(sign * (a.samples[figure] - b.samples[figure]))
    less = scores.around(values[0] - values[1], samples[0] - samples[1])
    gains = [f'{round(100 * value, 2) + 0.0:.2f}' for value in values]
    said = (
      f'gain in {NAMES[figure]} {gains[0]} points at {first}, {gains[1]} at {last},'
      f' less by {percent(less)}'
    )
    told.append(said)
    if not less.excludes(0):
      continue
    # A gain that was never one cannot shrink.
    if less.mean > 0 and values[0] > 0:
      return Claim(text, CONFIRMED, f'{c.claimed}: {said}.')
    return Claim(text, NOT_CONFIRMED, f'{c.claimed}: {said}.')
  cosine = _nearer(c, scores, [first, last])
  return Claim(text, UNDECIDABLE, f'{c.claimed}: {"; ".join(told)}.{cosine}')
