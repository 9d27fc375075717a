"""The projection: exact, the nearest, and the same in bands."""

import numpy as np
import pytest

from jsr.ops import resize
from jsr.upscale import consistent, resample
from jsr.upscale.consistent import Projection

RNG = np.random.default_rng(0)


def project(x, y, border='symmetric'):
  projection = Projection(y.shape[:2], x.shape[:2], border)
  return np.concatenate(list(projection.project([x[:7], x[7:]], y)))


@pytest.mark.parametrize('size', [(48, 36), (30, 23), (12, 9), (13, 31)])
def test_the_result_shrinks_to_the_input(size, monkeypatch):
  monkeypatch.setattr(resample, 'BAND', 8)
  y = (0.4 + 0.2 * RNG.random((12, 9, 3))).astype(np.float32)
  x = (0.4 + 0.2 * RNG.random((*size, 3))).astype(np.float32)
  got = project(x, y)
  shrunk = resize.resize(got.astype(np.float64), size=(12, 9))
  np.testing.assert_allclose(shrunk, y, rtol=0, atol=2e-5)


def test_the_nearest_such_picture():
  """The change lies in the range of the transpose: A^T z for some z."""
  y = (0.4 + 0.2 * RNG.random((6, 5, 1))).astype(np.float32)
  x = np.full((24, 20, 1), 0.5, np.float32)
  change = (project(x, y) - x)[..., 0].astype(np.float64)
  rows, columns = resize.matrix(24, 6), resize.matrix(20, 5)
  a = np.kron(rows, columns)
  z, *_ = np.linalg.lstsq(a.T, change.ravel(), rcond=None)
  np.testing.assert_allclose(a.T @ z, change.ravel(), atol=1e-5)


def test_what_fits_already_stays():
  x = (0.3 + 0.4 * RNG.random((24, 20, 3))).astype(np.float32)
  y = np.asarray(resize.resize(x.astype(np.float64), size=(6, 5)), np.float32)
  np.testing.assert_allclose(project(x, y), x, rtol=0, atol=1e-5)


def test_clipping_is_mended():
  """Black and white stay in range, and projecting again lowers what clipping did."""
  rows, columns = np.mgrid[:48, :48] - 23.5
  disc = (np.hypot(rows, columns) < 15).astype(np.float64)[..., None]
  y = np.clip(resize.resize(disc, size=(12, 12)), 0, 1).astype(np.float32)
  x = np.asarray(resize.resize(y, 4), np.float32)

  def rest(passes):
    consistent.PASSES, before = passes, consistent.PASSES
    try:
      got = project(x, y)
    finally:
      consistent.PASSES = before
    assert 0 <= got.min() <= got.max() <= 1
    return np.abs(resize.resize(got.astype(np.float64), size=(12, 12)) - y).mean()

  assert rest(3) < 0.8 * rest(1)


def test_wrapped():
  y = (0.4 + 0.2 * RNG.random((8, 9, 1))).astype(np.float32)
  x = (0.4 + 0.2 * RNG.random((24, 27, 1))).astype(np.float32)
  got = project(x, y, 'wrap')
  rolled = project(np.roll(x, (6, 9), (0, 1)), np.roll(y, (2, 3), (0, 1)), 'wrap')
  np.testing.assert_allclose(np.roll(got, (6, 9), (0, 1)), rolled, atol=1e-5)


def test_large_pictures_go_by_a_file(monkeypatch):
  y = (0.4 + 0.2 * RNG.random((6, 5, 3))).astype(np.float32)
  x = (0.4 + 0.2 * RNG.random((24, 20, 3))).astype(np.float32)
  inside = project(x, y)
  monkeypatch.setattr(consistent, '_IN_MEMORY', 0)
  np.testing.assert_array_equal(project(x, y), inside)
