"""Face networks: from an aligned face to a vector that is near for the same person.

A network here takes faces as all of jsr has them, (N, size, size, 3) RGB in [0, 1], and
scales them itself; the result is its raw embedding, float32, which `unit` brings to
length 1. Both are frozen: weights come from `jsr.weights.faces`, and batch norm always
uses its running statistics.

Sources: MobileFaceNet, Chen et al. 2018, as insightface trained it (its widths differ
from the paper's in the last convolution and the dense embedding). FaceNet, Schroff et
al. 2015, with the Inception-ResNet-v1 of Szegedy et al. 2016 in the form of the public
re-implementation that report 002's figures come from (160x160, dense embedding).
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import UserError, unknown
from jsr.models import initializers, layers
from jsr.types import Array, Variables

# Both programs' epsilon of batch norm, TensorFlow's default.
_EPSILON = 1e-3
# (number of blocks without a stride, width within a block, output) after each stride.
_STAGES = ((4, 128, 64), (6, 256, 128), (2, 256, 128))
# Widths within the blocks that have the stride.
_STRIDES = (128, 256, 512)


def standardise(faces: Array) -> Array:
  """(255 x - 127.5) / 128, which both networks were trained on."""
  return (255 * faces - 127.5) / 128


def whiten(faces: Array) -> Array:
  """Each face to mean 0 and deviation 1, as FaceNet's models of 2017 want it.

  As there, the deviation is at least 1 / sqrt(numbers in a face).
  """
  axes = (1, 2, 3)
  least = 1 / jnp.sqrt(jnp.float32(faces[0].size))
  deviation = jnp.maximum(jnp.std(255 * faces, axes, keepdims=True), least)
  return (255 * faces - jnp.mean(255 * faces, axes, keepdims=True)) / deviation


def unit(embeddings: Array) -> Array:
  """(N, D) scaled to Euclidean length 1."""
  length = jnp.linalg.norm(embeddings, axis=-1, keepdims=True)
  return embeddings / jnp.maximum(length, 1e-12)


def _check(faces: Array, size: int) -> None:
  layers.check_input(faces, 3)
  if faces.shape[1:3] != (size, size):
    raise ValueError(f'expected faces of {size}x{size} pixels, got {faces.shape}')


def _norm(x: Array, name: str) -> Array:
  return layers.batch_norm(train=False, epsilon=_EPSILON, name=name)(x)


class _Depthwise(nn.Module):
  """A convolution of each feature by itself, without bias.

  Written as a sum of shifted products: XLA's grouped convolution takes eight times as
  long on a CPU.
  """

  kernel: tuple[int, int]
  stride: int
  pad: tuple[int, int]

  @nn.compact
  def __call__(self, x: Array) -> Array:
    rows, columns = self.kernel
    shape = (rows, columns, 1, x.shape[-1])
    kernel = self.param('kernel', initializers.he_normal(), shape)
    height = x.shape[1] + 2 * self.pad[0] - rows + 1
    width = x.shape[2] + 2 * self.pad[1] - columns + 1
    x = jnp.pad(x, ((0, 0), *((p, p) for p in self.pad), (0, 0)))
    result = jnp.zeros((), x.dtype)
    for i in range(rows):
      for j in range(columns):
        part = x[:, i : i + height : self.stride, j : j + width : self.stride]
        result = result + part * kernel[i, j].reshape(1, 1, 1, -1)
    return result


class _Unit(nn.Module):
  """Convolution without bias, batch norm, and PReLU or ReLU or nothing.

  Attributes:
    features: Of the result.
    kernel: (height, width).
    stride: Of both axes.
    pad: Zeros at each side, (rows, columns).
    depthwise: Each feature is convolved by itself; `features` are those of the input.
    activation: 'prelu', 'relu' or ''.
  """

  features: int
  kernel: tuple[int, int] = (1, 1)
  stride: int = 1
  pad: tuple[int, int] = (0, 0)
  depthwise: bool = False
  activation: str = 'relu'

  @nn.compact
  def __call__(self, x: Array) -> Array:
    if self.depthwise:
      x = _Depthwise(self.kernel, self.stride, self.pad, name='conv')(x)
    else:
      x = nn.Conv(
        self.features,
        self.kernel,
        (self.stride, self.stride),
        padding=tuple((p, p) for p in self.pad),
        use_bias=False,
        kernel_init=initializers.he_normal(),
        name='conv',
      )(x)
    x = _norm(x, 'bn')
    if self.activation == 'prelu':
      return layers.PReLU(name='prelu')(x)
    return nn.relu(x) if self.activation else x


class _Bottleneck(nn.Module):
  """Wide, depthwise 3x3, narrow and linear; a residual one keeps the size."""

  width: int
  features: int
  stride: int

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = _Unit(self.width, activation='prelu', name='expand')(x)
    y = _Unit(
      self.width,
      (3, 3),
      self.stride,
      (1, 1),
      True,
      'prelu',
      name='depthwise',
    )(y)
    y = _Unit(self.features, activation='', name='project')(y)
    return x + y if self.stride == 1 else y


class MobileFaceNet(nn.Module):
  """MobileFaceNet of insightface: 128 values, 1,003,136 parameters.

  `__call__` takes (N, 112, 112, 3) RGB in [0, 1] and returns (N, 128) float32, not
  normalised.
  """

  size: ClassVar[int] = 112

  @nn.compact
  def __call__(self, faces: Array) -> Array:
    _check(faces, self.size)
    x = standardise(faces.astype(jnp.float32))
    x = _Unit(64, (3, 3), 2, (1, 1), activation='prelu', name='stem')(x)
    x = _Unit(64, (3, 3), 1, (1, 1), True, 'prelu', name='stem_depthwise')(x)
    for i, (blocks, width, features) in enumerate(_STAGES):
      x = _Bottleneck(_STRIDES[i], features, 2, name=f'down{i}')(x)
      for j in range(blocks):
        x = _Bottleneck(width, features, 1, name=f'stage{i}_block{j}')(x)
    x = _Unit(512, activation='prelu', name='last')(x)
    x = _Unit(512, (7, 7), 1, (0, 0), True, '', name='last_depthwise')(x)
    x = nn.Dense(128, name='embed')(x.reshape(x.shape[0], -1))
    # Its factor is fixed to 1.
    norm = nn.BatchNorm(True, epsilon=2e-5, use_scale=False, name='embed_bn')
    return norm(x)


class _Branches(nn.Module):
  """Chains of `_Unit` side by side, their results concatenated.

  Attributes:
    chains: For each branch, for each of its convolutions: (features, height, width of
      the kernel, stride); kernels pad to keep the size where the stride is 1.
    pool: Whether max pooling with stride 2 is the last branch.
  """

  chains: tuple[tuple[tuple[int, int, int, int], ...], ...]
  pool: bool = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    results = []
    for i, chain in enumerate(self.chains):
      y = x
      for j, (features, height, width, stride) in enumerate(chain):
        pad = (height // 2, width // 2) if stride == 1 else (0, 0)
        name = f'branch{i}_{j}'
        y = _Unit(features, (height, width), stride, pad, name=name)(y)
      results.append(y)
    if self.pool:
      results.append(nn.max_pool(x, (3, 3), (2, 2)))
    return jnp.concatenate(results, axis=-1)


# What the residual blocks and the two reductions are made of; see `_Branches`.
BLOCK35 = (
  ((32, 1, 1, 1),),
  ((32, 1, 1, 1), (32, 3, 3, 1)),
  ((32, 1, 1, 1), (32, 3, 3, 1), (32, 3, 3, 1)),
)
BLOCK17 = (((128, 1, 1, 1),), ((128, 1, 1, 1), (128, 1, 7, 1), (128, 7, 1, 1)))
BLOCK8 = (((192, 1, 1, 1),), ((192, 1, 1, 1), (192, 1, 3, 1), (192, 3, 1, 1)))
REDUCTION_A = (
  ((384, 3, 3, 2),),
  ((192, 1, 1, 1), (192, 3, 3, 1), (256, 3, 3, 2)),
)
REDUCTION_B = (
  ((256, 1, 1, 1), (384, 3, 3, 2)),
  ((256, 1, 1, 1), (256, 3, 3, 2)),
  ((256, 1, 1, 1), (256, 3, 3, 1), (256, 3, 3, 2)),
)
# (name, blocks, branches, weight of the branches) of the three trunks.
TRUNKS = (
  ('repeat1', 5, BLOCK35, 0.17),
  ('repeat2', 10, BLOCK17, 0.10),
  ('repeat3', 5, BLOCK8, 0.20),
)


class _Residual(nn.Module):
  """x + weight * (1x1 convolution of the branches), then ReLU unless it is the last."""

  chains: tuple[tuple[tuple[int, int, int, int], ...], ...]
  weight: float
  last: bool = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = _Branches(self.chains, name='branches')(x)
    y = nn.Conv(x.shape[-1], (1, 1), name='project')(y)
    y = x + self.weight * y
    return y if self.last else nn.relu(y)


class FaceNet(nn.Module):
  """FaceNet's Inception-ResNet-v1: 23,482,624 parameters with 512 values.

  `__call__` takes (N, 160, 160, 3) RGB in [0, 1] and returns (N, features) float32,
  not normalised.

  Attributes:
    features: Values of the embedding: 512, or 128 in the models of 2017.
    input: 'fixed' for `standardise` (the models of 2018), or 'whiten'.
  """

  size: ClassVar[int] = 160
  features: int = 512
  input: str = 'fixed'

  @nn.compact
  def __call__(self, faces: Array) -> Array:
    _check(faces, self.size)
    if self.input not in ('fixed', 'whiten'):
      raise unknown('input of FaceNet', self.input, ('fixed', 'whiten'))
    x = faces.astype(jnp.float32)
    x = standardise(x) if self.input == 'fixed' else whiten(x)
    x = _Unit(32, (3, 3), 2, name='conv1a')(x)
    x = _Unit(32, (3, 3), name='conv2a')(x)
    x = _Unit(64, (3, 3), 1, (1, 1), name='conv2b')(x)
    x = nn.max_pool(x, (3, 3), (2, 2))
    x = _Unit(80, name='conv3b')(x)
    x = _Unit(192, (3, 3), name='conv4a')(x)
    x = _Unit(256, (3, 3), 2, name='conv4b')(x)
    reductions = (REDUCTION_A, REDUCTION_B)
    for i, (name, blocks, chains, weight) in enumerate(TRUNKS):
      for j in range(blocks):
        x = _Residual(chains, weight, name=f'{name}_{j}')(x)
      if i < len(reductions):
        x = _Branches(reductions[i], True, name=f'reduction{i}')(x)
    x = _Residual(BLOCK8, 1.0, last=True, name='block8')(x)
    x = jnp.mean(x, axis=(1, 2))
    x = nn.Dense(self.features, use_bias=False, name='embed')(x)
    return _norm(x, 'embed_bn')


NETWORKS: dict[str, type[MobileFaceNet] | type[FaceNet]] = {
  'facenet': FaceNet,
  'mobilefacenet': MobileFaceNet,
}


class Embedder:
  """A face network with its weights, compiled.

  Args:
    name: 'mobilefacenet' or 'facenet'.
    variables: From `jsr.weights.faces.load`, whose embedding tells FaceNet's width.
    whitened: FaceNet's models of 2017: whiten each face instead of a fixed scale.

  Raises:
    UserError: No such network, or one that has a fixed input.
  """

  def __init__(self, name: str, variables: Variables, *, whitened: bool = False):
    if name not in NETWORKS:
      raise unknown('face network', name, NETWORKS)
    if whitened and name != 'facenet':
      raise UserError(f'{name} scales its input itself: only facenet can be whitened')
    self.name, self.size = name, NETWORKS[name].size
    network: nn.Module = MobileFaceNet()
    if name == 'facenet':
      features = variables['params']['embed']['kernel'].shape[-1]
      network = FaceNet(features, 'whiten' if whitened else 'fixed')
    self._variables = jax.device_put(variables)

    def apply(v: Variables, faces: Array) -> Array:
      # A GPU's TF32 would make other numbers than a CPU.
      with jax.default_matmul_precision('highest'):
        return jnp.asarray(network.apply(v, faces))

    self._apply = jax.jit(apply)

  def __call__(self, faces: Array) -> Array:
    """(N, size, size, 3) RGB in [0, 1] to raw embeddings (N, D)."""
    return self._apply(self._variables, faces)
