"""SRResNet and SRGAN's discriminator against PyTorch twins with the same weights."""

import numpy as np
import pytest

from jsr import models
from tests.models import twins
from tests.models.twins import torch

nn = torch.nn


class Block(nn.Module):
  def __init__(self, f):
    super().__init__()
    self.conv1 = nn.Conv2d(f, f, 3, padding=1, bias=False)
    self.bn1 = nn.BatchNorm2d(f)
    self.prelu = nn.PReLU(f)
    self.conv2 = nn.Conv2d(f, f, 3, padding=1, bias=False)
    self.bn2 = nn.BatchNorm2d(f)

  def forward(self, x):
    return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))


class SRResNet(nn.Module):
  def __init__(self, f, blocks):
    super().__init__()
    self.head, self.head_prelu = nn.Conv2d(3, f, 9, padding=4), nn.PReLU(f)
    self.blocks = nn.ModuleList(Block(f) for _ in range(blocks))
    self.body = nn.Conv2d(f, f, 3, padding=1, bias=False)
    self.body_bn = nn.BatchNorm2d(f)
    self.ups = nn.ModuleList(nn.Conv2d(f, 4 * f, 3, padding=1) for _ in range(2))
    self.up_prelus = nn.ModuleList(nn.PReLU(f) for _ in range(2))
    self.tail = nn.Conv2d(f, 3, 9, padding=4)

  def forward(self, x):
    head = x = self.head_prelu(self.head(x))
    for block in self.blocks:
      x = block(x)
    x = head + self.body_bn(self.body(x))
    for conv, prelu in zip(self.ups, self.up_prelus, strict=True):
      x = prelu(torch.pixel_shuffle(conv(x), 2))
    return (self.tail(x) + 1) / 2


class SRGAN(nn.Module):
  def __init__(self, f, hidden, size):
    super().__init__()
    self.convs, self.bns = nn.ModuleList(), nn.ModuleList()
    before = 3
    for i in range(8):
      after = f * 2 ** (i // 2)
      stride = 1 + i % 2
      self.convs.append(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=i == 0)
      )
      self.bns.append(nn.BatchNorm2d(after) if i else nn.Identity())
      before = after
      size = [(s + 1) // 2 for s in size] if stride == 2 else size
    self.dense0 = nn.Linear(before * size[0] * size[1], hidden)
    self.dense1 = nn.Linear(hidden, 1)

  def forward(self, x):
    x = 2 * x - 1
    for conv, bn in zip(self.convs, self.bns, strict=True):
      x = nn.functional.leaky_relu(bn(conv(x)), 0.2)
    x = nn.functional.leaky_relu(self.dense0(x.flatten(1)), 0.2)
    return self.dense1(x)[:, 0]


def srresnet_variables(twin):
  params = {
    'head': twins.conv(twin.head),
    'head_prelu': twins.prelu(twin.head_prelu),
    'body': twins.conv(twin.body),
    'body_bn': twins.bn(twin.body_bn),
    'tail': twins.conv(twin.tail),
  }
  running = {'body_bn': twins.stats(twin.body_bn)}
  for i, b in enumerate(twin.blocks):
    params[f'block{i}'] = {
      'conv1': twins.conv(b.conv1),
      'bn1': twins.bn(b.bn1),
      'prelu': twins.prelu(b.prelu),
      'conv2': twins.conv(b.conv2),
      'bn2': twins.bn(b.bn2),
    }
    running[f'block{i}'] = {'bn1': twins.stats(b.bn1), 'bn2': twins.stats(b.bn2)}
  for i, (c, p) in enumerate(zip(twin.ups, twin.up_prelus, strict=True)):
    params[f'up{i}'], params[f'up{i}_prelu'] = {'conv': twins.conv(c)}, twins.prelu(p)
  return {'params': params, 'batch_stats': running}


def srgan_variables(twin):
  body = {f'conv{i}': twins.conv(c) for i, c in enumerate(twin.convs)}
  body |= {f'bn{i}': twins.bn(b) for i, b in enumerate(twin.bns) if i}
  running = {f'bn{i}': twins.stats(b) for i, b in enumerate(twin.bns) if i}
  params = {
    'body': body,
    'dense0': twins.dense(twin.dense0),
    'dense1': twins.dense(twin.dense1),
  }
  return {'params': params, 'batch_stats': {'body': running}}


@pytest.mark.parametrize('size', [(12, 12), (7, 11)])
@pytest.mark.parametrize('train', [False, True])
def test_srresnet(size, train):
  twin = twins.randomise(SRResNet(8, 2))
  model = models.build('srresnet', features=8, blocks=2)
  image = np.random.default_rng(0).random((2, *size, 3), 'f')
  error, changed, _ = twins.compare(
    model, srresnet_variables(twin), twin, image, train=train
  )
  assert error < 2e-5
  if train:
    got = changed['batch_stats']['block1']['bn2']['mean']
    want = twin.blocks[1].bn2.running_mean.numpy()
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize('size', [(32, 32), (25, 38)])
@pytest.mark.parametrize('train', [False, True])
def test_srgan_discriminator(size, train):
  twin = twins.randomise(SRGAN(8, 16, size))
  model = models.build_discriminator('SRGAN', features=8, hidden=16)
  image = np.random.default_rng(0).random((3, *size, 3), 'f')
  error, _, _ = twins.compare(model, srgan_variables(twin), twin, image, train=train)
  assert error < 1e-4
