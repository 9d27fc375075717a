"""Pixel losses in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.losses import pixel

SHAPE = (2, 3, 4, 3)


def test_values_of_a_constant_difference():
  hr = jnp.linspace(0, 0.5, 72).reshape(SHAPE)
  sr = hr - 0.25
  np.testing.assert_allclose(pixel.l1(sr, hr), 0.25, rtol=1e-6)
  np.testing.assert_allclose(pixel.mse(sr, hr), 0.0625, rtol=1e-6)
  # sqrt(.25^2 + .6^2) = .65
  np.testing.assert_allclose(pixel.charbonnier(sr, hr, 0.6), 0.65, rtol=1e-6)
  np.testing.assert_allclose(pixel.charbonnier(hr, hr), 1e-3, rtol=1e-6)


def test_half_precision_is_summed_in_float32():
  hr = jnp.zeros(SHAPE, jnp.bfloat16)
  for name in pixel.PIXEL:
    assert pixel.get(name)(hr, hr).dtype == jnp.float32
  ones = jnp.ones((1, 64, 64, 3), jnp.bfloat16)
  assert pixel.l1(ones, 0 * ones) == 1


def test_total_variation_of_a_slope():
  # Steps of .3 down and .4 right: the gradient is .5 long, but at the last row only
  # .4, at the last column only .3, at the corner 0.
  y, x = jnp.meshgrid(jnp.arange(3.0), jnp.arange(4.0), indexing='ij')
  slope = jnp.broadcast_to((0.3 * y + 0.4 * x)[None, :, :, None], SHAPE)
  want = (6 * 0.5 + 3 * 0.4 + 2 * 0.3) / 12
  np.testing.assert_allclose(pixel.total_variation(slope), want, rtol=1e-5)


def test_total_variation_of_a_flat_picture_has_gradient_zero():
  value, grad = jax.value_and_grad(pixel.total_variation)(jnp.full(SHAPE, 0.5))
  assert value == 0
  np.testing.assert_array_equal(grad, np.zeros(SHAPE))


def test_charbonnier_has_a_gradient_at_zero():
  x = jnp.zeros(SHAPE)
  np.testing.assert_array_equal(jax.grad(pixel.charbonnier)(x, x), np.zeros(SHAPE))


def test_mistakes():
  with pytest.raises(UserError, match='charbonnier'):
    pixel.get('charbonier')
  with pytest.raises(ValueError, match='differ in shape'):
    pixel.l1(jnp.zeros((1, 2, 2, 3)), jnp.zeros((1, 4, 4, 3)))
