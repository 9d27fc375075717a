"""Side-by-side choices: which of two methods people prefer, and how surely.

Contract: `wins` is (R, M, M) float: how often rater r preferred method a to method b,
`wins[r, a, b]`, over the images. The sample are the raters; `opinion.py` says why. So a
Wilson interval of all choices, which takes them for independent, is not used: intervals
resample raters, and in the test each rater has one vote.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from jsr.experiments import opinion

# Bradley-Terry is fitted anew for each draw.
RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Strength:
  """How a method stands among all.

  Attributes:
    method: Its name.
    n: Choices it was part of.
    rate: Share of them that it won; NaN without any.
    rate_low: Lower end of the 95 % interval; NaN with fewer than two raters.
    rate_high: Upper end.
    score: Bradley-Terry: the chance to win against another is the logistic function of
      the difference of their scores. The mean of all scores is 0.
    low: Lower end of its 95 % interval.
    high: Upper end.
  """

  method: str
  n: int
  rate: float
  rate_low: float
  rate_high: float
  score: float
  low: float
  high: float


@dataclasses.dataclass(frozen=True)
class Duel:
  """Two methods against each other.

  Attributes:
    a: The one.
    b: The other.
    n: Choices.
    rate: Share that preferred a; NaN without choices.
    low: Lower end of the 95 % interval; NaN with fewer than two raters.
    high: Upper end.
    for_a: Raters who preferred a more often than b.
    for_b: Raters who preferred b more often; those who are even have no vote.
    p: Two-sided exact binomial (sign) test of these votes; 1 without votes.
    p_holm: The same, corrected for the number of tests by Holm's rule.
    significant: Whether `p_holm` is below 0.05.
  """

  a: str
  b: str
  n: int
  rate: float
  low: float
  high: float
  for_a: int
  for_b: int
  p: float
  p_holm: float
  significant: bool


def strengths(
  wins: np.ndarray,
  methods: Sequence[str],
  *,
  seed: int = 0,
  resamples: int = RESAMPLES,
) -> list[Strength]:
  """Computes win rates and Bradley-Terry scores with intervals over raters.

  Args:
    wins: (R, M, M).
    methods: M names.
    seed: Of the draws.
    resamples: How many.

  Returns:
    One entry a method, in order.
  """
  won, lost = wins.sum(2), wins.sum(1)
  low, high = opinion.interval(won, won + lost, seed=seed)
  n = (won + lost).sum(0)
  scores = bradley_terry(wins.sum(0))
  ends = np.full((2, len(methods)), math.nan)
  if len(wins) > 1:
    weights = opinion.draws(len(wins), seed=seed, resamples=resamples)
    many = bradley_terry(np.einsum('br,rij->bij', weights, wins))
    tail = (1 - opinion.CONFIDENCE) / 2
    ends = np.quantile(many, [tail, 1 - tail], axis=0)
  return [
    Strength(
      method=method,
      n=int(n[m]),
      rate=float(won[:, m].sum() / n[m]) if n[m] else math.nan,
      rate_low=float(low[m]),
      rate_high=float(high[m]),
      score=float(scores[m]),
      low=float(ends[0, m]),
      high=float(ends[1, m]),
    )
    for m, method in enumerate(methods)
  ]


def duels(wins: np.ndarray, methods: Sequence[str], *, seed: int = 0) -> list[Duel]:
  """Compares each two methods.

  Args:
    wins: (R, M, M).
    methods: M names.
    seed: Of the draws of intervals.

  Returns:
    One entry for each two methods, in order.
  """
  pairs = [(a, b) for a in range(len(methods)) for b in range(a + 1, len(methods))]
  if not pairs:
    return []
  won = np.stack([wins[:, a, b] for a, b in pairs], 1)
  lost = np.stack([wins[:, b, a] for a, b in pairs], 1)
  low, high = opinion.interval(won, won + lost, seed=seed)
  n = (won + lost).sum(0)
  for_a, for_b = (won > lost).sum(0), (lost > won).sum(0)
  p = [
    float(stats.binomtest(int(x), int(x + y)).pvalue) if x + y else 1.0
    for x, y in zip(for_a, for_b, strict=True)
  ]
  return [
    Duel(
      a=methods[a],
      b=methods[b],
      n=int(n[k]),
      rate=float(won[:, k].sum() / n[k]) if n[k] else math.nan,
      low=float(low[k]),
      high=float(high[k]),
      for_a=int(for_a[k]),
      for_b=int(for_b[k]),
      p=p[k],
      p_holm=corrected,
      significant=corrected < opinion.ALPHA,
    )
    for k, ((a, b), corrected) in enumerate(zip(pairs, opinion.holm(p), strict=True))
  ]


def bradley_terry(
  wins: np.ndarray, *, steps: int = 1000, tolerance: float = 1e-9
) -> np.ndarray:
  """Fits Bradley-Terry scores by Hunter's minorise-maximise rule.

  Half a win is added to each side of each two methods: without it a method that wins
  always would be infinitely strong.

  Source: Hunter, "MM Algorithms for Generalized Bradley-Terry Models" (2004).

  Args:
    wins: (..., M, M): how often a was preferred to b.
    steps: At most.
    tolerance: Change of any score below which it is done.

  Returns:
    (..., M): logarithms of the strengths, of mean 0.
  """
  count = wins.shape[-1]
  apart = 1 - np.eye(count)
  wins = (wins + 0.5) * apart
  games = wins + np.swapaxes(wins, -1, -2)
  won = wins.sum(-1)
  score = np.zeros(wins.shape[:-1])
  if count < 2:
    return score
  for _ in range(steps):
    strength = np.exp(score)
    expected = (games / (strength[..., :, None] + strength[..., None, :])).sum(-1)
    new = np.log(won) - np.log(expected)
    new -= new.mean(-1, keepdims=True)
    change = np.abs(new - score).max()
    score = new
    if change < tolerance:
      break
  return score


def consistency(same: np.ndarray) -> dict[str, float]:
  """Measures how often raters chose the same method of two they saw twice.

  The second time the sides are swapped, so who presses one side only agrees never.

  Args:
    same: (N,) of True and False.

  Returns:
    'n' and 'exact', the share; NaN without repeats.
  """
  return {'n': len(same), 'exact': float(np.mean(same)) if len(same) else math.nan}
