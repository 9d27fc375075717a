"""From feature maps to one vector an image, and the price of doing it without a mean.

A dense layer over flattened maps is bound to one image size; a mean over space is not.
"""

from flax import linen as nn

from jsr.errors import UserError
from jsr.types import Array


def flatten(x: Array) -> Array:
  """(N, h, w, C) -> (N, C * h * w), channel first as PyTorch flattens.

  Converted weights keep their order by it.
  """
  return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)


def vectors(x: Array, *, pool: bool) -> Array:
  """(N, h, w, C) -> (N, C), the mean over space; or flattened, without `pool`."""
  return x.mean((1, 2)) if pool else flatten(x)


def check_size(module: nn.Module, name: str, x: Array, image: Array) -> None:
  """Refuses an image of another size than the one that a dense layer was made for.

  Args:
    module: The discriminator, from within its `__call__`.
    name: Of its dense layer.
    x: (N, values): what the layer is about to read.
    image: (N, H, W, 3).

  Raises:
    UserError: The layer exists and takes another number of values.
  """
  if not module.has_variable('params', name):
    return  # Being initialised.
  made_for: int = module.get_variable('params', name)['kernel'].shape[0]
  if made_for != x.shape[1]:
    h, w = image.shape[1:3]
    raise UserError(
      f'discriminator {type(module).__name__} is bound to the image size that it was'
      f' made for, and {h} x {w} is another ({x.shape[1]} values for a dense layer of'
      f' {made_for}); give images of that size, or use one that pools over space'
    )
