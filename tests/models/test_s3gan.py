"""Report 003's generator: the totals that it prints, and a PyTorch twin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from tests.models import mirror, twins
from tests.models.twins import torch

nn = torch.nn


class Unit(nn.Module):
  def __init__(self, before, after, kernel=3, norm=False, act=True):
    super().__init__()
    self.conv = mirror.Conv(before, after, kernel)
    self.bn = nn.BatchNorm2d(after, 1e-3, 0.01) if norm else nn.Identity()
    self.prelu = nn.PReLU(after) if act else nn.Identity()

  def forward(self, x):
    return self.prelu(self.bn(self.conv(x)))


class Dense(nn.Module):
  def __init__(self, f, g):
    super().__init__()
    self.unit0 = Unit(f, g, norm=True)
    self.unit1 = Unit(f + g, g, norm=True)
    self.unit2 = Unit(2 * g, f, norm=True, act=False)

  def forward(self, x):
    c1 = self.unit0(x)
    c2 = self.unit1(torch.cat([c1, x], 1))
    return x + self.unit2(torch.cat([c2, c1], 1))


class Block(nn.Module):
  def __init__(self, f, g):
    super().__init__()
    self.dense0, self.dense1, self.dense2 = (Dense(f, g) for _ in range(3))
    self.of_input, self.of_body = (nn.Parameter(torch.ones(f)) for _ in range(2))

  def forward(self, x):
    y = self.dense2(self.dense1(self.dense0(x)))
    return self.of_input[:, None, None] * x + self.of_body[:, None, None] * y


class S3GAN(nn.Module):
  def __init__(self, f, g):
    super().__init__()
    self.head, self.neck = Unit(3, f), Unit(f, f, 1)
    self.block0 = Block(f, g)
    for i in range(2):
      self.add_module(f'up{i}', Unit(f, 4 * f, act=False))
      self.add_module(f'up{i}_prelu', nn.PReLU(f))
    self.hr, self.tail = Unit(f, f), Unit(f, 3, act=False)

  def forward(self, x):
    x = self.block0(self.neck(self.head(x)))
    x = self.up0_prelu(torch.pixel_shuffle(self.up0(x), 2))
    x = self.up1_prelu(torch.pixel_shuffle(self.up1(x), 2))
    return (torch.tanh(self.tail(self.hr(x))) + 1) / 2


@pytest.mark.parametrize(('size', 'train'), [((8, 8), True), ((7, 11), False)])
def test_twin(size, train):
  twin = twins.randomise(S3GAN(8, 4), scale=0.2)
  model = models.build('s3gan', blocks=1, features=8, growth=4)
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, *_ = mirror.compare(model, twin, image, train=train)
  print(f's3gan {size} {error:.2e}')
  assert error < 5e-5


def test_the_totals_that_the_report_prints():
  model = models.build('s3gan')
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  statistics = sum(x.size for x in jax.tree.leaves(shapes['batch_stats']))
  trainable = models.parameter_count(shapes)
  assert (trainable, statistics) == (1_341_571, 3_072)
  assert trainable + statistics == 1_344_643


def test_start_of_slopes_and_factors():
  model = models.build('s3gan', blocks=1, features=8, growth=4)
  params = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 4, 4, 3)))['params']
  assert float(jnp.abs(params['head']['prelu']['slope']).max()) == 0
  assert set(np.asarray(params['block0']['of_input'])) == {1.0}
  assert set(np.asarray(params['block0']['of_body'])) == {0.5}
