"""SRGAN's generator as the TensorLayer and TensorLayerX code bases write it.

Input and output RGB in [0, 1]; inside both are in [-1, 1], and tanh bounds the output.
It differs from the paper's (`srresnet`) in its 3x3 ends, ReLU, tanh and initialisation.

`upsampler='shuffle'` is the TensorLayerX code that report 001 starts from;
'resize-conv' is the TensorLayer listing in report 002: nearest x2, convolution, batch
norm, ReLU. Report 002 prints no end of the network; its last convolution is read as the
code base's, 1x1 and tanh.

`batch_norm=False` is report 001's instability study: "remove all batch norm from the
generator". It says nothing of the biases that were left out because batch norm followed
[our reading]: the convolutions get one, or the network would have lost its offsets
without having meant to; `bias=False` leaves them off.

Source: report 001, section 3.2.1, and report 002. Parameters at x4: 1,518,147 with
batch norm, 1,516,035 without, 1,513,923 without biases either.
"""

from typing import ClassVar, Literal

import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import unknown
from jsr.models import initializers, layers
from jsr.ops import resize, shuffle
from jsr.types import Array

UPSAMPLERS = ('shuffle', 'resize-conv')


def norm_init(key: Array, shape: tuple[int, ...], dtype: layers.Dtype = None) -> Array:
  """Draws batch norm's factors from N(1, 0.02), as the same code bases do."""
  return 1 + initializers.normal(0.02)(key, shape, dtype or jnp.float32)


class Unit(nn.Module):
  """3x3 convolution, then batch norm, where there is any."""

  features: int
  batch_norm: bool
  bias: bool
  momentum: float
  axis_name: str | None
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    x = layers.Conv(
      self.features,
      use_bias=self.bias and not self.batch_norm,
      kernel_init=layers.tensorlayer_init(),
      dtype=self.dtype,
      name='conv',
    )(x)
    if not self.batch_norm:
      return x
    return layers.batch_norm(
      train=train,
      momentum=self.momentum,
      scale_init=norm_init,
      axis_name=self.axis_name,
      dtype=self.dtype,
      name='bn',
    )(x)


class Generator(nn.Module):
  """SRGAN's generator of TensorLayer.

  Attributes:
    scale: 2, 4 or 8 (3 by one stage of 3).
    blocks: Residual blocks; 16 in the reports.
    features: Feature maps; 64 in the reports.
    batch_norm: False for report 001's study of instability.
    bias: Without batch norm, of the convolutions that it would have followed.
    upsampler: 'shuffle' or 'resize-conv'; see the top of the file.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  blocks: int = 16
  features: int = 64
  batch_norm: bool = True
  bias: bool = True
  upsampler: Literal['shuffle', 'resize-conv'] = 'shuffle'
  momentum: float = 0.9
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    if self.upsampler not in UPSAMPLERS:
      raise unknown('upsampler', self.upsampler, UPSAMPLERS)

    def conv(features: int, kernel: int, name: str) -> layers.Conv:
      return layers.Conv(
        features,
        kernel,
        kernel_init=layers.tensorlayer_init(),
        dtype=self.dtype,
        name=name,
      )

    def unit(x: Array, name: str) -> Array:
      return Unit(
        self.features,
        self.batch_norm,
        self.bias,
        self.momentum,
        self.axis_name,
        self.dtype,
        name=name,
      )(x, train=train)

    head = x = nn.relu(conv(self.features, 3, 'head')(2 * lr - 1))
    for i in range(self.blocks):
      x = x + unit(nn.relu(unit(x, f'block{i}_0')), f'block{i}_1')
    x = head + unit(x, 'body')
    for i, factor in enumerate(layers.stages(self.scale)):
      if self.upsampler == 'shuffle':
        x = conv(self.features * factor**2, 3, f'up{i}')(x)
        x = nn.relu(shuffle.pixel_shuffle(x, factor))
      else:
        x = nn.relu(unit(resize.nearest(x, factor), f'up{i}'))
    x = conv(3, 1, 'tail')(x).astype(jnp.float32)
    return (jnp.tanh(x) + 1) / 2
