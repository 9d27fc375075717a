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


@functools.lru_cache(maxsize=32)
def _transforms(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Returns the Fourier transform of length n as real matrices.

  Complex numbers are pairs (real, imaginary) along an axis of their own.

  Returns:
    Of a real signal: (2, k, n), the k = n // 2 + 1 frequencies that are not mirrored.
    Its inverse: (n, 2, k). Of a complex signal and its inverse: (2, n, 2, n), output
    first.
  """
  k = n // 2 + 1
  # Whole turns are cut off before the floats are made: the angles stay exact.
  angle = 2 * np.pi * (np.arange(n)[:, None] * np.arange(n) % n) / n
  cos, sin = np.cos(angle), np.sin(angle)
  real = np.stack([cos[:k], -sin[:k]])
  # The frequencies in between stand for their mirrored ones too.
  weight = np.where((np.arange(k) == 0) | (2 * np.arange(k) == n), 1.0, 2.0) / n
  real_back = np.stack([cos[:, :k] * weight, -sin[:, :k] * weight], axis=1)
  whole = np.stack([np.stack([cos, sin], 1), np.stack([-sin, cos], 1)])
  back = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)]) / n
  matrices = (real, real_back, whole, back)
  for matrix in matrices:
    matrix.setflags(write=False)
  return matrices


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

  By Fourier transforms, written as matrix products: many times as fast on a CPU as
  XLA's grouped convolution with the 21 x 21 kernels of Real-ESRGAN. XLA's own FFT is no
  faster at these sizes, and on CPUs it breaks where a sharded batch or a loop gives its
  input another layout.

  Args:
    x: (N, H, W, C) float.
    kernels: (N, k, k), k odd.
    sizes: See `mirror`.

  Returns:
    (N, H, W, C); y[i, j] = sum over a, b of kernel[a, b] x[i + a - k // 2, j + b -
    k // 2].
  """
  h, w = x.shape[1:3]
  taps = kernels.shape[-1]
  planes = mirror(x, taps // 2, sizes).transpose(0, 3, 1, 2)
  height, width = planes.shape[2:]
  real, real_back, _, _ = _transforms(width)
  _, _, whole, back = _transforms(height)
  cast = functools.partial(np.asarray, dtype=np.float32)
  product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)

  def spectrum(v: Array, spec: str, rows: int, columns: int) -> Array:
    v = product(f'{spec}hw,ukw->{spec}huk', v, cast(real[..., :columns]))
    return product(f'{spec}huk,vluh->{spec}vlk', v, cast(whole[..., :rows]))

  f = spectrum(planes, 'nc', height, width)
  g = spectrum(kernels, 'n', taps, taps)[:, None]
  # f times the conjugate of g: a correlation.
  f = jnp.stack(
    [
      f[:, :, 0] * g[:, :, 0] + f[:, :, 1] * g[:, :, 1],
      f[:, :, 1] * g[:, :, 0] - f[:, :, 0] * g[:, :, 1],
    ],
    axis=2,
  )
  f = product('ncvlk,uhvl->nchuk', f, cast(back[:, :h]))
  y = product('nchuk,wuk->nchw', f, cast(real_back[:w]))
  return y.transpose(0, 2, 3, 1)


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
