"""8-bit forms of a network: made by post-training quantisation, found again by content.

NNCF measures on calibration pictures what range each map has, and rounds weights and
maps to 8 bits; multiplications are then of integers. What only touches the picture
itself stays in float: the skip around the network, whatever comes before its first
convolution, and what follows its last.

The form is an ONNX file whose rounding is written in QuantizeLinear and
DequantizeLinear. It is kept by the fingerprint of the network that it came from, in the
cache or among the files that come with jsr, so that other weights never find it.
"""

import hashlib
import json
import logging
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jsr import errors
from jsr.data import images
from jsr.evaluate import protocol
from jsr.evaluate.network import Network
from jsr.upscale import engines, onnx_export
from jsr.weights import embedded, fetch, model_file

SUFFIX = '.int8.onnx'
# Calibration pictures, and the side of the piece that is taken of each, LR.
PICTURES = 48
SIDE = 96
_QUANTIZABLE = ('Conv', 'ConvTranspose')


def fingerprint(network: Network, scale: int) -> str:
  """Returns 16 hexadecimal digits that stand for a network's function."""
  fields = {k: v for k, v in network.args.items() if k != 'dtype'}
  head = [network.generator, scale, sorted(fields.items())]
  digest = hashlib.sha256(json.dumps(head, default=str).encode())
  for name, array in sorted(model_file.flatten(network.variables or {}).items()):
    digest.update(f'{name} {array.dtype} {array.shape}'.encode())
    digest.update(array.tobytes())
  return digest.hexdigest()[:16]


def _cached(key: str) -> pathlib.Path:
  return fetch.cache_dir() / 'int8' / f'{key}{SUFFIX}'


def find(network: Network, scale: int) -> bytes:
  """Returns the 8-bit form of a network.

  Raises:
    UserError: It was not made yet.
  """
  key = fingerprint(network, scale)
  for path in (*embedded.FOLDER.glob(f'*.{key}{SUFFIX}'), _cached(key)):
    if path.is_file():
      return path.read_bytes()
  raise errors.UserError(
    f'there is no 8-bit form of {name_of(network, scale)} yet: make it with `jsr export'
    f' {network.label} --to int8 --calibrate FOLDER`, FOLDER with training pictures'
  )


def name_of(network: Network, scale: int) -> str:
  """Returns a network's name with its factor."""
  suffix = f'-x{scale}'
  return network.label + ('' if network.label.endswith(suffix) else suffix)


def keep(network: Network, scale: int, model: bytes) -> pathlib.Path:
  """Puts an 8-bit form where `find` looks; returns the file.

  Raises:
    UserError: The cache cannot be written.
  """
  path = _cached(fingerprint(network, scale))
  temporary = path.with_name(f'.{path.name}.{os.getpid()}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      temporary.write_bytes(model)
      temporary.replace(path)
    finally:
      temporary.unlink(missing_ok=True)
  except OSError as error:
    raise errors.UserError(f'cannot write {path}: {error.strerror}') from error
  return path


def calibration(
  folder: pathlib.Path, network: Network, scale: int, count: int = PICTURES
) -> list[np.ndarray]:
  """Makes what a network sees of a folder of pictures.

  Args:
    folder: High-resolution pictures, also in its subfolders.
    network: What will see them.
    scale: The factor: pieces are shrunk by it as the evaluation does.
    count: Of pictures, evenly chosen among those there; unreadable ones are left out.

  Returns:
    float32 (1, h, w, C) in [0, 1], one a picture, sides of up to `SIDE`.

  Raises:
    UserError: There is no folder, or no picture in it that is large enough.
  """
  files = sorted(p for p in folder.rglob('*') if p.suffix.lower() in images.SUFFIXES)
  step = max(1, len(files) // count)
  found = list(_pieces(files[::step][:count], network, scale))
  if not found:
    raise errors.UserError(
      f'{folder} has no readable picture of at least {8 * scale} pixels a side: name'
      ' a folder of training pictures'
    )
  return found


def _pieces(
  files: Sequence[pathlib.Path], network: Network, scale: int
) -> Iterator[np.ndarray]:
  for path in files:
    try:
      hr = images.read_rgb(path)
    except images.BadImage:
      continue
    h, w = (min(n // scale, SIDE) * scale for n in hr.shape[:2])
    if min(h, w) < 8 * scale:
      continue
    top, left = (hr.shape[0] - h) // 2, (hr.shape[1] - w) // 2
    lr = protocol.make_lr(hr[top : top + h, left : left + w], scale, 'symmetric')
    if network.color == 'y':
      lr = protocol.luma_uint8(lr)
    yield (lr[None] / 255).astype(np.float32)


def quantise(
  network: Network,
  scale: int,
  pictures: Sequence[np.ndarray],
  *,
  float_first: bool = True,
  float_last: bool = False,
) -> bytes:
  """Returns the 8-bit form of a network, an ONNX file's content.

  Args:
    network: The network.
    scale: A factor that it serves.
    pictures: See `calibration`.
    float_first: Keep the convolutions that read the picture in float: few
      multiplications, and most of the loss.
    float_last: Keep those that the result comes from in float.

  Raises:
    UserError: A package is missing, or the network cannot be written as ONNX or has no
      convolution.
  """
  nncf = engines.optional('nncf', 'int8')
  engines.optional('onnxruntime', 'onnx')  # It measures the ranges.
  model = onnx_export.to_onnx(network, scale)
  ignored = _float_nodes(model, float_first, float_last)
  if all(n.name in ignored for n in model.graph.node if n.op_type in _QUANTIZABLE):
    raise errors.UserError(f'{network.label} has no convolution to compute in 8 bits')
  logging.getLogger('nncf').setLevel(logging.ERROR)

  def feed(x: np.ndarray) -> dict[str, np.ndarray]:
    return {onnx_export.INPUT: np.ascontiguousarray(x.transpose(0, 3, 1, 2))}

  result = nncf.quantize(
    model,
    nncf.Dataset(list(pictures), feed),
    subset_size=len(pictures),
    preset=nncf.QuantizationPreset.MIXED,
    fast_bias_correction=True,
    ignored_scope=nncf.IgnoredScope(names=sorted(ignored), validate=False),
  )
  return result.SerializeToString()


def _float_nodes(model: Any, first: bool, last: bool) -> set[str]:
  """Names of the nodes before the first convolutions, after the last, or beside all.

  A convolution that is both first and last is the skip around the network.
  """
  nodes = list(model.graph.node)
  after: set[str] = set()  # Tensors that come out of a convolution, however late.
  firsts, early = set(), set()
  for node in nodes:
    behind = any(name in after for name in node.input)
    if node.op_type in _QUANTIZABLE:
      after.update(node.output)
      if not behind:
        firsts.add(node.name)
    elif behind:
      after.update(node.output)
    else:
      early.add(node.name)
  before: set[str] = set()  # Tensors that go into a convolution, however late.
  lasts, late = set(), set()
  for node in reversed(nodes):
    ahead = any(name in before for name in node.output)
    if node.op_type in _QUANTIZABLE:
      before.update(node.input)
      if not ahead:
        lasts.add(node.name)
    elif ahead:
      before.update(node.input)
    else:
      late.add(node.name)
  ends = (firsts if first else set()) | (lasts if last else set())
  return early | late | (firsts & lasts) | ends
