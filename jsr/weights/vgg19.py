"""VGG19 weights from the files that exist, with the input each of them expects.

The torchvision file and the Keras (original Caffe) file are different trainings:
distances measured in them cannot be compared, and neither can the losses.
"""

import hashlib
import logging
import os
import pathlib
import re
import urllib.request
import zipfile
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from jsr.errors import UserError, unknown
from jsr.types import Params
from jsr.weights import keras_file, torch_file
from jsr.weights.fetch import Opener, fetch

log = logging.getLogger(__name__)

# (convolutions, channels) of the five groups, as in `jsr.models.vgg`.
GROUPS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
CONVS = tuple(
  f'conv{i}_{j}' for i, (n, _) in enumerate(GROUPS, 1) for j in range(1, n + 1)
)
# Positions of the convolutions in torchvision's `features`.
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
# The layers of the normalised net are numbered with their padding layers between.
_NORMALISED = (2, 5, 9, 12, 16)
_CAFFE_MEAN = (-103.939, -116.779, -123.68)
# SHA-256 of the last block of the Keras file: bias, then kernel.ravel()[2258368:], as
# little-endian float32.
_KERAS_LAST_BLOCK = 'ab881c89274fdcdca22ed8c4b03640ad8073c41cdb6fdf67e585017612aa292f'


class Source(NamedTuple):
  """Where a complete file can be had."""

  url: str
  checksum: str


SOURCES = {
  'torchvision': Source(
    'https://download.pytorch.org/models/vgg19-dcbb9e9d.pth',
    'dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44',
  ),
  # Keras publishes an MD5 only; `identity_check` then looks at the numbers.
  'keras': Source(
    'https://storage.googleapis.com/tensorflow/keras-applications/vgg19/'
    'vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5',
    'md5:253f8cb515780f3b799900260a226db6',
  ),
}


class VggWeights(NamedTuple):
  """Parameters, and the two facts without which they mean nothing.

  Attributes:
    params: {'conv1_1': {'kernel': HWIO, 'bias': (O,)}, ...} float32, from conv1_1 on
      without a gap; may end early.
    preprocess: 'torch' or 'caffe', see `jsr.models.vgg.features`.
    padding: 'zero' or 'reflect'.
  """

  params: Params
  preprocess: str
  padding: str


# Names of weights that nothing has trained, and what divides their maps.
_RANDOM = {'random': 1, 'narrow': 16}


def find(
  preferred: str | os.PathLike[str] | None = None,
  *,
  source: str = 'torchvision',
  cache: str | os.PathLike[str] | None = None,
  option: str = 'config.vgg.path',
  opener: Opener = urllib.request.urlopen,
) -> VggWeights:
  """Returns the user's weights, else the cached file, else downloads it.

  Never falls back to random weights; they exist only by asking for them by name.

  Args:
    preferred: Path of a weights file; '' or None for none; 'random' for random weights,
      fit for timing alone; 'narrow' for random weights of a sixteenth of the maps, fit
      for runs of seconds alone.
    source: 'torchvision' (for ESRGAN's loss; 575 MB) or 'keras' (Caffe-scaled, for
      SRGAN's 1/12.75; 80 MB).
    cache: Folder of downloads, see `fetch`.
    option: Name of the option that sets `preferred`, for the error texts.
    opener: See `fetch`.

  Raises:
    UserError: Unreadable file, no connection, or not the expected weights.
  """
  if preferred is not None and str(preferred) in _RANDOM:
    log.warning(
      'VGG19 has random weights: its features and losses mean nothing, use this for '
      'tests and timing only'
    )
    return random(divisor=_RANDOM[str(preferred)])
  if preferred is not None and str(preferred):
    return load(preferred)
  if source not in SOURCES:
    raise unknown('source of VGG19 weights', source, SOURCES)
  url, checksum = SOURCES[source]
  path = fetch(url, checksum, url.split('/')[-1], cache, option=option, opener=opener)
  weights = load(path)
  if source == 'keras' and not identity_check(weights.params):
    raise UserError(
      f'{path} does not hold the VGG19 of Keras: delete it and run again, or name '
      f'another file with {option}'
    )
  return weights


def load(path: str | os.PathLike[str]) -> VggWeights:
  """Reads VGG19 weights from a file, whatever its kind and name.

  Args:
    path: A torch .pth, Keras .h5, .npz or .safetensors file with the names of
      torchvision, Keras, the normalised VGG19, or `save_safetensors`.

  Raises:
    UserError: No such file, or not VGG19.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'there is no VGG19 weights file {path}: correct the path')
  with path.open('rb') as f:
    head = f.read(16)
  if head.startswith(keras_file.START):
    return _recognise(keras_file.read(path), path)
  if head.startswith(b'PK') and _is_npz(path):
    try:
      with np.load(path) as archive:
        return _recognise(dict(archive), path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
      raise UserError(f'cannot read {path} as .npz: {error}') from error
  # A safetensors file starts with the length of its JSON header.
  if head[8:9] == b'{':
    return load_safetensors(path)
  return _recognise(torch_file.read(path), path)


def from_torchvision(weights: Mapping[str, np.ndarray]) -> VggWeights:
  """Converts {'features.0.weight': OIHW, ...}, with or without 'features.'."""
  convs = {}
  for name, array in weights.items():
    if not name.startswith('classifier.'):
      convs[name.removeprefix('features.')] = array
  names = dict(zip(map(str, _TORCHVISION), CONVS, strict=True))
  return VggWeights(_from_torch(convs, names), 'torch', 'zero')


def from_keras(weights: Mapping[str, np.ndarray]) -> VggWeights:
  """Converts {'block1_conv1/kernel': HWIO, ...}; kernel and bias go by their rank.

  Keras 3 calls them layers/conv2d, layers/conv2d_1, ...: taken in this order.
  """
  params: dict[str, dict[str, np.ndarray]] = {}
  for name, array in weights.items():
    named = re.search(r'block(\d)_conv(\d)(?!\d)', name)
    counted = re.search(r'(?:^|/)conv2d(?:_(\d+))?/', name)
    if named:
      conv = f'conv{named[1]}_{named[2]}'
    elif counted and int(counted[1] or 0) < len(CONVS):
      conv = CONVS[int(counted[1] or 0)]
    else:
      continue  # The dense layers on top.
    params.setdefault(conv, {})['kernel' if array.ndim == 4 else 'bias'] = array
  return VggWeights(_checked(params), 'caffe', 'zero')


def from_normalised(weights: Mapping[str, np.ndarray]) -> VggWeights:
  """Converts the VGG19 with mean activation 1: {'0.weight': ..., '2.weight': ...}.

  Its layer 0 turns RGB into Caffe's input, which is `preprocess='caffe'`; its padding
  is a reflection (Gatys et al. 2016; Li et al. 2017).
  """
  swap = 255 * np.eye(3)[::-1].reshape(3, 3, 1, 1)
  first = weights.get('0.weight'), weights.get('0.bias')
  if (
    first[0] is None
    or first[1] is None
    or first[0].shape != swap.shape
    or not np.allclose(first[0], swap)
    or not np.allclose(first[1], _CAFFE_MEAN)
  ):
    raise UserError('layer 0 of these normalised VGG19 weights is not the known one')
  rest = {k: v for k, v in weights.items() if not k.startswith('0.')}
  names = dict(zip(map(str, _NORMALISED), CONVS, strict=False))
  return VggWeights(_from_torch(rest, names), 'caffe', 'reflect')


def random(seed: int = 0, *, divisor: int = 1) -> VggWeights:
  """Returns He-normal weights for tests and timing.

  Args:
    seed: Of the numbers.
    divisor: Of the number of maps in every layer.
  """
  rng = np.random.default_rng(seed)
  params, fan_in = {}, 3
  for name in CONVS:
    out = GROUPS[int(name[4]) - 1][1] // divisor
    kernel = rng.standard_normal((3, 3, fan_in, out), np.float32)
    kernel *= np.float32(np.sqrt(2 / (9 * fan_in)))
    params[name] = {'kernel': kernel, 'bias': np.zeros(out, np.float32)}
    fan_in = out
  return VggWeights(params, 'torch', 'zero')


def identity_check(params: Params) -> bool:
  """Returns whether the last block is, bit for bit, that of the Keras VGG19."""
  if CONVS[-1] not in params:
    return False
  last = params[CONVS[-1]]
  digest = hashlib.sha256(np.ascontiguousarray(last['bias'], '<f4').tobytes())
  kernel = np.ascontiguousarray(last['kernel'], '<f4')
  digest.update(kernel.ravel()[2258368:].tobytes())
  return digest.hexdigest() == _KERAS_LAST_BLOCK


def save_safetensors(path: str | os.PathLike[str], weights: VggWeights) -> None:
  """Writes weights with their preprocessing and padding: 80 MB when complete."""
  flat = {}
  for conv, layer in weights.params.items():
    for name, array in layer.items():
      flat[f'{conv}.{name}'] = np.ascontiguousarray(array, np.float32)
  facts = {'preprocess': weights.preprocess, 'padding': weights.padding}
  safetensors.numpy.save_file(flat, path, metadata=facts)


def load_safetensors(path: str | os.PathLike[str]) -> VggWeights:
  """Reads what `save_safetensors` wrote, or safetensors with torchvision's names.

  Raises:
    UserError: Not such a file, or the two facts are missing.
  """
  path = pathlib.Path(path)
  try:
    with safetensors.safe_open(path, framework='numpy') as f:
      facts = f.metadata() or {}
      flat = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118
  except (OSError, safetensors.SafetensorError) as error:
    raise UserError(f'cannot read {path} as safetensors: {error}') from error
  if 'conv1_1.kernel' not in flat:
    return _recognise(flat, path)
  preprocess, padding = facts.get('preprocess'), facts.get('padding')
  if preprocess not in ('torch', 'caffe') or padding not in ('zero', 'reflect'):
    raise UserError(
      f'{path} does not say its preprocess and padding: write it with save_safetensors'
    )
  params: dict[str, dict[str, np.ndarray]] = {}
  for name, array in flat.items():
    conv, _, part = name.partition('.')
    params.setdefault(conv, {})[part] = array
  return VggWeights(_checked(params), preprocess, padding)


def _recognise(weights: Mapping[str, np.ndarray], path: pathlib.Path) -> VggWeights:
  first = weights.get('0.weight')
  try:
    if any('block1_conv1' in n or 'conv2d/' in n for n in weights):
      return from_keras(weights)
    if first is not None and first.shape == (3, 3, 1, 1):
      return from_normalised(weights)
    if first is not None or 'features.0.weight' in weights:
      return from_torchvision(weights)
  except UserError as error:
    raise UserError(f'{path}: {error}') from error
  raise UserError(
    f'{path} does not look like VGG19 weights (it starts with '
    f'{", ".join(list(weights)[:4])}): give a torchvision or Keras VGG19 file'
  )


def _from_torch(weights: Mapping[str, np.ndarray], names: Mapping[str, str]) -> Params:
  params: dict[str, dict[str, np.ndarray]] = {}
  for key, array in weights.items():
    number, _, part = key.partition('.')
    if number not in names or part not in ('weight', 'bias'):
      raise UserError(f'{key} is no part of VGG19; other VGG networks do not fit')
    if part == 'weight' and array.ndim == 4:
      params.setdefault(names[number], {})['kernel'] = array.transpose(2, 3, 1, 0)
    else:
      params.setdefault(names[number], {})['bias'] = array
  return _checked(params)


def _checked(params: Mapping[str, Mapping[str, np.ndarray]]) -> Params:
  """Returns float32 parameters in order, or raises UserError for a gap or a shape."""
  count, fan_in = len(params), 3
  if extra := sorted(set(params) - set(CONVS)):
    raise UserError(f'{", ".join(extra)} is no convolution of VGG19')
  if lost := [name for name in CONVS[: max(count, 1)] if name not in params]:
    raise UserError(f'these VGG19 weights lack {", ".join(lost)}')
  result = {}
  for name in CONVS[:count]:
    out = GROUPS[int(name[4]) - 1][1]
    shapes = {'kernel': (3, 3, fan_in, out), 'bias': (out,)}
    found = {part: array.shape for part, array in params[name].items()}
    if found != shapes:
      raise UserError(f'{name} has shapes {found} instead of {shapes}: not VGG19')
    layer = {k: np.ascontiguousarray(params[name][k], np.float32) for k in shapes}
    if not all(np.isfinite(array).all() for array in layer.values()):
      raise UserError(f'{name} of these VGG19 weights is not finite')
    result[name] = layer
    fan_in = out
  return result


def _is_npz(path: pathlib.Path) -> bool:
  try:
    with zipfile.ZipFile(path) as archive:
      return any(name.endswith('.npy') for name in archive.namelist())
  except zipfile.BadZipFile:
    return False
