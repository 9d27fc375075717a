"""Named tensors out of any file: PyTorch, Keras, MATLAB, NumPy, safetensors.

The kind is told by the content, not by the file's name. Nothing in a file is executed.
"""

import os
import pathlib
import warnings
import zipfile

import numpy as np
import safetensors
import scipy.io

from jsr.errors import UserError
from jsr.weights import keras_file, torch_file

# Where training programs put the weights inside their checkpoints; averaged ones first.
KEYS = ('params_ema', 'params', 'state_dict', 'model_state_dict', 'model', 'net')


def read(path: str | os.PathLike[str], key: str | None = None) -> dict[str, np.ndarray]:
  """Returns all tensors of a file by name, in the file's order.

  Args:
    path: A torch .pth or .pt, Keras .h5, MATLAB .mat (version 5), .npz or .safetensors
      file.
    key: Entry of a PyTorch checkpoint that holds the tensors; None: its top, or the
      first of `KEYS` that is there.

  Returns:
    {name: array}; a prefix 'module.' that all names share is cut.

  Raises:
    UserError: No such file, or of none of these kinds.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'there is no weights file {path}: correct the path')
  with path.open('rb') as f:
    head = f.read(16)
  numpy = head.startswith(b'PK') and _is_npz(path)
  # A safetensors file starts with the length of its JSON header.
  others = head.startswith((keras_file.START, b'MATLAB')) or head[8:9] == b'{'
  if key is not None and (numpy or others):
    raise UserError(f'{path} is no PyTorch checkpoint and has no entries: drop --key')
  if head.startswith(keras_file.START):
    return keras_file.read(path)
  if head.startswith(b'MATLAB'):
    return _matlab(path)
  if numpy:
    return _npz(path)
  if others:
    return _safetensors(path)
  return _torch(path, key)


def _torch(path: pathlib.Path, key: str | None) -> dict[str, np.ndarray]:
  try:
    found = torch_file.read(path, key)
  except UserError as first:
    if key is not None:
      raise
    for guess in KEYS:
      try:
        found = torch_file.read(path, guess)
        break
      except UserError:
        continue
    else:
      raise first from None
  if all(name.startswith('module.') for name in found):
    # How PyTorch names the layers of a model that was trained on several GPUs.
    found = {name.removeprefix('module.'): array for name, array in found.items()}
  return found


def _matlab(path: pathlib.Path) -> dict[str, np.ndarray]:
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')  # Of variables that are no tensors anyway.
      content = scipy.io.loadmat(path)
  except NotImplementedError as error:
    raise UserError(
      f'{path} has the format of MATLAB 7.3: save it again with the option -v7'
    ) from error
  except Exception as error:  # A damaged file can raise nearly anything.
    raise UserError(f'cannot read {path} as a MATLAB file: {error}') from error
  found = {
    name: array
    for name, array in content.items()
    if isinstance(array, np.ndarray) and array.dtype.kind in 'fiub'
  }
  if not found:
    raise UserError(f'{path} holds no numeric arrays: give a file of weights')
  return found


def _npz(path: pathlib.Path) -> dict[str, np.ndarray]:
  try:
    with np.load(path) as archive:
      return dict(archive)
  except (OSError, ValueError, zipfile.BadZipFile) as error:
    raise UserError(f'cannot read {path} as .npz: {error}') from error


def _safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
  try:
    with safetensors.safe_open(path, framework='numpy') as f:
      if 'jsr' in (f.metadata() or {}):
        raise UserError(f'{path} is a model file of jsr already: use it as it is')
      return {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118
  except (OSError, safetensors.SafetensorError) as error:
    raise UserError(f'cannot read {path} as safetensors: {error}') from error


def _is_npz(path: pathlib.Path) -> bool:
  try:
    with zipfile.ZipFile(path) as archive:
      return any(name.endswith('.npy') for name in archive.namelist())
  except zipfile.BadZipFile:
    return False
