"""Tensors from every kind of file, told by the content; nothing in a file runs."""

import h5py
import numpy as np
import pytest
import safetensors.numpy
import scipy.io

from jsr.errors import UserError
from jsr.weights import model_file, tensors
from tests.weights import programs
from tests.weights.programs import made, state

torch = pytest.importorskip('torch')


def write_h5(path, content):
  with h5py.File(path, 'w') as f:
    layers = list(dict.fromkeys(name.split('/')[0] for name in content))
    f.attrs['layer_names'] = [name.encode() for name in layers]
    for layer in layers:
      own = [name for name in content if name.startswith(f'{layer}/')]
      f.create_group(layer).attrs['weight_names'] = [f'{n}:0'.encode() for n in own]
      for name in own:
        f[f'{layer}/{name}:0'] = content[name]


def test_every_kind_of_file(tmp_path):
  content = state(made(programs.ESPCN))
  np.savez(tmp_path / 'npz', **content)
  scipy.io.savemat(tmp_path / 'mat', {'a': np.eye(2), 'text': 'x'}, appendmat=False)
  safetensors.numpy.save_file(content, tmp_path / 'safe')
  keras = made(programs.KrassermEDSR, 2).tensors()
  write_h5(tmp_path / 'h5', keras)
  pth = {f'module.{k}': torch.tensor(v) for k, v in content.items()}
  torch.save({'params': {}, 'params_ema': pth, 'epoch': 3}, tmp_path / 'pth')
  torch.save(pth, tmp_path / 'old', _use_new_zipfile_serialization=False)
  for kind in ('npz.npz', 'safe', 'pth', 'old'):
    got = tensors.read(tmp_path / kind)
    assert got.keys() == content.keys(), kind
    for name, array in content.items():
      np.testing.assert_array_equal(got[name], array)
  np.testing.assert_array_equal(tensors.read(tmp_path / 'mat')['a'], np.eye(2))
  assert list(tensors.read(tmp_path / 'mat')) == ['a']
  assert list(tensors.read(tmp_path / 'h5')) == list(keras)
  explicit = tensors.read(tmp_path / 'pth', 'params_ema')
  assert explicit.keys() == content.keys()


def test_files_that_are_none(tmp_path):
  path = tmp_path / 'x'
  with pytest.raises(UserError, match='there is no weights file'):
    tensors.read(path)
  for head, match in (
    (b'hello', 'not a PyTorch checkpoint'),
    (b'MATLAB 5.0 MAT-file' + b' ' * 200, 'as a MATLAB file'),
    (b'PK\3\4', 'damaged'),
    (b'\x08' + b'\0' * 7 + b'{' + b'\0' * 20, 'as safetensors'),
    (b'\x89HDF\r\n\x1a\n', 'Keras'),
  ):
    path.write_bytes(head)
    with pytest.raises(UserError, match=match) as error:
      tensors.read(path)
    assert '\n' not in str(error.value)
  np.savez(tmp_path / 'y', a=np.zeros(2))
  with pytest.raises(UserError, match='drop --key'):
    tensors.read(tmp_path / 'y.npz', 'params')
  torch.save({'weird': {'a': torch.zeros(2)}}, path)
  with pytest.raises(UserError, match='name one of its entries as the key: weird'):
    tensors.read(path)
  scipy.io.savemat(path, {'text': 'x'}, appendmat=False)
  with pytest.raises(UserError, match='no numeric arrays'):
    tensors.read(path)


class Bomb:
  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return (open, (str(self.path), 'w'))


def test_nothing_that_is_pickled_runs(tmp_path):
  torch.save({'params': Bomb(tmp_path / 'boom')}, tmp_path / 'x.pth')
  with pytest.raises(UserError, match='refused'):
    tensors.read(tmp_path / 'x.pth')
  np.save(tmp_path / 'x.npy', np.zeros(2))
  np.savez(tmp_path / 'y', a=np.array([Bomb(tmp_path / 'boom')], object))
  with pytest.raises(UserError, match=r'as \.npz'):
    tensors.read(tmp_path / 'y.npz')
  assert not (tmp_path / 'boom').exists()


def test_a_model_file_is_no_foreign_file(tmp_path):
  path = tmp_path / 'x.safetensors'
  model_file.save(path, generator='bicubic', scale=2, args={}, variables={})
  with pytest.raises(UserError, match='model file of jsr already'):
    tensors.read(path)
