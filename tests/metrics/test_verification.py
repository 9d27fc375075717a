"""Figures of verification on cases small enough to be done by hand."""

import numpy as np
import pytest

from jsr.metrics import verification as v

YES, NO = True, False
# Nearest first: a different pair at place 2, the last same pair at 5.
DISTANCE = np.array([0.1, 0.2, 0.3, 0.5, 0.9, 1.2])
SAME = np.array([YES, NO, YES, NO, YES, NO])


def test_distances():
  x = np.array([[1, 0], [0, 1], [-1, 0]])
  d = v.distances(x, np.array([0, 0, 1]), np.array([1, 2, 1]))
  np.testing.assert_allclose(d, [2, 4, 0])


def test_distances_without_the_others_mean():
  x = np.array([[1, 0], [0, 1], [0.6, 0.8], [0.8, 0.6]])
  first, second, fold = np.array([0, 2]), np.array([1, 3]), np.array([0, 1])
  d = v.distances(x, first, second, without=fold)
  assert d.shape == (2, 2)
  # Fold 0: the other fold's mean is (0.7, 0.7); (0.3, -0.7) and (-0.7, 0.3) remain.
  cosine = -0.42 / 0.58
  assert d[0, 0] == pytest.approx(2 - 2 * cosine)


def test_accuracy():
  """Fold 0 and 1 choose on each other: by hand."""
  distance = np.array([0.105, 0.305, 0.205, 0.405, 0.505, 0.95])
  same = np.array([YES, NO, YES, YES, NO, NO])
  fold = np.array([0, 0, 0, 1, 1, 1])
  # On fold 1 all is right from .41 to .50; the first is .41: in fold 0 the different
  # pair at .305 is accepted. On fold 0 all is right from .21 to .30: fold 1 loses .405.
  got = v.accuracy(distance, same, fold)
  np.testing.assert_allclose(got.thresholds, [0.41, 0.21])
  np.testing.assert_allclose(got.values, [2 / 3, 2 / 3])
  rows = np.stack([distance, distance])
  np.testing.assert_array_equal(v.accuracy(rows, same, fold).values, got.values)


def test_samples_that_hold_each_pair_once():
  rng = np.random.default_rng(0)
  same = np.arange(80) % 2 == 0
  distance = np.where(same, 0.8, 1.2) + 0.3 * rng.standard_normal(80)
  fold = np.arange(80) // 20
  once = v.accuracy(distance, same, fold).values.mean()
  weights = np.ones((80, 3))
  weights[:, 2] = 7
  got = v.accuracy_of_samples(distance, same, fold, weights)
  np.testing.assert_allclose(got, [once] * 3)
  assert 0.6 < once < 0.95
  # Pairs that are not in the sample neither choose nor count.
  weights[fold == 3, 1] = 0
  part = v.accuracy(distance[fold < 3], same[fold < 3], fold[fold < 3]).values.mean()
  assert v.accuracy_of_samples(distance, same, fold, weights)[1] == pytest.approx(part)


def test_validation_rate():
  """One different pair in four accepted, chosen on the other fold."""
  far = np.array([0.5, 1.0, 1.5, 2.0])
  distance = np.concatenate([[0.2, 0.6], far, [0.4, 0.9], far + 0.2])
  same = np.array(2 * ([YES, YES] + [NO] * 4))
  fold = np.repeat([0, 1], 6)
  got, rates = v.validation(distance, same, fold, far=0.25)
  # Fold 1's first different pair is at .7: accepted from .701 on. Fold 0's, at .5.
  np.testing.assert_allclose(got.thresholds, [0.701, 0.501])
  np.testing.assert_allclose(got.values, [1, 0.5])
  np.testing.assert_allclose(rates, [0.25, 0])
  # Half of that rate lies halfway between the two thresholds.
  got, _ = v.validation(distance, same, fold, far=0.125)
  np.testing.assert_allclose(got.thresholds, [0.7005, 0.5005])
  # Where everything is farther than 4 there is no threshold.
  got, rates = v.validation(distance + 9, same, fold)
  np.testing.assert_array_equal([got.thresholds, got.values, rates], np.zeros((3, 2)))


def test_roc_by_hand():
  curve = v.roc(DISTANCE, SAME)
  np.testing.assert_allclose(3 * curve.tar, [0, 1, 1, 2, 2, 3, 3])
  np.testing.assert_allclose(3 * curve.far, [0, 0, 1, 1, 2, 2, 3])
  # Of nine meetings the same pair is nearer in 3 + 2 + 1.
  assert v.auc(curve) == pytest.approx(6 / 9)
  # At .3, one of three is accepted and one of three refused.
  assert v.eer(curve) == pytest.approx(1 / 3)
  assert v.tar(curve, 0) == pytest.approx(1 / 3)
  assert v.tar(curve, 1 / 3) == pytest.approx(2 / 3)
  assert v.tar(curve, 1) == 1


def test_equal_error_rate_between_two_thresholds():
  curve = v.roc(np.array([1, 2, 2, 3]), np.array([YES, YES, NO, NO]))
  # From (0, 1/2) both rates come at once: (1/2, 1). On that line far = 1 - tar at 1/4.
  assert v.eer(curve) == pytest.approx(1 / 4)
  assert v.auc(curve) == pytest.approx(7 / 8)


def test_the_best_and_the_worst():
  best = v.roc(np.array([1.0, 2.0, 3.0]), np.array([YES, YES, NO]))
  assert (v.auc(best), v.eer(best)) == (1, 0)
  worst = v.roc(np.array([1.0, 2.0]), np.array([NO, YES]))
  assert (v.auc(worst), v.eer(worst)) == (0, 1)


def test_weighted_curves_are_those_of_repeated_pairs():
  weights = np.array([[1, 2], [1, 1], [1, 0], [1, 3], [1, 1], [1, 1]])
  curve = v.roc(DISTANCE, SAME, weights)
  again = np.repeat(np.arange(6), weights[:, 1])
  want = v.roc(DISTANCE[again], SAME[again])
  assert v.auc(curve)[0] == pytest.approx(6 / 9)
  assert v.auc(curve)[1] == pytest.approx(float(v.auc(want)))
  assert v.eer(curve)[1] == pytest.approx(float(v.eer(want)))


def test_samples_of_people():
  counts = v.people_samples(4, 500)
  assert counts.shape[0] == 4
  assert (counts.sum(0) == 4).all()
  assert (np.count_nonzero(counts, axis=0) > 1).all()
  np.testing.assert_array_equal(counts, v.people_samples(4, 500))
  assert not np.array_equal(counts, v.people_samples(4, 500, seed=1))


def test_pairs_come_with_their_people():
  # People 0 twice, 1 once, 2 not at all.
  counts = np.array([[2], [1], [0]])
  first, second = np.array([0, 1, 2, 0, 0, 1]), np.array([0, 1, 2, 1, 2, 2])
  got = v.resampled(counts, first, second)[:, 0]
  np.testing.assert_allclose(got, [2, 1, 0, 3, 0, 0])
