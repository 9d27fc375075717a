"""Writing GIF frame by frame; Pillow chooses the colours and compresses."""

import io
import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from PIL import Image


def write(
  stream: BinaryIO,
  frames: Iterable[tuple[np.ndarray, int]],
  *,
  loop: int,
  comment: str | None = None,
) -> None:
  """Writes frames.

  Args:
    stream: Open for writing.
    frames: uint8 (H, W, 1 to 4) of one shape, and milliseconds; durations are
      rounded to hundredths of a second so that their sum stays.
    loop: How often it plays; 0 for ever.
    comment: A text for the file.
  """
  passed = ticks = 0
  first = True
  for pixels, duration in frames:
    height, width = pixels.shape[:2]
    if first:
      # The colours are with each frame; some readers want a table here all the same.
      stream.write(b'GIF89a' + struct.pack('<HHBBB', width, height, 0xF0, 0, 0))
      stream.write(bytes(3) + b'\xff\xff\xff')
      if loop != 1:
        again = loop - 1 if loop else 0
        stream.write(b'!\xff\x0bNETSCAPE2.0\x03\x01' + struct.pack('<H', again) + b'\0')
      if comment:
        stream.write(b'!\xfe' + _blocks(comment.encode('utf-8', 'replace')))
      first = False
    passed += duration
    delay = min(max((passed + 5) // 10 - ticks, 0), 65535)
    ticks += delay
    _frame(stream, pixels, delay)
  stream.write(b';')


def _frame(stream: BinaryIO, pixels: np.ndarray, delay: int) -> None:
  height, width, channels = pixels.shape
  clear = None
  if channels in (2, 4):
    clear = pixels[..., -1] < 128
    pixels = pixels[..., :-1]
  image = _indexed(pixels, clear)
  data = io.BytesIO()
  image.save(data, 'GIF', optimize=False, interlace=0)
  colors, codes = _parts(data.getvalue())
  bits = (len(colors) // 3 - 1).bit_length()
  # Frames are whole; where they have holes, the last one must not shine through.
  has_holes = clear is not None
  flags = (8 if has_holes else 4) | has_holes
  stream.write(b'!\xf9\x04' + struct.pack('<BHBB', flags, delay, 255, 0))
  stream.write(b',' + struct.pack('<HHHHB', 0, 0, width, height, 0x80 | (bits - 1)))
  stream.write(colors + codes)


def _indexed(pixels: np.ndarray, clear: np.ndarray | None) -> Image.Image:
  """Chooses up to 256 colours; 255, the last of them 'clear', where there are holes."""
  if pixels.shape[-1] == 1 and clear is None:
    ramp = Image.fromarray(pixels[..., 0]).convert('P')
    ramp.putpalette(np.arange(256, dtype=np.uint8).repeat(3).tobytes())
    return ramp
  color = pixels.repeat(3, -1) if pixels.shape[-1] == 1 else pixels
  image = Image.fromarray(np.ascontiguousarray(color))
  room = 256 if clear is None else 255
  exact = image.getcolors(room)
  if exact is not None:
    values = np.array([value for _, value in exact], np.uint8)
    indexed = image.quantize(room, palette=_palette(values), dither=Image.Dither.NONE)
  else:
    chosen = image.quantize(room, method=Image.Quantize.MEDIANCUT)
    indexed = image.quantize(room, palette=chosen, dither=Image.Dither.FLOYDSTEINBERG)
  table = np.zeros((256, 3), np.uint8)
  used = np.frombuffer(bytes(indexed.getpalette() or b''), np.uint8).reshape(-1, 3)
  table[: len(used)] = used[:256]
  places = np.asarray(indexed).copy()
  if clear is not None:
    places[clear] = 255
  result = Image.fromarray(places)
  result.putpalette(table.tobytes())
  return result


def _palette(colors: np.ndarray) -> Image.Image:
  image = Image.new('P', (1, 1))
  # Unused places repeat a colour, else black would be one more to choose.
  table = np.concatenate([colors, colors[:1].repeat(256 - len(colors), 0)])
  image.putpalette(table.tobytes())
  return image


def _parts(data: bytes) -> tuple[bytes, bytes]:
  """Returns the colour table and the compressed picture of a GIF of one frame."""
  size = 3 * 2 ** ((data[10] & 7) + 1)
  colors = data[13 : 13 + size] if data[10] & 0x80 else b''
  at = 13 + len(colors)
  while data[at] == 0x21:  # An extension: its blocks are skipped.
    at += 2
    while data[at]:
      at += 1 + data[at]
    at += 1
  packed = data[at + 9]
  at += 10
  if packed & 0x80:
    size = 3 * 2 ** ((packed & 7) + 1)
    colors, at = data[at : at + size], at + size
  return colors, data[at:-1]


def _blocks(data: bytes) -> bytes:
  parts = [data[i : i + 255] for i in range(0, len(data), 255)]
  return b''.join(bytes([len(part)]) + part for part in parts) + b'\0'
