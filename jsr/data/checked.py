"""What every set of images does: check its files once, survive those that go bad.

Files are checked when the set is opened: what cannot be used is named, counted and left
out. A file that goes bad later is named, counted and replaced by the next good one, so
that a long run does not die of it.
"""

import concurrent.futures
import dataclasses
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tqdm

from jsr.data import images
from jsr.errors import UserError

log = logging.getLogger(__name__)


@dataclasses.dataclass
class Report:
  """What became of the files of a source.

  Attributes:
    used: Number of images in the source.
    converted: How many of them were made RGB by which rule of `images.py`.
    skipped: (name, reason) of each file left out at the start.
    replaced: How often each image that went bad later was replaced, by its name;
      worker processes count for themselves.
  """

  used: int = 0
  converted: dict[str, int] = dataclasses.field(default_factory=dict)
  skipped: list[tuple[str, str]] = dataclasses.field(default_factory=list)
  replaced: dict[str, int] = dataclasses.field(default_factory=dict)

  def __str__(self) -> str:
    parts = [f'{self.used} images']
    if self.converted:
      rules = (f'{count} {rule}' for rule, count in sorted(self.converted.items()))
      parts.append(f'converted: {", ".join(rules)}')
    if self.skipped:
      parts.append(f'{len(self.skipped)} skipped')
    if self.replaced:
      parts.append(f'{sum(self.replaced.values())} replaced')
    return '; '.join(parts)


class _Found(NamedTuple):
  """What the check found out about a good image; `area` is None if it did not look."""

  rules: tuple[str, ...]
  area: int | None


def digest(names: Iterable[str]) -> str:
  """Returns 16 hexadecimal digits that stand for a sequence of names."""
  return hashlib.sha256('\n'.join(names).encode()).hexdigest()[:16]


class CheckedSource:
  """Images that are read on demand; the unusable ones are left out by `check`.

  Attributes:
    element: What batches call its elements.
    channels: Of an element.
    nbytes: Bytes of all pixels, after `check`; None where it did not learn them.
  """

  element = 'hr'
  channels = 3

  def __init__(self, name: str, keys: Sequence[str]):
    self.name = name
    self.keys: Sequence[str] = tuple(keys)
    self.min_size = 0
    self.report = Report(used=len(keys))
    self.nbytes: int | None = None
    self._places = tuple(range(len(keys)))

  @property
  def digest(self) -> str:
    """16 hexadecimal digits that tell one set of images from another."""
    return digest(self.keys)

  def __len__(self) -> int:
    return len(self._places)

  def __getitem__(self, index: int) -> np.ndarray:
    count = len(self)
    if not 0 <= index < count:
      raise IndexError(f'image {index} of {count}')
    for step in range(count):
      try:
        return self.read((index + step) % count).pixels
      except images.BadImage as bad:
        self._note(self.keys[(index + step) % count], str(bad))
    raise UserError(
      f"no image of '{self.name}' can be read any more; is it still there?"
    )

  def read(self, index: int) -> images.Decoded:
    """Returns image `index` itself, and what was done to it.

    Raises:
      BadImage: It cannot be used; nothing takes its place.
    """
    decoded = self._read(self._places[index])
    self._big_enough(*decoded.pixels.shape[:2])
    return decoded

  def check(self, *, verify: bool, threads: int, bar: bool) -> None:
    """Reads every image once and drops those that cannot be used.

    Raises:
      UserError: None is left.
    """
    look = self._look if verify else self._glance
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
      found = list(
        tqdm.tqdm(
          pool.map(look, range(len(self))),
          desc=f'checking {self.name}',
          total=len(self),
          unit='image',
          disable=None if bar else True,  # None: no bar where there is no terminal.
          leave=False,
        )
      )
    good = []
    area: int | None = 0
    for index, result in enumerate(found):
      if isinstance(result, images.BadImage):
        self.report.skipped.append((self.keys[index], str(result)))
        log.warning('skipped %s: %s', self.keys[index], result)
        continue
      good.append(index)
      area = None if area is None or result.area is None else area + result.area
      for rule in result.rules:
        self.report.converted[rule] = self.report.converted.get(rule, 0) + 1
    if not good:
      _, reason = self.report.skipped[0]
      raise UserError(
        f"none of the {len(found)} images of '{self.name}' can be used"
        f' (the first: {reason}); bring other images or smaller patches'
      )
    self._places = tuple(self._places[index] for index in good)
    self.keys = tuple(self.keys[index] for index in good)
    self.report.used = len(good)
    self.nbytes = None if area is None else area * self.channels
    log.info('%s: %s', self.name, self.report)

  def _read(self, place: int) -> images.Decoded:
    """Decodes the image at a place of the unfiltered set, or raises BadImage."""
    raise NotImplementedError

  def _size(self, place: int) -> tuple[int, int] | None:
    """Returns (H, W) without decoding, None where that is not possible."""
    raise NotImplementedError

  def _big_enough(self, height: int, width: int) -> None:
    if min(height, width) < self.min_size:
      raise images.BadImage(f'{width}x{height} is smaller than {self.min_size}')

  def _look(self, index: int) -> _Found | images.BadImage:
    try:
      decoded = self.read(index)
    except images.BadImage as bad:
      return bad
    height, width = decoded.pixels.shape[:2]
    return _Found(decoded.rules, height * width)

  def _glance(self, index: int) -> _Found | images.BadImage:
    try:
      size = self._size(self._places[index])
      if size is None:
        return _Found((), None)
      self._big_enough(*size)
    except images.BadImage as bad:
      return bad
    return _Found((), size[0] * size[1])

  def _note(self, key: str, reason: str) -> None:
    if key not in self.report.replaced:
      log.warning('%s went bad and is replaced by the next image: %s', key, reason)
    self.report.replaced[key] = self.report.replaced.get(key, 0) + 1


class FileSource(CheckedSource):
  """Image files."""

  def __init__(self, name: str, keys: Sequence[str], paths: Sequence[str]):
    super().__init__(name, keys)
    self._paths = tuple(paths)

  @property
  def paths(self) -> tuple[str, ...]:
    """The files, in the order of `keys`."""
    return tuple(self._paths[place] for place in self._places)

  def _read(self, place: int) -> images.Decoded:
    return images.decode(self._paths[place])

  def _size(self, place: int) -> tuple[int, int] | None:
    return images.read_size(self._paths[place])


class RecordSource(CheckedSource):
  """Images of a TFDS data set stored as ArrayRecord."""

  def __init__(self, name: str, records: Sequence[Mapping[str, Any]]):
    digits = len(str(len(records) - 1))
    super().__init__(name, [f'{i:0{digits}}' for i in range(len(records))])
    self._records = records

  def _read(self, place: int) -> images.Decoded:
    try:
      record = self._records[place]
    except Exception as error:  # Damaged records fail in any way they like.
      raise images.BadImage(f'the record cannot be read: {error}') from error
    return images.decode(record['hr' if 'hr' in record else 'image'])

  def _size(self, place: int) -> tuple[int, int] | None:
    return None
