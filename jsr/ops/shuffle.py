"""Rearrangements of pixels: depth to space in each framework's layout, and the dihedral
group of the square."""

from typing import Literal

import jax.numpy as jnp

from jsr.types import Array

Layout = Literal['torch', 'tensorflow']


def pixel_shuffle(x: Array, factor: int, *, layout: Layout = 'torch') -> Array:
  """Moves channels into space.

  Args:
    x: (N, H, W, C * factor^2).
    factor: Upscaling factor.
    layout: Where the output channel stands in the input's channel index: 'torch'
      c * factor^2 + dy * factor + dx; 'tensorflow' (dy * factor + dx) * C + c.

  Returns:
    (N, H * factor, W * factor, C).

  Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an
  Efficient Sub-Pixel Convolutional Neural Network", 2016, equation 4.
  """
  n, h, w, channels = x.shape
  c, rest = divmod(channels, factor**2)
  if rest:
    raise ValueError(f'{channels} channels are no multiple of {factor}^2')
  if layout == 'torch':
    x = x.reshape(n, h, w, c, factor, factor).transpose(0, 1, 4, 2, 5, 3)
  else:
    x = x.reshape(n, h, w, factor, factor, c).transpose(0, 1, 3, 2, 4, 5)
  return x.reshape(n, h * factor, w * factor, c)


def pixel_unshuffle(x: Array, factor: int, *, layout: Layout = 'torch') -> Array:
  """Inverts `pixel_shuffle`: moves space into channels."""
  n, h, w, c = x.shape
  if h % factor or w % factor:
    raise ValueError(f'{h} x {w} is no multiple of {factor}')
  x = x.reshape(n, h // factor, factor, w // factor, factor, c)
  order = (0, 1, 3, 5, 2, 4) if layout == 'torch' else (0, 1, 3, 2, 4, 5)
  return x.transpose(order).reshape(n, h // factor, w // factor, c * factor**2)


def dihedral(x: Array, k: int) -> Array:
  """Applies element k = 0..7 of the square's symmetry group to (..., H, W, C).

  k % 4 counter-clockwise quarter turns, then a left-right flip if k >= 4. Odd quarter
  turns exchange H and W.
  """
  x = jnp.rot90(x, k % 4, axes=(-3, -2))
  return jnp.flip(x, axis=-2) if k >= 4 else x


def dihedral_inverse(x: Array, k: int) -> Array:
  """Undoes `dihedral(., k)`."""
  x = jnp.flip(x, axis=-2) if k >= 4 else x
  return jnp.rot90(x, -(k % 4), axes=(-3, -2))
