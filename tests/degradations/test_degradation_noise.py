"""Noise has the moments and the formulas that it claims."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jsr.degradations import noise

KEYS = jax.random.split(jax.random.key(7), 2)
NOT_GREY, GREY = jnp.zeros(2), jnp.ones(2)


def field(shape=(96, 96, 3)):
  return noise.fields(KEYS, shape)[0]


def test_fields_are_uniform_and_each_examples_own():
  u, v = noise.fields(KEYS, (64, 64, 3), (64, 64, 1))
  assert u.shape == (2, 64, 64, 3)
  assert v.shape == (2, 64, 64, 1)
  for x in (u[0], u[1], v[0]):
    assert stats.kstest(np.asarray(x).reshape(-1), 'uniform').pvalue > 1e-3
  assert float(u.min()) > 0
  assert float(u.max()) < 1
  alone = noise.fields(KEYS[1:], (64, 64, 3), (64, 64, 1))
  np.testing.assert_array_equal(alone[0][0], u[1])


def test_gaussian_has_its_deviation_and_grey_is_one_plane():
  sigma = jnp.array([0.1, 0.02])
  made = np.asarray(jax.jit(noise.gaussian)(field(), sigma, NOT_GREY))
  np.testing.assert_allclose(made.std((1, 2, 3)), sigma, rtol=0.02)
  assert stats.kstest(made[0].reshape(-1) / 0.1, 'norm').pvalue > 1e-3
  assert (
    abs(np.corrcoef(made[0, ..., 0].reshape(-1), made[0, ..., 1].reshape(-1))[0, 1])
    < 0.05
  )
  grey = noise.gaussian(field(), sigma, jnp.array([0.0, 1.0]))
  np.testing.assert_allclose(grey[0], made[0], atol=1e-7)
  np.testing.assert_array_equal(grey[1, ..., 0], grey[1, ..., 2])


def test_table_is_scipys_distribution():
  table = noise.poisson_table()
  for exponent, level in [(0, 0), (0, 255), (3, 17), (8, 1), (8, 128), (8, 255)]:
    want = stats.poisson.cdf(np.arange(384), level / 255 * 2.0**exponent)
    np.testing.assert_allclose(table[exponent, level], want, atol=1e-7)


def test_inversion_is_exact_for_every_mean_and_far_into_the_tails():
  """The short search around the normal guess finds what a whole search would."""
  tails = 2.0 ** -np.arange(1, 24)
  u = np.unique(np.concatenate([tails, 1 - tails, np.linspace(0.001, 0.999, 41)]))
  u = u.astype(np.float32)
  exponent, level, u = (
    x.reshape(-1) for x in np.meshgrid(np.arange(9), np.arange(256), u, indexing='ij')
  )

  @jax.jit
  def count(u, e, level):
    return noise.poisson_count(u, noise.to_normal(u), e, level)

  got = np.asarray(count(u, exponent, level)).reshape(9 * 256, -1)
  rows = noise.poisson_table().reshape(9 * 256, -1)
  quantiles = u.reshape(9 * 256, -1)
  want = [
    np.searchsorted(r, q, side='left') for r, q in zip(rows, quantiles, strict=True)
  ]
  np.testing.assert_array_equal(got, want)


def test_distinct_levels_counts_the_valid_corner():
  x = jnp.arange(2 * 4 * 4 * 3).reshape(2, 4, 4, 3) % 7 + jnp.array([0, 200]).reshape(
    2, 1, 1, 1
  )
  assert noise.distinct_levels(x).tolist() == [7, 7]
  sizes = jnp.array([[1, 1], [4, 1]])
  want = [len(np.unique(x[0, :1, :1])), len(np.unique(x[1, :4, :1]))]
  assert noise.distinct_levels(x, sizes).tolist() == want == [3, 7]


def test_poisson_has_the_variance_of_its_intensity():
  """Two levels: V = 2, so the variance is x / 2; and the noise has no mean."""
  x = jnp.where(jnp.arange(96)[None, :, None, None] < 48, 0.2, 0.8) * jnp.ones(
    (2, 96, 96, 3)
  )
  strength = jnp.array([1.0, 0.5])
  made = np.asarray(jax.jit(noise.poisson)(x, field(), strength, NOT_GREY))
  for rows, level in ((slice(0, 48), 0.2), (slice(48, 96), 0.8)):
    part = made[:, rows].reshape(2, -1)
    np.testing.assert_allclose(part.var(1), level / 2 * strength**2, rtol=0.06)
    np.testing.assert_allclose(part.mean(1), 0, atol=0.025)
  counts = (made[0] + x[0]) * 2
  np.testing.assert_allclose(counts, np.round(counts), atol=1e-5)
  grey = noise.poisson(x, field(), strength, GREY)
  np.testing.assert_array_equal(grey[..., 0], grey[..., 1])
  assert float(jnp.abs(grey).max()) > 0


def test_poisson_intensity_is_the_next_power_of_two():
  """Five levels give V = 8: counts are whole multiples of 1 / 8."""
  x = (jnp.arange(96 * 96 * 3).reshape(1, 96, 96, 3) % 5) * 51 / 255
  made = noise.poisson(x, field()[:1], jnp.ones(1), jnp.zeros(1))
  eighths = (made + x) * 8
  np.testing.assert_allclose(eighths, jnp.round(eighths), atol=1e-5)
  quarters = np.asarray(made + x) * 4
  assert np.abs(quarters - np.round(quarters)).max() > 0.4


@pytest.mark.parametrize(('pepper', 'salt'), [(0.5, 0.5), (0.1, 0.03)])
@pytest.mark.parametrize('per_channel', [False, True])
def test_impulse_error_is_as_expected(pepper, salt, per_channel):
  """Expected MSE = pepper E[x^2] + salt E[(255 - x)^2], as report 000's noise."""
  x = jax.random.beta(jax.random.key(1), 2.0, 4.0, (2, 96, 96, 3))
  y = noise.impulse(
    x, field(), jnp.full(2, pepper), jnp.full(2, salt), per_channel=per_channel
  )
  got = float(jnp.square(y - x).mean())
  want = float(pepper * jnp.square(x).mean() + salt * jnp.square(1 - x).mean())
  assert got == pytest.approx(want, rel=0.06)
  whole_pixels = bool(((y == x).all(-1) | (y != x).all(-1)).all())
  assert whole_pixels == (not per_channel or pepper + salt == 1)
  if pepper + salt == 1:
    assert set(np.unique(y)) == {0.0, 1.0}


def test_impulse_on_mid_grey_gives_six_decibels():
  x = jnp.full((2, 96, 96, 3), 127.5 / 255)
  y = noise.impulse(x, field(), jnp.full(2, 0.5), jnp.full(2, 0.5))
  psnr = -10 * jnp.log10(jnp.square(y - x).mean())
  assert float(psnr) == pytest.approx(6.0206, abs=1e-3)
