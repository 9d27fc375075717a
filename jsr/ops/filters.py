"""Small linear filters on images."""

import numpy as np

from jsr.types import Array


def gaussian(size: int, sigma: float) -> np.ndarray:
  """Returns a normalised 1-D Gaussian of `size` taps, float64."""
  x = np.arange(size) - (size - 1) / 2
  w = np.exp(-(x**2) / (2 * sigma**2))
  return w / w.sum()


def separable_valid(x: Array, taps: np.ndarray) -> Array:
  """Correlates (..., H, W, C) with a symmetric separable kernel, valid region only.

  Shifted sums rather than a convolution: they fuse into one pass on every backend and
  keep the precision of x's dtype, float64 too.

  Returns:
    (..., H - k + 1, W - k + 1, C) for k taps.
  """
  k = len(taps)
  h, w = x.shape[-3] - k + 1, x.shape[-2] - k + 1
  if h < 1 or w < 1:
    raise ValueError(
      f'{x.shape[-3]} x {x.shape[-2]} is smaller than the {k} x {k} window'
    )
  rows = float(taps[0]) * x[..., :h, :, :]
  for i in range(1, k):
    rows += float(taps[i]) * x[..., i : i + h, :, :]
  out = float(taps[0]) * rows[..., :w, :]
  for i in range(1, k):
    out += float(taps[i]) * rows[..., i : i + w, :]
  return out
