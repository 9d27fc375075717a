"""The generator of report 001: residual-in-residual inception modules (RRIM).

Input and output RGB in [0, 1]; inside both are in [-1, 1], and tanh bounds the output.

The report changes SRGAN's generator without batch norm: each of the 16 residual blocks
becomes an RRIM, three shallow inception modules and a middle one, with residuals around
each and around all and without the factors 0.2 of ESRGAN; a second convolution before
them widens the trunk so that residuals can be added; a deep module stands between the
sub-pixel layers, whose own 3x3 convolutions go; nothing is normalised. The figures that
showed widths and branches are lost. [our reading], under these constraints:

- 128 features in the trunk, `jsr.models.inception`'s modules, an activation between
  convolutions and none after a sum.
- A sub-pixel layer is a 1x1 convolution to twice the trunk's width and a shuffle: the
  report says that the layer "first convolves", and that it halves the channels. The
  framework's layer of that name only shuffles; `subpixel='bare'` is that.
- Leaky ReLU 0.2: the report names no activation, ESRGAN's is the nearest. 'relu' is
  what the code base has.
- The last kernel is 3x3 as before the report's changes; `final_kernel=1` is what the
  code base has.
- 16 modules, as the text of section 3.2.3 says. Its list of steps in chapter 4 can be
  read as a single one, whose outer residual is then the long skip: `modules=1`, and the
  skip is added once.

So read, the generator costs 1.70 M products a pixel of LR against the code base's
1.96 M, as the report claims that training is slightly cheaper. 1,505,187 parameters at
x4; 256,707 with one module; 19,648, 24,288 and 30,048 in the three kinds of modules.
"""

from typing import ClassVar, Literal

import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import UserError, unknown
from jsr.models import inception, layers
from jsr.ops import shuffle
from jsr.types import Array

ACTIVATIONS: dict[str, inception.Activation] = {
  'leaky_relu': lambda x: nn.leaky_relu(x, 0.2),
  'relu': nn.relu,
}
SUBPIXELS = ('conv', 'bare')


class RRIM(nn.Module):
  """Shallow modules, then a middle one, each with a residual."""

  activation: inception.Activation
  residual: bool
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array) -> Array:
    features = x.shape[-1]
    y = x
    for i in range(4):
      y = y + inception.Inception(
        inception.shallow(features) if i < 3 else inception.mid(features),
        self.activation,
        kernel_init=layers.tensorlayer_init(),
        dtype=self.dtype,
        name=f'shallow{i}' if i < 3 else 'mid',
      )(y)
    return x + y if self.residual else y


class Generator(nn.Module):
  """RRIM's generator.

  Attributes:
    scale: 2, 4 or 8 (3 by one stage of 3); the deep module stands between stages, so
      there is none at x2.
    modules: RRIMs; 16, or 1. See the top of the file.
    features: Of the trunk; 128. A multiple of 16.
    subpixel: 'conv' or 'bare'; see the top of the file.
    activation: 'leaky_relu' or 'relu'.
    final_kernel: Of the last convolution; 3 or 1.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  modules: int = 16
  features: int = 128
  subpixel: Literal['conv', 'bare'] = 'conv'
  activation: Literal['leaky_relu', 'relu'] = 'leaky_relu'
  final_kernel: int = 3
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    if self.subpixel not in SUBPIXELS:
      raise unknown('subpixel', self.subpixel, SUBPIXELS)
    if self.activation not in ACTIVATIONS:
      raise unknown('activation', self.activation, ACTIVATIONS)
    activation = ACTIVATIONS[self.activation]

    def conv(features: int, kernel: int, name: str) -> layers.Conv:
      return layers.Conv(
        features,
        kernel,
        kernel_init=layers.tensorlayer_init(),
        dtype=self.dtype,
        name=name,
      )

    x = activation(conv(self.features // 2, 3, 'head')(2 * lr - 1))
    skip = x = conv(self.features, 3, 'widen')(x)
    for i in range(self.modules):
      # A single module's outer residual is the long skip.
      x = RRIM(activation, self.modules > 1, self.dtype, name=f'rrim{i}')(x)
    x = skip + x
    for i, factor in enumerate(layers.stages(self.scale)):
      if i:
        x = inception.Inception(
          inception.deep(self.features),
          activation,
          kernel_init=layers.tensorlayer_init(),
          dtype=self.dtype,
          name=f'deep{i - 1}',
        )(x)
      if self.subpixel == 'conv':
        x = conv(self.features // 2 * factor**2, 1, f'up{i}')(x)
      elif x.shape[-1] % factor**2:
        raise UserError(
          f"subpixel 'bare' needs features={x.shape[-1]} to be a multiple of"
          f' {factor**2}'
        )
      x = activation(shuffle.pixel_shuffle(x, factor))
    x = conv(3, self.final_kernel, 'tail')(x).astype(jnp.float32)
    return (jnp.tanh(x) + 1) / 2
