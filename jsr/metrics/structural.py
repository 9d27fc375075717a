"""SSIM in the other forms that published tables use; Wang's own is in `fidelity`.

Contract as in `jsr.metrics.fidelity`: x and y are (N, H, W, C) float of one shape on
0..peak, one value per example, (N,). The forms differ by up to 0.1 on the same pair:
a number without the name of its form means nothing.
"""

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jsr.metrics import fidelity
from jsr.ops import filters
from jsr.types import Array

# Wang, Simoncelli, Bovik 2003, section 3.2.
MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# The least side of which the fifth scale still holds the window.
MS_SMALLEST = 11 * 2 ** (len(MS_WEIGHTS) - 1)


def ssim_downsampled(x: Array, y: Array, *, peak: float = 255.0) -> Array:
  """Wang's SSIM after the down-sampling that the original ssim.m recommends, (N,).

  Both pictures are averaged over F x F pixels and every F-th sample is kept, with
  F = max(1, round(min(H, W) / 256)). Super-resolution tables do not do this.

  Source: "Suggested usage" in the authors' ssim.m of 2009 and later.
  """
  factor = max(1, math.floor(min(x.shape[-3], x.shape[-2]) / 256 + 0.5))
  return fidelity.ssim(shrink(x, factor), shrink(y, factor), peak=peak)


def shrink(x: Array, factor: int) -> Array:
  """Means of factor x factor pixels, then every factor-th sample from the first.

  The window of sample p covers p - (factor - 1) // 2 onwards and mirrors at the border
  (MATLAB: imfilter with 'symmetric').

  Args:
    x: (N, H, W, C).
    factor: At least 1.

  Returns:
    (N, ceil(H / factor), ceil(W / factor), C).
  """
  if factor == 1:
    return x
  before = (factor - 1) // 2
  pad = (before, factor - 1 - before)
  x = jnp.pad(x, ((0, 0), pad, pad, (0, 0)), mode='symmetric')
  x = filters.separable_valid(x, np.full(factor, 1 / factor))
  return x[:, ::factor, ::factor]


def ms_ssim(
  x: Array,
  y: Array,
  *,
  peak: float = 255.0,
  pooling: Literal['product', 'sum'] = 'product',
) -> Array:
  """Multi-scale SSIM over five octaves, (N,); channels are averaged at the end.

  Args:
    x: (N, H, W, C) on 0..peak.
    y: Likewise.
    peak: Largest value.
    pooling: 'product', the paper's: the five numbers to the power of their weights (a
      negative one counts as 0: its power would be complex). 'sum': their weighted mean,
      the other method of the authors' msssim.m, by which some lists of reference values
      were made; it differs by up to .005.

  Raises:
    ValueError: A side is below 176 pixels, so that the last scale lacks a window.

  Source: Wang, Simoncelli, Bovik, "Multi-scale Structural Similarity for Image Quality
  Assessment", 2003, equation 7, with the 2 x 2 mean of the authors' msssim.m.
  """
  h, w = x.shape[-3], x.shape[-2]
  if min(h, w) < MS_SMALLEST:
    raise ValueError(
      f'an image of {h} x {w} is smaller than the {MS_SMALLEST} x {MS_SMALLEST} pixels'
      ' of five scales'
    )
  means = []
  for scale in range(len(MS_WEIGHTS)):
    if scale:
      x, y = shrink(x, 2), shrink(y, 2)
    luminance, structure = fidelity.ssim_maps(x, y, peak=peak)
    last = scale == len(MS_WEIGHTS) - 1
    means.append(jnp.mean(luminance * structure if last else structure, axis=(-3, -2)))
  octaves = jnp.stack(means)
  weights = jnp.asarray(MS_WEIGHTS, x.dtype)[:, None, None]
  if pooling == 'sum':
    result = jnp.sum(octaves * weights, axis=0) / sum(MS_WEIGHTS)
  else:
    result = jnp.prod(jnp.maximum(octaves, 0) ** weights, axis=0)
  return jnp.mean(result, axis=-1)


def ssim_matlab3d(x: Array, y: Array, *, peak: float = 255.0) -> Array:
  """SSIM with an 11 x 11 x 11 window over rows, columns and channels, (N,).

  What MATLAB's ssim does to an H x W x 3 array, which it takes for a volume: Gaussian
  of sigma 1.5 along all three axes, edge samples repeated, the mean of the whole map.
  Toolkits for restoration took it over for RGB. One channel: the 2-D form, but with
  repeated edges instead of the valid region.

  Source: MATLAB's ssim (defaults), and the `_ssim_3d` of toolkits that follow it.
  """
  taps = filters.gaussian(11, 1.5)
  c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
  mid = peak / 2
  a, b = x - mid, y - mid
  mix = _edge_mixing(x.shape[-1], taps)

  def mean(values: Array) -> Array:
    values = jnp.pad(values, ((0, 0), (5, 5), (5, 5), (0, 0)), mode='edge')
    values = filters.separable_valid(values, taps)
    return jnp.einsum(
      'nhwc,dc->nhwd',
      values,
      mix.astype(values.dtype),
      precision=jax.lax.Precision.HIGHEST,
    )

  mu_a, mu_b = mean(a), mean(b)
  var_a, var_b = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2
  cov = mean(a * b) - mu_a * mu_b
  mu_x, mu_y = mu_a + mid, mu_b + mid
  luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
  structure = (2 * cov + c2) / (var_a + var_b + c2)
  return jnp.mean(luminance * structure, axis=(-3, -2, -1))


def _edge_mixing(channels: int, taps: np.ndarray) -> np.ndarray:
  """The window along the channels, edges repeated, as a matrix (channels, channels)."""
  radius = len(taps) // 2
  result = np.zeros((channels, channels))
  for out in range(channels):
    for offset, tap in enumerate(taps):
      result[out, min(max(out + offset - radius, 0), channels - 1)] += tap
  return result


def ssim_daala(x: Array, y: Array) -> Array:
  """SSIM as the daala project's dump_ssim computes it, (N,); mean over channels.

  The Gaussian grows with the picture: sigma = 1.5 H / 256 of the height H, its taps are
  integers of sum 256, it is cut at the border and renormalised there, and the mean of
  the map is weighted with what the window still holds. The SSIM column of the SRGAN
  paper was made with it: bicubic x4 on Set5 has .82 here and .81 by Wang's definition.
  As the tool reads video, a grey picture of a set belongs in its studio range first
  (16 + 219 / 255 v), unlike everywhere else.

  Args:
    x: (N, H, W, C) on 0..255; rounded to 8 bits first, as the tool reads 8-bit video.
    y: Likewise.

  Source: dump_ssim.c of xiph/daala; Ledig et al. 2017 (SRGAN), section 3.2, names the
  tool.
  """
  x, y = (jnp.clip(jnp.floor(v + 0.5), 0, 255) for v in (x, y))
  h, w = x.shape[-3], x.shape[-2]
  taps = daala_taps(1.5 * h / 256, min(h, w))
  c1, c2 = 255**2 * 0.01**2, 255**2 * 0.03**2
  rows, columns = _held(h, taps), _held(w, taps)
  weight = np.multiply.outer(rows, columns)[None, :, :, None]
  weight = jnp.asarray(weight / weight.sum(), x.dtype)
  scale = jnp.asarray(1 / np.multiply.outer(rows, columns)[None, :, :, None], x.dtype)
  # About mid-grey, as in `fidelity.ssim`; the renormalised window allows the shift.
  mid = 127.5
  a, b = x - mid, y - mid
  radius = len(taps) // 2
  moments = jnp.concatenate([a, b, a * a, b * b, a * b], axis=-1)
  pad = (radius, radius)
  moments = jnp.pad(moments, ((0, 0), pad, pad, (0, 0)))
  moments = filters.separable_valid(moments, taps) * scale
  mu_a, mu_b, aa, bb, ab = jnp.split(moments, 5, -1)
  var_a, var_b, cov = aa - mu_a**2, bb - mu_b**2, ab - mu_a * mu_b
  mu_x, mu_y = mu_a + mid, mu_b + mid
  luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
  structure = (2 * cov + c2) / (var_a + var_b + c2)
  return jnp.mean(jnp.sum(luminance * structure * weight, axis=(-3, -2)), axis=-1)


def daala_taps(sigma: float, longest: int) -> np.ndarray:
  """The integer Gaussian of dump_ssim, (2 radius + 1,), of sum 256 (float64).

  Args:
    sigma: In pixels.
    longest: The radius stays below it.
  """
  s = math.sqrt(math.pi / 2) * sigma / 256
  radius = 0 if s >= 1 else math.floor(sigma * math.sqrt(-2 * math.log(s)))
  radius = min(radius, longest - 1)
  offsets = np.arange(1, radius + 1)
  density = np.exp(-(offsets**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
  side = np.floor(256 * density + 0.5)
  return np.concatenate([side[::-1], [256 - 2 * side.sum()], side])


def _held(length: int, taps: np.ndarray) -> np.ndarray:
  """How much of the window lies inside, per position, (length,)."""
  radius = len(taps) // 2
  ones = np.pad(np.ones(length), radius)
  return np.convolve(ones, taps, 'valid')
