"""Filtering images, each with its own kernel, and USM sharpening.

Borders are mirrored at the edge pixels (abcd -> dcb|abcd|cba). The valid part of an
image may be a traced size in the corner of a larger canvas; what lies beyond comes out
arbitrary.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jsr.ops import filters
from jsr.types import Array


def _smooth_length(n: int) -> int:
  """Returns the least length from n that an FFT likes: a product of 2, 3 and 5."""
  while True:
    rest = n
    for p in (2, 3, 5):
      while rest % p == 0:
        rest //= p
    if rest == 1:
      return n
    n += 1


def _mirrored(length: int, radius: int, valid: Array | int) -> Array:
  """Returns the source of each of length + 2 radius samples, for a valid length."""
  period = jnp.maximum(2 * (valid - 1), 1)
  i = jnp.abs(jnp.arange(-radius, length + radius)) % period
  return jnp.minimum(jnp.where(i < valid, i, period - i), valid - 1)


def mirror(x: Array, radius: int, sizes: Array | None = None) -> Array:
  """Extends images by `radius` on each side.

  Args:
    x: (N, H, W, C).
    radius: May exceed the image.
    sizes: (N, 2) integers, valid height and width; None: H and W.

  Returns:
    (N, H + 2 radius, W + 2 radius, C).
  """
  _, h, w, _ = x.shape
  if sizes is None:
    rows, columns = _mirrored(h, radius, h), _mirrored(w, radius, w)
    return jnp.take(jnp.take(x, rows, axis=1), columns, axis=2)

  def one(image: Array, size: Array) -> Array:
    rows, columns = _mirrored(h, radius, size[0]), _mirrored(w, radius, size[1])
    return jnp.take(jnp.take(image, rows, axis=0), columns, axis=1)

  return jax.vmap(one)(x, sizes)


def correlate(x: Array, kernels: Array, sizes: Array | None = None) -> Array:
  """Filters each image with its own kernel.

  By FFT: twenty times as fast on a CPU as XLA's grouped convolution with the 21 x 21
  kernels of Real-ESRGAN.

  Args:
    x: (N, H, W, C) float.
    kernels: (N, k, k), k odd.
    sizes: See `mirror`.

  Returns:
    (N, H, W, C); y[i, j] = sum over a, b of kernel[a, b] x[i + a - k // 2, j + b -
    k // 2].
  """
  _, h, w, _ = x.shape
  radius = kernels.shape[-1] // 2
  planes = mirror(x, radius, sizes).transpose(0, 3, 1, 2)
  shape = (_smooth_length(h + 2 * radius), _smooth_length(w + 2 * radius))
  spectrum = jnp.conj(jnp.fft.rfft2(kernels, shape))[:, None]
  y = jnp.fft.irfft2(jnp.fft.rfft2(planes, shape) * spectrum, shape)
  return y[:, :, :h, :w].transpose(0, 2, 3, 1)


@functools.lru_cache(maxsize=16)
def _blur_matrix(n: int, taps: int, sigma: float) -> np.ndarray:
  """Returns the (n, n) matrix of a Gaussian with mirrored border."""
  weights = filters.gaussian(taps, sigma)
  result = np.zeros((n, n))
  period = max(2 * (n - 1), 1)
  for offset, weight in zip(np.arange(taps) - taps // 2, weights, strict=True):
    i = np.abs(np.arange(n) + offset) % period
    source = np.minimum(np.where(i < n, i, period - i), n - 1)
    np.add.at(result, (np.arange(n), source), weight)
  return result.astype(np.float32)


def gaussian(x: Array, *, taps: int, sigma: float) -> Array:
  """Blurs (N, H, W, C) with one fixed Gaussian of taps x taps pixels."""
  product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
  x = product('oh,nhwc->nowc', _blur_matrix(x.shape[1], taps, sigma), x)
  return product('ow,nhwc->nhoc', _blur_matrix(x.shape[2], taps, sigma), x)


def sharpen(
  x: Array, *, taps: int = 51, amount: float = 0.5, threshold: float = 10.0
) -> Array:
  """Sharpens by an unsharp mask, as Real-ESRGAN does to its training targets.

  b = Gaussian of x, residual r = x - b, mask = |r| 255 > threshold, soft = Gaussian of
  the mask: the result is soft clip(x + amount r) + (1 - soft) x. The Gaussian's sigma
  is 0.3 ((taps - 1) / 2 - 1) + 0.8, 8.0 for 51 taps.

  Args:
    x: (N, H, W, C) float in [0, 1].
    taps: Side of the Gaussian, odd.
    amount: Share of the residual that is added.
    threshold: Residuals up to it, in levels of 255, are left alone.

  Returns:
    As x, in [0, 1].
  """
  blur = functools.partial(gaussian, taps=taps, sigma=0.3 * ((taps - 1) / 2 - 1) + 0.8)
  residual = x - blur(x)
  soft = blur((jnp.abs(residual) * 255 > threshold).astype(x.dtype))
  return soft * jnp.clip(x + amount * residual, 0, 1) + (1 - soft) * x
