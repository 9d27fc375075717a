"""Are two faces one person's? Figures of pairs of embeddings, in NumPy.

A pair counts as the same person where the squared distance of its two embeddings of
length 1 is below a threshold; such distances lie in 0..4. The protocol is that of the
FaceNet test on LFW: the threshold is chosen on nine folds and scored on the tenth
(Huang et al. 2007, view 2; thresholds as the public FaceNet has them).

Where a figure takes `weights` (P, D), each of its D columns is a sample of the pairs,
with as many values as results; see `resampled`.
"""

from typing import NamedTuple

import numpy as np

# Thresholds of the accuracy, and of the validation rate.
COARSE = np.arange(400) / 100
FINE = np.arange(4000) / 1000


class Folds(NamedTuple):
  """A figure of each fold.

  Attributes:
    values: (F,), in the order of the folds' numbers.
    thresholds: (F,): chosen on the other folds.
  """

  values: np.ndarray
  thresholds: np.ndarray


class Roc(NamedTuple):
  """The rates at every threshold that tells something, from none accepted to all.

  Attributes:
    far: (K,) or (K, D): share of different pairs that are accepted.
    tar: The same of pairs of the same person.
  """

  far: np.ndarray
  tar: np.ndarray


def distances(
  embeddings: np.ndarray,
  first: np.ndarray,
  second: np.ndarray,
  *,
  without: np.ndarray | None = None,
) -> np.ndarray:
  """Squared distances of pairs of embeddings.

  Args:
    embeddings: (N, D), each of length 1.
    first: (P,) numbers of embeddings.
    second: (P,) numbers of embeddings.
    without: (P,) numbers of folds: for each fold, the mean of the other folds'
      embeddings is taken off before (FaceNet's option of mean subtraction).

  Returns:
    (P,) float64; (F, P) with `without`, a row for each fold.
  """
  x = np.asarray(embeddings, np.float64)
  a, b = x[first], x[second]
  if without is None:
    return ((a - b) ** 2).sum(-1)
  # A mean taken off both cancels in their difference; lengths brought to 1 again make
  # it count, as under FaceNet's other distance, the angle.
  rows = []
  for fold in range(int(without.max()) + 1):
    others = without != fold
    mean = np.concatenate([a[others], b[others]]).mean(0)
    rows.append(((_unit(a - mean) - _unit(b - mean)) ** 2).sum(-1))
  return np.stack(rows)


def _unit(x: np.ndarray) -> np.ndarray:
  return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def accuracy(distance: np.ndarray, same: np.ndarray, fold: np.ndarray) -> Folds:
  """Accuracy of each fold at the threshold that is best on the others.

  Args:
    distance: (P,), or (F, P) with a row for each fold.
    same: (P,) bool.
    fold: (P,) numbers from 0, none left out.

  Returns:
    Shares of right answers; the first of the best of `COARSE`.
  """
  values, thresholds = _folds(distance, same, fold, np.ones((same.size, 1)))
  count = np.bincount(fold)
  return Folds(values[:, 0] / count, thresholds[:, 0])


def accuracy_of_samples(
  distance: np.ndarray, same: np.ndarray, fold: np.ndarray, weights: np.ndarray
) -> np.ndarray:
  """The accuracy over all folds of each sample; thresholds are chosen anew in each.

  Returns:
    (D,). For a sample that holds each pair once, the mean of `accuracy` where the folds
    are equally large.
  """
  values, _ = _folds(distance, same, fold, weights)
  total: np.ndarray = values.sum(0) / weights.sum(0)
  return total


def _folds(
  distance: np.ndarray, same: np.ndarray, fold: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Weighted sums of right answers (F, D), and thresholds (F, D)."""
  values, thresholds = [], []
  right = total = np.empty(0)
  for number in range(int(fold.max()) + 1):
    inside = fold == number
    if distance.ndim == 2 or not right.size:
      d = distance if distance.ndim == 1 else distance[number]
      right = ((d < COARSE[:, None]) == same).astype(np.float64)
      total = right @ weights
    own = right[:, inside] @ weights[inside]
    best = np.argmax(np.round(total - own, 6), axis=0)
    thresholds.append(COARSE[best])
    values.append(np.take_along_axis(own, best[None], 0)[0])
  return np.stack(values), np.stack(thresholds)


def validation(
  distance: np.ndarray, same: np.ndarray, fold: np.ndarray, *, far: float = 1e-3
) -> tuple[Folds, np.ndarray]:
  """Validation rate of each fold where the others accept `far` of different pairs.

  The threshold is the first of `FINE` at which the other folds reach that rate,
  interpolated linearly from the one before; 0 where none does.

  Args:
    distance: See `accuracy`.
    same: See `accuracy`.
    fold: See `accuracy`.
    far: The share of different pairs to accept.

  Returns:
    The shares of pairs of the same person that are accepted, and (F,) the shares of
    different pairs that are.
  """
  values, rates, thresholds = [], [], []
  for number in range(int(fold.max()) + 1):
    inside = fold == number
    d = distance if distance.ndim == 1 else distance[number]
    others = np.sort(d[~inside & ~same])
    reached = np.searchsorted(others, FINE, 'left') / max(others.size, 1)
    at = int(np.argmax(reached >= far))
    threshold = 0.0
    if reached[at] >= far and at:
      before, after = reached[at - 1], reached[at]
      part = (far - before) / (after - before)
      threshold = float(FINE[at - 1] + part * (FINE[at] - FINE[at - 1]))
    thresholds.append(threshold)
    values.append(float((d[inside & same] < threshold).mean()))
    rates.append(float((d[inside & ~same] < threshold).mean()))
  return Folds(np.array(values), np.array(thresholds)), np.array(rates)


def roc(
  distance: np.ndarray, same: np.ndarray, weights: np.ndarray | None = None
) -> Roc:
  """The rates at all thresholds; pairs of equal distance are accepted together."""
  order = np.argsort(distance, kind='stable')
  d, yes = distance[order], same[order]
  w = np.ones((d.size, 1)) if weights is None else weights[order]
  # The last of equal distances.
  ends = np.flatnonzero(np.append(d[1:] != d[:-1], True))
  tar, far = (
    np.concatenate([np.zeros((1, w.shape[1])), np.cumsum(part, 0)[ends]])
    for part in (w * yes[:, None], w * ~yes[:, None])
  )
  tar, far = tar / tar[-1], far / far[-1]
  return Roc(far, tar) if weights is not None else Roc(far[:, 0], tar[:, 0])


def auc(curve: Roc) -> np.ndarray:
  """Area under the curve: how often a same pair is nearer than a different one."""
  widths = np.diff(curve.far, axis=0)
  area: np.ndarray = (widths * (curve.tar[1:] + curve.tar[:-1]) / 2).sum(0)
  return area


def eer(curve: Roc) -> np.ndarray:
  """The rate at which as many same pairs are refused as different ones accepted.

  Interpolated linearly between the two thresholds where one passes the other.
  """
  gap = curve.far - (1 - curve.tar)
  at = np.argmax(gap >= 0, axis=0)[None]
  before, after = (np.take_along_axis(gap, at - i, 0)[0] for i in (1, 0))
  low, high = (np.take_along_axis(curve.far, at - i, 0)[0] for i in (1, 0))
  part = before / (before - after)
  result: np.ndarray = low + part * (high - low)
  return result


def tar(curve: Roc, far: float) -> float:
  """The share of same pairs accepted where at most `far` of different ones are.

  Args:
    curve: Of one sample.
    far: Such as 1e-3.
  """
  return float(curve.tar[curve.far <= far].max())


def people_samples(people: int, draws: int, seed: int = 0) -> np.ndarray:
  """Draws people with replacement.

  Args:
    people: How many there are; from 2.
    draws: How many samples.
    seed: Of the draws.

  Returns:
    (people, at most draws): how often each was drawn. Samples of one person alone hold
    no different pairs and are left out.
  """
  rng = np.random.default_rng(seed)
  counts = rng.multinomial(people, np.full(people, 1 / people), draws).T
  return counts[:, (counts > 0).sum(0) > 1]


def resampled(counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """The samples of pairs that come with samples of people.

  Pairs share people and pictures: to draw pairs would take each as news, and give too
  short an interval. So people are drawn, with all their pictures: a same pair counts as
  often as its person, a different one as often as both of its people meet (Snijders and
  Borgatti 1999). Both kinds keep their share of the whole.

  Args:
    counts: (people, D), see `people_samples`.
    first: (P,) number of the person of the first picture.
    second: (P,) that of the second.

  Returns:
    (P, D) weights.
  """
  same = first == second
  weights = counts[first].astype(np.float64)
  weights[~same] *= counts[second[~same]]
  for kind in (same, ~same):
    weights[kind] *= kind.sum() / np.maximum(weights[kind].sum(0), 1e-12)
  return weights
