"""JPEG compression as arithmetic: what its quantisation does to an image.

Without the entropy coding, which loses nothing. Source: ITU-T T.81 (Annex K tables),
JFIF colour; in the differentiable form of Shin & Song, "JPEG-resistant adversarial
images", 2017, as Real-ESRGAN uses it. The luma table stands in the standard's
orientation; Real-ESRGAN's code holds its transpose.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jsr.ops import color
from jsr.types import Array

LUMA = np.array(
  [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
  ],
  np.float32,
)
CHROMA = np.full((8, 8), 99, np.float32)
CHROMA[:4, :4] = [
  [17, 18, 24, 47],
  [18, 21, 26, 66],
  [24, 26, 56, 99],
  [47, 66, 99, 99],
]


def _dct() -> np.ndarray:
  """Returns the orthonormal DCT-II of length 8 as a matrix."""
  i = np.arange(8)
  matrix = np.cos((2 * i[None, :] + 1) * i[:, None] * np.pi / 16) / 2
  matrix[0] /= np.sqrt(2)
  return np.asarray(matrix, np.float32)


def factor(quality: Array) -> Array:
  """Returns what the tables are multiplied by: 50 / q below q = 50, then 2 - q / 50.

  Args:
    quality: (N,) real-valued, in (0, 100).
  """
  return jnp.where(quality < 50, 50 / quality, 2 - quality / 50)


def soft_round(x: Array) -> Array:
  """Rounds, leaving a gradient: r + (x - r)^3 with r = round(x)."""
  r = jnp.round(x)
  return r + (x - r) ** 3


def tables(table: np.ndarray, quality: Array, *, whole: bool) -> Array:
  """Returns a quantisation table per image, (N, 8, 8).

  Args:
    table: `LUMA` or `CHROMA`.
    quality: (N,).
    whole: As files hold them (libjpeg): the percentage cut to an integer, the product
      rounded half up and clipped to 1..255. Otherwise the plain product.
  """
  scale = factor(quality)[:, None, None]
  if not whole:
    return jnp.asarray(table)[None] * scale
  # The addends, 0.001 and 50.5 for 50, keep integers that float32 falls short of.
  percent = jnp.floor(100 * scale + 1e-3)
  whole_table = jnp.floor((jnp.asarray(table)[None] * percent + 50.5) / 100)
  return jnp.clip(whole_table, 1, 255)


def quantise_plane(plane: Array, table: Array, *, differentiable: bool) -> Array:
  """Takes planes through the quantised DCT and back.

  Args:
    plane: (N, H, W) on 0..255; H and W are multiples of 8.
    table: (N, 8, 8).
    differentiable: Round by `soft_round`.

  Returns:
    (N, H, W), not clipped.
  """
  n, h, w = plane.shape
  dct = _dct()
  product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
  x = (plane - 128).reshape(n, h // 8, 8, w // 8, 8)
  x = product('ui,nyixj->nyuxj', dct, x)
  x = product('vj,nyuxj->nyuxv', dct, x)
  step = table[:, None, :, None, :]
  x = (soft_round(x / step) if differentiable else jnp.round(x / step)) * step
  x = product('ui,nyuxv->nyixv', dct, x)
  x = product('vj,nyixv->nyixj', dct, x)
  return x.reshape(n, h, w) + 128


def compress(
  x: Array, quality: Array, *, differentiable: bool = False, whole_tables: bool = False
) -> Array:
  """Compresses and decompresses images, chroma at half the size (4:2:0).

  Sizes are filled up to multiples of 16 with black. So an image in the corner of a
  black canvas comes out as it would by itself.

  Args:
    x: (N, H, W, 3) RGB in [0, 1].
    quality: (N,) in (0, 100), real-valued.
    differentiable: Let gradients through the rounding, by `soft_round`.
    whole_tables: See `tables`.

  Returns:
    As x, clipped to [0, 1].
  """
  n, h, w, _ = x.shape
  padded = jnp.pad(x, ((0, 0), (0, -h % 16), (0, -w % 16), (0, 0)))
  ycbcr = color.rgb_to_ycbcr(padded, full_range=True)
  height, width = ycbcr.shape[1:3]
  luma = quantise_plane(
    ycbcr[..., 0],
    tables(LUMA, quality, whole=whole_tables),
    differentiable=differentiable,
  )
  chroma = ycbcr[..., 1:].reshape(n, height // 2, 2, width // 2, 2, 2).mean((2, 4))
  chroma = chroma.transpose(3, 0, 1, 2).reshape(2 * n, height // 2, width // 2)
  table = tables(CHROMA, quality, whole=whole_tables)
  chroma = quantise_plane(
    chroma, jnp.concatenate([table, table]), differentiable=differentiable
  )
  chroma = jnp.repeat(jnp.repeat(chroma, 2, axis=1), 2, axis=2)
  ycbcr = jnp.stack([luma, chroma[:n], chroma[n:]], axis=-1)
  rgb = color.ycbcr_to_rgb(ycbcr, full_range=True)
  return jnp.clip(rgb, 0, 1)[:, :h, :w]
