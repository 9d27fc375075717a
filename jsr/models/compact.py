"""A compact generator for plain CPUs: everything at LR size, one shuffle, bicubic skip.

All convolutions are 3x3 at the input's size; the last one makes scale^2 x 3 maps that
one sub-pixel shuffle turns into the correction of the bicubic picture. The last kernel
starts at zero, so the untrained network is bicubic and training begins from there.

The layout follows the small VGG-style networks for real-time super-resolution (Shi et
al., ESPCN, 2016; the "compact" network of Real-ESRGAN, 2021); the bicubic skip and the
zero start are this project's.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from jsr.models import layers
from jsr.ops import resize, shuffle
from jsr.types import Array


class Generator(nn.Module):
  """The compact generator.

  Attributes:
    scale: Any integer from 2.
    depth: 3x3 convolutions between the first and the last.
    features: Feature maps.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  depth: int = 6
  features: int = 32
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    # Centred, so that the first convolution's zero border is mid-grey and not black.
    x = layers.Conv(self.features, dtype=self.dtype, name='head')(lr - 0.5)
    x = layers.PReLU(name='head_prelu')(x)
    for i in range(self.depth):
      x = layers.Conv(self.features, dtype=self.dtype, name=f'conv{i}')(x)
      x = layers.PReLU(name=f'prelu{i}')(x)
    x = layers.Conv(
      3 * self.scale**2,
      dtype=self.dtype,
      kernel_init=nn.initializers.zeros,
      name='tail',
    )(x)
    detail = shuffle.pixel_shuffle(x.astype(jnp.float32), self.scale)
    return resize.resize(lr.astype(jnp.float32), self.scale) + detail
