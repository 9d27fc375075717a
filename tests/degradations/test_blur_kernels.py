"""Kernels, filtering and sharpening: worked numbers, scipy and PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, special

from jsr.degradations import blur, kernels
from jsr.ops import filters

FAMILY = {name: i for i, name in enumerate(kernels.FAMILIES)}


def bell(family, *, width=7, canvas=7, sigma=(2, 1), angle=np.pi / 6, beta=1.0):
  return kernels.bell(
    canvas,
    family=FAMILY[family],
    width=width,
    sigma_x=sigma[0],
    sigma_y=sigma[1],
    angle=angle,
    beta=beta,
  )


# Computed in float64 from the formulas, printed to six digits.
GOLDEN = [
  (
    'iso',
    {'sigma': (1.2, 9)},
    {(3, 3): 0.111120, (3, 4): 0.078523, (4, 4): 0.055488, (0, 0): 0.000215},
  ),
  (
    'aniso',
    {},
    {(3, 3): 0.084068, (3, 4): 0.067551, (2, 4): 0.032520, (4, 4): 0.062264},
  ),
  (
    'generalised_aniso',
    {'beta': 0.5},
    {(3, 3): 0.051173, (3, 4): 0.036763, (4, 4): 0.034736},
  ),
  (
    'plateau_aniso',
    {'beta': 1.5},
    {(3, 3): 0.096350, (3, 4): 0.074726, (4, 4): 0.065754},
  ),
]


@pytest.mark.parametrize(('family', 'given', 'wanted'), GOLDEN)
def test_golden_bells(family, given, wanted):
  kernel = bell(family, **given)
  for place, value in wanted.items():
    assert float(kernel[place]) == pytest.approx(value, abs=6e-7)
  assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)


def test_isotropic_families_ignore_the_second_axis():
  for plain in ('generalised', 'plateau'):
    iso = bell(f'{plain}_iso', sigma=(1.5, 3), beta=1.3)
    np.testing.assert_array_equal(iso, bell(f'{plain}_iso', sigma=(1.5, 9), beta=1.3))
    round_one = bell(f'{plain}_aniso', sigma=(1.5, 1.5), angle=0.0, beta=1.3)
    np.testing.assert_allclose(iso, round_one, atol=1e-7)


def test_golden_sinc():
  kernel = kernels.sinc(7, width=7, cutoff=np.pi / 2)
  np.testing.assert_allclose(
    kernel[3, :4], [-0.028182, 0.042718, 0.170148, 0.235759], atol=6e-7
  )
  # The sum before normalising, .832841, is what the middle was divided by.
  assert (np.pi / 2) ** 2 / (4 * np.pi) / float(kernel[3, 3]) == pytest.approx(
    0.832841, abs=3e-6
  )


def test_bessel_is_scipys():
  x = np.linspace(0, 60, 5001)
  got = jax.jit(kernels.bessel_j1)(jnp.asarray(x, jnp.float32))
  np.testing.assert_allclose(got, special.j1(np.float32(x).astype(float)), atol=2e-6)


def test_a_narrow_kernel_lies_in_the_middle_of_its_canvas():
  small, large = bell('aniso'), bell('aniso', canvas=21)
  np.testing.assert_allclose(large[7:14, 7:14], small, atol=1e-7)
  assert float(jnp.abs(large).sum()) == pytest.approx(float(small.sum()), abs=1e-6)
  wide = kernels.sinc(21, width=9, cutoff=2.0)
  np.testing.assert_allclose(
    wide[6:15, 6:15], kernels.sinc(9, width=9, cutoff=2.0), atol=1e-7
  )
  with pytest.raises(ValueError, match='odd'):
    kernels.delta(8)


def test_correlation_with_own_kernels_is_scipys():
  rng = np.random.default_rng(0)
  x = rng.random((2, 13, 10, 3)).astype(np.float32)
  k = rng.random((2, 5, 5)).astype(np.float32)
  got = jax.jit(blur.correlate)(x, k)
  for i in range(2):
    for c in range(3):
      want = ndimage.correlate(x[i, ..., c].astype(float), k[i], mode='mirror')
      np.testing.assert_allclose(got[i, ..., c], want, atol=2e-5)


def test_an_image_on_a_canvas_is_filtered_as_if_alone():
  rng = np.random.default_rng(1)
  canvas = rng.random((2, 16, 16, 3)).astype(np.float32)
  k = rng.random((2, 7, 7)).astype(np.float32)
  # The second is smaller than the kernel's reach: it is mirrored again and again.
  sizes = np.array([[11, 9], [2, 1]])
  got = jax.jit(blur.correlate)(canvas, k, sizes)
  for i, (h, w) in enumerate(sizes):
    want = blur.correlate(canvas[i : i + 1, :h, :w], k[i : i + 1])
    np.testing.assert_allclose(got[i, :h, :w], want[0], atol=2e-5)


def test_delta_changes_nothing():
  x = jax.random.uniform(jax.random.key(0), (1, 9, 8, 3))
  got = blur.correlate(x, kernels.delta(21)[None])
  np.testing.assert_allclose(got, x, atol=5e-7)


@pytest.mark.parametrize('shape', [(1, 70, 61, 3), (1, 12, 9, 3)])
def test_sharpening_as_written(shape):
  """Against the definition in float64, also where the window exceeds the image."""
  x = np.random.default_rng(2).random(shape).astype(np.float32)
  taps = filters.gaussian(51, 8.0)

  def soften(v):
    for axis in (1, 2):
      v = ndimage.correlate1d(v, taps, axis=axis, mode='mirror')
    return v

  wide = x.astype(float)
  residual = wide - soften(wide)
  soft = soften((np.abs(residual) * 255 > 10).astype(float))
  want = soft * np.clip(wide + 0.5 * residual, 0, 1) + (1 - soft) * wide
  got = jax.jit(blur.sharpen)(x)
  np.testing.assert_allclose(got, want, atol=3e-5)
  assert float(jnp.abs(got - x).max()) > 0.1
