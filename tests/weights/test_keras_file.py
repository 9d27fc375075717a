"""The Keras reader on files laid out exactly as Keras lays them out."""

import h5py
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.weights import keras_file

RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((3, 3, 3, 8), np.float32)
BIAS = RNG.standard_normal(8, np.float32)


def write_keras_2(group, layers):
  """What `save_weights_to_hdf5_group` of Keras 2 writes: names as byte strings."""
  group.attrs['layer_names'] = [name.encode() for name in layers]
  group.attrs['backend'] = b'tensorflow'
  group.attrs['keras_version'] = b'2.4.0'
  for layer, weights in layers.items():
    g = group.create_group(layer)
    g.attrs['weight_names'] = [name.encode() for name in weights]
    for name, array in weights.items():
      g.create_dataset(name, data=array)


def assert_read(path, want):
  got = keras_file.read(path)
  assert list(got) == list(want)
  for name in want:
    np.testing.assert_array_equal(got[name], want[name])
    assert got[name].dtype == np.float32


WANT = {'conv_b/kernel': KERNEL, 'conv_b/bias': BIAS, 'conv_a/kernel': -KERNEL}
LAYERS = {
  'input_1': {},
  'conv_b': {'conv_b/kernel:0': KERNEL, 'conv_b/bias:0': BIAS},
  'conv_a': {'conv_a/kernel:0': -KERNEL},
}


def test_weights_file(tmp_path):
  with h5py.File(tmp_path / 'w.h5', 'w') as f:
    write_keras_2(f, LAYERS)
  assert_read(tmp_path / 'w.h5', WANT)


def test_whole_model_with_an_optimizer(tmp_path):
  with h5py.File(tmp_path / 'm.h5', 'w') as f:
    f.attrs['model_config'] = b'{}'
    write_keras_2(f.create_group('model_weights'), LAYERS)
    write_keras_2(f.create_group('optimizer_weights'), {'adam': {'adam/m:0': BIAS}})
  assert_read(tmp_path / 'm.h5', WANT)


def test_names_of_keras_1(tmp_path):
  layers = {'block1_conv1': {'block1_conv1_W_1:0': KERNEL, 'block1_conv1_b_1:0': BIAS}}
  with h5py.File(tmp_path / 'w.h5', 'w') as f:
    write_keras_2(f, layers)
  want = {
    'block1_conv1/block1_conv1_W_1': KERNEL,
    'block1_conv1/block1_conv1_b_1': BIAS,
  }
  assert_read(tmp_path / 'w.h5', want)


def test_lists_of_names_that_keras_cut_into_pieces(tmp_path):
  with h5py.File(tmp_path / 'w.h5', 'w') as f:
    write_keras_2(f, LAYERS)
    del f.attrs['layer_names']
    f.attrs['layer_names0'] = [b'input_1', b'conv_b']
    f.attrs['layer_names1'] = [b'conv_a']
  assert_read(tmp_path / 'w.h5', WANT)


def test_keras_3(tmp_path):
  with h5py.File(tmp_path / 'm.weights.h5', 'w') as f:
    f['layers/conv2d/vars/0'] = KERNEL
    f['layers/conv2d/vars/1'] = BIAS
    f.create_group('layers/max_pooling2d/vars')
    f.create_group('vars')
  assert_read(
    tmp_path / 'm.weights.h5',
    {'layers/conv2d/vars/0': KERNEL, 'layers/conv2d/vars/1': BIAS},
  )


def test_mistakes(tmp_path):
  path = tmp_path / 'x.h5'
  with pytest.raises(UserError, match='there is no file'):
    keras_file.read(path)
  path.write_bytes(b'hello')
  with pytest.raises(UserError, match=r'cannot read .* as a Keras'):
    keras_file.read(path)
  with h5py.File(path, 'w') as f:
    f['numbers'] = BIAS
  with pytest.raises(UserError, match='no Keras weights'):
    keras_file.read(path)
  with h5py.File(path, 'w') as f:
    write_keras_2(f, LAYERS)
    del f['conv_b']
  with pytest.raises(UserError, match='conv_b'):
    keras_file.read(path)
