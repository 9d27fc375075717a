"""Sets of raw crops: how pictures are cut, what a record holds, what the folder says.

A folder of crops has shards, ArrayRecord files of crops that are not encoded, and
`manifest.json`, which names the source and every shard that is complete. `cutting.py`
makes such a folder, `crop_source.py` reads it.

A record is a header, the name of the picture in UTF-8, and the pixels, uint8 in the
order (height, width, channels).
"""

import dataclasses
import json
import os
import pathlib
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jsr.errors import UserError

MANIFEST = 'manifest.json'
FORMAT = 'jsr crops 1'
# What the field of super-resolution cuts DIV2K to.
SIZE = 480
# Reading one 480x480 crop at random takes 0.56 ms as it is, 1.8 ms with zstd, which
# makes the files 0.58 as large, and 12 ms in groups of 16, which are read whole (one
# core, photographs, in the page cache). The files are hashed chunk by chunk either way.
WRITE_OPTIONS = 'group_size:1,uncompressed'

# Mark, height, width, channels, top, left, bytes of the name.
_HEADER = struct.Struct('<4s6I')
_MARK = b'JSRC'


class Crop(NamedTuple):
  """One crop.

  Attributes:
    pixels: uint8 (H, W, 3), read-only.
    name: Of the picture it was cut from.
    top: Its place there, pixels.
    left: As `top`.
  """

  pixels: np.ndarray
  name: str
  top: int
  left: int


def places(length: int, size: int, overlap: int) -> list[int]:
  """Returns where crops begin along one side of a picture.

  As few as cover all of it and overlap by `overlap` or more, spread evenly; a side that
  is not longer than a crop gets one, of its own length.

  Args:
    length: Of the side, pixels.
    size: Of a crop, more than `overlap`.
    overlap: Least number of pixels that neighbours share.
  """
  if length <= size:
    return [0]
  gaps = -((size - length) // (size - overlap))
  return [i * (length - size) // gaps for i in range(gaps + 1)]


def cut(pixels: np.ndarray, name: str, size: int, overlap: int) -> Iterator[Crop]:
  """Cuts a picture, uint8 (H, W, C), into crops that cover it, row by row."""
  height, width = pixels.shape[:2]
  for top in places(height, size, overlap):
    for left in places(width, size, overlap):
      yield Crop(pixels[top : top + size, left : left + size], name, top, left)


def encode(crop: Crop) -> bytes:
  """Returns the record of a crop."""
  name = crop.name.encode()
  header = _HEADER.pack(_MARK, *crop.pixels.shape, crop.top, crop.left, len(name))
  return b''.join((header, name, np.ascontiguousarray(crop.pixels).data))


def decode(record: bytes) -> Crop:
  """Undoes `encode`; the pixels are a view of the record.

  Raises:
    ValueError: It is no such record.
  """
  if len(record) < _HEADER.size or record[:4] != _MARK:
    raise ValueError('it is no crop')
  _, *shape, top, left, length = _HEADER.unpack_from(record)
  start = _HEADER.size + length
  if len(record) != start + int(np.prod(shape, dtype=np.int64)):
    raise ValueError('its length does not fit its header')
  pixels = np.frombuffer(record, np.uint8, offset=start).reshape(shape)
  return Crop(pixels, record[_HEADER.size : start].decode(), top, left)


@dataclasses.dataclass
class Shard:
  """A complete shard.

  Attributes:
    images: How many pictures it was made of, those that were skipped included.
    crops: Number of records.
    pixel_bytes: Bytes of pixels of all crops.
    smallest: The shortest side of any crop; 0 where there is none.
    file_bytes: Size of the file.
    sha256: Of the file.
    converted: See `checked.Report`.
    skipped: (name, reason) of each picture that could not be used.
  """

  images: int = 0
  crops: int = 0
  pixel_bytes: int = 0
  smallest: int = 0
  file_bytes: int = 0
  sha256: str = ''
  converted: dict[str, int] = dataclasses.field(default_factory=dict)
  skipped: list[tuple[str, str]] = dataclasses.field(default_factory=list)

  def count(self, crop: Crop) -> None:
    """Counts a crop that was written."""
    shortest = min(crop.pixels.shape[:2])
    self.smallest = min(self.smallest, shortest) if self.crops else shortest
    self.crops += 1
    self.pixel_bytes += crop.pixels.nbytes


@dataclasses.dataclass
class Manifest:
  """What a folder of crops holds.

  Attributes:
    source: What was cut, as `open_source` takes it; a folder by its absolute path.
    split: Of the source.
    images: Number of pictures.
    names: Digest of their names.
    size: Longest side of a crop.
    overlap: Least number of pixels that neighbours share.
    shards: How many there will be.
    skipped: (name, reason) of pictures left out before the shards were filled.
    files: The complete shards, by the names of their files.
  """

  source: str
  split: str
  images: int
  names: str
  size: int
  overlap: int
  shards: int
  skipped: list[tuple[str, str]] = dataclasses.field(default_factory=list)
  files: dict[str, Shard] = dataclasses.field(default_factory=dict)

  @property
  def file_names(self) -> list[str]:
    """The files of all shards, complete or not, in order."""
    return [
      f'crops-{i:05}-of-{self.shards:05}.array_record' for i in range(self.shards)
    ]

  @property
  def missing(self) -> list[str]:
    """The files of the shards that are not complete."""
    return [name for name in self.file_names if name not in self.files]

  @property
  def crops(self) -> int:
    """Number of crops in the complete shards."""
    return sum(shard.crops for shard in self.files.values())

  @property
  def pixel_bytes(self) -> int:
    """Bytes of pixels in the complete shards."""
    return sum(shard.pixel_bytes for shard in self.files.values())

  @property
  def all_skipped(self) -> list[tuple[str, str]]:
    """(name, reason) of every picture that could not be used."""
    found = (skip for shard in self.files.values() for skip in shard.skipped)
    return [*self.skipped, *found]

  def write(self, folder: pathlib.Path) -> None:
    """Writes the manifest, whole or not at all.

    Raises:
      UserError: It cannot be written.
    """
    self.files = dict(sorted(self.files.items()))  # Not as they happened to end.
    temporary = folder / f'.{MANIFEST}.{os.getpid()}'
    try:
      try:
        text = json.dumps({'format': FORMAT, **dataclasses.asdict(self)}, indent=1)
        temporary.write_text(text + '\n', encoding='utf-8')
        temporary.replace(folder / MANIFEST)
      finally:
        temporary.unlink(missing_ok=True)
    except OSError as error:
      raise UserError(f'cannot write {folder / MANIFEST}: {error.strerror}') from error


def read_manifest(folder: pathlib.Path) -> Manifest:
  """Reads what a folder of crops holds.

  Raises:
    UserError: It is no such folder, or its manifest is damaged.
  """
  path = folder / MANIFEST
  try:
    fields: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    if fields.pop('format') != FORMAT:
      raise ValueError('another format')
    files = {name: Shard(**shard) for name, shard in fields.pop('files').items()}
    return Manifest(**fields, files=files)
  except OSError as error:
    raise UserError(
      f"the folder '{folder}' holds no crops ({MANIFEST}: {error.strerror}); make it"
      f' with jsr prepare SOURCE -o {folder}'
    ) from None
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise UserError(
      f"'{path}' is not a manifest of crops, or is damaged; remove the folder and make"
      ' it again with jsr prepare'
    ) from error
