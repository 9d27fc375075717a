"""EDSR: residual blocks without batch norm.

Input RGB in [0, 1]; inside (lr - DIV2K_MEAN) * internal_range, undone at the end.

Source: Lim, Son, Kim, Nah, Lee, "Enhanced Deep Residual Networks for Single Image
Super-Resolution", 2017, sections 3.1 to 3.3. Parameters at x2, x3, x4: 1,369,859,
1,554,499 and 1,517,571 (16 blocks of 64 maps, the paper's baseline); 40,729,603,
43,680,003 and 43,089,923 (32 blocks of 256 maps, residual scale 0.1); 779,011, 963,651
and 926,723 (8 blocks of 64 maps, report 003's).
"""

from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn

from jsr.models import initializers, layers
from jsr.ops import shuffle
from jsr.types import Array

# Of DIV2K's training pictures, RGB in [0, 1].
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)

# PyTorch's default, with which the authors' release trains: U(+-1 / sqrt(fan-in)).
init = initializers.variance_scaling(1 / 3, 'fan_in', 'uniform')


def normalise(lr: Array, internal_range: float) -> Array:
  """Maps [0, 1] to what the network works on, float32."""
  mean = jnp.asarray(DIV2K_MEAN, jnp.float32).reshape(1, 1, 1, 3)
  return (lr.astype(jnp.float32) - mean) * internal_range


def denormalise(x: Array, internal_range: float) -> Array:
  """Undoes `normalise`."""
  mean = jnp.asarray(DIV2K_MEAN, jnp.float32).reshape(1, 1, 1, 3)
  return x.astype(jnp.float32) / internal_range + mean


class Block(nn.Module):
  """The input plus residual_scale times conv, ReLU, conv of it."""

  features: int
  kernel: int = 3
  residual_scale: float = 1.0
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = x
    for i in (1, 2):
      y = layers.Conv(
        self.features,
        self.kernel,
        kernel_init=init,
        dtype=self.dtype,
        name=f'conv{i}',
      )(y)
      if i == 1:
        y = nn.relu(y)
    return x + self.residual_scale * y


class Generator(nn.Module):
  """EDSR.

  Attributes:
    scale: 2, 3, 4 or 8.
    blocks: Residual blocks; 16 in the paper's baseline, 32 in its large network.
    features: Feature maps; 64 in the baseline, 256 in the large network.
    residual_scale: Factor of each block's residual; 0.1 in the large network.
    internal_range: What 1.0 is inside: 255.0 in the paper, 2.0 in a Keras port.
    layout: Channel order of the shuffles: 'torch', or 'tensorflow' for weights of
      that origin.
    remat: Recompute the blocks in the backward pass.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  blocks: int = 16
  features: int = 64
  residual_scale: float = 1.0
  internal_range: float = 255.0
  layout: shuffle.Layout = 'torch'
  remat: bool = False
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)

    def conv(features: int, name: str) -> layers.Conv:
      return layers.Conv(features, kernel_init=init, dtype=self.dtype, name=name)

    block: Any = nn.remat(Block) if self.remat else Block
    head = x = conv(self.features, 'head')(normalise(lr, self.internal_range))
    for i in range(self.blocks):
      x = block(self.features, 3, self.residual_scale, self.dtype, name=f'block{i}')(x)
    x = head + conv(self.features, 'body')(x)
    for i, factor in enumerate(layers.stages(self.scale)):
      x = conv(self.features * factor**2, f'up{i}')(x)
      x = shuffle.pixel_shuffle(x, factor, layout=self.layout)
    return denormalise(conv(3, 'tail')(x), self.internal_range)
