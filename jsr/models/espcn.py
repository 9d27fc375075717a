"""ESPCN: three convolutions on the small picture, then one sub-pixel shuffle.

Input in [0, 1] at LR size; the output is linear. The paper's figure shows tanh between
the layers, its text compares it with ReLU; `tanh_output` is what a public TensorFlow
port adds after the shuffle, far below the paper's quality.

Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an
Efficient Sub-Pixel Convolutional Neural Network", 2016, section 3.2. On Y 21,284
parameters at x2, 22,729 at x3, 24,752 at x4; on RGB 26,796, 31,131 and 37,200.
"""

from typing import Literal

import jax.numpy as jnp
from flax import linen as nn

from jsr import errors
from jsr.models import initializers, layers
from jsr.ops import shuffle
from jsr.types import Array

_HALO = 2 + 1 + 1  # Of kernels 5, 3 and 3.
_ACTIVATIONS = {'tanh': jnp.tanh, 'relu': nn.relu}


class Generator(nn.Module):
  """ESPCN.

  Attributes:
    scale: Any integer from 1.
    color: 'y', the paper's, or 'rgb'.
    activation: 'tanh', the paper's, or 'relu', after the first two convolutions.
    tanh_output: Bound the output by tanh.
    features: Feature maps of the first and the second convolution.
    padding: 'zeros' around each layer's maps, or 'edge': the picture goes on as at its
      edge, and the maps need no padding. A network that was trained on the middle of
      its patches has never seen zeros.
    dtype: Of the computation; parameters stay float32.
  """

  color: Literal['y', 'rgb'] = 'y'
  scale: int = 4
  activation: Literal['tanh', 'relu'] = 'tanh'
  tanh_output: bool = False
  features: tuple[int, int] = (64, 32)
  padding: Literal['zeros', 'edge'] = 'zeros'
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    channels = layers.channels(self.color)
    layers.check_input(lr, channels)
    if self.activation not in _ACTIVATIONS:
      raise errors.unknown('activation of espcn', self.activation, _ACTIVATIONS)
    act = _ACTIVATIONS[self.activation]
    # The paper does not say how it starts. He's variance is made for ReLU; before
    # tanh, and where nothing follows, 1 / fan-in keeps the variance.
    linear = initializers.lecun_normal()
    init = initializers.he_normal() if self.activation == 'relu' else linear
    first, second = self.features

    def conv(
      features: int, kernel: int, name: str, start: initializers.Initializer
    ) -> layers.Conv:
      return layers.Conv(
        features,
        kernel,
        kernel_init=start,
        padding='zeros' if self.padding == 'zeros' else 'valid',
        dtype=self.dtype,
        name=name,
      )

    x = lr
    if self.padding == 'edge':
      x = jnp.pad(lr, ((0, 0), (_HALO, _HALO), (_HALO, _HALO), (0, 0)), mode='edge')
    elif self.padding != 'zeros':
      raise errors.unknown('padding of espcn', self.padding, ('zeros', 'edge'))
    x = act(conv(first, 5, 'head', init)(x))
    x = act(conv(second, 3, 'middle', init)(x))
    x = conv(channels * self.scale**2, 3, 'tail', linear)(x)
    x = shuffle.pixel_shuffle(x.astype(jnp.float32), self.scale)
    return jnp.tanh(x) if self.tanh_output else x
