"""Keras weights in HDF5, read without Keras.

Three layouts: weights files of Keras 1 and 2 (`layer_names` at the root), whole models
(the same under `model_weights`), and `.weights.h5` of Keras 3 (`layers/<name>/vars/0`).
"""

import os
import pathlib

import h5py
import numpy as np

from jsr.errors import UserError

# How every HDF5 file starts.
START = b'\x89HDF\r\n\x1a\n'


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
  """Returns the weights of a Keras `.h5` file by name, in the file's order.

  Returns:
    {'<layer>/<weight>': array} such as 'block1_conv1/kernel' (kernels are HWIO; the
    ':0' of TensorFlow is cut), or for Keras 3 'layers/conv2d/vars/0'.

  Raises:
    UserError: Not a Keras weights file.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'there is no file {path}: give the path of a Keras .h5 file')
  try:
    with h5py.File(path, 'r') as f:
      root = f.get('model_weights', f)
      names = _attribute(root, 'layer_names')
      weights = _keras_3(f) if names is None else _keras_2(root, names)
  except (OSError, KeyError, RuntimeError) as error:
    raise UserError(f'cannot read {path} as a Keras .h5 file: {error}') from error
  if not weights:
    raise UserError(f'{path} holds no Keras weights: give a file of model.save_weights')
  return weights


def _keras_2(root: h5py.Group, layers: list[str]) -> dict[str, np.ndarray]:
  weights = {}
  for layer in layers:
    for name in _attribute(root[layer], 'weight_names') or []:
      short = name.removesuffix(':0')
      key = short if short.startswith(f'{layer}/') else f'{layer}/{short}'
      weights[key] = np.asarray(root[layer][name])
  return weights


def _keras_3(root: h5py.Group) -> dict[str, np.ndarray]:
  weights = {}

  def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
    if isinstance(item, h5py.Dataset) and 'vars' in name.split('/'):
      weights[name] = np.asarray(item)

  root.visititems(visit)
  return weights


def _attribute(group: h5py.Group, name: str) -> list[str] | None:
  """Reads a list of names, which Keras cuts into name0, name1, ... when it is long."""
  if name in group.attrs:
    parts = [group.attrs[name]]
  else:
    count = 0
    while f'{name}{count}' in group.attrs:
      count += 1
    parts = [group.attrs[f'{name}{i}'] for i in range(count)]
  if not parts:
    return None
  texts = [text for part in parts for text in part]
  return [t.decode() if isinstance(t, bytes) else str(t) for t in texts]
