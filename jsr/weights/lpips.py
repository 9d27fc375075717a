"""LPIPS weights: learned heads from the authors, trunks from torchvision.

Both are checked when they are read: the heads by the numbers that the published files
hold, the trunks by names and shapes (and by their checksum when they are fetched).
"""

import os
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jsr.errors import UserError, unknown
from jsr.types import Params
from jsr.weights import tensors
from jsr.weights.fetch import Opener, fetch

# (place, input, output channels, kernel) of every convolution up to the last feature.
_ALEX = (
  *(('0', 3, 64, 11), ('3', 64, 192, 5), ('6', 192, 384, 3)),
  *(('8', 384, 256, 3), ('10', 256, 256, 3)),
)
_VGG_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_VGG_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
# Place, input, squeezed and half the output channels of the Fire blocks.
_FIRE = (
  *((3, 64, 16, 64), (4, 128, 16, 64), (6, 128, 32, 128), (7, 256, 32, 128)),
  *((9, 256, 48, 192), (10, 384, 48, 192), (11, 384, 64, 256), (12, 512, 64, 256)),
)


def _shapes() -> dict[str, dict[str, tuple[int, int, int, int]]]:
  """{net: {place: OIHW}}."""
  vgg = zip(_VGG_PLACES, _VGG_CHANNELS[1:], _VGG_CHANNELS[:-1], strict=True)
  squeeze = {'0': (64, 3, 3, 3)}
  for place, before, squeezed, half in _FIRE:
    squeeze[f'{place}.squeeze'] = (squeezed, before, 1, 1)
    squeeze[f'{place}.expand1x1'] = (half, squeezed, 1, 1)
    squeeze[f'{place}.expand3x3'] = (half, squeezed, 3, 3)
  return {
    'alex': {name: (o, i, k, k) for name, i, o, k in _ALEX},
    'vgg': {str(place): (o, i, 3, 3) for place, o, i in vgg},
    'squeeze': squeeze,
  }


SHAPES = _shapes()
NETS = tuple(SHAPES)


class Source(NamedTuple):
  """Where a file can be had, and its SHA-256."""

  url: str
  checksum: str


_TORCHVISION = 'https://download.pytorch.org/models/'
TRUNKS = {
  'alex': Source(
    f'{_TORCHVISION}alexnet-owt-7be5be79.pth',
    '7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02',
  ),
  'vgg': Source(
    f'{_TORCHVISION}vgg16-397923af.pth',
    '397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0',
  ),
  'squeeze': Source(
    f'{_TORCHVISION}squeezenet1_1-b8a52dc0.pth',
    'b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b',
  ),
}
_HEADS = (
  'https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/'
  '082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/'
)
HEADS = {
  'alex': Source(
    f'{_HEADS}alex.pth',
    'df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0',
  ),
  'vgg': Source(
    f'{_HEADS}vgg.pth',
    'a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868',
  ),
  'squeeze': Source(
    f'{_HEADS}squeeze.pth',
    '4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76',
  ),
}
# Sums of the published heads of version 0.1, float32.
_SUMS = {
  'alex': (2.349532, 16.143026, 39.26844, 27.197178, 20.317177),
  'vgg': (6.925992, 8.858334, 17.515005, 51.521324, 47.034855),
  'squeeze': (
    *(5.690101, 1.18528, 16.326565, 71.012627),
    *(37.370724, 24.262873, 17.590553),
  ),
}
CHANNELS = {
  'alex': (64, 192, 384, 256, 256),
  'vgg': (64, 128, 256, 512, 512),
  'squeeze': (64, 128, 256, 384, 384, 512, 512),
}


class LpipsWeights(NamedTuple):
  """All that `jsr.metrics.lpips.load` needs.

  Attributes:
    net: 'alex', 'vgg' or 'squeeze'.
    version: '0.1' or '0.0'.
    convs: {'0': {'kernel': HWIO, 'bias': (O,)}, ...} float32.
    heads: (C,) float32 for each feature.
  """

  net: str
  version: str
  convs: Params
  heads: tuple[np.ndarray, ...]


def find(
  net: str,
  *,
  heads: str | os.PathLike[str] | None = None,
  trunk: str | os.PathLike[str] | None = None,
  version: str = '0.1',
  cache: str | os.PathLike[str] | None = None,
  opener: Opener = urllib.request.urlopen,
) -> LpipsWeights:
  """Returns the user's files, else the cached ones, else downloads them.

  Never falls back to random weights: a distance in them would look like LPIPS.

  Args:
    net: 'alex' (244 MB to fetch), 'vgg' (553 MB) or 'squeeze' (5 MB).
    heads: File of the heads, see `load_heads`; None for the published ones.
    trunk: File of torchvision's network, see `load_trunk`; None for the published one.
    version: '0.1'; '0.0' needs `heads`, as nobody should start with it today.
    cache: Folder of downloads, see `fetch`.
    opener: See `fetch`.

  Raises:
    UserError: Unknown network or version, unreadable file, no connection, or not the
      expected weights.
  """
  _check(net, version)
  if heads is None:
    if version != '0.1':
      raise UserError(f'the heads of LPIPS {version} are not fetched: name their file')
    heads = fetch(*HEADS[net], f'lpips-v0.1-{net}.pth', cache, opener=opener)
  found = load_heads(heads, net, version=version)
  if trunk is None:
    url, checksum = TRUNKS[net]
    trunk = fetch(url, checksum, url.split('/')[-1], cache, opener=opener)
  return LpipsWeights(net, version, load_trunk(trunk, net), found)


def load_heads(
  path: str | os.PathLike[str], net: str, *, version: str = '0.1'
) -> tuple[np.ndarray, ...]:
  """Reads the learned weights of the features.

  Args:
    path: Any file of tensors: the authors' '<net>.pth' (lin0.model.1.weight, ...), or
      one file of all networks (alex.lin0.model.1.weight, ...).
    net: Of which network.
    version: Under '0.1' the numbers must be the published ones.

  Returns:
    (C,) float32, >= 0, for each feature.

  Raises:
    UserError: Not such a file, or other numbers.
  """
  _check(net, version)
  content = tensors.read(path)
  result = []
  for i, channels in enumerate(CHANNELS[net]):
    name = f'lin{i}.model.1.weight'
    array = (
      content[f'{net}.{name}'] if f'{net}.{name}' in content else content.get(name)
    )
    if array is None or array.shape != (1, channels, 1, 1):
      held = 'lacks it' if array is None else f'holds {array.shape}'
      raise UserError(
        f'{path} does not hold the heads of LPIPS with {net}: {name} must have the '
        f'shape (1, {channels}, 1, 1), and the file {held}'
      )
    head = np.asarray(array, np.float32).reshape(-1)
    if not (np.isfinite(head).all() and (head >= 0).all()):
      raise UserError(
        f'{name} in {path} has negative numbers: these are no LPIPS heads'
      )
    want = _SUMS[net][i]
    if version == '0.1' and abs(float(head.sum(dtype=np.float64)) - want) > 1e-5 * want:
      raise UserError(
        f'{path} does not hold the published heads of LPIPS 0.1 with {net} ({name} sums'
        f' to {head.sum():.6f} instead of {want}): fetch {HEADS[net].url}'
      )
    result.append(head)
  return tuple(result)


def load_trunk(path: str | os.PathLike[str], net: str) -> Params:
  """Reads the convolutions of one of torchvision's networks.

  Args:
    path: Any file of tensors with torchvision's names (features.0.weight, ...; OIHW).
    net: Which network it must be.

  Returns:
    {'0': {'kernel': HWIO, 'bias': (O,)}, ...} float32.

  Raises:
    UserError: Not that network.
  """
  _check(net)
  return from_torchvision(tensors.read(path), net, str(path))


def from_torchvision(
  content: Mapping[str, np.ndarray], net: str, origin: str = 'the file'
) -> Params:
  """Converts {'features.0.weight': OIHW, 'features.0.bias': (O,), ...}."""
  params = {}
  for place, shape in SHAPES[net].items():
    layer = {}
    for part, ours, want in (('weight', 'kernel', shape), ('bias', 'bias', shape[:1])):
      name = f'features.{place}.{part}'
      array = content.get(name)
      if array is None or array.shape != want:
        held = 'lacks it' if array is None else f'holds {array.shape}'
        raise UserError(
          f"{origin} is not torchvision's {net} network: {name} must have the shape "
          f'{want}, and the file {held}; fetch {TRUNKS[net].url}'
        )
      if not np.isfinite(array).all():
        raise UserError(f'{name} in {origin} is not finite: fetch {TRUNKS[net].url}')
      array = np.asarray(array, np.float32)
      layer[ours] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    params[place] = layer
  # A deeper network of the same family would fit so far.
  limit = max(int(place.split('.')[0]) for place in SHAPES[net])
  deeper = [
    name
    for name in content
    if name.startswith('features.')
    and (name.split('.')[1]).isdigit()
    and int(name.split('.')[1]) > limit
  ]
  if deeper:
    raise UserError(
      f"{origin} is not torchvision's {net} network: it has {deeper[0]}; fetch "
      f'{TRUNKS[net].url}'
    )
  return params


def _check(net: str, version: str = '0.1') -> None:
  if net not in NETS:
    raise unknown('LPIPS network', net, NETS)
  if version not in ('0.1', '0.0'):
    raise unknown('version of LPIPS', version, ('0.1', '0.0'))
