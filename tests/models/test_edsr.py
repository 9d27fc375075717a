"""EDSR against a PyTorch twin, its counts and its rematerialisation."""

import jax
import numpy as np
import pytest

from jsr import models
from jsr.models import layers
from tests.models import twins
from tests.models.twins import torch

nn = torch.nn
MEAN = (0.4488, 0.4371, 0.4040)


class Block(nn.Module):
  def __init__(self, f, kernel=3):
    super().__init__()
    self.conv1 = nn.Conv2d(f, f, kernel, padding=kernel // 2)
    self.conv2 = nn.Conv2d(f, f, kernel, padding=kernel // 2)

  def forward(self, x, residual_scale=1.0):
    return x + residual_scale * self.conv2(torch.relu(self.conv1(x)))


class EDSR(nn.Module):
  def __init__(self, f, blocks, scale, *, keras):
    super().__init__()
    self.keras = keras
    self.factors = layers.stages(scale)
    self.head = nn.Conv2d(3, f, 3, padding=1)
    self.blocks = nn.ModuleList(Block(f) for _ in range(blocks))
    self.body = nn.Conv2d(f, f, 3, padding=1)
    self.ups = nn.ModuleList(nn.Conv2d(f, f * r**2, 3, padding=1) for r in self.factors)
    self.tail = nn.Conv2d(f, 3, 3, padding=1)

  def forward(self, x):
    inside = 2.0 if self.keras else 255.0
    mean = torch.tensor(MEAN).reshape(1, 3, 1, 1)
    head = x = self.head((x - mean) * inside)
    for block in self.blocks:
      x = block(x, 1.0 if self.keras else 0.1)
    x = head + self.body(x)
    for r, up in zip(self.factors, self.ups, strict=True):
      x = up(x)
      if self.keras:
        x = x.unflatten(1, (r * r, -1)).transpose(1, 2).flatten(1, 2)
      x = torch.pixel_shuffle(x, r)
    return self.tail(x) / inside + mean


def block_params(block):
  return {'conv1': twins.conv(block.conv1), 'conv2': twins.conv(block.conv2)}


def variables(twin):
  params = {name: twins.conv(getattr(twin, name)) for name in ('head', 'body', 'tail')}
  params |= {f'block{i}': block_params(b) for i, b in enumerate(twin.blocks)}
  params |= {f'up{i}': twins.conv(c) for i, c in enumerate(twin.ups)}
  return {'params': params}


@pytest.mark.parametrize(
  ('scale', 'keras', 'size'),
  [(2, True, (8, 6)), (3, False, (6, 6)), (4, False, (5, 7))],
)
def test_twin(scale, keras, size):
  """Either the authors' (0..255, residuals by 0.1) or the Keras port's."""
  twin = twins.randomise(EDSR(8, 2, scale, keras=keras))
  model = models.build(
    'edsr',
    scale=scale,
    blocks=2,
    features=8,
    residual_scale=1.0 if keras else 0.1,
    internal_range=2.0 if keras else 255.0,
    layout='tensorflow' if keras else 'torch',
    remat=scale == 4,
  )
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, _, of_params = twins.compare(
    model, variables(twin), twin, image, train=True, parameters=True
  )
  assert error < 2e-5
  want = variables(twins.gradients(twin))['params']
  assert twins.tree_error(of_params, want) < 2e-5


@pytest.mark.parametrize(
  ('blocks', 'features', 'counts'),
  [
    (8, 64, (779_011, 963_651, 926_723)),
    (16, 64, (1_369_859, 1_554_499, 1_517_571)),
    (32, 256, (40_729_603, 43_680_003, 43_089_923)),
  ],
)
def test_counts(blocks, features, counts):
  sizes = {'blocks': blocks, 'features': features}
  built = (models.build('edsr', scale=s, **sizes) for s in (2, 3, 4))
  assert tuple(twins.count(model) for model in built) == counts


@pytest.mark.parametrize('name', ['edsr', 'mdsr'])
def test_recomputing_keeps_less(name):
  image = np.zeros((1, 8, 8, 3), 'f')
  kept = {}
  for remat in (True, False):
    model = models.build(name, scale=2, features=8, remat=remat)
    start = jax.eval_shape(model.init, jax.random.key(0), image)
    kept[remat] = twins.residuals(model, start, image)
  assert kept[True] < 0.8 * kept[False]
