"""Report 001's generator: counts, readings by config, and a PyTorch twin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.models import inception
from tests.models import mirror, twins
from tests.models.twins import torch

nn = torch.nn


def lrelu(x):
  return nn.functional.leaky_relu(x, 0.2)


class Chain(nn.Module):
  """Convolutions (height, width, features) with an activation between them."""

  def __init__(self, act, before, *kernels):
    super().__init__()
    self.act, self.convs = act, []
    for height, width, after in kernels:
      pad = (height // 2, width // 2)
      self.convs.append(nn.Conv2d(before, after, (height, width), padding=pad))
      before = after

  def forward(self, x):
    for i, conv in enumerate(self.convs):
      x = conv(self.act(x) if i else x)
    return x


class Concat(nn.Module):
  """Chains side by side, named as Flax names them."""

  def __init__(self, *chains):
    super().__init__()
    self.chains = chains
    for b, chain in enumerate(chains):
      for i, conv in enumerate(chain.convs):
        self.add_module(f'branch{b}_conv{i}', conv)

  def forward(self, x):
    return torch.cat([chain(x) for chain in self.chains], 1)


def shallow(act, c):
  n = c // 8
  return Concat(*(Chain(act, c, (1, 1, n), (1, k, n), (k, 1, 4 * n)) for k in (7, 5)))


def mid(act, c):
  n = c // 16
  wide, narrow = (
    Chain(act, c, (1, 1, 3 * n), (1, k, 3 * n), (k, 1, 6 * n)) for k in (5, 3)
  )
  return Concat(wide, narrow, Chain(act, c, (1, 1, 4 * n)))


class Deep(Concat):
  def __init__(self, act, before, c):
    n, point = c // 4, (1, 1, c // 4)
    pair = ((1, 3, n), (3, 1, n))
    super().__init__(
      Chain(act, before, point),
      Chain(act, before, point, *pair),
      Chain(act, before, point, *pair, *pair),
    )
    self.act = act
    self.branch3_conv0 = nn.Conv2d(before, n, 1)
    self.branch3_conv1_0 = nn.Conv2d(n, n // 2, (1, 3), padding=(0, 1))
    self.branch3_conv1_1 = nn.Conv2d(n, n // 2, (3, 1), padding=(1, 0))

  def forward(self, x):
    d = self.act(self.branch3_conv0(x))
    fork = [self.branch3_conv1_0(d), self.branch3_conv1_1(d)]
    return torch.cat([super().forward(x), *fork], 1)


class RRIM(nn.Module):
  def __init__(self, act, c):
    super().__init__()
    self.shallow0, self.shallow1, self.shallow2 = (shallow(act, c) for _ in range(3))
    self.mid = mid(act, c)

  def forward(self, x):
    for module in (self.shallow0, self.shallow1, self.shallow2, self.mid):
      x = x + module(x)
    return x


class Generator(nn.Module):
  def __init__(self, c, modules, act, bare, final):
    super().__init__()
    self.act, self.bare, self.modules_ = act, bare, modules
    self.head, self.widen = mirror.Conv(3, c // 2), mirror.Conv(c // 2, c)
    for i in range(modules):
      self.add_module(f'rrim{i}', RRIM(act, c))
    narrow = c // 4 if bare else c // 2
    self.deep0 = Deep(act, narrow, c)
    if not bare:
      self.up0, self.up1 = (mirror.Conv(c, 2 * c, 1) for _ in range(2))
    self.tail = mirror.Conv(narrow, 3, final)

  def forward(self, x):
    skip = x = self.widen(self.act(self.head(2 * x - 1)))
    if self.modules_ == 1:
      x = self.rrim0(x)
    else:
      for i in range(self.modules_):
        x = x + getattr(self, f'rrim{i}')(x)
    x = skip + x
    x = self.act(torch.pixel_shuffle(x if self.bare else self.up0(x), 2))
    x = self.deep0(x)
    x = self.act(torch.pixel_shuffle(x if self.bare else self.up1(x), 2))
    return (torch.tanh(self.tail(x)) + 1) / 2


@pytest.mark.parametrize(
  ('args', 'twin_args', 'size'),
  [
    ({'modules': 2}, (2, lrelu, False, 3), (8, 8)),
    (
      {'modules': 1, 'subpixel': 'bare', 'activation': 'relu', 'final_kernel': 1},
      (1, torch.relu, True, 1),
      (7, 11),
    ),
  ],
)
def test_twin(args, twin_args, size):
  twin = twins.randomise(Generator(16, *twin_args), scale=0.2)
  model = models.build('rrim', features=16, **args)
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, *_ = mirror.compare(model, twin, image, train=True)
  print(f'rrim {args} {size} {error:.2e}')
  assert error < 5e-5


@pytest.mark.parametrize(
  ('args', 'count'),
  [({}, 1_505_187), ({'modules': 1}, 256_707), ({'subpixel': 'bare'}, 1_434_179)],
)
def test_counts(args, count):
  model = models.build('rrim', **args)
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  assert models.parameter_count(shapes) == count


@pytest.mark.parametrize(
  ('layout', 'before', 'count'),
  [
    (inception.shallow, 128, 19_648),
    (inception.mid, 128, 24_288),
    (inception.deep, 64, 30_048),
  ],
)
def test_counts_of_modules(layout, before, count):
  module = inception.Inception(layout(128), jax.nn.relu)
  x = jnp.zeros((1, 8, 8, before))
  made, shapes = jax.eval_shape(module.init_with_output, jax.random.key(0), x)
  assert models.parameter_count(shapes) == count
  assert made.shape == (1, 8, 8, 128)


@pytest.mark.parametrize(
  ('args', 'message'),
  [
    ({'subpixel': 'bear'}, "did you mean 'bare'"),
    ({'activation': 'rely'}, "did you mean 'relu'"),
    ({'features': 40}, 'give a multiple of 16'),
    ({'subpixel': 'bare', 'scale': 3}, 'multiple of 9'),
  ],
)
def test_mistakes_are_told_in_words(args, message):
  model = models.build('rrim', modules=2, **args)
  with pytest.raises(UserError, match=message):
    jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
