"""A model in one file: parameters and what is needed to build the network for them.

A safetensors file. Arrays are named by their path, such as
'params/block0/conv1/conv/kernel'; one metadata entry, 'jsr', is JSON with the
generator's name, scale, arguments and a note. Nothing in it can run. Kernels may be
stored in half the precision; what is read is float32 in any case.
"""

import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from jsr.errors import UserError

if TYPE_CHECKING:
  # It imports JAX, which the website's server and `jsr upscale --list` do without.
  from jsr.types import Variables

SUFFIX = '.safetensors'
_VERSION = 1


class ModelFile(NamedTuple):
  """What a file holds.

  Attributes:
    generator: Name in `jsr.models`.
    scale: Its factor.
    args: Its other fields.
    variables: {'params': ..., 'batch_stats': ...}, nested dicts of host arrays.
    note: Where it came from; '' for nothing.
  """

  generator: str
  scale: int
  args: dict[str, Any]
  variables: 'Variables'
  note: str


def save(
  path: str | os.PathLike[str],
  *,
  generator: str,
  scale: int,
  args: Mapping[str, Any],
  variables: 'Variables',
  note: str = '',
  half: bool = False,
) -> None:
  """Writes a model file, whole or not at all.

  Args:
    path: The file; replaced if it is there, its folder is made if need be.
    generator: Name in `jsr.models`.
    scale: Its factor.
    args: Its other fields: numbers, strings, booleans, None, and sequences of them,
      which come back as tuples.
    variables: As Linen returns them, {'params': ..., ...}.
    note: Where it came from; shown beside results.
    half: Store kernels as float16, which halves the file. Biases, slopes and statistics
      are few, and some of them very small: they stay float32.

  Raises:
    UserError: An argument that a file cannot hold, a kernel that float16 cannot, or the
      file cannot be written.
  """
  path = pathlib.Path(path)
  header = {
    'version': _VERSION,
    'generator': generator,
    'scale': int(scale),
    'args': {key: _plain(key, value) for key, value in sorted(args.items())},
    'note': note,
  }
  # One entry: safetensors writes several in an order that changes from run to run.
  metadata = {'jsr': json.dumps(header, ensure_ascii=False)}
  flat = flatten(variables)
  if half:
    flat = {key: _halved(key, array) for key, array in flat.items()}
  content = safetensors.numpy.save(flat, metadata)
  temporary = path.with_name(f'.{path.name}.{os.getpid()}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      temporary.write_bytes(content)
      temporary.replace(path)
    finally:
      temporary.unlink(missing_ok=True)
  except OSError as error:
    raise UserError(f'cannot write {path}: {error.strerror}') from error


def load(path: str | os.PathLike[str]) -> ModelFile:
  """Reads a model file.

  Raises:
    UserError: No such file, or none that `save` wrote.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'there is no model file {path}: correct the path')
  try:
    with safetensors.safe_open(path, 'numpy') as f:
      entry = (f.metadata() or {}).get('jsr')
      if entry is None:
        raise UserError(
          f'{path} does not say which network its tensors belong to: make a model file'
          ' of it with `jsr convert`'
        )
      # It has keys() and cannot be iterated.
      flat = {name: _read(f.get_tensor(name)) for name in f.keys()}  # noqa: SIM118
  except (OSError, safetensors.SafetensorError) as error:
    raise UserError(
      f'{path} is no model file of jsr ({error}): make one with `jsr convert`'
    ) from error
  try:
    header = json.loads(entry)
    if (version := header['version']) != _VERSION:
      raise UserError(
        f'{path} has version {version} of the format and this jsr knows {_VERSION}:'
        ' use the jsr that wrote it'
      )
    args = {str(key): _tuples(value) for key, value in header['args'].items()}
    return ModelFile(
      str(header['generator']),
      int(header['scale']),
      args,
      nest(flat),
      str(header['note']),
    )
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise UserError(
      f'{path} has a damaged header ({error!r}): make the file again with `jsr convert`'
    ) from error


def is_model_file(path: str | os.PathLike[str]) -> bool:
  """Tells by its name whether a path means a model file rather than a workdir."""
  return pathlib.Path(path).suffix == SUFFIX


def flatten(variables: 'Variables') -> dict[str, np.ndarray]:
  """Returns {'params/head/conv/kernel': array, ...} as host arrays."""

  def walk(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    for key, value in tree.items():
      if '/' in key:
        raise ValueError(f"'{prefix}{key}' has a slash inside of one name")
      if isinstance(value, Mapping):
        yield from walk(value, f'{prefix}{key}/')
      else:
        # Not ascontiguousarray: that turns a scalar into a vector.
        yield f'{prefix}{key}', np.asarray(value, order='C')

  return dict(walk(variables, ''))


def nest(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
  """Undoes `flatten`; the collection 'params' is always there."""
  variables: dict[str, Any] = {'params': {}}
  for name, array in flat.items():
    *parents, last = name.split('/')
    tree = variables
    for parent in parents:
      tree = tree.setdefault(parent, {})
    tree[last] = array
  return variables


def _halved(key: str, array: np.ndarray) -> np.ndarray:
  if array.ndim < 2 or array.dtype != np.float32:
    return array
  if np.abs(array).max(initial=0) > np.finfo(np.float16).max:
    raise UserError(f'{key} has values that float16 cannot hold: store it in float32')
  return array.astype(np.float16)


def _read(array: np.ndarray) -> np.ndarray:
  return array.astype(np.float32) if array.dtype == np.float16 else array


def _plain(key: str, value: Any) -> Any:
  if isinstance(value, list | tuple):
    return [_plain(key, item) for item in value]
  if value is None or isinstance(value, str | bool | int | float):
    return value
  raise UserError(
    f"the argument '{key}' of the generator is {value!r}, which a model file cannot"
    ' hold: leave it out'
  )


def _tuples(value: Any) -> Any:
  return tuple(map(_tuples, value)) if isinstance(value, list) else value
