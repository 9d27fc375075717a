"""NIQE: how far a picture's local statistics are from those of pristine photographs.

Which NIQE: the authors' release of 2013, with the pristine model and the block size 96
that it ships (`jsr.weights.niqe` reads it). MATLAB's own function `niqe` has another
model and gives other numbers (2.99 for a picture of 3.65 here). NIQE looks at one
picture alone and rewards noise that resembles texture: never read it without a measure
of fidelity beside it.

NumPy in float64: the number of blocks that count depends on the values. In saturated
areas the sign of rounding errors enters, here as in the authors' program, so that such
pictures agree to 1 % only; others agree to 1e-4.

Source: Mittal, Soundararajan, Bovik, "Making a Completely Blind Image Quality
Analyzer", 2013; the 18 features are those of BRISQUE (Mittal et al. 2012).
"""

import functools
import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from jsr.ops import filters, resize

BLOCK = 96
# Two blocks, so that there is a covariance; a square of this size holds four.
SMALLEST = 2 * BLOCK
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


class Model(Protocol):
  """What `jsr.weights.niqe.find` returns: statistics of pristine pictures.

  Attributes:
    mean: (36,).
    covariance: (36, 36).
  """

  @property
  def mean(self) -> np.ndarray: ...  # noqa: D102
  @property
  def covariance(self) -> np.ndarray: ...  # noqa: D102


def load(model: Model) -> Callable[..., np.ndarray]:
  """Returns the metric (sr, hr=None) -> (N,), float64; it ignores hr.

  sr is (N, H, W, 1) luma on 0..255, rounded to 8 bits inside.
  """

  def measure(sr: Any, hr: Any = None) -> np.ndarray:
    del hr
    images = np.clip(np.floor(np.asarray(sr, np.float64) + 0.5), 0, 255)
    if images.ndim != 4 or images.shape[-1] != 1:
      raise ValueError(f'NIQE takes (N, H, W, 1) luma, not {images.shape}')
    return np.array([niqe(image[..., 0], model) for image in images])

  return measure


def niqe(image: np.ndarray, model: Model) -> float:
  """The distance of one picture to the model; smaller is more natural.

  Args:
    image: (H, W) on 0..255, of at least two blocks of 96 x 96; the rest at bottom and
      right is cut off.
    model: Of pristine pictures.

  Raises:
    ValueError: It has fewer than two blocks.
  """
  rows = features(image)
  whole = rows[~np.isnan(rows).any(axis=1)]
  if len(whole) < 2:
    # Flat blocks have no statistics; without two others there is no covariance.
    return math.nan
  difference = model.mean - np.nanmean(rows, axis=0)
  covariance = (model.covariance + np.cov(whole, rowvar=False)) / 2
  return float(np.sqrt(difference @ np.linalg.pinv(covariance) @ difference))


def features(image: np.ndarray) -> np.ndarray:
  """The 36 features of every block of (H, W), (blocks, 36); NaN where a block is flat.

  18 at full size, then 18 of the picture shrunk by 2.
  """
  h, w = (length // BLOCK for length in image.shape)
  if h * w < 2:
    raise ValueError(
      f'an image of {image.shape[0]} x {image.shape[1]} holds fewer than the two blocks'
      f' of {BLOCK} x {BLOCK} pixels that NIQE needs'
    )
  image = image[: h * BLOCK, : w * BLOCK]
  both = []
  for size in (BLOCK, BLOCK // 2):
    plane = normalise(image)
    blocks = plane.reshape(h, size, w, size).swapaxes(1, 2).reshape(-1, size, size)
    both.append(np.stack([_block(block) for block in blocks]))
    if size == BLOCK:
      image = _half(image)
  return np.concatenate(both, axis=1)


def normalise(image: np.ndarray) -> np.ndarray:
  """Subtracts the local mean and divides by the local deviation plus 1, (H, W).

  A 7 x 7 Gaussian of sigma 7 / 6; edges are repeated.
  """
  taps = filters.gaussian(7, 7 / 6)
  mean = _smooth(image, taps)
  deviation = np.sqrt(np.abs(_smooth(image * image, taps) - mean * mean))
  return (image - mean) / (deviation + 1)


def _smooth(image: np.ndarray, taps: np.ndarray) -> np.ndarray:
  h, w = image.shape
  padded = np.pad(image, len(taps) // 2, mode='edge')
  down = sum(tap * padded[i : i + h] for i, tap in enumerate(taps))
  return np.asarray(sum(tap * down[:, i : i + w] for i, tap in enumerate(taps)))


def _half(image: np.ndarray) -> np.ndarray:
  """MATLAB's bicubic by a half, in floating point."""
  rows, columns = (resize.matrix(n, n // 2, 0.5) for n in image.shape)
  return rows @ image @ columns.T


def _block(block: np.ndarray) -> np.ndarray:
  alpha, left, right, _ = fit(block)
  found = [alpha, (left + right) / 2]
  for shift in SHIFTS:
    # Neighbours wrap around within the block, as in the authors' program.
    alpha, left, right, moment = fit(block * np.roll(block, shift, (0, 1)))
    found += [alpha, (right - left) * moment, left, right]
  return np.array(found)


def fit(values: np.ndarray) -> tuple[float, float, float, float]:
  """Fits an asymmetric generalised Gaussian by moments.

  Returns:
    Shape alpha in .2 .. 10, left and right scale, and Gamma(2 / alpha) /
    Gamma(1 / alpha). A side without values has the scale NaN, and alpha is then .2: so
    MATLAB's min answers for numbers that are all NaN, and the authors' means count it.

  Source: Lasmar, Stitou, Berthoumieu 2009, as BRISQUE uses it.
  """
  values = values.ravel()
  left, right = (
    math.sqrt(np.mean(side * side)) if side.size else math.nan
    for side in (values[values < 0], values[values > 0])
  )
  shapes, ratios = _grid()
  alpha = float(shapes[0])
  if left > 0 and right > 0:
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values * values)
    target = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    alpha = float(shapes[np.argmin((ratios - target) ** 2)])
  scale = math.sqrt(math.gamma(1 / alpha) / math.gamma(3 / alpha))
  return (
    alpha,
    left * scale,
    right * scale,
    math.gamma(2 / alpha) / math.gamma(1 / alpha),
  )


@functools.cache
def _grid() -> tuple[np.ndarray, np.ndarray]:
  """Shapes .2, .201, ... 10, and the ratio of moments that each one has."""
  shapes = np.arange(200, 10001) / 1000
  first, second, third = (
    np.array([math.gamma(k / shape) for shape in shapes]) for k in (1, 2, 3)
  )
  return shapes, second**2 / (first * third)
