"""SRCNN: three convolutions on the picture that bicubic has enlarged.

Input in [0, 1]; the enlargement to the target size (MATLAB's bicubic, not rounded) is
inside. The paper trains without padding and measures the loss on the centre; its test
code repeats the edge so that the size is kept. Here the edge is always repeated: a
pixel that is middle // 2 + 6 or more from the border does not see it, and has the value
that the network without padding gives it.

Source: Dong, Loy, He, Tang, "Image Super-Resolution Using Deep Convolutional Networks",
2016, section 3; padding as in the authors' test code. On Y 8,129 parameters (9-1-5),
24,513 (9-3-5) or 57,281 (9-5-5); on RGB 20,099, 36,483 or 69,251, of which the first is
a port's network and not the paper's.
"""

from typing import Literal

import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import UserError
from jsr.models import initializers, layers
from jsr.ops import resize
from jsr.types import Array


class Generator(nn.Module):
  """SRCNN.

  Attributes:
    scale: Any integer from 1.
    color: 'y', the paper's, or 'rgb'.
    middle: Kernel of the second convolution: 1, 3 or 5.
    features: Feature maps of the first and the second convolution.
    start: Of the kernels: 'paper', a normal of deviation 0.001, which needs small steps
      and hundreds of thousands of them, or 'he'.
    dtype: Of the computation; parameters and enlargement stay float32.
  """

  color: Literal['y', 'rgb'] = 'y'
  scale: int = 4
  middle: int = 1
  features: tuple[int, int] = (64, 32)
  start: Literal['paper', 'he'] = 'paper'
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    channels = layers.channels(self.color)
    layers.check_input(lr, channels)
    if self.middle not in (1, 3, 5):
      raise UserError(f'middle {self.middle} of srcnn must be 1, 3 or 5')
    x = resize.enlarge(lr.astype(jnp.float32), self.scale)
    first, second = self.features
    paper = initializers.normal(0.001)
    kernel_init = {'paper': paper, 'he': initializers.he_normal()}.get(self.start)
    if kernel_init is None:
      raise UserError(f"start {self.start!r} of srcnn must be 'paper' or 'he'")

    def conv(features: int, kernel: int, name: str) -> layers.Conv:
      return layers.Conv(
        features,
        kernel,
        kernel_init=kernel_init,
        padding='edge',
        dtype=self.dtype,
        name=name,
      )

    x = nn.relu(conv(first, 9, 'head')(x))
    x = nn.relu(conv(second, self.middle, 'middle')(x))
    return conv(channels, 5, 'tail')(x).astype(jnp.float32)
