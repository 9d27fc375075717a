"""First parameters, drawn by NumPy on the host.

The distributions are Flax's, the numbers are not: XLA compiles a random generator anew
for every shape, which on a CPU takes seconds each and half a minute for a GAN, and the
numbers may change with its version and backend. NumPy's Philox gives the same ones on
every device, at once. Where the key is traced (`jit`, `eval_shape`) JAX draws, other
numbers of the same distributions: a callback to the host can deadlock.

Sources: He et al., "Delving Deep into Rectifiers", 2015, section 2.2; Glorot, Bengio,
"Understanding the Difficulty of Training Deep Feedforward Neural Networks", 2010,
equation 16; LeCun et al., "Efficient BackProp", 1998, section 4.6.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from scipy import special

from jsr.types import Array

Initializer = nn.initializers.Initializer
zeros, ones, constant = (
  nn.initializers.zeros,
  nn.initializers.ones,
  nn.initializers.constant,
)
_CUT = 2.0  # Deviations at which a truncated normal ends.
# What remains of the deviation after the cut.
_SHRUNK = 0.87962566103423978

Distribution = Literal['normal', 'truncated_normal', 'uniform']
_Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _drawn(draw: _Draw, traced: Initializer) -> Initializer:
  """Makes an initializer.

  Args:
    draw: From NumPy's generator and a shape.
    traced: The same distribution for keys that are not known yet.
  """

  def init(key: Array, shape: Sequence[int], dtype: Any = None, *_: Any) -> Array:
    kind = jnp.dtype(dtype or jnp.float32)
    if isinstance(key, jax.core.Tracer):
      return traced(key, shape, kind)
    words = np.asarray(jax.random.key_data(key) if _typed(key) else key, np.uint32)
    seed = np.random.SeedSequence([int(word) for word in words.ravel()])
    rng = np.random.Generator(np.random.Philox(seed))
    return jnp.asarray(draw(rng, tuple(int(n) for n in shape)), kind)

  return init


def _typed(key: Array) -> bool:
  return bool(jnp.issubdtype(key.dtype, jax.dtypes.prng_key))


def normal(stddev: float) -> Initializer:
  """N(0, stddev^2)."""
  return _drawn(
    lambda rng, shape: stddev * rng.standard_normal(shape),
    nn.initializers.normal(stddev),
  )


def truncated_normal(stddev: float) -> Initializer:
  """N(0, stddev^2), cut at two deviations; its own deviation is 0.88 of that."""
  return _drawn(
    lambda rng, shape: stddev * _truncated(rng, shape),
    nn.initializers.truncated_normal(stddev),
  )


def _truncated(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
  low, high = special.ndtr([-_CUT, _CUT])
  return special.ndtri(rng.uniform(low, high, shape))


def variance_scaling(
  scale: float,
  mode: Literal['fan_in', 'fan_avg'],
  distribution: Distribution,
) -> Initializer:
  """Variance scale / n, where n counts inputs, or the mean of inputs and outputs.

  Args:
    scale: Of the variance.
    mode: What n is.
    distribution: 'truncated_normal' has this variance after the cut.
  """

  def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    window = int(np.prod(shape[:-2]))
    ends = [n * window for n in shape[-2:]]
    deviation = np.sqrt(scale / (ends[0] if mode == 'fan_in' else sum(ends) / 2))
    if distribution == 'normal':
      return deviation * rng.standard_normal(shape)
    if distribution == 'uniform':
      return np.sqrt(3) * deviation * rng.uniform(-1, 1, shape)
    return deviation / _SHRUNK * _truncated(rng, shape)

  return _drawn(draw, nn.initializers.variance_scaling(scale, mode, distribution))


def he_normal() -> Initializer:
  """Variance 2 / inputs, a truncated normal."""
  return variance_scaling(2.0, 'fan_in', 'truncated_normal')


def lecun_normal() -> Initializer:
  """Variance 1 / inputs, a truncated normal."""
  return variance_scaling(1.0, 'fan_in', 'truncated_normal')


def glorot_normal() -> Initializer:
  """Variance 2 / (inputs + outputs), a truncated normal."""
  return variance_scaling(1.0, 'fan_avg', 'truncated_normal')


def glorot_uniform() -> Initializer:
  """Variance 2 / (inputs + outputs), uniform."""
  return variance_scaling(1.0, 'fan_avg', 'uniform')
