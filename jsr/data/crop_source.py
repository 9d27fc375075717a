"""Reads a folder of crops that `jsr prepare` made, at random and from any process."""

import bisect
import itertools
import logging
import os
import pathlib

from array_record.python import array_record_data_source

from jsr.data import crops, images, shards
from jsr.data.checked import CheckedSource, digest
from jsr.errors import UserError, first_line

log = logging.getLogger(__name__)


class CropSource(CheckedSource):
  """Crops, in the order of the pictures they were cut from; nothing is decoded.

  Args:
    name: The spec it was opened with.
    folder: Of the crops.
    split: Which the crops must be from.

  Raises:
    UserError: It is no folder of crops, not complete, or of another split.
  """

  def __init__(self, name: str, folder: pathlib.Path, split: str):
    manifest = crops.read_manifest(folder)
    if manifest.missing:
      raise UserError(
        f"'{folder}' is not complete ({len(manifest.missing)} of {manifest.shards}"
        ' shards are missing); run jsr prepare again with the same arguments to finish'
      )
    if manifest.split != split:
      raise UserError(
        f"'{folder}' holds the split '{manifest.split}', not '{split}'; prepare that"
        ' split into a folder of its own'
      )
    digits = len(str(manifest.crops - 1))
    super().__init__(name, [f'{i:0{digits}}' for i in range(manifest.crops)])
    self._folder = folder
    # Shards without a crop are not read.
    self._shards = {n: manifest.files[n] for n in manifest.file_names}
    self._shards = {n: shard for n, shard in self._shards.items() if shard.crops}
    self._ends = list(itertools.accumulate(s.crops for s in self._shards.values()))
    self._records = array_record_data_source.ArrayRecordDataSource(
      # With their lengths, so that no file is opened before it is read.
      [os.fspath(folder / n) + f'[0:{s.crops}]' for n, s in self._shards.items()],
      {'max_parallelism': '0'},
    )

  @property
  def digest(self) -> str:
    """Crops have no names but their numbers: the content of their files counts."""
    return digest([*(shard.sha256 for shard in self._shards.values()), *self.keys])

  def check(self, *, verify: bool, threads: int, bar: bool) -> None:
    """Compares sizes and counts of the shards with the manifest.

    Crops are read only where some may be too small; what is damaged inside is found by
    `jsr prepare --verify`, and otherwise replaced when its turn comes.

    Raises:
      UserError: A shard is missing or damaged, or no crop is large enough.
    """
    damaged = shards.faults(
      self._folder, self._shards, whole=False, threads=threads, progress=False
    )
    if damaged:
      name = min(damaged)
      raise UserError(
        f"'{self._folder / name}' cannot be used ({damaged[name]}); run jsr prepare"
        ' again with the same arguments to write it'
      )
    if all(shard.smallest >= self.min_size for shard in self._shards.values()):
      self.nbytes = sum(shard.pixel_bytes for shard in self._shards.values())
      log.info('%s: %s', self.name, self.report)
    else:
      super().check(verify=verify, threads=threads, bar=bar)

  def _read(self, place: int) -> images.Decoded:
    return images.Decoded(self._crop(place).pixels, ())

  def _size(self, place: int) -> tuple[int, int] | None:
    height, width = self._crop(place).pixels.shape[:2]
    return height, width

  def _crop(self, place: int) -> crops.Crop:
    try:
      return crops.decode(self._records[place])
    except Exception as error:  # Damaged records fail in any way they like.
      raise images.BadImage(
        f'{self._where(place)} cannot be read: {first_line(error)}'
      ) from error

  def _where(self, place: int) -> str:
    shard = bisect.bisect_right(self._ends, place)
    start = self._ends[shard - 1] if shard else 0
    return f'record {place - start} of {list(self._shards)[shard]}'
