"""Each form of SSIM against published values or a twin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.evaluate import protocol, sets
from jsr.metrics import fidelity, structural
from jsr.ops import resize
from tests.conftest import jit_to_run
from tests.metrics.pairs import batch, grey, rows, sines


def noisy(shape):
  rng = np.random.default_rng(0)
  x = rng.integers(0, 256, shape).astype(float)
  return x, np.clip(x + rng.normal(0, 20, shape), 0, 255)


def test_ssim_with_automatic_downsampling(shared):
  with jax.enable_x64(True):
    ((_, x, y, want),) = [r for r in rows(shared, 'ssim') if r[3] == 0.8202]
    got = float(jit_to_run(structural.ssim_downsampled)(batch(x), batch(y))[0])
    plain = float(jit_to_run(fidelity.ssim)(batch(x), batch(y))[0])
  assert got == pytest.approx(want, abs=5e-5)
  assert plain == pytest.approx(0.6824, abs=5e-5)


@pytest.mark.parametrize('factor', [1, 2, 3])
def test_shrink_takes_means_and_mirrors(factor):
  x = np.arange(35.0).reshape(5, 7)
  got = np.asarray(structural.shrink(jnp.asarray(x[None, ..., None]), factor))
  before = (factor - 1) // 2
  padded = np.pad(x, (before, factor - 1 - before), mode='symmetric')
  want = [
    [padded[i : i + factor, j : j + factor].mean() for j in range(0, 7, factor)]
    for i in range(0, 5, factor)
  ]
  np.testing.assert_allclose(got[0, ..., 0], want, rtol=1e-6)


def test_ms_ssim_worked_pair():
  x, y = sines(192)
  with jax.enable_x64(True):
    got = float(jax.jit(structural.ms_ssim)(batch(x), batch(y))[0])
    maps = [np.asarray(v) for v in fidelity.ssim_maps(batch(x), batch(y))]
  assert got == pytest.approx(0.997369, abs=1e-6)
  assert (maps[0] * maps[1]).mean() == pytest.approx(0.969386, abs=1e-6)
  assert maps[1].mean() == pytest.approx(0.969388, abs=1e-6)


def test_ms_ssim_published_pairs(shared):
  """The list was made with the authors' other method, the weighted mean."""
  metric = jit_to_run(lambda x, y: structural.ms_ssim(x, y, pooling='sum'))
  with jax.enable_x64(True):
    errors = [
      abs(float(metric(batch(grey(x)), batch(grey(y)))[0]) - want)
      for _, x, y, want in rows(shared, 'ms_ssim')
    ]
  assert len(errors) == 5
  assert max(errors) <= 5e-5, errors


def test_ms_ssim_edges():
  x, _ = noisy((1, 176, 176, 1))
  got = jax.jit(structural.ms_ssim)(x.astype('f'), 255 - x.astype('f'))
  np.testing.assert_array_equal(got, 0)  # Negative structure, no complex number.
  with pytest.raises(ValueError, match='smaller than the 176'):
    structural.ms_ssim(jnp.zeros((1, 175, 200, 1)), jnp.zeros((1, 175, 200, 1)))


@pytest.mark.parametrize('channels', [1, 3])
def test_matlab3d_is_a_convolution_of_the_volume(channels):
  torch = pytest.importorskip('torch')
  x, y = noisy((13, 16, channels))
  taps = torch.exp(-((torch.arange(11.0, dtype=torch.float64) - 5) ** 2) / 4.5)
  taps = taps / taps.sum()
  window = torch.einsum('i,j,k->ijk', taps, taps, taps)

  def mean(v):
    v = torch.nn.functional.pad(v[None, None], (5,) * 6, mode='replicate')
    return torch.nn.functional.conv3d(v, window[None, None])[0, 0]

  a, b = torch.tensor(x), torch.tensor(y)
  mu_a, mu_b = mean(a), mean(b)
  var_a, var_b = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2
  cov = mean(a * b) - mu_a * mu_b
  top = (2 * mu_a * mu_b + 6.5025) * (2 * cov + 58.5225)
  bottom = (mu_a**2 + mu_b**2 + 6.5025) * (var_a + var_b + 58.5225)
  want = float((top / bottom).mean())
  with jax.enable_x64(True):
    got = float(jax.jit(structural.ssim_matlab3d)(batch(x), batch(y))[0])
    flat = float(jax.jit(fidelity.ssim)(batch(x), batch(y))[0])
  assert got == pytest.approx(want, abs=1e-12)
  assert abs(got - flat) > 1e-3


def test_daala_taps():
  # sigma 1.5: 256 g(k) = 68.08, 54.5, 28.0, 9.2, 1.9, 0.26.
  want = [2, 9, 28, 55, 68, 55, 28, 9, 2]
  taps = structural.daala_taps(1.5, 256)
  np.testing.assert_array_equal(taps, want)
  assert taps.sum() == 256
  np.testing.assert_array_equal(structural.daala_taps(1.5, 3), [28, 55, 90, 55, 28])
  np.testing.assert_array_equal(structural.daala_taps(300, 3), [256])


def test_daala_by_the_definition():
  """Window by window, with integer sums and the weight of what lies inside."""
  x, y = (np.floor(v + 0.5) for v in noisy((180, 12)))
  taps = structural.daala_taps(1.5 * 180 / 256, 12)
  radius = len(taps) // 2
  assert radius == 3
  total = weights = 0.0
  for i in range(180):
    for j in range(12):
      rows_ = np.arange(max(i - radius, 0), min(i + radius + 1, 180))
      columns = np.arange(max(j - radius, 0), min(j + radius + 1, 12))
      w = np.outer(taps[rows_ - i + radius], taps[columns - j + radius])
      a, b = x[np.ix_(rows_, columns)], y[np.ix_(rows_, columns)]
      held = w.sum()
      p, q = (w * a).sum() / held, (w * b).sum() / held
      aa, bb, ab = ((w * v).sum() / held for v in (a * a, b * b, a * b))
      value = (2 * p * q + 6.5025) * (2 * (ab - p * q) + 58.5225)
      value /= (p * p + q * q + 6.5025) * (aa - p * p + bb - q * q + 58.5225)
      total, weights = total + held * value, weights + held
  with jax.enable_x64(True):
    got = float(structural.ssim_daala(batch(x), batch(y))[0])
  assert got == pytest.approx(total / weights, abs=1e-12)


# The tool reads video, so the grey picture of Set14 counts by its studio luma; as a
# grey picture it would give .7481.
@pytest.mark.parametrize(('name', 'want'), [('Set5', 0.82009), ('Set14', 0.74904)])
def test_daala_of_bicubic(shared, name, want):
  """The SRGAN paper prints .8211 and .7486, for its own input files; Wang's SSIM of
  these pictures is .8101 and .7041."""
  metric, found = jit_to_run(structural.ssim_daala), []
  with jax.enable_x64(True):
    for path in sorted((shared / 'data' / name / 'HR').glob('*.png')):
      hr = np.asarray(resize.modcrop(sets.read(path), 4))
      lr = sets.read(shared / 'data' / name / 'LR_x4' / path.name)
      # Uint8 with rounding between the passes, in NumPy: no compilation per size.
      sr = lr.astype(float)
      a, b = (resize.matrix(n, 4 * n) for n in lr.shape[:2])
      for spec, m in (('oh,hwc->owc', a), ('ow,hwc->hoc', b)):
        sr = np.clip(np.floor(np.einsum(spec, m, sr, optimize=True) + 0.5), 0, 255)
      hr, sr = (np.repeat(v, 3, -1) if v.shape[-1] == 1 else v for v in (hr, sr))
      x, y = (batch(protocol.luma_uint8(v)[4:-4, 4:-4]) for v in (sr, hr))
      found.append(float(metric(x, y)[0]))
  assert np.mean(found) == pytest.approx(want, abs=1e-5)
