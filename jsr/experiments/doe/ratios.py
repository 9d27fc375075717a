"""Signal-to-noise ratios: the values of a run as one number, the larger the better."""

import math
from collections.abc import Sequence

import numpy as np

from jsr.errors import UserError, unknown

KINDS = {
  'larger': 'the larger the better: -10 log10 mean(1 / y^2)',
  'smaller': 'the smaller the better: -10 log10 mean(y^2)',
  'nominal': 'the steadier the better: 10 log10(mean^2 / variance)',
  'omega': 'a share, the larger the better: 10 log10(p / (1 - p))',
}


def check(kind: str) -> None:
  """Raises UserError for a kind that there is not."""
  if kind not in KINDS:
    raise unknown('kind of response', kind, KINDS)


def parse(texts: Sequence[str]) -> list[tuple[str, str]]:
  """Reads 'NAME:KIND', such as 'loss:smaller'.

  Returns:
    (name, kind) of each.

  Raises:
    UserError: There is none, or it is not that.
  """
  if not texts:
    raise UserError('name what to look at, as in --response loss:smaller')
  found = []
  for text in texts:
    name, _, kind = text.rpartition(':')
    if not name:
      raise UserError(
        f"--response '{text}' must be NAME:KIND, with a kind of {', '.join(KINDS)}"
      )
    check(kind)
    found.append((name, kind))
  return found


def sn(
  values: Sequence[float], kind: str, response: str = 'y', run: str = '?'
) -> float:
  """Returns the S/N of a run.

  Args:
    values: Its replicates, finite.
    kind: One of KINDS.
    response: Its name, for messages.
    run: The run's name, for messages.

  Returns:
    In dB.

  Raises:
    UserError: Values that have no such ratio.
  """
  check(kind)
  y = np.asarray(values, np.float64)
  of = f"'{response}' of run {run}"
  if kind == 'larger':
    if (y <= 0).any():
      raise UserError(f"{of} is not above 0, which the kind 'larger' needs")
    return float(-10 * np.log10(np.mean(y**-2.0)))
  if kind == 'smaller':
    if not y.any():
      raise UserError(f"{of} is 0, which has no ratio of the kind 'smaller'")
    return float(-10 * np.log10(np.mean(y**2)))
  if kind == 'omega':
    p = float(y.mean())
    if not 0 < p < 1 or (y < 0).any() or (y > 1).any():
      raise UserError(f"{of} is no share between 0 and 1, which 'omega' needs")
    return 10 * math.log10(p / (1 - p))
  if len(y) < 2 or y.std() == 0 or y.mean() == 0:
    raise UserError(
      f"{of} has no two different values around a mean, which 'nominal' needs"
    )
  return float(10 * np.log10(y.mean() ** 2 / y.var(ddof=1)))


def value(ratio: float, kind: str) -> float | None:
  """Returns the value that has an S/N; None for 'nominal', which fixes none.

  Args:
    ratio: In dB.
    kind: One of KINDS.
  """
  if kind == 'larger':
    return 10 ** (ratio / 20)
  if kind == 'smaller':
    return 10 ** (-ratio / 20)
  if kind == 'omega':
    return 1 / (1 + 10 ** (-ratio / 10))
  return None


def warnings(
  response: str,
  kind: str,
  values: Sequence[Sequence[float]],
  predicted: float | None,
) -> list[str]:
  """Says where the ratio does not suit the values.

  Args:
    response: Its name.
    kind: One of KINDS.
    values: Of each run.
    predicted: The value at the best levels.
  """
  said = []
  flat = [x for v in values for x in v]
  share = min(flat) >= 0 and max(flat) <= 1
  if kind == 'larger' and share and predicted is not None and predicted > 1:
    said.append(
      f'{response} looks like a share, and {predicted:.4g} is predicted, more than 1:'
      f' decibels know no upper end. --response {response}:omega does.'
    )
  if min(len(v) for v in values) < 2:
    said.append(
      f'A run has one value of {response}: its S/N has no noise in it; repeat runs with'
      ' other seeds.'
    )
  return said
