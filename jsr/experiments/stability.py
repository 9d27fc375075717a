"""How far a training's losses swing, and whether that grows.

The statistics are a reading of "the swing of the losses gradually grows" (report 001,
section 1.4.3), which the report shows as a plot only: a rolling standard deviation,
over what it was early in the same training.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Rule:
  """What is called a growing swing.

  Attributes:
    window: Steps of the rolling standard deviation.
    base: (after, to): windows that lie within these steps give the usual deviation.
    ratio: How many times the usual one is too much ...
    length: ... when it lasts for so many steps.
  """

  window: int = 100
  base: tuple[int, int] = (200, 400)
  ratio: float = 3.0
  length: int = 100

  def __post_init__(self) -> None:
    after, to = self.base
    if self.window < 2 or self.length < 1 or after < 0 or to - after < self.window:
      raise ValueError(f'{self}: no window of 2 steps or more lies within the base')


@dataclasses.dataclass(frozen=True)
class Swing:
  """What became of one loss.

  Attributes:
    usual: Mean of the rolling standard deviation within the base.
    ratios: (steps,) the rolling standard deviation over it, at each window's last step;
      NaN before the first window's end, and where a window has fewer than two values.
    onset: First step of the first stretch in which the ratio was too large; None where
      there is none.
    largest: Of the ratios after the base; NaN where there is none.
    last: Mean of the ratios of the last `window` steps.
  """

  usual: float
  ratios: np.ndarray
  onset: int | None
  largest: float
  last: float


def rolling_deviation(values: Sequence[float] | np.ndarray, window: int) -> np.ndarray:
  """Returns the standard deviation of each value and those before it.

  Args:
    values: (n,), one a step; those that are not finite are left out.
    window: Values of each.

  Returns:
    (n,) population standard deviations at each window's last value, NaN for the first
    `window - 1` and where fewer than two values of a window are finite.
  """
  x = np.asarray(values, np.float64)
  result = np.full(x.shape, np.nan)
  if len(x) < window:
    return result
  views = np.lib.stride_tricks.sliding_window_view(x, window)
  finite = np.isfinite(views)
  count = finite.sum(-1)
  some = np.maximum(count, 1)
  mean = np.where(finite, views, 0).sum(-1) / some
  # Of differences, not of squares: a small swing about a large mean keeps its digits.
  off = np.where(finite, views - mean[:, None], 0)
  result[window - 1 :] = np.where(
    count > 1, np.sqrt(np.square(off).sum(-1) / some), np.nan
  )
  return result


def first_stretch(above: np.ndarray, length: int) -> int | None:
  """Returns where the first `length` True values in a row begin; None: nowhere."""
  run = 0
  for i, value in enumerate(above):
    run = run + 1 if value else 0
    if run == length:
      return i - length + 1
  return None


def swing(values: Sequence[float] | np.ndarray, rule: Rule) -> Swing:
  """Looks at a loss.

  Args:
    values: (steps,), that of step 1 first; skipped steps are NaN.
    rule: What is looked for.

  Raises:
    ValueError: The training is shorter than the base, or has no finite loss in it.
  """
  after, to = rule.base
  if len(values) < to:
    raise ValueError(f'{len(values)} steps, and the base ends at step {to}')
  deviations = rolling_deviation(values, rule.window)
  # Windows of steps after+1 .. to end at after+window .. to, counted from 1.
  within = deviations[after + rule.window - 1 : to]
  if not np.isfinite(within).any():
    raise ValueError(f'no two finite losses in a window of steps {after} to {to}')
  usual = float(np.nanmean(within))
  if usual == 0:
    raise ValueError(f'the loss did not move in steps {after} to {to}')
  ratios = deviations / usual
  with np.errstate(invalid='ignore'):
    above = ratios > rule.ratio
  above[:to] = False
  start = first_stretch(above, rule.length)
  later, end = ratios[to:], ratios[-rule.window :]
  return Swing(
    usual,
    ratios,
    None if start is None else start + 1,
    float(np.nanmax(later)) if np.isfinite(later).any() else float('nan'),
    float(np.nanmean(end)) if np.isfinite(end).any() else float('nan'),
  )
