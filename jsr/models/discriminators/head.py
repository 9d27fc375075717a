"""The end of a discriminator: from feature maps to one logit an image.

A dense layer over flattened maps is bound to one image size; a mean over space is not.
"""

import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import UserError
from jsr.models import initializers, layers
from jsr.types import Array

_lecun_normal = initializers.lecun_normal()


def logits(
  module: nn.Module,
  x: Array,
  image: Array,
  *,
  hidden: int,
  pool: bool,
  slope: float = 0.2,
  kernel_init: initializers.Initializer = _lecun_normal,
  dtype: layers.Dtype = None,
) -> Array:
  """Applies the dense layers 'dense0' and 'dense1' within a module's `__call__`.

  Args:
    module: The discriminator.
    x: (N, h, w, C): its last maps.
    image: (N, H, W, 3): what it was given; for the words of the error.
    hidden: Units of 'dense0' and its leaky ReLU; 0 for 'dense1' alone.
    pool: Take the mean over space instead of flattening.
    slope: Of the leaky ReLU.
    kernel_init: Of both.
    dtype: Of the computation.

  Returns:
    (N,) float32.

  Raises:
    UserError: The first layer was made for images of another size.
  """
  # Channel first, as PyTorch flattens: converted weights keep their order.
  x = x.mean((1, 2)) if pool else x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
  first = 'dense0' if hidden else 'dense1'
  if module.has_variable('params', first):
    made_for: int = module.get_variable('params', first)['kernel'].shape[0]
    if made_for != x.shape[1]:
      height, width = image.shape[1:3]
      raise UserError(
        f'discriminator {type(module).__name__} is bound to the image size that it was'
        f' made for, and {height} x {width} is another ({x.shape[1]} values for a dense'
        f' layer of {made_for}); give images of that size, or one that pools over space'
      )
  if hidden:
    x = nn.Dense(
      hidden, kernel_init=kernel_init, dtype=dtype, name='dense0', parent=module
    )(x)
    x = nn.leaky_relu(x, slope)
  x = nn.Dense(1, kernel_init=kernel_init, dtype=dtype, name='dense1', parent=module)(x)
  return x[:, 0].astype(jnp.float32)
