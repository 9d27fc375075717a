"""Every discriminator against a PyTorch twin with the same weights.

SRGAN's own layout has its twin in test_parity.py.
"""

import numpy as np
import pytest

from jsr import models
from tests.models import mirror, twins
from tests.models.twins import torch

nn = torch.nn


def lrelu(x):
  return nn.functional.leaky_relu(x, 0.2)


class Head(nn.Module):
  """Flattened or pooled; one or two dense layers."""

  def __init__(self, maps, size, hidden, pool):
    super().__init__()
    self.pool = pool
    values = maps if pool else maps * size[0] * size[1]
    if hidden:
      self.dense0 = nn.Linear(values, hidden)
    self.dense1 = nn.Linear(hidden or values, 1)

  def end(self, x):
    x = x.mean((2, 3)) if self.pool else x.flatten(1)
    x = lrelu(self.dense0(x)) if hasattr(self, 'dense0') else x
    return self.dense1(x)[:, 0]


def up(n, times):
  for _ in range(times):
    n = -(-n // 2)
  return n


class SRGAN(Head):
  """With batch norm on the first layer too; with its pooled form."""

  def __init__(self, f, hidden, size, pool):
    super().__init__(8 * f, [up(s, 4) for s in size], hidden, pool)
    self.body = nn.Module()
    before = 3
    for i in range(8):
      after = f * 2 ** (i // 2)
      self.body.add_module(
        f'conv{i}', mirror.Conv(before, after, 3, 1 + i % 2, bias=False)
      )
      self.body.add_module(f'bn{i}', nn.BatchNorm2d(after))
      before = after

  def forward(self, x):
    x = 2 * x - 1
    for i in range(8):
      x = getattr(self.body, f'bn{i}')(getattr(self.body, f'conv{i}')(x))
      x = lrelu(x)
    return self.end(x)


class TensorLayer(Head):
  def __init__(self, f, size, pool):
    super().__init__(8 * f, [up(s, 6) for s in size], 0, pool)
    before = 3
    for i, (multiple, kernel, stride) in enumerate(
      [(2**i, 4, 2) for i in range(6)] + [(16, 1, 1), (8, 1, 1)]
    ):
      self.add(f'conv{i}', before, multiple * f, kernel, stride)
      before = multiple * f
    for i, (multiple, kernel) in enumerate([(2, 1), (2, 3), (8, 3)]):
      self.add(f'residual{i}', before, multiple * f, kernel, 1)
      before = multiple * f

  def add(self, name, before, after, kernel, stride):
    first = name == 'conv0'
    self.add_module(name, mirror.Same(before, after, kernel, stride, bias=first))
    if not first:
      self.add_module(f'{name}_bn', nn.BatchNorm2d(after))

  def layer(self, x, name):
    x = getattr(self, name)(x)
    return x if name == 'conv0' else getattr(self, f'{name}_bn')(x)

  def forward(self, x):
    x = 2 * x - 1
    for i in range(7):
      x = lrelu(self.layer(x, f'conv{i}'))
    m = self.layer(x, 'conv7')
    x = lrelu(self.layer(m, 'residual0'))
    x = lrelu(self.layer(x, 'residual1'))
    return self.end(lrelu(m + self.layer(x, 'residual2')))


class S3GAN(Head):
  def __init__(self, f, hidden, size, pool):
    super().__init__(8 * f, [up(s, 4) for s in size], hidden, pool)
    before = 3
    for i in range(8):
      after = f * 2 ** (i // 2)
      self.add_module(f'conv{i}', mirror.Same(before, after, 3, 1 + i % 2))
      if i:
        self.add_module(f'bn{i}', nn.BatchNorm2d(after, 1e-3, 0.01))
      before = after

  def forward(self, x):
    x = 2 * x - 1
    for i in range(8):
      x = getattr(self, f'conv{i}')(x)
      x = lrelu(getattr(self, f'bn{i}')(x) if i else x)
    return self.end(x)


class VGG128(Head):
  def __init__(self, f, hidden, size, pool):
    super().__init__(8 * f, [s // 32 for s in size], hidden, pool)
    before = 3
    for i, after in enumerate([f, f, 2 * f, 2 * f, 4 * f, 4 * f] + 4 * [8 * f]):
      kernel, stride = ((3, 1), (4, 2))[i % 2]
      self.add_module(
        f'conv{i}', nn.Conv2d(before, after, kernel, stride, 1, bias=i == 0)
      )
      if i:
        self.add_module(f'bn{i}', nn.BatchNorm2d(after))
      before = after

  def forward(self, x):
    for i in range(10):
      x = getattr(self, f'conv{i}')(x)
      x = lrelu(getattr(self, f'bn{i}')(x) if i else x)
    return self.end(x)


class Module(nn.Module):
  """The middle inception module."""

  def __init__(self, before, width, bias):
    super().__init__()
    n = width // 16
    for b, k in ((0, 5), (1, 3)):
      self.add_module(f'branch{b}_conv0', nn.Conv2d(before, 3 * n, 1))
      self.add_module(
        f'branch{b}_conv1', nn.Conv2d(3 * n, 3 * n, (1, k), padding=(0, k // 2))
      )
      self.add_module(
        f'branch{b}_conv2',
        nn.Conv2d(3 * n, 6 * n, (k, 1), padding=(k // 2, 0), bias=bias),
      )
    self.branch2_conv0 = nn.Conv2d(before, 4 * n, 1, bias=bias)

  def forward(self, x):
    a = lrelu(self.branch0_conv1(lrelu(self.branch0_conv0(x))))
    b = lrelu(self.branch1_conv1(lrelu(self.branch1_conv0(x))))
    parts = self.branch0_conv2(a), self.branch1_conv2(b), self.branch2_conv0(x)
    return torch.cat(parts, 1)


class Inception(Head):
  def __init__(self, f, hidden, size, pool):
    super().__init__(8 * f, [up(s, 4) for s in size], hidden, pool)
    before = 3
    for i in range(8):
      after = f * 2 ** (i // 2)
      layer = (
        mirror.Conv(before, after, 3, 2, bias=False)
        if i % 2
        else Module(before, after, bias=i == 0)
      )
      self.add_module(f'conv{i}' if i % 2 else f'inception{i}', layer)
      if i:
        self.add_module(f'bn{i}', nn.BatchNorm2d(after))
      before = after

  def forward(self, x):
    x = 2 * x - 1
    for i in range(8):
      x = getattr(self, f'conv{i}' if i % 2 else f'inception{i}')(x)
      x = lrelu(getattr(self, f'bn{i}')(x) if i else x)
    return self.end(x)


class UNetSN(nn.Module):
  """With PyTorch's own spectral norm."""

  def __init__(self, f):
    super().__init__()
    self.conv0 = mirror.Conv(3, f)
    widths = [1, 2, 4, 8, 4, 2, 1, 1, 1]
    for i in range(1, 9):
      kernel, stride = (4, 2) if i <= 3 else (3, 1)
      conv = nn.Conv2d(widths[i - 1] * f, widths[i] * f, kernel, stride, 1, bias=False)
      self.add_module(f'conv{i}', nn.utils.spectral_norm(conv))
    self.conv9 = mirror.Conv(f, 1)

  def forward(self, x):
    downs = [x := lrelu(self.conv0(x))]
    for i in (1, 2, 3):
      downs.append(x := lrelu(getattr(self, f'conv{i}')(x)))
    downs.pop()
    for i in (4, 5, 6):
      skip = downs.pop()
      x = nn.functional.interpolate(x, skip.shape[2:], mode='bilinear')
      x = skip + lrelu(getattr(self, f'conv{i}')(x))
    return self.conv9(lrelu(self.conv8(lrelu(self.conv7(x)))))


# Model, its fields, twin; sizes as small as leaves batch norm several positions.
CASES = {
  'SRGAN': (
    {'features': 4, 'hidden': 8, 'norm_first': True},
    lambda size: SRGAN(4, 8, size, pool=False),
  ),
  'SRGANPool': (
    {'features': 4, 'hidden': 8, 'norm_first': True},
    lambda size: SRGAN(4, 8, size, pool=True),
  ),
  'TensorLayer': ({'features': 2}, lambda size: TensorLayer(2, size, pool=False)),
  'S3GAN': (
    {'features': 4, 'hidden': 8},
    lambda size: S3GAN(4, 8, size, pool=False),
  ),
  'VGG128': (
    {'features': 4, 'hidden': 8},
    lambda size: VGG128(4, 8, size, pool=False),
  ),
  'Inception': (
    {'features': 16, 'hidden': 8},
    lambda size: Inception(16, 8, size, pool=False),
  ),
  'UNetSN': ({'features': 4}, lambda size: UNetSN(4)),
}
SIZES = {
  'TensorLayer': [(128, 128), (131, 150)],
  'VGG128': [(64, 64), (71, 98)],
}


def test_every_discriminator_has_a_twin():
  assert set(CASES) == set(models.discriminator_names())


@pytest.mark.parametrize('odd', [False, True], ids=['even', 'odd'])
@pytest.mark.parametrize('name', sorted(CASES))
def test_twin(name, odd, record_property):
  """Even size in training, odd size in use."""
  args, make = CASES[name]
  size = SIZES.get(name, [(32, 32), (37, 50)])[odd]
  twin = twins.randomise(make(size), scale=0.2)
  image = np.random.default_rng(0).random((4, *size, 3), 'f')
  if name == 'UNetSN':
    twin.train()
    with torch.no_grad():  # Random vectors are no singular vectors.
      twin(twins.to_torch(image))
  model = models.build_discriminator(name, **args)
  error, changed, gradients = mirror.compare(
    model, twin, image, train=not odd, parameters=name == 'UNetSN'
  )
  record_property('error', error)
  print(f'{name} {size} {error:.2e}')
  assert error < 1e-4
  if name == 'UNetSN':
    # The norm depends on the kernel, the vectors are constants.
    want = twin.conv5.weight_orig.grad.numpy().transpose(2, 3, 1, 0)
    assert twins.relative_error(gradients['conv5']['kernel'], want) < 1e-4
  if name == 'UNetSN' and not odd:
    u = twin.conv5.weight_u.numpy()
    np.testing.assert_allclose(changed['conv5']['singular']['u'], u, atol=1e-6)
