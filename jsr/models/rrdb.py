"""RRDBNet, ESRGAN's generator: dense blocks, residuals in residuals, no batch norm.

Input and output RGB in [0, 1], without a shift of the mean. Upscaling is by the nearest
pixel and a convolution, a stage a factor of two (one stage of three at x3).

Source: Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial
Networks", 2018, section 3.1 and figure 4; the dense block is printed in report 000.
16,697,987 parameters at x4 with 23 blocks, 11,662,019 with 16, 239,808 a dense block.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn

from jsr.models import initializers, layers
from jsr.ops import resize
from jsr.types import Array

# PyTorch's default, with which the toolkit trains: U(+-1 / sqrt(fan-in)).
_torch_init = initializers.variance_scaling(1 / 3, 'fan_in', 'uniform')


def _dense_init(init_scale: float | None) -> initializers.Initializer:
  if init_scale is None:
    return _torch_init
  return initializers.variance_scaling(2 * init_scale**2, 'fan_in', 'normal')


class Dense(nn.Module):
  """Five convolutions, each reading all that came before it; plus the input."""

  growth: int
  residual_scale: float
  init_scale: float | None
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array) -> Array:
    seen = [x]
    for i in range(5):
      y = layers.Conv(
        self.growth if i < 4 else x.shape[-1],
        kernel_init=_dense_init(self.init_scale),
        dtype=self.dtype,
        name=f'conv{i}',
      )(jnp.concatenate(seen, axis=-1))
      seen.append(nn.leaky_relu(y, 0.2) if i < 4 else y)
    return x + self.residual_scale * seen[-1]


class Block(nn.Module):
  """Residual in residual: three dense blocks, plus the input."""

  growth: int
  residual_scale: float
  init_scale: float | None
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = x
    for i in range(3):
      y = Dense(
        self.growth,
        self.residual_scale,
        self.init_scale,
        self.dtype,
        name=f'dense{i}',
      )(y)
    return x + self.residual_scale * y


class Generator(nn.Module):
  """RRDBNet.

  Attributes:
    scale: 1, 2, 3, 4 or 8.
    blocks: 23 in the paper, 16 in its smaller network.
    features: Maps of the trunk; 64 in the paper.
    growth: Maps that each convolution of a dense block adds; 32 in the paper.
    residual_scale: Factor of every residual; 0.2 in the paper.
    init_scale: Of the dense blocks' initial kernels, as a factor on He's deviation;
      None for PyTorch's default, as the listing in report 000 has it.
    remat: Recompute the blocks in the backward pass: less memory, more time. On a CPU
      XLA undoes it unless told otherwise, as `jsr.train.parallel` does; see
      benchmarks/memory.py.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  blocks: int = 23
  features: int = 64
  growth: int = 32
  residual_scale: float = 0.2
  init_scale: float | None = 0.1
  remat: bool = False
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)

    def conv(features: int, name: str) -> layers.Conv:
      return layers.Conv(features, kernel_init=_torch_init, dtype=self.dtype, name=name)

    block: Any = nn.remat(Block) if self.remat else Block
    head = x = conv(self.features, 'head')(lr)
    for i in range(self.blocks):
      x = block(
        self.growth, self.residual_scale, self.init_scale, self.dtype, name=f'block{i}'
      )(x)
    x = head + conv(self.features, 'body')(x)
    for i, factor in enumerate(layers.stages(self.scale)):
      x = conv(self.features, f'up{i}')(resize.nearest(x, factor))
      x = nn.leaky_relu(x, 0.2)
    x = nn.leaky_relu(conv(self.features, 'hr')(x), 0.2)
    return conv(3, 'tail')(x).astype(jnp.float32)
