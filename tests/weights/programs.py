"""Networks of other programs in PyTorch, with the names that their files have.

Small, with random weights: what `jsr convert` makes of them must compute the same.
"""

import pytest

torch = pytest.importorskip('torch')
nn = torch.nn
F = 4
MEAN = (0.4488, 0.4371, 0.4040)


def conv(into, out, kernel=3, *, bias=True):
  return nn.Conv2d(into, out, kernel, padding=kernel // 2, bias=bias)


class Residual(nn.Module):
  """EDSR's block: `body.0` and `body.2`."""

  def __init__(self, f, kernel=3, scale=1.0):
    super().__init__()
    self.body = nn.Sequential(conv(f, f, kernel), nn.ReLU(), conv(f, f, kernel))
    self.scale = scale

  def forward(self, x):
    return x + self.scale * self.body(x)


def upsampler(f, scale):
  factors = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
  steps = ((conv(f, f * s * s), nn.PixelShuffle(s)) for s in factors)
  return nn.Sequential(*(layer for step in steps for layer in step))


def shift(sign):
  layer = nn.Conv2d(3, 3, 1)
  layer.weight.data = torch.eye(3).view(3, 3, 1, 1)
  layer.bias.data = sign * 255 * torch.tensor(MEAN)
  return layer


class EDSR(nn.Module):
  """Of the authors; takes and makes 0..255."""

  def __init__(self, scale, f=F, blocks=2):
    super().__init__()
    self.sub_mean, self.add_mean = shift(-1), shift(1)
    self.head = nn.Sequential(conv(3, f))
    self.body = nn.Sequential(*(Residual(f) for _ in range(blocks)), conv(f, f))
    self.tail = nn.Sequential(upsampler(f, scale), conv(f, 3))

  def forward(self, x):
    x = self.head(self.sub_mean(255 * x))
    return self.add_mean(self.tail(x + self.body(x))) / 255


class MDSR(nn.Module):
  """Of the authors."""

  def __init__(self, scales, f=F, blocks=2):
    super().__init__()
    self.index = 0
    self.sub_mean, self.add_mean = shift(-1), shift(1)
    self.head = nn.Sequential(conv(3, f))
    self.pre_process = nn.ModuleList(
      nn.Sequential(Residual(f, 5), Residual(f, 5)) for _ in scales
    )
    self.body = nn.Sequential(*(Residual(f) for _ in range(blocks)), conv(f, f))
    self.upsample = nn.ModuleList(upsampler(f, scale) for scale in scales)
    self.tail = nn.Sequential(conv(f, 3))

  def forward(self, x):
    x = self.pre_process[self.index](self.head(self.sub_mean(255 * x)))
    x = self.tail(self.upsample[self.index](x + self.body(x)))
    return self.add_mean(x) / 255


class Dense(nn.Module):
  def __init__(self, f, growth):
    super().__init__()
    for i in range(5):
      out = growth if i < 4 else f
      setattr(self, f'conv{i + 1}', conv(f + i * growth, out))

  def forward(self, x):
    seen = [x]
    for i in range(5):
      y = getattr(self, f'conv{i + 1}')(torch.cat(seen, 1))
      seen.append(nn.functional.leaky_relu(y, 0.2) if i < 4 else y)
    return x + 0.2 * seen[-1]


class RRDB(nn.Module):
  def __init__(self, f, growth):
    super().__init__()
    self.rdb1, self.rdb2, self.rdb3 = (Dense(f, growth) for _ in range(3))

  def forward(self, x):
    return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
  """Of BasicSR, x4."""

  def __init__(self, f=F, growth=3, blocks=2):
    super().__init__()
    self.conv_first, self.conv_body = conv(3, f), conv(f, f)
    self.body = nn.Sequential(*(RRDB(f, growth) for _ in range(blocks)))
    self.conv_up1, self.conv_up2 = conv(f, f), conv(f, f)
    self.conv_hr, self.conv_last = conv(f, f), conv(f, 3)

  def forward(self, x):
    act = nn.LeakyReLU(0.2)
    x = self.conv_first(x)
    x = x + self.conv_body(self.body(x))
    for up in (self.conv_up1, self.conv_up2):
      x = act(up(nn.functional.interpolate(x, scale_factor=2)))
    return self.conv_last(act(self.conv_hr(x)))


class Block(nn.Module):
  """SRGAN's block as leftthomas names it."""

  def __init__(self, f):
    super().__init__()
    self.conv1, self.bn1, self.prelu = conv(f, f), nn.BatchNorm2d(f), nn.PReLU()
    self.conv2, self.bn2 = conv(f, f), nn.BatchNorm2d(f)

  def forward(self, x):
    return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))


class Up(nn.Module):
  def __init__(self, f):
    super().__init__()
    self.conv, self.prelu = conv(f, 4 * f), nn.PReLU()

  def forward(self, x):
    return self.prelu(nn.functional.pixel_shuffle(self.conv(x), 2))


class Leftthomas(nn.Module):
  """SRGAN; after the body a PReLU at first, batch norm in the later version."""

  def __init__(self, normed, f=F):
    super().__init__()
    self.block1 = nn.Sequential(conv(3, f, 9), nn.PReLU())
    self.block2, self.block3 = Block(f), Block(f)
    after = nn.BatchNorm2d(f) if normed else nn.PReLU()
    self.block4 = nn.Sequential(conv(f, f), after)
    self.block5 = nn.Sequential(Up(f), conv(f, 3, 9))

  def forward(self, x):
    x = self.block1(x)
    x = x + self.block4(self.block3(self.block2(x)))
    return (torch.tanh(self.block5(x)) + 1) / 2


class Rcb(nn.Module):
  def __init__(self, f):
    super().__init__()
    self.rcb = nn.Sequential(
      conv(f, f, bias=False),
      nn.BatchNorm2d(f),
      nn.PReLU(),
      conv(f, f, bias=False),
      nn.BatchNorm2d(f),
    )

  def forward(self, x):
    return x + self.rcb(x)


class UpsampleBlock(nn.Module):
  def __init__(self, f):
    super().__init__()
    self.upsample_block = nn.Sequential(conv(f, 4 * f), nn.PixelShuffle(2), nn.PReLU())

  def forward(self, x):
    return self.upsample_block(x)


class Lornatang(nn.Module):
  """SRResNet whose output is [0, 1] as it is; what it clips is left out."""

  def __init__(self, f=F):
    super().__init__()
    self.conv1 = nn.Sequential(conv(3, f, 9), nn.PReLU())
    self.trunk = nn.Sequential(Rcb(f), Rcb(f))
    self.conv2 = nn.Sequential(conv(f, f, bias=False), nn.BatchNorm2d(f))
    self.upsampling = nn.Sequential(UpsampleBlock(f), UpsampleBlock(f))
    self.conv3 = conv(f, 3, 9)

  def forward(self, x):
    x = self.conv1(x)
    return self.conv3(self.upsampling(x + self.conv2(self.trunk(x))))


class ESPCN(nn.Module):
  """Of yjn870."""

  def __init__(self, scale=3):
    super().__init__()
    self.first_part = nn.Sequential(conv(1, 5, 5), nn.Tanh(), conv(5, 4), nn.Tanh())
    self.last_part = nn.Sequential(conv(4, scale**2), nn.PixelShuffle(scale))

  def forward(self, x):
    return self.last_part(self.first_part(x))


def shuffle_tensorflow(x, s):
  """Depth to space with the output channel fastest."""
  n, c, h, w = x.shape
  x = x.reshape(n, s, s, c // s**2, h, w).permute(0, 3, 4, 1, 5, 2)
  return x.reshape(n, c // s**2, h * s, w * s)


class Krasserm(nn.Module):
  """The Keras SRGAN, its layers in the order of the file."""

  def __init__(self, f=F, blocks=2, ups=2):
    super().__init__()
    self.blocks, self.ups = blocks, ups
    inner = 2 * blocks + 1
    kernels = [conv(3, f, 9), *(conv(f, f) for _ in range(inner))]
    kernels += [*(conv(f, 4 * f) for _ in range(ups)), conv(f, 3, 9)]
    self.convs = nn.ModuleList(kernels)
    self.norms = nn.ModuleList(nn.BatchNorm2d(f, eps=1e-3) for _ in range(inner))
    self.slopes = nn.ModuleList(nn.PReLU(f) for _ in range(1 + blocks + ups))

  def forward(self, x):
    convs, norms, slopes = iter(self.convs), iter(self.norms), iter(self.slopes)
    x = head = next(slopes)(next(convs)(x))
    for _ in range(self.blocks):
      y = next(slopes)(next(norms)(next(convs)(x)))
      x = x + next(norms)(next(convs)(y))
    x = head + next(norms)(next(convs)(x))
    for _ in range(self.ups):
      x = next(slopes)(shuffle_tensorflow(next(convs)(x), 2))
    return (torch.tanh(next(convs)(x)) + 1) / 2

  def tensors(self):
    """As the file has them, in the order of its layers."""

    def bn(i, m):
      name = f'batch_normalization_{i + 7}'
      yield f'{name}/gamma', m.weight
      yield f'{name}/beta', m.bias
      yield f'{name}/moving_mean', m.running_mean
      yield f'{name}/moving_variance', m.running_var

    # Numbers start anywhere, and file order is not alphabetical order.
    found = {}
    for i, m in enumerate(self.convs):
      found[f'conv2d_{i + 8}/kernel'] = m.weight.permute(2, 3, 1, 0)
      found[f'conv2d_{i + 8}/bias'] = m.bias
    for i, m in enumerate(self.norms):
      found.update(bn(i, m))
    for i, m in enumerate(self.slopes):
      found[f'p_re_lu_{i + 9}/alpha'] = m.weight.reshape(1, 1, -1)
    return {name: x.detach().numpy() for name, x in found.items()}


class KrassermEDSR(nn.Module):
  """The Keras EDSR, its layers in the order of the file."""

  def __init__(self, scale, f=F, blocks=2):
    super().__init__()
    self.factors = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
    self.blocks = blocks
    kernels = [conv(3, f), *(conv(f, f) for _ in range(2 * blocks + 1))]
    kernels += [*(conv(f, f * s * s) for s in self.factors), conv(f, 3)]
    self.convs = nn.ModuleList(kernels)

  def forward(self, x):
    convs = iter(self.convs)
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    x = head = next(convs)((255 * x - 255 * mean) / 127.5)
    for _ in range(self.blocks):
      y = next(convs)(x).relu()
      x = x + next(convs)(y)
    x = head + next(convs)(x)
    for s in self.factors:
      x = shuffle_tensorflow(next(convs)(x), s)
    return (next(convs)(x) * 127.5 + 255 * mean) / 255

  def tensors(self):
    found = {}
    ups = range(2 * self.blocks + 2, len(self.convs) - 1)
    for i, m in enumerate(self.convs):
      name = f'conv2d_{i - ups[0] + 1}_scale_2' if i in ups else f'conv2d_{i + 9}'
      found[f'{name}/kernel'] = m.weight.permute(2, 3, 1, 0)
      found[f'{name}/bias'] = m.bias
    return {name: x.detach().numpy() for name, x in found.items()}


def made(kind, *args):
  """A network with noise in every parameter and statistic."""
  torch.manual_seed(0)
  twin = kind(*args).eval()
  for name, value in twin.state_dict().items():
    if value.dtype.is_floating_point and 'mean.' not in name:
      noise = 0.3 * torch.randn(value.shape)
      value.copy_(noise.abs() + 0.5 if name.endswith('running_var') else noise)
  return twin


def state(twin):
  return {k: v.detach().numpy().copy() for k, v in twin.state_dict().items()}
