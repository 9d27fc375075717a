"""Feature networks of a config: real activations, both networks at once, mistakes."""

import csv
import functools
import urllib.error

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
import safetensors.numpy

from jsr.errors import UserError
from jsr.train import content, features, settings, steps
from jsr.weights import lpips, squeezenet, vgg19

SQUEEZE = 'squeezenet1_1_caffe/squeezenet1_1_caffe.npz'
VGG = 'vgg19_normalised_to_conv3_1/vgg19_normalised_to_conv3_1.npz'


def config(**changes):
  overrides = {'perceptual_weight': 1.0, 'pixel_weight': 0.0, **changes}
  words = [f'--config.losses.{key}={value}' for key, value in overrides.items()]
  return settings.load('configs/default.py', words).losses


@functools.cache
def random_squeezenet():
  """Tensors with Caffe's names."""
  rng = np.random.default_rng(0)
  content = {}
  for name, place in squeezenet._CAFFE.items():
    shape = lpips.SHAPES['squeeze'][place]
    scale = np.sqrt(2 / np.prod(shape[1:]))
    content[f'{name}.weight'] = (scale * rng.standard_normal(shape)).astype('f')
    content[f'{name}.bias'] = rng.random(shape[0]).astype('f')
  return content


@pytest.fixture
def files(tmp_path):
  """A SqueezeNet of random numbers, and a VGG19 of them that ends at conv3_1."""
  np.savez(tmp_path / 'squeeze.npz', **random_squeezenet())
  weights = vgg19.random(seed=1)
  few = {name: weights.params[name] for name in vgg19.CONVS[:5]}
  partial = weights._replace(params=few, preprocess='caffe', padding='reflect')
  vgg19.save_safetensors(tmp_path / 'vgg', partial)
  return {'squeezenet': tmp_path / 'squeeze.npz', 'vgg': tmp_path / 'vgg'}


def test_real_squeezenet_gives_the_published_activations(shared):
  folder = (shared / 'weights' / SQUEEZE).parent
  weights = squeezenet.load(shared / 'weights' / SQUEEZE)
  assert weights.preprocess == 'caffe'
  with (folder / 'expected_activations.csv').open() as f:
    rows = {
      (r['image'], r['layer'].removesuffix('/concat')): r for r in csv.DictReader(f)
    }
  run = jax.jit(functools.partial(features.of_squeezenet, preprocess='caffe'))
  for image in ('bird', 'butterfly'):
    path = shared / 'data' / 'Set5' / 'HR' / f'{image}.png'
    picture = np.asarray(PIL.Image.open(path).convert('RGB'), np.float32)[:227, :227]
    found = run(weights.params, jnp.asarray(picture[None] / 255))
    for name, x in zip(features.SQUEEZENET, found, strict=True):
      row = rows[image, name]
      assert x.shape == (1, *(int(row[k]) for k in ('height', 'width', 'channels')))
      got = [float(x.mean()), float(x.std()), float(x.max())]
      want = [float(row[k]) for k in ('mean', 'std', 'max')]
      np.testing.assert_allclose(got, want, rtol=1e-4, err_msg=f'{image} {name}')


def test_a_loss_looks_in_both_networks(files):
  """Each layer is one term, and the frozen parameters are arguments."""
  rng = np.random.default_rng(2)
  sr, hr = (jnp.asarray(rng.random((2, 32, 32, 3)), jnp.float32) for _ in range(2))

  def value(layers):
    c = config(perceptual_layers=layers, perceptual_norm='l1', **files)
    losses, frozen = content.make_losses(c)
    context = steps.Context(frozen, {}, jnp.zeros((), jnp.int32))
    return float(jax.jit(losses['perceptual'].fn)(sr, hr, context)), sorted(frozen)

  deep, which = value(('relu3_1',))
  assert which == ['vgg']
  fire, which = value(('fire3',))
  assert which == ['squeezenet']
  both, which = value(('relu3_1', 'fire3'))
  assert which == ['squeezenet', 'vgg']
  assert deep > 0
  assert fire > 0
  np.testing.assert_allclose(both, deep + fire, rtol=1e-5)


def test_names_of_torchvision(files, tmp_path):
  """The same network under either name, but for what it expects as its input."""
  caffe = squeezenet.load(files['squeezenet'])
  state = {}
  for place, layer in caffe.params.items():
    state[f'features.{place}.weight'] = np.ascontiguousarray(
      layer['kernel'].transpose(3, 2, 0, 1)
    )
    state[f'features.{place}.bias'] = layer['bias']
  path = tmp_path / 'torch.safetensors'
  safetensors.numpy.save_file(state, path)
  got = squeezenet.load(path)
  assert got.preprocess == 'torch'
  jax.tree.map(np.testing.assert_array_equal, got.params, caffe.params)
  images = jnp.full((1, 17, 17, 3), 0.5)
  one, other = (
    features.of_squeezenet(caffe.params, images, preprocess=p)[0]
    for p in ('torch', 'caffe')
  )
  assert np.abs(one - other).max() > 1


def offline(request, timeout):
  raise urllib.error.URLError('no network')


def test_mistakes_of_the_config(files, tmp_path):
  with pytest.raises(UserError, match=r"perceptual layer 'fire4'; did you mean 'fire"):
    content.make_losses(config(perceptual_layers=('fire4',), **files))
  # Before the first step, not while it is traced.
  with pytest.raises(UserError, match=r'lack conv3_2, conv3_3.*shallower') as error:
    content.make_losses(config(perceptual_layers=('relu2_2', 'relu5_4'), **files))
  assert '\n' not in str(error.value)
  with pytest.raises(UserError, match='there is no weights file'):
    content.make_losses(config(perceptual_layers=('fire3',), squeezenet='lost.npz'))
  broken = dict(random_squeezenet())
  broken['fire2/expand3x3.weight'] = broken['fire2/expand3x3.weight'][:3]
  np.savez(tmp_path / 'broken.npz', **broken)
  with pytest.raises(UserError, match=r"broken\.npz is not Caffe's.*fire2/expand3x3"):
    squeezenet.load(tmp_path / 'broken.npz')
  with pytest.raises(UserError, match=r"is not torchvision's squeeze"):
    squeezenet.load(files['vgg'])
  with pytest.raises(UserError, match=r'no network.*losses\.squeezenet'):
    squeezenet.find('', cache=tmp_path, opener=offline)
  params = squeezenet.load(files['squeezenet']).params
  with pytest.raises(UserError, match='16x20 pixels are too small for SqueezeNet'):
    features.of_squeezenet(params, jnp.zeros((1, 16, 20, 3)), preprocess='caffe')
