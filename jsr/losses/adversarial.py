"""Adversarial losses as pairs of pure functions of logits.

Logits are (N,) or (N, h, w, 1); nothing here applies a sigmoid first. `mean` is the
mean over the whole batch: `jnp.mean` on one device and under jit; under shard_map and
pmap a function that also averages over the devices. Every result is a float32 scalar.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jsr.errors import unknown
from jsr.types import Array

Mean = Callable[[Array], Array]
Loss = Callable[[Array, Array, Mean], Array]


class Adversarial(NamedTuple):
  """One adversarial game.

  Attributes:
    discriminator: `(real, fake, mean) -> loss` of the discriminator or critic.
    generator: `(real, fake, mean) -> loss` of the generator.
    generator_needs_real: Whether `generator` looks at `real`; if not, pass anything.
    gradient_penalty: Weight of `gradient_penalty` in the critic's loss; 0 is none.
  """

  discriminator: Loss
  generator: Loss
  generator_needs_real: bool = False
  gradient_penalty: float = 0.0


def _vanilla_d(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  return mean(_cross_entropy(real, True)) + mean(_cross_entropy(fake, False))


def _vanilla_g(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  del real
  return mean(_cross_entropy(fake, True))


def _relativistic_d(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  real, fake = _f32(real), _f32(fake)
  of_real = _cross_entropy(real - mean(fake), True)
  of_fake = _cross_entropy(fake - mean(real), False)
  return 0.5 * (mean(of_real) + mean(of_fake))


def _relativistic_g(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  return _relativistic_d(fake, real, mean)


def _least_squares_d(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  of_real, of_fake = jnp.square(_f32(real) - 1), jnp.square(_f32(fake))
  return 0.5 * (mean(of_real) + mean(of_fake))


def _least_squares_g(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  del real
  return 0.5 * mean(jnp.square(_f32(fake) - 1))


def _hinge_d(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  return mean(jax.nn.relu(1 - _f32(real))) + mean(jax.nn.relu(1 + _f32(fake)))


def _wasserstein_d(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  return mean(_f32(fake)) - mean(_f32(real))


def _minus_fake(real: Array, fake: Array, mean: Mean = jnp.mean) -> Array:
  del real
  return -mean(_f32(fake))


ADVERSARIAL = {
  # Goodfellow et al. 2014, the non-saturating form that SRGAN trains.
  'vanilla': Adversarial(_vanilla_d, _vanilla_g),
  # Jolicoeur-Martineau 2018, averaged; halved as the ESRGAN toolkit does.
  'relativistic': Adversarial(_relativistic_d, _relativistic_g, True),
  # Mao et al. 2017, eq. 9.
  'lsgan': Adversarial(_least_squares_d, _least_squares_g),
  # Lim and Ye 2017; Miyato et al. 2018, eq. 16 and 17.
  'hinge': Adversarial(_hinge_d, _minus_fake),
  # Gulrajani et al. 2017, algorithm 1.
  'wgan-gp': Adversarial(_wasserstein_d, _minus_fake, gradient_penalty=10.0),
}


def get(name: str) -> Adversarial:
  """Returns the game of that name, or raises UserError with the known names."""
  if name not in ADVERSARIAL:
    raise unknown('adversarial loss', name, ADVERSARIAL)
  return ADVERSARIAL[name]


def gradient_penalty(
  critic: Callable[[Array], Array],
  real: Array,
  fake: Array,
  key: Array,
  mean: Mean = jnp.mean,
) -> Array:
  """Mean of (|gradient of the critic at a mixed picture| - 1)^2, unweighted.

  Gulrajani et al. 2017, eq. 3. The critic must treat the examples of a batch apart, so
  no batch normalisation in it.

  Args:
    critic: (N, H, W, C) -> logits (N,) or (N, h, w, 1); a patch critic's value is its
      mean over the patches.
    real: (N, H, W, C).
    fake: The same shape.
    key: (N,) random keys, one an example: the mixing then does not depend on how the
      batch is spread over devices.
    mean: See the top of the file.
  """
  n = real.shape[0]
  if key.shape != (n,):
    raise ValueError(f'needs {n} random keys, one an example, not shape {key.shape}')
  share = jax.vmap(jax.random.uniform)(key).reshape(n, *[1] * (real.ndim - 1))
  mixed = share * _f32(real) + (1 - share) * _f32(fake)

  def total(x: Array) -> Array:
    return jnp.sum(jnp.mean(_f32(critic(x)).reshape(n, -1), axis=1))

  square = jnp.sum(jnp.square(jax.grad(total)(mixed)).reshape(n, -1), axis=1)
  # The floor keeps the gradient of the root finite where the critic is flat.
  norm = jnp.sqrt(jnp.maximum(square, 1e-12))
  return mean(jnp.square(norm - 1))


def _f32(logits: Array) -> Array:
  return logits.astype(jnp.float32)


def _cross_entropy(logits: Array, real: bool) -> Array:
  """-log of the probability that the logit gives to the right answer."""
  return jax.nn.softplus(-_f32(logits) if real else _f32(logits))
