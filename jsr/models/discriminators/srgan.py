"""The discriminator of SRGAN: as in the paper, and for images of any size."""

from flax import linen as nn

from jsr.models import layers
from jsr.models.discriminators import head
from jsr.types import Array


class _SRGANBody(nn.Module):
  """3x3 convolutions; every second one halves the size, the next doubles the maps."""

  depth: int
  features: int
  batch_norm: bool
  norm_first: bool
  momentum: float
  axis_name: str | None
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    for i in range(self.depth):
      normalised = self.batch_norm and (self.norm_first or i > 0)
      x = layers.Conv(
        self.features * 2 ** (i // 2),
        stride=1 + i % 2,
        use_bias=not normalised,
        dtype=self.dtype,
        name=f'conv{i}',
      )(x)
      if normalised:
        x = layers.batch_norm(
          train=train,
          momentum=self.momentum,
          axis_name=self.axis_name,
          dtype=self.dtype,
          name=f'bn{i}',
        )(x)
      x = nn.leaky_relu(x, 0.2)
    return x


class SRGAN(nn.Module):
  """The discriminator of SRGAN; bound to one image size, as the paper has it.

  Attributes:
    depth: Convolutions; 8 in the paper. Fewer see less context and learn sooner.
    features: Maps of the first layer; 64 in the paper.
    hidden: Units of the dense layer; 1024 in the paper.
    batch_norm: As in the paper. Without it for gradient penalties.
    norm_first: Batch norm after the first convolution too, which then has no bias: the
      discriminator that the EDSR toolkit trains its GAN with.
    pool: Take the mean over space before the head: images of any size.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.

  Source: Ledig et al., 2017, section 2.1.1 and figure 4. 23,563,649 parameters at
  96 x 96; 23,563,713 with `norm_first`.
  """

  depth: int = 8
  features: int = 64
  hidden: int = 1024
  batch_norm: bool = True
  norm_first: bool = False
  pool: bool = False
  momentum: float = 0.9
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, image: Array, *, train: bool = False) -> Array:
    layers.check_input(image, 3)
    x = _SRGANBody(
      self.depth,
      self.features,
      self.batch_norm,
      self.norm_first,
      self.momentum,
      self.axis_name,
      self.dtype,
      name='body',
    )(2 * image - 1, train=train)
    return head.logits(
      self, x, image, hidden=self.hidden, pool=self.pool, dtype=self.dtype
    )


class SRGANPool(SRGAN):
  """SRGAN's discriminator for images of any size.

  Attributes: those of `SRGAN`, and `pool` is on.
  """

  pool: bool = True
