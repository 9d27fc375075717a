"""What report 002 says of the five losses, and what the figures say to it."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jsr.experiments import findings, intervals
from jsr.experiments.findings import Claim, Verdict
from jsr.experiments.studies.content import measures
from jsr.experiments.studies.content.measures import Measured
from jsr.experiments.studies.content.variants import VARIANTS

Rows = Mapping[str, Sequence[Measured]]
# The rows of the paper's table by PSNR on Set5, the highest first; the last with the
# deepest features of VGG19 at hand.
ORDER = ('srresnet-mse', 'srgan-mse', 'srresnet-vgg22', 'srgan-vgg22', 'srgan-vgg31')
# Smaller is better in both.
JUDGES = ('niqe', measures.DISTANCE)


class Difference(NamedTuple):
  """A difference of two variants.

  Attributes:
    interval: Of the mean over pictures; each is the mean over seeds.
    side: 1 where it is above 0 beyond the interval and with every seed, -1 where it is
      below likewise, else 0.
  """

  interval: intervals.Interval
  side: int


def difference(rows: Rows, a: str, b: str, key: str, set_name: str = '') -> Difference:
  """How far a lies above b in a measure, paired by picture."""
  found = intervals.of_difference(
    *(measures.pictures(rows[x], key, set_name).tolist() for x in (a, b))
  )
  seeds = [
    np.mean(measures.of_run(one, key, set_name))
    - np.mean(measures.of_run(other, key, set_name))
    for one, other in zip(rows[a], rows[b], strict=True)
  ]
  side = 0
  if found.excludes(0) and all(np.sign(x) == np.sign(found.mean) for x in seeds):
    side = int(np.sign(found.mean))
  return Difference(found, side)


def verdict(sides: Sequence[int], *, may_contradict: bool = False) -> Verdict:
  """Judges by the sides on which differences lie, 1 being what the claim says.

  Args:
    sides: At least one.
    may_contradict: The figures stand for one thing in different ways: where some say
      yes and others no, nothing is decided.
  """
  if all(side == 1 for side in sides):
    return findings.CONFIRMED
  if -1 in sides and not (may_contradict and 1 in sides):
    return findings.NOT_CONFIRMED
  return findings.UNDECIDABLE


def of_psnr(
  rows: Rows, text: str, pairs: Sequence[tuple[str, str]], set_name: str = ''
) -> Claim:
  """The claim that the first of each pair has the higher PSNR."""
  found = [difference(rows, a, b, 'psnr_y', set_name) for a, b in pairs]
  told = '; '.join(
    f'{_title(a)} − {_title(b)} {signed(d.interval, 2)} dB'
    for (a, b), d in zip(pairs, found, strict=True)
  )
  if min(len(runs) for runs in rows.values()) < 2:
    return Claim(text, findings.UNDECIDABLE, f'{told}; one training each')
  return Claim(text, verdict([d.side for d in found]), told)


def of_looks(rows: Rows, text: str, pairs: Sequence[tuple[str, str]]) -> Claim:
  """The claim that the first of each pair looks better, by `JUDGES`."""
  sides, told = [], []
  for a, b in pairs:
    parts = []
    for key in JUDGES:
      d = difference(rows, a, b, key)
      sides.append(-d.side)
      parts.append(f'{measures.TITLES[key]} {signed(d.interval, measures.DIGITS[key])}')
    told.append(f'{_title(a)} − {_title(b)}: {", ".join(parts)}')
  if min(len(runs) for runs in rows.values()) < 2:
    return Claim(text, findings.UNDECIDABLE, '; '.join([*told, 'one training each']))
  return Claim(text, verdict(sides, may_contradict=True), '; '.join(told))


def of_interpolation(
  between: Sequence[tuple[float, Measured]], first: str, last: str
) -> Claim:
  """The claim that along the way between two networks looks are bought with PSNR."""
  ends = {'first': [between[0][1]], 'last': [between[-1][1]]}
  psnr = difference(ends, 'first', 'last', 'psnr_y')
  looks = {key: difference(ends, 'first', 'last', key) for key in JUDGES}
  sides = [d.side for d in looks.values()]
  answer = verdict(sides, may_contradict=True)
  if psnr.side != 1:
    answer = findings.NOT_CONFIRMED if psnr.side == -1 else findings.UNDECIDABLE
  end = ''
  if psnr.side == 1 and set(sides) == {-1}:
    end = '; PSNR is paid and nothing bought: the far end looks worse by both figures'
  told = ', '.join(
    f'{measures.TITLES[key]} {signed(flip(d.interval), measures.DIGITS[key])}'
    f' ({_falls(between, key)})'
    for key, d in looks.items()
  )
  return Claim(
    'Between a network trained for fidelity and one trained with a GAN, looks are'
    ' bought with distortion (network interpolation, Wang et al., 2018; report 002 has'
    ' none).',
    answer,
    f'From {_title(first)} (α 0) to {_title(last)} (α {between[-1][0]:g}): PSNR'
    f' {signed(flip(psnr.interval), 2)} dB ({_falls(between, "psnr_y")}), {told}{end}',
  )


def make(
  rows: Rows, between: Sequence[tuple[float, Measured]], first: str, last: str
) -> list[Claim]:
  """Returns the claims that the trained variants can be asked about."""
  have = [name for name in ORDER if name in rows]
  rest = [name for name in have if name != first]
  claims = [
    of_psnr(
      rows,
      'SRResNet-MSE has the highest PSNR of the five (32.05 dB on Set5, 28.49 on'
      ' Set14).',
      [(first, name) for name in rest],
    )
  ]
  games = [
    (f'srgan-{loss}', f'srresnet-{loss}')
    for loss in ('mse', 'vgg22')
    if {f'srgan-{loss}', f'srresnet-{loss}'} <= {*rows}
  ]
  if games:
    claims.append(
      of_psnr(
        rows,
        'With either content loss, the discriminator lowers PSNR.',
        [(b, a) for a, b in games],
      )
    )
  if len(have) > 2:
    claims.append(
      of_psnr(
        rows,
        'The order of PSNR on Set5 is '
        + ' > '.join(VARIANTS[name].printed or 'SRGAN-VGG54' for name in have)
        + '.',
        list(itertools.pairwise(have)),
        'Set5',
      )
    )
  if games:
    claims.append(
      of_looks(rows, 'The adversarial loss makes pictures look better.', games)
    )
  deeper = [(a, b) for b, a in itertools.pairwise(have) if _deeper(a, b)]
  if 'srgan-mse' in rows and 'srgan-vgg22' in rows:
    deeper.insert(0, ('srgan-vgg22', 'srgan-mse'))
  if deeper:
    claims.append(
      of_looks(
        rows,
        'Of the GANs, those with deeper features look better (MOS on Set14; on Set5 the'
        ' deepest falls back).',
        deeper,
      )
    )
  claims.append(of_interpolation(between, first, last))
  return claims


def signed(interval: intervals.Interval, digits: int) -> str:
  """As `Interval.text`, with signs."""
  ends = ''
  if interval.n > 1:
    ends = f' [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]'
  return f'{interval.mean:+.{digits}f}{ends}'.replace('-', '−')


def flip(interval: intervals.Interval) -> intervals.Interval:
  """The interval of b - a from that of a - b."""
  return intervals.Interval(-interval.mean, -interval.high, -interval.low, interval.n)


def _falls(between: Sequence[tuple[float, Measured]], key: str) -> str:
  values = [measures.mean([run], key) for _, run in between]
  down = sum(b < a for a, b in itertools.pairwise(values))
  return f'lower at {down} of {len(values) - 1} steps'


def _deeper(a: str, b: str) -> bool:
  return (a, b) == ('srgan-vgg31', 'srgan-vgg22')


def _title(name: str) -> str:
  return VARIANTS[name].title
