"""Networks as methods: luma, several factors, model files, none to train."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jsr import models
from jsr.errors import UserError
from jsr.evaluate import benchmark, interpolation, methods, protocol, sets
from jsr.ops import color, resize
from jsr.weights import model_file
from tests import images

LR = images.smooth(12, 10)


class Twice(nn.Module):
  """Bicubic, with a parameter for each factor that it adds."""

  color: str = 'y'
  scale: int = 2
  scales: tuple = (2, 4)

  @nn.compact
  def __call__(self, lr, *, train=False):
    assert lr.shape[-1] == (1 if self.color == 'y' else 3)
    at = {
      s: self.param(f'at{s}', nn.initializers.constant(s / 255), ()) for s in (2, 4)
    }
    return resize.resize(lr, self.scale) + at[self.scale]


@pytest.fixture
def network(monkeypatch):
  monkeypatch.setattr(models, 'build', lambda name, **args: Twice(**args))

  def make(**args):
    model = Twice(**args)
    channels = 1 if model.color == 'y' else 3
    variables = model.init(jax.random.key(0), jnp.zeros((1, 8, 8, channels)))
    return methods.Network('net', 'twice', 2, args, variables)

  return make


def test_grey_is_luma_already(network):
  got = network().upscale(LR[..., :1], 2)
  want = interpolation.enlarge(LR[..., :1].astype(float), 2) + 2
  np.testing.assert_allclose(got, want, atol=1e-3)


def test_colour_goes_around_a_network_on_luma(network):
  method = network()
  assert method.color == 'y'
  planes = np.asarray(color.rgb_to_ycbcr(jnp.asarray(LR / 255, jnp.float32)))
  planes = interpolation.enlarge(planes.astype(float), 2) + np.array([2, 0, 0])
  want = np.asarray(color.ycbcr_to_rgb(jnp.asarray(planes, jnp.float32))) * 255
  np.testing.assert_allclose(method.upscale(LR.astype(float), 2), want, atol=2e-3)
  uint8 = method.upscale_uint8(LR, 2)
  assert (uint8.dtype, uint8.shape) == (np.uint8, (24, 20, 3))
  assert np.abs(uint8 - np.clip(want, 0, 255)).max() < 0.51


def test_y_float_is_the_demos_rule(network):
  """Y rounded, shrunk in floating point and not rounded; only the result is."""
  method = network()
  hr = images.smooth(48, 40)
  sr, truth, _ = benchmark.enlarge(
    method, sets.Picture('a', hr), 2, protocol.get('y_float'), set_name='Mini'
  )
  np.testing.assert_array_equal(truth, protocol.luma_uint8(hr))
  low = protocol.shrink_float(truth, 2)
  want = np.clip(np.floor(interpolation.enlarge(low, 2) + 2 + 0.5), 0, 255)
  assert np.mean(sr != want) < 1e-3  # Ties, in single precision.


def test_every_factor_of_one_set_of_parameters(network):
  method = network()
  assert method.scales == (2, 4)
  for scale in (2, 4):
    got = method.upscale(LR[..., :1].astype(float), scale)
    want = interpolation.enlarge(LR[..., :1].astype(float), scale) + scale
    np.testing.assert_allclose(got, want, atol=1e-3)
  with pytest.raises(UserError, match='net enlarges 2 or 4 times and cannot be asked'):
    method.check_scale(3)


def test_mdsr_serves_each_of_its_scales(tmp_path):
  args = {'scales': (2, 3), 'features': 4, 'blocks': 1}
  model = models.build('mdsr', scale=2, **args)
  variables = model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  path = tmp_path / 'both.safetensors'
  model_file.save(path, generator='mdsr', scale=2, args=args, variables=variables)
  method = methods.resolve(str(path))
  assert method.scales == (2, 3)
  assert method.upscale_uint8(LR, 2).shape == (24, 20, 3)
  assert method.upscale_uint8(LR, 3).shape == (36, 30, 3)
  with pytest.raises(UserError, match='enlarges 2 or 3 times'):
    method.upscale_uint8(LR, 4)


def test_the_row_says_how_luma_was_handled(network):
  pictures = sets.PictureSet('Mini', [sets.Picture('a', images.smooth(48, 40))], 'here')
  for rule, words in (
    ('rgb8', 'Cb and Cr by bicubic'),
    ('y_float', 'not rounded before the network'),
  ):
    row = benchmark.measure(network(), pictures, 2, protocol.get(rule), timed=False)
    assert words in row['note']
  row = benchmark.measure(network(color='rgb'), pictures, 2, protocol.get('rgb8'))
  assert row['note'] == ''


def saved(path, **changes):
  model = models.build('compact', scale=2, features=4, blocks=1)
  variables = model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  model_file.save(
    path,
    **{
      'generator': 'compact',
      'scale': 2,
      'args': {'features': 4, 'blocks': 1},
      'variables': variables,
      'note': 'of a friend',
    }
    | changes,
  )
  return path


def test_model_files(tmp_path):
  path = saved(tmp_path / 'mine.safetensors')
  method = methods.resolve(str(path))
  assert (method.label, method.scale) == ('mine', 2)
  assert method.note == 'compact, of a friend (mine.safetensors)'
  assert methods.resolve(f'x={path}').label == 'x'
  assert method.upscale_uint8(LR, 2).shape == (24, 20, 3)
  # A '=' in a file's name is part of the name.
  odd = saved(tmp_path / 'a=b.safetensors', note='')
  assert methods.resolve(str(odd)).note == 'compact (a=b.safetensors)'


def test_model_files_that_do_not_fit(tmp_path):
  wrong = saved(tmp_path / 'x.safetensors', args={'features': 8, 'blocks': 1})
  with pytest.raises(
    UserError, match=r'x\.safetensors does not fit the network compact x2 .*: misshapen'
  ):
    methods.resolve(str(wrong))
  other = saved(tmp_path / 'y.safetensors', generator='compactt')
  with pytest.raises(UserError, match="did you mean 'compact'"):
    methods.resolve(str(other))
  with pytest.raises(UserError, match='there is no model file'):
    methods.resolve(f'x={tmp_path}/nowhere.safetensors')


def test_a_generator_with_nothing_to_learn(monkeypatch):
  class Plain(nn.Module):
    color: str = 'rgb'
    scale: int = 4

    @nn.compact
    def __call__(self, lr, *, train=False):
      return resize.resize(lr, self.scale)

  monkeypatch.setattr(models, 'generator_names', lambda: ['plain'])
  monkeypatch.setattr(models, 'build', lambda name, **args: Plain(**args))
  method = methods.resolve('plain')
  assert (method.label, method.scale, method.scales) == ('plain', None, None)
  for scale in (2, 3):
    got = method.upscale(LR.astype(float), scale)
    np.testing.assert_allclose(
      got, interpolation.enlarge(LR.astype(float), scale), atol=1e-3
    )


def test_interpolations_by_name():
  for name in interpolation.NAMES:
    method = methods.resolve(name)
    assert method.label == name
    uint8, real = method.upscale_uint8(LR, 3), method.upscale(LR.astype(float), 3)
    assert uint8.shape == real.shape == (36, 30, 3)
    assert np.abs(uint8 - np.clip(real, 0, 255)).max() <= 2
  assert 'OpenCV' in methods.resolve('x=bicubic_cv').note
  as_asked = methods.resolve('bicubic', bicubic='bicubic_cv')
  assert (as_asked.label, as_asked.name) == ('bicubic', 'bicubic_cv')
