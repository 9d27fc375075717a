"""Synthetic stand-ins of the DIV2K tracks other than bicubic.

The operators of the tracks unknown (2017) and realistic mild, difficult and wild (2018)
were never published; their LR images were, and reading those is the data's business.
These models are our reading of what the organisers tell: 'unknown' blurs and decimates;
the camera-like tracks add a sub-pixel shift and sensor noise, 'difficult' more of it,
and 'wild' something else for each image. A network trained on a stand-in has not been
trained on the track, and no table may say so: hence '-like'.

One bell-shaped kernel with its middle moved blurs and shifts at once; then every
scale-th pixel is taken, in the middle of its block as bicubic's LR is.
"""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from jsr import errors
from jsr.degradations import base, blur, kernels, noise
from jsr.types import Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unknown(base.Degradation):
  """Stand-in of DIV2K's unknown track: an anisotropic Gaussian blur, then decimation.

  Attributes:
    sigma: Standard deviation of either axis of the blur, over scale: in LR pixels. Two
      draws.
    shift: Largest displacement along x and y in HR pixels; each is drawn from
      [-shift, shift].
    noise: Standard deviation of Gaussian noise in levels of 255, or a range.
    photons: Mean Poisson count of a white pixel, or a range; 0: no Poisson noise.
      Counts this large are drawn as Gaussian of the same variance.
  """

  name: ClassVar[str] = 'unknown-like'
  sigma: base.Range = (0.3, 0.8)
  shift: float = 0.0
  noise: base.Range = 0.0
  photons: base.Range = 0.0

  def __post_init__(self) -> None:
    super().__post_init__()
    self._set_ranges(0.02, 8, 'sigma')
    self._set_ranges(0, 255, 'noise')
    self._set_ranges(0, 1e6, 'photons')
    if not isinstance(self.shift, int | float) or not 0 <= self.shift <= 32:
      raise errors.UserError(
        f'degradation {self.name}: shift={self.shift} must be a number of pixels,'
        ' 0 to 32'
      )

  def _draw_one(self, key: Array) -> base.Drawn:
    u = base.numbers(key, 7)
    turn, shift = (-math.pi / 2, math.pi / 2), (-float(self.shift), float(self.shift))
    return {
      'sigma_x': base.between(next(u), self.sigma) * self.scale,
      'sigma_y': base.between(next(u), self.sigma) * self.scale,
      'angle': base.between(next(u), turn),
      'shift_x': base.between(next(u), shift),
      'shift_y': base.between(next(u), shift),
      'noise': base.between(next(u), self.noise),
      'photons': base.between(next(u), self.photons),
    }

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    assert isinstance(self.sigma, tuple)
    middle = (self.scale - 1) / 2
    radius = math.ceil(3 * self.sigma[1] * self.scale + middle + self.shift)
    canvas = 2 * radius + 1

    def kernel(d: base.Drawn) -> Array:
      return kernels.bell(
        canvas,
        family=1,
        width=canvas,
        sigma_x=d['sigma_x'],
        sigma_y=d['sigma_y'],
        angle=d['angle'],
        centre=(d['shift_x'] + middle, d['shift_y'] + middle),
      )

    x = blur.correlate(base.to_unit(hr), jax.vmap(kernel)(drawn))
    lr = jnp.clip(x[:, :: self.scale, :: self.scale], 0, 1)
    # The variance of Poisson(x p) / p is x / p.
    photons = base.per_image(drawn['photons'])
    variance = jnp.where(photons > 0, lr / jnp.maximum(photons, 1e-6), 0.0)
    variance += jnp.square(base.per_image(drawn['noise']) / 255)
    (u,) = noise.fields(keys, lr.shape[1:])
    return lr + noise.to_normal(u) * jnp.sqrt(variance)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mild(Unknown):
  """Stand-in of DIV2K's realistic mild track; fields as `Unknown`."""

  name: ClassVar[str] = 'mild-like'
  sigma: base.Range = (0.4, 0.6)
  shift: float = 1.0
  noise: base.Range = 2.0
  photons: base.Range = 2000.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difficult(Unknown):
  """Stand-in of DIV2K's realistic difficult track; fields as `Unknown`."""

  name: ClassVar[str] = 'difficult-like'
  sigma: base.Range = (0.6, 1.0)
  shift: float = 2.0
  noise: base.Range = 6.0
  photons: base.Range = 300.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wild(Unknown):
  """Stand-in of DIV2K's realistic wild track; fields as `Unknown`."""

  name: ClassVar[str] = 'wild-like'
  sigma: base.Range = (0.3, 1.2)
  shift: float = 3.0
  noise: base.Range = (0.0, 12.0)
  photons: base.Range = (100.0, 4000.0)
