"""Distributions of first parameters, and where their numbers come from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jsr.models import initializers

KEY = jax.random.key(3)
GOLDEN = [0.39156872, -0.21758623, -0.16559625]
CASES = {
  'normal': (initializers.normal(0.02), nn.initializers.normal(0.02)),
  'truncated_normal': (
    initializers.truncated_normal(0.02),
    nn.initializers.truncated_normal(0.02),
  ),
  'he_normal': (initializers.he_normal(), nn.initializers.he_normal()),
  'lecun_normal': (initializers.lecun_normal(), nn.initializers.lecun_normal()),
  'glorot_normal': (initializers.glorot_normal(), nn.initializers.glorot_normal()),
  'glorot_uniform': (initializers.glorot_uniform(), nn.initializers.glorot_uniform()),
  'fan_in uniform': (
    initializers.variance_scaling(1 / 3, 'fan_in', 'uniform'),
    nn.initializers.variance_scaling(1 / 3, 'fan_in', 'uniform'),
  ),
  'fan_in normal': (
    initializers.variance_scaling(0.02, 'fan_in', 'normal'),
    nn.initializers.variance_scaling(0.02, 'fan_in', 'normal'),
  ),
}


@pytest.mark.parametrize('name', CASES)
def test_distributions_are_those_of_flax(name):
  """By deviation, ends and quantiles of a kernel of 3x3, 64 to 96 maps."""
  ours, theirs = (
    np.asarray(init(KEY, (3, 3, 64, 96), jnp.float32)).ravel() for init in CASES[name]
  )
  assert abs(ours.mean()) < 0.03 * ours.std()
  assert ours.std() == pytest.approx(theirs.std(), rel=0.03)
  at = [0.01, 0.1, 0.3, 0.7, 0.9, 0.99]
  np.testing.assert_allclose(
    np.quantile(ours, at), np.quantile(theirs, at), atol=0.1 * theirs.std()
  )
  if 'normal' not in name or name in ('truncated_normal', 'he_normal'):
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.02)


def test_numbers_are_a_function_of_the_key():
  init = initializers.he_normal()
  a = init(KEY, (3, 3, 4, 8))
  np.testing.assert_array_equal(a, init(jax.random.key(3), (3, 3, 4, 8)))
  assert np.abs(a - init(jax.random.key(4), (3, 3, 4, 8))).min() > 0
  np.testing.assert_array_equal(a, init(jax.random.PRNGKey(3), (3, 3, 4, 8)))
  # Golden: made once, so that a change of the stream is seen.
  np.testing.assert_allclose(np.ravel(a)[:3], GOLDEN, rtol=1e-6)
  assert init(KEY, (4, 8), jnp.bfloat16).dtype == jnp.bfloat16


def test_traced_keys_draw_from_the_same_distribution():
  a = jax.jit(lambda key: initializers.he_normal()(key, (3, 3, 16, 48)))(KEY)
  b = initializers.he_normal()(KEY, (3, 3, 16, 48))
  assert float(a.std()) == pytest.approx(float(b.std()), rel=0.03)
  shape = jax.eval_shape(lambda key: initializers.normal(1.0)(key, (2, 3)), KEY)
  assert shape.shape == (2, 3)
