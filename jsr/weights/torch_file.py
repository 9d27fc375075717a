"""PyTorch checkpoints without PyTorch, and without running what is pickled in them.

Reads the zip format (torch 1.6 and later) and the legacy one before it. The unpickler
knows only the names that rebuilding tensors needs and refuses all others.
"""

import os
import pathlib
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import IO, Any

import jax.numpy as jnp
import numpy as np

from jsr.errors import UserError

# Every legacy file starts with this pickled number, 0x1950A86A20F9469CFC6C.
LEGACY_START = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'

_STORAGE_DTYPES: dict[str, Any] = {
  'DoubleStorage': np.float64,
  'FloatStorage': np.float32,
  'HalfStorage': np.float16,
  'BFloat16Storage': jnp.bfloat16,
  'LongStorage': np.int64,
  'IntStorage': np.int32,
  'ShortStorage': np.int16,
  'CharStorage': np.int8,
  'ByteStorage': np.uint8,
  'BoolStorage': np.bool_,
  'ComplexDoubleStorage': np.complex128,
  'ComplexFloatStorage': np.complex64,
  'UntypedStorage': np.uint8,
}
_DTYPES: dict[str, Any] = {
  'float64': np.float64,
  'float32': np.float32,
  'float16': np.float16,
  'bfloat16': jnp.bfloat16,
  'int64': np.int64,
  'int32': np.int32,
  'int16': np.int16,
  'int8': np.int8,
  'uint64': np.uint64,
  'uint32': np.uint32,
  'uint16': np.uint16,
  'uint8': np.uint8,
  'bool': np.bool_,
  'complex128': np.complex128,
  'complex64': np.complex64,
}


def read(path: str | os.PathLike[str], key: str | None = None) -> dict[str, np.ndarray]:
  """Returns the tensors of a `.pth` or `.pt` file by name.

  Args:
    path: A file that `torch.save` wrote: a mapping from names to tensors.
    key: Entry that holds the mapping, for a checkpoint such as {'params_ema': {...},
      'params': {...}} or {'state_dict': {...}, 'epoch': 3}.

  Returns:
    {name: array}, read-only, contiguous, in the dtype of the file (bfloat16 as JAX's
    own). What is not a tensor is left out.

  Raises:
    UserError: Not such a file, damaged, a name in it that tensors do not need, or a
      wrong `key`.
  """
  path = pathlib.Path(path)
  try:
    with path.open('rb') as f:
      head = f.read(len(LEGACY_START))
      f.seek(0)
      if head == LEGACY_START:
        content, load = _read_legacy(f)
      elif head.startswith(b'PK'):
        content, load = _read_zip(f)
      else:
        raise UserError(
          f'{path} is not a PyTorch checkpoint: give a file that torch.save wrote'
        )
    tensors = _choose(content, key, path)
    return {name: tensor.array(load) for name, tensor in tensors.items()}
  except UserError:
    raise
  except OSError as error:
    raise UserError(f'cannot read {path}: {error}') from error
  except _RefusedError as error:
    raise UserError(
      f'{path} is refused: it asks for {error}, which no tensor needs and which could '
      'run code; save the plain state_dict and give that file'
    ) from error
  # A damaged or hostile pickle can raise nearly anything.
  except Exception as error:
    raise UserError(
      f'{path} is damaged or not a PyTorch checkpoint ({error}): download it again'
    ) from error


class _RefusedError(Exception):
  """The pickle names something outside of the short list."""


class _Name:
  """A storage class or dtype of torch, of which only the name matters here."""

  __slots__ = ('text',)

  def __init__(self, text: str):
    self.text = text


class _Storage:
  """Part of a run of numbers in the file: `count` of them from `start` on."""

  def __init__(self, key: str, dtype: np.dtype, start: int, count: int):
    self.key, self.dtype, self.start, self.count = key, dtype, start, count


class _Tensor:
  """What a tensor is made of; the numbers follow later in a legacy file."""

  def __init__(
    self,
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: np.dtype | None = None,
  ):
    self.storage, self.offset = storage, offset
    self.shape, self.strides, self.dtype = shape, strides, dtype

  def array(self, load: Callable[[str], bytes]) -> np.ndarray:
    dtype = self.dtype or self.storage.dtype
    flat = np.frombuffer(load(self.storage.key), np.uint8)
    start = self.storage.start * self.storage.dtype.itemsize
    size = self.storage.count * self.storage.dtype.itemsize
    flat = flat[start : start + size]
    if flat.size != size:
      raise ValueError(f'storage {self.storage.key} is cut short')
    flat = flat[: size - size % dtype.itemsize].view(dtype)
    numbers = (self.offset, *self.shape, *self.strides)
    if any(type(n) is not int or n < 0 for n in numbers):
      raise ValueError('a tensor has a negative size')
    if len(self.shape) != len(self.strides):
      raise ValueError('a tensor has more sizes than strides')
    if 0 in self.shape:
      return np.zeros(self.shape, dtype)
    steps = zip(self.shape, self.strides, strict=True)
    last = self.offset + sum((n - 1) * s for n, s in steps)
    if last >= flat.size:
      raise ValueError('a tensor reaches beyond its storage')
    strides = [s * dtype.itemsize for s in self.strides]
    view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides)
    return np.asarray(view, order='C')


class _Unpickler(pickle.Unpickler):
  """Knows the names that tensors need, and turns each into a harmless stand-in."""

  def find_class(self, module: str, name: str) -> Any:
    if (module, name) == ('collections', 'OrderedDict'):
      return OrderedDict
    if (module, name) == ('torch', 'Size'):
      return tuple
    rebuild = {
      '_rebuild_tensor': self._tensor,
      '_rebuild_tensor_v2': self._tensor,
      '_rebuild_tensor_v3': self._tensor_v3,
      '_rebuild_parameter': self._parameter,
      '_rebuild_parameter_with_state': self._parameter,
    }
    if module == 'torch._utils' and name in rebuild:
      return rebuild[name]
    if module in ('torch', 'torch.cuda', 'torch.storage') and name in _STORAGE_DTYPES:
      return _Name(name)
    if module == 'torch' and name in _DTYPES:
      return _Name(name)
    raise _RefusedError(f'{module}.{name}')

  def persistent_load(self, pid: Any) -> Any:
    kind, storage_type, key, _, count, *view = pid
    if kind != 'storage':
      raise ValueError(f'unknown persistent object {kind!r}')
    dtype = np.dtype(_STORAGE_DTYPES[storage_type.text])
    if view and view[0] is not None:
      _, start, count = view[0]
      return _Storage(str(key), dtype, start, count)
    return _Storage(str(key), dtype, 0, count)

  def _tensor(
    self, storage: Any, offset: int, shape: Any, strides: Any, *_: Any
  ) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))

  def _tensor_v3(
    self, storage: Any, offset: int, shape: Any, strides: Any, *rest: Any
  ) -> _Tensor:
    _, _, dtype = rest[:3]  # After requires_grad and the hooks.
    found = np.dtype(_DTYPES[dtype.text])
    return _Tensor(storage, offset, tuple(shape), tuple(strides), found)

  def _parameter(self, tensor: Any, *_: Any) -> Any:
    return tensor


def _read_zip(f: IO[bytes]) -> tuple[Any, Callable[[str], bytes]]:
  archive = zipfile.ZipFile(f)
  pickles = [n for n in archive.namelist() if n.split('/')[1:] == ['data.pkl']]
  if len(pickles) != 1:
    raise ValueError('the zip archive holds no data.pkl')
  folder = pickles[0].removesuffix('data.pkl')
  if f'{folder}byteorder' in archive.namelist():
    _need_little(archive.read(f'{folder}byteorder') == b'little')
  with archive.open(pickles[0]) as p:
    content = _Unpickler(p, encoding='utf-8').load()
  storages: dict[str, bytes] = {}
  for name in archive.namelist():
    if name.startswith(f'{folder}data/'):
      storages[name.removeprefix(f'{folder}data/')] = archive.read(name)
  return content, storages.__getitem__


def _read_legacy(f: IO[bytes]) -> tuple[Any, Callable[[str], bytes]]:
  f.seek(len(LEGACY_START))
  version = _Unpickler(f).load()
  if version != 1001:
    raise ValueError(f'protocol version {version} instead of 1001')
  _need_little(_Unpickler(f).load()['little_endian'])
  itemsizes: dict[str, int] = {}

  class Recorder(_Unpickler):
    """Notes the size of a number, which the storages at the end do not tell."""

    def persistent_load(self, pid: Any) -> Any:
      storage = super().persistent_load(pid)
      itemsizes[storage.key] = storage.dtype.itemsize
      return storage

  content = Recorder(f, encoding='utf-8').load()
  keys = _Unpickler(f).load()
  storages: dict[str, bytes] = {}
  for key in keys:
    (count,) = struct.unpack('<q', f.read(8))
    size = count * itemsizes[str(key)]
    if count < 0:
      raise ValueError('a storage has a negative size')
    storages[str(key)] = f.read(size)
  return content, storages.__getitem__


def _need_little(little: Any) -> None:
  if not little:
    raise ValueError('written on a big-endian machine')


def _choose(content: Any, key: str | None, path: pathlib.Path) -> dict[str, _Tensor]:
  if key is not None:
    if not isinstance(content, Mapping) or key not in content:
      raise UserError(f"{path} has no entry '{key}': {_entries(content)}")
    content = content[key]
  if not isinstance(content, Mapping):
    raise UserError(
      f'{path} holds a {type(content).__name__} instead of named tensors: save a '
      'state_dict and give that file'
    )
  tensors = {str(k): v for k, v in content.items() if isinstance(v, _Tensor)}
  if not tensors:
    raise UserError(f'{path} has no tensors at its top: {_entries(content)}')
  return tensors


def _entries(content: Any) -> str:
  names = [str(k) for k in content] if isinstance(content, Mapping) else []
  if not names:
    return 'give another file'
  shown = ', '.join(names[:8]) + (', ...' if len(names) > 8 else '')
  return f'name one of its entries as the key: {shown}'
