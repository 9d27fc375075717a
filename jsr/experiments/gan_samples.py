"""Small GANs that make pictures of noise: 64 pixels wide, or stacked to 256.

Both games are jsr's own GAN step, `jsr.train.steps.make_gan_step`: what it calls `lr`
is noise here, (N, 4, 4, 8), and a generator that enlarges it 16 times makes a picture.
The one loop does not train them: it finds generators by their names in `jsr.models`,
whose users all enlarge pictures, makes `lr` from HR and measures PSNR, and noise has
neither an HR nor a PSNR.

Sources: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", 2016, for the layout; Karras et al., "Progressive
Growing of GANs", 2018, section 4.2, for the norm of each pixel's features, and for
stacking: the larger network starts from the smaller one.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from jsr.losses import adversarial
from jsr.models import compact, layers
from jsr.models.discriminators import head
from jsr.ops import resize, shuffle
from jsr.train import optim, start, state, steps
from jsr.types import Array, Batch, Variables

# Height, width and channels of the noise.
NOISE = (4, 4, 8)
SIZE, SCALE = 64, 4


class Sampler(nn.Module):
  """From noise to pictures of 64 x 64.

  Attributes:
    widths: Feature maps at 4, 8, 16, 32 and 64 pixels.
    dtype: Ignored: the computation is float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = SIZE // NOISE[0]
  widths: Sequence[int] = (64, 64, 32, 16, 16)
  dtype: object = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    """Returns (N, 64, 64, 3) in [0, 1] of noise (N, 4, 4, 8)."""
    x = lr
    for i, width in enumerate(self.widths):
      if i:
        x = resize.nearest(x, 2)
      x = layers.Conv(width, name=f'conv{i}')(x)
      x = nn.leaky_relu(x, 0.2)
      x = x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + 1e-8)
    return nn.sigmoid(layers.Conv(3, name='tail')(x))


class Stacked(nn.Module):
  """The sampler with a compact generator behind it: pictures of 256 x 256.

  Sows the picture between the two as 'small'.

  Attributes:
    widths: Of the sampler.
    blocks: Of the compact generator.
    features: Of the compact generator.
    dtype: Ignored: the computation is float32.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = SCALE * SIZE // NOISE[0]
  widths: Sequence[int] = (64, 64, 32, 16, 16)
  blocks: int = 2
  features: int = 24
  dtype: object = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    """Returns (N, 256, 256, 3) of noise (N, 4, 4, 8)."""
    small = Sampler(widths=self.widths, name='sampler')(lr, train=train)
    if not self.is_initializing():
      self.sow('outputs', 'small', small)
    enlarger = compact.Generator(
      scale=SCALE, blocks=self.blocks, features=self.features, name='head'
    )
    return enlarger(small, train=train)


class Critic(nn.Module):
  """From pictures to a logit each; every layer halves the size.

  Blocks of 2 x 2 pixels become channels before each convolution: on a CPU gradients of
  strided ones take several times as long.

  Attributes:
    widths: Feature maps of the layers, each half the size of the one before.
    hidden: Units of the dense layer.
    dtype: Ignored: the computation is float32.
  """

  widths: Sequence[int] = (16, 32, 48, 64)
  hidden: int = 64
  dtype: object = None

  @nn.compact
  def __call__(self, image: Array, *, train: bool = False) -> Array:
    """Returns (N,) of (N, H, W, 3) in [0, 1]."""
    x = 2 * image - 1
    for i, width in enumerate(self.widths):
      x = layers.Conv(width, name=f'conv{i}')(shuffle.pixel_unshuffle(x, 2))
      x = nn.leaky_relu(x, 0.2)
    return head.logits(self, x, image, hidden=self.hidden, pool=False)


def draw_noise(seed: int, count: int) -> np.ndarray:
  """Draws noise for samples, float32 (count, 4, 4, 8)."""
  rng = np.random.default_rng([seed, 1])
  return rng.standard_normal((count, *NOISE)).astype(np.float32)


def canvas(picture: np.ndarray, size: int) -> np.ndarray:
  """Mirrors a picture at its edges until it fills a square.

  Its pixels stay as they are: an enlarged picture would teach a discriminator blur.

  Args:
    picture: uint8 (H, W, 3), no side longer than `size` nor shorter than a third of it.
    size: Of the square.
  """
  pads = [((size - n) // 2, size - n - (size - n) // 2) for n in picture.shape[:2]]
  return np.pad(picture, [*pads, (0, 0)], mode='symmetric')


def prepare(batch: Batch, keys: Array, *, size: int) -> steps.Pair:
  """Makes noise, and real pictures: a square out of each canvas, mirrored or not.

  Args:
    batch: 'hr': uint8 (N, P, P, 3), P from 256.
    keys: (N,), one an example.
    size: 256, or 64 to shrink by MATLAB's bicubic.
  """
  large = SCALE * SIZE

  def one(picture: Array, key: Array) -> tuple[Array, Array]:
    place, flip, noise = jax.random.split(key, 3)
    room = picture.shape[0] - large + 1
    y, x = jax.random.randint(place, (2,), 0, room)
    part = jax.lax.dynamic_slice(picture, (y, x, 0), (large, large, 3))
    part = jnp.where(jax.random.bernoulli(flip), part[:, ::-1], part)
    return jax.random.normal(noise, NOISE), part

  noise, hr = jax.vmap(one)(batch['hr'], keys)
  if size < large:
    hr = resize.resize_uint8(hr, size / large)
  return steps.Pair(noise, hr.astype(jnp.float32) / 255)


def shrinks_to(large: Array, small: Array) -> Array:
  """Returns the mean absolute difference of `large`, shrunk, from `small`."""
  return jnp.mean(jnp.abs(resize.resize(large, 1 / SCALE) - small))


def _consistency(sr: Array, hr: Array, context: steps.Context) -> Array:
  """How far the result, shrunk, is from the picture that it was made of."""
  del hr
  return shrinks_to(sr, context.outputs['small'])


class Game:
  """One game, compiled once for all seeds.

  Args:
    generator: A `Sampler` or `Stacked`.
    config: 'critic' (fields of `Critic`), 'adversarial' (see `jsr.losses.adversarial`),
      'optim' (see configs/default.py), 'batch_size', and 'consistency', the weight with
      which what `Stacked` makes must shrink to what it was made of.
    length: Steps, for the optimizers' schedules.
  """

  def __init__(self, generator: Sampler | Stacked, config: ConfigDict, length: int):
    self._config, self._length = config, length
    self._size = generator.scale * NOISE[0]
    self._generator, self._critic = generator, Critic(**config.critic.to_dict())
    self._tx = optim.make_optimizer(config.optim, length)
    losses = {}
    if isinstance(generator, Stacked):
      losses['consistency'] = steps.Loss(config.consistency, _consistency)
    step = steps.make_gan_step(
      generator=generator,
      discriminator=self._critic,
      generator_tx=self._tx,
      discriminator_tx=self._tx,
      losses=losses,
      adversarial=adversarial.get(config.adversarial),
      adversarial_weight=1.0,
      prepare=lambda batch, keys: prepare(batch, keys, size=self._size),
    )
    self._step = jax.jit(step, donate_argnums=0)

  def train(
    self,
    seed: int,
    canvases: np.ndarray,
    *,
    first: Variables | None = None,
    marks: Sequence[int] = (),
  ) -> tuple[dict[int, Variables], list[dict[str, float]]]:
    """Plays the game to its end.

    Args:
      seed: Of parameters, noise and the order of the pictures.
      canvases: uint8 (M, P, P, 3).
      first: The generator's variables to start from; None: drawn.
      marks: Steps whose generators are wanted beside the last one's.

    Returns:
      The generator's variables by step, and about 20 lines of metrics.
    """
    key = jax.random.fold_in(jax.random.key(seed), 2)
    now = state.create(
      key,
      generator=self._generator,
      generator_tx=self._tx,
      discriminator=self._critic,
      discriminator_tx=self._tx,
      patch_size=self._size,
      scale=self._size // NOISE[0],
      channels=NOISE[2],
      ema=False,
    )
    if first is not None:
      now = start.start_from(now, first)
    # The buffers of the first state are given away.
    now = jax.tree.map(jnp.copy, now)
    size = min(self._config.batch_size, len(canvases))
    kept: dict[int, Variables] = {}
    lines = []
    for step in range(1, self._length + 1):
      rng = np.random.default_rng([seed, 2, step])
      chosen = rng.choice(len(canvases), size, replace=False)
      batch = {'hr': canvases[chosen], 'index': np.arange(size, dtype=np.uint32)}
      now, metrics = self._step(now, batch, key)
      if step in marks or step == self._length:
        kept[step] = jax.device_get(now.generator.variables)
      if step % max(1, self._length // 20) == 0:
        values: Mapping[str, Array] = jax.device_get(metrics)
        lines.append({'step': step, **{k: float(v) for k, v in values.items()}})
    return kept, lines
