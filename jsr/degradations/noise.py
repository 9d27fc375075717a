"""Noise: Gaussian, Poisson and impulse.

Images are (N, H, W, 3) float in [0, 1], results are not clipped. Each example has its
own key and its own strength. Grey noise is one plane for the three channels.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special as jsp

from jsr.degradations import base
from jsr.ops import resize
from jsr.types import Array

# BT.601 as torchvision's grayscale has it, which Real-ESRGAN's grey noise uses.
_GREY = (0.2989, 0.587, 0.114)
# V = 2^0 .. 2^8, and the counts that such an intensity can reach in float32.
_EXPONENTS, _COUNTS = 9, 384
# The normal approximation below misses the true quantile by less; see the tests.
_REACH = 8


def fields(keys: Array, *shapes: tuple[int, ...]) -> list[Array]:
  """Draws uniform numbers inside (0, 1) from each example's key.

  Args:
    keys: (N,).
    *shapes: One for each array wanted. They are cut from one draw, since each draw
      takes XLA seconds to compile.

  Returns:
    Arrays (N, *shape).
  """
  sizes = [math.prod(shape) for shape in shapes]
  draw = functools.partial(jax.random.uniform, shape=(sum(sizes),), minval=2.0**-24)
  whole = jax.vmap(draw)(keys)
  parts = jnp.split(whole, np.cumsum(sizes)[:-1].tolist(), axis=1)
  return [p.reshape(-1, *shape) for p, shape in zip(parts, shapes, strict=True)]


def to_normal(u: Array) -> Array:
  """Turns uniform numbers in (0, 1) into standard normal ones."""
  return jnp.sqrt(2.0) * jsp.erfinv(jnp.clip(2 * u - 1, -1 + 2.0**-23, 1 - 2.0**-23))


def _shared_plane(u: Array, grey: Array) -> Array:
  """Gives the examples with grey = 1 their first plane in all three."""
  return jnp.where(base.per_image(grey) > 0, u[..., :1], u)


def gaussian(u: Array, sigma: Array, grey: Array) -> Array:
  """Makes Gaussian noise.

  Args:
    u: (N, H, W, 3) from `fields`.
    sigma: (N,), standard deviation in the image's units.
    grey: (N,), 1 for grey noise, else 0.

  Returns:
    (N, H, W, 3), to be added to the image.
  """
  return to_normal(_shared_plane(u, grey)) * base.per_image(sigma)


@functools.lru_cache(maxsize=1)
def poisson_table() -> np.ndarray:
  """Returns P(count <= n) for every mean that Real-ESRGAN's Poisson noise can have.

  The mean is level / 255 * V with V a power of two, so a table holds them all; JAX's
  own sampler takes a hundred times as long on a CPU.

  Returns:
    float32 (9, 256, 384): log2 V, level, n.
  """
  n = np.arange(_COUNTS)
  log_factorial = np.concatenate([[0.0], np.cumsum(np.log(n[1:]))])
  means = 2.0 ** np.arange(_EXPONENTS)[:, None] * np.arange(256) / 255
  with np.errstate(divide='ignore', invalid='ignore'):
    logs = n * np.log(means)[..., None] - means[..., None] - log_factorial
  pmf = np.exp(logs)
  pmf[:, 0] = n == 0
  table = np.minimum(np.cumsum(pmf, axis=-1), 1).astype(np.float32)
  table.setflags(write=False)
  return table


def poisson_count(u: Array, z: Array, exponent: Array, level: Array) -> Array:
  """Inverts the Poisson distribution at u, exactly to float32.

  Args:
    u: Uniform in (0, 1).
    z: `to_normal(u)`.
    exponent: log2 V, an integer 0..8, of u's shape.
    level: 0..255, of u's shape.

  Returns:
    The least n with P(count <= n) >= u, float32.
  """
  mean = level.astype(jnp.float32) / 255 * jnp.exp2(exponent.astype(jnp.float32))
  guess = jnp.floor(mean + z * jnp.sqrt(mean) + (z * z - 1) / 6).astype(jnp.int32)
  start = jnp.clip(guess - _REACH, 0, _COUNTS - 2 * _REACH)
  table = jnp.asarray(poisson_table().reshape(-1))
  row = (exponent * 256 + level) * _COUNTS + start
  # Branchless binary search: how many of the 15 entries from the start are below u.
  count = jnp.zeros_like(start)
  for step in (8, 4, 2, 1):
    count = jnp.where(table[row + count + step - 1] < u, count + step, count)
  return (start + count).astype(jnp.float32)


def distinct_levels(levels: Array, sizes: Array | None = None) -> Array:
  """Counts the different values in each image.

  Args:
    levels: (N, H, W, C) integers 0..255.
    sizes: (N, 2), valid height and width; None: all.

  Returns:
    (N,) integers.
  """
  if sizes is not None:
    levels = jnp.where(inside(levels.shape[1:3], sizes), levels, 256)

  def one(image: Array) -> Array:
    seen = jnp.zeros(256, jnp.int32).at[image.reshape(-1)].set(1, mode='drop')
    return jnp.sum(seen)

  return jax.vmap(one)(levels)


def inside(shape: tuple[int, ...], sizes: Array) -> Array:
  """Returns (N, H, W, 1), True in the valid corner of each canvas."""
  rows = jnp.arange(shape[0])[None, :, None, None] < base.per_image(sizes[:, 0])
  columns = jnp.arange(shape[1])[None, None, :, None] < base.per_image(sizes[:, 1])
  return rows & columns


def poisson(
  x: Array, u: Array, strength: Array, grey: Array, sizes: Array | None = None
) -> Array:
  """Makes Real-ESRGAN's Poisson noise.

  With x' = x on the 256 levels and V = 2^ceil(log2(number of different values in x')):
  strength (Poisson(x' V) / V - x'). Grey noise is that of the luma.

  Args:
    x: (N, H, W, 3) in [0, 1].
    u: (N, H, W, 3) from `fields`.
    strength: (N,).
    grey: (N,), 1 for grey noise, else 0.
    sizes: (N, 2), valid height and width of x; None: all.

  Returns:
    (N, H, W, 3), to be added to x.
  """
  luma = sum(x[..., i : i + 1] * weight for i, weight in enumerate(_GREY))
  source = jnp.where(base.per_image(grey) > 0, luma, x)
  level = resize.quantise(source * 255).astype(jnp.int32)
  distinct = distinct_levels(level, sizes)
  # Counts of integers: ceil(log2) without a logarithm's rounding.
  powers = 2 ** np.arange(_EXPONENTS - 1)
  exponent = jnp.sum(distinct[:, None] > powers[None], axis=1)
  u = _shared_plane(u, grey)
  shape = (u.shape[0], *u.shape[1:])
  exponents = jnp.broadcast_to(base.per_image(exponent), shape)
  count = poisson_count(u, to_normal(u), exponents, level)
  v = base.per_image(jnp.exp2(exponent.astype(jnp.float32)))
  return base.per_image(strength) * (count / v - level / 255)


def impulse(
  x: Array, u: Array, pepper: Array, salt: Array, *, per_channel: bool = False
) -> Array:
  """Replaces pixels by black and white.

  The mean squared error that it makes is pepper E[x^2] + salt E[(1 - x)^2]. At
  pepper = salt = 0.5 no pixel survives: report 000 prints 5.19 dB for its picture, and
  any picture of mid-grey gives 6.02 dB.

  Args:
    x: (N, H, W, 3) in [0, 1].
    u: (N, H, W, 3) from `fields`.
    pepper: (N,), probability of 0.
    salt: (N,), probability of 1.
    per_channel: Hit each channel by itself; otherwise the whole pixel.

  Returns:
    As x.
  """
  u = u if per_channel else u[..., :1]
  pepper, salt = base.per_image(pepper), base.per_image(salt)
  return jnp.where(u < pepper, 0.0, jnp.where(u < pepper + salt, 1.0, x))
