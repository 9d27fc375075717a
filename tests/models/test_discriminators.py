"""The contract of discriminators."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models

NAMES = models.discriminator_names()
SMALL = {'features': 4, 'hidden': 8}


def test_all_are_found():
  assert {'SRGAN', 'SRGANPool'} <= set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_logits(name):
  model = models.build_discriminator(name, **SMALL)
  image = jax.random.uniform(jax.random.key(0), (3, 32, 32, 3))
  variables = jax.jit(model.init)(jax.random.key(1), image)
  logits, changed = jax.jit(
    lambda v, x: model.apply(v, x, train=True, mutable=['batch_stats'])
  )(variables, image)
  assert logits.shape == (3,)
  assert logits.dtype == jnp.float32
  before, after = variables['batch_stats'], changed['batch_stats']
  moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), before, after)
  assert min(jax.tree.leaves(moved)) > 0
  # In use, an example's logit is its own.
  alone = model.apply(variables, image[:1])
  np.testing.assert_allclose(model.apply(variables, image)[:1], alone, atol=1e-5)


def test_count_of_the_paper():
  model = models.build_discriminator('SRGAN')
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 96, 96, 3)))
  assert models.parameter_count(shapes) == 23_563_649


@pytest.mark.parametrize('size', [(96, 96), (128, 128), (100, 140)])
def test_any_size(size):
  model = models.build_discriminator('SRGANPool', **SMALL)
  variables = model.init(jax.random.key(1), jnp.zeros((1, 32, 32, 3)))
  logits = model.apply(variables, jnp.zeros((2, *size, 3)))
  assert logits.shape == (2,)
