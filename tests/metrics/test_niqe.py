"""NIQE against published scores and the specification's numbers."""

import numpy as np
import pytest

from jsr.evaluate import protocol, sets
from jsr.metrics import niqe
from jsr.weights import niqe as weights
from tests.metrics.pairs import grey, rows, sines


@pytest.fixture(scope='module')
def model(shared):
  return weights.load(shared / 'weights' / 'niqe' / 'niqe_pris_params.npz')


def textured():
  """t of the specification."""
  i, j = np.mgrid[:192, :192]
  return sines(192)[0] + ((37 * i + 59 * j + 11 * i * j) % 64) / 2


def test_worked_numbers():
  plane = niqe.normalise(textured())
  assert plane[0, 0] == pytest.approx(-0.964568, abs=1e-6)
  assert plane[10, 20] == pytest.approx(0.021578, abs=1e-6)
  found = niqe.features(textured())
  assert found.shape == (4, 36)
  want = [2.231, 0.689474, 0.727, 0.054261, 0.065744, 0.095707]
  np.testing.assert_allclose(found[0, :6], want, atol=1e-6)


def test_worked_distance(model):
  assert niqe.niqe(textured(), model) == pytest.approx(13.500813, abs=1e-6)


def test_published_scores(shared, model):
  """By the authors' program; saturated areas amount to rounding errors in it."""
  metric = niqe.load(model)
  errors = {}
  for name, _, image, want in rows(shared, 'niqe'):
    errors[name] = abs(float(metric(grey(image)[None, ..., None])[0]) - want)
  assert len(errors) == 5
  for name in ('tid_I04_dist.png', 'tid_I06_dist.png'):
    assert errors[name] < 1e-4, errors
  assert max(errors.values()) < 0.04, errors


def test_baboon(shared, model):
  """MATLAB gives 5.7296."""
  y = protocol.luma_uint8(sets.read(shared / 'data' / 'Set14' / 'HR' / 'baboon.png'))
  got = niqe.load(model)(y[None], None)
  assert got.shape == (1,)
  assert float(got[0]) == pytest.approx(5.7296, abs=1e-4)


def test_the_rest_of_the_picture_is_cut(model):
  image = np.clip(np.floor(textured() + 0.5), 0, 255)
  # Rounded to 8 bits and clipped, too.
  padded = np.pad(image, ((0, 40), (0, 95)), mode='symmetric')
  got = niqe.load(model)(image[None, ..., None] + 0.3)
  assert got[0] == niqe.niqe(padded, model) == niqe.niqe(image, model)


def test_flat_and_small_pictures(model):
  assert np.isnan(niqe.niqe(np.zeros((192, 192)), model))
  with pytest.raises(ValueError, match='fewer than the two blocks of 96 x 96'):
    niqe.niqe(np.zeros((191, 191)), model)
  with pytest.raises(ValueError, match=r'\(N, H, W, 1\) luma'):
    niqe.load(model)(np.zeros((1, 192, 192, 3)))


def test_fit_finds_the_shape_of_known_noise():
  rng = np.random.default_rng(0)
  alpha, left, right, _ = niqe.fit(rng.normal(0, 2, 200_000))
  # A Gaussian has shape 2 and scale sigma sqrt(Gamma(1/2) / Gamma(3/2)) = sigma / .707.
  assert alpha == pytest.approx(2, abs=0.03)
  assert left == pytest.approx(2 * np.sqrt(2), rel=0.02)
  assert right == pytest.approx(left, rel=0.02)
  assert niqe.fit(rng.laplace(size=200_000))[0] == pytest.approx(1, abs=0.02)
