"""SRCNN against a PyTorch twin, its counts, its start and its border."""

import jax
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.ops import resize
from tests.models import twins
from tests.models.twins import torch

nn = torch.nn


class SRCNN(nn.Module):
  def __init__(self, channels, middle, padding):
    super().__init__()
    sizes = ((channels, 8, 9), (8, 6, middle), (6, channels, 5))
    self.convs = nn.ModuleList(
      nn.Conv2d(a, b, k, padding=k // 2 * padding, padding_mode='replicate')
      for a, b, k in sizes
    )

  def forward(self, x):
    head, middle, tail = self.convs
    return tail(torch.relu(middle(torch.relu(head(x)))))


def variables(twin):
  names = ('head', 'middle', 'tail')
  return {'params': {n: twins.conv(c) for n, c in zip(names, twin.convs, strict=True)}}


def built(color, middle):
  return models.build('srcnn', scale=2, color=color, middle=middle, features=(8, 6))


@pytest.mark.parametrize(
  ('color', 'middle', 'size'), [('y', 1, (6, 8)), ('y', 3, (5, 7)), ('rgb', 5, (7, 9))]
)
def test_twin(color, middle, size):
  channels = 3 if color == 'rgb' else 1
  twin = twins.randomise(SRCNN(channels, middle, padding=1))
  image = np.random.default_rng(0).random((2, *size, channels), 'f')
  error, _, of_params = twins.compare(
    built(color, middle),
    variables(twin),
    twin,
    image,
    train=True,
    enlarge=lambda x: resize.resize(x, 2),
    parameters=True,
  )
  assert error < 1e-5
  want = variables(twins.gradients(twin))['params']
  assert twins.tree_error(of_params, want) < 1e-5


def test_the_centre_does_not_see_the_border():
  twin = twins.randomise(SRCNN(1, 1, padding=0))
  image = np.random.default_rng(0).random((1, 10, 11, 1), 'f')
  got = jax.jit(built('y', 1).apply)(variables(twin), image)
  want = twins.to_numpy(twin(twins.to_torch(resize.resize(image, 2))))
  assert twins.relative_error(got[:, 6:-6, 6:-6], want) < 1e-5


@pytest.mark.parametrize(
  ('color', 'counts'),
  [('y', (8_129, 24_513, 57_281)), ('rgb', (20_099, 36_483, 69_251))],
)
def test_counts(color, counts):
  built = (models.build('srcnn', color=color, middle=m) for m in (1, 3, 5))
  assert tuple(twins.count(model) for model in built) == counts


def test_starts_small():
  model = models.build('srcnn')
  params = jax.jit(model.init)(
    jax.random.key(0, impl='rbg'), np.zeros((1, 4, 4, 1), 'f')
  )['params']
  for name in ('head', 'middle', 'tail'):
    assert np.std(params[name]['conv']['kernel']) == pytest.approx(1e-3, rel=0.15)
    assert not np.any(params[name]['conv']['bias'])


def test_start_of_he():
  model = models.build('srcnn', start='he')
  params = jax.jit(model.init)(
    jax.random.key(0, impl='rbg'), np.zeros((1, 4, 4, 1), 'f')
  )['params']
  for name, fan_in in (('head', 81), ('middle', 64), ('tail', 25 * 32)):
    deviation = np.std(params[name]['conv']['kernel'])
    assert deviation == pytest.approx(np.sqrt(2 / fan_in), rel=0.15)


@pytest.mark.parametrize('wrong', [{'middle': 7}, {'color': 'ycbcr'}, {'start': 'no'}])
def test_wrong_arguments(wrong):
  model = models.build('srcnn', **wrong)
  with pytest.raises(UserError, match=next(iter(wrong))):
    model.init(jax.random.key(0), np.zeros((1, 4, 4, 1), 'f'))
