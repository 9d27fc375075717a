"""Losses between pictures, and the one on a picture alone."""

from collections.abc import Callable

import jax.numpy as jnp

from jsr.errors import unknown
from jsr.types import Array


def l1(sr: Array, hr: Array) -> Array:
  """Mean absolute difference of two arrays of one shape, a float32 scalar."""
  return jnp.mean(jnp.abs(_difference(sr, hr)))


def mse(sr: Array, hr: Array) -> Array:
  """Mean squared difference of two arrays of one shape, a float32 scalar."""
  return jnp.mean(jnp.square(_difference(sr, hr)))


def charbonnier(sr: Array, hr: Array, epsilon: float = 1e-3) -> Array:
  """Mean of sqrt(d^2 + epsilon^2), the smooth L1 (Lai et al. 2017, LapSRN, eq. 2).

  Args:
    sr: (N, H, W, C) in [0, 1].
    hr: The same shape.
    epsilon: Where the parabola turns into a straight line, in units of the images.
  """
  return jnp.mean(jnp.sqrt(jnp.square(_difference(sr, hr)) + epsilon**2))


def total_variation(sr: Array) -> Array:
  """Mean over pixels and channels of the length of the image gradient.

  Forward differences, zero at the last row and column, as in the regulariser that
  SRResNet-VGG22 uses with weight 2e-8 (Ledig et al. 2016, first version of the paper;
  Aly and Dubois 2005).

  Args:
    sr: (N, H, W, C) in [0, 1].
  """
  sr = sr.astype(jnp.float32)
  dy = jnp.diff(sr, axis=1, append=sr[:, -1:])
  dx = jnp.diff(sr, axis=2, append=sr[:, :, -1:])
  square = jnp.square(dy) + jnp.square(dx)
  # The square root has no gradient at 0; a flat area must not answer NaN.
  flat = square == 0
  return jnp.mean(jnp.where(flat, 0, jnp.sqrt(jnp.where(flat, 1, square))))


PIXEL: dict[str, Callable[[Array, Array], Array]] = {
  'l1': l1,
  'mse': mse,
  'charbonnier': charbonnier,
}


def get(name: str) -> Callable[[Array, Array], Array]:
  """Returns the `(sr, hr) -> scalar` of that name, or raises UserError."""
  if name not in PIXEL:
    raise unknown('pixel loss', name, PIXEL)
  return PIXEL[name]


def _difference(sr: Array, hr: Array) -> Array:
  if sr.shape != hr.shape:
    raise ValueError(f'sr {sr.shape} and hr {hr.shape} differ in shape')
  return sr.astype(jnp.float32) - hr.astype(jnp.float32)
