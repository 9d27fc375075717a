"""The figures of verification under every condition, with intervals over people."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from jsr.data import faces as data
from jsr.experiments.intervals import CONFIDENCE, Interval
from jsr.experiments.studies.faces.embeddings import HR, Condition
from jsr.metrics import verification
from jsr.metrics.verification import Folds, Roc

# What can decide a claim, in this order; and 1 where more is better, else -1.
FIGURES = {'accuracy': 1, 'eer': -1, 'auc': 1}
# Above this many, all pairs are those that the protocol asks about.
MOST_PAIRS = 200_000


class Score(NamedTuple):
  """Figures of a condition.

  Attributes:
    accuracy: Of the folds.
    validation: Of the folds, and the mean share of different pairs accepted.
    tar: Share of same pairs accepted where the config's share of all different pairs
      is.
    curve: Of all pairs.
    values: 'accuracy' over the folds, 'eer' and 'auc' of all pairs, 'cosine' between
      the embeddings of a face under this condition and of HR.
    samples: (D,) of each, over the same samples of people under all conditions.
  """

  accuracy: Folds
  validation: tuple[Folds, float]
  tar: float
  curve: Roc
  values: dict[str, float]
  samples: dict[str, np.ndarray]


class Scores(NamedTuple):
  """All figures.

  Attributes:
    of: By condition.
    people: How many there are.
    all_pairs: How many same and different pairs the curves are of.
  """

  of: dict[Condition, Score]
  people: int
  all_pairs: tuple[int, int]

  def interval(self, condition: Condition, figure: str) -> Interval:
    """The interval of a figure."""
    score = self.of[condition]
    return self.around(score.values[figure], score.samples[figure])

  def gain(self, a: Condition, b: Condition, figure: str) -> Interval:
    """The interval of how much better a is than b; positive where it is better."""
    sign = FIGURES.get(figure, 1)
    x, y = self.of[a], self.of[b]
    return self.around(
      sign * (x.values[figure] - y.values[figure]),
      sign * (x.samples[figure] - y.samples[figure]),
    )

  def around(self, value: float, samples: np.ndarray) -> Interval:
    """The percentile interval of a value."""
    low, high = np.quantile(samples, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return Interval(value, float(low), float(high), self.people)


def measure(
  config: ConfigDict,
  pairs: data.FacePairs,
  made: Mapping[Condition, np.ndarray],
) -> Scores:
  """Scores the embeddings of all conditions.

  Args:
    config: Of the study.
    pairs: Those that the protocol asks about.
    made: (N, D) of length 1 for each condition; one is `HR`.
  """
  person, fold = pairs.person, pairs.fold
  first, second = pairs.first, pairs.second
  counts = verification.people_samples(len(pairs.people), config.draws)
  weights = verification.resampled(counts, person[first], person[second])
  pictures = len(pairs.files)
  every = first, second
  if pictures * (pictures - 1) // 2 <= MOST_PAIRS:
    every = data.every_pair(pairs)
  every_same = person[every[0]] == person[every[1]]
  every_weights = verification.resampled(counts, person[every[0]], person[every[1]])
  of_pictures = counts[person]
  without = fold if config.subtract_mean else None
  original = made[Condition(HR, 0)]
  result = {}
  for condition, vectors in made.items():
    d = verification.distances(vectors, first, second, without=without)
    folds = verification.accuracy(d, pairs.same, fold)
    rates, far = verification.validation(d, pairs.same, fold, far=config.far)
    all_d = verification.distances(vectors, *every)
    curve = verification.roc(all_d, every_same)
    eer, auc = _of_samples(all_d, every_same, every_weights)
    cosine = (vectors * original).sum(-1)
    result[condition] = Score(
      folds,
      (rates, float(far.mean())),
      verification.tar(curve, config.far),
      curve,
      {
        'accuracy': float(folds.values.mean()),
        'eer': float(verification.eer(curve)),
        'auc': float(verification.auc(curve)),
        'cosine': float(cosine.mean()),
      },
      {
        'accuracy': verification.accuracy_of_samples(d, pairs.same, fold, weights),
        'eer': eer,
        'auc': auc,
        'cosine': cosine @ of_pictures / of_pictures.sum(0),
      },
    )
  return Scores(
    result, len(pairs.people), (int(every_same.sum()), int((~every_same).sum()))
  )


def _of_samples(
  distance: np.ndarray, same: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Equal error rate and area of each sample; a few samples at a time fit a cache."""
  found = []
  for start in range(0, weights.shape[1], 100):
    curve = verification.roc(distance, same, weights[:, start : start + 100])
    found.append((verification.eer(curve), verification.auc(curve)))
  eer, auc = zip(*found, strict=True)
  return np.concatenate(eer), np.concatenate(auc)
