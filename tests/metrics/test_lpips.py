"""LPIPS against a PyTorch twin, and the specification's numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.metrics import lpips, lpips_nets
from jsr.weights import lpips as weights
from tests.conftest import jit_to_run
from tests.weights.lpips_files import trunk

torch = pytest.importorskip('torch')
F = torch.nn.functional
# Where torchvision's networks pool, between which places; and LPIPS's taps: the place
# of the last convolution or Fire block before each.
POOLS = {'alex': (2, 5), 'vgg': (4, 9, 16, 23), 'squeeze': (2, 5, 8)}
TAPS = {
  'alex': (0, 3, 6, 8, 10),
  'vgg': (2, 7, 14, 21, 28),
  'squeeze': (0, 4, 7, 9, 10, 11, 12),
}


def twin_features(net, state, x):
  """torchvision's `features`, place by place."""

  def conv(name, x, **how):
    return F.relu(F.conv2d(x, state[f'{name}.weight'], state[f'{name}.bias'], **how))

  found = []
  for place in range(31):
    name = f'features.{place}'
    if place in POOLS[net]:
      size = 2 if net == 'vgg' else 3
      x = F.max_pool2d(x, size, 2, ceil_mode=net == 'squeeze')
    elif f'{name}.squeeze.weight' in state:
      x = conv(f'{name}.squeeze', x)
      wide = conv(f'{name}.expand3x3', x, padding=1)
      x = torch.cat([conv(f'{name}.expand1x1', x), wide], 1)
    elif f'{name}.weight' in state:
      if net == 'squeeze':
        x = conv(name, x, stride=2)
      elif name == 'features.0' and net == 'alex':
        x = conv(name, x, stride=4, padding=2)
      else:
        x = conv(name, x, padding=state[f'{name}.weight'].shape[-1] // 2)
    if place in TAPS[net]:
      found.append(x)
    if place == TAPS[net][-1]:
      return found


def twin_lpips(net, state, heads, x, y, version):
  """The program's `forward`, on (N, 3, H, W) in [-1, 1]."""
  if version == '0.1':
    shift = torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[None, :, None, None]
    x, y = (x - shift) / scale, (y - shift) / scale
  total = 0
  pairs = zip(
    twin_features(net, state, x), twin_features(net, state, y), heads, strict=True
  )
  for a, b, head in pairs:
    a, b = (v / (torch.sqrt((v**2).sum(1, keepdim=True)) + 1e-10) for v in (a, b))
    layer = F.conv2d((a - b) ** 2, torch.tensor(head)[None, :, None, None])
    total = total + layer.mean((2, 3))[:, 0]
  return total.numpy()


@pytest.mark.parametrize(
  ('net', 'size', 'version'),
  [
    ('alex', (65, 78), '0.1'),
    ('vgg', (37, 50), '0.1'),
    ('squeeze', (49, 61), '0.1'),
    ('alex', (64, 64), '0.0'),
  ],
)
def test_equals_the_twin(net, size, version, monkeypatch):
  rng = np.random.default_rng(0)
  state = trunk(net)
  heads = tuple(rng.random(c, np.float32) for c in weights.CHANNELS[net])
  found = weights.LpipsWeights(
    net, version, weights.from_torchvision(state, net), heads
  )
  x = rng.integers(0, 256, (2, *size, 3)).astype(np.float32)
  y = np.clip(x + rng.normal(0, 30, x.shape), 0, 255).astype(np.float32)
  tensors = {name: torch.tensor(array) for name, array in state.items()}
  a, b = (torch.tensor(v.transpose(0, 3, 1, 2)) / 127.5 - 1 for v in (x, y))
  want = twin_lpips(net, tensors, heads, a, b, version)
  # VGG16 takes 8 s a call without the compiler's optimisations.
  with monkeypatch.context() as patch:
    patch.setattr(jax, 'jit', jit_to_run)
    metric = lpips.load(found)
  got = np.asarray(metric(x, y))
  assert got.shape == (2,)
  assert want.min() > 0.01
  np.testing.assert_allclose(got, want, rtol=2e-5)
  np.testing.assert_array_equal(metric(x, x), 0)


def test_worked_numbers():
  grey = lpips.normalise(jnp.zeros((1, 1, 1, 3)))
  np.testing.assert_allclose(grey[0, 0, 0], [0.065502, 0.196429, 0.417778], atol=1e-6)
  np.testing.assert_array_equal(lpips.normalise(grey, '0.0'), grey)
  unit = lpips.unit(jnp.array([[[[3.0, 4.0]]]]))
  np.testing.assert_allclose(unit[0, 0, 0], [0.6, 0.8], rtol=1e-6)
  a, b = (
    lpips.unit(jnp.array(v, jnp.float32).reshape(1, 1, 1, 3))
    for v in ([1, 2, 2], [2, 0, 1])
  )
  want = [0.314826, 0.444444, 0.048160]
  np.testing.assert_allclose(((a - b) ** 2)[0, 0, 0], want, atol=1e-6)
  got = lpips.weighted(a, b, jnp.array([0.5, 0.1, 0.2]))
  assert float(got[0, 0, 0]) == pytest.approx(0.211490, abs=1e-6)


def test_gradient_is_finite_where_features_vanish():
  gradient = jax.grad(lambda v: lpips.unit(v).sum())(jnp.zeros((1, 2, 2, 4)))
  assert np.isfinite(gradient).all()


@pytest.mark.parametrize('net', lpips_nets.NETS)
def test_smallest_picture(net):
  least = lpips_nets.SMALLEST[net]
  convs = weights.from_torchvision(trunk(net), net)

  def shapes(size):
    images = jax.ShapeDtypeStruct((1, size, size + 3, 3), jnp.float32)
    found = jax.eval_shape(lambda v: lpips_nets.features(net, convs, v), images)
    return [f.shape for f in found]

  assert [s[-1] for s in shapes(least)] == list(weights.CHANNELS[net])
  assert min(min(s) for s in shapes(least)) > 0
  with pytest.raises(ValueError, match=f'smaller than the {least} x {least}'):
    shapes(least - 1)


def test_unknown_names():
  with pytest.raises(UserError, match=r"unknown LPIPS network 'alx'.*alex"):
    lpips_nets.features('alx', {}, jnp.zeros((1, 64, 64, 3)))
  image = jnp.zeros((1, 64, 64, 3))
  with pytest.raises(UserError, match='unknown version of LPIPS'):
    lpips.lpips(image, image, {}, [], net='alex', version='0.2')
