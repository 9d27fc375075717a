"""Anime4K of 2019: an enlarged drawing, its lines pushed thin and its edges sharp.

No network: two passes of comparisons between the eight neighbours of each pixel. Report
004 uses it as the fast baseline. Three programs go by the name, and they differ:

- 'glsl09': the shaders of version 0.9, in floats.
- 'rc10': the shaders of version 1.0RC: the second pass only where there is a line, and
  an anti-aliasing pass along edges.
- 'java09': the Java program of version 0.9, in integers. Its tests are negated, its
  gradient is (|gx| + |gy|) / 2, and strengths above 1 mean more passes.

Neighbours are called by their compass points; edges are replicated; each pass reads the
old image only. Luminance is (2 R + 3 G + B) / 6. PSNR is low by design: edges move.
The passes, `glsl09`, `rc10` and `java09`, take images that were enlarged already.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jsr import errors
from jsr.ops import fusion, resize
from jsr.types import Array

VARIANTS = ('glsl09', 'rc10', 'java09')
Around = dict[str, Array]
_PLACES = {
  **{'nw': (0, 0), 'n': (0, 1), 'ne': (0, 2)},
  **{'w': (1, 0), 'c': (1, 1), 'e': (1, 2)},
  **{'sw': (2, 0), 's': (2, 1), 'se': (2, 2)},
}
# Light triple and dark set of each test; the centre belongs to the dark set. Of two
# neighbouring rows the second counts only where the first fails.
_SHADER_TESTS = (
  (('nw', 'n', 'ne'), ('sw', 's', 'se')),
  (('sw', 's', 'se'), ('nw', 'n', 'ne')),
  (('e', 'n', 'ne'), ('w', 's')),
  (('sw', 'w', 's'), ('e', 'n')),
  (('e', 'se', 'ne'), ('w', 'nw', 'sw')),
  (('w', 'nw', 'sw'), ('e', 'se', 'ne')),
  (('e', 'se', 's'), ('w', 'n')),
  (('n', 'w', 'nw'), ('e', 's')),
)
# Dark triple and light set; the centre belongs to the light set.
_JAVA_TESTS = (
  (('nw', 'n', 'ne'), ('sw', 's', 'se')),
  (('n', 'ne', 'e'), ('w', 's')),
  (('ne', 'e', 'se'), ('nw', 'w', 'sw')),
  (('e', 'se', 's'), ('n', 'w')),
  (('sw', 's', 'se'), ('nw', 'n', 'ne')),
  (('w', 'sw', 's'), ('n', 'e')),
  (('nw', 'w', 'sw'), ('ne', 'e', 'se')),
  (('nw', 'w', 'n'), ('s', 'e')),
)
# The seven taps of the line detector's Gaussian.
_LINE = (0.121597, 0.142046, 0.155931, 0.160854, 0.155931, 0.142046, 0.121597)


class Generator(nn.Module):
  """MATLAB's bicubic enlargement, then Anime4K; it has no parameters.

  Attributes:
    scale: Any integer from 1; the strengths follow it.
    variant: One of `VARIANTS`.
    iterations: How often the passes are repeated; 1 as published.
    signed_byte_quirk: Of java09: read bright luminances as negative, as the program
      does. Better without.
    dtype: Ignored: the computation is float32, of java09 integer.

  Raises:
    UserError: No such variant, or no iterations.
  """

  color: ClassVar[str] = 'rgb'
  scale: int = 4
  variant: str = 'glsl09'
  iterations: int = 1
  signed_byte_quirk: bool = False
  dtype: object = None

  @nn.compact
  def __call__(self, lr: Array, *, train: bool = False) -> Array:
    if self.variant not in VARIANTS:
      raise errors.unknown('variant of anime4k', self.variant, VARIANTS)
    if self.iterations < 1:
      raise errors.UserError(
        f'iterations={self.iterations} of anime4k must be at least 1'
      )
    # The shaders and the program read an image, which has no overshoot.
    x = jnp.clip(resize.enlarge(lr.astype(jnp.float32), self.scale), 0, 1)
    if self.variant == 'java09':
      levels = resize.quantise(x * 255).astype(jnp.int32)
      for _ in range(self.iterations):
        levels = java09(levels, self.scale, signed_byte_quirk=self.signed_byte_quirk)
      return levels.astype(jnp.float32) / 255
    for _ in range(self.iterations):
      x = (glsl09 if self.variant == 'glsl09' else rc10)(x, self.scale)
    return x


def luminance(x: Array) -> Array:
  """Returns (2 R + 3 G + B) / 6 of (N, H, W, 3), (N, H, W, 1); integers are floored."""
  total = 2 * x[..., 0:1] + 3 * x[..., 1:2] + x[..., 2:3]
  return total / 6 if jnp.issubdtype(x.dtype, jnp.floating) else jax.lax.div(total, 6)


def _around(x: Array) -> Around:
  """Returns the nine shifted images, by compass point; 'c' is x."""
  h, w = x.shape[1:3]
  p = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='edge')
  return {k: p[:, i : i + h, j : j + w] for k, (i, j) in _PLACES.items()}


def _least(v: Around, names: tuple[str, ...]) -> Array:
  result = v[names[0]]
  for name in names[1:]:
    result = jnp.minimum(result, v[name])
  return result


def _most(v: Around, names: tuple[str, ...]) -> Array:
  result = v[names[0]]
  for name in names[1:]:
    result = jnp.maximum(result, v[name])
  return result


def _sobel(v: Around) -> tuple[Array, Array]:
  gx = v['ne'] - v['nw'] + 2 * (v['e'] - v['w']) + v['se'] - v['sw']
  gy = v['sw'] - v['nw'] + 2 * (v['s'] - v['n']) + v['se'] - v['ne']
  return gx, gy


def _light_tests(v: Around) -> list[tuple[Array, tuple[str, ...]]]:
  """Returns (where it passes, light triple) of the shaders' tests, in order."""
  passed: list[Array] = []
  for i, (light, dark) in enumerate(_SHADER_TESTS):
    here = _least(v, light) > _most(v, (*dark, 'c'))
    passed.append(here & ~passed[-1] if i % 2 else here)
  return list(zip(passed, (light for light, _ in _SHADER_TESTS), strict=True))


def _mean(v: Around, names: tuple[str, ...]) -> Array:
  return (v[names[0]] + v[names[1]] + v[names[2]]) / 3


def thin(x: Array, strength: float) -> Array:
  """Pushes lighter neighbours over lines: the shaders' first pass, 'push'.

  Args:
    x: (N, H, W, 3) in [0, 1].
    strength: 0 to 1.

  Returns:
    As x; no pixel is darker.
  """
  colors, lights = _around(x), _around(luminance(x))
  # Mixing is linear, so the lightest candidate is that with the lightest triple, and
  # colours need mixing only once.
  best, best_light = x, lights['c']
  for passed, light in _light_tests(lights):
    candidate_light = _mean(lights, light)
    better = passed & (candidate_light > best_light)
    best = jnp.where(better, _mean(colors, light), best)
    best_light = jnp.where(better, candidate_light, best_light)
  return x * (1 - strength) + best * strength


def flatness(light: Array) -> Array:
  """Returns 1 - clip(|Sobel gradient|, 0, 1) of a luminance (N, H, W, 1)."""
  gx, gy = _sobel(_around(light))
  # Only comparisons read it, so the root's missing derivative at 0 does no harm.
  return 1 - jnp.clip(jnp.sqrt(gx * gx + gy * gy), 0, 1)


def refine(x: Array, flat: Array, strength: Array | float) -> Array:
  """Takes over the flatter side of an edge: the shaders' second pass, 'push gradient'.

  Args:
    x: (N, H, W, 3).
    flat: (N, H, W, 1), see `flatness`.
    strength: 0 to 1; a number or (N, H, W, 1).

  Returns:
    As x.
  """
  colors, result = _around(x), x
  # The first test that passes decides: the last written wins, so backwards.
  for passed, light in reversed(_light_tests(_around(flat))):
    mixed = x * (1 - strength) + _mean(colors, light) * strength
    result = jnp.where(passed, mixed, result)
  return result


def glsl09(x: Array, scale: float) -> Array:
  """Runs the shaders of version 0.9.

  Args:
    x: (N, H, W, 3) in [0, 1], enlarged already.
    scale: By how much it was; the strengths are min(scale / 6, 1), min(scale / 2, 1).

  Returns:
    As x.
  """
  x = fusion.finished(thin(x, min(scale / 6, 1)))
  return refine(x, flatness(luminance(x)), min(scale / 2, 1))


def _blurred(x: Array) -> Array:
  """Applies the seven taps along x, then y, clipping after each."""
  h, w = x.shape[1:3]
  p = jnp.pad(x, ((0, 0), (0, 0), (3, 3), (0, 0)), mode='edge')
  taps = enumerate(_LINE)
  x = jnp.clip(sum((t * p[:, :, i : i + w] for i, t in taps), jnp.zeros_like(x)), 0, 1)
  p = jnp.pad(x, ((0, 0), (3, 3), (0, 0), (0, 0)), mode='edge')
  taps = enumerate(_LINE)
  return jnp.clip(sum((t * p[:, i : i + h] for i, t in taps), jnp.zeros_like(x)), 0, 1)


def line_probability(light: Array) -> tuple[Array, Array]:
  """Finds lines: pixels darker than their neighbourhood.

  Args:
    light: (N, H, W, 1) luminance in [0, 1].

  Returns:
    The probability, and the luminance clipped to [.001, .999], both (N, H, W, 1).
  """
  clipped = jnp.clip(light, 0.001, 0.999)
  wide = jnp.clip(_blurred(light), 0.001, 0.999)
  line = 1 - jnp.clip(jnp.minimum(clipped / wide, 1) - 0.05, 0, 1)
  return _blurred(line), clipped


def _above(probability: Array) -> Array:
  clipped = jnp.clip(probability, 0, 1)
  return jnp.where(clipped < 0.2, 0.0, clipped)


def rc10(x: Array, scale: float) -> Array:
  """Runs the shaders of version 1.0RC; arguments as `glsl09`."""
  if scale > 1:
    x = fusion.finished(thin(x, min(scale / 6, 1)))
  line, light = line_probability(luminance(x))
  strength = jnp.clip(min(scale, 1) * _above(8 * line), 0, 1)
  x = fusion.finished(refine(x, flatness(light), strength))
  amount = jnp.clip(min(scale, 1) * _above(4 * line), 0, 1)
  return x * (1 - amount) + _along_edges(x, light) * amount


def _along_edges(x: Array, light: Array) -> Array:
  """FXAA: averages along the edge that a luminance (of before the refining) shows."""
  v = _around(light)
  corners = ('nw', 'ne', 'sw', 'se')
  least, most = _least(v, ('c', *corners)), _most(v, ('c', *corners))
  dx = v['sw'] + v['se'] - v['nw'] - v['ne']
  dy = v['nw'] + v['sw'] - v['ne'] - v['se']
  total = v['nw'] + v['ne'] + v['sw'] + v['se']
  reduce = jnp.maximum(total / 32, 1 / 128)
  inverse = 1 / (jnp.minimum(jnp.abs(dx), jnp.abs(dy)) + reduce)
  dx, dy = jnp.clip(dx * inverse, -8, 8), jnp.clip(dy * inverse, -8, 8)
  near = (_sampled(x, dx, dy, -1 / 6) + _sampled(x, dx, dy, 1 / 6)) / 2
  far = near / 2 + (_sampled(x, dx, dy, -1 / 2) + _sampled(x, dx, dy, 1 / 2)) / 4
  far_light = luminance(far)
  return jnp.where((far_light < least) | (far_light > most), near, far)


def _sampled(x: Array, dx: Array, dy: Array, part: float) -> Array:
  """Samples bilinearly at each pixel's position + (dx, dy) part."""
  h, w = x.shape[1:3]
  column = np.arange(w, dtype=np.float32)[None, None, :, None] + dx * part
  row = np.arange(h, dtype=np.float32)[None, :, None, None] + dy * part
  left, top = jnp.floor(column), jnp.floor(row)
  right, below = column - left, row - top

  def at(i: Array, j: Array) -> Array:
    i = jnp.clip(i, 0, h - 1).astype(jnp.int32)[..., 0]
    j = jnp.clip(j, 0, w - 1).astype(jnp.int32)[..., 0]
    return jax.vmap(lambda image, i, j: image[i, j])(x, i, j)

  upper = at(top, left) * (1 - right) + at(top, left + 1) * right
  lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
  return upper * (1 - below) + lower * below


def _dark_tests(v: Around) -> list[tuple[Array, tuple[str, ...]]]:
  """Returns (where it passes, dark triple) of the Java program's tests, in order."""
  return [
    (_most(v, dark) < _least(v, (*light, 'c')), dark) for dark, light in _JAVA_TESTS
  ]


def _java_mix(own: Array, v: Around, names: tuple[str, ...], a: int) -> Array:
  """Mixes integers as the program does, towards zero."""
  mean = jax.lax.div(v[names[0]] + v[names[1]] + v[names[2]], 3)
  return jax.lax.div(own * (255 - a) + mean * a, 255)


def _signed(x: Array, quirk: bool) -> Array:
  return jnp.where(x >= 128, x - 256, x) if quirk else x


def java_push(
  x: Array, light: Array, a: int, *, signed_byte_quirk: bool = False
) -> tuple[Array, Array]:
  """Runs the Java program's first pass once.

  Args:
    x: (N, H, W, 3) int32, 0..255.
    light: (N, H, W, 1) int32, its luminance.
    a: Strength, 0..255.
    signed_byte_quirk: See `Generator`.

  Returns:
    The new image and its luminance.
  """
  colors, best = _around(x), x
  best_light = _signed(light, signed_byte_quirk)
  for hit, dark in _dark_tests(_around(light)):
    candidate = _java_mix(x, colors, dark, a)
    candidate_light = luminance(candidate)
    better = ~hit & (candidate_light > best_light)
    best = jnp.where(better, candidate, best)
    best_light = jnp.where(better, candidate_light, best_light)
  return best, jnp.clip(best_light, 0, 255)


def java_gradient(light: Array) -> Array:
  """Returns min(255, (|gx| + |gy|) / 2) of (N, H, W, 1) int32."""
  gx, gy = _sobel(_around(light))
  return jnp.minimum(255, jax.lax.div(jnp.abs(gx) + jnp.abs(gy), 2))


def java_refine(
  x: Array, gradient: Array, a: int, *, signed_byte_quirk: bool = False
) -> tuple[Array, Array]:
  """Runs the Java program's second pass once; arguments as `java_push`.

  Returns:
    The new image and gradient.
  """
  colors, gradients = _around(x), _around(gradient)
  own = _signed(gradient, signed_byte_quirk)
  image, new = x, gradient
  # The first test that passes decides: the last written wins, so backwards.
  for hit, dark in reversed(_dark_tests(gradients)):
    image = jnp.where(hit, _java_mix(x, colors, dark, a), image)
    mixed = jnp.clip(_java_mix(own, gradients, dark, a), 0, 255)
    new = jnp.where(hit, mixed, new)
  return image, new


def java_strengths(scale: float) -> tuple[int, int]:
  """Returns the two strengths, 255 a whole one; the product is a float32."""
  push, grad = np.float32(scale) / np.float32(6), np.float32(scale) / np.float32(2)
  return tuple(int(np.clip(v * np.float32(255), 0, 65535)) for v in (push, grad))  # type: ignore[return-value]


def java09(x: Array, scale: float, *, signed_byte_quirk: bool = False) -> Array:
  """Runs the Java program of version 0.9.

  Each pass has strength min(total, 255), and there are ceil(total / 255) of them; what
  is left of the total is not used. No gradient passes through the integers.

  Args:
    x: (N, H, W, 3) int32, 0..255, enlarged already.
    scale: By how much it was.
    signed_byte_quirk: See `Generator`.

  Returns:
    As x.
  """
  push, grad = java_strengths(scale)
  light = luminance(x)
  for _ in range(-(-push // 255)):
    x, light = java_push(x, light, min(push, 255), signed_byte_quirk=signed_byte_quirk)
  gradient = java_gradient(light)
  x = fusion.finished(x)
  for _ in range(-(-grad // 255)):
    x, gradient = java_refine(
      x, gradient, min(grad, 255), signed_byte_quirk=signed_byte_quirk
    )
  return x
