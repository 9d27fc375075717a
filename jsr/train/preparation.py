"""From a batch of pixels to the pair that a step trains on."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jsr.data import pairs, transforms
from jsr.degradations import Degradation
from jsr.ops import color
from jsr.train.steps import Pair
from jsr.types import Array, Batch

# The degradation of data that has LR of its own.
GIVEN = 'given'


def channels(generator: nn.Module) -> int:
  """Returns how many channels a generator's images have: 3, or 1 for Y."""
  return 3 if generator.color == 'rgb' else 1


def prepare_batch(
  batch: Batch,
  keys: Array,
  *,
  scale: int,
  augment: bool,
  degradation: Degradation | None,
  luma: bool = False,
  size: int | None = None,
) -> Pair:
  """Makes the training pair.

  Args:
    batch: 'hr': uint8 (N, P, P, 3); or 'pair', see `jsr.data.pairs`.
    keys: (N,), one an example.
    scale: P is a multiple of it.
    augment: Flip and turn at random, both halves alike.
    degradation: Makes LR from HR; None for pairs.
    luma: Train on Y (BT.601, studio range, over 255) instead of RGB.
    size: Height and width to cut HR to, at most P; None keeps it.

  Returns:
    lr (N, size / scale, size / scale, C) and hr (N, size, size, C), C 1 or 3. A made LR
    has the 256 levels of a file, as at test time.
  """
  if degradation is None:
    # Turning the packed pair would not turn the pixels packed into its channels.
    lr, hr = pairs.unpack(batch[pairs.ELEMENT], scale)
    if augment:
      lr, hr = transforms.dihedral(lr, keys), transforms.dihedral(hr, keys)
    lr, hr, drawn = _unit(lr), _unit(hr), {}
  else:
    hr = transforms.dihedral(batch['hr'], keys) if augment else batch['hr']
    # The patch has a random place, so its corner has one too.
    hr = hr[:, :size, :size]
    own = jax.vmap(jax.random.fold_in, (0, None))(keys, 1)
    drawn = degradation.draw(own)
    lr, hr = degradation.apply(hr, drawn, own), _unit(hr)
  if luma:
    lr, hr = (color.luma(x) / 255 for x in (lr, hr))
  return Pair(lr, hr, drawn)


def _unit(image: Array) -> Array:
  return image.astype(jnp.float32) / 255
