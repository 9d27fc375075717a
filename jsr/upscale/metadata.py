"""What travels from picture file to picture file beside the pixels."""

import dataclasses
import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from PIL import ExifTags, Image

# Bytes of a value of each EXIF type.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
# Tags of a TIFF's first directory that describe the picture and not the file.
DESCRIPTIVE = (269, 270, 271, 272, 305, 306, 315, 316, 33432)
ORIENTATION, THUMBNAIL, THUMBNAIL_BYTES = 0x0112, 0x0201, 0x0202
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
# Width and height as a camera notes them: in the first and in the EXIF directory.
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:\s*=\s*["\']|>))\d')
# What PNG's chunks hold for sRGB: primaries, curve, matrix and range as numbers; the
# power, and x and y of white, red, green and blue, in units of 1 / 100,000.
_CICP = bytes([1, 13, 0, 1])
_GAMMA = (45455,)
_CHROMA = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
# Writers round these numbers in their own ways.
_NEAR = 300
_PROFILES = {'grey': b'GRAY', 'rgb': b'RGB ', 'cmyk': b'CMYK'}


@dataclasses.dataclass(frozen=True)
class Metadata:
  """What is kept of a file.

  Attributes:
    icc: Colour profile.
    exif: EXIF as a TIFF block (no 'Exif' prefix), its orientation 1, no thumbnail.
    xmp: XMP packet, its orientation 1.
    dpi: Pixels an inch, (x, y); the printed size grows with the picture.
    text: Named texts of a PNG; comments under 'Comment'.
    color: Chunks of a PNG that say how its colours look, by name; see `png_check`.
  """

  icc: bytes | None = None
  exif: bytes | None = None
  xmp: bytes | None = None
  dpi: tuple[float, float] | None = None
  text: dict[str, str] = dataclasses.field(default_factory=dict)
  color: dict[bytes, bytes] = dataclasses.field(default_factory=dict)


def of(image: Image.Image) -> tuple[Metadata, int, tuple[str, ...]]:
  """Takes the metadata of a decoded Pillow image; see `gather`."""
  text = dict(getattr(image, 'text', None) or {})
  return gather(image.getexif, image.info, text, hasattr(image, 'tag_v2'))


def gather(
  getexif: Callable[[], Image.Exif],
  info: Mapping[Any, Any],
  text: Mapping[str, str] | None = None,
  tiff: bool = True,
) -> tuple[Metadata, int, tuple[str, ...]]:
  """Takes the metadata of a file.

  Args:
    getexif: Reads its EXIF; may fail.
    info: As Pillow's `Image.info`.
    text: Named texts.
    tiff: Whether EXIF stands among the fields that describe the file itself.

  Returns:
    The metadata, the orientation (1 to 8) that is still to be applied, and notes on
    what was too damaged to keep.
  """
  notes = []
  orientation, exif = 1, None
  try:
    found = getexif()
    value = found.get(ORIENTATION, 1)
    orientation = value if value in range(1, 9) else 1
    exif = _exif_block(info.get('exif'), found, tiff)
  except Exception:  # Damaged metadata fails in any way; the pixels are fine.
    notes.append('damaged EXIF left out')
  icc = info.get('icc_profile') or None
  if icc is not None and (len(icc) < 128 or icc[36:40] != b'acsp'):
    icc = None
    notes.append('damaged colour profile left out')
  xmp = info.get('xmp') or info.get('XML:com.adobe.xmp') or None
  if isinstance(xmp, str):
    xmp = xmp.encode('utf-8', 'surrogateescape')
  if isinstance(xmp, bytes):
    xmp = _XMP_ORIENTATION.sub(rb'\g<1>1', xmp)
  return (
    Metadata(
      icc=icc,
      exif=exif,
      xmp=xmp,
      dpi=_dpi(info.get('dpi')),
      text=_text(text or {}, info.get('comment')),
    ),
    orientation,
    tuple(notes),
  )


def fits(icc: bytes, space: str) -> bool:
  """Whether a colour profile speaks of 'grey', 'rgb' or 'cmyk'."""
  return icc[16:20] == _PROFILES[space]


def beyond_srgb(meta: Metadata) -> tuple[str, ...]:
  """Names the chunks of a PNG by which its colours are others than those of sRGB.

  PNG specification, third edition, section 4.3: cICP counts most, then a profile, then
  sRGB, then gAMA and cHRM.
  """
  color = meta.color
  if b'cICP' in color:
    return () if color[b'cICP'] == _CICP else ('cICP',)
  if meta.icc or b'sRGB' in color:
    return ()
  return tuple(
    kind.decode()
    for kind, want in ((b'gAMA', _GAMMA), (b'cHRM', _CHROMA))
    if kind in color and not _near(color[kind], want)
  )


def _near(data: bytes, want: tuple[int, ...]) -> bool:
  found = struct.unpack(f'>{len(want)}L', data)
  return all(abs(a - b) <= _NEAR for a, b in zip(found, want, strict=True))


def with_size(exif: bytes, height: int, width: int) -> bytes:
  """Returns the EXIF block with the picture's new size where it notes one."""
  block = bytearray(exif)
  try:
    order, start = _header(exif)
    places = _entries(exif, order, start)
    pointer = places.get(EXIF_IFD)
    if pointer is not None:
      inner = struct.unpack_from(f'{order}L', exif, pointer + 8)[0]
      places |= _entries(exif, order, inner)
  except (ValueError, struct.error):
    return exif
  for tags, value in ((_WIDTHS, width), (_HEIGHTS, height)):
    for tag in tags:
      if tag in places:
        struct.pack_into(f'{order}HHLL', block, places[tag], tag, 4, 1, value)
  return bytes(block)


def directories(exif: bytes) -> dict[int, list[tuple[int, int, int, bytes]]]:
  """Takes an EXIF block apart for a TIFF, whose own directory holds these fields.

  Returns:
    Entries (tag, type, count, little-endian value) by directory: 0 for the descriptive
    ones of the first, `EXIF_IFD` and `GPS_IFD`.

  Raises:
    ValueError, struct.error: The block is damaged.
  """
  order, start = _header(exif)
  first = _entries(exif, order, start)
  found = {0: [_value(exif, order, first[t]) for t in DESCRIPTIVE if t in first]}
  for pointer in (EXIF_IFD, GPS_IFD):
    if pointer in first:
      inner = struct.unpack_from(f'{order}L', exif, first[pointer] + 8)[0]
      places = _entries(exif, order, inner)
      # 0xA005 points to one more directory, of no use to a reader of pictures.
      found[pointer] = [_value(exif, order, places[t]) for t in places if t != 0xA005]
  return found


def _exif_block(block: object, found: Image.Exif, tiff: bool) -> bytes | None:
  if isinstance(block, bytes) and block:
    return _upright(block.removeprefix(b'Exif\x00\x00'))
  rest = Image.Exif()
  for tag in DESCRIPTIVE if tiff else found:
    if tag in found and tag not in (ORIENTATION, EXIF_IFD, GPS_IFD):
      rest[tag] = found[tag]
  for pointer in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
    inner = dict(found.get_ifd(pointer))
    inner.pop(0xA005, None)
    if inner:
      rest[pointer] = inner
  if not len(rest):
    return None
  return _upright(rest.tobytes().removeprefix(b'Exif\x00\x00'))


def _upright(exif: bytes) -> bytes:
  """Sets the orientation to 1 and cuts the thumbnail, every other byte in its place.

  Makers' notes hold offsets of their own: a block that is written anew breaks them.
  """
  order, start = _header(exif)
  block = bytearray(exif)
  places = _entries(exif, order, start)
  if ORIENTATION in places:
    struct.pack_into(f'{order}HHLHH', block, places[ORIENTATION], 0x0112, 3, 1, 1, 0)
  count = struct.unpack_from(f'{order}H', exif, start)[0]
  link = start + 2 + 12 * count
  if link + 4 > len(exif):  # Some writers leave the link out.
    return bytes(block)
  following = struct.unpack_from(f'{order}L', exif, link)[0]
  struct.pack_into(f'{order}L', block, link, 0)
  try:
    thumbnail = _entries(exif, order, following) if following else {}
    at, size = (
      struct.unpack_from(f'{order}L', exif, thumbnail[tag] + 8)[0]
      for tag in (THUMBNAIL, THUMBNAIL_BYTES)
    )
  except (KeyError, ValueError, struct.error):
    return bytes(block)
  if 8 <= at < at + size == len(exif):
    del block[at:]
  elif 8 <= at < at + size < len(exif):
    block[at : at + size] = bytes(size)
  return bytes(block)


def _header(exif: bytes) -> tuple[str, int]:
  """Returns the byte order and the place of the first directory."""
  order = {b'II*\0': '<', b'MM\0*': '>'}.get(exif[:4])
  if order is None:
    raise ValueError('not an EXIF block')
  return order, struct.unpack_from(f'{order}L', exif, 4)[0]


def _entries(exif: bytes, order: str, start: int) -> dict[int, int]:
  """Returns the place of every entry of a directory, by tag."""
  count = struct.unpack_from(f'{order}H', exif, start)[0]
  places = [start + 2 + 12 * i for i in range(count)]
  if start < 8 or (places and places[-1] + 12 > len(exif)):
    raise ValueError('the directory leaves the block')
  return {struct.unpack_from(f'{order}H', exif, at)[0]: at for at in places}


def _value(exif: bytes, order: str, at: int) -> tuple[int, int, int, bytes]:
  tag, kind, count = struct.unpack_from(f'{order}HHL', exif, at)
  if kind not in SIZES:
    raise ValueError(f'no EXIF type {kind}')
  size = SIZES[kind] * count
  start = at + 8 if size <= 4 else struct.unpack_from(f'{order}L', exif, at + 8)[0]
  data = exif[start : start + size]
  if len(data) != size:
    raise ValueError('a value leaves the block')
  unit = {5: 4, 10: 4}.get(kind, SIZES[kind])  # A fraction is two numbers.
  if order == '>' and unit > 1:
    data = b''.join(data[i : i + unit][::-1] for i in range(0, size, unit))
  return tag, kind, count, data


def _dpi(value: object) -> tuple[float, float] | None:
  try:
    # Whatever a file says: what is no pair of numbers ends in the except below.
    x, y = (float(v) for v in value)  # type: ignore[attr-defined]
  except (TypeError, ValueError, ZeroDivisionError, OverflowError):
    return None
  return (x, y) if all(math.isfinite(v) and 0 < v < 1e5 for v in (x, y)) else None


def _text(text: Mapping[str, str], comment: object) -> dict[str, str]:
  found = {}
  for key, value in text.items():
    # These two are metadata in disguise, and kept as what they are.
    if key != 'XML:com.adobe.xmp' and not key.startswith('Raw profile type'):
      found[str(key)] = str(value)
  if isinstance(comment, bytes):
    comment = comment.decode('utf-8', 'replace')
  if isinstance(comment, str) and comment:
    found.setdefault('Comment', comment.rstrip('\0'))
  return found
