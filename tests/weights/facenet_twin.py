"""FaceNet in PyTorch, under the names of facenet-pytorch's files."""

import numpy as np
import pytest

torch = pytest.importorskip('torch')
nn = torch.nn


class Unit(nn.Module):
  def __init__(self, before, after, kernel=1, stride=1, padding=0):
    super().__init__()
    self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
    self.bn = nn.BatchNorm2d(after, 0.001)

  def forward(self, x):
    return torch.relu(self.bn(self.conv(x)))


def thin(before, middle, width):
  """1x1, 1xw, wx1."""
  w = width // 2
  return nn.Sequential(
    Unit(before, middle),
    Unit(middle, middle, (1, width), 1, (0, w)),
    Unit(middle, middle, (width, 1), 1, (w, 0)),
  )


class Block(nn.Module):
  """A residual block; `branches` by name."""

  def __init__(self, features, inner, weight, *branches, relu=True):
    super().__init__()
    self.count, self.weight, self.relu = len(branches), weight, relu
    for i, branch in enumerate(branches):
      self.add_module(f'branch{i}', branch)
    self.conv2d = nn.Conv2d(inner, features, 1)

  def forward(self, x):
    y = torch.cat([getattr(self, f'branch{i}')(x) for i in range(self.count)], 1)
    y = self.conv2d(y) * self.weight + x
    return torch.relu(y) if self.relu else y


class Mixed(nn.Module):
  def __init__(self, *branches):
    super().__init__()
    self.count = len(branches)
    for i, branch in enumerate(branches):
      self.add_module(f'branch{i}', branch)

  def forward(self, x):
    return torch.cat([getattr(self, f'branch{i}')(x) for i in range(self.count)], 1)


def block35():
  a = Unit(256, 32)
  b = nn.Sequential(Unit(256, 32), Unit(32, 32, 3, 1, 1))
  c = nn.Sequential(Unit(256, 32), Unit(32, 32, 3, 1, 1), Unit(32, 32, 3, 1, 1))
  return Block(256, 96, 0.17, a, b, c)


def block17():
  return Block(896, 256, 0.10, Unit(896, 128), thin(896, 128, 7))


def block8(weight=0.20, relu=True):
  return Block(1792, 384, weight, Unit(1792, 192), thin(1792, 192, 3), relu=relu)


class FaceNet(nn.Module):
  """The network; `blocks` of each trunk."""

  def __init__(self, features, blocks=(5, 10, 5)):
    super().__init__()
    first, second, third = blocks
    self.conv2d_1a = Unit(3, 32, 3, 2)
    self.conv2d_2a = Unit(32, 32, 3)
    self.conv2d_2b = Unit(32, 64, 3, 1, 1)
    self.conv2d_3b = Unit(64, 80)
    self.conv2d_4a = Unit(80, 192, 3)
    self.conv2d_4b = Unit(192, 256, 3, 2)
    self.repeat_1 = nn.Sequential(*(block35() for _ in range(first)))
    self.mixed_6a = Mixed(
      Unit(256, 384, 3, 2),
      nn.Sequential(Unit(256, 192), Unit(192, 192, 3, 1, 1), Unit(192, 256, 3, 2)),
      nn.MaxPool2d(3, 2),
    )
    self.repeat_2 = nn.Sequential(*(block17() for _ in range(second)))
    self.mixed_7a = Mixed(
      nn.Sequential(Unit(896, 256), Unit(256, 384, 3, 2)),
      nn.Sequential(Unit(896, 256), Unit(256, 256, 3, 2)),
      nn.Sequential(Unit(896, 256), Unit(256, 256, 3, 1, 1), Unit(256, 256, 3, 2)),
      nn.MaxPool2d(3, 2),
    )
    self.repeat_3 = nn.Sequential(*(block8() for _ in range(third)))
    self.block8 = block8(1.0, relu=False)
    self.last_linear = nn.Linear(1792, features, bias=False)
    self.last_bn = nn.BatchNorm1d(features, 0.001)

  def forward(self, x):
    x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
    x = nn.functional.max_pool2d(x, 3, 2)
    x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x)))
    x = self.mixed_7a(self.repeat_2(self.mixed_6a(self.repeat_1(x))))
    x = self.block8(self.repeat_3(x)).mean((2, 3))
    return nn.functional.normalize(self.last_bn(self.last_linear(x)))


def empty(features=512):
  """What a file holds, by name, of values that take no memory or time to draw."""
  with torch.device('meta'):
    state = FaceNet(features).state_dict()
  return {k: np.broadcast_to(np.float32(0), v.shape) for k, v in state.items()}


def filled(features=512, blocks=(5, 10, 5)):
  """Random weights of a size that neither die nor explode on the way."""
  generator = torch.Generator().manual_seed(0)
  twin = FaceNet(features, blocks).eval()
  for name, value in twin.state_dict().items():
    if not value.dtype.is_floating_point:
      continue
    noise = torch.randn(value.shape, generator=generator)
    if value.ndim > 1:
      value.copy_(noise * (2 / value[0].numel()) ** 0.5)
    elif name.endswith(('running_var', 'weight')):
      value.copy_(1 + 0.2 * noise.clamp(-2, 2))
    else:
      value.copy_(0.1 * noise)
  return twin
