"""Resizing by bands against resizing at once."""

import numpy as np
import pytest

from jsr.ops import resize
from jsr.upscale import resample

X = np.random.default_rng(0).random((37, 23, 3), np.float32)
SIZES = [(37, 23), (90, 61), (300, 10), (11, 7), (1, 1)]


def bands(x, *heights):
  at = 0
  for height in heights:
    yield x[at : at + height]
    at += height


@pytest.mark.parametrize('size', SIZES)
def test_bands_are_the_whole(size, monkeypatch):
  monkeypatch.setattr(resample, 'BAND', 16)
  # MATLAB shrinks the axis with the smaller factor first: no matter in floats.
  whole = np.asarray(resize.resize(X.astype(np.float64), size=size))
  got = list(resample.stream(bands(X, 5, 1, 20, 11), 37, size))
  assert all(band.dtype == np.float32 for band in got)
  np.testing.assert_allclose(np.concatenate(got), whole, rtol=0, atol=2e-6)
  middle = slice(size[0] // 3, size[0] // 2 + 1)
  rows = resample.rows(X, size, middle.start, middle.stop)
  np.testing.assert_allclose(rows, whole[middle], rtol=0, atol=2e-6)


@pytest.mark.parametrize('size', SIZES[1:4])
def test_wrapped_is_tiled(size):
  """A texture among its copies, resized by plain bicubic, is the wrapped result."""
  copies = np.tile(X, (3, 3, 1)).astype(np.float64)
  among = np.asarray(resize.resize(copies, size=(3 * size[0], 3 * size[1])))
  centre = among[size[0] : 2 * size[0], size[1] : 2 * size[1]]
  got = np.concatenate(list(resample.stream(bands(X, 20, 17), 37, size, 'wrap')))
  np.testing.assert_allclose(got, centre, rtol=0, atol=2e-6)


def test_one_pixel():
  one = np.full((1, 1, 1), 0.25, np.float32)
  got = np.concatenate(list(resample.stream([one], 1, (3, 5))))
  np.testing.assert_allclose(got, np.full((3, 5, 1), 0.25), rtol=1e-6)
