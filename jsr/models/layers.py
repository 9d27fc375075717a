"""Layers that two or more models share."""

from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn

from jsr import errors
from jsr.models import initializers
from jsr.ops import shuffle
from jsr.types import Array

Dtype = Any
Padding = Literal['zeros', 'edge', 'valid']


class Conv(nn.Module):
  """A square convolution with k // 2 zeros on each side, as PyTorch pads.

  Flax's 'SAME' pads stride 2 at bottom and right only, which shifts the map by half a
  pixel against the published weights.

  Attributes:
    padding: 'zeros'; 'edge', which repeats the outermost pixels; or 'valid', none.
  """

  features: int
  kernel: int = 3
  stride: int = 1
  use_bias: bool = True
  kernel_init: initializers.Initializer = initializers.he_normal()
  padding: Padding = 'zeros'
  dtype: Dtype = None

  @nn.compact
  def __call__(self, x: Array) -> Array:
    pad = self.kernel // 2
    if self.padding == 'edge':
      x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode='edge')
    if self.padding != 'zeros':
      pad = 0
    return nn.Conv(
      self.features,
      (self.kernel, self.kernel),
      (self.stride, self.stride),
      padding=((pad, pad), (pad, pad)),
      use_bias=self.use_bias,
      kernel_init=self.kernel_init,
      dtype=self.dtype,
      name='conv',
    )(x)


class PReLU(nn.Module):
  """Leaky ReLU with a learned slope a channel (He et al., 2015, equation 1).

  Flax's own has one slope for all channels, and starts at 0.01.
  """

  start: float = 0.25

  @nn.compact
  def __call__(self, x: Array) -> Array:
    slope = self.param('slope', initializers.constant(self.start), (x.shape[-1],))
    slope = jnp.broadcast_to(slope.astype(x.dtype), x.shape)
    return jnp.where(x >= 0, x, slope * x)


def tensorlayer_init() -> initializers.Initializer:
  """Returns N(0, 0.02), cut at two deviations, of the TensorLayer code bases.

  Source: the code that reports 001 and 002 start from.
  """
  return initializers.truncated_normal(0.02)


def batch_norm(
  *,
  train: bool,
  momentum: float = 0.9,
  epsilon: float = 1e-5,
  scale_init: initializers.Initializer = initializers.ones,
  axis_name: str | None = None,
  dtype: Dtype = None,
  name: str | None = None,
) -> nn.BatchNorm:
  """Batch normalisation with the papers' constants; statistics are float32.

  Args:
    train: Use the batch's statistics and update the running ones.
    momentum: Decay of the running statistics (1 - PyTorch's momentum).
    epsilon: Added to the variance.
    scale_init: Of the factor.
    axis_name: Mesh axis over which the batch's statistics are taken, or None.
    dtype: Of the result.
    name: Of the module.
  """
  return nn.BatchNorm(
    use_running_average=not train,
    momentum=momentum,
    epsilon=epsilon,
    scale_init=scale_init,
    axis_name=axis_name if train else None,
    dtype=dtype,
    name=name,
  )


class ShuffleUp(nn.Module):
  """Convolution to factor^2 times the features, then sub-pixel shuffle."""

  features: int
  factor: int = 2
  dtype: Dtype = None

  @nn.compact
  def __call__(self, x: Array) -> Array:
    x = Conv(self.features * self.factor**2, dtype=self.dtype, name='conv')(x)
    return shuffle.pixel_shuffle(x, self.factor)


def stages(scale: int) -> list[int]:
  """Splits a scale into shuffles: 2 -> [2], 3 -> [3], 4 -> [2, 2], 8 -> [2, 2, 2]."""
  if scale == 3:
    return [3]
  if scale < 1 or scale & (scale - 1):
    raise errors.UserError(f'scale {scale} is neither 3 nor a power of two')
  return [2] * (scale.bit_length() - 1)


def channels(color: str) -> int:
  """Returns the channels of a color, 'y' or 'rgb', that a user may choose."""
  if color not in ('y', 'rgb'):
    raise errors.unknown('color', color, ('y', 'rgb'))
  return 3 if color == 'rgb' else 1


def check_input(x: Array, channels: int) -> None:
  """Asserts the contract of a model's input: float NHWC with `channels`."""
  if x.ndim != 4 or x.shape[-1] != channels:
    raise ValueError(f'expected (N, H, W, {channels}), got {x.shape}')
  if not jnp.issubdtype(x.dtype, jnp.floating):
    raise TypeError(f'expected floats in [0, 1], got {x.dtype}')
