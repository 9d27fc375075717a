"""Samples of more than 8 bits where Pillow drops the low ones.

PPM and PGM are read here in full. AVIF and JPEG 2000 need their decoders, which Pillow
asks for 8 bits; their headers tell how many there were.
"""

import io
import os
import re
import struct

import numpy as np
from PIL import Image

from jsr.data.images import BadImage
from jsr.upscale.metadata import Metadata
from jsr.upscale.picture import Picture, upright

File = str | os.PathLike[str] | bytes
# AV1's configuration (its section 2.3.1), by marker and version.
_AV1 = b'av1C\x81'
# JPEG 2000's start of codestream, and the marker of the sizes that must follow.
_J2K = b'\xff\x4f\xff\x51'


def pnm(image: Image.Image, file: File) -> Picture | None:
  """Reads a grey or RGB PNM of more than 8 bits, of numbers or of bytes.

  Args:
    image: As Pillow opened it, not yet decoded.
    file: What it was opened from.

  Returns:
    The picture, 0 to 65535 for 0 to the file's largest value; None for other files.

  Raises:
    BadImage: Samples are missing, or are no such numbers.
  """
  tiles = image.tile  # type: ignore[attr-defined]  # Of Pillow's ImageFile class.
  if image.format != 'PPM' or image.mode not in ('I', 'RGB') or len(tiles) != 1:
    return None
  codec, _, offset, args = tiles[0]
  # Raw samples are of the two usual depths; the other decoders are told the largest.
  peak = {'I;16B': 65535}.get(args, 255) if codec == 'raw' else args[1]
  if peak < 256:
    return None
  channels = 3 if image.mode == 'RGB' else 1
  shape = (image.height, image.width, channels)
  count = image.height * image.width * channels
  with io.BytesIO(file) if isinstance(file, bytes) else open(file, 'rb') as stream:
    stream.seek(offset)
    plain = codec == 'ppm_plain'
    samples = _numbers(stream.read(), count) if plain else _words(stream, count)
  if plain and (samples.min() < 0 or samples.max() > peak):
    raise BadImage(f'cannot be decoded: a sample is not within 0 to {peak}')
  if peak != 65535:
    wide = np.minimum(samples, peak).astype(np.uint32)
    samples = (wide * 65535 + peak // 2) // peak
  deep = samples.astype(np.uint16).reshape(shape)
  return upright(deep, 'rgb' if channels == 3 else 'grey', 1, Metadata(), 'PPM', [])


def cut(image: Image.Image, file: File) -> tuple[str, ...]:
  """Tells in words how many bits of an opened AVIF or JPEG 2000 are dropped."""
  if image.format not in ('AVIF', 'JPEG2000') or image.mode.startswith('I'):
    return ()
  if isinstance(file, bytes):
    data = file
  else:
    with open(file, 'rb') as stream:
      data = stream.read()
  bits = _av1_bits(data) if image.format == 'AVIF' else _j2k_bits(data)
  return (f'{bits} bits a sample become 8',) if bits > 8 else ()


def _words(stream: io.BufferedIOBase, count: int) -> np.ndarray:
  data = stream.read(2 * count)
  if len(data) < 2 * count:
    raise BadImage('the picture is truncated')
  return np.frombuffer(data, '>u2')


def _numbers(text: bytes, count: int) -> np.ndarray:
  words = re.sub(rb'#[^\r\n]*', b'', text).split(maxsplit=count)[:count]
  if len(words) < count:
    raise BadImage('the picture is truncated')
  try:
    return np.array(words).astype(np.int64)
  except (ValueError, OverflowError):
    raise BadImage('cannot be decoded: a sample is no number') from None


def _av1_bits(data: bytes) -> int:
  """The most of all items: alpha is one of its own."""
  bits, at = 8, data.find(_AV1)
  while 0 <= at < len(data) - 6:
    flags = data[at + 6]
    if flags & 0x40:
      bits = max(bits, 12 if flags & 0x20 else 10)
    at = data.find(_AV1, at + 1)
  return bits


def _j2k_bits(data: bytes) -> int:
  """The most of all components."""
  at = data.find(_J2K)
  if at < 0 or len(data) < at + 42:
    return 8
  count = struct.unpack_from('>H', data, at + 40)[0]
  depths = data[at + 42 : at + 42 + 3 * count : 3]
  return max(((depth & 0x7F) + 1 for depth in depths), default=8)
