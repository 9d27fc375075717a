"""DRCN: one convolution applied sixteen times, a prediction after each.

Input Y in [0, 1], enlarged inside by MATLAB's bicubic, not rounded. Two convolutions
embed it, one recursive convolution is applied D times, and two shared convolutions turn
each state H_d into a prediction y_d; the result is the sum of w_d y_d with trained w_d.
`sow('outputs', 'recursions', ...)` shows all predictions, (D, N, H, W, 1) in [0, 1], to
the loss that supervises each of them.

How the skip from the input enters a prediction is our reading: `skip='add'` adds it to
the reconstruction, so that the network predicts a residual. The public TensorFlow port
instead appends it to the maps that the last convolution reads ('concat'), ends both
reconstruction convolutions in ReLU, divides by the sum of the w_d and works on 0..255.

Source: Kim, Lee, Lee, "Deeply-Recursive Convolutional Network for Image
Super-Resolution", 2016, section 3. 1,775,121 parameters.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from jsr import errors
from jsr.models import initializers, layers
from jsr.ops import resize
from jsr.types import Array

Skip = Literal['add', 'concat']


def identity(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
  """Initialises a convolution (k, k, n, n) to the identity: recursion starts stable."""
  k, _, inputs, outputs = shape
  kernel = jnp.zeros(shape, dtype)
  return kernel.at[k // 2, k // 2].set(jnp.eye(inputs, outputs, dtype=dtype))


class Recursion(nn.Module):
  """One application of the recursive convolution, and its prediction."""

  features: int
  skip: Skip
  hidden_relu: bool
  reconstruction_relu: bool
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, h: Array, x: Array) -> tuple[Array, Array]:
    """Maps the state (N, H, W, features) to the next one and (N, H, W, 1)."""
    f, dtype = self.features, self.dtype
    h = nn.relu(layers.Conv(f, kernel_init=identity, dtype=dtype, name='inference')(h))
    y = layers.Conv(f, dtype=dtype, name='reconstruct0')(h)
    if self.hidden_relu or self.reconstruction_relu:
      y = nn.relu(y)
    if self.skip == 'concat':
      y = jnp.concatenate([y, x.astype(y.dtype)], axis=-1)
    y = layers.Conv(1, dtype=dtype, name='reconstruct1')(y).astype(jnp.float32)
    if self.skip == 'add':
      y = x + y
    return h, nn.relu(y) if self.reconstruction_relu else y


class Generator(nn.Module):
  """DRCN.

  Attributes:
    scale: Any integer from 1.
    features: Feature maps; 256 in the paper.
    recursions: D; 16 in the paper.
    skip: How a prediction uses the input: 'add' or 'concat'.
    hidden_relu: End the first reconstruction convolution in ReLU.
    reconstruction_relu: End both in ReLU, as the public port does.
    normalise_weights: Divide by the sum of the output weights.
    input_range: What 1.0 is inside; 255.0 for the public weights.
    remat: Recompute the recursions in the backward pass: memory of one, not of D.
    unroll: Write the recursions out instead of scanning over them. None: on CPU, where
      gradients of convolutions inside a scan are 50 to 90 times slower. Parameters and
      results are the same.
    dtype: Of the computation; parameters, enlargement and predictions stay float32.
  """

  color: ClassVar[str] = 'y'
  scale: int = 4
  features: int = 256
  recursions: int = 16
  skip: Skip = 'add'
  hidden_relu: bool = True
  reconstruction_relu: bool = False
  normalise_weights: bool = False
  input_range: float = 1.0
  remat: bool = True
  unroll: bool | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 1)
    if self.skip not in ('add', 'concat'):
      raise errors.unknown('skip of drcn', self.skip, ('add', 'concat'))
    x = resize.enlarge(lr.astype(jnp.float32), self.scale) * self.input_range
    h = x
    for i in range(2):
      h = nn.relu(layers.Conv(self.features, dtype=self.dtype, name=f'embed{i}')(h))
    predictions = self._predictions()(h, x) / self.input_range
    if not self.is_initializing():
      self.sow('outputs', 'recursions', predictions)
    weights = self.param(
      'weights', initializers.constant(1 / self.recursions), (self.recursions,)
    )
    if self.normalise_weights:
      weights = weights / jnp.sum(weights)
    # Not a dot product: TF32 would change the eighth bit.
    return jnp.sum(weights[:, None, None, None, None] * predictions, axis=0)

  def _predictions(self) -> Callable[[Array, Array], Array]:
    """Returns the map from H_0 and x to all predictions, (D, N, H, W, 1)."""
    unroll = jax.default_backend() == 'cpu' if self.unroll is None else self.unroll
    recursion: Any = Recursion
    if self.remat:
      # A scan keeps XLA from merging the two computations already.
      recursion = nn.remat(Recursion, prevent_cse=unroll)
    if not unroll:
      recursion = nn.scan(
        recursion,
        variable_broadcast='params',
        split_rngs={'params': False},
        in_axes=nn.broadcast,
        length=self.recursions,
      )
    step = recursion(
      self.features,
      self.skip,
      self.hidden_relu,
      self.reconstruction_relu,
      self.dtype,
      # nn.remat and nn.scan would lengthen the name of the class.
      name='recursion',
    )
    if not unroll:
      return lambda h, x: step(h, x)[1]

    def run(h: Array, x: Array) -> Array:
      predictions = []
      for _ in range(self.recursions):
        h, y = step(h, x)
        predictions.append(y)
      return jnp.stack(predictions)

    return run
