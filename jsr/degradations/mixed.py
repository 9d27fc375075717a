"""Mixed degradations: random choice and random order, for one network for all.

Report 003 names a network for all of DIV2K's tracks as future work. Which corruptions,
and how strong, is our reading: blur, down-scaling by one of several kernels, Gaussian
noise, impulse noise and JPEG, each by its own chance, in an order drawn uniformly from
all 120. What comes before the down-scaling in the order acts on HR, the rest on LR.

Orders are many and programs must be one: four slots on HR and four on LR work every
corruption out and keep the one whose turn it is.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.degradations import base, blur, jpeg, kernels, noise, simple
from jsr.ops import bicubic_cv, resize
from jsr.types import Array

# The order without shuffling: as a camera, then a file, would have it.
PARTS = ('blur', 'down', 'noise', 'impulse', 'jpeg')
_DOWN = PARTS.index('down')
_KERNELS = ('bicubic', 'bilinear', 'area', 'bicubic_cv')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixed(base.Degradation):
  """Blur, down-scaling, noise, impulse noise and JPEG at random; see the file.

  Attributes:
    shuffle: Draw the order; otherwise it is that of `PARTS`.
    blur_probability: How often there is a blur.
    sigma: Standard deviation of either axis of the Gaussian blur, in pixels of the
      image that it meets.
    down: Kernels of the down-scaling, equally likely: bicubic, bilinear and area
      antialiased as in MATLAB, bicubic_cv as in OpenCV. Without 8-bit rounding.
    noise_probability: How often there is Gaussian noise.
    noise: Its standard deviation in levels of 255.
    grey_probability: How often it is the same in the three channels.
    impulse_probability: How often there is impulse noise.
    pepper: Its probability of black.
    salt: Its probability of white.
    jpeg_probability: How often there is JPEG.
    quality: Of JPEG, real-valued.
  """

  name: ClassVar[str] = 'mixed'
  shuffle: bool = True
  blur_probability: float = 0.7
  sigma: base.Range = (0.2, 3.0)
  down: Sequence[str] = _KERNELS
  noise_probability: float = 0.5
  noise: base.Range = (1.0, 25.0)
  grey_probability: float = 0.4
  impulse_probability: float = 0.1
  pepper: base.Range = (0.0, 0.02)
  salt: base.Range = (0.0, 0.02)
  jpeg_probability: float = 0.5
  quality: base.Range = (30.0, 95.0)

  def __post_init__(self) -> None:
    super().__post_init__()
    self._set_ranges(0.05, 20, 'sigma')
    self._set_ranges(0, 255, 'noise')
    self._set_ranges(0, 1, 'pepper', 'salt')
    self._set_ranges(1, 99, 'quality')
    chances = ('blur', 'noise', 'grey', 'impulse', 'jpeg')
    self._check_probabilities(*(f'{name}_probability' for name in chances))
    simple.check_impulse(self.name, self.pepper, self.salt)
    down = (self.down,) if isinstance(self.down, str) else tuple(self.down)
    for kernel in down:
      if kernel not in _KERNELS:
        raise errors.unknown('kernel in down of degradation mixed:', kernel, _KERNELS)
    if not down:
      raise errors.UserError('degradation mixed: down=() must name at least one kernel')
    object.__setattr__(self, 'down', down)

  def _draw_one(self, key: Array) -> base.Drawn:
    u = base.numbers(key, 13 + len(PARTS))
    drawn = {
      'blur': base.happens(next(u), self.blur_probability),
      'sigma_x': base.between(next(u), self.sigma),
      'sigma_y': base.between(next(u), self.sigma),
      'angle': base.between(next(u), (-math.pi / 2, math.pi / 2)),
      'down': base.pick(next(u), [1 / len(self.down)] * len(self.down)),
      'noise': base.happens(next(u), self.noise_probability),
      'noise_sigma': base.between(next(u), self.noise),
      'grey': base.happens(next(u), self.grey_probability),
      'impulse': base.happens(next(u), self.impulse_probability),
      'pepper': base.between(next(u), self.pepper),
      'salt': base.between(next(u), self.salt),
      'jpeg': base.happens(next(u), self.jpeg_probability),
      'quality': base.between(next(u), self.quality),
    }
    places = jnp.arange(len(PARTS))
    if self.shuffle:
      # The ranks of independent numbers are a uniformly drawn order.
      places = jnp.argsort(jnp.stack(list(u)))
    for part, place in zip(PARTS, places, strict=True):
      drawn[f'{part}_place'] = place.astype(jnp.float32)
    return drawn

  def _degrade(self, hr: Array, drawn: base.Drawn, keys: Array) -> Array:
    x = base.to_unit(hr)
    h, w = x.shape[1:3]
    # Three planes for the Gaussian noise, one for the impulses; a part has its turn
    # only once, so all slots may share them.
    u, u_low = noise.fields(keys, (h, w, 4), (h // self.scale, w // self.scale, 4))
    if not self.shuffle:
      x = self._corrupt(x, drawn, u, [0], PARTS[:_DOWN])
      x = self._shrink(x, drawn)
      return self._corrupt(x, drawn, u_low, [2, 3, 4], PARTS[_DOWN + 1 :])
    parts = PARTS[:_DOWN] + PARTS[_DOWN + 1 :]
    slots = range(len(PARTS))
    x = self._corrupt(x, drawn, u, slots[:-1], parts, before=True)
    x = self._shrink(x, drawn)
    return self._corrupt(x, drawn, u_low, slots[1:], parts, before=False)

  def _corrupt(
    self,
    x: Array,
    drawn: base.Drawn,
    u: Array,
    slots: Sequence[int],
    parts: Sequence[str],
    before: bool | None = None,
  ) -> Array:
    """Works through slots of the order.

    Args:
      x: (N, H, W, 3).
      drawn: See `_draw_one`.
      u: (N, H, W, 4) from `noise.fields`.
      slots: Which to work through.
      parts: What they may hold, of `PARTS`.
      before: Only slots before the down-scaling's, or only those after it; None: all.
    """
    gauss = noise.gaussian(u[..., :3], drawn['noise_sigma'] / 255, drawn['grey'])
    hit = u[..., 3:]
    bells = self._bells(drawn)
    work: dict[str, Callable[[Array], Array]] = {
      'blur': lambda x: blur.correlate(x, bells),
      'noise': lambda x: x + gauss,
      'impulse': lambda x: noise.impulse(x, hit, drawn['pepper'], drawn['salt']),
      'jpeg': lambda x: jpeg.compress(x, drawn['quality']),
    }

    def slot(x: Array, number: Array) -> tuple[Array, None]:
      for_now = x
      for part in parts:
        turn = (drawn[f'{part}_place'] == number) & (drawn[part] > 0)
        if before is not None:
          turn &= (number < drawn['down_place']) == before
        for_now = jnp.where(base.per_image(turn), work[part](x), for_now)
      return jnp.clip(for_now, 0, 1), None

    return jax.lax.scan(slot, x, jnp.array(slots))[0]

  def _bells(self, drawn: base.Drawn) -> Array:
    assert isinstance(self.sigma, tuple)
    canvas = 2 * math.ceil(3 * self.sigma[1]) + 1

    def one(x: Array, y: Array, angle: Array) -> Array:
      return kernels.bell(
        canvas, family=1, width=canvas, sigma_x=x, sigma_y=y, angle=angle
      )

    return jax.vmap(one)(drawn['sigma_x'], drawn['sigma_y'], drawn['angle'])

  def _shrink(self, x: Array, drawn: base.Drawn) -> Array:
    index = drawn['down'].astype(jnp.int32)
    for axis, spec in ((1, 'noh,nhwc->nowc'), (2, 'now,nhwc->nhoc')):
      n = x.shape[axis]
      stack = np.stack([_down_matrix(k, n, n // self.scale) for k in self.down])
      matrices = jnp.asarray(stack, jnp.float32)[index]
      x = jnp.einsum(spec, matrices, x, precision=jax.lax.Precision.HIGHEST)
    return jnp.clip(x, 0, 1)


def _down_matrix(kernel: str, n: int, m: int) -> np.ndarray:
  if kernel == 'bicubic':
    return resize.matrix(n, m, kernel='cubic')
  if kernel == 'bilinear':
    return resize.matrix(n, m, kernel='linear')
  if kernel == 'area':
    return resize.matrix(n, m, kernel='box')
  return bicubic_cv.matrix(n, m)
