"""The compact generator, for plain CPUs: all at LR size, one shuffle, a bicubic skip.

A 3x3 convolution, residual blocks of two with a ReLU between them, one more that adds
up to the first, and a last one that makes scale^2 x 3 maps; to these the bicubic
enlargement is added, one phase a map, before a single sub-pixel shuffle. The last
kernel starts at zero, so the untrained network is bicubic and training begins there.

Nothing but 3x3 convolutions, ReLU and sums works on feature maps: what a CPU does best,
and what 8-bit arithmetic disturbs least, since the picture itself passes by in the
skip. The default is the largest that enlarges a megapixel in a few seconds on two
cores.

The blocks are EDSR's (Lim et al., "Enhanced Deep Residual Networks for Single Image
Super-Resolution", 2017, figure 2c), the shuffle at the end that of ESPCN (Shi et al.,
2016); the bicubic skip and the zero start are this project's.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from jsr.models import initializers, layers
from jsr.ops import resize, shuffle
from jsr.types import Array


class Generator(nn.Module):
  """The compact generator.

  Attributes:
    scale: Any integer from 2.
    blocks: Residual blocks.
    features: Feature maps.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  blocks: int = 4
  features: int = 64
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    # Centred, so that the first convolution's zero border is mid-grey and not black.
    head = layers.Conv(self.features, dtype=self.dtype, name='head')(lr - 0.5)
    x = head
    for i in range(self.blocks):
      x = _Block(self.features, self.dtype, name=f'block{i}')(x)
    x = head + layers.Conv(self.features, dtype=self.dtype, name='body')(x)
    x = layers.Conv(
      3 * self.scale**2,
      dtype=self.dtype,
      kernel_init=initializers.zeros,
      name='tail',
    )(x)
    phases = resize.phases(lr.astype(jnp.float32), self.scale)
    return shuffle.pixel_shuffle(phases + x.astype(jnp.float32), self.scale)


class _Block(nn.Module):
  features: int
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = nn.relu(layers.Conv(self.features, dtype=self.dtype, name='conv0')(x))
    # Small at the start: high learning rates would blow up a sum of full-size blocks.
    small = initializers.variance_scaling(0.02, 'fan_in', 'truncated_normal')
    return x + layers.Conv(
      self.features, kernel_init=small, dtype=self.dtype, name='conv1'
    )(y)
