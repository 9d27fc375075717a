"""The torch reader against torch.save, against a real file, and against attackers."""

import collections
import datetime
import io
import os
import pickle
import struct
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.weights import torch_file

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
BOTH = pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])


@pytest.fixture
def torch():
  return pytest.importorskip('torch')


@BOTH
def test_state_dict_of_a_network(torch, tmp_path, zipped):
  net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.PReLU(4)
  )
  path = tmp_path / 'net.pth'
  torch.save(net.state_dict(), path, _use_new_zipfile_serialization=zipped)
  got = torch_file.read(path)
  want = {k: v.numpy() for k, v in net.state_dict().items()}
  assert list(got) == list(want)
  for name in want:
    np.testing.assert_array_equal(got[name], want[name])
    assert got[name].dtype == want[name].dtype
    assert got[name].shape == want[name].shape


DTYPES = (
  *('float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8'),
  *('uint64', 'uint32', 'uint16', 'uint8', 'bool', 'complex64', 'complex128'),
)


@BOTH
@pytest.mark.parametrize('name', DTYPES)
def test_dtypes(torch, tmp_path, zipped, name):
  dtype = getattr(torch, name)
  x = torch.tensor([[0, 1, 2], [3, 100, 1]]).to(dtype)
  torch.save({'x': x}, tmp_path / 'x.pt', _use_new_zipfile_serialization=zipped)
  got = torch_file.read(tmp_path / 'x.pt')['x']
  want = jnp.bfloat16 if name == 'bfloat16' else np.dtype(name)
  assert got.dtype == want
  as_float = np.real(got.astype(np.complex64))
  np.testing.assert_array_equal(as_float, x.to(torch.complex64).real.numpy())


@BOTH
def test_views_strides_and_shared_storages(torch, tmp_path, zipped):
  base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
  saved = collections.OrderedDict(
    base=base,
    turned=base.permute(2, 0, 1),
    part=base[1:, ::2, 1:4],
    spread=base[0, 0, :1].expand(7),
    scalar=base[2, 3, 4],
    empty=base[:0],
    nothing=torch.empty(3, 0),
    parameter=torch.nn.Parameter(base * 2),
    again=base,
  )
  path = tmp_path / 'views.pth'
  torch.save(saved, path, _use_new_zipfile_serialization=zipped)
  got = torch_file.read(path)
  assert list(got) == list(saved)
  for name, tensor in saved.items():
    np.testing.assert_array_equal(got[name], tensor.detach().numpy())
    assert got[name].shape == tuple(tensor.shape)
    assert got[name].flags.c_contiguous


@BOTH
def test_nested_checkpoint_needs_its_key(torch, tmp_path, zipped):
  inner = {'w': torch.ones(2)}
  saved = {'params': inner, 'params_ema': {'w': torch.zeros(2)}, 'epoch': 3}
  path = tmp_path / 'nested.pth'
  torch.save(saved, path, _use_new_zipfile_serialization=zipped)
  np.testing.assert_array_equal(torch_file.read(path, 'params')['w'], [1, 1])
  np.testing.assert_array_equal(torch_file.read(path, 'params_ema')['w'], [0, 0])
  with pytest.raises(UserError, match='key: params, params_ema, epoch'):
    torch_file.read(path)
  with pytest.raises(UserError, match=r"no entry 'state_dict'.*params"):
    torch_file.read(path, 'state_dict')
  with pytest.raises(UserError, match='no entry'):
    torch_file.read(path, 'nothing')
  torch.save([torch.ones(2)], path, _use_new_zipfile_serialization=zipped)
  with pytest.raises(UserError, match='holds a list'):
    torch_file.read(path)


def test_the_published_generator(shared):
  folder = shared / 'weights' / 'srgan_x4'
  got = torch_file.read(folder / 'netG_epoch_4_100.v2.pth')
  with np.load(folder / 'srgan_x4.npz') as want:
    assert len(want.files) > 50
    for name in want.files:
      np.testing.assert_array_equal(got[name], want[name])


class Attack:
  """Would make a folder when it is unpickled."""

  def __init__(self, folder):
    self.folder = str(folder)

  def __reduce__(self):
    return os.mkdir, (self.folder,)


def legacy_file(path, content, *, version=1001, little=True):
  info = {'protocol_version': 1001, 'little_endian': little, 'type_sizes': {}}
  if not isinstance(content, bytes):
    content = pickle.dumps(content, protocol=2)
  start = [pickle.dumps(p, protocol=2) for p in (LEGACY_MAGIC, version, info)]
  storage = struct.pack('<q4f', 4, 1, 2, 3, 4)
  path.write_bytes(b''.join(start) + content + pickle.dumps(['0'], 2) + storage)


def zip_file(path, content):
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('archive/data.pkl', pickle.dumps(content, protocol=2))


@pytest.mark.parametrize('write', [zip_file, legacy_file])
def test_a_pickled_command_is_refused_and_not_run(tmp_path, write):
  folder = tmp_path / 'hacked'
  write(tmp_path / 'bad.pth', {'w': Attack(folder)})
  with pytest.raises(UserError, match=rf'{os.name}\.mkdir.*could run code'):
    torch_file.read(tmp_path / 'bad.pth')
  assert not folder.exists()


def test_an_attack_in_the_header_of_a_legacy_file_is_refused(tmp_path):
  folder = tmp_path / 'hacked'
  header = pickle.dumps(LEGACY_MAGIC, protocol=2)
  (tmp_path / 'bad.pth').write_bytes(header + pickle.dumps(Attack(folder), protocol=2))
  with pytest.raises(UserError, match='mkdir'):
    torch_file.read(tmp_path / 'bad.pth')
  assert not folder.exists()


@pytest.mark.parametrize(
  'name', ['builtins eval', 'builtins getattr', 'torch load', 'torch._utils _import']
)
def test_only_the_short_list_of_names_is_known(tmp_path, name):
  module, attribute = name.split()
  body = f'c{module}\n{attribute}\n.'.encode()
  with zipfile.ZipFile(tmp_path / 'x.pth', 'w') as archive:
    archive.writestr('archive/data.pkl', body)
  with pytest.raises(UserError, match=f'{module}.{attribute}'):
    torch_file.read(tmp_path / 'x.pth')


def test_harmless_objects_are_refused_by_name(tmp_path):
  zip_file(tmp_path / 'x.pth', {'when': datetime.date(2020, 1, 1)})
  with pytest.raises(UserError, match=r'datetime\.date'):
    torch_file.read(tmp_path / 'x.pth')


def tensor_pickle(count=4, offset=0, shape=(4,), strides=(1,), view=()):
  """A pickle of one float32 tensor whose claims can be false."""

  class Storage:
    pass

  class Tensor:
    pass

  class Pickler(pickle._Pickler):
    def persistent_id(self, obj):
      if isinstance(obj, list):
        return ('storage', Storage, '0', 'cpu', count, *view)
      return None

    def save_global(self, obj, name=None):
      names = {
        Storage: b'torch\nFloatStorage',
        Tensor: b'torch._utils\n_rebuild_tensor',
      }
      self.write(b'c' + names[obj] + b'\n')

    def save(self, obj, **kwargs):
      if isinstance(obj, type):
        self.save_global(obj)
      else:
        super().save(obj, **kwargs)

    def save_tensor(self):
      self.write(pickle.PROTO + b'\x02' + pickle.EMPTY_DICT)
      self.save('w')
      self.save(Tensor)
      self.save(([], offset, shape, strides))
      self.write(pickle.REDUCE + pickle.SETITEM + pickle.STOP)

  out = io.BytesIO()
  Pickler(out, protocol=2).save_tensor()
  return out.getvalue()


@pytest.mark.parametrize(
  ('claim', 'complaint'),
  [
    ({'shape': (5,)}, 'beyond its storage'),
    ({'offset': 1}, 'beyond its storage'),
    ({'strides': (2,)}, 'beyond its storage'),
    ({'offset': -1}, 'negative'),
    ({'strides': (-1,), 'offset': 3}, 'negative'),
    ({'shape': (2, 2)}, 'more sizes'),
    ({'count': 5}, 'cut short'),
    ({'shape': (2.0,)}, 'negative'),
  ],
)
def test_a_tensor_never_reads_outside_of_its_storage(tmp_path, claim, complaint):
  path = tmp_path / 'x.pth'
  for body, fine in ((tensor_pickle(), True), (tensor_pickle(**claim), False)):
    with zipfile.ZipFile(path, 'w') as archive:
      archive.writestr('archive/data.pkl', body)
      archive.writestr('archive/data/0', struct.pack('<4f', 1, 2, 3, 4))
    if fine:
      np.testing.assert_array_equal(torch_file.read(path)['w'], [1, 2, 3, 4])
    else:
      with pytest.raises(UserError, match=complaint):
        torch_file.read(path)


def test_views_of_storages_as_torch_once_wrote_them(tmp_path):
  path = tmp_path / 'x.pth'
  legacy_file(path, tensor_pickle(view=(None,)))
  np.testing.assert_array_equal(torch_file.read(path)['w'], [1, 2, 3, 4])
  legacy_file(path, tensor_pickle(shape=(2,), view=(('key', 1, 2),)))
  np.testing.assert_array_equal(torch_file.read(path)['w'], [2, 3])
  legacy_file(path, tensor_pickle(shape=(2,), view=(('key', 3, 2),)))
  with pytest.raises(UserError, match='cut short'):
    torch_file.read(path)


def test_other_versions_and_byte_orders_are_refused(tmp_path):
  path = tmp_path / 'x.pth'
  legacy_file(path, tensor_pickle(), version=1002)
  with pytest.raises(UserError, match='version 1002'):
    torch_file.read(path)
  legacy_file(path, tensor_pickle(), little=False)
  with pytest.raises(UserError, match='big-endian'):
    torch_file.read(path)
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('archive/data.pkl', tensor_pickle())
    archive.writestr('archive/data/0', struct.pack('>4f', 1, 2, 3, 4))
    archive.writestr('archive/byteorder', 'big')
  with pytest.raises(UserError, match='big-endian'):
    torch_file.read(path)


def test_damaged_and_foreign_files(torch, tmp_path):
  path = tmp_path / 'x.pth'
  for zipped in (True, False):
    torch.save({'w': torch.ones(500)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(UserError, match='damaged'):
      torch_file.read(path)
  path.write_bytes(b'hello')
  with pytest.raises(UserError, match='not a PyTorch checkpoint'):
    torch_file.read(path)
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('readme.txt', 'hello')
  with pytest.raises(UserError, match=r'no data\.pkl'):
    torch_file.read(path)
  with pytest.raises(UserError, match='cannot read'):
    torch_file.read(tmp_path / 'none.pth')
