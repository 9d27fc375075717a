"""One image file to uint8 RGB, by one rule for every kind of file.

| in the file | what happens |
|---|---|
| grey, 1-bit | the value is repeated in three channels |
| palette | looked up |
| alpha, transparent colour | laid over white, as a viewer shows it; the colours hidden under full transparency are arbitrary and would teach a network edges nobody sees |
| 16 bits a channel | round(v / 257), so that 0 and 65535 become 0 and 255 |
| CMYK | Pillow's plain formula; colour profiles of any kind are ignored |
| EXIF orientation | applied |
| several frames or pages | the first |
| 32-bit, floating point, Lab | refused: their range is not defined |
| truncated, corrupt, empty, more pixels than `PIL.Image.MAX_IMAGE_PIXELS` | refused |

A JPEG that is damaged in the middle but has its full length decodes without an
error; nothing here can tell.
"""  # noqa: E501  A table row is one line.

import io
import os
import sys
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

# Suffixes a folder is searched for.
SUFFIXES = frozenset(
  f'.{name}'
  for name in (
    *('bmp', 'gif', 'jp2', 'jpeg', 'jpg', 'pbm', 'pgm'),
    *('png', 'pnm', 'ppm', 'tif', 'tiff', 'webp'),
  )
)
# Layouts of 16-bit colour that Pillow opens as 8-bit; grey ones it opens as they are.
DEEP = ('RGB;16', 'RGBA;16', 'LA;16B')
# The same sample with its two bytes exchanged: it turns the high byte, which is all
# that Pillow keeps of 16-bit colour, into the low one.
_SWAPPED = {'B': 'L', 'L': 'B', 'N': 'B' if sys.byteorder == 'little' else 'L'}


class BadImage(Exception):  # noqa: N818  It is a finding about a file, not a fault.
  """A file that cannot be used as an image; the message is the reason in words."""


class Decoded(NamedTuple):
  """Read-only pixels, uint8 (H, W, 3), and the conversions that made them RGB."""

  pixels: np.ndarray
  rules: tuple[str, ...]


def read_rgb(path: str | os.PathLike[str]) -> np.ndarray:
  """Reads an image file as RGB.

  Args:
    path: The file; the contents decide the format, not the suffix.

  Returns:
    uint8 (H, W, 3), read-only, converted by the table at the top of this file.

  Raises:
    BadImage: The file is missing, broken, too large or of a refused kind.
  """
  return decode(path).pixels


def decode(file: str | os.PathLike[str] | bytes) -> Decoded:
  """Reads an image from a path or from encoded bytes and says what it converted.

  Raises:
    BadImage: As `read_rgb`.
  """
  try:
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
      return _to_rgb(image, file)
  except BadImage:
    raise
  except FileNotFoundError:
    raise BadImage('the file does not exist') from None
  except Image.UnidentifiedImageError:
    raise BadImage('not an image in a known format') from None
  except Image.DecompressionBombError as error:
    raise BadImage(f'too many pixels: {error}') from error
  except Exception as error:  # Decoders fail on damaged bytes in any way they like.
    raise BadImage(f'cannot be decoded: {error or type(error).__name__}') from error


def read_size(path: str | os.PathLike[str]) -> tuple[int, int]:
  """Returns (height, width) from the header alone, before EXIF orientation.

  Raises:
    BadImage: The header cannot be read.
  """
  try:
    with Image.open(path) as image:
      return image.height, image.width
  except Exception as error:
    raise BadImage(f'the header cannot be read: {error}') from error


def _to_rgb(image: Image.Image, file: str | os.PathLike[str] | bytes) -> Decoded:
  limit = Image.MAX_IMAGE_PIXELS
  if limit is not None and image.width * image.height > limit:
    raise BadImage(f'{image.width}x{image.height} is more than {limit} pixels')
  rules = []
  if getattr(image, 'is_animated', False):
    rules.append('first frame')
  samples = sixteen_bits(image, file)
  if samples is not None:
    rules.append('16-bit')
    pixels = _over_white(samples, 65535, rules)
  else:
    pixels = _eight_bits(image, rules)
  orientation = image.getexif().get(0x0112, 1)
  if orientation in range(2, 9):
    rules.append('EXIF orientation')
    turned = Image.fromarray(pixels)
    turned.getexif()[0x0112] = orientation
    pixels = np.asarray(ImageOps.exif_transpose(turned))
  pixels.flags.writeable = False
  return Decoded(pixels, tuple(rules))


def _eight_bits(image: Image.Image, rules: list[str]) -> np.ndarray:
  mode = image.mode
  if mode in ('I', 'F', 'LAB'):
    kind = {'I': '32-bit integer', 'F': 'floating-point', 'LAB': 'Lab'}[mode]
    raise BadImage(f'{kind} samples are not supported')
  if mode == '1':
    rules.append('1-bit')
  elif mode in ('P', 'PA'):
    rules.append('palette')
  elif mode == 'CMYK':
    rules.append('CMYK')
  if image.has_transparency_data or mode in ('La', 'RGBa'):
    return _over_white(np.asarray(image.convert('RGBA')), 255, rules, mode[0] == 'L')
  if mode == 'L':
    rules.append('grey')
  # Copies of a large photograph cost as much as a third of its decoding.
  return np.asarray(image if mode == 'RGB' else image.convert('RGB'))


def sixteen_bits(
  image: Image.Image,
  file: str | os.PathLike[str] | bytes,
  layouts: tuple[str, ...] = DEEP,
) -> np.ndarray | None:
  """Reads the full samples of an opened image of 16 bits a channel.

  Args:
    image: As Pillow opened it, not yet decoded.
    file: What it was opened from; it is opened once more.
    layouts: Pillow's names of the layouts of 16-bit colour to read.

  Returns:
    uint16 (H, W, 1 to 4), or None for other depths and layouts.
  """
  if image.mode.startswith('I;16'):
    return np.asarray(image).astype(np.uint16)[..., None]
  if image.mode == 'I' and image.format == 'PPM':  # 16-bit PGM comes as 32 bits.
    return np.asarray(image).astype(np.uint16)[..., None]
  tiles = image.tile  # type: ignore[attr-defined]
  raw_modes = {_raw_mode(tile.args) for tile in tiles}
  if not raw_modes or not all(raw.startswith(layouts) for raw in raw_modes):
    return None
  if raw_modes == {'LA;16B'}:
    # Grey with alpha has four bytes a pixel: read as 8-bit RGBA they are all there.
    halves = _decode_as(image, lambda _: 'RGBA').astype(np.uint16)
    return halves[..., 0::2] * 256 + halves[..., 1::2]
  with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as again:
    low = _decode_as(again, lambda raw: raw[:-1] + _SWAPPED[raw[-1]])
  return np.asarray(image).astype(np.uint16) * 256 + low


def _raw_mode(args: object) -> str:
  first = args[0] if isinstance(args, tuple) else args
  return first if isinstance(first, str) else ''


def _decode_as(image, rename) -> np.ndarray:  # type: ignore[no-untyped-def]
  """Decodes with the sample layout of every tile renamed."""
  image.tile = [
    tile._replace(
      args=(rename(tile.args[0]), *tile.args[1:])
      if isinstance(tile.args, tuple)
      else rename(tile.args)
    )
    for tile in image.tile
  ]
  return np.asarray(image)


def _over_white(
  samples: np.ndarray, peak: int, rules: list[str], grey: bool = False
) -> np.ndarray:
  """Lays samples (H, W, 1 to 4; even counts end in alpha) over white, as uint8 RGB."""
  channels = samples.shape[-1]
  if grey or channels < 3:
    rules.append('grey')
  color = samples[..., : channels - (channels % 2 == 0)].astype(np.float64)
  if channels % 2 == 0:
    rules.append('alpha')
    alpha = samples[..., -1:].astype(np.float64) / peak
    color = color * alpha + peak * (1 - alpha)
  pixels = np.floor(color * (255 / peak) + 0.5).astype(np.uint8)
  return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy()
