"""Intervals for means over a few seeds, and over pictures."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class Interval(NamedTuple):
  """A mean and its 95 % interval; NaN ends where there is one value.

  Attributes:
    mean: Of the values.
    low: Lower end.
    high: Upper end.
    n: How many values.
  """

  mean: float
  low: float
  high: float
  n: int

  def text(self, digits: int = 2) -> str:
    """Such as '31.50 [31.42, 31.58]'; the mean alone where there is one value."""
    if self.n < 2:
      return f'{self.mean:.{digits}f}'
    return f'{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]'

  def excludes(self, value: float) -> bool:
    """Whether the value lies outside; never with one value, which has no interval."""
    return bool(value < self.low or value > self.high)


def of_mean(values: Sequence[float]) -> Interval:
  """The interval of Student's t for the mean of independent values, such as seeds."""
  x = np.asarray(values, np.float64)
  if x.ndim != 1 or not x.size:
    raise ValueError(f'values of shape {x.shape}, expected (n,) with n from 1')
  mean = float(x.mean())
  if x.size == 1:
    return Interval(mean, float('nan'), float('nan'), 1)
  half = stats.t.ppf(0.5 + CONFIDENCE / 2, x.size - 1) * x.std(ddof=1) / x.size**0.5
  return Interval(mean, mean - float(half), mean + float(half), x.size)


def of_difference(a: Sequence[float], b: Sequence[float]) -> Interval:
  """The interval of the mean of a - b, paired: the same seeds, or the same pictures."""
  return of_mean(np.subtract(a, b).tolist())


def bootstrap(
  values: Sequence[float], *, seed: int = 0, draws: int = 10_000
) -> Interval:
  """The percentile interval of the mean, by drawing values with replacement."""
  x = np.asarray(values, np.float64)
  mean = float(x.mean())
  if x.size < 2:
    return Interval(mean, float('nan'), float('nan'), x.size)
  rng = np.random.default_rng(seed)
  means = x[rng.integers(0, x.size, (draws, x.size))].mean(1)
  low, high = np.quantile(means, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
  return Interval(mean, float(low), float(high), x.size)
