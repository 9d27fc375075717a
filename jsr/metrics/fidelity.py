"""RMSE, PSNR and SSIM: how near an image is to the truth.

Contract: x and y are (N, H, W, C) float of one shape, on the scale 0..peak. Each
function returns one value per example, (N,), of the inputs' dtype, and may be jitted.
Which plane, range and crop a published number means is the business of
`jsr.evaluate.protocol`; `prepare` here cuts and selects as it says.
"""

import math
from typing import Literal

import jax.numpy as jnp

from jsr.ops import color, filters
from jsr.types import Array

Plane = Literal['y', 'y_full', 'rgb']


def prepare(image: Array, *, plane: Plane, crop: int) -> Array:
  """Selects the colour plane and cuts the border.

  Args:
    image: (N, H, W, 3) RGB or (N, H, W, 1) luma, float on 0..255.
    plane: 'y' BT.601 studio luma, 'y_full' full-range luma, 'rgb' all channels.
      A one-channel image is luma already and is never converted: pushing grey through
      RGB to studio luma squeezes its range and raises PSNR by 1.3 dB.
    crop: Pixels to cut from each side.

  Returns:
    (N, H - 2 crop, W - 2 crop, 1 or 3) on 0..255.
  """
  h, w = image.shape[-3], image.shape[-2]
  if min(h, w) <= 2 * crop:
    raise ValueError(f'a crop of {crop} leaves nothing of {h} x {w}')
  image = image[..., crop : h - crop, crop : w - crop, :]
  if plane == 'rgb' or image.shape[-1] == 1:
    return image
  return color.luma(image / 255, full_range=plane == 'y_full')


def mse(x: Array, y: Array) -> Array:
  """Mean squared error over pixels and channels, (N,)."""
  return jnp.mean(jnp.square(x - y), axis=(-3, -2, -1))


def rmse(x: Array, y: Array) -> Array:
  """Root of the mean squared error, in the units of the inputs, (N,)."""
  return jnp.sqrt(mse(x, y))


def rmse_4095(x: Array, y: Array) -> Array:
  """The "RMSE" of report 001: RMSE on 0..255 divided by 4095, (N,).

  [our reading] Its printed .0030 to .0054 are no RMSE of any usual range: they have the
  12-bit peak that a Python package for satellite images takes by default. One RMSE over
  all channels, although that package says "per band, then averaged": the releases of
  the time subtract the whole pictures for each band, and only so its bicubic rows are
  met to every digit (.003054 and .003955 for the printed .0031 and .0040; averaged over
  bands .003048 and .003948). Never print it under the bare name RMSE.
  """
  return rmse(x, y) / 4095


def psnr(x: Array, y: Array, *, peak: float = 255.0) -> Array:
  """Peak signal-to-noise ratio in dB, (N,).

  One MSE over all pixels and channels; equal images give infinity, never a capped
  number.
  """
  return 10 * jnp.log10(peak**2 / mse(x, y))


def psnr_of(error: float, *, peak: float = 255.0) -> float:
  """PSNR in dB of a mean squared error that is known already.

  Infinity for 0 and NaN for NaN: what has no number must not pass for perfect.

  Args:
    error: In squares of the unit that `peak` has.
    peak: The largest value that a picture can have.
  """
  return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def ssim(
  x: Array, y: Array, *, peak: float = 255.0, k1: float = 0.01, k2: float = 0.03
) -> Array:
  """Structural similarity with an 11 x 11 Gaussian window, (N,).

  Sigma 1.5, population moments, valid region, mean of the map, mean over channels.

  Raises:
    ValueError: An image is smaller than the window.

  Source: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error
  Visibility to Structural Similarity", 2004, equation 13. No down-sampling.
  """
  luminance, structure = ssim_maps(x, y, peak=peak, k1=k1, k2=k2)
  return jnp.mean(luminance * structure, axis=(-3, -2, -1))


def ssim_maps(
  x: Array, y: Array, *, peak: float = 255.0, k1: float = 0.01, k2: float = 0.03
) -> tuple[Array, Array]:
  """The two maps whose product is the map of `ssim`.

  Returns:
    Luminance, and contrast times structure: each (N, H - 10, W - 10, C).
  """
  taps = filters.gaussian(11, 1.5)
  c1, c2 = (k1 * peak) ** 2, (k2 * peak) ** 2
  # Moments about mid-grey: variances are shift-invariant, and float32 keeps two more
  # digits of them.
  mid = peak / 2
  a, b = x - mid, y - mid
  # One pass over all moments: less to compile for each new shape.
  moments = jnp.concatenate([a, b, a * a, b * b, a * b], axis=-1)
  mu_a, mu_b, aa, bb, ab = jnp.split(filters.separable_valid(moments, taps), 5, -1)
  var_a, var_b, cov = aa - mu_a**2, bb - mu_b**2, ab - mu_a * mu_b
  mu_x, mu_y = mu_a + mid, mu_b + mid
  luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
  structure = (2 * cov + c2) / (var_a + var_b + c2)
  return luminance, structure


def ssim_global(
  x: Array, y: Array, *, peak: float = 255.0, k1: float = 0.01, k2: float = 0.03
) -> Array:
  """Structural similarity with the whole image as its one window, (N,).

  Sample moments (divisor HW - 1) and the product of luminance, contrast and structure
  with C3 = C2 / 2; mean over channels. It has no window, so it differs a lot from
  `ssim`: never compare the two.

  Source: the comparison of Anime4K, SRCNN, ESPCN, SRGAN and ESRGAN on illustrations,
  whose formulas print no constants; k1 and k2 are Wang's.
  """
  n = x.shape[-3] * x.shape[-2]
  c1, c2 = (k1 * peak) ** 2, (k2 * peak) ** 2
  c3 = c2 / 2
  axes = (-3, -2)
  mu_x = jnp.mean(x, axis=axes, keepdims=True)
  mu_y = jnp.mean(y, axis=axes, keepdims=True)
  var_x = jnp.sum((x - mu_x) ** 2, axis=axes) / (n - 1)
  var_y = jnp.sum((y - mu_y) ** 2, axis=axes) / (n - 1)
  cov = jnp.sum((x - mu_x) * (y - mu_y), axis=axes) / (n - 1)
  mu_x, mu_y = jnp.squeeze(mu_x, axes), jnp.squeeze(mu_y, axes)
  sigma = jnp.sqrt(var_x * var_y)
  luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
  contrast = (2 * sigma + c2) / (var_x + var_y + c2)
  structure = (cov + c3) / (sigma + c3)
  return jnp.mean(luminance * contrast * structure, axis=-1)
