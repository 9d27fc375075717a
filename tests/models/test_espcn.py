"""ESPCN against a PyTorch twin, and its counts."""

import jax
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from tests.models import twins
from tests.models.twins import torch

nn = torch.nn


class ESPCN(nn.Module):
  def __init__(self, channels, scale, relu):
    super().__init__()
    self.scale, self.relu = scale, relu
    sizes = ((channels, 8, 5), (8, 6, 3), (6, channels * scale**2, 3))
    self.convs = nn.ModuleList(nn.Conv2d(a, b, k, padding=k // 2) for a, b, k in sizes)

  def forward(self, x):
    act = torch.relu if self.relu else torch.tanh
    head, middle, tail = self.convs
    x = torch.pixel_shuffle(tail(act(middle(act(head(x))))), self.scale)
    # The public port's two peculiarities come together.
    return torch.tanh(x) if self.relu else x


def variables(twin):
  names = ('head', 'middle', 'tail')
  return {'params': {n: twins.conv(c) for n, c in zip(names, twin.convs, strict=True)}}


@pytest.mark.parametrize(
  ('color', 'scale', 'relu', 'size'),
  [('y', 3, True, (8, 8)), ('y', 2, False, (5, 7)), ('rgb', 4, False, (7, 5))],
)
def test_twin(color, scale, relu, size):
  channels = 3 if color == 'rgb' else 1
  twin = twins.randomise(ESPCN(channels, scale, relu))
  model = models.build(
    'espcn',
    scale=scale,
    color=color,
    features=(8, 6),
    activation='relu' if relu else 'tanh',
    tanh_output=relu,
  )
  image = np.random.default_rng(0).random((2, *size, channels), 'f')
  error, _, of_params = twins.compare(
    model, variables(twin), twin, image, train=True, parameters=True
  )
  assert error < 1e-5
  want = variables(twins.gradients(twin))['params']
  assert twins.tree_error(of_params, want) < 1e-5


def test_the_edge_is_repeated():
  """As if the picture went on; its middle does not know the padding."""
  edge, zeros = (
    models.build('espcn', scale=2, features=(8, 6), padding=padding)
    for padding in ('edge', 'zeros')
  )
  image = np.random.default_rng(0).random((1, 13, 11, 1), 'f')
  variables = zeros.init(jax.random.key(0), image)
  wide = np.pad(image, ((0, 0), (4, 4), (4, 4), (0, 0)), mode='edge')
  want = zeros.apply(variables, wide)[:, 8:-8, 8:-8]
  got = edge.apply(variables, image)
  np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
  plain = zeros.apply(variables, image)
  np.testing.assert_allclose(got[:, 8:-8, 8:-8], plain[:, 8:-8, 8:-8], atol=1e-6)
  assert np.abs(got - plain)[:, :2].max() > 1e-2
  with pytest.raises(UserError, match="unknown padding of espcn 'wrap'"):
    models.build('espcn', padding='wrap').init(jax.random.key(0), image)


@pytest.mark.parametrize(
  ('color', 'counts'),
  [('y', (21_284, 22_729, 24_752)), ('rgb', (26_796, 31_131, 37_200))],
)
def test_counts(color, counts):
  built = (models.build('espcn', color=color, scale=s) for s in (2, 3, 4))
  assert tuple(twins.count(model) for model in built) == counts


def test_wrong_activation():
  model = models.build('espcn', activation='relo')
  with pytest.raises(UserError, match="did you mean 'relu'"):
    model.init(jax.random.key(0), np.zeros((1, 4, 4, 1), 'f'))
