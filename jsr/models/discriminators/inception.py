"""SRGAN's discriminator with inception modules: the wish that report 001 ends with.

The report expects a shorter training and a better judgement of inception modules in the
discriminator, and tries none. [our reading]: the layout of SRGAN's; each convolution of
stride 1 becomes a middle module of the report's generator (`jsr.models.inception`) of
the same width, with batch norm after the concatenation as after the convolution it
replaces; the convolutions of stride 2 stay, since the report wants no pooling.
"""

from flax import linen as nn

from jsr.models import inception, layers
from jsr.models.discriminators import head
from jsr.types import Array


def _activation(x: Array) -> Array:
  return nn.leaky_relu(x, 0.2)


class Inception(nn.Module):
  """The discriminator with inception modules; 22,415,753 parameters at 96 x 96.

  Attributes:
    depth: Modules and convolutions; 8, as SRGAN's discriminator has.
    features: Maps of the first module; 64. A multiple of 16.
    hidden: Units of the dense layer; 1024.
    pool: Take the mean over space before the head: images of any size.
    batch_norm: Without it for gradient penalties.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  depth: int = 8
  features: int = 64
  hidden: int = 1024
  pool: bool = False
  batch_norm: bool = True
  momentum: float = 0.9
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, image: Array, *, train: bool = False) -> Array:
    layers.check_input(image, 3)
    x = 2 * image - 1
    for i in range(self.depth):
      normalised = self.batch_norm and i > 0
      features = self.features * 2 ** (i // 2)
      if i % 2:
        x = layers.Conv(
          features,
          stride=2,
          use_bias=not normalised,
          dtype=self.dtype,
          name=f'conv{i}',
        )(x)
      else:
        x = inception.Inception(
          inception.mid(features),
          _activation,
          last_bias=not normalised,
          dtype=self.dtype,
          name=f'inception{i}',
        )(x)
      if normalised:
        x = layers.batch_norm(
          train=train,
          momentum=self.momentum,
          axis_name=self.axis_name,
          dtype=self.dtype,
          name=f'bn{i}',
        )(x)
      x = _activation(x)
    return head.logits(
      self, x, image, hidden=self.hidden, pool=self.pool, dtype=self.dtype
    )
