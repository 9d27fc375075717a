"""SqueezeNet 1.1 weights from the files that exist, with the input that each expects.

The Caffe file (the authors' training) and torchvision's are different trainings of one
network: distances measured in them cannot be compared.
"""

import os
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jsr.errors import UserError
from jsr.types import Params
from jsr.weights import lpips, tensors
from jsr.weights.fetch import Opener, fetch

# Caffe's names of the layers, and their places in torchvision's `features`.
_FIRES = dict(zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True))
_CAFFE = {
  'conv1': '0',
  **{
    f'fire{number}/{part}': f'{place}.{part.removesuffix("1x1") if i == 0 else part}'
    for number, place in _FIRES.items()
    for i, part in enumerate(('squeeze1x1', 'expand1x1', 'expand3x3'))
  },
}


class SqueezeWeights(NamedTuple):
  """Parameters, and the fact without which they mean nothing.

  Attributes:
    params: {'0': {'kernel': HWIO, 'bias': (O,)}, '3.squeeze': ...} float32, by their
      places in torchvision's network; see `jsr.metrics.lpips_nets`.
    preprocess: 'torch' (ImageNet mean and deviation on [0, 1]) or 'caffe' (BGR in
      0..255 minus 104, 117, 123).
  """

  params: Params
  preprocess: str


def find(
  preferred: str | os.PathLike[str] | None = None,
  *,
  cache: str | os.PathLike[str] | None = None,
  option: str = 'config.losses.squeezenet',
  opener: Opener = urllib.request.urlopen,
) -> SqueezeWeights:
  """Returns the user's weights, else torchvision's: the cached file or a download.

  Args:
    preferred: Path of a weights file, see `load`; '' or None for none.
    cache: Folder of downloads, see `fetch`; 5 MB.
    option: Name of the option that sets `preferred`, for the error texts.
    opener: See `fetch`.

  Raises:
    UserError: Unreadable file, no connection, or not the expected weights.
  """
  if preferred is None or not str(preferred):
    url, checksum = lpips.TRUNKS['squeeze']
    name = url.split('/')[-1]
    preferred = fetch(url, checksum, name, cache, option=option, opener=opener)
  return load(preferred)


def load(path: str | os.PathLike[str]) -> SqueezeWeights:
  """Reads SqueezeNet 1.1 weights.

  Args:
    path: Any file of tensors with Caffe's names (conv1.weight, fire2/squeeze1x1.weight,
      ...) or torchvision's (features.0.weight, ...); kernels OIHW. The classifier is
      not looked at.

  Raises:
    UserError: No such file, or not SqueezeNet 1.1.
  """
  content = tensors.read(path)
  if 'conv1.weight' not in content:
    return SqueezeWeights(
      lpips.from_torchvision(content, 'squeeze', str(path)), 'torch'
    )
  return SqueezeWeights(_from_caffe(content, path), 'caffe')


def _from_caffe(
  content: Mapping[str, np.ndarray], path: str | os.PathLike[str]
) -> Params:
  params = {}
  for name, place in _CAFFE.items():
    shape = lpips.SHAPES['squeeze'][place]
    for part, want in (('weight', shape), ('bias', shape[:1])):
      array = content.get(f'{name}.{part}')
      if array is None or array.shape != want or not np.isfinite(array).all():
        held = 'the file lacks it' if array is None else f'it has {array.shape}'
        raise UserError(
          f"{path} is not Caffe's SqueezeNet 1.1: {name}.{part} must be finite numbers"
          f' of shape {want}, and {held}; name another file'
        )
    kernel, bias = (np.asarray(content[f'{name}.{p}'], 'f') for p in ('weight', 'bias'))
    params[place] = {
      'kernel': np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)),
      'bias': bias,
    }
  return params
