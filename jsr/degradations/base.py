"""What every degradation has in common: keys, ranges, levels."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.ops import resize
from jsr.types import Array

# A fixed number, or (least, most) to draw from uniformly.
Range = float | Sequence[float]
Drawn = dict[str, Array]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Degradation:
  """Makes low resolution of high resolution, inside the compiled step.

  A subclass has a `name`, its ranges as fields, and implements `_draw_one` and
  `_degrade`. All randomness comes from the example's key, so neither the batch that an
  example is in nor the number of devices changes what happens to it.

  Attributes:
    scale: HR size over LR size, an integer from 1.
  """

  name: ClassVar[str]
  scale: int

  def __post_init__(self) -> None:
    if int(self.scale) != self.scale or self.scale < 1:
      raise errors.UserError(
        f'degradation {self.name}: scale={self.scale} must be an integer from 1'
      )

  def _draw_one(self, key: Array) -> Drawn:
    """Draws the parameters of one example, scalars or arrays, float32."""
    del key
    return {}

  def _degrade(self, hr: Array, drawn: Drawn, keys: Array) -> Array:
    """Returns LR, float, not yet quantised; arguments as `apply`."""
    raise NotImplementedError

  def draw(self, keys: Array) -> Drawn:
    """Draws the parameters of each example.

    Args:
      keys: (N,) typed keys, one an example.

    Returns:
      Float32 arrays (N, ...) by name. An example's values depend on its key alone.
    """
    return jax.vmap(self._draw_one)(stream(keys, 0))

  def apply(self, hr: Array, drawn: Drawn, keys: Array) -> Array:
    """Degrades a batch.

    Args:
      hr: (N, H, W, 3), uint8, or float in [0, 1].
      drawn: What `draw` returned for the same examples.
      keys: (N,) typed keys, for pixel noise; may be those that `draw` had.

    Returns:
      (N, H / scale, W / scale, 3) float32 in [0, 1], on the 256 levels v / 255.

    Raises:
      ValueError: A size is no multiple of scale.
    """
    n, h, w, _ = hr.shape
    if h % self.scale or w % self.scale:
      raise ValueError(f'{h} x {w} is no multiple of scale {self.scale}')
    if keys.shape[0] != n:
      raise ValueError(f'{n} images, but {keys.shape[0]} keys')
    lr = self._degrade(hr, drawn, stream(keys, 1))
    return resize.quantise(lr.astype(jnp.float32) * 255) / 255

  def describe(self) -> str:
    """Returns one line for the log: the name, the scale and every range."""
    fields = [f.name for f in dataclasses.fields(self) if f.name != 'scale']
    values = ', '.join(f'{name}={getattr(self, name)}' for name in fields)
    return f'{self.name} x{self.scale}' + (f' ({values})' if values else '')

  def _set_ranges(self, least: float, most: float, *names: str) -> None:
    """Turns the named fields into pairs (least, most) of floats, in place.

    Raises:
      UserError: One is neither a number nor a rising pair of numbers in [least, most].
    """
    for name in names:
      value = getattr(self, name)
      pair = tuple(value) if isinstance(value, Sequence) else (value, value)
      if (
        len(pair) != 2
        or not all(isinstance(v, int | float) for v in pair)
        or not least <= pair[0] <= pair[1] <= most
      ):
        raise errors.UserError(
          f'degradation {self.name}: {name}={value} must be a number, or two rising'
          f' numbers, from {least:g} to {most:g}'
        )
      object.__setattr__(self, name, (float(pair[0]), float(pair[1])))

  def _check_probabilities(self, *names: str) -> None:
    """Checks fields that are a probability each.

    Raises:
      UserError: One is no number in [0, 1].
    """
    for name in names:
      value = getattr(self, name)
      if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise errors.UserError(
          f'degradation {self.name}: {name}={value} must be a probability, 0 to 1'
        )

  def _set_shares(self, count: int, *names: str) -> None:
    """Turns the named fields into tuples of `count` probabilities that sum to 1.

    Raises:
      UserError: One is something else.
    """
    for name in names:
      value: Any = getattr(self, name)
      shares = tuple(value) if isinstance(value, Sequence) else ()
      if (
        len(shares) != count
        or not all(isinstance(v, int | float) and v >= 0 for v in shares)
        or abs(sum(shares) - 1) > 1e-6
      ):
        raise errors.UserError(
          f'degradation {self.name}: {name}={value} must be {count} probabilities that'
          ' sum to 1'
        )
      object.__setattr__(self, name, tuple(float(v) for v in shares))


def stream(keys: Array, number: int) -> Array:
  """Derives independent keys, (N,), for another use of the same examples."""
  return jax.vmap(jax.random.fold_in, (0, None))(keys, number)


def numbers(key: Array, count: int) -> Iterator[Array]:
  """Draws `count` uniform numbers in [0, 1) at once.

  Each call of a generator of random numbers is compiled anew: forty parameters drawn
  one by one took twenty seconds to compile.
  """
  return iter(jax.random.uniform(key, (count,)))


def between(u: Array, span: Range) -> Array:
  """Turns a uniform number into one from a pair that `_set_ranges` made."""
  assert isinstance(span, tuple)
  return span[0] + (span[1] - span[0]) * u


def happens(u: Array, probability: float) -> Array:
  """Turns a uniform number into 1.0 with a probability, else 0.0."""
  return (u < probability).astype(jnp.float32)


def pick(u: Array, shares: Sequence[float]) -> Array:
  """Turns a uniform number into an index with the given probabilities.

  Returns:
    The index as float32, for the log's sake.
  """
  edges = np.cumsum(shares, dtype=np.float32)[:-1]
  return jnp.sum(u >= edges).astype(jnp.float32)


def to_unit(hr: Array) -> Array:
  """Returns (N, H, W, 3) float32 in [0, 1] of uint8 or of such floats."""
  if hr.dtype == jnp.uint8:
    return hr.astype(jnp.float32) / 255
  return hr.astype(jnp.float32)


def to_levels(hr: Array) -> Array:
  """Returns (N, H, W, 3) uint8 of uint8 or of floats in [0, 1], rounded."""
  if hr.dtype == jnp.uint8:
    return hr
  return resize.quantise(hr * 255).astype(jnp.uint8)


def per_image(values: Array) -> Array:
  """Gives (N,) the shape (N, 1, 1, 1), which multiplies images."""
  return values[:, None, None, None]
