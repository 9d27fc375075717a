"""The generator of report 003: four dense residual blocks with batch norm and PReLU.

Input and output RGB in [0, 1]; tanh bounds the output, which stands for [-1, 1].

Report 003 prints Keras' summary: names, shapes and totals of layers, not their insides.
The blocks here are read from a public Keras implementation of the same class names
[our reading]; they give all three printed totals exactly: 1,341,571 trainable
parameters, 3,072 running statistics, 1,344,643 together. As that code does, every
convolution has a bias, dead before batch norm in training, and none skips from the
first features to the last.

Keras' constants: batch norm (0.99, 1e-3), PReLU from 0, Glorot's normal kernels.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from jsr.models import initializers, layers
from jsr.ops import shuffle
from jsr.types import Array


class Unit(nn.Module):
  """Convolution, batch norm where asked, PReLU where asked."""

  features: int
  kernel: int = 3
  normalise: bool = False
  activate: bool = True
  momentum: float = 0.99
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    x = layers.Conv(
      self.features,
      self.kernel,
      kernel_init=initializers.glorot_normal(),
      dtype=self.dtype,
      name='conv',
    )(x)
    if self.normalise:
      x = layers.batch_norm(
        train=train,
        momentum=self.momentum,
        epsilon=1e-3,
        axis_name=self.axis_name,
        dtype=self.dtype,
        name='bn',
      )(x)
    return layers.PReLU(0.0, name='prelu')(x) if self.activate else x


class Dense(nn.Module):
  """Three convolutions; the last reads the two before it. Plus the input."""

  growth: int
  momentum: float
  axis_name: str | None
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    def unit(features: int, i: int) -> Unit:
      return Unit(
        features,
        normalise=True,
        activate=i < 2,
        momentum=self.momentum,
        axis_name=self.axis_name,
        dtype=self.dtype,
        name=f'unit{i}',
      )

    a = unit(self.growth, 0)(x, train=train)
    b = unit(self.growth, 1)(jnp.concatenate([a, x], axis=-1), train=train)
    c = unit(x.shape[-1], 2)(jnp.concatenate([b, a], axis=-1), train=train)
    return x + c


class Block(nn.Module):
  """Three dense blocks; input and result are added by trained factors a channel."""

  growth: int
  momentum: float
  axis_name: str | None
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    y = x
    for i in range(3):
      y = Dense(
        self.growth, self.momentum, self.axis_name, self.dtype, name=f'dense{i}'
      )(y, train=train)

    def factor(name: str, start: float) -> Array:
      value = self.param(name, initializers.constant(start), (x.shape[-1],))
      return jnp.broadcast_to(value.astype(x.dtype), x.shape)

    return factor('of_input', 1.0) * x + factor('of_body', 0.5) * y


class Generator(nn.Module):
  """Report 003's generator.

  Attributes:
    scale: 2, 4 or 8 (3 by one shuffle of 3).
    blocks: 4 in the report.
    features: Maps of the trunk; 64 in the report.
    growth: Maps inside a dense block; 32 in the report.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  blocks: int = 4
  features: int = 64
  growth: int = 32
  momentum: float = 0.99
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)

    def unit(features: int, kernel: int, name: str, *, activate: bool = True) -> Unit:
      return Unit(features, kernel, activate=activate, dtype=self.dtype, name=name)

    x = unit(self.features, 3, 'head')(lr, train=train)
    x = unit(self.features, 1, 'neck')(x, train=train)
    for i in range(self.blocks):
      x = Block(
        self.growth, self.momentum, self.axis_name, self.dtype, name=f'block{i}'
      )(x, train=train)
    for i, factor in enumerate(layers.stages(self.scale)):
      # PReLU follows the shuffle: its slopes are the shuffled maps'.
      x = unit(self.features * factor**2, 3, f'up{i}', activate=False)(x, train=train)
      x = layers.PReLU(0.0, name=f'up{i}_prelu')(shuffle.pixel_shuffle(x, factor))
    x = unit(self.features, 3, 'hr')(x, train=train)
    x = unit(3, 3, 'tail', activate=False)(x, train=train).astype(jnp.float32)
    return (jnp.tanh(x) + 1) / 2
