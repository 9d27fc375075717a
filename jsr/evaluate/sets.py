"""Evaluation sets: pictures in full, with their low-resolution versions where given."""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from jsr import errors
from jsr.data import images, sources

EMBEDDED = 'photographs'
SUFFIXES = ('.png', '.bmp', '.tif', '.tiff', '.jpg', '.jpeg', '.webp')


@dataclasses.dataclass(frozen=True)
class Picture:
  """One picture of a set.

  Attributes:
    name: Its stem.
    hr: uint8 (H, W, 3), or (H, W, 1) where the file is grey.
    lr: The same for the given low-resolution version; None: to be made from hr.
  """

  name: str
  hr: np.ndarray
  lr: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class PictureSet:
  """A named set of pictures.

  Attributes:
    name: Such as 'Set5'.
    pictures: In the order of their names.
    origin: Where they were read, for messages.
  """

  name: str
  pictures: Sequence[Picture]
  origin: str


def read(path: pathlib.Path) -> np.ndarray:
  """Reads a picture as uint8 (H, W, 3), or (H, W, 1) where the file itself is grey.

  Grey stays grey: it is luma already, see `jsr.metrics.fidelity.prepare`.

  Raises:
    UserError: It cannot be read.
  """
  try:
    return grey_or_rgb(images.decode(path))
  except images.BadImage as error:
    raise errors.UserError(f'{path} cannot be read: {error}') from error


def grey_or_rgb(decoded: images.Decoded) -> np.ndarray:
  """Returns uint8 (H, W, 1) of what was grey in its file, else (H, W, 3)."""
  grey = {'grey', '1-bit'} & {*decoded.rules}
  return decoded.pixels[..., :1] if grey else decoded.pixels


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
  return sorted(
    p
    for p in folder.iterdir()
    if p.suffix.lower() in SUFFIXES and not p.name.startswith('.')
  )


def find(folder: pathlib.Path, stem: str) -> pathlib.Path | None:
  """Finds the picture of `stem` in a folder, or None.

  Its own stem is `stem`, or goes on with a factor ('babyx4') or anything that starts
  with neither letter nor digit ('baby_x4_mine'): 'baby2' is another picture.

  Raises:
    UserError: There are several.
  """
  candidates = _files(folder) if folder.is_dir() else []
  exact = [p for p in candidates if p.stem == stem]
  if exact:
    return exact[0]
  longer = [
    p
    for p in candidates
    if p.stem.startswith(stem) and re.match(r'[\W_]|x\d', p.stem[len(stem) :])
  ]
  if len(longer) > 1:
    names = ', '.join(p.name for p in longer)
    raise errors.UserError(
      f"{folder} has several pictures for '{stem}' ({names}); keep one"
    )
  return longer[0] if longer else None


def _folder_set(
  root: pathlib.Path, name: str, lr: str | None, limit: int | None
) -> PictureSet:
  folder = root / name / 'HR'
  if not folder.is_dir():
    known = sorted(p.parent.name for p in root.glob('*/HR'))
    if known:
      raise errors.unknown(f'set in {root}:', name, known)
    raise errors.UserError(
      f'{root} has no set {name}: a set is a folder with its pictures in HR/,'
      f' expected {folder}'
    )
  files = _files(folder)[:limit]
  if not files:
    raise errors.UserError(f'{folder} has no pictures')
  pictures = []
  for i, path in enumerate(files):
    if path.stem in {other.stem for other in files[:i]}:
      raise errors.UserError(
        f"{folder} has two pictures called '{path.stem}'; keep one of each name"
      )
    low = None
    if lr:
      found = find(root / name / lr, path.stem)
      if found is None:
        raise errors.UserError(
          f"{root / name / lr} has no picture for '{path.stem}'; --lr names a folder"
          ' beside HR/ with the same names'
        )
      low = read(found)
    pictures.append(Picture(path.stem, read(path), low))
  return PictureSet(name, pictures, str(folder))


def _source_set(spec: str, name: str, limit: int | None) -> PictureSet:
  source = sources.open_source(spec, split='test', min_size=1, progress=False)
  count = min(len(source), limit or len(source))
  pictures = [Picture(source.keys[i], source[i]) for i in range(count)]
  return PictureSet(name, pictures, spec)


def open_sets(
  names: Sequence[str],
  *,
  data: str | None = None,
  lr: str | None = None,
  limit: int | None = None,
) -> list[PictureSet]:
  """Opens sets of pictures.

  Args:
    names: Folders below `data`, each with HR/; 'photographs' is the held-out part of
      the embedded ones and needs no data.
    data: The folder of sets.
    lr: Folder beside HR/ with low-resolution pictures; None: they are made from HR.
    limit: Only the first pictures of each set, by name.

  Raises:
    UserError: A set or picture is missing or cannot be read.
  """
  result = []
  for i, name in enumerate(names):
    if name in names[:i]:
      raise errors.UserError(f"the set '{name}' is asked for twice; name it once")
    if pathlib.PurePath(name).name != name:
      # A path would hide the name that the published figures belong to.
      raise errors.UserError(
        f"'{name}' is no name of a set; give its folder's name, and --data the rest"
      )
    if name == EMBEDDED and (data is None or not (pathlib.Path(data) / name).is_dir()):
      if lr:
        raise errors.UserError('the embedded photographs have no LR folder; drop --lr')
      result.append(_source_set(EMBEDDED, name, limit))
    elif data is None:
      raise errors.UserError(
        f"set '{name}' needs --data, the folder that holds {name}/HR; without it only"
        f" '{EMBEDDED}' is at hand"
      )
    else:
      result.append(_folder_set(pathlib.Path(data), name, lr, limit))
  return result


def centre_crop(pictures: PictureSet, size: int) -> PictureSet:
  """Cuts the middle of each picture: one shape to compile, and a fraction of the time.

  Figures on it are for watching a training run, never for tables.
  """
  cut = []
  for picture in pictures.pictures:
    h, w = picture.hr.shape[:2]
    top, left = max(0, (h - size) // 2), max(0, (w - size) // 2)
    hr = picture.hr[top : top + size, left : left + size]
    cut.append(Picture(picture.name, hr))
  return PictureSet(pictures.name, cut, pictures.origin)
