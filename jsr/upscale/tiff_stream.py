"""Writing TIFF row by row: memory does not grow with the picture.

TIFF 6.0 (Adobe, 1992) with deflate and its horizontal predictor; BigTIFF where
offsets could pass 4 GB. The directory comes last, when the sizes of strips are known.
"""

import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from zlib_ng import zlib_ng

from jsr.upscale import metadata as metadata_module
from jsr.upscale import strips
from jsr.upscale.metadata import EXIF_IFD, GPS_IFD, Metadata
from jsr.upscale.picture import CHANNELS

Entry = tuple[int, int, int, bytes]
_PHOTOMETRIC = {'grey': 1, 'rgb': 2, 'cmyk': 5}
_SHORT, _LONG, _RATIONAL, _UNDEFINED, _LONG8 = 3, 4, 5, 7, 16
# Metadata and directory never need as much as is left above this.
_BIG = 2**32 - 2**26


def write(
  stream: BinaryIO,
  bands: Iterable[np.ndarray],
  height: int,
  width: int,
  *,
  space: str,
  alpha: bool,
  depth: int,
  metadata: Metadata,
  big: bool | None = None,
) -> None:
  """Writes a picture.

  Args:
    stream: Open for writing; must allow seeking.
    bands: uint8 or uint16 (n, W, C) of any n; together the whole picture.
    height: Of the picture.
    width: Of the picture.
    space: 'grey', 'rgb' or 'cmyk'.
    alpha: Whether straight alpha is the last channel.
    depth: 8 or 16 bits.
    metadata: Written but for `text`, for which TIFF has no place.
    big: BigTIFF; None: if the samples alone could pass 4 GB.
  """
  channels = CHANNELS[space] + alpha
  row = width * channels * depth // 8
  big = row * height >= _BIG if big is None else big
  # One strip is at least a row; compressed, it may be a little larger than its samples.
  rows = max(1, min(height, strips.PIECE // row))
  stream.write(b'II\x2b\0\x08\0\0\0' + bytes(8) if big else b'II\x2a\0' + bytes(4))
  offsets, sizes = [], []
  for data in strips.ordered(_strip, strips.regroup(bands, rows)):
    offsets.append(stream.tell())
    sizes.append(len(data))
    stream.write(data)
  x, y = metadata.dpi or (72.0, 72.0)
  entries = [
    _numbers(256, _LONG, width),
    _numbers(257, _LONG, height),
    _numbers(258, _SHORT, *[depth] * channels),
    _numbers(259, _SHORT, 8),
    _numbers(262, _SHORT, _PHOTOMETRIC[space]),
    _numbers(273, _LONG8 if big else _LONG, *offsets),
    _numbers(277, _SHORT, channels),
    _numbers(278, _LONG, rows),
    _numbers(279, _LONG8 if big else _LONG, *sizes),
    (282, _RATIONAL, 1, _fraction(x)),
    (283, _RATIONAL, 1, _fraction(y)),
    _numbers(284, _SHORT, 1),
    _numbers(296, _SHORT, 2 if metadata.dpi else 1),
    _numbers(317, _SHORT, 2),
  ]
  if space == 'cmyk':
    entries.append(_numbers(332, _SHORT, 1))
  if alpha:
    entries.append(_numbers(338, _SHORT, 2))
  if metadata.xmp:
    entries.append((700, 1, len(metadata.xmp), metadata.xmp))
  if metadata.icc:
    entries.append((34675, _UNDEFINED, len(metadata.icc), metadata.icc))
  if metadata.exif:
    entries += _exif(stream, metadata.exif, big)
  start = _directory(stream, entries, big)
  stream.seek(8 if big else 4)
  stream.write(struct.pack('<Q' if big else '<L', start))


def _strip(rows: np.ndarray) -> bytes:
  """Compresses rows (n, W, C), each sample as the difference from its left one."""
  data = rows.copy()
  data[:, 1:] -= rows[:, :-1]
  data = data.astype(data.dtype.newbyteorder('<'), copy=False)
  return zlib_ng.compress(data.data, strips.LEVEL)


def _exif(stream: BinaryIO, exif: bytes, big: bool) -> list[Entry]:
  """Writes the inner directories; returns the entries of the first one."""
  found = metadata_module.directories(exif)
  entries = found[0]
  for pointer in (EXIF_IFD, GPS_IFD):
    if found.get(pointer):
      start = _directory(stream, found[pointer], big)
      entries.append(_numbers(pointer, _LONG8 if big else _LONG, start))
  return entries


def _directory(stream: BinaryIO, entries: list[Entry], big: bool) -> int:
  """Writes the values that do not fit into entries, then the entries.

  Returns:
    The place of the directory.
  """
  room, number = (8, 'Q') if big else (4, 'L')
  packed = []
  for tag, kind, count, data in sorted(entries):
    if len(data) > room:
      at = _even(stream)
      stream.write(data)
      data = struct.pack(f'<{number}', at)
    packed.append(
      struct.pack(f'<HH{number}', tag, kind, count) + data.ljust(room, b'\0')
    )
  start = _even(stream)
  stream.write(struct.pack('<Q' if big else '<H', len(packed)))
  stream.write(b''.join(packed) + bytes(room))
  return start


def _even(stream: BinaryIO) -> int:
  """Values begin at even places."""
  if stream.tell() % 2:
    stream.write(b'\0')
  return stream.tell()


def _numbers(tag: int, kind: int, *values: int) -> Entry:
  letter = {_SHORT: 'H', _LONG: 'L', _LONG8: 'Q'}[kind]
  return tag, kind, len(values), struct.pack(f'<{len(values)}{letter}', *values)


def _fraction(value: float) -> bytes:
  return struct.pack('<LL', round(value * 10000), 10000)
