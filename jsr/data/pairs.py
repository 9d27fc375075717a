"""Pairs of low and high resolution, as published by DIV2K's tracks and others.

A pair travels as one image on the grid of the LR: its 3 channels, then the pixels of HR
that lie on each. So whatever cuts patches, keeps sets in memory or streams them treats
a pair as an image of more channels, and cuts both halves at one place.
"""

import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jsr.data import images
from jsr.data.checked import CheckedSource
from jsr.errors import UserError

ELEMENT = 'pair'


def pack(lr: np.ndarray, hr: np.ndarray, scale: int) -> np.ndarray:
  """Packs a pair.

  Args:
    lr: uint8 (h, w, 3).
    hr: uint8 (H, W, 3), H from h * scale to h * scale + scale - 1, likewise W; what is
      beyond h * scale is cut off.
    scale: HR over LR.

  Returns:
    uint8 (h, w, 3 + 3 * scale^2).

  Raises:
    ValueError: The sizes do not fit.
  """
  h, w = lr.shape[:2]
  if (hr.shape[0] // scale, hr.shape[1] // scale) != (h, w):
    raise ValueError(f'{hr.shape[1]}x{hr.shape[0]} is not {scale} times {w}x{h}')
  blocks = hr[: h * scale, : w * scale].reshape(h, scale, w, scale, 3)
  blocks = blocks.swapaxes(1, 2).reshape(h, w, 3 * scale**2)
  return np.concatenate([lr, blocks], axis=-1)


def unpack(pair: jax.Array, scale: int) -> tuple[jax.Array, jax.Array]:
  """Undoes `pack` for a batch.

  Args:
    pair: (N, h, w, 3 + 3 * scale^2).
    scale: HR over LR.

  Returns:
    lr (N, h, w, 3) and hr (N, h * scale, w * scale, 3).
  """
  n, h, w, _ = pair.shape
  hr = pair[..., 3:].reshape(n, h, w, scale, scale, 3)
  return pair[..., :3], hr.swapaxes(2, 3).reshape(n, h * scale, w * scale, 3)


class PairSource(CheckedSource):
  """Packed pairs; see `pack`."""

  element = ELEMENT

  def __init__(self, name: str, keys: Sequence[str], scale: int):
    super().__init__(name, keys)
    self._scale = scale
    self.channels = 3 + 3 * scale**2

  def _halves(self, place: int) -> tuple[images.Decoded, images.Decoded]:
    raise NotImplementedError

  def _read(self, place: int) -> images.Decoded:
    lr, hr = self._halves(place)
    try:
      pixels = pack(lr.pixels, hr.pixels, self._scale)
    except ValueError as error:
      raise images.BadImage(f'HR of {error}') from error
    return images.Decoded(pixels, tuple(sorted({*lr.rules, *hr.rules})))


class FilePairs(PairSource):
  """Pairs of files."""

  def __init__(
    self,
    name: str,
    files: Sequence[tuple[str, pathlib.Path, pathlib.Path]],
    scale: int,
  ):
    """`files`: (key, LR file, HR file) of each pair."""
    super().__init__(name, [key for key, _, _ in files], scale)
    self._files = tuple((os.fspath(lr), os.fspath(hr)) for _, lr, hr in files)

  def _halves(self, place: int) -> tuple[images.Decoded, images.Decoded]:
    lr, hr = self._files[place]
    return images.decode(lr), images.decode(hr)

  def _size(self, place: int) -> tuple[int, int] | None:
    return images.read_size(self._files[place][0])


class RecordPairs(PairSource):
  """Pairs of a TFDS data set with the image features 'lr' and 'hr'."""

  def __init__(self, name: str, records: Sequence[Mapping[str, Any]], scale: int):
    digits = len(str(len(records) - 1))
    super().__init__(name, [f'{i:0{digits}}' for i in range(len(records))], scale)
    if 'lr' not in records[0] or 'hr' not in records[0]:
      raise UserError(
        f"'{name}' holds no pairs of 'lr' and 'hr'; choose another set, or another"
        ' degradation than given'
      )
    self._records = records

  def _halves(self, place: int) -> tuple[images.Decoded, images.Decoded]:
    try:
      record = self._records[place]
    except Exception as error:  # Damaged records fail in any way they like.
      raise images.BadImage(f'the record cannot be read: {error}') from error
    return images.decode(record['lr']), images.decode(record['hr'])

  def _size(self, place: int) -> tuple[int, int] | None:
    return None


# What DIV2K's tracks append to the name of the HR: 0001x4, 0001x4m, 0001x4w3.
_TAIL = re.compile(r'x\d+([md]|w\d+)?$')


def pair_files(
  lr: pathlib.Path, hr: pathlib.Path
) -> list[tuple[str, pathlib.Path, pathlib.Path]]:
  """Finds the pairs of two folders.

  A pair's names are equal, or the LR has a tail such as 'x4', 'x4m' or 'x4w3', as in
  DIV2K's tracks. An HR may have several LR, as in the track wild.

  Returns:
    (key, LR file, HR file), sorted; the key is the name of the HR, or of the LR where
    an HR has several.

  Raises:
    UserError: A folder is missing or empty, or a file has no partner.
  """
  lr_files, hr_files = _by_stem(lr), _by_stem(hr)
  partners: dict[str, list[str]] = {stem: [] for stem in hr_files}
  alone = []
  for stem in lr_files:
    owner = stem if stem in partners else _TAIL.sub('', stem)
    if owner in partners:
      partners[owner].append(stem)
    else:
      alone.append(lr_files[stem])
  for files, folder in (
    (alone, hr),
    ([hr_files[stem] for stem, found in partners.items() if not found], lr),
  ):
    if files:
      raise UserError(
        f"'{min(files)}' has no partner in '{folder}' ({len(files)} such files);"
        ' give both files of a pair the same name'
      )
  return sorted(
    (owner if len(stems) == 1 else stem, lr_files[stem], hr_files[owner])
    for owner, stems in partners.items()
    for stem in stems
  )


def _by_stem(folder: pathlib.Path) -> dict[str, pathlib.Path]:
  if not folder.is_dir():
    raise UserError(f"the folder '{folder}' does not exist; give two folders of images")
  files = {
    path.stem: path
    for path in sorted(folder.iterdir())
    if path.suffix.lower() in images.SUFFIXES and not path.name.startswith('.')
  }
  if not files:
    raise UserError(f"no image files in '{folder}'; give two folders of images")
  return files
