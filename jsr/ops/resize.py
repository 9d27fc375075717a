"""MATLAB's `imresize` as separable matrices, its transpose, and nearest.

Contract: images are (..., H, W, C). `resize` and `transpose` take and return floats,
without clipping (overshoot stays); `resize_uint8` takes and returns integers 0..255,
rounded and clipped after each of the two passes, as MATLAB does for uint8 images.
Sizes and scales are static, the matrices are constants of the compiled program.

Source: Keys, "Cubic convolution interpolation for digital image processing", 1981
(a = -0.5), in the form that MATLAB's imresize gives it (kernel widened when shrinking).
The published LR images of Set5 and Set14 are reproduced bit for bit by it.
"""

import functools
import math
from typing import Literal, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jsr.ops import shuffle
from jsr.types import Array

Kernel = Literal['cubic', 'linear', 'box']
Border = Literal['symmetric', 'replicate', 'wrap']
Image = TypeVar('Image', np.ndarray, jax.Array)
_WIDTH = {'cubic': 4.0, 'linear': 2.0, 'box': 1.0}


def _kernel(name: Kernel, x: np.ndarray) -> np.ndarray:
  if name == 'box':
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)
  x = np.abs(x)
  if name == 'linear':
    return np.maximum(0.0, 1.0 - x)
  near = 1.5 * x**3 - 2.5 * x**2 + 1
  far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
  return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def taps(
  n: int,
  m: int,
  scale: float | None = None,
  *,
  kernel: Kernel = 'cubic',
  antialias: bool = True,
  border: Border = 'symmetric',
) -> tuple[np.ndarray, np.ndarray]:
  """Returns which samples make each sample of a resized signal, and their weights.

  Args:
    n: Input length.
    m: Output length.
    scale: Output over input size as the caller meant it; m / n if None. MATLAB uses the
      scale that it was given even where n * scale is no integer.
    kernel: Interpolation kernel.
    antialias: Widen the kernel by 1 / scale when shrinking.
    border: 'symmetric' mirrors at half samples (MATLAB today); 'replicate' repeats the
      edge (old MATLAB releases, the SelfExSR distribution); 'wrap' goes on at the other
      end.

  Returns:
    int (m, taps) indices and float64 (m, taps) weights, each row of sum 1. An index may
    occur twice in a row.
  """
  if n < 1 or m < 1:
    raise ValueError(f'lengths must be positive, got {n} and {m}')
  s = m / n if scale is None else scale
  width = _WIDTH[kernel]
  squeeze = min(s, 1.0) if antialias else 1.0
  width /= squeeze
  out = np.arange(1, m + 1)
  centre = out / s + 0.5 * (1 - 1 / s)
  left = np.floor(centre - width / 2)
  places = left[:, None] + np.arange(math.ceil(width) + 2)
  weights = squeeze * _kernel(kernel, squeeze * (centre[:, None] - places))
  # Normalised before the border is folded in: taps outside count as samples.
  weights /= weights.sum(1, keepdims=True)
  index = places.astype(int) - 1
  if border == 'symmetric':
    index %= 2 * n
    index = np.where(index < n, index, 2 * n - 1 - index)
  elif border == 'wrap':
    index %= n
  else:
    index = np.clip(index, 0, n - 1)
  return index, weights


@functools.lru_cache(maxsize=256)
def matrix(
  n: int,
  m: int,
  scale: float | None = None,
  *,
  kernel: Kernel = 'cubic',
  antialias: bool = True,
  border: Border = 'symmetric',
) -> np.ndarray:
  """Returns the matrix that resizes a signal of length n to length m; see `taps`.

  Returns:
    float64 (m, n); read-only, every row sums to 1.
  """
  index, weights = taps(n, m, scale, kernel=kernel, antialias=antialias, border=border)
  result = np.zeros((m, n))
  np.add.at(result, (np.arange(m)[:, None], index), weights)
  result.setflags(write=False)
  return result


def _sizes(
  shape: tuple[int, ...], scale: float | None, size: tuple[int, int] | None
) -> tuple[tuple[int, int], tuple[float, float]]:
  h, w = shape[-3], shape[-2]
  if (scale is None) == (size is None):
    raise ValueError('give either scale or size')
  if size is not None:
    return size, (size[0] / h, size[1] / w)
  assert scale is not None
  # The tolerance keeps ceil(0.25 * 4k) at k where the product is not exact.
  out = tuple(math.ceil(length * scale - 1e-9) for length in (h, w))
  return (out[0], out[1]), (scale, scale)


def _apply(a: np.ndarray, x: Array, axis: int) -> Array:
  """Multiplies axis -3 (rows) or -2 (columns) of x by the constant matrix a."""
  spec = 'oh,...hwc->...owc' if axis == -3 else 'ow,...hwc->...hoc'
  # HIGHEST: a GPU's TF32 would change the eighth bit.
  return jnp.einsum(spec, a.astype(x.dtype), x, precision=jax.lax.Precision.HIGHEST)


def _passes(
  shape: tuple[int, ...],
  scale: float | None,
  size: tuple[int, int] | None,
  kernel: Kernel,
  antialias: bool,
  border: Border,
) -> list[tuple[int, np.ndarray]]:
  (h, w), (sh, sw) = _sizes(shape, scale, size)
  make = functools.partial(matrix, kernel=kernel, antialias=antialias, border=border)
  rows = (-3, make(shape[-3], h, sh))
  columns = (-2, make(shape[-2], w, sw))
  return [rows, columns] if sh <= sw else [columns, rows]


def resize(
  x: Array,
  scale: float | None = None,
  *,
  size: tuple[int, int] | None = None,
  kernel: Kernel = 'cubic',
  antialias: bool = True,
  border: Border = 'symmetric',
) -> Array:
  """Resizes float images as MATLAB's imresize does for doubles.

  Args:
    x: (..., H, W, C) float, any range.
    scale: Output size is ceil(scale * size). Or
    size: (height, width) of the output.
    kernel: See `matrix`.
    antialias: See `matrix`.
    border: See `matrix`.

  Returns:
    (..., h, w, C) of x's dtype, not clipped.

  Raises:
    ValueError: Unless exactly one of scale and size is given.
    TypeError: x is not floating.
  """
  if not jnp.issubdtype(x.dtype, jnp.floating):
    raise TypeError(f'resize takes floats, got {x.dtype}; see resize_uint8')
  for axis, a in _passes(x.shape, scale, size, kernel, antialias, border):
    x = _apply(a, x, axis)
  return x


def resize_uint8(
  x: Array,
  scale: float | None = None,
  *,
  size: tuple[int, int] | None = None,
  kernel: Kernel = 'cubic',
  antialias: bool = True,
  border: Border = 'symmetric',
) -> Array:
  """Resizes 8-bit images as MATLAB's imresize does for uint8.

  Args:
    x: (..., H, W, C) uint8.
    scale: See `resize`.
    size: See `resize`.
    kernel: See `matrix`.
    antialias: See `matrix`.
    border: See `matrix`.

  Returns:
    (..., h, w, C) uint8; rounded half up and clipped after each pass.
  """
  if x.dtype != jnp.uint8:
    raise TypeError(f'resize_uint8 takes uint8, got {x.dtype}; see resize')
  y = x.astype(jnp.float32)
  for axis, a in _passes(x.shape, scale, size, kernel, antialias, border):
    y = quantise(_apply(a, y, axis))
  return y.astype(jnp.uint8)


def transpose(
  y: Array,
  *,
  scale: float,
  size: tuple[int, int],
  kernel: Kernel = 'cubic',
  antialias: bool = True,
  border: Border = 'symmetric',
) -> Array:
  """Applies the transpose of `resize` of an image of `size` by `scale`.

  With A = resize(., scale): <A x, y> = <x, transpose(y)>.

  Args:
    y: (..., h, w, C) float, of the size that resize would return.
    scale: The scale of A.
    size: (H, W) of A's input, which is the output here.
    kernel: See `matrix`.
    antialias: See `matrix`.
    border: See `matrix`.

  Returns:
    (..., H, W, C).
  """
  shape = (*y.shape[:-3], *size, y.shape[-1])
  for axis, a in _passes(shape, scale, None, kernel, antialias, border):
    y = _apply(a.T, y, axis)
  return y


@functools.lru_cache(maxsize=64)
def _phase_kernel(scale: int, channels: int) -> np.ndarray:
  """Returns the 5x5 kernels of bicubic enlargement, (5, 5, C, C * scale^2)."""
  middle = 4  # Of a signal that is long enough for no border to show.
  taps = matrix(9, 9 * scale, scale)[middle * scale : (middle + 1) * scale, 2:7]
  both = np.einsum('yi,xj->ijyx', taps, taps).reshape(5, 5, 1, scale**2)
  kernel = np.zeros((5, 5, channels, channels, scale**2))
  for c in range(channels):
    kernel[:, :, c, c] = both[:, :, 0]
  return kernel.reshape(5, 5, channels, channels * scale**2)


def phases(x: Array, scale: int) -> Array:
  """Enlarges by bicubic, the scale^2 phases of the result side by side as channels.

  `shuffle.pixel_shuffle(phases(x, s), s)` is `resize(x, s)` to float rounding: one 5x5
  convolution in place of matrices, so that it costs little on large images, and sizes
  need not be known when the program is exported.

  Args:
    x: (N, H, W, C) float; few channels, as the kernel is dense.
    scale: An integer from 2.

  Returns:
    (N, H, W, C * scale^2), channels as `shuffle.pixel_shuffle` reads them.
  """
  # MATLAB mirrors at half samples; the kernel reaches over two.
  for axis in (1, 2):
    if isinstance(x.shape[axis], int) and x.shape[axis] == 1:
      x = jnp.repeat(x, 5, axis)
    else:
      start, end = (jnp.flip(_slice(x, axis, s), axis) for s in ((0, 2), (-2, None)))
      x = jnp.concatenate([start, x, end], axis)
  return jax.lax.conv_general_dilated(
    x,
    jnp.asarray(_phase_kernel(scale, x.shape[-1]), x.dtype),
    (1, 1),
    'VALID',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    precision=jax.lax.Precision.HIGHEST,
  )


def _slice(x: Array, axis: int, ends: tuple[int, int | None]) -> Array:
  return x[(slice(None),) * axis + (slice(*ends),)]


def enlarge(x: Array, scale: int) -> Array:
  """Returns `resize(x, scale)` for an integer scale, by way of `phases`."""
  return shuffle.pixel_shuffle(phases(x, scale), scale)


def nearest(
  x: Array, scale: float | None = None, *, size: tuple[int, int] | None = None
) -> Array:
  """Resizes by the nearest sample, as MATLAB does (no antialiasing).

  Args:
    x: (..., H, W, C), any dtype.
    scale: See `resize`.
    size: See `resize`.

  Returns:
    (..., h, w, C) of x's dtype.
  """
  if isinstance(scale, int):
    # Copies need no table of indices, nor sizes that are known.
    *rest, h, w, c = x.shape
    x = jnp.broadcast_to(x[..., :, None, :, None, :], (*rest, h, scale, w, scale, c))
    return x.reshape(*rest, h * scale, w * scale, c)
  (h, w), (sh, sw) = _sizes(x.shape, scale, size)

  def index(n: int, m: int, s: float) -> np.ndarray:
    centre = np.arange(1, m + 1) / s + 0.5 * (1 - 1 / s)
    return np.clip(np.floor(centre + 0.5).astype(int) - 1, 0, n - 1)

  rows, columns = index(x.shape[-3], h, sh), index(x.shape[-2], w, sw)
  return jnp.take(jnp.take(x, rows, axis=-3), columns, axis=-2)


def quantise(x: Array) -> Array:
  """Rounds half up and clips to the levels 0..255, staying float."""
  return jnp.clip(jnp.floor(x + 0.5), 0, 255)


def modcrop(x: Image, scale: int) -> Image:
  """Cuts bottom and right of (..., H, W, C) to multiples of scale."""
  h, w = x.shape[-3], x.shape[-2]
  return x[..., : h - h % scale, : w - w % scale, :]
