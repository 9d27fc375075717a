"""Real-ESRGAN's second-order degradation.

Source: Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure
synthetic data", 2021; the ranges are those of its x4 configuration.

Here the patch is degraded as it was cut, while the authors degrade 400 pixels and cut
256 out of them afterwards; borders are mirrored. They draw the factors and modes of
resizing and the place of the last JPEG once a batch, and mix batches by a pool of
pairs; here every draw is an example's own, so the pool has nothing to do.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jsr import errors
from jsr.degradations import base, blur, jpeg, kernels, noise, resample
from jsr.ops import fusion
from jsr.types import Array

_SINC = len(kernels.FAMILIES)
_EQUAL = (1 / len(resample.MODES),) * len(resample.MODES)
# Uniform numbers that one round takes.
_DRAWS = 17


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecondOrder(base.Degradation):
  """Blur, resize, noise and JPEG, twice, with a last low-pass; see the file.

  Fields that end in 2 belong to the second round.

  Attributes:
    sharpen: Sharpen HR first, by `blur.sharpen`.
    widths: Sides of the kernels; odd, from the first to the second.
    blur_probability: How often the round blurs at all.
    sinc_probability: How often its kernel is a sinc.
    families: Probabilities of the others, in the order of `kernels.FAMILIES`.
    sigma: Standard deviation of the bell along each axis, in pixels.
    generalised: Exponent; below 1 half of the time, uniform on either side.
    plateau: Exponent, likewise.
    directions: Probabilities of enlarging, shrinking and keeping.
    factor: Least and largest factor of resizing.
    gaussian_probability: How often the noise is Gaussian; otherwise Poisson.
    noise: Standard deviation of the Gaussian noise in levels of 255.
    poisson: Strength of the Poisson noise.
    grey_probability: How often the noise is the same in the three channels.
    quality: Of JPEG, real-valued.
    final_probability: How often the result goes through a last sinc.
    jpeg_first_probability: How often the last JPEG comes before the last resizing.
  """

  name: ClassVar[str] = 'second-order'
  sharpen: bool = True
  widths: base.Range = (7, 21)
  blur_probability: float = 1.0
  blur_probability2: float = 0.8
  sinc_probability: float = 0.1
  sinc_probability2: float = 0.1
  families: tuple[float, ...] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
  families2: tuple[float, ...] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
  sigma: base.Range = (0.2, 3.0)
  sigma2: base.Range = (0.2, 1.5)
  generalised: base.Range = (0.5, 4.0)
  generalised2: base.Range = (0.5, 4.0)
  plateau: base.Range = (1.0, 2.0)
  plateau2: base.Range = (1.0, 2.0)
  directions: tuple[float, ...] = (0.2, 0.7, 0.1)
  directions2: tuple[float, ...] = (0.3, 0.4, 0.3)
  factor: base.Range = (0.15, 1.5)
  factor2: base.Range = (0.3, 1.2)
  gaussian_probability: float = 0.5
  gaussian_probability2: float = 0.5
  noise: base.Range = (1.0, 30.0)
  noise2: base.Range = (1.0, 25.0)
  poisson: base.Range = (0.05, 3.0)
  poisson2: base.Range = (0.05, 2.5)
  grey_probability: float = 0.4
  grey_probability2: float = 0.4
  quality: base.Range = (30.0, 95.0)
  quality2: base.Range = (30.0, 95.0)
  final_probability: float = 0.8
  jpeg_first_probability: float = 0.5

  def __post_init__(self) -> None:
    super().__post_init__()
    self._set_ranges(1, 101, 'widths')
    assert isinstance(self.widths, tuple)
    if any(width % 2 != 1 for width in self.widths):
      raise errors.UserError(
        f'degradation {self.name}: widths={self.widths} must be odd numbers'
      )
    for end in ('', '2'):
      self._set_ranges(0.01, 50, f'sigma{end}')
      self._set_ranges(0.05, 50, f'generalised{end}', f'plateau{end}')
      self._set_ranges(0.01, 8, f'factor{end}')
      self._set_ranges(0, 255, f'noise{end}')
      self._set_ranges(0, 100, f'poisson{end}')
      self._set_ranges(1, 99, f'quality{end}')
      self._set_shares(len(kernels.FAMILIES), f'families{end}')
      self._set_shares(3, f'directions{end}')
      self._check_probabilities(
        f'blur_probability{end}',
        f'sinc_probability{end}',
        f'gaussian_probability{end}',
        f'grey_probability{end}',
      )
    self._check_probabilities('final_probability', 'jpeg_first_probability')

  def _draw_one(self, key: Array) -> base.Drawn:
    u = base.numbers(key, 2 * _DRAWS + 5)
    return {
      **self._draw_round(u, ''),
      **self._draw_round(u, '2'),
      'final_sinc': base.happens(next(u), self.final_probability),
      'final_width': self._width(next(u)),
      'final_cutoff': base.between(next(u), (math.pi / 3, math.pi)),
      'final_mode': base.pick(next(u), _EQUAL),
      'jpeg_first': base.happens(next(u), self.jpeg_first_probability),
    }

  def _width(self, u: Array) -> Array:
    assert isinstance(self.widths, tuple)
    least, most = self.widths
    return least + 2 * jnp.floor(u * ((most - least) // 2 + 1))

  def _draw_round(self, u: Iterator[Array], end: str) -> base.Drawn:
    """Takes `_DRAWS` numbers for one round."""

    def field(name: str) -> Any:
      return getattr(self, name + end)

    def probability(name: str) -> float:
      value: float = getattr(self, f'{name}_probability{end}')
      return value

    width = self._width(next(u))
    bell = base.pick(next(u), field('families'))
    is_sinc = base.happens(next(u), probability('sinc'))
    below, place = next(u) < 0.5, next(u)
    generalised = _around_one(below, place, field('generalised'))
    plateau = _around_one(below, place, field('plateau'))
    least = jnp.where(width < 13, math.pi / 3, math.pi / 5)
    direction, place = base.pick(next(u), field('directions')), next(u)
    low, high = field('factor')
    up = base.between(place, (min(1.0, high), high))
    down = base.between(place, (low, max(1.0, low)))
    strength = next(u)
    drawn: base.Drawn = {
      'blur': base.happens(next(u), probability('blur')),
      'width': width,
      'family': jnp.where(is_sinc > 0, float(_SINC), bell),
      'sigma_x': base.between(next(u), field('sigma')),
      'sigma_y': base.between(next(u), field('sigma')),
      'angle': base.between(next(u), (-math.pi, math.pi)),
      'beta': jnp.where(bell < 4, generalised, plateau),
      'cutoff': least + (math.pi - least) * next(u),
      'factor': jnp.where(direction == 0, up, jnp.where(direction == 1, down, 1.0)),
      'mode': base.pick(next(u), _EQUAL),
      'gaussian': base.happens(next(u), probability('gaussian')),
      'noise': base.between(strength, field('noise')),
      'poisson': base.between(strength, field('poisson')),
      'grey': base.happens(next(u), probability('grey')),
      'quality': base.between(next(u), field('quality')),
    }
    return {key + end: value for key, value in drawn.items()}

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    x = base.to_unit(hr)
    if self.sharpen:
      x = blur.sharpen(x)
    n, h, w, _ = x.shape
    low = (h // self.scale, w // self.scale)
    sizes = jnp.broadcast_to(jnp.array([[h, w]]), (n, 2))

    canvas, to = _grown((h, w), drawn['factor'], self.factor)
    canvas2, to2 = _grown(low, drawn['factor2'], self.factor2)
    u, u2 = noise.fields(keys, (*canvas, 3), (*canvas2, 3))

    # Once: the first factor counts from HR, and the step is its inverse exactly.
    steps = jnp.tile(1 / drawn['factor'][:, None], (1, 2))
    x = self._round(x, drawn, '', u, sizes, to, steps, canvas)
    x = jpeg.compress(x, drawn['quality'])

    # Twice: the second factor counts from LR.
    x = self._round(x, drawn, '2', u2, to, to2, to / to2, canvas2)
    sizes = to2

    # JPEG stands before or after the last resizing; both places are worked out.
    first = base.per_image(drawn['jpeg_first']) > 0
    quality = drawn['quality2']
    x = jnp.where(first, jpeg.compress(x, quality), x)
    to = jnp.broadcast_to(jnp.array([low]), (n, 2))
    x = resample.resize(
      x, sizes=sizes, to=to, steps=sizes / to, mode=drawn['final_mode'], canvas=low
    )
    x = blur.correlate(x, self._kernels(drawn, 'final'))
    return jnp.where(first, x, jpeg.compress(jnp.clip(x, 0, 1), quality))

  def _round(
    self,
    x: Array,
    drawn: base.Drawn,
    end: str,
    u: Array,
    sizes: Array,
    to: Array,
    steps: Array,
    canvas: tuple[int, int],
  ) -> Array:
    """Blurs, resizes and adds noise; returns [0, 1], black beyond the valid part."""
    x = blur.correlate(x, self._kernels(drawn, end), sizes)
    x = resample.resize(
      x, sizes=sizes, to=to, steps=steps, mode=drawn['mode' + end], canvas=canvas
    )
    grey = drawn['grey' + end]
    x += jnp.where(
      base.per_image(drawn['gaussian' + end]) > 0,
      noise.gaussian(u, drawn['noise' + end] / 255, grey),
      noise.poisson(x, u, drawn['poisson' + end], grey, to),
    )
    x = jnp.where(noise.inside(canvas, to), jnp.clip(x, 0, 1), 0.0)
    return fusion.finished(x)

  def _kernels(self, drawn: base.Drawn, end: str) -> Array:
    """Returns (N, k, k): the round's kernels, or those of the last sinc."""
    assert isinstance(self.widths, tuple)
    canvas = int(self.widths[1])

    def one(d: base.Drawn) -> Array:
      return jnp.where(
        d['family'] == _SINC,
        kernels.sinc(canvas, width=d['width'], cutoff=d['cutoff']),
        kernels.bell(
          canvas,
          family=d['family'],
          width=d['width'],
          sigma_x=d['sigma_x'],
          sigma_y=d['sigma_y'],
          angle=d['angle'],
          beta=d['beta'],
        ),
      )

    if end == 'final':
      made = jax.vmap(lambda d: kernels.sinc(canvas, width=d[0], cutoff=d[1]))(
        (drawn['final_width'], drawn['final_cutoff'])
      )
      used = drawn['final_sinc']
    else:
      names = ('family', 'width', 'cutoff', 'sigma_x', 'sigma_y', 'angle', 'beta')
      made = jax.vmap(one)({name: drawn[name + end] for name in names})
      used = drawn['blur' + end]
    return jnp.where(used[:, None, None] > 0, made, kernels.delta(canvas)[None])


def _around_one(below: Array, place: Array, span: tuple[float, float]) -> Array:
  """Returns an exponent, from the range's part below 1 or from that above 1."""
  lower = base.between(place, (min(span[0], 1.0), 1.0))
  upper = base.between(place, (1.0, max(span[1], 1.0)))
  return jnp.where(below, lower, upper)


def _grown(
  size: tuple[int, int], factor: Array, span: base.Range
) -> tuple[tuple[int, int], Array]:
  """Returns the canvas that every factor fits into, and each example's (N, 2) size.

  The canvas is a multiple of 16, the block of JPEG: so it pads nothing of its own.
  """
  assert isinstance(span, tuple)
  most = max(span[1], 1.0)
  largest = tuple(max(math.floor(length * most), 1) for length in size)
  to = jnp.floor(jnp.array([size], jnp.float32) * factor[:, None]).astype(jnp.int32)
  to = jnp.clip(to, 1, jnp.array([largest]))
  return (-(-largest[0] // 16) * 16, -(-largest[1] // 16) * 16), to
