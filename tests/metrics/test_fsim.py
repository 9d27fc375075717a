"""FSIM against the authors' values and the specification's numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.evaluate import sets
from jsr.metrics import fsim, fsim_bandwise
from jsr.ops import bicubic_cv, resize
from tests.metrics.pairs import batch, rows, sines


def pair():
  """S(64) and D(64) of the specification."""
  s, _ = sines(64)
  s = np.floor(s + 0.5)
  i, j = np.mgrid[:64, :64]
  d = np.clip(s + 8 * np.sin(2 * np.pi * (i + j) / 5), 0, 255)
  return s, np.floor(d + 0.5)


def test_worked_maps():
  s, _ = pair()
  with jax.enable_x64(True):
    maps = jax.jit(
      lambda v: (
        fsim.phase_congruency(v),
        fsim.scharr(v),
        fsim_bandwise.phase_congruency(v),
      )
    )
    pc, gradient, other = (np.asarray(m)[0] for m in maps(s[None]))
  got = [pc[0, 0], pc[10, 20], pc[32, 32], pc.mean()]
  np.testing.assert_allclose(got, [0.603304, 0.717490, 0.786402, 0.672561], atol=1e-6)
  got = [gradient[0, 0], gradient[10, 20], gradient[32, 32]]
  np.testing.assert_allclose(got, [206.990074, 40.311288, 34.928483], rtol=1e-6)
  assert other[10, 20] == pytest.approx(1.334407, abs=1e-6)


def test_worked_pairs():
  s, d = pair()
  metric, both = jax.jit(fsim.fsim), jax.jit(lambda x, y: fsim._compare(x, y))
  with jax.enable_x64(True):
    soft = resize.quantise(resize.resize(resize.resize(batch(s), 0.5), 2))
    assert float(metric(batch(s), batch(d))[0]) == pytest.approx(0.962615, abs=1e-6)
    assert float(metric(batch(s), soft)[0]) == pytest.approx(0.999479, abs=1e-6)
    x = batch(np.stack([s, np.roll(s, 5, 0), np.roll(s, 7, 1)], -1))
    y = batch(np.stack([d, np.roll(s, 5, 0), np.roll(d, 7, 1)], -1))
    grey, colour = both(x, y)
    assert float(grey[0]) == pytest.approx(0.996293, abs=1e-6)
    assert float(colour[0]) == pytest.approx(0.994720, abs=1e-6)
    got = float(jax.jit(fsim_bandwise.fsim_report001)(batch(s), batch(d))[0])
    assert got == pytest.approx(0.763675, abs=1e-6)


def test_single_precision_keeps_four_digits():
  s, d = (np.float32(v)[None, ..., None] for v in pair())
  for metric, want in (
    (fsim.fsim, 0.962615),
    (fsim_bandwise.fsim_report001, 0.763675),
  ):
    got = jax.jit(metric)(s, d)
    assert got.dtype == jnp.float32
    assert float(got[0]) == pytest.approx(want, abs=1e-4)


def test_published_pairs(shared):
  """FSIM and FSIMc of eight pairs, by the authors' program."""
  both = jax.jit(lambda x, y: (fsim.fsim(x, y)[0], fsim.fsimc(x, y)[0]))
  errors = {}
  with jax.enable_x64(True):
    for name, x, y, want in [*rows(shared, 'fsim'), *rows(shared, 'fsimc')]:
      grey, colour = map(float, both(batch(x), batch(y)))
      # The list of five pairs calls FSIMc by the name of FSIM.
      four_digits = name.endswith('_dist.png')
      got = colour if four_digits or want == 0.92587 else grey
      errors[name, want] = abs(got - want) / (5e-5 if four_digits else 5e-6)
  assert len(errors) == 8
  # Every printed digit: at most half a unit of the last.
  assert max(errors.values()) <= 1, errors


@pytest.mark.parametrize(
  ('name', 'want'), [('bird', 0.714491), ('butterfly', 0.624070)]
)
def test_report_001_on_bicubic(shared, name, want):
  """Two of the five pictures whose mean, .6601, the report prints."""
  hr = sets.read(shared / 'data' / 'Set5' / 'HR' / f'{name}.png').astype(float)
  lr = sets.read(shared / 'data' / 'Set5' / 'LR_x4' / f'{name}.png')
  sr = np.asarray(bicubic_cv.resize_uint8(lr, hr.shape[:2]), float)
  with jax.enable_x64(True):
    got = jax.jit(fsim_bandwise.fsim_report001)(batch(sr), batch(hr))
  assert float(got[0]) == pytest.approx(want, abs=2e-6)


@pytest.mark.parametrize('size', [(21, 34), (20, 33)])
def test_the_average_has_zeros_outside(size):
  image = np.random.default_rng(0).random((1, *size, 3)) * 255
  with jax.enable_x64(True):
    for factor in (2, 3, 4):
      got = np.asarray(fsim._shrink(jnp.asarray(image), factor))
      assert got.shape == (1, -(-size[0] // factor), -(-size[1] // factor), 3)
      # Output k holds k F + floor(F / 2) - F + 1 and the F - 1 after it.
      start = factor // 2 - factor + 1
      corner = image[0, : start + factor, : start + factor].sum((0, 1)) / factor**2
      np.testing.assert_allclose(got[0, 0, 0], corner)


METRICS = (fsim.fsim, fsim.fsimc, fsim_bandwise.fsim_report001)


@pytest.mark.parametrize('metric', METRICS)
def test_odd_sizes_batches_and_flat_pictures(metric):
  rng = np.random.default_rng(1)
  x = rng.random((4, 21, 24, 3), 'f') * 255
  y = np.clip(x + rng.normal(0, 40, x.shape), 0, 255).astype('f')
  y[0], x[1:3], y[1:3] = x[0], np.array([100, 0]).reshape(2, 1, 1, 1), 100
  x[2] = y[2] = 0
  measure = jax.jit(metric)
  got = np.asarray(measure(x, y))
  # Equal, flat, black: no difference. The last one is measured by itself.
  np.testing.assert_allclose(got[:3], 1, atol=1e-5)
  assert 0.3 < got[3] < 0.99
  again = np.asarray(measure(x[::-1], y[::-1]))
  np.testing.assert_allclose(again[::-1], got, rtol=1e-5)


def test_the_factor_rounds_half_up():
  """640 pixels are 2.5 times 256: three by Zhang's program, two by Python's round."""
  x = np.zeros((1, 640, 700, 1), 'f')
  seen = jax.make_jaxpr(fsim.fsim)(x, x)
  assert '214,234' in str(seen)
