"""SR-NET, the U-Net of report 000: enhances a picture that was enlarged before.

Input and output RGB in [0, 1]. The network itself keeps the size and wants a multiple
of 32. Under our contract LR is enlarged by `scale` with the float bicubic first, padded
by its edge at bottom and right, and the result is cropped; `scale=1` is the enhancer
alone. The report resizes its inputs to one SIZE with a resize that it does not show
[our reading]: bicubic.

Keras' constants, which the printed listing leaves at their defaults: leaky ReLU 0.3,
batch norm (0.99, 1e-3), Glorot's uniform kernels; a stride of 2 and an even kernel pad
at bottom and right only. The listing's dropout branch calls a method that Keras does
not have; it is never taken, and there is none here. Its last upsampling is activated
though it makes three channels; so is ours. The report clips results to [0, 1], which
here the evaluation does.

Source: report 000, "SR-NET". Parameters: 9,600,206 with 128 filters; 602,990 and
2,403,982 with the 32 and 64 of its Taguchi study.
"""

from collections.abc import Callable
from typing import ClassVar, Literal

import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import unknown
from jsr.models import initializers, layers
from jsr.ops import resize
from jsr.types import Array

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
  'leaky_relu': lambda x: nn.leaky_relu(x, 0.3),
  'relu': nn.relu,
  'tanh': jnp.tanh,
  'elu': nn.elu,
  'sigmoid': nn.sigmoid,
}
# Filters as multiples of `features`, and whether batch norm follows.
DOWN = ((1, False), (1, False), (2, True), (4, True), (4, True))
UP = (4, 2, 1, 1)


class Generator(nn.Module):
  """SR-NET.

  Attributes:
    scale: Factor of the bicubic enlargement before the network; 1 for none.
    features: Filters of the first layer; 128 in the report, 32 to 128 in its study.
    activation: Of all hidden layers: 'leaky_relu' in the report; its study varies
      'relu', 'tanh', 'sigmoid' and 'elu'.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  features: int = 128
  activation: Literal['leaky_relu', 'relu', 'tanh', 'elu', 'sigmoid'] = 'leaky_relu'
  momentum: float = 0.99
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    if self.activation not in ACTIVATIONS:
      raise unknown('activation', self.activation, ACTIVATIONS)
    activation = ACTIVATIONS[self.activation]
    x = lr.astype(jnp.float32)
    if self.scale != 1:
      x = resize.enlarge(x, self.scale)
    height, width = x.shape[1:3]
    # The sums, and not the padding, so that JAX sees multiples of 32 in symbolic sizes.
    rows, columns = (32 * ((n + 31) // 32) for n in (height, width))
    pad = ((0, 0), (0, rows - height), (0, columns - width), (0, 0))
    skips = [x := jnp.pad(x, pad, mode='edge')]
    for i, (multiple, normalised) in enumerate(DOWN):
      x = nn.Conv(
        multiple * self.features,
        (3, 3),
        (2, 2),
        padding='SAME',
        kernel_init=initializers.glorot_uniform(),
        dtype=self.dtype,
        name=f'down{i}',
      )(x)
      if normalised:
        x = layers.batch_norm(
          train=train,
          momentum=self.momentum,
          epsilon=1e-3,
          axis_name=self.axis_name,
          dtype=self.dtype,
          name=f'down{i}_bn',
        )(x)
      skips.append(x := activation(x))
    skips.pop()
    for i, features in enumerate([m * self.features for m in UP] + [3]):
      # Keras' transposed convolution is the gradient of a convolution.
      x = nn.ConvTranspose(
        features,
        (3, 3),
        (2, 2),
        padding='SAME',
        transpose_kernel=True,
        kernel_init=initializers.glorot_uniform(),
        dtype=self.dtype,
        name=f'up{i}',
      )(x)
      skip = skips.pop()
      x = jnp.concatenate([activation(x), skip.astype(x.dtype)], axis=-1)
    x = nn.Conv(
      3,
      (2, 2),
      padding='SAME',
      kernel_init=initializers.glorot_uniform(),
      dtype=self.dtype,
      name='tail',
    )(x)
    return x[:, :height, :width].astype(jnp.float32)
