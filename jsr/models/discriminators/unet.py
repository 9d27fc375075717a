"""The U-Net discriminator with spectral norm of Real-ESRGAN: a logit for every pixel.

Source: Wang, Xie, Dong, Shan, "Real-ESRGAN: Training Real-World Blind Super-Resolution
with Pure Synthetic Data", 2021, section 3.3 and figure 6, and the authors' code.
4,376,897 parameters. Spectral norm: Miyato et al., "Spectral Normalization for
Generative Adversarial Networks", 2018, algorithm 1.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jsr.models import initializers, layers
from jsr.ops import resize
from jsr.types import Array

# Power iterations on the untrained kernel; one a step follows it from there.
_FIRST_ITERATIONS = 15
_HIGHEST = jax.lax.Precision.HIGHEST


def _unit(x: Array) -> Array:
  return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)


def _iterate(matrix: Array, u: Array) -> tuple[Array, Array]:
  """One power iteration on (outputs, inputs): returns the next u, and its v."""
  v = _unit(jnp.matmul(u, matrix, precision=_HIGHEST))
  return _unit(jnp.matmul(matrix, v, precision=_HIGHEST)), v


class _SpectralConv(nn.Module):
  """Convolution without bias, its kernel divided by its largest singular value.

  The singular vectors stand in 'batch_stats', so that training carries them as it does
  batch norm's statistics; each training pass takes one power iteration. In use they are
  taken as they are, as PyTorch does.
  """

  features: int
  kernel: int
  stride: int
  dtype: layers.Dtype

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    shape = (self.kernel, self.kernel, x.shape[-1], self.features)
    kernel = self.param('kernel', initializers.he_normal(), shape)
    matrix = kernel.reshape(-1, self.features).T

    def first() -> dict[str, Array]:
      u = _unit(jax.random.normal(self.make_rng('params'), (self.features,)))
      # A loop: without a jit around it, it is one compilation and not a hundred.
      u = jax.lax.fori_loop(
        0, _FIRST_ITERATIONS - 1, lambda _, u: _iterate(matrix, u)[0], u
      )
      u, v = _iterate(matrix, u)
      return {'u': u, 'v': v}

    singular = self.variable('batch_stats', 'singular', first)
    u, v = singular.value['u'], singular.value['v']
    if train:
      u, v = _iterate(jax.lax.stop_gradient(matrix), u)
      if not self.is_initializing():
        singular.value = {'u': u, 'v': v}
    norm = jnp.vdot(u, jnp.matmul(matrix, v, precision=_HIGHEST))
    return jax.lax.conv_general_dilated(
      x.astype(self.dtype or x.dtype),
      (kernel / norm).astype(self.dtype or x.dtype),
      (self.stride, self.stride),
      [(1, 1), (1, 1)],
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    )


class UNetSN(nn.Module):
  """Real-ESRGAN's discriminator: logits (N, H, W, 1), for images of any size.

  Sides that are no multiple of 8 lose their last pixels on the way down; the way up
  takes the sizes of the skips.

  Attributes:
    features: Maps of the first layer; 64 in the paper.
    skip: Add the maps of the way down to those of the way up.
    dtype: Of the computation; parameters stay float32.
  """

  features: int = 64
  skip: bool = True
  dtype: layers.Dtype = None

  @nn.compact
  def __call__(self, image: Array, *, train: bool = False) -> Array:
    layers.check_input(image, 3)

    def conv(x: Array, multiple: int, i: int) -> Array:
      down = i <= 3
      x = _SpectralConv(
        multiple * self.features,
        4 if down else 3,
        2 if down else 1,
        self.dtype,
        name=f'conv{i}',
      )(x, train=train)
      return nn.leaky_relu(x, 0.2)

    x = layers.Conv(self.features, dtype=self.dtype, name='conv0')(image)
    skips = [x := nn.leaky_relu(x, 0.2)]
    for i in (1, 2, 3):
      skips.append(x := conv(x, 2**i, i))
    for i in (4, 5, 6):
      skip = skips[6 - i]
      _, h, w, _ = skip.shape
      x = resize.resize(x, size=(h, w), kernel='linear', antialias=False)
      x = conv(x, 2 ** (6 - i), i)
      x = x + skip if self.skip else x
    for i in (7, 8):
      x = conv(x, 1, i)
    x = layers.Conv(1, dtype=self.dtype, name='conv9')(x)
    return x.astype(jnp.float32)
