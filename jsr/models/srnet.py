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

In training, halving and doubling are matrix products of nine shifted pictures. XLA's
CPU backend takes four times as long for a step with the gradients of transposed
convolutions, and a product stays one where `jax.vmap` trains several networks at once
(a convolution becomes one in groups). The numbers are the same up to rounding.

Source: report 000, "SR-NET". Parameters: 9,600,206 with 128 filters; 602,990 and
2,403,982 with the 32 and 64 of its Taguchi study.
"""

from collections.abc import Callable
from typing import ClassVar, Literal

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jsr.errors import unknown
from jsr.models import initializers, layers
from jsr.ops import resize
from jsr.types import Array

Activation = Callable[[Array], Array]
ACTIVATIONS: dict[str, Activation] = {
  'leaky_relu': lambda x: nn.leaky_relu(x, 0.3),
  'relu': nn.relu,
  'tanh': jnp.tanh,
  'elu': nn.elu,
  'sigmoid': nn.sigmoid,
}
# Filters as multiples of `features`, and whether batch norm follows.
DOWN = ((1, False), (1, False), (2, True), (4, True), (4, True))
UP = (4, 2, 1, 1)


class Halve(nn.Module):
  """A convolution of 3 x 3 with stride 2 that pads at bottom and right.

  Attributes:
    products: By matrix products; H and W must be even.
  """

  features: int
  products: bool
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (3, 3, x.shape[-1], self.features)
    kernel = self.param('kernel', initializers.glorot_uniform(), shape)
    bias = self.param('bias', initializers.zeros, (self.features,))
    x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
    if not self.products:
      numbers = ('NHWC', 'HWIO', 'NHWC')
      return _add_bias(
        lax.conv_general_dilated(x, kernel, (2, 2), 'SAME', dimension_numbers=numbers),
        bias,
      )
    x = jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    h, w = (n // 2 * 2 for n in x.shape[1:3])
    shifted = [x[:, i : i + h : 2, j : j + w : 2] for i in range(3) for j in range(3)]
    columns = jnp.concatenate(shifted, -1)
    return _add_bias(columns @ kernel.reshape(-1, self.features), bias)


class Double(nn.Module):
  """The transposed convolution to `Halve`: Keras' Conv2DTranspose.

  Attributes:
    products: By matrix products.
  """

  features: int
  products: bool
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (3, 3, self.features, x.shape[-1])
    kernel = self.param('kernel', initializers.glorot_uniform(), shape)
    bias = self.param('bias', initializers.zeros, (self.features,))
    x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
    if not self.products:
      return _add_bias(
        lax.conv_transpose(x, kernel, (2, 2), 'SAME', transpose_kernel=True), bias
      )
    n, h, w, _ = x.shape
    taps = jnp.tensordot(x, kernel, ((3,), (3,)))  # (N, h, w, 3, 3, features).
    rows = _interleave(taps, 1, 3)  # (N, h, 2, w, 3, features).
    both = _interleave(rows, 3, 4)  # (N, h, 2, w, 2, features).
    return _add_bias(both.reshape(n, 2 * h, 2 * w, self.features), bias)


def _interleave(taps: Array, axis: int, tap_axis: int) -> Array:
  """Adds up what three taps say of each pair of outputs.

  Args:
    taps: (..., n, ..., 3, ...): input i times tap k goes to output 2 i + k.
    axis: Of the inputs.
    tap_axis: Of the taps; it goes.

  Returns:
    (..., n, 2, ...): outputs 2 i and 2 i + 1. The last, 2 n, is padding and is cut.
  """
  first, second, third = (
    lax.index_in_dim(taps, k, tap_axis, keepdims=False) for k in range(3)
  )
  before = [(0, 0)] * third.ndim
  before[axis] = (1, 0)
  late = lax.slice_in_dim(jnp.pad(third, before), 0, third.shape[axis], axis=axis)
  return jnp.stack([first + late, second], axis + 1)


def _add_bias(x: Array, bias: Array) -> Array:
  """Adds (C,) to (N, H, W, C)."""
  return x + bias.reshape(1, 1, 1, -1)


class Generator(nn.Module):
  """SR-NET.

  Attributes:
    scale: Factor of the bicubic enlargement before the network; 1 for none.
    features: Filters of the first layer; 128 in the report, 32 to 128 in its study.
    activation: Of all hidden layers: 'leaky_relu' in the report; its study varies
      'relu', 'tanh', 'sigmoid' and 'elu'. Or a function, for what trains networks with
      several at once.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  features: int = 128
  activation: Literal['leaky_relu', 'relu', 'tanh', 'elu', 'sigmoid'] | Activation = (
    'leaky_relu'
  )
  momentum: float = 0.99
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    if callable(self.activation):
      activation = self.activation
    elif self.activation in ACTIVATIONS:
      activation = ACTIVATIONS[self.activation]
    else:
      raise unknown('activation', self.activation, ACTIVATIONS)
    x = lr.astype(jnp.float32)
    if self.scale != 1:
      x = resize.enlarge(x, self.scale)
    height, width = x.shape[1:3]
    # The sums, and not the padding, so that JAX sees multiples of 32 in symbolic sizes.
    rows, columns = (32 * ((n + 31) // 32) for n in (height, width))
    pad = ((0, 0), (0, rows - height), (0, columns - width), (0, 0))
    skips = [x := jnp.pad(x, pad, mode='edge')]
    for i, (multiple, normalised) in enumerate(DOWN):
      x = Halve(multiple * self.features, train, self.dtype, name=f'down{i}')(x)
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
      x = Double(features, train, self.dtype, name=f'up{i}')(x)
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
