"""Resizing by traced factors against PyTorch, and OpenCV's worked numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr.degradations import resample
from jsr.ops import resize
from tests import images

torch = pytest.importorskip('torch')

FACTORS = (0.15, 0.37, 0.999, 1.0, 1.31, 1.5)


@pytest.mark.parametrize('mode', resample.MODES)
def test_factors_of_pytorch_in_one_program(mode):
  """Each factor in the same compiled function, on one canvas."""
  rng = np.random.default_rng(0)
  h, w = 20, 27
  x = rng.random((len(FACTORS), 24, 32, 3)).astype(np.float32)
  factors = np.array(FACTORS, np.float32)
  sizes = np.tile([[h, w]], (len(FACTORS), 1))
  to = np.floor(np.array([[h, w]], np.float32) * factors[:, None]).astype(int)
  got = jax.jit(
    lambda *a: resample.resize(
      a[0],
      sizes=a[1],
      to=a[2],
      steps=a[3],
      mode=jnp.full(len(FACTORS), resample.MODES.index(mode), jnp.float32),
      canvas=(32, 48),
    )
  )(x, sizes, to, np.tile(1 / factors[:, None], (1, 2)))
  for i, factor in enumerate(FACTORS):
    image = torch.from_numpy(x[i : i + 1, :h, :w].transpose(0, 3, 1, 2).copy())
    want = torch.nn.functional.interpolate(image, scale_factor=factor, mode=mode)
    want = want.numpy().transpose(0, 2, 3, 1)[0]
    assert want.shape[:2] == tuple(to[i])
    np.testing.assert_allclose(got[i, : to[i, 0], : to[i, 1]], want, atol=2e-5)
    assert float(jnp.abs(got[i, to[i, 0] :]).sum()) == 0
    assert float(jnp.abs(got[i, :, to[i, 1] :]).sum()) == 0


@pytest.mark.parametrize('mode', resample.MODES)
def test_sizes_of_pytorch(mode):
  x = np.random.default_rng(1).random((1, 19, 7, 3)).astype(np.float32)
  to = np.array([[8, 11]])
  sizes = np.array([[19, 7]])
  got = resample.resize(
    x,
    sizes=sizes,
    to=to,
    steps=sizes / to,
    mode=jnp.array([float(resample.MODES.index(mode))]),
    canvas=(8, 11),
  )
  image = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
  want = torch.nn.functional.interpolate(image, size=(8, 11), mode=mode).numpy()
  np.testing.assert_allclose(got, want.transpose(0, 2, 3, 1), atol=2e-5)


def test_golden_opencv():
  t8 = images.T(8).astype(np.float32)
  got = resample.bicubic_cv(t8[None, ..., None], size=(4, 4))
  np.testing.assert_allclose(
    got[0, 0, :, 0], [40.81543, 199.953120, 92.140625, 127.778320], atol=2e-4
  )


def test_opencv_enlargement_of_report_001(shared):
  """Its bicubic row: mean RGB PSNR of Set5 x4, whole image, 26.8905 dB."""
  values = []
  for path in sorted((shared / 'data/Set5/LR_x4').glob('*.png')):
    lr = np.asarray(Image.open(path), np.float32)
    hr = np.asarray(Image.open(path.parents[1] / 'HR' / path.name), np.float64)
    h, w = 4 * lr.shape[0], 4 * lr.shape[1]
    sr = resize.quantise(resample.bicubic_cv(lr[None], size=(h, w)))[0]
    mse = np.square(np.asarray(sr, np.float64) - hr[:h, :w]).mean()
    values.append(10 * np.log10(255**2 / mse))
  assert len(values) == 5
  assert np.mean(values) == pytest.approx(26.8905, abs=5e-5)


def test_unknown_mode():
  with pytest.raises(ValueError, match='no mode lanczos'):
    resample.matrix((4, 4), 4, 4, 1.0, 'lanczos')
