"""RRDBNet: counts, initialisation, rematerialisation, and a PyTorch twin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.models import rrdb
from tests.models import mirror, twins
from tests.models.twins import torch

nn = torch.nn
SMALL = {'blocks': 2, 'features': 8, 'growth': 4}


def lrelu(x):
  return nn.functional.leaky_relu(x, 0.2)


class Dense(nn.Module):
  """As report 000 prints it."""

  def __init__(self, f, g):
    super().__init__()
    self.conv0 = mirror.Conv(f, g)
    self.conv1 = mirror.Conv(f + g, g)
    self.conv2 = mirror.Conv(f + 2 * g, g)
    self.conv3 = mirror.Conv(f + 3 * g, g)
    self.conv4 = mirror.Conv(f + 4 * g, f)

  def forward(self, x):
    x1 = lrelu(self.conv0(x))
    x2 = lrelu(self.conv1(torch.cat((x, x1), 1)))
    x3 = lrelu(self.conv2(torch.cat((x, x1, x2), 1)))
    x4 = lrelu(self.conv3(torch.cat((x, x1, x2, x3), 1)))
    return x + 0.2 * self.conv4(torch.cat((x, x1, x2, x3, x4), 1))


class Block(nn.Module):
  def __init__(self, f, g):
    super().__init__()
    self.dense0, self.dense1, self.dense2 = (Dense(f, g) for _ in range(3))

  def forward(self, x):
    return x + 0.2 * self.dense2(self.dense1(self.dense0(x)))


class RRDB(nn.Module):
  def __init__(self, f, g, factors):
    super().__init__()
    self.head, self.body = mirror.Conv(3, f), mirror.Conv(f, f)
    self.block0, self.block1 = Block(f, g), Block(f, g)
    for i in range(len(factors)):
      self.add_module(f'up{i}', mirror.Conv(f, f))
    self.factors = factors
    self.hr, self.tail = mirror.Conv(f, f), mirror.Conv(f, 3)

  def forward(self, x):
    head = self.head(x)
    x = head + self.body(self.block1(self.block0(head)))
    for i, factor in enumerate(self.factors):
      x = nn.functional.interpolate(x, scale_factor=factor, mode='nearest')
      x = lrelu(getattr(self, f'up{i}')(x))
    return self.tail(lrelu(self.hr(x)))


@pytest.mark.parametrize(
  ('scale', 'factors', 'size'), [(4, (2, 2), (8, 8)), (3, (3,), (7, 11))]
)
def test_twin(scale, factors, size):
  twin = twins.randomise(RRDB(8, 4, factors), scale=0.2)
  model = models.build('rrdb', scale=scale, **SMALL)
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, *_ = mirror.compare(model, twin, image, train=True)
  print(f'rrdb {size} {error:.2e}')
  assert error < 2e-5


def test_counts():
  model = models.build('rrdb', blocks=16)
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  assert models.parameter_count(shapes) == 11_662_019
  dense = shapes['params']['block7']['dense1']
  assert models.parameter_count({'params': dense}) == 239_808


@pytest.mark.parametrize('scale', [1, 2, 3, 8])
def test_scales(scale):
  model = models.build('rrdb', scale=scale, **SMALL)
  made, _ = jax.eval_shape(
    model.init_with_output, jax.random.key(0), jnp.zeros((1, 5, 7, 3))
  )
  assert made.shape == (1, 5 * scale, 7 * scale, 3)


@pytest.mark.parametrize(
  ('init_scale', 'deviation'),
  [(0.1, 0.1 * np.sqrt(2 / 576)), (None, np.sqrt(1 / 3 / 576))],
)
def test_initialisation(init_scale, deviation):
  dense = rrdb.Dense(32, 0.2, init_scale, None)
  x = jnp.zeros((1, 4, 4, 64))
  params = jax.jit(dense.init)(jax.random.key(0), x)['params']
  np.testing.assert_allclose(params['conv0']['conv']['kernel'].std(), deviation, 0.02)
  assert float(jnp.abs(params['conv0']['conv']['bias']).max()) == 0


def test_rematerialisation_changes_memory_only():
  args = {'blocks': 1, 'features': 4, 'growth': 2, 'scale': 1}
  image = np.random.default_rng(0).random((1, 6, 6, 3), 'f')
  plain, remat = models.build('rrdb', **args), models.build('rrdb', remat=True, **args)
  variables = mirror.filled(plain, image)
  shapes = jax.eval_shape(remat.init, jax.random.key(0), image)
  assert jax.tree.structure(shapes) == jax.tree.structure(variables)

  def gradient(model):
    return jax.grad(lambda v: jnp.sum(jnp.sin(model.apply(v, image))))

  assert 'remat' in str(jax.make_jaxpr(gradient(remat))(variables))
  assert 'remat' not in str(jax.make_jaxpr(gradient(plain))(variables))
  want = jax.jit(gradient(plain))(variables)
  assert twins.tree_error(jax.jit(gradient(remat))(variables), want) < 1e-5
