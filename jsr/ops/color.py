"""Colour: BT.601 luma and chroma in studio range (MATLAB) and full range (JPEG).

Contract: RGB is (..., 3) float in [0, 1]; YCbCr planes are in units of 0..255, so that
the published constants can be read off. Conversions are float and do not round.
"""

import jax.numpy as jnp
import numpy as np

from jsr.types import Array

# ITU-R BT.601 studio range, as in MATLAB's rgb2ycbcr.
STUDIO = np.array(
  [
    [65.481, 128.553, 24.966],
    [-37.797, -74.203, 112.0],
    [112.0, -93.786, -18.214],
  ]
)
STUDIO_OFFSET = np.array([16.0, 128.0, 128.0])
# JFIF: the same primaries over the full range.
FULL = 255 * np.array(
  [
    [0.299, 0.587, 0.114],
    [-0.168736, -0.331264, 0.5],
    [0.5, -0.418688, -0.081312],
  ]
)
FULL_OFFSET = np.array([0.0, 128.0, 128.0])


def _affine(x: Array, a: np.ndarray, b: np.ndarray) -> Array:
  # Written out: a three-by-three product is no work for a matrix unit, and TF32 would
  # round it.
  columns = [sum(x[..., j] * a[i, j] for j in range(3)) + b[i] for i in range(3)]
  return jnp.stack(columns, axis=-1)


def rgb_to_ycbcr(rgb: Array, *, full_range: bool = False) -> Array:
  """Converts RGB in [0, 1] to YCbCr in units of 0..255.

  Args:
    rgb: (..., 3) float in [0, 1].
    full_range: False: studio range, Y in 16..235 (MATLAB's rgb2ycbcr). True: JPEG.

  Returns:
    (..., 3) of rgb's dtype, not rounded.
  """
  if full_range:
    return _affine(rgb, FULL, FULL_OFFSET)
  return _affine(rgb, STUDIO, STUDIO_OFFSET)


def ycbcr_to_rgb(ycbcr: Array, *, full_range: bool = False) -> Array:
  """Inverts `rgb_to_ycbcr`; neither clips nor rounds."""
  a, b = (FULL, FULL_OFFSET) if full_range else (STUDIO, STUDIO_OFFSET)
  inverse = np.linalg.inv(a)
  return _affine(ycbcr, inverse, -inverse @ b)


def luma(rgb: Array, *, full_range: bool = False) -> Array:
  """Returns Y of RGB in [0, 1], in units of 0..255, shape (..., 1)."""
  row = (FULL if full_range else STUDIO)[0]
  offset = 0.0 if full_range else STUDIO_OFFSET[0]
  y = rgb[..., 0] * row[0] + rgb[..., 1] * row[1] + rgb[..., 2] * row[2] + offset
  return y[..., None]
