"""MDSR against a PyTorch twin, its counts and its branches."""

import jax
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.models import layers
from tests.models import twins
from tests.models.test_edsr import MEAN, Block, block_params
from tests.models.twins import torch

nn = torch.nn
SCALES = (2, 3, 4)
SMALL = {'blocks': 1, 'features': 4}


class MDSR(nn.Module):
  """All branches; a call computes the one of `scale`."""

  def __init__(self, f, blocks, shared_tail):
    super().__init__()
    self.scale = 2
    self.head = nn.Conv2d(3, f, 3, padding=1)
    self.heads = nn.ModuleDict(
      {f'x{s}_': nn.ModuleList(Block(f, 5) for _ in range(2)) for s in SCALES}
    )
    self.blocks = nn.ModuleList(Block(f) for _ in range(blocks))
    self.body = nn.Conv2d(f, f, 3, padding=1)
    self.ups = nn.ModuleDict(
      {
        f'x{s}_': nn.ModuleList(
          nn.Conv2d(f, f * r**2, 3, padding=1) for r in layers.stages(s)
        )
        for s in SCALES
      }
    )
    tails = ['tail'] if shared_tail else [f'x{s}_' for s in SCALES]
    self.tails = nn.ModuleDict({name: nn.Conv2d(f, 3, 3, padding=1) for name in tails})

  def forward(self, x):
    prefix = f'x{self.scale}_'
    mean = torch.tensor(MEAN).reshape(1, 3, 1, 1)
    x = self.head((x - mean) * 255)
    for block in self.heads[prefix]:
      x = block(x)
    head = x
    for block in self.blocks:
      x = block(x)
    x = head + self.body(x)
    for r, up in zip(layers.stages(self.scale), self.ups[prefix], strict=True):
      x = torch.pixel_shuffle(up(x), r)
    tail = self.tails['tail' if 'tail' in self.tails else prefix]
    return tail(x) / 255 + mean


def variables(twin):
  params = {name: twins.conv(getattr(twin, name)) for name in ('head', 'body')}
  params |= {f'block{i}': block_params(b) for i, b in enumerate(twin.blocks)}
  for prefix, heads in twin.heads.items():
    params |= {f'{prefix}head{i}': block_params(b) for i, b in enumerate(heads)}
  for prefix, ups in twin.ups.items():
    params |= {f'{prefix}up{i}': twins.conv(c) for i, c in enumerate(ups)}
  for name, tail in twin.tails.items():
    params['tail' if name == 'tail' else f'{name}tail'] = twins.conv(tail)
  return {'params': params}


@pytest.mark.parametrize(
  ('scale', 'shared_tail', 'size'),
  [(2, True, (6, 6)), (3, False, (5, 7)), (4, True, (7, 5))],
)
def test_twin(scale, shared_tail, size):
  twin = twins.randomise(MDSR(4, 1, shared_tail))
  twin.scale = scale
  model = models.build('mdsr', scale=scale, shared_tail=shared_tail, **SMALL)
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, _, of_params = twins.compare(
    model, variables(twin), twin, image, train=True, parameters=True
  )
  assert error < 2e-5
  for p in twin.parameters():
    p.grad = torch.zeros_like(p) if p.grad is None else p.grad
  want = variables(twins.gradients(twin))['params']
  for name, tree in of_params.items():
    if model.belongs(name) in (None, scale):
      assert twins.tree_error(tree, want[name]) < 2e-5
    else:
      assert not any(np.any(g) for g in jax.tree.leaves(tree))


@pytest.mark.parametrize(
  ('args', 'count'),
  [
    ({}, 3_227_203),
    ({'blocks': 80}, 7_953_987),
    ({'blocks': 80, 'shared_tail': False}, 7_957_449),
  ],
)
def test_counts(args, count):
  assert twins.count(models.build('mdsr', **args)) == count


def test_every_scale_starts_with_the_same_parameters():
  image = np.zeros((1, 4, 4, 3), 'f')
  two, four = (
    jax.jit(models.build('mdsr', scale=s, **SMALL).init)(
      jax.random.key(0, impl='rbg'), image
    )
    for s in (2, 4)
  )
  jax.tree.map(np.testing.assert_array_equal, two, four)


def test_names_tell_the_branch():
  model = models.build('mdsr', shared_tail=False, **SMALL)
  image = np.zeros((1, 4, 4, 3), 'f')
  params = jax.eval_shape(model.init, jax.random.key(0), image)['params']
  branches = {}
  for name in params:
    branches.setdefault(model.belongs(name), set()).add(name)
  heads_and_tail = {'head0', 'head1', 'tail'}
  assert branches == {
    None: {'head', 'block0', 'body'},
    2: {f'x2_{n}' for n in heads_and_tail | {'up0'}},
    3: {f'x3_{n}' for n in heads_and_tail | {'up0'}},
    4: {f'x4_{n}' for n in heads_and_tail | {'up0', 'up1'}},
  }


def test_a_scale_without_a_branch():
  model = models.build('mdsr', scale=8, **SMALL)
  with pytest.raises(UserError, match='scale 8 is none of the scales'):
    model.init(jax.random.key(0), np.zeros((1, 4, 4, 3), 'f'))
