"""Anime4K: worked numbers of the three variants, and a twin in plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.models import anime4k
from tests import images

ROW, COLUMN = np.mgrid[:8, :8]
RED = np.clip(40 + 45 * np.abs(ROW + 2 * COLUMN - 11), 0, 230)
LINE8 = np.stack([RED, np.clip(RED + 10, 0, 255), np.clip(RED - 20, 0, 255)], -1)
T3 = images.rgb(16).astype(int)


def ints(image):
  return jnp.asarray(image, jnp.int32)[None]


def unit(image):
  return jnp.asarray(image, jnp.float32)[None] / 255


def java_stages(image, scale, quirk):
  push, _ = anime4k.java_strengths(scale)
  x = ints(image)
  pushed, light = anime4k.java_push(
    x, anime4k.luminance(x), min(push, 255), signed_byte_quirk=quirk
  )
  out = anime4k.java09(x, scale, signed_byte_quirk=quirk)
  return pushed[0], anime4k.java_gradient(light)[0, ..., 0], out[0]


def test_golden_java_strengths():
  assert [anime4k.java_strengths(s) for s in (2, 3, 4)] == [
    (85, 255),
    (127, 382),
    (170, 510),
  ]


def test_golden_java_on_a_line():
  pushed, gradient, out = java_stages(LINE8, 2, False)
  assert pushed[3, :, 0].tolist() == [230, 230, 223, 156, 70, 156, 223, 230]
  assert gradient[3].tolist() == [0, 45, 227, 255, 0, 255, 227, 45]
  assert out[3, :, 0].tolist() == [230, 230, 230, 156, 70, 156, 230, 230]
  assert (int(pushed.sum()), int(out.sum())) == (35984, 36563)


@pytest.mark.parametrize(
  ('scale', 'quirk', 'push', 'total', 'pixel'),
  [
    (2, False, 102116, 99845, [106, 124, 185]),
    (2, True, 100017, 97676, [118, 118, 166]),
    (4, False, 111155, 109754, [97, 135, 197]),
  ],
)
def test_golden_java(scale, quirk, push, total, pixel):
  pushed, gradient, out = java_stages(T3, scale, quirk)
  assert int(pushed.sum()) == push
  assert int(out.sum()) == total
  assert out[5, 7].tolist() == pixel
  if (scale, quirk) == (2, False):
    assert int(gradient[5, 7]) == 79


def test_golden_shaders_on_a_line():
  x = unit(LINE8)
  thin, out = anime4k.thin(x, 2 / 6), anime4k.glsl09(x, 2)
  np.testing.assert_allclose(thin[0, 3, 3], [0.612200, 0.651416, 0.533769], atol=1e-6)
  np.testing.assert_allclose(out[0, 3, 2], [0.901961, 0.941176, 0.823529], atol=1e-6)
  assert np.asarray(thin).sum(dtype='d') == pytest.approx(139.235294, abs=1e-4)
  assert np.asarray(out).sum(dtype='d') == pytest.approx(139.117647, abs=1e-4)
  flat = anime4k.flatness(anime4k.luminance(thin))[0, 3, :, 0]
  np.testing.assert_allclose(flat, [1, 0.750756, 0, 0, 1, 0, 0, 0.750756], atol=1e-6)


def test_golden_release_candidate_on_a_line():
  x = unit(LINE8)
  line, _ = anime4k.line_probability(anime4k.luminance(anime4k.thin(x, 2 / 6)))
  assert float(line[0, 3, 3, 0]) == pytest.approx(0.179591, abs=1e-6)
  out = jax.jit(anime4k.rc10, static_argnums=1)(x, 2)
  np.testing.assert_allclose(out[0, 3, 2], [0.868572, 0.907788, 0.790141], atol=2e-6)
  np.testing.assert_allclose(out[0, 3, 3], [0.594570, 0.633786, 0.516139], atol=2e-6)
  assert float(out.sum()) == pytest.approx(139.017101, abs=1e-4)


def test_golden_shaders_on_a_texture():
  """One pixel, not the sum: the texture is full of equal luminances, and which of them
  a strict comparison calls larger is a matter of the last bit."""
  out = jax.jit(anime4k.glsl09, static_argnums=1)(unit(T3), 2)
  np.testing.assert_allclose(out[0, 5, 7], [0.449673, 0.448366, 0.679739], atol=1e-6)
  out = jax.jit(anime4k.rc10, static_argnums=1)(unit(T3), 2)
  np.testing.assert_allclose(out[0, 5, 7], [0.458282, 0.454030, 0.612368], atol=3e-5)


SHADER = [  # Light triple, dark set: row and column offsets, the centre apart.
  ('NW N NE', 'SW S SE'),
  ('E N NE', 'W S'),
  ('E SE NE', 'W NW SW'),
  ('E SE S', 'W N'),
]
MIRRORED = [
  ('SW S SE', 'NW N NE'),
  ('SW W S', 'E N'),
  ('W NW SW', 'E SE NE'),
  ('N W NW', 'E S'),
]
OFFSET = {'N': (-1, 0), 'S': (1, 0), 'E': (0, 1), 'W': (0, -1)}
OFFSET |= {a + b: (OFFSET[a][0], OFFSET[b][1]) for a in 'NS' for b in 'EW'}


def lum(x):
  return (2 * x[..., 0] + 3 * x[..., 1] + x[..., 2]) / 6


def neighbour(x, i, j, name):
  di, dj = OFFSET[name]
  return x[min(max(i + di, 0), len(x) - 1), min(max(j + dj, 0), x.shape[1] - 1)]


def passing(aux, i, j):
  """Light triples of the tests that pass, at most one a pair."""
  for pair in zip(SHADER, MIRRORED, strict=True):
    for light, dark in pair:
      darkest = max([aux[i, j], *(neighbour(aux, i, j, n) for n in dark.split())])
      if min(neighbour(aux, i, j, n) for n in light.split()) > darkest:
        yield light.split()
        break


def loop_thin(x, strength):
  aux, out = lum(x), x.copy()
  for i, j in np.ndindex(aux.shape):
    for light in passing(aux, i, j):
      mean = sum(neighbour(x, i, j, n) for n in light) / 3
      candidate = x[i, j] * (1 - strength) + mean * strength
      if lum(candidate) > lum(out[i, j]):
        out[i, j] = candidate
  return out


def loop_flatness(aux):
  out = np.zeros(aux.shape)
  for i, j in np.ndindex(aux.shape):
    v = {n: neighbour(aux, i, j, n) for n in OFFSET}
    # In the order of the worked sums, where the last bit decides between equals.
    gx = -v['NW'] + v['NE'] - 2 * v['W'] + 2 * v['E'] - v['SW'] + v['SE']
    gy = -v['NW'] - 2 * v['N'] - v['NE'] + v['SW'] + 2 * v['S'] + v['SE']
    out[i, j] = 1 - min(np.sqrt(gx * gx + gy * gy), 1)
  return out


def loop_refine(x, aux, strength):
  out = x.copy()
  for i, j in np.ndindex(aux.shape):
    for light in passing(aux, i, j):
      mean = sum(neighbour(x, i, j, n) for n in light) / 3
      s = strength[i, j] if np.ndim(strength) else strength
      out[i, j] = x[i, j] * (1 - s) + mean * s
      break
  return out


def loop_glsl(x, scale):
  x = loop_thin(x, min(scale / 6, 1))
  return loop_refine(x, loop_flatness(lum(x)), min(scale / 2, 1))


def loop_rc(x, scale):
  def blur(v):
    taps = [0.121597, 0.142046, 0.155931, 0.160854, 0.155931, 0.142046, 0.121597]
    for axis in (1, 0):
      padded = np.pad(v, [(3 * (a == axis),) * 2 for a in (0, 1)], mode='edge')
      rows = np.moveaxis(padded, axis, 0)
      v = sum(t * rows[k : k + v.shape[axis]] for k, t in enumerate(taps))
      v = np.clip(np.moveaxis(v, 0, axis), 0, 1)
    return v

  def cut(v):
    v = np.clip(v, 0, 1)
    return np.where(v < 0.2, 0, v)

  if scale > 1:
    x = loop_thin(x, min(scale / 6, 1))
  light = np.clip(lum(x), 0.001, 0.999)
  wide = np.clip(blur(lum(x)), 0.001, 0.999)
  line = blur(1 - np.clip(np.minimum(light / wide, 1) - 0.05, 0, 1))
  x = loop_refine(x, loop_flatness(light), min(scale, 1) * cut(8 * line))
  out = x.copy()
  h, w = light.shape

  def sample(row, column):
    top, left = int(np.floor(row)), int(np.floor(column))
    total = 0
    for i, wi in ((top, top + 1 - row), (top + 1, row - top)):
      for j, wj in ((left, left + 1 - column), (left + 1, column - left)):
        total = total + wi * wj * x[min(max(i, 0), h - 1), min(max(j, 0), w - 1)]
    return total

  for i, j in np.ndindex(h, w):
    tl, tr, bl, br = (neighbour(light, i, j, n) for n in ('NW', 'NE', 'SW', 'SE'))
    dx, dy = bl + br - tl - tr, tl + bl - tr - br
    small = min(abs(dx), abs(dy)) + max((tl + tr + bl + br) / 32, 1 / 128)
    dx, dy = (np.clip(d / small, -8, 8) for d in (dx, dy))
    near = (sample(i - dy / 6, j - dx / 6) + sample(i + dy / 6, j + dx / 6)) / 2
    far = near / 2
    far = far + (sample(i - dy / 2, j - dx / 2) + sample(i + dy / 2, j + dx / 2)) / 4
    five = (light[i, j], tl, tr, bl, br)
    chosen = far if min(five) <= lum(far) <= max(five) else near
    amount = min(scale, 1) * cut(4 * line[i, j])
    out[i, j] = x[i, j] * (1 - amount) + chosen * amount
  return out


@pytest.mark.parametrize('shape', [(13, 11), (2, 5)])
@pytest.mark.parametrize(
  ('passes', 'loop'), [(anime4k.glsl09, loop_glsl), (anime4k.rc10, loop_rc)]
)
def test_loops_agree_at_odd_sizes(passes, loop, shape):
  """Two images, so that the batch is not mixed up; noise, so that nothing ties."""
  x = np.random.default_rng(0).random((2, *shape, 3))
  for scale in (2, 4):
    got = jax.jit(passes, static_argnums=1)(jnp.asarray(x, jnp.float32), scale)
    for i in range(2):
      want = loop(x[i], scale)
      # Where two float32 numbers are nearer than their rounding, the pixel may differ.
      error = np.abs(got[i] - want).max(-1)
      assert (error > 2e-5).sum() <= 1
      assert np.abs(want - x[i]).max() > 0.1


def test_loops_hit_the_worked_sums():
  """In float64, so the twin itself is held to the specification."""
  assert loop_thin(LINE8 / 255, 1 / 3).sum() == pytest.approx(139.235294, abs=1e-6)
  assert loop_glsl(LINE8 / 255, 2).sum() == pytest.approx(139.117647, abs=1e-6)
  assert loop_rc(LINE8 / 255, 2).sum() == pytest.approx(139.017101, abs=1e-6)
  assert loop_thin(T3 / 255, 1 / 3).sum() == pytest.approx(375.989107, abs=1e-6)
  assert loop_glsl(T3 / 255, 2).sum() == pytest.approx(356.808134, abs=1e-6)
  assert loop_rc(T3 / 255, 2).sum() == pytest.approx(358.924840, abs=2e-4)


def test_generator_enlarges_then_pushes():
  lr = jax.random.uniform(jax.random.key(0), (1, 7, 9, 3))
  large = jnp.clip(models.build('bicubic', scale=2).apply({}, lr), 0, 1)
  got = models.build('anime4k', scale=2).apply({}, lr)
  np.testing.assert_array_equal(got, anime4k.glsl09(large, 2))
  twice = models.build('anime4k', scale=2, iterations=2).apply({}, lr)
  np.testing.assert_array_equal(twice, anime4k.glsl09(got, 2))
  java = models.build('anime4k', scale=2, variant='java09').apply({}, lr)
  levels = jnp.floor(large * 255 + 0.5).astype(jnp.int32)
  np.testing.assert_allclose(java * 255, anime4k.java09(levels, 2), atol=1e-4)
  outputs = [
    got,
    java,
    models.build('anime4k', scale=2, variant='rc10').apply({}, lr),
    models.build('anime4k', scale=2, variant='java09', signed_byte_quirk=True).apply(
      {}, lr
    ),
  ]
  for i, x in enumerate(outputs):
    assert x.shape == (1, 14, 18, 3)
    assert all(float(jnp.abs(x - y).max()) > 0.01 for y in outputs[:i])


@pytest.mark.parametrize('variant', ['glsl09', 'rc10'])
def test_flat_areas_stay_and_have_finite_gradients(variant):
  model = models.build('anime4k', scale=2, variant=variant)
  flat = jnp.full((1, 6, 6, 3), 0.3)
  np.testing.assert_allclose(jax.jit(model.apply)({}, flat), 0.3, atol=1e-6)
  loss = jax.jit(jax.grad(lambda x: jnp.square(model.apply({}, x)).sum()))
  gradient = loss(flat)
  assert bool(jnp.isfinite(gradient).all())
  assert float(jnp.abs(gradient).max()) > 0


def test_mistakes():
  lr = jnp.zeros((1, 4, 4, 3))
  with pytest.raises(UserError, match="did you mean 'glsl09'"):
    models.build('anime4k', variant='glsl9').apply({}, lr)
  with pytest.raises(UserError, match='iterations=0'):
    models.build('anime4k', iterations=0).apply({}, lr)
