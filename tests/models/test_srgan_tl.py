"""TensorLayer's SRGAN generator: counts, forms, and a PyTorch twin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from tests.models import mirror, twins
from tests.models.twins import torch

nn = torch.nn


class Unit(nn.Module):
  def __init__(self, f, norm, bias):
    super().__init__()
    self.conv = mirror.Conv(f, f, bias=bias and not norm)
    if norm:
      self.bn = nn.BatchNorm2d(f)

  def forward(self, x):
    x = self.conv(x)
    return self.bn(x) if hasattr(self, 'bn') else x


class SRGAN(nn.Module):
  def __init__(self, f, norm=True, bias=True, shuffle=True):
    super().__init__()
    self.head, self.tail = mirror.Conv(3, f), mirror.Conv(f, 3, 1)
    for name in ('block0_0', 'block0_1', 'block1_0', 'block1_1', 'body'):
      self.add_module(name, Unit(f, norm, bias))
    self.up0, self.up1 = (
      mirror.Conv(f, 4 * f) if shuffle else Unit(f, norm, bias) for _ in range(2)
    )
    self.shuffle = shuffle

  def forward(self, x):
    head = x = torch.relu(self.head(2 * x - 1))
    x = x + self.block0_1(torch.relu(self.block0_0(x)))
    x = x + self.block1_1(torch.relu(self.block1_0(x)))
    x = head + self.body(x)
    for up in (self.up0, self.up1):
      if self.shuffle:
        x = torch.pixel_shuffle(up(x), 2)
      else:
        x = up(nn.functional.interpolate(x, scale_factor=2, mode='nearest'))
      x = torch.relu(x)
    return (torch.tanh(self.tail(x)) + 1) / 2


@pytest.mark.parametrize(
  ('args', 'twin_args', 'size', 'train'),
  [
    ({}, {}, (12, 12), True),
    ({'upsampler': 'resize-conv'}, {'shuffle': False}, (7, 11), True),
    ({'batch_norm': False}, {'norm': False}, (7, 11), False),
    (
      {'batch_norm': False, 'bias': False},
      {'norm': False, 'bias': False},
      (6, 8),
      False,
    ),
  ],
)
def test_twin(args, twin_args, size, train):
  twin = twins.randomise(SRGAN(8, **twin_args), scale=0.2)
  model = models.build('srgan_tl', blocks=2, features=8, **args)
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, *_ = mirror.compare(model, twin, image, train=train)
  print(f'srgan_tl {args} {size} {error:.2e}')
  assert error < 5e-5


@pytest.mark.parametrize(
  ('args', 'count', 'statistics'),
  [
    ({}, 1_518_147, 4_224),
    ({'batch_norm': False}, 1_516_035, 0),
    ({'batch_norm': False, 'bias': False}, 1_513_923, 0),
    ({'upsampler': 'resize-conv'}, 1_296_707, 4_480),
  ],
)
def test_counts(args, count, statistics):
  model = models.build('srgan_tl', **args)
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  assert models.parameter_count(shapes) == count
  leaves = jax.tree.leaves(shapes.get('batch_stats', {}))
  assert sum(x.size for x in leaves) == statistics


def test_an_unknown_upsampler_is_refused():
  model = models.build('srgan_tl', upsampler='shufle')
  with pytest.raises(UserError, match="did you mean 'shuffle'"):
    jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
