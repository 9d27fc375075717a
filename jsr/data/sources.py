"""Sets of images: scikit-image's photographs, a folder, a TFDS set, raw crops.

A source is a sequence of uint8 RGB images with stable names; `checked.py` says what
happens to files that cannot be used.
"""

import collections
import importlib.util
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from jsr.data import images
from jsr.data.checked import CheckedSource, FileSource, RecordSource, Report
from jsr.data.crop_source import CropSource
from jsr.data.pairs import FilePairs, PairSource, RecordPairs, pair_files
from jsr.errors import UserError, unknown

SPLITS = ('train', 'validation', 'test')
RECORDS = 'records:'

# The colour photographs inside scikit-image's wheel, all free to use; the licence of
# the package is LICENSE.txt in its dist-info, the origin of each picture stands in
# the docstring of its function in `skimage.data`. The two halves share no scene.
PHOTOGRAPHS = {
  'train': (
    'astronaut.png',  # Portrait in a space suit, 512x512. NASA, public domain.
    'hubble_deep_field.jpg',  # Galaxies, 872x1000. NASA, public domain.
    'motorcycle_left.png',  # A garage, 500x741. Middlebury stereo 2014.
    'motorcycle_right.png',  # The same garage from 19 cm to the right.
    'retina.jpg',  # The back of an eye, 1411x1411. CC0.
  ),
  'test': (
    'chelsea.png',  # A cat, 300x451. CC0, Stefan van der Walt.
    'coffee.png',  # A cup on a wooden table, 400x600. CC0, Rachel Michetti.
    'ihc.png',  # Stained tissue, 512x512. CMMI, no known restrictions.
    'rocket.jpg',  # A launch pad at dusk, 427x640. SpaceX, public domain.
  ),
}


class ImageSource(Protocol):
  """A sequence of images.

  Attributes:
    name: The spec it was opened with.
    keys: One name an image, unique and in a stable order.
    min_size: No image has a side shorter than this.
    report: What was used, converted, skipped and replaced.
    element: What batches call its elements: 'hr', or 'pair' (see `pairs.py`).
    channels: 3, or what a pair is packed into.
    nbytes: Bytes of all pixels; None where that is not known without decoding.
    digest: 16 hexadecimal digits that tell this set from another.
  """

  name: str
  keys: Sequence[str]
  min_size: int
  report: Report
  element: str
  channels: int
  nbytes: int | None

  @property
  def digest(self) -> str:
    """See above."""

  def __len__(self) -> int:
    """Returns the number of images."""

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns image `index`, uint8 (H, W, channels)."""


def open_source(
  spec: str,
  *,
  split: str,
  min_size: int,
  verify: bool = True,
  threads: int | None = None,
  progress: bool = True,
) -> ImageSource:
  """Opens a set of images and checks each of them.

  Args:
    spec: 'photographs' for the ones that come with scikit-image (no download); the
      path of a folder; 'tfds:NAME[/CONFIG]' or 'tfds:NAME[/CONFIG]:DATA_DIR' for a
      data set prepared as ArrayRecord; 'records:DIR' for what `jsr prepare` wrote.
    split: 'train', 'validation' or 'test'. A folder with sub-folders of these names
      is split by them; one without belongs to every split. TFDS sets have their own;
      records are of the one they were made from.
    min_size: Images with a shorter side than this are left out.
    verify: Decodes every image. False reads only the headers of a folder and nothing
      of a TFDS set, for sets too large to be read twice. Records are counted and
      measured against their manifest either way.
    threads: Number of files checked at once; None: one a processor.
    progress: Shows a bar.

  Returns:
    The source; its `report` says what was used, converted and skipped.

  Raises:
    UserError: There is no such set or split, or no image of it can be used.
  """
  if spec == 'photographs':
    source: CheckedSource = _photographs(split)
  elif spec.startswith('tfds:'):
    source = _tfds(spec, split)
  elif spec.startswith(RECORDS):
    folder = pathlib.Path(spec.removeprefix(RECORDS)).expanduser()
    source = CropSource(spec, folder, split)
  else:
    source = _folder(spec, split)
  source.min_size = min_size
  source.check(verify=verify, threads=threads or os.cpu_count() or 1, bar=progress)
  return source


def open_pairs(
  spec: str,
  *,
  lr: str,
  scale: int,
  split: str,
  min_size: int,
  verify: bool = True,
  threads: int | None = None,
  progress: bool = True,
) -> ImageSource:
  """Opens a set of given pairs, such as a track of DIV2K, and checks each of them.

  Args:
    spec: Folder of HR, or a TFDS set with 'lr' and 'hr' (see `open_source`).
    lr: Folder of LR for a folder of HR; '' for a TFDS set.
    scale: HR over LR.
    split: See `open_source`; both folders are split, or neither.
    min_size: Pairs whose LR has a shorter side than this are left out.
    verify: See `open_source`.
    threads: See `open_source`.
    progress: Shows a bar.

  Returns:
    The source of packed pairs (see `pairs.pack`).

  Raises:
    UserError: There are no such pairs, or none can be used.
  """
  if spec.startswith('tfds:'):
    if lr:
      raise UserError(f"'{spec}' has LR of its own; leave config.data.lr empty")
    source: PairSource = RecordPairs(spec, _tfds_records(spec, split), scale)
  elif spec.startswith(RECORDS):
    raise UserError(
      f"'{spec}' holds crops of HR only, and degradation 'given' needs pairs; name a"
      ' folder of HR, or a set of pairs such as tfds:div2k/unknown_x4'
    )
  elif not lr:
    raise UserError(
      f"degradation 'given' needs the LR of '{spec}': set config.data.lr to their"
      ' folder, or config.data.source to a set of pairs such as tfds:div2k/unknown_x4'
    )
  else:
    hr_root, lr_root = _split_root(spec, split), _split_root(lr, split)
    source = FilePairs(spec, pair_files(lr_root, hr_root), scale)
  source.min_size = min_size
  source.check(verify=verify, threads=threads or os.cpu_count() or 1, bar=progress)
  return source


def _photographs(split: str) -> FileSource:
  if split not in PHOTOGRAPHS:
    raise unknown('split of the photographs', split, PHOTOGRAPHS)
  # Found, not imported: `skimage.data` may want to download.
  package = importlib.util.find_spec('skimage')
  if package is None or not package.submodule_search_locations:
    raise UserError(
      "the photographs come with scikit-image, which is not installed; 'pip install"
      " scikit-image' or give a folder"
    )
  folder = pathlib.Path(package.submodule_search_locations[0]) / 'data'
  files = PHOTOGRAPHS[split]
  return FileSource(
    'photographs',
    [pathlib.PurePath(file).stem for file in files],
    [str(folder / file) for file in files],
  )


def _split_root(spec: str, split: str) -> pathlib.Path:
  """Returns the part of a folder that belongs to a split."""
  root = pathlib.Path(spec).expanduser()
  if not root.is_dir():
    what = 'is a file, not a folder' if root.exists() else 'does not exist'
    raise UserError(
      f"the folder of images '{spec}' {what}; give a folder, 'photographs',"
      " 'tfds:NAME' or 'records:DIR'"
    )
  if split not in SPLITS:
    raise unknown('split', split, SPLITS)
  parts = [name for name in SPLITS if (root / name).is_dir()]
  if split in parts:
    root = root / split
  elif parts:
    # Taking everything would train on the test images, or the reverse.
    raise UserError(
      f"the folder '{spec}' is split into {', '.join(parts)}, but has no"
      f" '{split}'; add that sub-folder or choose another split"
    )
  return root


def _folder(spec: str, split: str) -> FileSource:
  root = _split_root(spec, split)
  files = _image_files(root)
  if not files:
    raise UserError(
      f"no image files under '{root}'; known suffixes: "
      + ' '.join(sorted(images.SUFFIXES))
    )
  return FileSource(spec, _keys(files), [str(root / file) for file in files])


def _image_files(root: pathlib.Path) -> list[pathlib.PurePosixPath]:
  """Lists image files relative to the root, sorted, without hidden ones."""
  files, seen = [], set()
  for where, folders, names in os.walk(root, followlinks=True):
    real = os.path.realpath(where)
    if real in seen:  # A link that leads back.
      folders.clear()
      continue
    seen.add(real)
    folders[:] = sorted(name for name in folders if not name.startswith('.'))
    inside = pathlib.Path(where).relative_to(root).as_posix()
    files += [
      pathlib.PurePosixPath(inside, name)
      for name in names
      if pathlib.PurePath(name).suffix.lower() in images.SUFFIXES
      and not name.startswith('.')
    ]
  return sorted(files)


def _keys(files: Sequence[pathlib.PurePosixPath]) -> list[str]:
  """Names files by their path without suffix; with it where two would be equal."""
  stems = [str(file.with_suffix('')) for file in files]
  twice = {stem for stem, count in collections.Counter(stems).items() if count > 1}
  return [
    str(file) if stem in twice else stem
    for file, stem in zip(files, stems, strict=True)
  ]


def _tfds(spec: str, split: str) -> RecordSource:
  return RecordSource(spec, _tfds_records(spec, split))


def _tfds_records(spec: str, split: str) -> Sequence[Mapping[str, Any]]:
  from jsr.data.builders.records import open_records  # Only these sets need TFDS.

  name, _, data_dir = spec.removeprefix('tfds:').partition(':')
  return open_records(name, split, data_dir or None)
