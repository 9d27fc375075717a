"""Resizing as PyTorch and OpenCV do it, by factors that may be traced.

Three modes: area, bilinear and bicubic (a = -0.75), none of them antialiased, with
half-pixel centres. An image lies in the upper left corner of a canvas of static size,
and each has its own valid size: so one compiled program serves every factor, and each
example has its own.

Source: PyTorch's `interpolate(align_corners=False)`, which Real-ESRGAN resizes by;
its bicubic is OpenCV's INTER_CUBIC.
"""

import functools

import jax
import jax.numpy as jnp

from jsr.ops import bicubic_cv as opencv
from jsr.types import Array

MODES = ('area', 'bilinear', 'bicubic')


def _cubic(t: Array) -> tuple[Array, Array, Array, Array]:
  """Weights of the four neighbours at distances 1 + t, t, 1 - t, 2 - t; a = -0.75."""
  a = -0.75

  def near(x: Array) -> Array:
    return ((a + 2) * x - (a + 3)) * x * x + 1

  def far(x: Array) -> Array:
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

  return far(t + 1), near(t), near(1 - t), far(2 - t)


def matrix(
  canvas: tuple[int, int],
  n: Array | int,
  m: Array | int,
  step: Array | float,
  mode: str,
) -> Array:
  """Returns the matrix that resizes a signal of length n to length m.

  Args:
    canvas: (rows, columns) of the matrix, at least m and n.
    n: Input length; may be traced.
    m: Output length; may be traced.
    step: Input samples from one output sample to the next: n / m, or 1 / factor where
      PyTorch was given a factor and m = floor(n factor). Mode area uses n and m only.
    mode: One of `MODES`.

  Returns:
    float32 (rows, columns); the first m rows sum to 1, the others are 0.
  """
  o = jnp.arange(canvas[0])[:, None]
  i = jnp.arange(canvas[1])[None, :]
  n, m = jnp.asarray(n), jnp.asarray(m)
  if mode == 'area':
    start, end = (o * n) // m, ((o + 1) * n + m - 1) // m
    result = ((i >= start) & (i < end)) / jnp.maximum(end - start, 1)
  else:
    source = (o + 0.5) * step - 0.5
    if mode == 'bilinear':
      # PyTorch cuts source at 0 first; so does the border of the indices, below.
      first = jnp.floor(source)
      t = source - first
      taps = [(0, 1 - t), (1, t)]
    elif mode == 'bicubic':
      first = jnp.floor(source)
      weights = _cubic(source - first)
      taps = list(zip(range(-1, 3), weights, strict=True))
    else:
      raise ValueError(f'no mode {mode}; the modes are {MODES}')
    left = first.astype(jnp.int32)
    result = sum(
      (jnp.where(i == jnp.clip(left + k, 0, n - 1), w, 0.0) for k, w in taps),
      jnp.zeros(canvas),
    )
  return jnp.where(o < m, result, 0.0).astype(jnp.float32)


def resize(
  x: Array,
  *,
  sizes: Array,
  to: Array,
  steps: Array,
  mode: Array,
  canvas: tuple[int, int],
) -> Array:
  """Resizes each image by its own factor and mode.

  Args:
    x: (N, H, W, C), valid in the corner; beyond it anything finite.
    sizes: (N, 2) integers: valid height and width.
    to: (N, 2) integers: those of the result.
    steps: (N, 2) float: see `matrix`.
    mode: (N,) index into `MODES`.
    canvas: (height, width) of the result.

  Returns:
    (N, *canvas, C), zero outside the valid part.
  """

  def one(
    n: Array, m: Array, step: Array, mode: Array, shape: tuple[int, int]
  ) -> Array:
    a, b, c = (matrix(shape, n, m, step, name) for name in MODES)
    return jnp.where(mode == 0, a, jnp.where(mode == 1, b, c))

  mode = jnp.round(mode).astype(jnp.int32)
  product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
  for axis, spec in ((0, 'noh,nhwc->nowc'), (1, 'now,nhwc->nhoc')):
    shape = (canvas[axis], x.shape[axis + 1])
    matrices = jax.vmap(functools.partial(one, shape=shape))(
      sizes[:, axis], to[:, axis], steps[:, axis], mode
    )
    x = product(spec, matrices, x)
  return x


def bicubic_cv(x: Array, *, size: tuple[int, int]) -> Array:
  """Resizes float images as OpenCV's INTER_CUBIC does, either way.

  a = -0.75, no antialiasing, half-pixel centres, replicated border. OpenCV rounds
  8-bit weights to 1/2048; rounding this result instead differs from it rarely, and by
  one level.

  Args:
    x: (..., H, W, C) float, any range.
    size: (height, width) of the result.

  Returns:
    (..., height, width, C), not clipped.
  """
  product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
  for spec, a in (
    ('oh,...hwc->...owc', opencv.matrix(x.shape[-3], size[0])),
    ('ow,...hwc->...hoc', opencv.matrix(x.shape[-2], size[1])),
  ):
    x = product(spec, a.astype(x.dtype), x)
  return x
