"""What each file format can hold, and what of a picture goes into it."""

import dataclasses
import os
import pathlib
from typing import Any

from jsr import errors
from jsr.errors import UserError
from jsr.upscale import metadata as metadata_module
from jsr.upscale.metadata import Metadata
from jsr.upscale.picture import CHANNELS, Picture, ink_to_srgb


@dataclasses.dataclass(frozen=True)
class Format:
  """What a file format can hold.

  Attributes:
    name: Pillow's.
    suffixes: The usual one first.
    has_alpha: Whether it holds alpha.
    depths: Bits a sample.
    spaces: Of colour: 'grey', 'rgb', 'cmyk'.
    side: The largest height or width in pixels.
    keeps: Kinds of metadata: 'icc', 'exif', 'xmp', 'dpi', 'text', 'color'.
    streams: Whether memory stays bounded while it is written.
    animated: Whether it holds frames.
    lossy: Whether a quality can be chosen.
  """

  name: str
  suffixes: tuple[str, ...]
  has_alpha: bool
  depths: tuple[int, ...]
  spaces: tuple[str, ...]
  side: int
  keeps: frozenset[str]
  streams: bool = False
  animated: bool = False
  lossy: bool = False

  @property
  def label(self) -> str:
    """The name in a sentence."""
    return 'WebP' if self.name == 'WEBP' else self.name


_ALL = frozenset({'icc', 'exif', 'xmp', 'dpi', 'text'})
_FORMATS = (
  Format(
    *('PNG', ('.png', '.apng'), True, (8, 16), ('grey', 'rgb'), 2**31 - 1),
    _ALL | {'color'},
    streams=True,
    animated=True,
  ),
  Format(
    *('JPEG', ('.jpg', '.jpeg', '.jpe', '.jfif'), False, (8,)),
    *(('grey', 'rgb', 'cmyk'), 65500, _ALL),
    lossy=True,
  ),
  Format(
    *('WEBP', ('.webp',), True, (8,), ('rgb',), 16383, _ALL - {'dpi', 'text'}),
    animated=True,
    lossy=True,
  ),
  Format(
    *('TIFF', ('.tif', '.tiff'), True, (8, 16), ('grey', 'rgb', 'cmyk'), 2**31 - 1),
    _ALL - {'text'},
    streams=True,
  ),
  Format(
    *('AVIF', ('.avif',), True, (8,), ('grey', 'rgb'), 16384, _ALL - {'dpi', 'text'}),
    animated=True,
    lossy=True,
  ),
  Format(
    *('GIF', ('.gif',), True, (8,), ('grey', 'rgb'), 65535, frozenset({'text'})),
    animated=True,
  ),
)
_WORDS = {
  'exif': 'EXIF',
  'xmp': 'XMP',
  'dpi': 'a resolution',
  'icc': 'a colour profile',
}


# In JPEG, whose segments have 16 bits for their size; a profile takes up to 255.
_MOST = {'exif': 65000, 'xmp': 65000, 'icc': 255 * 65519}


def formats() -> tuple[Format, ...]:
  """Returns the formats that can be written."""
  return _FORMATS


def format_of(path: str | os.PathLike[str], name: str | None = None) -> Format:
  """Finds a format by its name or suffix ('png', '.jpg', 'JPEG'), else by a path.

  Raises:
    UserError: There is none.
  """
  wanted = (name or pathlib.Path(path).suffix).lower()
  for known in _FORMATS:
    if wanted in (known.name.lower(), *known.suffixes):
      return known
    if name and f'.{wanted}' in known.suffixes:
      return known
  names = (known.name.lower() for known in _FORMATS)
  if name:
    raise errors.unknown('format', name, names)
  raise UserError(
    f'{path} has no suffix of a format that can be written; choose one of: '
    + ', '.join(names)
  )


@dataclasses.dataclass(frozen=True)
class Plan:
  """What of a picture goes into a file.

  Attributes:
    kind: The format.
    space: Of the colours in the file.
    alpha: Whether the file has alpha.
    depth: Bits a sample.
    source_space: Of the picture.
    source_alpha: Whether the picture has alpha.
    metadata: What is written.
    notes: What is not kept.
    ink: The profile of CMYK that becomes RGB.
  """

  kind: Format
  space: str
  alpha: bool
  depth: int
  source_space: str
  source_alpha: bool
  metadata: Metadata
  notes: tuple[str, ...]
  ink: bytes | None

  @property
  def channels_in(self) -> int:
    """Of the picture, with alpha."""
    return CHANNELS[self.source_space] + self.source_alpha

  @property
  def channels(self) -> int:
    """Of the file, with alpha."""
    return CHANNELS[self.space] + self.alpha


def plan(
  kind: Format, picture: Picture, height: int, width: int, lossless: bool
) -> Plan:
  """Decides what of a picture goes into a file of a format.

  Args:
    kind: The format.
    picture: Its space, depth, alpha and metadata count.
    height: Of the result.
    width: Of the result.
    lossless: Whether that is asked for.
  """
  notes = []
  space, alpha, depth = picture.space, picture.alpha is not None, picture.depth
  meta = picture.metadata
  ink = None
  if space not in kind.spaces:
    if space == 'cmyk':
      ink = meta.icc if meta.icc and ink_to_srgb(meta.icc) else None
      how = 'through its profile' if ink else 'by a plain formula'
      if meta.icc and not ink:
        how += ', since its profile is damaged'
      notes.append(f'{kind.label} has no CMYK: converted to sRGB {how}')
      if depth == 16:
        notes.append('the conversion from CMYK has 8 bits')
      meta = dataclasses.replace(meta, icc=None)
      depth = 8
    space = 'rgb'
  if alpha and (not kind.has_alpha):
    notes.append(f'{kind.label} has no alpha: laid over white')
    alpha = False
  if depth not in kind.depths:
    notes.append(f'{kind.label} is 8-bit')
    depth = 8
  if kind.name == 'GIF':
    notes.append('GIF has 256 colours')
  if lossless and kind.name in ('JPEG', 'GIF'):
    notes.append(f'{kind.label} cannot be lossless')
  if lossless and kind.name == 'AVIF' and space == 'rgb':
    notes.append('AVIF is not quite lossless')
  if meta.icc and 'icc' in kind.keeps and not metadata_module.fits(meta.icc, space):
    notes.append('the colour profile is for another colour space: left out')
    meta = dataclasses.replace(meta, icc=None)
  if meta.exif:
    exif = metadata_module.with_size(meta.exif, height, width)
    meta = dataclasses.replace(meta, exif=exif)
  meta = _kept(meta, kind, notes)
  return Plan(
    *(kind, space, alpha, depth, picture.space, picture.alpha is not None),
    *(meta, tuple(notes), ink),
  )


def _kept(meta: Metadata, kind: Format, notes: list[str]) -> Metadata:
  """Drops what the format has no place for."""
  drop: dict[str, Any] = {}
  for field, word in _WORDS.items():
    if getattr(meta, field) and field not in kind.keeps:
      notes.append(f'{kind.label} has no place for {word}: left out')
      drop[field] = None
  if meta.text and 'text' not in kind.keeps:
    notes.append(f'{kind.label} has no place for texts: left out')
    drop['text'] = {}
  elif meta.text and kind.name in ('JPEG', 'GIF') and set(meta.text) != {'Comment'}:
    notes.append(f'{kind.label} keeps the comment only: other texts left out')
    comment = meta.text.get('Comment')
    drop['text'] = {'Comment': comment} if comment else {}
  if meta.color and 'color' not in kind.keeps:
    names = ', '.join(metadata_module.beyond_srgb(meta))
    if names:
      notes.append(
        f'{kind.label} has no place for {names} of PNG: colours may look different'
      )
    drop['color'] = {}
  if kind.name == 'JPEG':
    for field, most in _MOST.items():
      data = getattr(meta, field)
      if data and len(data) > most:
        notes.append(f'{_WORDS[field]} is too long for JPEG: left out')
        drop[field] = None
    comment = meta.text.get('Comment', '')
    if len(comment.encode('utf-8', 'replace')) > 2**16 - 3:
      notes.append('the comment is too long for JPEG: left out')
      drop['text'] = {}
    if meta.dpi and max(meta.dpi) > 2**16 - 1:
      notes.append('a resolution is too high for JPEG: left out')
      drop['dpi'] = None
  if kind.name == 'TIFF' and meta.exif:
    try:
      metadata_module.directories(meta.exif)
    except Exception:  # struct's errors, and ours.
      notes.append('damaged EXIF left out')
      drop['exif'] = None
  return dataclasses.replace(meta, **drop)


def check_size(kind: Format, height: int, width: int, path: pathlib.Path) -> None:
  """Raises UserError for more pixels a side than the format can note."""
  if max(height, width) > kind.side:
    raise UserError(
      f'{path}: {kind.label} holds at most {kind.side} pixels a side, not'
      f' {width} x {height}; write PNG or TIFF'
    )
