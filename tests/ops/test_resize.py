"""Resizing against the specification's worked numbers and the published LR files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr.evaluate import sets
from jsr.ops import resize
from tests.images import T


@pytest.fixture(autouse=True)
def _float64():
  with jax.enable_x64(True):
    yield


def image(n: int) -> jax.Array:
  return jnp.asarray(T(n)[..., None])


@pytest.mark.parametrize(
  ('n', 'm', 'row', 'want'),
  [
    (8, 4, 0, [0.546875, 0.3984375, 0.1015625, -0.03515625, -0.01171875, 0, 0, 0]),
    (8, 4, 1, [-0.046875, 0.113281, 0.433594, 0.433594, 0.113281, -0.035156]),
    (8, 16, 0, [1.09375, -0.09375]),
    (8, 16, 2, [0.203125, 0.867188, -0.070312]),
    (8, 2, 0, [0.279297, 0.263672, 0.229004, 0.163574, 0.086426, 0.020996, -0.013672]),
  ],
)
def test_matrix_rows(n, m, row, want):
  got = resize.matrix(n, m)[row]
  np.testing.assert_allclose(got[: len(want)], want, atol=1e-6)


def test_matrix_rows_sum_to_one_and_columns_to_the_factor():
  for r in (2, 3, 4):
    m = resize.matrix(48, 48 // r)
    np.testing.assert_allclose(m.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(m.sum(0), 1 / r, atol=1e-12)
    singular = np.linalg.svd(m, compute_uv=False)
    assert singular[0] ** 2 == pytest.approx(1 / r, abs=1e-12)
    want = {2: 0.488674, 3: 0.407749, 4: 0.355116}[r]
    assert singular[-1] == pytest.approx(want, abs=1e-6)


def test_shrink_float():
  got = resize.resize(image(8), 0.5)[..., 0]
  np.testing.assert_allclose(
    got[0], [48.379929, 173.799515, 135.016891, 105.467728], atol=1e-6
  )
  np.testing.assert_allclose(
    got[3], [103.788040, 108.876266, 123.713577, 132.958054], atol=1e-6
  )
  assert float(got.sum()) == pytest.approx(2092.0, abs=1e-9)


def test_shrink_uint8_rounds_between_the_passes():
  got = resize.resize_uint8(image(8).astype(jnp.uint8), 0.5)[..., 0]
  assert got.dtype == jnp.uint8
  assert got[0].tolist() == [49, 174, 135, 105]  # Rounding once gives 48.
  assert got[3].tolist() == [103, 109, 124, 133]


@pytest.mark.parametrize(
  ('options', 'want'),
  [
    ({'border': 'replicate'}, [55.008484, 174.946259, 134.772491, 106.175110]),
    ({'antialias': False}, [44.105469, 192.71875, 101.34375, 123.957031]),
  ],
)
def test_shrink_conventions(options, want):
  got = resize.resize(image(8), 0.5, **options)[0, :, 0]
  np.testing.assert_allclose(got, want, atol=1e-6)


def test_shrink_by_four():
  got = resize.resize(image(8), 0.25)[..., 0]
  want = [[121.522899, 136.280812], [123.730031, 141.466258]]
  np.testing.assert_allclose(got, want, atol=1e-6)


def test_enlarge():
  got = resize.resize(image(8), 2)[..., 0]
  np.testing.assert_allclose(
    got[0, :4], [-8.90332, 6.94751, 38.64917, 68.992188], atol=1e-5
  )
  np.testing.assert_allclose(
    got[5, 7:11], [72.0625, 141.3125, 184.296875, 201.015625], atol=1e-6
  )
  assert float(got.sum()) == pytest.approx(33472, abs=1e-6)


def test_enlarge_to_a_size():
  got = resize.resize(image(8), size=(12, 12))[..., 0]
  np.testing.assert_allclose(got[0, :3], [-6.613619, 22.908854, 65.372685], atol=1e-6)
  np.testing.assert_allclose(
    got[11, 9:12], [49.712706, 109.082465, 205.648727], atol=1e-6
  )


def test_different_scales_take_the_smaller_first():
  # uint8 rounds between the passes, so the order shows.
  x = image(8).astype(jnp.uint8)
  wide = resize.resize_uint8(x, size=(8, 2))
  columns = resize.resize(x.astype(jnp.float64), size=(8, 2))
  np.testing.assert_array_equal(wide, np.clip(np.floor(columns + 0.5), 0, 255))
  both = resize.resize_uint8(x, size=(4, 2))
  first = np.clip(np.floor(columns + 0.5), 0, 255)
  then = resize.resize(jnp.asarray(first), size=(4, 2))
  np.testing.assert_array_equal(both, np.clip(np.floor(then + 0.5), 0, 255))


def test_transpose_is_the_adjoint():
  y = jnp.asarray(T(4)[..., None])
  got = resize.transpose(y, scale=0.5, size=(8, 8))[..., 0]
  np.testing.assert_allclose(
    got[0],
    [
      -2.22583,
      1.736877,
      9.662292,
      17.248047,
      24.494141,
      32.079895,
      40.00531,
      43.968018,
    ],
    atol=1e-5,
  )
  down = resize.resize(image(8), 0.5)
  assert float((down * y).sum()) == pytest.approx(256442.252991, abs=1e-5)
  assert float((image(8)[..., 0] * got).sum()) == pytest.approx(256442.252991, abs=1e-5)


def test_transpose_is_the_gradient():
  y = jnp.asarray(T(4)[..., None])
  gradient = jax.grad(lambda x: (resize.resize(x, 0.5) * y).sum())(image(8))
  np.testing.assert_allclose(
    gradient, resize.transpose(y, scale=0.5, size=(8, 8)), atol=1e-9
  )


@pytest.mark.parametrize(
  ('n', 'm', 'want'),
  [
    (8, 4, [1, 3, 5, 7]),
    (8, 12, [0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7]),
    (8, 3, [1, 4, 6]),
    (4, 6, [0, 1, 1, 2, 3, 3]),
  ],
)
def test_nearest(n, m, want):
  x = jnp.arange(n)[:, None, None]
  assert resize.nearest(x, size=(m, 1))[:, 0, 0].tolist() == want


def test_modcrop():
  assert resize.modcrop(np.zeros((10, 13, 3)), 4).shape == (8, 12, 3)


def test_wrong_types_are_refused():
  with pytest.raises(TypeError, match='resize_uint8'):
    resize.resize(jnp.zeros((4, 4, 1), jnp.uint8), 2)
  with pytest.raises(TypeError, match='see resize'):
    resize.resize_uint8(jnp.zeros((4, 4, 1)), 2)
  with pytest.raises(ValueError, match='either scale or size'):
    resize.resize(jnp.zeros((4, 4, 1)), 2, size=(8, 8))


@pytest.mark.parametrize('name', ['Set5', 'Set14'])
def test_published_lr_bit_for_bit(shared, name):
  """All MATLAB LR files, by the compiled float32 form that training uses."""
  folder = shared / 'data' / name
  count = 0
  with jax.enable_x64(False):
    shrink = jax.jit(resize.resize_uint8, static_argnums=1)
    for path in sorted((folder / 'HR').glob('*.png')):
      with Image.open(path) as file:
        hr = np.asarray(file.convert('RGB'))
      for scale, low in ((2, 'LRBI_x2'), (3, 'LRBI_x3'), (4, 'LRBI_x4'), (8, 'LR_x8')):
        with Image.open(sets.find(folder / low, path.stem)) as file:
          want = np.asarray(file.convert('RGB'))
        got = np.asarray(shrink(resize.modcrop(hr, scale), 1 / scale))
        np.testing.assert_array_equal(got, want, err_msg=f'{path.stem} x{scale}')
        count += 1
  assert count == 4 * len(list((folder / 'HR').glob('*.png')))


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
@pytest.mark.parametrize('size', [(1, 1), (1, 5), (2, 3), (9, 4)])
def test_enlarging_by_convolution_is_resizing(scale, size):
  x = np.random.default_rng(0).random((2, *size, 3), np.float32)
  expected = resize.resize(x.astype(np.float64), scale)
  np.testing.assert_allclose(resize.enlarge(x, scale), expected, rtol=0, atol=1e-6)


def test_nearest_by_an_integer_is_nearest_by_a_float():
  x = np.random.default_rng(0).random((2, 5, 4, 3), np.float32)
  np.testing.assert_array_equal(resize.nearest(x, 3), resize.nearest(x, 3.0))
