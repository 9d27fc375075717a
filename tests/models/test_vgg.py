"""VGG19 features against a PyTorch twin, and against real (partial) weights."""

import csv
import functools

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jsr.errors import UserError
from jsr.models import vgg
from jsr.weights import vgg19

TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
TORCH_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


@functools.cache
def random_weights():
  return vgg19.random(seed=3)


@pytest.fixture(scope='module')
def weights():
  random = random_weights()
  rng = np.random.default_rng(4)
  # Biases that are not zero: their place before ReLU shows.
  params = {
    name: {
      'kernel': layer['kernel'],
      'bias': 0.1 * rng.standard_normal(layer['bias'].shape, np.float32),
    }
    for name, layer in random.params.items()
  }
  return random._replace(params=params)


def small_params(reach=16):
  return {name: random_weights().params[name] for name in vgg19.CONVS[:reach]}


def twin_features(torch, params, x):
  """Every layer by a sequence in torchvision's order: conv, ReLU, ..., pool."""
  layers, names = [], []
  for i, (count, _) in enumerate(((2, 0), (2, 0), (4, 0), (4, 0), (4, 0)), 1):
    for j in range(1, count + 1):
      kernel = params[f'conv{i}_{j}']['kernel'].transpose(3, 2, 0, 1)
      conv = torch.nn.Conv2d(*kernel.shape[1::-1], 3, padding=1)
      conv.weight.data = torch.tensor(kernel)
      conv.bias.data = torch.tensor(params[f'conv{i}_{j}']['bias'])
      layers += [conv, torch.nn.ReLU()]
      names += [f'conv{i}_{j}', f'relu{i}_{j}']
    layers.append(torch.nn.MaxPool2d(2, 2))
    names.append(f'pool{i}')
  x = torch.tensor(((x - TORCH_MEAN) / TORCH_DEVIATION).transpose(0, 3, 1, 2))
  out = {}
  with torch.no_grad():
    for name, layer in zip(names, layers, strict=True):
      x = layer(x)
      out[name] = x.numpy().transpose(0, 2, 3, 1)
  return out


@pytest.mark.parametrize('size', [(32, 32), (37, 45)])
def test_every_layer_equals_torch(weights, size):
  torch = pytest.importorskip('torch')
  x = np.random.default_rng(0).random((2, *size, 3), np.float32)
  want = twin_features(torch, weights.params, x)
  got = jax.jit(functools.partial(vgg.features, names=vgg.LAYERS))(weights.params, x)
  assert tuple(want) == vgg.LAYERS
  errors = {}
  for name in vgg.LAYERS:
    assert got[name].shape == want[name].shape
    worst = np.abs(np.asarray(got[name]) - want[name]).max()
    errors[name] = worst / np.abs(want[name]).max()
  name = max(errors, key=errors.get)
  print(f'largest relative error at {size}: {errors[name]:.2e} in {name}')
  assert errors[name] < 1e-5, f'largest relative error {errors[name]:.2e} in {name}'


def test_caffe_preprocessing_flips_scales_and_centres():
  grey = jnp.full((1, 1, 1, 3), 0.5)
  got = vgg.normalise(grey, 'caffe')[0, 0, 0]
  np.testing.assert_allclose(got, [23.561, 10.721, 3.82], atol=1e-4)
  got = vgg.normalise(grey, 'torch')[0, 0, 0]
  np.testing.assert_allclose(got, [0.065502, 0.196429, 0.417778], atol=1e-6)
  red = jnp.array([[[[1.0, 0.0, 0.0]]]])
  got = vgg.normalise(red, 'caffe')[0, 0, 0]
  np.testing.assert_allclose(got, [-103.939, -116.779, 131.32], atol=1e-4)


def test_real_partial_weights_give_the_published_activations(shared):
  folder = shared / 'weights' / 'vgg19_normalised_to_conv3_1'
  weights = vgg19.load(folder / 'vgg19_normalised_to_conv3_1.npz')
  with (folder / 'expected_activations.csv').open() as f:
    rows = [r for r in csv.DictReader(f) if r['image'] in ('butterfly', 'woman')]
  names = tuple(dict.fromkeys(r['layer'] for r in rows))
  assert len(names) == 7
  measured = {}
  for image in {r['image'] for r in rows}:
    (path,) = (shared / 'data' / 'Set5' / 'HR').glob(f'{image}.*')
    picture = np.asarray(PIL.Image.open(path).convert('RGB'), np.float32) / 255
    h, w = picture.shape[0] // 4 * 4, picture.shape[1] // 4 * 4
    measured[image] = vgg.features(
      weights.params,
      jnp.asarray(picture[None, :h, :w]),
      names,
      preprocess=weights.preprocess,
      padding=weights.padding,
    )
  for row in rows:
    x = np.asarray(measured[row['image']][row['layer']], np.float64)
    assert x.shape == (1, *(int(row[k]) for k in ('height', 'width', 'channels')))
    got = [x.mean(), x.std(), x.max()]
    want = [float(row[k]) for k in ('mean', 'std', 'max')]
    np.testing.assert_allclose(got, want, rtol=2e-5, err_msg=str(row))


def convolutions(names, reach=16):
  x = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
  params = small_params(reach)
  text = str(jax.make_jaxpr(lambda p, x: vgg.features(p, x, names))(params, x))
  return text.count('conv_general_dilated[')


@pytest.mark.parametrize(
  ('names', 'count'),
  [(('relu2_2',), 4), (('conv3_1', 'relu1_1'), 5), (('pool5',), 16), ((), 0)],
)
def test_computes_no_deeper_than_asked(names, count):
  assert convolutions(names) == count


def test_returns_only_what_was_asked():
  x = jnp.zeros((1, 32, 32, 3))
  got = vgg.features(small_params(5), x, ('relu2_2', 'conv1_1'))
  assert {k: v.shape for k, v in got.items()} == {
    'relu2_2': (1, 16, 16, 128),
    'conv1_1': (1, 32, 32, 64),
  }


def test_parameter_count_of_the_paper():
  leaves = jax.tree.leaves(random_weights().params)
  assert sum(leaf.size for leaf in leaves) == 20_024_384
  assert vgg.GROUPS == vgg19.GROUPS


def test_half_precision_computes_in_it():
  x = jnp.full((1, 4, 4, 3), 0.25)
  got = vgg.features(small_params(1), x, ('relu1_1',), dtype=jnp.bfloat16)
  full = vgg.features(small_params(1), x, ('relu1_1',))
  assert got['relu1_1'].dtype == jnp.bfloat16
  np.testing.assert_allclose(
    got['relu1_1'].astype(jnp.float32), full['relu1_1'], atol=0.05
  )


def test_mistakes_are_told_in_words():
  x = jnp.zeros((1, 32, 32, 3))
  params = small_params(5)
  with pytest.raises(UserError, match=r"'relu5_5'.*did you mean 'relu5_4'"):
    vgg.features(params, x, ('relu5_5',))
  with pytest.raises(UserError, match=r'lack conv3_2, conv3_3, conv3_4, conv4_1,'):
    vgg.features(params, x, ('conv4_1',))
  with pytest.raises(UserError, match=r'8x12 pixels.*relu5_1.*16x16') as error:
    vgg.features(small_params(), jnp.zeros((1, 8, 12, 3)), ('relu5_1', 'relu3_1'))
  assert '\n' not in str(error.value)
  with pytest.raises(UserError, match=r"preprocessing 'imagenet'"):
    vgg.features(params, x, ('conv1_1',), preprocess='imagenet')
  with pytest.raises(UserError, match=r"padding 'same'"):
    vgg.features(params, x, ('conv1_1',), padding='same')
  with pytest.raises(ValueError, match='N, H, W, 3'):
    vgg.features(params, x[0], ('conv1_1',))
