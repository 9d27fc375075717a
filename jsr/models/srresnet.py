"""SRResNet, the generator of SRGAN.

Input RGB in [0, 1]; inside, the network's output stands for [-1, 1], and the result is
(y + 1) / 2. The paper names no output activation; `tanh` is what several ports add.

Source: Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network", 2017, section 2.1.1 and figure 4. 1,548,547 parameters at x4.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import unknown
from jsr.models import initializers, layers
from jsr.types import Array


class Block(nn.Module):
  """Conv, BN, PReLU, conv, BN, plus the input."""

  features: int
  momentum: float
  axis_name: str | None
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    y = x
    for i in (1, 2):
      # BN adds an offset of its own, so a bias before it would be dead.
      y = layers.Conv(self.features, use_bias=False, dtype=self.dtype, name=f'conv{i}')(
        y
      )
      y = layers.batch_norm(
        train=train,
        momentum=self.momentum,
        axis_name=self.axis_name,
        dtype=self.dtype,
        name=f'bn{i}',
      )(y)
      if i == 1:
        y = layers.PReLU(name='prelu')(y)
    return x + y


class Generator(nn.Module):
  """SRResNet.

  Attributes:
    scale: 2, 4 or 8 (3 by one shuffle of 3).
    blocks: Residual blocks; 16 in the paper.
    features: Feature maps; 64 in the paper.
    tanh: Bound the output to [0, 1].
    after_body: What follows the last convolution before the long skip: 'bn' (paper), or
      'prelu' as in a published SRGAN with five blocks, whose convolution has a bias.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  blocks: int = 16
  features: int = 64
  tanh: bool = False
  after_body: str = 'bn'
  momentum: float = 0.9
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    x = layers.Conv(self.features, 9, dtype=self.dtype, name='head')(lr)
    head = x = layers.PReLU(name='head_prelu')(x)
    for i in range(self.blocks):
      x = Block(
        self.features, self.momentum, self.axis_name, self.dtype, name=f'block{i}'
      )(x, train=train)
    if self.after_body not in ('bn', 'prelu'):
      raise unknown('layer after_body', self.after_body, ('bn', 'prelu'))
    normed = self.after_body == 'bn'
    x = layers.Conv(self.features, use_bias=not normed, dtype=self.dtype, name='body')(
      x
    )
    if normed:
      x = layers.batch_norm(
        train=train,
        momentum=self.momentum,
        axis_name=self.axis_name,
        dtype=self.dtype,
        name='body_bn',
      )(x)
    else:
      x = layers.PReLU(name='body_prelu')(x)
    x = head + x
    for i, factor in enumerate(layers.stages(self.scale)):
      x = layers.ShuffleUp(self.features, factor, dtype=self.dtype, name=f'up{i}')(x)
      x = layers.PReLU(name=f'up{i}_prelu')(x)
    x = layers.Conv(
      3, 9, dtype=self.dtype, kernel_init=initializers.lecun_normal(), name='tail'
    )(x)
    x = x.astype(jnp.float32)
    if self.tanh:
      x = jnp.tanh(x)
    return (x + 1) / 2
