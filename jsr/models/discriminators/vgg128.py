"""The VGG-style discriminator of ESRGAN: pairs of 3x3 and strided 4x4 convolutions.

Source: Wang et al., "ESRGAN", 2018, section 4.1 names a VGG-style network on patches of
128 x 128; the layers are those of the authors' code. 14,499,401 parameters.
"""

from flax import linen as nn

from jsr.models import initializers, layers
from jsr.models.discriminators import head
from jsr.types import Array


class VGG128(nn.Module):
  """ESRGAN's discriminator.

  Attributes:
    features: Maps of the first pair; 64 in the authors' code.
    hidden: Units of the dense layer; 100 in the authors' code.
    pool: Take the mean over space before the head: images of any size.
    batch_norm: As in the authors' code. Without it for gradient penalties.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  features: int = 64
  hidden: int = 100
  pool: bool = False
  batch_norm: bool = True
  momentum: float = 0.9
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, image: Array, *, train: bool = False) -> Array:
    layers.check_input(image, 3)
    x = image
    for i, multiple in enumerate((1, 1, 2, 2, 4, 4, 8, 8, 8, 8)):
      normalised = self.batch_norm and i > 0
      x = nn.Conv(
        multiple * self.features,
        (3 + i % 2, 3 + i % 2),
        (1 + i % 2, 1 + i % 2),
        padding=1,
        use_bias=not normalised,
        kernel_init=initializers.he_normal(),
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
    return head.logits(
      self, x, image, hidden=self.hidden, pool=self.pool, dtype=self.dtype
    )
