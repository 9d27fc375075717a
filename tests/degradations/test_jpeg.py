"""JPEG: worked numbers, and Pillow's files."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr.degradations import jpeg
from tests import images

T8 = images.T(8).astype(np.float32)


def through(quality, plane=T8):
  table = jpeg.tables(jpeg.LUMA, jnp.array([quality], jnp.float32), whole=False)
  return jpeg.quantise_plane(plane[None], table, differentiable=False)[0]


def test_golden_transform():
  dct = jpeg._dct()
  coefficients = dct @ (T8 - 128) @ dct.T
  assert coefficients[0, 0] == pytest.approx(22.0, abs=1e-4)
  assert coefficients[0, 1] == pytest.approx(-71.717737, abs=1e-4)
  assert coefficients[1, 0] == pytest.approx(-13.622791, abs=1e-4)
  rounded = np.round(coefficients / jpeg.LUMA)
  assert rounded[0, :4].tolist() == [1, -7, -4, -3]


@pytest.mark.parametrize(
  ('quality', 'rmse', 'corner'),
  [(50, 18.368805, -13.148611), (30, 27.643930, None), (90, 3.496599, -0.378781)],
)
def test_golden_block(quality, rmse, corner):
  got = through(quality)
  assert float(jnp.sqrt(jnp.square(got - T8).mean())) == pytest.approx(rmse, rel=1e-5)
  if corner is not None:
    assert float(got[0, 0]) == pytest.approx(corner, abs=2e-4)
  if quality == 50:
    assert float(got[3, 4]) == pytest.approx(224.534870, abs=2e-4)


def test_factor_is_continuous_and_real_valued():
  got = jpeg.factor(jnp.array([30.0, 49.999, 50.0, 90.0]))
  np.testing.assert_allclose(got, [1.666667, 1.0, 1.0, 0.2], atol=3e-5)


def test_soft_rounding():
  x = jnp.array([1.3, 2.5, 2.6])
  np.testing.assert_allclose(jpeg.soft_round(x), [1.027, 2.125, 2.936], atol=1e-6)
  assert float(jax.grad(jpeg.soft_round)(1.3)) == pytest.approx(3 * 0.3**2, rel=1e-5)


def test_tables_are_pillows():
  for quality in (10, 30, 50, 75, 92, 99):
    file = io.BytesIO()
    Image.new('RGB', (16, 16)).save(file, 'jpeg', quality=quality)
    for i, table in enumerate((jpeg.LUMA, jpeg.CHROMA)):
      got = jpeg.tables(table, jnp.array([quality], jnp.float32), whole=True)
      assert got.reshape(-1).tolist() == Image.open(file).quantization[i], quality


@pytest.mark.parametrize('quality', [10, 50, 75])
def test_grey_file_of_pillow(quality):
  """Block by block within its 8-bit rounding, but where a coefficient lies near a
  half: Pillow's integer transform may round such a one the other way."""
  rng = np.random.default_rng(3)
  smooth = np.cumsum(np.cumsum(rng.normal(size=(48, 32)), 0), 1)
  image = (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)
  file = io.BytesIO()
  Image.fromarray(image).save(file, 'jpeg', quality=quality)
  want = np.asarray(Image.open(file), np.float32)
  x = np.repeat(image[None, ..., None] / np.float32(255), 3, axis=-1)
  got = jpeg.compress(x, jnp.array([quality], jnp.float32), whole_tables=True)
  error = np.abs(np.asarray(got[0, ..., 0] * 255) - want)
  blocks = error.reshape(6, 8, 4, 8).max((1, 3))
  assert (blocks < 0.6).mean() >= (0.5 if quality == 75 else 1)
  assert error.mean() < 0.3 * np.abs(image - want).mean()


def test_colour_file_of_pillow():
  """4:2:0 with real colour; only decoders' smoothing of chroma differs."""
  rng = np.random.default_rng(4)
  image = np.repeat(np.repeat(rng.integers(40, 215, (6, 6, 3)), 16, 0), 16, 1)
  file = io.BytesIO()
  Image.fromarray(image.astype(np.uint8)).save(file, 'jpeg', quality=60)
  want = np.asarray(Image.open(file), np.float32)
  x = image[None].astype(np.float32) / 255
  got = np.asarray(jpeg.compress(x, jnp.array([60.0]), whole_tables=True)[0] * 255)
  inner = (np.arange(96) % 16 > 2) & (np.arange(96) % 16 < 13)
  error = np.abs(got - want)[inner][:, inner]
  assert error.max() < 6


def test_odd_sizes_are_filled_with_black():
  x = jax.random.uniform(jax.random.key(0), (2, 21, 33, 3))
  quality = jnp.array([40.0, 80.0])
  got = jax.jit(jpeg.compress)(x, quality)
  canvas = jnp.pad(x, ((0, 0), (0, 27), (0, 15), (0, 0)))
  want = jpeg.compress(canvas, quality)[:, :21, :33]
  assert got.shape == x.shape
  np.testing.assert_allclose(got, want, atol=1e-6)


def test_gradient_passes_only_when_asked():
  x = jax.random.uniform(jax.random.key(0), (1, 16, 16, 3), minval=0.3, maxval=0.7)

  def total(x, differentiable):
    y = jpeg.compress(x, jnp.array([70.3]), differentiable=differentiable)
    return jnp.square(y).sum()

  soft = jax.grad(total)(x, True)
  assert bool(jnp.isfinite(soft).all())
  assert float(jnp.abs(soft).max()) > 0
  assert float(jnp.abs(jax.grad(total)(x, False)).max()) == 0
