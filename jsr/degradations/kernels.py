"""Blur kernels with drawn parameters: six families of bells, and the sinc.

A kernel lies in the middle of a square canvas of odd, static side; its own side
`width` (odd too), and all else, may be traced. Parameters are scalars: use `jax.vmap`
for a batch. Every kernel sums to 1.

Source: Wang et al., "Real-ESRGAN", 2021, sections 3.1 and 3.3; the generalised and
plateau families are Liu et al., "Estimating generalized Gaussian blur kernels", 2020.
"""

import jax.numpy as jnp
import numpy as np

from jsr.types import Array

# The order of the probabilities in Real-ESRGAN's table.
FAMILIES = (
  'iso',
  'aniso',
  'generalised_iso',
  'generalised_aniso',
  'plateau_iso',
  'plateau_aniso',
)
# Abramowitz & Stegun 9.4.4 and 9.4.6, in powers of (x / 3)^2 and of 3 / x; absolute
# errors below 1.3e-8 (of J1(x) / x) and 4e-8, beyond float32.
_NEAR = (0.5, -0.56249985, 0.21093573, -0.03954289, 0.00443319, -0.00031761, 1.109e-5)
_SIZE = (
  0.79788456,
  0.00000156,
  0.01659667,
  0.00017105,
  -0.00249511,
  0.00113653,
  -0.00020033,
)
_PHASE = (
  -2.35619449,
  0.12499612,
  0.00005650,
  -0.00637879,
  0.00074348,
  0.00079824,
  -0.00029166,
)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
  result = jnp.zeros_like(x)
  for c in reversed(coefficients):
    result = result * x + c
  return result


def bessel_j1(x: Array) -> Array:
  """Returns the Bessel function J1 of x >= 0, absolute error below 1e-6 in float32."""
  near = x * _polynomial(_NEAR, jnp.square(x / 3))
  far_x = jnp.maximum(x, 3)
  size = _polynomial(_SIZE, 3 / far_x)
  phase = far_x + _polynomial(_PHASE, 3 / far_x)
  return jnp.where(x < 3, near, size * jnp.cos(phase) / jnp.sqrt(far_x))


def _grid(canvas: int) -> tuple[np.ndarray, np.ndarray]:
  if canvas % 2 == 0:
    raise ValueError(f'a kernel has an odd side, not {canvas}')
  r = np.arange(canvas, dtype=np.float32) - (canvas - 1) / 2
  y, x = np.meshgrid(r, r, indexing='ij')
  return x, y


def _normalised(kernel: Array, canvas: int, width: Array | float) -> Array:
  x, y = _grid(canvas)
  inside = jnp.maximum(np.abs(x), np.abs(y)) <= (width - 1) / 2
  kernel = jnp.where(inside, kernel, 0.0)
  return kernel / jnp.sum(kernel)


def bell(
  canvas: int,
  *,
  family: Array | int,
  width: Array | float,
  sigma_x: Array | float,
  sigma_y: Array | float,
  angle: Array | float,
  beta: Array | float = 1.0,
  centre: tuple[Array | float, Array | float] = (0.0, 0.0),
) -> Array:
  """Makes a kernel of one of `FAMILIES`.

  With q = v' S^-1 v, S = U diag(sigma_x^2, sigma_y^2) U' and U the rotation by angle:
  Gaussian exp(-q / 2), generalised exp(-q^beta / 2), plateau 1 / (1 + q^beta).

  Args:
    canvas: Side of the result.
    family: Index into `FAMILIES`; may be traced.
    width: Side of the kernel, odd, at most canvas.
    sigma_x: Standard deviation in pixels along the first axis of the bell.
    sigma_y: Along the second; the isotropic families use sigma_x for both.
    angle: From the x axis (columns, rightwards) towards the y axis (rows, downwards),
      in radians.
    beta: Shape of the generalised and plateau families.
    centre: (x, y) of the bell in pixels from the middle of the canvas.

  Returns:
    (canvas, canvas), rows first.
  """
  x, y = _grid(canvas)
  family = jnp.asarray(family)
  dx, dy = x - jnp.asarray(centre[0]), y - jnp.asarray(centre[1])
  iso = family % 2 == 0
  sigma_y = jnp.where(iso, sigma_x, sigma_y)
  along = dx * jnp.cos(angle) + dy * jnp.sin(angle)
  across = dy * jnp.cos(angle) - dx * jnp.sin(angle)
  q = jnp.square(along / sigma_x) + jnp.square(across / sigma_y)
  # A power of 0 has no gradient; the middle of the bell needs none.
  powered = jnp.where(q > 0, jnp.where(q > 0, q, 1.0) ** beta, 0.0)
  kernel = jnp.where(
    family < 2,
    jnp.exp(-q / 2),
    jnp.where(family < 4, jnp.exp(-powered / 2), 1 / (1 + powered)),
  )
  return _normalised(kernel, canvas, width)


def sinc(canvas: int, *, width: Array | float, cutoff: Array | float) -> Array:
  """Makes a circular low-pass: w J1(w r) / (2 pi r), cut to the width.

  Args:
    canvas: Side of the result.
    width: Side of the kernel, odd, at most canvas.
    cutoff: w, radians a pixel, in (0, pi].

  Returns:
    (canvas, canvas).
  """
  x, y = _grid(canvas)
  r = np.sqrt(x**2 + y**2)
  middle = r == 0
  away = np.where(middle, 1.0, r).astype(np.float32)
  cutoff = jnp.asarray(cutoff)
  kernel = cutoff * bessel_j1(cutoff * away) / (2 * np.pi * away)
  kernel = jnp.where(middle, cutoff**2 / (4 * np.pi), kernel)
  return _normalised(kernel, canvas, width)


def delta(canvas: int) -> np.ndarray:
  """Returns the kernel that changes nothing, (canvas, canvas)."""
  x, y = _grid(canvas)
  return ((x == 0) & (y == 0)).astype(np.float32)
