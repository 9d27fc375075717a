"""MATLAB's bicubic (Keys, a = -0.5): the baseline of every comparison."""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from jsr.ops import resize
from jsr.types import Array


class Generator(nn.Module):
  """Bicubic interpolation; it has no parameters.

  Attributes:
    scale: Any integer from 1.
    dtype: Ignored: the computation is float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  dtype: object = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    return resize.enlarge(lr.astype(jnp.float32), self.scale)
