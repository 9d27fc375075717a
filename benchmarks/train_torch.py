"""The training steps of benchmarks/train.py as one writes them in PyTorch.

Modules are named as jsr's, so that jsr's first weights fill them by their paths; a
weight too many or too few is an error. Does not import jsr: memory is PyTorch's own.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_LEAVES = {
  'kernel': 'weight',
  'bias': 'bias',
  'scale': 'weight',
  'slope': 'weight',
  'mean': 'running_mean',
  'var': 'running_var',
}
_DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
_VGG_MEAN, _VGG_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def conv(before: int, after: int, kernel: int = 3, stride: int = 1, bias: bool = True):
  return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=bias)


def colour(values) -> torch.Tensor:
  return torch.tensor(values).reshape(1, 3, 1, 1)


def lrelu(x: torch.Tensor) -> torch.Tensor:
  return functional.leaky_relu(x, 0.2, inplace=True)


class Edsr(nn.Module):
  def __init__(self, a: Mapping[str, Any]):
    super().__init__()
    f = a['features']
    self.a, self.ups = a, int(math.log2(a['scale']))
    self.head, self.body, self.tail = conv(3, f), conv(f, f), conv(f, 3)
    for i in range(a['blocks']):
      block = nn.Module()
      block.conv1, block.conv2 = conv(f, f), conv(f, f)
      self.add_module(f'block{i}', block)
    for i in range(self.ups):
      self.add_module(f'up{i}', conv(f, 4 * f))
    self.register_buffer('mean', colour(_DIV2K_MEAN), persistent=False)

  def forward(self, lr):
    head = x = self.head((lr - self.mean) * self.a['internal_range'])
    for i in range(self.a['blocks']):
      block = getattr(self, f'block{i}')
      y = block.conv2(functional.relu(block.conv1(x), inplace=True))
      x = x + self.a['residual_scale'] * y
    x = head + self.body(x)
    for i in range(self.ups):
      x = functional.pixel_shuffle(getattr(self, f'up{i}')(x), 2)
    return self.tail(x).float() / self.a['internal_range'] + self.mean


class SrresnetBlock(nn.Module):
  def __init__(self, f: int):
    super().__init__()
    self.conv1, self.conv2 = (conv(f, f, bias=False) for _ in range(2))
    self.bn1, self.bn2, self.prelu = nn.BatchNorm2d(f), nn.BatchNorm2d(f), nn.PReLU(f)

  def forward(self, x):
    return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))


class Srresnet(nn.Module):
  def __init__(self, a: Mapping[str, Any]):
    super().__init__()
    f = a['features']
    self.a, self.ups = a, int(math.log2(a['scale']))
    self.head, self.head_prelu, self.tail = conv(3, f, 9), nn.PReLU(f), conv(f, 3, 9)
    for i in range(a['blocks']):
      self.add_module(f'block{i}', SrresnetBlock(f))
    self.body, self.body_bn = conv(f, f, bias=False), nn.BatchNorm2d(f)
    for i in range(self.ups):
      self.add_module(f'up{i}', conv(f, 4 * f))
      self.add_module(f'up{i}_prelu', nn.PReLU(f))

  def forward(self, lr):
    head = x = self.head_prelu(self.head(lr))
    for i in range(self.a['blocks']):
      x = getattr(self, f'block{i}')(x)
    x = head + self.body_bn(self.body(x))
    for i in range(self.ups):
      x = functional.pixel_shuffle(getattr(self, f'up{i}')(x), 2)
      x = getattr(self, f'up{i}_prelu')(x)
    x = self.tail(x).float()
    return ((torch.tanh(x) if self.a['tanh'] else x) + 1) / 2


class Dense(nn.Module):
  def __init__(self, f: int, growth: int, residual_scale: float):
    super().__init__()
    self.residual_scale = residual_scale
    for i in range(5):
      self.add_module(f'conv{i}', conv(f + i * growth, growth if i < 4 else f))

  def forward(self, x):
    seen = [x]
    for i in range(4):
      seen.append(lrelu(getattr(self, f'conv{i}')(torch.cat(seen, 1))))
    return x + self.residual_scale * self.conv4(torch.cat(seen, 1))


class Rrdb(nn.Module):
  def __init__(self, a: Mapping[str, Any]):
    super().__init__()
    f = a['features']
    self.a, self.ups = a, int(math.log2(a['scale']))
    self.head, self.body, self.hr, self.tail = (
      conv(*ends) for ends in ((3, f), (f, f), (f, f), (f, 3))
    )
    for i in range(a['blocks']):
      block = nn.Module()
      for j in range(3):
        block.add_module(f'dense{j}', Dense(f, a['growth'], a['residual_scale']))
      self.add_module(f'block{i}', block)
    for i in range(self.ups):
      self.add_module(f'up{i}', conv(f, f))

  def forward(self, lr):
    head = x = self.head(lr)
    for i in range(self.a['blocks']):
      block, y = getattr(self, f'block{i}'), x
      for j in range(3):
        y = getattr(block, f'dense{j}')(y)
      x = x + self.a['residual_scale'] * y
    x = head + self.body(x)
    for i in range(self.ups):
      x = lrelu(getattr(self, f'up{i}')(functional.interpolate(x, scale_factor=2)))
    return self.tail(lrelu(self.hr(x))).float()


GENERATORS = {'edsr': Edsr, 'srresnet': Srresnet, 'rrdb': Rrdb}


class Discriminator(nn.Module):
  """SRGAN's, with batch norm from the second convolution on."""

  def __init__(self, a: Mapping[str, Any], size: int):
    super().__init__()
    self.depth, self.body, before = a['depth'], nn.Module(), 3
    for i in range(self.depth):
      after = a['features'] * 2 ** (i // 2)
      self.body.add_module(f'conv{i}', conv(before, after, 3, 1 + i % 2, bias=i == 0))
      if i:
        self.body.add_module(f'bn{i}', nn.BatchNorm2d(after))
      before, size = after, -(-size // 2) if i % 2 else size
    self.dense0 = nn.Linear(before * size * size, a['hidden'])
    self.dense1 = nn.Linear(a['hidden'], 1)

  def forward(self, image):
    x = 2 * image - 1
    for i in range(self.depth):
      x = getattr(self.body, f'conv{i}')(x)
      x = lrelu(getattr(self.body, f'bn{i}')(x) if i else x)
    return self.dense1(lrelu(self.dense0(x.flatten(1))))[:, 0].float()


class Vgg(nn.Module):
  """VGG19 up to a layer; its widths are the weights'."""

  def __init__(self, flat: Mapping[str, np.ndarray], last: str):
    super().__init__()
    self.names = []
    for name in sorted({k.partition('/')[0] for k in flat}):
      _, _, before, after = flat[f'{name}/kernel'].shape
      self.names.append(name)
      self.add_module(name, conv(before, after))
      if name[4:] == last[4:]:
        break
    self.rectified = last.startswith('relu')
    self.register_buffer('mean', colour(_VGG_MEAN), persistent=False)
    self.register_buffer('deviation', colour(_VGG_DEVIATION), persistent=False)

  def forward(self, image):
    x = (image - self.mean) / self.deviation
    for i, name in enumerate(self.names):
      if i and name.endswith('_1'):
        x = functional.max_pool2d(x, 2)
      x = getattr(self, name)(x)
      if name != self.names[-1] or self.rectified:
        x = functional.relu(x, inplace=True)
    return x.float()


def fill(module: nn.Module, flat: Mapping[str, np.ndarray]) -> nn.Module:
  """Copies jsr's weights in; every one of either side must have its partner."""
  state = {}
  for name, value in flat.items():
    *path, leaf = name.split('/')
    tensor = torch.from_numpy(np.array(value))
    if leaf == 'kernel':
      tensor = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T
    # jsr's convolutions are a module within a module.
    path = [part for part in path if part != 'conv']
    state['.'.join([*path, _LEAVES[leaf]])] = tensor
  missing, unexpected = module.load_state_dict(state, strict=False)
  missing = [name for name in missing if not name.endswith('num_batches_tracked')]
  if missing or unexpected:
    raise ValueError(f'not the same network: lacks {missing}, has {unexpected}')
  return module


def count(module: nn.Module) -> int:
  return sum(p.numel() for p in module.parameters())


def make_step(
  work: Mapping[str, Any],
  flat: Mapping[str, Mapping[str, np.ndarray]],
  lr: torch.Tensor,
  hr: torch.Tensor,
  *,
  low: bool,
  compiled: bool,
) -> tuple[Callable[[], dict[str, torch.Tensor]], list[int]]:
  """Makes the step of a config, and the numbers of parameters.

  Args:
    work: What benchmarks/train.py wrote of the config.
    flat: 'generator', 'discriminator' and 'vgg': jsr's first weights by path.
    lr: (N, 3, h, w), channels last, on the device.
    hr: (N, 3, H, W), the same.
    low: bfloat16 by autocast.
    compiled: By torch.compile.

  Returns:
    A function that updates once and returns 'g/total' and 'd/loss', on the device.

  Raises:
    ValueError: A part of the config that has no PyTorch form here.
  """
  losses, device = work['losses'], lr.device
  layers = losses['perceptual_layers'] if losses['perceptual_weight'] else []
  for what, wrong in (
    ('generator', work['generator'] not in GENERATORS),
    ('discriminator', work['discriminator'] not in ('', 'SRGAN')),
    ('adversarial loss', losses['adversarial'] != 'vanilla'),
    ('pixel loss', losses['pixel'] not in ('l1', 'mse')),
    ('perceptual loss', bool(layers) and losses['perceptual_norm'] != 'mse'),
    ('number of VGG19 layers', len(layers) > 1),
  ):
    if wrong:
      raise ValueError(f'benchmarks/train_torch.py does not know this {what}')

  def placed(module: nn.Module) -> nn.Module:
    return module.to(device, memory_format=torch.channels_last)

  def adam(module: nn.Module, c: Mapping[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.Adam(
      module.parameters(),
      c['learning_rate'],
      (c['b1'], c['b2']),
      c['eps'],
      fused=True,
    )

  g = placed(fill(GENERATORS[work['generator']](work['args']), flat['generator']))
  g_adam, counts = adam(g, work['optim']['generator']), [count(g)]
  d = eyes = d_adam = None
  if work['discriminator']:
    d = Discriminator(work['discriminator_args'], hr.shape[-1])
    d = placed(fill(d, flat['discriminator']))
    d_adam = adam(d, work['optim']['discriminator'])
    counts.append(count(d))
  if layers:
    eyes = Vgg(flat['vgg'], layers[0])
    kept = {k: v for k, v in flat['vgg'].items() if k.partition('/')[0] in eyes.names}
    eyes = placed(fill(eyes, kept)).requires_grad_(False)
  d_parameters = list(d.parameters()) if d else []
  if compiled:
    g, d, eyes = (m and torch.compile(m) for m in (g, d, eyes))
  cast = torch.autocast(device.type, torch.bfloat16, enabled=low)
  softplus = functional.softplus

  def content(sr: torch.Tensor) -> torch.Tensor:
    total = torch.zeros((), device=device)
    if losses['pixel_weight']:
      pixel = functional.l1_loss if losses['pixel'] == 'l1' else functional.mse_loss
      total = total + losses['pixel_weight'] * pixel(sr, hr)
    if eyes is not None:
      with torch.no_grad():
        want = eyes(hr)
      scale = losses['perceptual_scale']
      distance = functional.mse_loss(scale * eyes(sr), scale * want)
      total = total + losses['perceptual_weight'] * distance
    return total

  def step() -> dict[str, torch.Tensor]:
    g_adam.zero_grad(set_to_none=True)
    with cast:
      sr = g(lr)
      total = content(sr)
      if d is not None:
        # The generator's loss needs no gradients of the discriminator's weights.
        for p in d_parameters:
          p.requires_grad_(False)
        total = total + losses['adversarial_weight'] * softplus(-d(sr)).mean()
    total.backward()
    result = {'g/total': total.detach()}
    if d is not None:
      d_adam.zero_grad(set_to_none=True)
      for p in d_parameters:
        p.requires_grad_(True)
      with cast:
        loss = softplus(-d(hr)).mean() + softplus(d(sr.detach())).mean()
      loss.backward()
      d_adam.step()
      result['d/loss'] = loss.detach()
    g_adam.step()
    return result

  return step, counts
