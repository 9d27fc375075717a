"""Swings of losses, by numbers that a person can check."""

import math

import numpy as np
import pytest

from jsr.experiments import stability


def test_rolling_deviation_by_hand():
  got = stability.rolling_deviation([1.0, 3.0, 3.0, 9.0], 2)
  # Of (1, 3), (3, 3) and (3, 9): half of the difference.
  np.testing.assert_allclose(got, [math.nan, 1, 0, 3])


def test_values_that_are_not_finite_are_left_out():
  x = [2.0, math.nan, 4.0, math.inf, math.nan, 5.0]
  got = stability.rolling_deviation(x, 3)
  # (2, 4), then 4 alone twice, then 5 alone.
  np.testing.assert_allclose(got, [math.nan, math.nan, 1] + [math.nan] * 3)


def test_a_small_swing_about_a_large_mean():
  x = 1e8 + np.array([-1e-3, 1e-3] * 4)
  np.testing.assert_allclose(stability.rolling_deviation(x, 4)[3:], 1e-3, rtol=1e-4)


def test_shorter_than_the_window():
  assert np.isnan(stability.rolling_deviation([1.0, 2.0], 3)).all()


def test_first_stretch():
  above = np.array([0, 1, 0, 1, 1, 1, 0], bool)
  assert stability.first_stretch(above, 1) == 1
  assert stability.first_stretch(above, 3) == 3
  assert stability.first_stretch(above, 4) is None


RULE = stability.Rule(window=2, base=(2, 6), ratio=3.0, length=3)


def test_onset_is_a_step():
  # Differences of 2 (deviation 1), and of 8 (deviation 4) from step 9 on.
  x = [0, 2, 0, 2, 0, 2, 0, 2, 10, 2, 10, 2]
  got = stability.swing(x, RULE)
  assert got.usual == 1
  assert got.onset == 9
  assert got.largest == 4
  assert got.last == 4
  np.testing.assert_array_equal(got.ratios[1:8], 1)


def test_the_base_holds_whole_windows_of_its_steps_alone():
  # Steps 1 and 2 swing by 100, steps 7 and on by 4: neither is in the base.
  got = stability.swing([0, 100, 0, 2, 0, 2, 6, 2, 6], RULE)
  assert got.usual == 1
  assert got.onset is None
  assert got.largest == 2


def test_a_stretch_that_is_too_short_is_none():
  x = [0, 2, 0, 2, 0, 2, 0, 8, 0, 2, 0, 2]
  got = stability.swing(x, RULE)
  assert got.largest == 4
  assert got.onset is None


def test_what_cannot_be_judged():
  with pytest.raises(ValueError, match='base ends at step 6'):
    stability.swing([1.0, 2.0, 3.0], RULE)
  with pytest.raises(ValueError, match='did not move'):
    stability.swing([1.0] * 8, RULE)
  with pytest.raises(ValueError, match='no two finite'):
    stability.swing([math.nan] * 8, RULE)
  with pytest.raises(ValueError, match='no window'):
    stability.Rule(window=5, base=(2, 6))
