"""SR-NET: counts, sizes, and a PyTorch twin that pads as Keras does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.models import srnet
from jsr.ops import resize
from tests.models import mirror, twins
from tests.models.twins import torch

nn = torch.nn


class SRNet(nn.Module):
  """Reads what is a multiple of 32 already; returns the first `size` of it."""

  def __init__(self, f, size, act):
    super().__init__()
    self.size, self.act = size, act
    before = 3
    for i, after in enumerate((f, f, 2 * f, 4 * f, 4 * f)):
      self.add_module(f'down{i}', mirror.Same(before, after, 3, 2))
      if i > 1:
        self.add_module(f'down{i}_bn', nn.BatchNorm2d(after, 1e-3, 0.01))
      before = after
    skips = (4 * f, 2 * f, f, f, 3)
    for i, (after, skip) in enumerate(zip((4 * f, 2 * f, f, f, 3), skips, strict=True)):
      self.add_module(f'up{i}', mirror.Up(before, after))
      before = after + skip
    self.tail = mirror.Same(6, 3, 2)

  def forward(self, x):
    skips = [x]
    for i in range(5):
      x = getattr(self, f'down{i}')(x)
      x = self.act(getattr(self, f'down{i}_bn')(x) if i > 1 else x)
      skips.append(x)
    skips.pop()
    for i in range(5):
      x = torch.cat([self.act(getattr(self, f'up{i}')(x)), skips.pop()], 1)
    return self.tail(x)[:, :, : self.size[0], : self.size[1]]


def lrelu(x):
  return nn.functional.leaky_relu(x, 0.3)


def enlarge(lr):
  """x2, then the edge repeated to 32 x 64."""
  x = resize.resize(lr, 2)
  pads = ((0, 0), (0, 32 - x.shape[1]), (0, 64 - x.shape[2]), (0, 0))
  return jnp.pad(x, pads, mode='edge')


@pytest.mark.parametrize(
  ('scale', 'size', 'act', 'train'),
  [
    (1, (64, 96), 'leaky_relu', True),
    (2, (13, 21), 'leaky_relu', False),
    (1, (32, 64), 'elu', False),
  ],
)
def test_twin(scale, size, act, train):
  acts = {'leaky_relu': lrelu, 'elu': nn.functional.elu}
  out = (scale * size[0], scale * size[1])
  twin = twins.randomise(SRNet(4, out, acts[act]), scale=0.2)
  model = models.build('srnet', scale=scale, features=4, activation=act)
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, *_ = mirror.compare(
    model, twin, image, train=train, enlarge=enlarge if scale > 1 else None
  )
  print(f'srnet {scale} {size} {act} {error:.2e}')
  assert error < 5e-5


@pytest.mark.parametrize('layer', [srnet.Halve, srnet.Double])
def test_products_are_the_convolutions(layer):
  """The one form in training, the other in use."""
  image = jax.random.normal(jax.random.key(0), (2, 4, 6, 3))
  products, convolution = layer(5, True), layer(5, False)
  variables = products.init(jax.random.key(1), image)
  variables['params']['bias'] += 0.5

  def of(model):
    def total(variables, image):
      out = model.apply(variables, image)
      return jnp.sum(jnp.sin(out)), out

    return jax.jit(jax.grad(total, argnums=(0, 1), has_aux=True))(variables, image)

  assert twins.tree_error(of(products), of(convolution)) < 1e-5


@pytest.mark.parametrize(
  ('features', 'count', 'statistics'),
  [(32, 602_990, 640), (64, 2_403_982, 1_280), (128, 9_600_206, 2_560)],
)
def test_counts(features, count, statistics):
  model = models.build('srnet', features=features)
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  assert models.parameter_count(shapes) == count
  assert sum(x.size for x in jax.tree.leaves(shapes['batch_stats'])) == statistics


@pytest.mark.parametrize('activation', ['relu', 'tanh', 'elu', 'sigmoid'])
@pytest.mark.parametrize('scale', [1, 3])
def test_activations_and_scales(activation, scale):
  model = models.build('srnet', scale=scale, features=4, activation=activation)
  image = jnp.zeros((1, 31, 33, 3))
  made, _ = jax.eval_shape(model.init_with_output, jax.random.key(0), image)
  assert made.shape == (1, 31 * scale, 33 * scale, 3)


def test_a_function_as_activation():
  image = jnp.linspace(-1, 1, 32 * 32 * 3).reshape(1, 32, 32, 3)
  named, given = (
    models.build('srnet', scale=1, features=4, activation=activation)
    for activation in ('tanh', jnp.tanh)
  )
  variables = mirror.filled(named, image)
  np.testing.assert_array_equal(
    *(jax.jit(model.apply)(variables, image) for model in (named, given))
  )


def test_an_unknown_activation_is_refused():
  model = models.build('srnet', activation='sigmoyd')
  with pytest.raises(UserError, match="did you mean 'sigmoid'"):
    jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
