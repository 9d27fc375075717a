"""`finished` changes no bit and leaves gradients alone."""

import jax
import jax.numpy as jnp
import numpy as np

from jsr.ops import fusion


def test_values_and_gradients_pass_unchanged():
  x = 1e3 * jax.random.normal(jax.random.key(0), (2, 5, 7, 3))
  np.testing.assert_array_equal(jax.jit(fusion.finished)(x), x)
  levels = jnp.arange(2 * 3 * 3).reshape(2, 3, 3) + 2**24 - 18
  got = jax.jit(fusion.finished)(levels)
  assert got.dtype == levels.dtype
  np.testing.assert_array_equal(got, levels)
  gradient = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(fusion.finished(x)))))(x)
  np.testing.assert_allclose(gradient, jnp.cos(x), atol=1e-6)
