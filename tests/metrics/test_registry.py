"""What the list of metrics says of each is true."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.metrics import registry

NAMES = """psnr ssim ssim_matlab3d ssim_daala ssim_global ms_ssim fsim fsimc
  fsim_report001 rmse rmse_report001 lpips_alex lpips_vgg lpips_squeeze niqe"""


def test_names():
  assert set(registry.METRICS) == set(NAMES.split())
  for name, metric in registry.METRICS.items():
    assert metric.name == name
    assert (metric.fn is None) != (metric.load is None)


FREE = [m for m in registry.METRICS.values() if m.fn is not None]


@pytest.mark.parametrize('metric', FREE, ids=lambda m: m.name)
def test_every_metric_prefers_the_better_picture(metric):
  """Traced without running: shape and type. Run once: the direction."""
  side = max(metric.smallest, 24)
  channels = 1 if metric.plane == 'y' else 3
  i, j, c = np.mgrid[:side, :side, :channels]
  hr = 127.5 + 60 * np.sin(2 * np.pi * (i + c) / 17) + 40 * np.cos(2 * np.pi * j / 23)
  noise = np.random.default_rng(0).normal(0, 1, hr.shape)
  sr = np.stack([np.clip(hr + size * noise, 0, 255) for size in (4, 20)])
  x, y = jnp.asarray(sr, jnp.float32), jnp.asarray(np.stack([hr, hr]), jnp.float32)
  near, far = np.asarray(jax.jit(metric.fn)(x, y))
  assert (near > far) == (metric.better == 'higher')
  small = jnp.zeros((2, metric.smallest, metric.smallest + 1, channels))
  assert jax.eval_shape(metric.fn, small, small).shape == (2,)
