"""Whether a PNG is whole: Pillow shows what there is of a short one, without a word.

It also drops what a PNG says of its colours, which is taken here on the way.
"""

import io
import os
import struct
import zlib
from typing import BinaryIO

from jsr.data.images import BadImage

# Steps and starts (x, y) of the seven passes of an interlaced PNG.
_PASSES = (
  *((8, 8, 0, 0), (8, 8, 4, 0), (4, 8, 0, 4), (4, 4, 2, 0)),
  *((2, 4, 0, 2), (2, 2, 1, 0), (1, 2, 0, 1)),
)
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_BLOCK = 2**20
# What says how colours look, beside a profile, and its length. Readers pass by those of
# another length, and those behind the picture.
_COLOR = {b'cICP': 4, b'mDCV': 24, b'cLLI': 8, b'sRGB': 1, b'gAMA': 4, b'cHRM': 32}


def check(file: str | os.PathLike[str] | bytes) -> dict[bytes, bytes]:
  """Walks through a PNG: checksums, and as much picture data as the header promises.

  Args:
    file: A path or the encoded bytes; the frames of an animated PNG are checked too.

  Returns:
    The chunks that say how the colours look, by their names.

  Raises:
    BadImage: Something is missing or damaged.
  """
  with io.BytesIO(file) if isinstance(file, bytes) else open(file, 'rb') as stream:
    return _walk(stream)


def _walk(stream: BinaryIO) -> dict[bytes, bytes]:
  stream.seek(8)
  color: dict[bytes, bytes] = {}
  bits, interlaced = 0, False
  inflating: _Inflating | None = None
  while True:
    head = stream.read(8)
    if len(head) < 8:
      break  # Only the end mark is missing, unless the last frame is short.
    length, kind = struct.unpack('>L4s', head)
    if kind in (b'IDAT', b'fdAT'):
      if inflating is None:
        raise BadImage('a PNG without a header')
      _data(stream, kind, length, inflating)
      continue
    data = stream.read(min(length, 64))
    if kind == b'IHDR' and len(data) >= 13:
      width, height, depth, mode, _, _, method = struct.unpack('>LLBBBBB', data[:13])
      bits, interlaced = depth * _CHANNELS.get(mode, 4), method == 1
      inflating = _Inflating(_bytes(width, height, bits, interlaced))
    elif kind == b'fcTL' and len(data) >= 12 and inflating and inflating.seen:
      inflating.finish()
      width, height = struct.unpack('>LL', data[4:12])
      inflating = _Inflating(_bytes(width, height, bits, interlaced))
    elif kind == b'IEND':
      break
    elif len(data) == _COLOR.get(kind) and inflating and not inflating.seen:
      known = {b'gAMA': any(data), b'sRGB': data[0] < 4}  # No power is 0.
      if known.get(kind, True):
        color.setdefault(kind, data)
    stream.seek(length - len(data) + 4, os.SEEK_CUR)
  if inflating is None or not inflating.seen:
    raise BadImage('a PNG without picture data')
  inflating.finish()
  return color


class _Inflating:
  """Counts what one stream of compressed rows holds, without keeping it."""

  def __init__(self, want: int):
    self.missing = want
    self.seen = False
    self._inflate = zlib.decompressobj()

  def feed(self, data: bytes) -> None:
    self.seen = True
    while data and self.missing > 0:
      try:
        self.missing -= len(self._inflate.decompress(data, _BLOCK))
      except zlib.error:
        raise BadImage('the picture data of this PNG is damaged') from None
      data = self._inflate.unconsumed_tail

  def finish(self) -> None:
    if self.missing > 0:
      raise BadImage('the PNG is truncated: rows are missing')


def _data(stream: BinaryIO, kind: bytes, length: int, inflating: _Inflating) -> None:
  crc = zlib.crc32(kind)
  if kind == b'fdAT':
    sequence = stream.read(4)
    crc = zlib.crc32(sequence, crc)
    length -= 4
  while length > 0:
    block = stream.read(min(length, _BLOCK))
    if not block:
      raise BadImage('the PNG is truncated')
    crc = zlib.crc32(block, crc)
    inflating.feed(block)
    length -= len(block)
  told = stream.read(4)
  if len(told) < 4 and inflating.missing > 0:
    raise BadImage('the PNG is truncated')
  if len(told) == 4 and struct.unpack('>L', told)[0] != crc:
    raise BadImage('a checksum of this PNG is wrong: the data is damaged')


def _bytes(width: int, height: int, bits: int, interlaced: bool) -> int:
  """Bytes of all rows with their filter types."""

  def of(w: int, h: int) -> int:
    return h * (1 + (w * bits + 7) // 8) if w and h else 0

  if not interlaced:
    return of(width, height)
  return sum(
    of((width - x0 + dx - 1) // dx, (height - y0 + dy - 1) // dy)
    for dx, dy, x0, y0 in _PASSES
    if width > x0 and height > y0
  )
