"""Mean opinion scores: what ratings from 1 to 5 say about methods, and how surely.

Contract: `scores` is (R, I, M) float: the rating that rater r gave image i in method m,
NaN where there is none yet. Every function takes a study that is not finished.

**Who is the sample.** The raters. They stand for all people; the images are a benchmark
that was fixed before. So intervals resample raters, and the pairs of a test are raters.
Neither takes a rater's many ratings for independent ones: they share the rater's taste
and use of the scale, and a test on all rater x image pairs finds differences that the
next group of raters does not have. Raters are also enough for a test where images are
not: with the 5 of Set5 no two-sided signed-rank test gets below 0.0625. Whether a
difference would hold for other images is another question; `compare` answers it beside
the first, with images as pairs.

The protocol is that of Ledig et al., "Photo-Realistic Single Image Super-Resolution
Using a Generative Adversarial Network" (CVPR 2017), section 3.3: paired two-sided
Wilcoxon signed-rank tests, p < 0.05. What its pairs are, the paper does not say, nor
does it correct for the number of tests.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

LOWEST, HIGHEST = 1, 5
RESAMPLES = 10_000
CONFIDENCE = 0.95
ALPHA = 0.05
# Pairs up to which a test is exact.
EXACT = 100


@dataclasses.dataclass(frozen=True)
class Opinion:
  """What raters think of a method.

  Attributes:
    method: Its name.
    n: Ratings.
    mean: Of all of them; NaN without any.
    low: Lower end of the interval; NaN with fewer than two raters.
    high: Upper end.
    counts: How often 1, 2, ..., 5 was given.
  """

  method: str
  n: int
  mean: float
  low: float
  high: float
  counts: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Contrast:
  """Two methods against each other.

  Attributes:
    a: The one.
    b: The other.
    difference: Mean of a less mean of b, over what was compared.
    n: Raters compared.
    p: Of the test with raters as pairs; 1 where nothing differs, NaN without raters.
    p_holm: The same, corrected for the number of tests by Holm's rule.
    significant: Whether `p_holm` is below 0.05.
    images: Images compared.
    p_images: Of the test with images as pairs.
    p_images_holm: The same, corrected.
  """

  a: str
  b: str
  difference: float
  n: int
  p: float
  p_holm: float
  significant: bool
  images: int
  p_images: float
  p_images_holm: float


def means(
  scores: np.ndarray,
  methods: Sequence[str],
  *,
  seed: int = 0,
  resamples: int = RESAMPLES,
) -> list[Opinion]:
  """Computes the mean opinion score of each method with its interval.

  The interval is the 95 % percentile bootstrap over raters: raters are drawn with
  replacement, each with all ratings. See the top of the file why not over ratings.

  Args:
    scores: (R, I, M).
    methods: M names.
    seed: Of the draws.
    resamples: How many.

  Returns:
    One entry a method, in order.

  Raises:
    ValueError: Shapes differ, or a score is not in 1..5.
  """
  check(scores, methods)
  known = ~np.isnan(scores)
  counts = known.sum(1).astype(float)
  sums = np.where(known, scores, 0).sum(1)
  low, high = interval(sums, counts, seed=seed, resamples=resamples)
  found = []
  for m, method in enumerate(methods):
    values = scores[..., m][known[..., m]]
    found.append(
      Opinion(
        method=method,
        n=len(values),
        mean=float(values.mean()) if len(values) else math.nan,
        low=float(low[m]),
        high=float(high[m]),
        counts=tuple(
          int((np.round(values) == k).sum()) for k in range(LOWEST, HIGHEST + 1)
        ),
      )
    )
  return found


def interval(
  sums: np.ndarray,
  counts: np.ndarray,
  *,
  seed: int = 0,
  resamples: int = RESAMPLES,
) -> tuple[np.ndarray, np.ndarray]:
  """Computes 95 % percentile bootstrap intervals of means, resampling raters.

  Args:
    sums: (R, M): sum of what a rater said of a thing.
    counts: (R, M): how much the rater said of it.
    seed: Of the draws.
    resamples: How many.

  Returns:
    Lower and upper ends, (M,); NaN where fewer than two raters said something.
  """
  raters = len(sums)
  empty = np.full(sums.shape[1], math.nan)
  if raters < 2:
    return empty, empty
  weights = draws(raters, seed=seed, resamples=resamples)
  total, number = weights @ sums, weights @ counts
  values = np.divide(total, number, out=np.full_like(total, math.nan), where=number > 0)
  enough = (counts > 0).sum(0) >= 2
  ends = empty.copy(), empty.copy()
  tail = (1 - CONFIDENCE) / 2
  for m in np.flatnonzero(enough):
    for end, q in zip(ends, (tail, 1 - tail), strict=True):
      end[m] = np.nanquantile(values[:, m], q)
  return ends


def draws(raters: int, *, seed: int, resamples: int) -> np.ndarray:
  """Draws raters with replacement: (resamples, R), how often each was drawn."""
  random = np.random.default_rng(seed)
  return random.multinomial(raters, np.full(raters, 1 / raters), resamples).astype(
    float
  )


def compare(scores: np.ndarray, methods: Sequence[str]) -> list[Contrast]:
  """Tests each method against each other: paired two-sided Wilcoxon signed-rank.

  A pair is a rater: the means of what the rater gave to both methods, over the images
  the rater has rated in both. Beside it, a pair is an image: the means over the raters
  who rated it in both. Holm's correction is over all pairs of methods.

  Args:
    scores: (R, I, M).
    methods: M names.

  Returns:
    One entry for each two methods, in order.

  Raises:
    ValueError: See `means`.
  """
  check(scores, methods)
  found = []
  for a in range(len(methods)):
    for b in range(a + 1, len(methods)):
      differences = scores[..., a] - scores[..., b]
      by_rater, by_image = _mean(differences, 1), _mean(differences, 0)
      some = len(by_rater) > 0
      found.append(
        (
          methods[a],
          methods[b],
          float(np.nanmean(differences)) if some else math.nan,
          len(by_rater),
          signed_rank(by_rater),
          len(by_image),
          signed_rank(by_image),
        )
      )
  corrected = holm([row[4] for row in found])
  of_images = holm([row[6] for row in found])
  return [
    Contrast(
      a=a,
      b=b,
      difference=difference,
      n=n,
      p=p,
      p_holm=p_holm,
      significant=p_holm < ALPHA,
      images=images,
      p_images=p_images,
      p_images_holm=p_images_holm,
    )
    for (a, b, difference, n, p, images, p_images), p_holm, p_images_holm in zip(
      found, corrected, of_images, strict=True
    )
  ]


def signed_rank(differences: np.ndarray) -> float:
  """Computes the two-sided p of the Wilcoxon signed-rank test; zeros are dropped.

  Exact, ties too: every difference could as well have had the other sign, and p counts
  the sign patterns whose rank sum is as far out. SciPy is exact with ties for the
  smallest samples only, and means of whole ratings are full of ties.

  Args:
    differences: (N,).

  Returns:
    p; 1 where nothing differs, NaN without differences at all.
  """
  if not len(differences):
    return math.nan
  # Means of the same ratings differ in the last bit: they are equal, and so are ranks.
  rounded = np.round(differences, 9)
  rounded = rounded[rounded != 0]
  if not len(rounded):
    return 1.0
  if len(rounded) > EXACT:
    return float(stats.wilcoxon(rounded, method='asymptotic').pvalue)
  # Mean ranks of ties are halves: doubled, they are whole.
  ranks = np.round(2 * stats.rankdata(np.abs(rounded))).astype(int)
  chance = np.ones(1)
  for rank in ranks:
    chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2
  positive = ranks[rounded > 0].sum()
  tail = min(chance[: positive + 1].sum(), chance[positive:].sum())
  return float(min(1.0, 2 * tail))


def holm(p: Sequence[float]) -> list[float]:
  """Corrects p values for their number by Holm's rule; NaN stays and does not count.

  Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979).
  """
  corrected = [math.nan] * len(p)
  order = sorted((i for i in range(len(p)) if not math.isnan(p[i])), key=lambda i: p[i])
  reached = 0.0
  for rank, i in enumerate(order):
    reached = max(reached, min(1.0, (len(order) - rank) * p[i]))
    corrected[i] = reached
  return corrected


def check(scores: np.ndarray, methods: Sequence[str]) -> None:
  """Checks the contract of the file.

  Raises:
    ValueError: Shapes differ, or a score is not in 1..5.
  """
  if scores.ndim != 3 or scores.shape[2] != len(methods):
    raise ValueError(f'{scores.shape} is no (R, I, {len(methods)})')
  with np.errstate(invalid='ignore'):
    if ((scores < LOWEST) | (scores > HIGHEST)).any():
      raise ValueError(f'a score is not in {LOWEST}..{HIGHEST}')


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
  """Means of what is known, of those rows that have something."""
  known = ~np.isnan(values)
  number = known.sum(axis)
  total = np.where(known, values, 0).sum(axis)
  return total[number > 0] / number[number > 0]
