"""The discriminator of TensorLayer's SRGAN: 4x4 kernels, and a residual block at last.

Source: the listing in report 000, which names every layer and the slope 0.2. Reports
001 and 002 train against the same code base. 48,153,921 parameters at 384 x 384,
48,143,681 at 256 and 48,137,537 at 128, and 12,544 running statistics.
"""

from flax import linen as nn

from jsr.models import initializers, layers, srgan_tl
from jsr.models.discriminators import head
from jsr.types import Array


class TensorLayer(nn.Module):
  """TensorLayer's discriminator.

  Attributes:
    features: Maps of the first layer; 64 in the report.
    pool: Take the mean over space before the head: images of any size.
    batch_norm: As in the report. Without it for gradient penalties.
    momentum: Decay of batch norm's running statistics.
    axis_name: Mesh axis over which batch norm synchronises.
    dtype: Of the computation; parameters stay float32.
  """

  features: int = 64
  pool: bool = False
  batch_norm: bool = True
  momentum: float = 0.9
  axis_name: str | None = None
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, image: Array, *, train: bool = False) -> Array:
    layers.check_input(image, 3)

    def conv(x: Array, multiple: int, kernel: int, stride: int, name: str) -> Array:
      normalised = self.batch_norm and name != 'conv0'
      # 'SAME' pads a kernel of 4 by 1 on each side at even sizes, as TensorFlow does.
      x = nn.Conv(
        multiple * self.features,
        (kernel, kernel),
        (stride, stride),
        padding='SAME',
        use_bias=not normalised,
        kernel_init=initializers.normal(0.02),
        dtype=self.dtype,
        name=name,
      )(x)
      if not normalised:
        return x
      return layers.batch_norm(
        train=train,
        momentum=self.momentum,
        scale_init=srgan_tl.norm_init,
        axis_name=self.axis_name,
        dtype=self.dtype,
        name=f'{name}_bn',
      )(x)

    x = 2 * image - 1
    for i in range(6):
      x = nn.leaky_relu(conv(x, 2**i, 4, 2, f'conv{i}'), 0.2)
    x = nn.leaky_relu(conv(x, 16, 1, 1, 'conv6'), 0.2)
    x = y = conv(x, 8, 1, 1, 'conv7')
    y = nn.leaky_relu(conv(y, 2, 1, 1, 'residual0'), 0.2)
    y = nn.leaky_relu(conv(y, 2, 3, 1, 'residual1'), 0.2)
    x = nn.leaky_relu(x + conv(y, 8, 3, 1, 'residual2'), 0.2)
    return head.logits(
      self,
      x,
      image,
      hidden=0,
      pool=self.pool,
      kernel_init=initializers.normal(0.02),
      dtype=self.dtype,
    )
