"""Inception modules of factorised convolutions, without pooling.

A module is branches of convolutions whose results are concatenated; within a branch an
activation stands between convolutions, and the last one is linear. k x k kernels are
factorised to 1 x k and k x 1. The widths are shares of the trunk's, `features`.

Source: report 001, section 3.2.2, after Szegedy et al., "Rethinking the Inception
Architecture for Computer Vision", 2016, section 3.2. The report's figures of its
shallow, middle and deep modules are lost; its text asks for larger kernels where the
network is shallow, a structure that grows with depth, narrow first modules and no
pooling. The branches below are [our reading] of that; with 128 features they have
19,648, 24,288 and 30,048 parameters.
"""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import UserError
from jsr.models import initializers, layers
from jsr.types import Array

# (height of the kernel, its width, features). A step is convolutions side by side.
Kernel = tuple[int, int, int]
Step = tuple[Kernel, ...]
Layout = tuple[tuple[Step, ...], ...]
Activation = Callable[[Array], Array]


def _chain(*kernels: Kernel) -> tuple[Step, ...]:
  return tuple((kernel,) for kernel in kernels)


def _check(features: int) -> None:
  if features < 16 or features % 16:
    raise UserError(
      f'inception modules share {features} features between their branches; give a'
      ' multiple of 16'
    )


def shallow(features: int) -> Layout:
  """Two branches, 7 and 5 wide; `features` in and out."""
  _check(features)
  n = features // 8
  return (
    _chain((1, 1, n), (1, 7, n), (7, 1, 4 * n)),
    _chain((1, 1, n), (1, 5, n), (5, 1, 4 * n)),
  )


def mid(features: int) -> Layout:
  """Three branches, 5, 3 and 1 wide; `features` out."""
  _check(features)
  n = features // 16
  return (
    _chain((1, 1, 3 * n), (1, 5, 3 * n), (5, 1, 6 * n)),
    _chain((1, 1, 3 * n), (1, 3, 3 * n), (3, 1, 6 * n)),
    _chain((1, 1, 4 * n)),
  )


def deep(features: int) -> Layout:
  """Four branches, the third twice as deep and the fourth forked; `features` out."""
  _check(features)
  n = features // 4
  return (
    _chain((1, 1, n)),
    _chain((1, 1, n), (1, 3, n), (3, 1, n)),
    _chain((1, 1, n), (1, 3, n), (3, 1, n), (1, 3, n), (3, 1, n)),
    (((1, 1, n),), ((1, 3, n // 2), (3, 1, n // 2))),
  )


class Inception(nn.Module):
  """An inception module.

  Attributes:
    layout: Of `shallow`, `mid` or `deep`.
    activation: Between the convolutions of a branch.
    last_bias: Of the last convolutions; not before batch norm.
    kernel_init: Of all convolutions.
    dtype: Of the computation; parameters stay float32.
  """

  layout: Layout
  activation: Activation
  last_bias: bool = True
  kernel_init: initializers.Initializer = initializers.he_normal()
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, x: Array) -> Array:
    return jnp.concatenate(
      [self._branch(x, i, steps) for i, steps in enumerate(self.layout)], axis=-1
    )

  def _branch(self, x: Array, number: int, steps: tuple[Step, ...]) -> Array:
    for i, step in enumerate(steps):
      x = self.activation(x) if i else x
      outputs = [
        nn.Conv(
          features,
          (height, width),
          padding=((height // 2, height // 2), (width // 2, width // 2)),
          use_bias=self.last_bias or i < len(steps) - 1,
          kernel_init=self.kernel_init,
          dtype=self.dtype,
          name=f'branch{number}_conv{i}' + (f'_{j}' if len(step) > 1 else ''),
        )(x)
        for j, (height, width, features) in enumerate(step)
      ]
      x = outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, axis=-1)
    return x
