"""The discriminator of report 003: SRGAN's layout, half as wide, with Keras' constants.

Report 003 prints Keras' summary for 128 x 128 images down to the dense layer of 1024
units. [our reading]: the scaling layer at its start maps to [-1, 1]; a last dense layer
gives the logit; leaky ReLU has SRGAN's slope 0.2 and not Keras' own 0.3; kernels start
as Keras' default, Glorot's uniform. 17,953,377 parameters and 1,856 running statistics
at 128 x 128; every convolution has a bias, dead before batch norm in training.
"""

from flax import linen as nn

from jsr.models import initializers, layers
from jsr.models.discriminators import head
from jsr.types import Array


class S3GAN(nn.Module):
  """Report 003's discriminator.

  Attributes:
    features: Maps of the first layer; 32 in the report.
    hidden: Units of the dense layer; 1024 in the report.
    slope: Of leaky ReLU.
    pool: Take the mean over space before the head: images of any size.
    batch_norm: As in the report. Without it for gradient penalties.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  features: int = 32
  hidden: int = 1024
  slope: float = 0.2
  pool: bool = False
  batch_norm: bool = True
  momentum: float = 0.99
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, image: Array, *, train: bool = False) -> Array:
    layers.check_input(image, 3)
    x = 2 * image - 1
    for i in range(8):
      # Keras pads a stride of 2 at bottom and right only, at even sizes.
      x = nn.Conv(
        self.features * 2 ** (i // 2),
        (3, 3),
        (1 + i % 2, 1 + i % 2),
        padding='SAME',
        kernel_init=initializers.glorot_uniform(),
        dtype=self.dtype,
        name=f'conv{i}',
      )(x)
      if self.batch_norm and i:
        x = layers.batch_norm(
          train=train,
          momentum=self.momentum,
          epsilon=1e-3,
          axis_name=self.axis_name,
          dtype=self.dtype,
          name=f'bn{i}',
        )(x)
      x = nn.leaky_relu(x, self.slope)
    return head.logits(
      self,
      x,
      image,
      hidden=self.hidden,
      pool=self.pool,
      slope=self.slope,
      kernel_init=initializers.glorot_uniform(),
      dtype=self.dtype,
    )
