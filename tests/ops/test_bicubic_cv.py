"""OpenCV's bicubic against numbers that OpenCV gave."""

import numpy as np
import pytest

from jsr.ops import bicubic_cv
from tests import images


def test_without_antialiasing():
  got = bicubic_cv.resize(images.T(8)[..., None], (4, 4))[0, :, 0]
  np.testing.assert_allclose(
    got, [40.81543, 199.953120, 92.140625, 127.778320], atol=1e-5
  )


def test_rows_sum_to_one():
  for n, m in ((5, 20), (20, 5), (7, 7), (1, 3), (6, 13)):
    np.testing.assert_allclose(bicubic_cv.matrix(n, m).sum(1), 1, atol=1e-12)
  np.testing.assert_array_equal(bicubic_cv.matrix(5, 20, fixed=True).sum(1), 2048)


def test_a_factor_of_four_needs_no_rounding_of_coefficients():
  real, fixed = bicubic_cv.matrix(9, 36), bicubic_cv.matrix(9, 36, fixed=True)
  np.testing.assert_allclose(real * 2048, fixed, atol=1e-9)
  assert np.abs(bicubic_cv.matrix(9, 27) * 2048 % 1).max() > 0.1


def test_uint8_is_rounded_once():
  x = images.rgb(16).astype(np.uint8)
  want = np.clip(np.floor(bicubic_cv.resize(x, (64, 48)) + 0.5), 0, 255)
  got = bicubic_cv.resize_uint8(x, (64, 48))
  assert got.dtype == np.uint8
  assert np.mean(got != want) < 0.02  # Coefficients of 11 bits in the columns.
  np.testing.assert_array_equal(bicubic_cv.resize_uint8(x, (16, 16)), x)
  with pytest.raises(TypeError, match='takes uint8'):
    bicubic_cv.resize_uint8(x.astype(float), (64, 64))
