"""Perceptual loss: arithmetic on a known feature function, gradients on VGG."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.losses import perceptual
from jsr.models import vgg
from jsr.weights import vgg19

SR = jnp.full((2, 4, 4, 3), 0.75)
HR = jnp.full((2, 4, 4, 3), 0.25)


def toy_features(images, names):
  """Features whose differences for SR and HR are 2 ('a') and 5 ('b', 7 channels)."""
  known = {
    'a': 4 * images,
    'b': jnp.tile(10 * images[:, ::2, ::2, :1], (1, 1, 1, 7)),
  }
  return {name: known[name] for name in names}


@pytest.mark.parametrize(
  ('options', 'want'),
  [
    ({}, 4.0),
    ({'norm': 'l1'}, 2.0),
    ({'reduction': 'spatial'}, 12.0),
    ({'norm': 'l1', 'reduction': 'spatial'}, 6.0),
    ({'feature_scale': 0.5}, 1.0),
    ({'norm': 'l1', 'feature_scale': 0.5}, 1.0),
  ],
)
def test_one_layer(options, want):
  loss = perceptual.make_perceptual(toy_features, {'a': 1.0}, **options)
  np.testing.assert_allclose(jax.jit(loss)(SR, HR), want, rtol=1e-6)


def test_weighted_sum_of_layers():
  loss = perceptual.make_perceptual(toy_features, {'a': 0.1, 'b': 2.0})
  np.testing.assert_allclose(loss(SR, HR), 0.1 * 4 + 2 * 25, rtol=1e-6)


def test_srgan_scale_is_the_known_factor():
  scale = perceptual.SRGAN_FEATURE_SCALE
  loss = perceptual.make_perceptual(toy_features, {'a': 1.0}, feature_scale=scale)
  np.testing.assert_allclose(loss(SR, HR) / 4, 0.00615148, rtol=1e-5)


def test_no_gradient_flows_into_hr():
  loss = perceptual.make_perceptual(toy_features, {'a': 1.0, 'b': 1.0})
  to_sr, to_hr = jax.grad(loss, (0, 1))(SR, HR)
  assert np.abs(to_sr).max() > 0
  np.testing.assert_array_equal(to_hr, np.zeros_like(HR))


def test_vgg22_and_its_gradient_with_params_as_argument():
  complete = vgg19.random().params
  params = {name: complete[name] for name in ('conv1_1', 'conv1_2')}

  @jax.jit
  @jax.value_and_grad
  def value_and_grad(sr, hr, params):
    features = functools.partial(vgg.features, params, preprocess='caffe')
    return perceptual.make_perceptual(features, {'conv1_2': 1.0})(sr, hr)

  x = jnp.asarray(np.random.default_rng(1).random((2, 8, 8, 3), np.float32))
  value, grad = value_and_grad(x, x, params)
  assert value == 0
  np.testing.assert_array_equal(grad, np.zeros_like(x))
  value, grad = value_and_grad(0.9 * x, x, params)
  assert value > 0
  assert np.isfinite(grad).all()
  assert np.abs(grad).max() > 0


def test_mistakes():
  with pytest.raises(UserError, match=r"norm 'l2'"):
    perceptual.make_perceptual(toy_features, {'a': 1.0}, norm='l2')
  with pytest.raises(UserError, match=r"reduction 'sum'"):
    perceptual.make_perceptual(toy_features, {'a': 1.0}, reduction='sum')
  with pytest.raises(UserError, match='at least one layer'):
    perceptual.make_perceptual(toy_features, {})
