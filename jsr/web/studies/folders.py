"""Finds the pictures that `jsr compare --html` wrote: SET/IMAGE/METHOD.png."""

import pathlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from jsr import errors

ORIGINAL, INPUT, WORST = 'hr', 'lr', 'nearest'


class Scene(NamedTuple):
  """An image and its pictures.

  Attributes:
    set: The name of its set.
    image: Its name.
    files: By method, and `INPUT`.
  """

  set: str
  image: str
  files: dict[str, pathlib.Path]


def find(
  folders: Sequence[pathlib.Path], sets: Sequence[str] | None = None
) -> list[Scene]:
  """Lists the images of folders, in the order of their names.

  Several folders may hold different methods of one image.

  Args:
    folders: What `jsr compare --html PAGE.html` wrote beside the page, or the page.
    sets: Only these, in this order; None: all.

  Returns:
    The images.

  Raises:
    UserError: A folder holds no such pictures, a set is not there, or two folders have
      different pictures of one method.
  """
  found: dict[tuple[str, str], dict[str, pathlib.Path]] = {}
  for folder in folders:
    if folder.suffix.lower() in ('.html', '.htm'):
      folder = folder.with_name(f'{folder.stem}_pictures')
    files = sorted(folder.glob('*/*/*.png'), key=_natural)
    if not files:
      raise errors.UserError(
        f'{folder} holds no SET/IMAGE/METHOD.png; name the folder that'
        ' jsr compare --html PAGE.html writes beside the page'
      )
    for file in files:
      scene = found.setdefault((file.parts[-3], file.parts[-2]), {})
      other = scene.setdefault(file.stem, file)
      if other is not file and other.read_bytes() != file.read_bytes():
        raise errors.UserError(
          f'{other} and {file} differ: rename one of the two methods'
        )
  known = list(dict.fromkeys(name for name, _ in found))
  for name in sets or ():
    if name not in known:
      raise errors.unknown('set', name, known)
  return [
    Scene(name, image, files)
    for wanted in sets or known
    for (name, image), files in found.items()
    if name == wanted
  ]


def methods(scenes: Sequence[Scene]) -> list[str]:
  """Lists the methods that any image has, the original last."""
  names = dict.fromkeys(name for scene in scenes for name in scene.files)
  listed = [name for name in names if name not in (ORIGINAL, INPUT)]
  return listed + [ORIGINAL] * (ORIGINAL in names)


def has(scene: Scene, method: str) -> bool:
  """Whether a picture of an image is there or can be made."""
  return method in scene.files or (method == WORST and INPUT in scene.files)


def read(scene: Scene, method: str) -> np.ndarray:
  """Reads a picture.

  Args:
    scene: Of which.
    method: By which; nearest neighbour is made from the input where it is missing.

  Returns:
    (H, W, 3) or (H, W) uint8.

  Raises:
    UserError: The file is no picture, or its size does not fit the original.
  """
  if method in scene.files:
    array = _open(scene.files[method])
  else:
    small, size = _open(scene.files[INPUT]), _open(scene.files[ORIGINAL]).shape
    factors = size[0] // small.shape[0], size[1] // small.shape[1]
    array = small.repeat(max(factors[0], 1), 0).repeat(max(factors[1], 1), 1)
  if ORIGINAL in scene.files:
    height, width = _size(scene.files[ORIGINAL])
    if array.shape[:2] != (height, width):
      file = scene.files.get(method, scene.files.get(INPUT))
      raise errors.UserError(
        f'{file} gives {array.shape[1]} x {array.shape[0]} pixels, the original has'
        f' {width} x {height}: make them with one jsr compare'
      )
  return array


def _open(file: pathlib.Path) -> np.ndarray:
  try:
    with Image.open(file) as image:
      return np.asarray(image.convert('L' if image.mode in ('1', 'L') else 'RGB'))
  except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
    raise errors.UserError(f'{file} is no picture; write it again') from error


def _size(file: pathlib.Path) -> tuple[int, int]:
  try:
    with Image.open(file) as image:
      return image.height, image.width
  except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
    raise errors.UserError(f'{file} is no picture; write it again') from error


def _natural(file: pathlib.Path) -> list[Any]:
  """So that 2 comes before 10."""
  parts = re.split(r'(\d+)', '/'.join(file.parts[-3:]))
  return [(1, int(x), '') if x.isdecimal() else (0, 0, x) for x in parts]
