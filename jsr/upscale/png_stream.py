"""Writing PNG, still and animated, row by row: memory does not grow with the picture.

PNG specification, third edition (W3C, 2025). Rows are filtered by the rule of its
section 12.7, the smallest sum of absolute differences. Pieces of rows are compressed
apart by several threads and joined at byte borders, as pigz does.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
from zlib_ng import zlib_ng

from jsr.upscale import strips
from jsr.upscale.metadata import Metadata
from jsr.upscale.picture import CHANNELS

SIGNATURE = b'\x89PNG\r\n\x1a\n'
_COLOR = {1: 0, 2: 4, 3: 2, 4: 6}
# An empty last block of deflate: every piece before it ends at a byte.
_END = b'\x03\x00'


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
) -> None:
  """Writes a still picture.

  Args:
    stream: Open for writing.
    bands: uint8 or uint16 (n, W, C) of any n; together the whole picture.
    height: Of the picture.
    width: Of the picture.
    space: 'grey' or 'rgb'.
    alpha: Whether straight alpha is the last channel.
    depth: 8 or 16 bits.
    metadata: Written as it is.
  """
  channels = CHANNELS[space] + alpha
  stream.write(SIGNATURE)
  _head(stream, height, width, channels, depth, metadata)
  for piece in compressed(bands, width, channels, depth):
    chunk(stream, b'IDAT', piece)
  chunk(stream, b'IEND', b'')


def write_animation(
  stream: BinaryIO,
  frames: Iterable[tuple[np.ndarray, int]],
  *,
  loop: int,
  metadata: Metadata,
) -> None:
  """Writes an animated PNG; the stream must allow seeking.

  Args:
    stream: Open for writing.
    frames: uint8 (H, W, C) of one shape, and milliseconds.
    loop: How often it plays; 0 for ever.
    metadata: Written as it is.
  """
  stream.write(SIGNATURE)
  sequence = count = control = 0
  for pixels, duration in frames:
    height, width, channels = pixels.shape
    if not count:
      _head(stream, height, width, channels, 8, metadata)
      control = stream.tell()
      chunk(stream, b'acTL', struct.pack('>LL', 0, loop))
    # Numerator and denominator have 16 bits.
    delay = (duration, 1000) if duration < 2**16 else (min(duration // 1000, 65535), 1)
    values = (sequence, width, height, 0, 0, *delay, 0, 0)
    chunk(stream, b'fcTL', struct.pack('>LLLLLHHBB', *values))
    sequence += 1
    for piece in compressed([pixels], width, channels, 8):
      if count:
        chunk(stream, b'fdAT', struct.pack('>L', sequence) + piece)
        sequence += 1
      else:
        chunk(stream, b'IDAT', piece)
    count += 1
  chunk(stream, b'IEND', b'')
  stream.seek(control)
  chunk(stream, b'acTL', struct.pack('>LL', count, loop))


def chunk(stream: BinaryIO, kind: bytes, data: bytes) -> None:
  """Writes one chunk with its length and checksum."""
  stream.write(struct.pack('>L', len(data)) + kind)
  stream.write(data)
  stream.write(struct.pack('>L', zlib.crc32(data, zlib.crc32(kind))))


def compressed(
  bands: Iterable[np.ndarray], width: int, channels: int, depth: int
) -> Iterator[bytes]:
  """Yields the zlib stream of filtered rows in pieces."""
  step = channels * depth // 8
  rows = max(1, strips.PIECE // (step * width))

  def work(item: tuple[np.ndarray, np.ndarray]) -> tuple[bytes, int, int]:
    block, above = item
    data = filtered(block, above, step).data
    deflate = zlib_ng.compressobj(strips.LEVEL, zlib_ng.DEFLATED, -15)
    pieces = deflate.compress(data) + deflate.flush(zlib_ng.Z_SYNC_FLUSH)
    return pieces, zlib_ng.adler32(data), data.nbytes

  def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    above = np.zeros(step * width, np.uint8)
    for group in strips.regroup(bands, rows):
      data = group.astype('>u2') if depth == 16 else group
      block = data.reshape(len(data), -1).view(np.uint8)
      yield block, above
      above = block[-1]

  yield b'\x78\x01'
  adler = 1
  for piece, part, size in strips.ordered(work, blocks()):
    adler = _joined(adler, part, size)
    yield piece
  yield _END + struct.pack('>L', adler)


def filtered(block: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
  """Filters rows.

  Args:
    block: uint8 (n, bytes of a row).
    above: The row before, uint8 (bytes of a row,).
    step: Bytes of a pixel.

  Returns:
    uint8 (n, 1 + bytes of a row), each row behind the number of its filter.
  """
  rows, size = block.shape
  out = np.empty((rows, 1 + size), np.uint8)
  up = np.concatenate([above[None], block[:-1]])
  # A few rows at a time, so that the parts of the sum stay in the cache.
  few = max(1, 2**16 // size)
  for start in range(0, rows, few):
    part = slice(start, min(start + few, rows))
    _filter_few(block[part], up[part], step, out[part])
  return out


def _filter_few(x: np.ndarray, up: np.ndarray, step: int, out: np.ndarray) -> None:
  left, corner = np.zeros_like(x), np.zeros_like(x)
  left[:, step:] = x[:, :-step]
  corner[:, step:] = up[:, :-step]
  out[:, 0] = best = _best(x, left, up, corner)
  for i in np.unique(best):
    rows = best == i
    few = [part if rows.all() else part[rows] for part in (x, left, up, corner)]
    out[rows, 1:] = few[0] - _predicted(i, *few[1:])


def _best(*parts: np.ndarray) -> np.ndarray:
  """Chooses a filter for each row by the sum of differences, on an eighth of it."""
  width = parts[0].shape[1]
  x, left, up, corner = (
    np.concatenate([part[:, i : i + 64] for i in range(0, width, 512)], 1)
    for part in parts
  )
  differences = [x - _predicted(i, left, up, corner) for i in range(5)]
  # They are modulo 256: 255 stands for -1.
  costs = [np.minimum(d, np.uint8(0) - d).sum(1, dtype=np.int64) for d in differences]
  return np.argmin(costs, 0)


def _predicted(
  kind: int, left: np.ndarray, up: np.ndarray, corner: np.ndarray
) -> np.ndarray:
  """What the filters of that number expect (the specification of PNG, section 9.2)."""
  if kind == 0:
    return np.zeros_like(left)
  if kind == 3:
    return (left & up) + ((left ^ up) >> 1)
  return (left, up)[kind - 1] if kind < 3 else _paeth(left, up, corner)


def _paeth(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
  """Left, upper or corner, whichever is nearest to left + upper - corner."""
  wide = c.astype(np.int16)
  right, down = b - wide, a - wide  # How far left and upper are from the estimate.
  pa, pb, pc = np.abs(right), np.abs(down), np.abs(right + down)
  return np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c))


def _joined(first: int, second: int, size: int) -> int:
  """Adler-32 of two parts, from that of each and the size of the second."""
  prime = 65521
  a1, b1, a2, b2 = first & 65535, first >> 16, second & 65535, second >> 16
  a = (a1 + a2 - 1) % prime
  b = (b1 + b2 + size * (a1 - 1)) % prime
  return b << 16 | a


def _head(
  stream: BinaryIO,
  height: int,
  width: int,
  channels: int,
  depth: int,
  metadata: Metadata,
) -> None:
  header = struct.pack('>LLBBBBB', width, height, depth, _COLOR[channels], 0, 0, 0)
  chunk(stream, b'IHDR', header)
  color = metadata.color
  for kind in (b'cICP', b'mDCV', b'cLLI'):
    if kind in color:
      chunk(stream, kind, color[kind])
  if metadata.icc:  # It stands instead of sRGB, and says more.
    chunk(stream, b'iCCP', b'icc\0\0' + zlib.compress(metadata.icc))
  elif b'sRGB' in color:
    chunk(stream, b'sRGB', color[b'sRGB'])
  for kind in (b'gAMA', b'cHRM'):  # For readers that know neither.
    if kind in color:
      chunk(stream, kind, color[kind])
  if metadata.dpi:
    x, y = (round(v / 0.0254) for v in metadata.dpi)
    chunk(stream, b'pHYs', struct.pack('>LLB', x, y, 1))
  if metadata.exif:
    chunk(stream, b'eXIf', metadata.exif)
  if metadata.xmp:
    chunk(stream, b'iTXt', b'XML:com.adobe.xmp\0\0\0\0\0' + metadata.xmp)
  for key, value in metadata.text.items():
    name = key.encode('latin-1', 'replace').replace(b'\0', b' ')[:79].strip()
    text = value.replace('\0', ' ')
    if not name:
      continue
    try:
      chunk(stream, b'tEXt', name + b'\0' + text.encode('latin-1'))
    except UnicodeEncodeError:
      chunk(stream, b'iTXt', name + b'\0\0\0\0\0' + text.encode('utf-8', 'replace'))
