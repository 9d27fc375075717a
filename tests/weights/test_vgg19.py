"""VGG19 weights from every kind of file, and never from thin air."""

import hashlib
import logging
import urllib.error

import h5py
import numpy as np
import pytest
import safetensors.numpy

from jsr.errors import UserError
from jsr.weights import vgg19

TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)


@pytest.fixture(scope='module')
def weights():
  return vgg19.random(seed=1)


@pytest.fixture(scope='module')
def few(weights):
  """The first five convolutions: small files."""
  return weights._replace(params=first(weights, 5))


def first(weights, count):
  return {name: weights.params[name] for name in vgg19.CONVS[:count]}


def torchvision_dict(weights, prefix='features.'):
  names = zip(TORCHVISION, weights.params.values(), strict=False)
  state = {}
  for index, layer in names:
    state[f'{prefix}{index}.weight'] = layer['kernel'].transpose(3, 2, 0, 1)
    state[f'{prefix}{index}.bias'] = layer['bias']
  return state


def keras_dict(weights, style='block{i}_conv{j}/{part}'):
  state = {}
  for name, layer in weights.params.items():
    for part, array in layer.items():
      state[style.format(i=name[4], j=name[6], part=part)] = array
  return state


def assert_same(got, params, preprocess, padding='zero'):
  assert (got.preprocess, got.padding) == (preprocess, padding)
  assert list(got.params) == list(params)
  for name, layer in params.items():
    for part, array in layer.items():
      np.testing.assert_array_equal(got.params[name][part], array)
      assert got.params[name][part].dtype == np.float32


def test_random_weights_have_the_shape_of_the_net(weights):
  assert len(weights.params) == 16
  leaves = [a for layer in weights.params.values() for a in layer.values()]
  assert sum(a.size for a in leaves) == 20_024_384
  for layer in weights.params.values():
    fan_in = np.prod(layer['kernel'].shape[:3])
    np.testing.assert_allclose(layer['kernel'].var() * fan_in, 2, rtol=0.1)


def test_torchvision_names(weights):
  state = torchvision_dict(weights)
  state['classifier.0.weight'] = np.zeros((4096, 8), np.float32)
  assert_same(vgg19.from_torchvision(state), weights.params, 'torch')
  bare = vgg19.from_torchvision(torchvision_dict(weights, prefix=''))
  assert_same(bare, weights.params, 'torch')


@pytest.mark.parametrize('prefix', ['', 'features.'])
def test_torchvision_file(few, tmp_path, prefix):
  torch = pytest.importorskip('torch')
  state = {k: torch.tensor(v.copy()) for k, v in torchvision_dict(few, prefix).items()}
  for zipped in (True, False):
    path = tmp_path / 'vgg19.anything'
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    assert_same(vgg19.load(path), few.params, 'torch')


@pytest.mark.parametrize('old_names', [True, False])
def test_keras_file(few, tmp_path, old_names):
  parts = {'kernel': 'W_1', 'bias': 'b_1'}
  path = tmp_path / 'vgg19.anything'
  with h5py.File(path, 'w') as f:
    f.attrs['layer_names'] = [b'input_1', b'block1_pool', b'fc1']
    layers = [f'block{n[4]}_conv{n[6]}' for n in few.params]
    f.attrs['layer_names'] = [n.encode() for n in ['input_1', *layers, 'fc1']]
    f.create_group('input_1').attrs['weight_names'] = []
    f.create_group('fc1').attrs['weight_names'] = [b'fc1/kernel:0']
    f['fc1/fc1/kernel:0'] = np.zeros((8, 8), np.float32)
    for layer, arrays in zip(layers, few.params.values(), strict=True):
      group = f.create_group(layer)
      names = []
      for part, array in arrays.items():
        name = f'{layer}_{parts[part]}:0' if old_names else f'{layer}/{part}:0'
        names.append(name.encode())
        group[name] = array
      group.attrs['weight_names'] = names
  assert_same(vgg19.load(path), few.params, 'caffe')


def test_keras_3_names_go_by_number(weights, tmp_path):
  path = tmp_path / 'vgg19.weights.h5'
  with h5py.File(path, 'w') as f:
    for i, layer in enumerate(weights.params.values()):
      name = f'layers/conv2d_{i}' if i else 'layers/conv2d'
      f[f'{name}/vars/0'], f[f'{name}/vars/1'] = layer['kernel'], layer['bias']
    f['layers/dense/vars/0'] = np.zeros((8, 8), np.float32)
  assert_same(vgg19.load(path), weights.params, 'caffe')


def test_npz_and_safetensors_with_foreign_names(few, tmp_path):
  np.savez(tmp_path / 'a.npz', **torchvision_dict(few))
  assert_same(vgg19.load(tmp_path / 'a.npz'), few.params, 'torch')
  np.savez(tmp_path / 'b.npz', **keras_dict(few))
  assert_same(vgg19.load(tmp_path / 'b.npz'), few.params, 'caffe')
  state = {k: np.ascontiguousarray(v) for k, v in torchvision_dict(few).items()}
  safetensors.numpy.save_file(state, tmp_path / 'c.safetensors')
  assert_same(vgg19.load(tmp_path / 'c.safetensors'), few.params, 'torch')


def test_own_safetensors_keep_the_two_facts(few, tmp_path):
  path = tmp_path / 'x.safetensors'
  vgg19.save_safetensors(path, few._replace(preprocess='caffe', padding='reflect'))
  assert_same(vgg19.load(path), few.params, 'caffe', 'reflect')
  assert_same(vgg19.load_safetensors(path), few.params, 'caffe', 'reflect')
  flat = {f'conv1_1.{k}': v for k, v in few.params['conv1_1'].items()}
  safetensors.numpy.save_file(flat, path)
  with pytest.raises(UserError, match='preprocess and padding'):
    vgg19.load(path)


def test_the_published_normalised_weights(shared):
  folder = shared / 'weights' / 'vgg19_normalised_to_conv3_1'
  got = vgg19.load(folder / 'vgg19_normalised_to_conv3_1.npz')
  assert list(got.params) == list(vgg19.CONVS[:5])
  assert (got.preprocess, got.padding) == ('caffe', 'reflect')
  with np.load(folder / 'vgg19_normalised_to_conv3_1.npz') as f:
    source = dict(f)
  want = source['9.weight'].transpose(2, 3, 1, 0)
  np.testing.assert_array_equal(got.params['conv2_1']['kernel'], want)
  source['0.weight'] = source['0.weight'][::-1]
  with pytest.raises(UserError, match='layer 0'):
    vgg19.from_normalised(source)


def test_identity_check(shared, weights):
  path = shared / 'weights' / 'vgg19_identity_check' / 'vgg19_block5_conv4_tail.npz'
  with np.load(path) as f:
    tail, bias = f['block5_conv4_kernel_flat_tail'], f['block5_conv4_bias']
  kernel = weights.params['conv5_4']['kernel'].copy()
  kernel.reshape(-1)[-tail.size :] = tail
  params = {**weights.params, 'conv5_4': {'kernel': kernel, 'bias': bias}}
  assert vgg19.identity_check(params)
  assert not vgg19.identity_check(weights.params)
  assert not vgg19.identity_check(first(weights, 5))
  almost = bias.copy()
  almost[0] = np.nextafter(almost[0], np.float32(1))
  params['conv5_4'] = {'kernel': kernel, 'bias': almost}
  assert not vgg19.identity_check(params)


def test_other_networks_and_broken_weights_are_refused(few):
  state = torchvision_dict(few)
  # VGG16 has convolution 17, VGG19 with batch normalisation a layer 1 with weights.
  for name, array in (('17.weight', np.zeros((1, 1, 3, 3))), ('1.weight', np.ones(64))):
    with pytest.raises(UserError, match=rf'{name} is no part of VGG19'):
      vgg19.from_torchvision({**state, f'features.{name}': array})
  with pytest.raises(UserError, match='lack conv2_1'):
    vgg19.from_torchvision({k: v for k, v in state.items() if '.5.' not in k})
  with pytest.raises(UserError, match='conv1_1 has shapes'):
    vgg19.from_torchvision({**state, 'features.0.weight': np.zeros((64, 1, 3, 3))})
  with pytest.raises(UserError, match='conv1_1 has shapes'):
    vgg19.from_torchvision({k: v for k, v in state.items() if k != 'features.0.bias'})
  with pytest.raises(UserError, match=r'conv1_1.*not finite'):
    vgg19.from_torchvision({**state, 'features.0.bias': np.full(64, np.nan)})
  with pytest.raises(UserError, match='lack conv1_1'):
    vgg19.from_keras({})
  with pytest.raises(UserError, match='conv7_1'):
    vgg19.from_keras({**keras_dict(few), 'block7_conv1/bias': np.zeros(3)})


def test_foreign_files_are_refused_with_their_path(few, tmp_path):
  path = tmp_path / 'x.npz'
  np.savez(path, weights_conv1=np.zeros(3))
  with pytest.raises(UserError, match=r'x\.npz does not look like.*weights_conv1'):
    vgg19.load(path)
  np.savez(path, **torchvision_dict(few), **{'features.17.bias': np.zeros(3)})
  with pytest.raises(UserError, match=r'x\.npz: 17\.bias'):
    vgg19.load(path)
  path.write_bytes(b'hello')
  with pytest.raises(UserError, match='not a PyTorch checkpoint'):
    vgg19.load(path)
  path.write_bytes(b'\x08' + b'\0' * 7 + b'{' + b'\0' * 20)
  with pytest.raises(UserError, match='as safetensors'):
    vgg19.load(path)
  with pytest.raises(UserError, match='there is no VGG19 weights file'):
    vgg19.load(tmp_path / 'none.pth')


def offline(request, timeout):
  raise urllib.error.URLError('no network')


def test_find_takes_the_path_then_the_cache(few, tmp_path):
  vgg19.save_safetensors(tmp_path / 'mine', few)
  got = vgg19.find(tmp_path / 'mine', cache=tmp_path / 'none', opener=offline)
  assert_same(got, few.params, 'torch')
  assert not (tmp_path / 'none').exists()
  with pytest.raises(UserError, match='there is no'):
    vgg19.find(tmp_path / 'lost', opener=offline)
  # A file that was put into the cache by hand, in whatever format.
  vgg19.save_safetensors(tmp_path / 'vgg19-dcbb9e9d.pth', few)
  assert_same(vgg19.find('', cache=tmp_path, opener=offline), few.params, 'torch')


@pytest.mark.parametrize('source', ['torchvision', 'keras'])
def test_find_offline_fails_loudly(tmp_path, source):
  with pytest.raises(UserError) as error:
    vgg19.find(source=source, cache=tmp_path, option='--my.option', opener=offline)
  text = str(error.value)
  url = vgg19.SOURCES[source].url
  for part in (url, 'no network', str(tmp_path / url.split('/')[-1]), '--my.option'):
    assert part in text
  assert '\n' not in text


def test_find_asks_the_keras_file_for_its_identity(few, tmp_path):
  name = 'vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5'
  np.savez(tmp_path / 'x.npz', **keras_dict(few))
  (tmp_path / 'x.npz').rename(tmp_path / name)
  with pytest.raises(UserError, match='does not hold the VGG19 of Keras'):
    vgg19.find(source='keras', cache=tmp_path, opener=offline)
  with pytest.raises(UserError, match=r"'keras'"):
    vgg19.find(source='kers', cache=tmp_path, opener=offline)


def test_find_downloads_and_checks(few, tmp_path, monkeypatch):
  vgg19.save_safetensors(tmp_path / 'served', few)
  url = (tmp_path / 'served').as_uri()
  digest = hashlib.sha256((tmp_path / 'served').read_bytes()).hexdigest()
  monkeypatch.setitem(vgg19.SOURCES, 'torchvision', vgg19.Source(url, digest))
  assert_same(vgg19.find(cache=tmp_path / 'cache'), few.params, 'torch')
  assert (tmp_path / 'cache' / 'served').exists()


@pytest.mark.parametrize(('name', 'maps'), [('random', 64), ('narrow', 4)])
def test_random_only_by_its_name_and_with_a_warning(caplog, name, maps):
  with caplog.at_level(logging.WARNING):
    got = vgg19.find(name, opener=offline)
  assert len(got.params) == 16
  assert got.params['conv1_1']['kernel'].shape == (3, 3, 3, maps)
  assert 'random weights' in caplog.text
