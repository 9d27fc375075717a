"""Fidelity metrics against the specification's numbers and published pairs."""

import csv
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.evaluate import sets
from jsr.metrics import fidelity
from jsr.ops import bicubic_cv, resize
from tests.images import T


def pair() -> tuple[np.ndarray, np.ndarray]:
  """P16 of the specification, as (1, 16, 16, 1)."""
  a = T(16)
  i, j = np.mgrid[:16, :16]
  b = np.clip(a + (29 * i + 17 * j) % 21 - 10, 0, 255)
  assert b[0, :6].tolist() == [0, 66, 121, 176, 231, 30]
  return a[None, ..., None], b[None, ..., None]


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_worked_pair(dtype):
  with jax.enable_x64(dtype == 'float64'):
    x, y = (jnp.asarray(v, dtype) for v in pair())
    tolerance = 1e-6 if dtype == 'float64' else 1e-4
    assert float(fidelity.mse(x, y)[0]) == pytest.approx(35.457031, abs=1e-5)
    assert float(fidelity.rmse(x, y)[0]) == pytest.approx(5.954581, abs=1e-5)
    assert float(fidelity.psnr(x, y)[0]) == pytest.approx(32.633780, abs=1e-5)
    assert float(fidelity.ssim(x, y)[0]) == pytest.approx(0.996461, abs=tolerance)
    got = float(fidelity.ssim_global(x, y)[0])
    assert got == pytest.approx(0.99677294, abs=tolerance)


def test_constants():
  with jax.enable_x64(True):
    x, y = jnp.full((1, 16, 16, 1), 100.0), jnp.full((1, 16, 16, 1), 110.0)
    assert float(fidelity.ssim(x, y)[0]) == pytest.approx(0.995476444, abs=1e-9)


def test_equal_images_are_infinitely_good():
  x, _ = (jnp.asarray(v) for v in pair())
  assert np.isinf(fidelity.psnr(x, x)[0])
  assert float(fidelity.ssim(x, x)[0]) == pytest.approx(1, abs=1e-6)
  assert float(fidelity.ssim_global(x, x)[0]) == pytest.approx(1, abs=1e-6)


def test_psnr_of_a_known_error():
  assert fidelity.psnr_of(0.01, peak=1.0) == pytest.approx(20)
  assert fidelity.psnr_of(0.0) == math.inf
  # A network that gives no numbers is not a perfect one.
  assert math.isnan(fidelity.psnr_of(math.nan))


def test_examples_are_measured_apart():
  x, y = (jnp.asarray(v) for v in pair())
  for metric in (fidelity.psnr, fidelity.ssim, fidelity.ssim_global, fidelity.rmse):
    both = jax.jit(metric)(jnp.concatenate([x, x]), jnp.concatenate([y, x + 1]))
    np.testing.assert_allclose(both[0], metric(x, y)[0], rtol=1e-5)
    np.testing.assert_allclose(both[1], metric(x, x + 1)[0], rtol=1e-5)


def test_too_small_for_the_window():
  with pytest.raises(ValueError, match='smaller than the 11 x 11'):
    fidelity.ssim(jnp.zeros((1, 10, 20, 1)), jnp.zeros((1, 10, 20, 1)))


def test_prepare():
  rgb = jnp.asarray(np.random.default_rng(0).integers(0, 256, (1, 12, 14, 3)) * 1.0)
  assert fidelity.prepare(rgb, plane='rgb', crop=2).shape == (1, 8, 10, 3)
  y = fidelity.prepare(rgb, plane='y', crop=2)
  assert y.shape == (1, 8, 10, 1)
  want = 16 + (rgb[0, 2, 2] * jnp.asarray([65.481, 128.553, 24.966])).sum() / 255
  assert float(y[0, 0, 0, 0]) == pytest.approx(float(want), abs=1e-3)
  grey = rgb[..., :1]
  np.testing.assert_array_equal(fidelity.prepare(grey, plane='y', crop=0), grey)
  with pytest.raises(ValueError, match='leaves nothing'):
    fidelity.prepare(rgb, plane='y', crop=6)


def test_published_pairs(shared):
  """PSNR and SSIM of TID2013 pairs by the authors' implementations."""
  folder = shared / 'data' / 'iqa'
  with (folder / 'reference_values.csv').open() as file:
    rows = [r for r in csv.DictReader(file) if r['metric'] in ('psnr', 'ssim')]
  checked = 0
  for row in rows:
    x, y = (sets.read(folder / row[k]).astype(float) for k in ('file_ref', 'file_dist'))
    if x.shape[-1] != 3:
      continue  # goldhill's value is of a down-sampled picture, another metric.
    with jax.enable_x64(True):
      if row['metric'] == 'ssim':
        weights = np.array([0.298936021293776, 0.587043074451121, 0.114020904255103])
        x, y = (np.floor(v @ weights + 0.5)[..., None] for v in (x, y))
        got = fidelity.ssim(jnp.asarray(x[None]), jnp.asarray(y[None]))
        tolerance = 1e-4
      else:
        got = fidelity.psnr(jnp.asarray(x[None]), jnp.asarray(y[None]))
        tolerance = 1e-2
      assert float(got[0]) == pytest.approx(float(row['value']), abs=tolerance), row
    checked += 1
  assert checked == 10


@pytest.mark.parametrize(
  ('name', 'want', 'printed'),
  [('Set5', 0.0030538, '.0031'), ('Set14', 0.0039549, '.0040')],
)
def test_rmse_of_report_001(shared, name, want, printed):
  """Its bicubic rows at x4; the mean over bands would round to .0030 and .0039."""
  metric, found = jax.jit(fidelity.rmse_4095), []
  with jax.enable_x64(True):
    for path in sorted((shared / 'data' / name / 'HR').glob('*.png')):
      hr = resize.modcrop(sets.read(path), 4).astype(float)
      lr = sets.read(shared / 'data' / name / 'LR_x4' / path.name)
      sr = np.asarray(bicubic_cv.resize_uint8(lr, hr.shape[:2]), float)
      found.append(float(metric(sr[None], hr[None])[0]))
  assert np.mean(found) == pytest.approx(want, abs=1e-7)
  assert f'{np.mean(found):.4f}'[1:] == printed
