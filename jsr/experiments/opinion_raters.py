"""How raters agree: with themselves on pictures seen twice, and with the others."""

import dataclasses
import math

import numpy as np
from scipy import stats

from jsr.experiments import opinion


@dataclasses.dataclass(frozen=True)
class Consistency:
  """How raters agree with themselves, on pictures they saw twice.

  Attributes:
    n: Pictures rated twice, of all raters.
    difference: Mean absolute difference of the two ratings.
    shift: Mean of second less first.
    exact: Share of equal ratings.
    within_one: Share that differs by at most 1.
    kappa: Cohen's kappa with quadratic weights; NaN where all ratings are one number.
    p_shift: Of a two-sided signed-rank test that second ratings are like first ones,
      raters as pairs.
  """

  n: int
  difference: float
  shift: float
  exact: float
  within_one: float
  kappa: float
  p_shift: float


def consistency(pairs: np.ndarray) -> Consistency:
  """Measures test-retest agreement.

  Args:
    pairs: (N, 3): rater, first rating, second rating of the same picture.

  Returns:
    See `Consistency`; NaN in all but `n` without pairs.
  """
  if not len(pairs):
    nan = math.nan
    return Consistency(0, nan, nan, nan, nan, nan, nan)
  raters, first, second = np.asarray(pairs, float).T
  change = second - first
  shifts = np.array([change[raters == r].mean() for r in np.unique(raters)])
  return Consistency(
    n=len(pairs),
    difference=float(np.abs(change).mean()),
    shift=float(change.mean()),
    exact=float((change == 0).mean()),
    within_one=float((np.abs(change) <= 1).mean()),
    kappa=kappa(first, second),
    p_shift=opinion.signed_rank(shifts),
  )


def kappa(first: np.ndarray, second: np.ndarray) -> float:
  """Computes Cohen's kappa with quadratic weights.

  1 is full agreement, 0 what chance gives. Source: Cohen, "Weighted kappa" (1968).

  Args:
    first: (N,) ratings.
    second: (N,) ratings.

  Returns:
    kappa; NaN where all ratings are the same number.
  """
  chance = ((first[:, None] - second[None, :]) ** 2).mean()
  if chance == 0:
    return math.nan
  return float(1 - ((first - second) ** 2).mean() / chance)


def agreement(scores: np.ndarray) -> np.ndarray:
  """Correlates each rater with the mean of the others, over all pictures: Spearman's.

  Args:
    scores: (R, I, M).

  Returns:
    (R,) in [-1, 1]; NaN for a rater with fewer than three pictures that others rated
    too, or who gave them all the same.
  """
  flat = scores.reshape(len(scores), scores[0].size if len(scores) else 0)
  known = ~np.isnan(flat)
  total, number = np.where(known, flat, 0).sum(0), known.sum(0)
  found = np.full(len(flat), math.nan)
  for r, (own, has) in enumerate(zip(flat, known, strict=True)):
    use = has & (number - has > 0)
    if use.sum() < 3:
      continue
    others = (total[use] - own[use]) / (number[use] - 1)
    # Sums in another order differ in the last bit, and ties would be broken.
    others = np.round(others, 9)
    if np.ptp(own[use]) > 0 and np.ptp(others) > 0:
      found[r] = stats.spearmanr(own[use], others).statistic
  return found
