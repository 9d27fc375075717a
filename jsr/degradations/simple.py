"""Degradations of one kind: a down-scaling, or a down-scaling and one corruption.

Noise and compression come after MATLAB's bicubic down-scaling with its 8-bit rounding;
with scale 1 they corrupt the image itself.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.degradations import base, jpeg, noise, resample
from jsr.ops import resize
from jsr.types import Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bicubic(base.Degradation):
  """MATLAB's bicubic with its 8-bit rounding, bit for bit: the published LR images.

  Float images are rounded to 8 bits first.
  """

  name: ClassVar[str] = 'bicubic'

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    lr = base.to_levels(hr)
    if self.scale > 1:
      lr = resize.resize_uint8(lr, 1 / self.scale)
    return lr.astype(jnp.float32) / 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class BicubicCv(base.Degradation):
  """OpenCV's bicubic (a = -0.75, no antialiasing); see `resample.bicubic_cv`."""

  name: ClassVar[str] = 'bicubic_cv'

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    size = (hr.shape[1] // self.scale, hr.shape[2] // self.scale)
    return resample.bicubic_cv(base.to_unit(hr), size=size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blur(base.Degradation):
  """A Gaussian blur, then every scale-th pixel: the form of the SRCNN and ESPCN papers.

  Attributes:
    sigma: In HR pixels, or a range. None: 1.6 scale / 3, since 1.6 at x3 is the
      customary 'BD' model and neither paper prints a value (our reading).
    aligned: Sample in the middle of each block of scale x scale pixels, between pixels
      where the scale is even, so that LR lies on HR as bicubic's does. False: take each
      block's first pixel, which shifts LR by (scale - 1) / 2 HR pixels.
  """

  name: ClassVar[str] = 'blur'
  sigma: base.Range | None = None
  aligned: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.sigma is None:
      object.__setattr__(self, 'sigma', 1.6 * self.scale / 3)
    self._set_ranges(0.05, 100, 'sigma')

  def _draw_one(self, key: Array) -> base.Drawn:
    assert self.sigma is not None
    return {'sigma': base.between(jax.random.uniform(key), self.sigma)}

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    x = base.to_unit(hr)
    phase = (self.scale - 1) / 2 if self.aligned else 0.0
    precision = jax.lax.Precision.HIGHEST
    for axis, spec in ((1, 'noh,nhwc->nowc'), (2, 'now,nhwc->nhoc')):
      n = x.shape[axis]
      centre = np.arange(n // self.scale, dtype=np.float32) * self.scale + phase
      a = _gaussian_rows(centre, n, drawn['sigma'])
      x = jnp.einsum(spec, a, x, precision=precision)
    return x


def _gaussian_rows(centre: np.ndarray, n: int, sigma: Array) -> Array:
  """Returns (N, m, n): Gaussian weights around m centres, mirrored at the edges."""
  i = np.arange(n, dtype=np.float32)
  two = 2 * jnp.square(sigma)[:, None, None]
  weights = sum(
    (
      # An edge sample is its own image and must not count twice.
      jnp.exp(-np.square(source - centre[:, None])[None] / two) * counts[None, None]
      for source, counts in (
        (i, np.ones(n, np.float32)),
        (-i, (i > 0).astype(np.float32)),
        (2 * (n - 1) - i, (i < n - 1).astype(np.float32)),
      )
    ),
    jnp.zeros((1, len(centre), n)),
  )
  return weights / jnp.sum(weights, axis=-1, keepdims=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise(Bicubic):
  """Gaussian noise on bicubic LR.

  Attributes:
    sigma: Standard deviation in levels of 255, or a range.
    grey_probability: How often the noise is the same in the three channels.
  """

  name: ClassVar[str] = 'noise'
  sigma: base.Range = (1.0, 30.0)
  grey_probability: float = 0.0

  def __post_init__(self) -> None:
    super().__post_init__()
    self._set_ranges(0, 255, 'sigma')
    self._check_probabilities('grey_probability')

  def _draw_one(self, key: Array) -> base.Drawn:
    u = base.numbers(key, 2)
    return {
      'sigma': base.between(next(u), self.sigma),
      'grey': base.happens(next(u), self.grey_probability),
    }

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    lr = super()._degrade(hr, drawn, keys)
    (u,) = noise.fields(keys, lr.shape[1:])
    return lr + noise.gaussian(u, drawn['sigma'] / 255, drawn['grey'])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Poisson(Bicubic):
  """Poisson noise on bicubic LR; see `noise.poisson`.

  Attributes:
    strength: Factor of the noise, or a range.
    grey_probability: How often the noise is the same in the three channels.
  """

  name: ClassVar[str] = 'poisson'
  strength: base.Range = (0.05, 3.0)
  grey_probability: float = 0.0

  def __post_init__(self) -> None:
    super().__post_init__()
    self._set_ranges(0, 100, 'strength')
    self._check_probabilities('grey_probability')

  def _draw_one(self, key: Array) -> base.Drawn:
    u = base.numbers(key, 2)
    return {
      'strength': base.between(next(u), self.strength),
      'grey': base.happens(next(u), self.grey_probability),
    }

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    lr = super()._degrade(hr, drawn, keys)
    (u,) = noise.fields(keys, lr.shape[1:])
    return lr + noise.poisson(lr, u, drawn['strength'], drawn['grey'])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jpeg(Bicubic):
  """JPEG compression of bicubic LR; see `jpeg.compress`.

  Attributes:
    quality: 1 to 99, or a range; real-valued.
    whole_tables: Round the quantisation tables as files do.
  """

  name: ClassVar[str] = 'jpeg'
  quality: base.Range = (30.0, 95.0)
  whole_tables: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self._set_ranges(1, 99, 'quality')

  def _draw_one(self, key: Array) -> base.Drawn:
    return {'quality': base.between(jax.random.uniform(key), self.quality)}

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    lr = super()._degrade(hr, drawn, keys)
    return jpeg.compress(lr, drawn['quality'], whole_tables=self.whole_tables)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Impulse(Bicubic):
  """Impulse noise on bicubic LR; see `noise.impulse`.

  Attributes:
    pepper: Probability of black, or a range. Report 000 shows 0.5, and 0.5 for salt,
      which leaves nothing of a picture; the defaults here leave nine pixels of ten.
    salt: Probability of white, or a range.
    per_channel: Hit each channel by itself; otherwise the whole pixel.
  """

  name: ClassVar[str] = 'impulse'
  pepper: base.Range = 0.05
  salt: base.Range = 0.05
  per_channel: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self._set_ranges(0, 1, 'pepper', 'salt')
    check_impulse(self.name, self.pepper, self.salt)

  def _draw_one(self, key: Array) -> base.Drawn:
    u = base.numbers(key, 2)
    return {
      'pepper': base.between(next(u), self.pepper),
      'salt': base.between(next(u), self.salt),
    }

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    lr = super()._degrade(hr, drawn, keys)
    (u,) = noise.fields(keys, lr.shape[1:])
    return noise.impulse(
      lr, u, drawn['pepper'], drawn['salt'], per_channel=self.per_channel
    )


def check_impulse(name: str, pepper: base.Range, salt: base.Range) -> None:
  """Checks that two ranges of probabilities leave room for each other.

  Raises:
    UserError: Their upper ends sum to more than 1.
  """
  assert isinstance(pepper, tuple)
  assert isinstance(salt, tuple)
  if pepper[1] + salt[1] > 1:
    raise errors.UserError(
      f'degradation {name}: pepper={pepper} and salt={salt} must not sum to more than 1'
    )
