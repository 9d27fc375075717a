"""MDSR: one body for several scales, with a head and an upsampler for each.

The branch of scale s are the parameters whose top-level names start with 'x{s}_'; all
others are shared. A call computes the branch of the field `scale` alone; `init` makes
the parameters of every branch, the same ones whatever `scale` is.

Input RGB in [0, 1]; inside (lr - DIV2K_MEAN) * internal_range, undone at the end.

Source: Lim, Son, Kim, Nah, Lee, "Enhanced Deep Residual Networks for Single Image
Super-Resolution", 2017, section 3.4 and figure 5. 3,227,203 parameters with 16 blocks
(the paper's baseline), 7,953,987 with 80; the authors' release shares the last
convolution, with one a scale the latter are 7,957,449.
"""

from typing import Any, ClassVar

from flax import linen as nn

from jsr.errors import UserError
from jsr.models import edsr, layers
from jsr.ops import shuffle
from jsr.types import Array


class Generator(nn.Module):
  """MDSR.

  Attributes:
    scale: The one that a call computes, one of `scales`.
    scales: Those that have a branch, each 2, 3, 4 or 8.
    blocks: Residual blocks of the body; 16 in the paper's baseline, 80 in its large
      network.
    features: Feature maps.
    shared_tail: One last convolution for all scales.
    internal_range: What 1.0 is inside; 255.0 in the paper.
    remat: Recompute the blocks in the backward pass.
    dtype: Of the computation; parameters stay float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  scales: tuple[int, ...] = (2, 3, 4)
  blocks: int = 16
  features: int = 64
  shared_tail: bool = True
  internal_range: float = 255.0
  remat: bool = False
  dtype: layers.Dtype = None

  def belongs(self, name: str) -> int | None:
    """Returns the scale whose branch a top-level parameter belongs to.

    Args:
      name: Such as 'x2_head0' or 'body'.

    Returns:
      The scale, or None for what all scales share.
    """
    for scale in self.scales:
      if name.startswith(_prefix(scale)):
        return scale
    return None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    layers.check_input(lr, 3)
    if self.scale not in self.scales:
      raise UserError(
        f'scale {self.scale} is none of the scales {tuple(self.scales)} of this mdsr;'
        ' choose one of them'
      )
    # Every branch gets its parameters, and an update runs one of them.
    run = self.scales if self.is_initializing() else (self.scale,)
    x = self._conv(self.features, 'head')(edsr.normalise(lr, self.internal_range))
    heads = {scale: self._head(x, scale) for scale in run}
    head = x = heads[self.scale]
    for i in range(self.blocks):
      x = self._block(3, f'block{i}')(x)
    x = head + self._conv(self.features, 'body')(x)
    shared = self._conv(3, 'tail') if self.shared_tail else None
    tails = {scale: self._tail(x, scale, shared) for scale in run}
    return edsr.denormalise(tails[self.scale], self.internal_range)

  def _conv(self, features: int, name: str) -> layers.Conv:
    return layers.Conv(features, kernel_init=edsr.init, dtype=self.dtype, name=name)

  def _block(self, kernel: int, name: str) -> Any:
    block: Any = nn.remat(edsr.Block) if self.remat else edsr.Block
    return block(self.features, kernel, dtype=self.dtype, name=name)

  def _head(self, x: Array, scale: int) -> Array:
    """Two blocks with large windows, which take the scale out of the picture."""
    for i in range(2):
      x = self._block(5, f'{_prefix(scale)}head{i}')(x)
    return x

  def _tail(self, x: Array, scale: int, shared: nn.Module | None) -> Array:
    for i, factor in enumerate(layers.stages(scale)):
      x = self._conv(self.features * factor**2, f'{_prefix(scale)}up{i}')(x)
      x = shuffle.pixel_shuffle(x, factor)
    tail = shared or self._conv(3, f'{_prefix(scale)}tail')
    return tail(x)


def _prefix(scale: int) -> str:
  return f'x{scale}_'
