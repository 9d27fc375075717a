"""Faces of known people, and the pairs of them that are asked about.

LFW, Labeled Faces in the Wild (Huang et al. 2007): `lfw/NAME/NAME_0001.jpg`, 250x250,
with `pairs.txt`, its ten folds of 300 same and 300 different pairs. Of any other folder
of people, pairs are made by a rule.
"""

import itertools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jsr.data import images
from jsr.errors import UserError

SUFFIXES = ('.jpg', '.png')
FOLDS = 10
# (left, top, right, bottom) in pixels; () for the whole picture.
Box = Sequence[int]


class FacePairs(NamedTuple):
  """Pictures and pairs of them.

  Attributes:
    files: Each picture once.
    people: Names, sorted.
    person: (files,) number of each picture's person.
    first: (P,) numbers of pictures.
    second: (P,) numbers of pictures.
    fold: (P,) numbers from 0.
  """

  files: tuple[pathlib.Path, ...]
  people: tuple[str, ...]
  person: np.ndarray
  first: np.ndarray
  second: np.ndarray
  fold: np.ndarray

  @property
  def same(self) -> np.ndarray:
    """(P,) bool: whether a pair is one person's."""
    return self.person[self.first] == self.person[self.second]


def folder_pairs(folder: pathlib.Path, folds: int = FOLDS) -> FacePairs:
  """Makes pairs of a folder of people.

  People, sorted by name, are dealt to the folds in turn. A fold's same pairs are all
  those of its people. Its different pairs are as many, spread evenly over pairs of its
  people; so no person is in two folds. A fold of one person alone needs others: its
  person is then paired with about half of all people, the next ones in order, so that
  no two people meet in more than one fold. All folds are equally large, and the same
  folder gives the same pairs.

  Args:
    folder: With a folder of pictures for each person.
    folds: How many.

  Raises:
    UserError: No such folder, too few people, or people with one picture each.
  """
  found = _people(folder)
  people = sorted(found)
  if len(people) < folds:
    raise UserError(
      f'{folder} holds {len(people)} people and {folds} folds need one each: name the'
      ' folder that has a folder of pictures for each person'
    )
  files = [path for name in people for path in found[name]]
  person = np.repeat(np.arange(len(people)), [len(found[name]) for name in people])
  starts = np.searchsorted(person, np.arange(len(people) + 1))
  pictures = [range(a, b) for a, b in itertools.pairwise(starts.tolist())]
  same, different = [], []
  for fold in range(folds):
    own = range(fold, len(people), folds)
    pairs = [p for i in own for p in itertools.combinations(pictures[i], 2)]
    met = list(itertools.combinations(own, 2)) or _next(own[0], len(people))
    same.append(pairs)
    different.append(
      [list(itertools.product(pictures[i], pictures[j])) for i, j in met]
    )
  size = min(
    min(len(pairs), sum(map(len, others)))
    for pairs, others in zip(same, different, strict=True)
  )
  if not size:
    raise UserError(f'{folder}: a fold has no person with two pictures or more')
  rows = []
  for fold in range(folds):
    chosen = _spread(same[fold], size) + _evenly(different[fold], size)
    rows += [(a, b, fold) for a, b in chosen]
  first, second, fold_of = np.array(rows).T
  return FacePairs(tuple(files), tuple(people), person, first, second, fold_of)


def every_pair(pairs: FacePairs) -> tuple[np.ndarray, np.ndarray]:
  """Numbers of the pictures of all pairs that there are, not of those asked about."""
  first, second = np.triu_indices(len(pairs.files), 1)
  return first, second


def listed_pairs(folder: pathlib.Path, listing: pathlib.Path) -> FacePairs:
  """Reads pairs from a file as LFW's `pairs.txt`.

  Its first line has the number of folds and that of same pairs in each; then, fold by
  fold, come so many lines 'NAME 1 4' and as many 'NAME 1 OTHER 2', numbers of pictures.

  Args:
    folder: With NAME/NAME_0001.jpg (or .png) for each picture.
    listing: The file.

  Raises:
    UserError: The file cannot be read, a line of it is bad, or a picture is missing.
  """
  try:
    lines = listing.read_text(encoding='utf-8').splitlines()
  except (OSError, UnicodeDecodeError) as error:
    raise UserError(f'cannot read the list of pairs {listing}: {error}') from error
  header = (lines or [''])[0].split()
  if len(header) != 2 or not all(n.isdecimal() and int(n) > 0 for n in header):
    raise UserError(
      f'{listing}, line 1: expected the number of folds and that of same pairs in each,'
      f" such as '10 300', not '{' '.join(header)}'; take the pairs.txt of LFW"
    )
  folds, each = map(int, header)
  if folds < 2:
    raise UserError(f'{listing} has {folds} fold, and a threshold needs another one')
  body = lines[1:]
  while body and not body[-1].strip():
    body.pop()
  if len(body) != 2 * folds * each:
    raise UserError(
      f'{listing} has {len(body)} pairs and says {folds} x 2 x {each}; it is cut or'
      ' not the pairs.txt of LFW'
    )
  rows: list[tuple[str, int, str, int]] = []
  for i, line in enumerate(body):
    words = line.split()
    same = i // each % 2 == 0
    if same and len(words) == 3:
      words.insert(2, words[0])
    good = len(words) == 4 and words[1].isdecimal() and words[3].isdecimal()
    if not good or (words[0] == words[2]) != same:
      wanted = "'NAME 1 4'" if same else "'NAME 1 OTHER 2'"
      raise UserError(f"{listing}, line {i + 2}: expected {wanted}, not '{line}'")
    for name in (words[0], words[2]):
      # A name stands for a folder beside the others, not for a path.
      if name in ('.', '..') or '/' in name or '\\' in name:
        raise UserError(f"{listing}, line {i + 2}: '{name}' is no name of a person")
    rows.append((words[0], int(words[1]), words[2], int(words[3])))
  wanted_pictures = sorted({(r[0], r[1]) for r in rows} | {(r[2], r[3]) for r in rows})
  files = [_picture(folder, *picture) for picture in wanted_pictures]
  people = sorted({name for name, _ in wanted_pictures})
  number = {name: i for i, name in enumerate(people)}
  place = {picture: i for i, picture in enumerate(wanted_pictures)}
  return FacePairs(
    tuple(files),
    tuple(people),
    np.array([number[name] for name, _ in wanted_pictures]),
    np.array([place[r[0], r[1]] for r in rows]),
    np.array([place[r[2], r[3]] for r in rows]),
    np.arange(len(rows)) // (2 * each),
  )


def read_face(path: pathlib.Path, box: Box) -> np.ndarray:
  """Reads a picture and cuts the face out.

  Args:
    path: The file.
    box: See `Box`.

  Returns:
    uint8 (H, W, 3).

  Raises:
    UserError: It cannot be read, or the box does not lie within it.
  """
  try:
    picture = images.read_rgb(path)
  except images.BadImage as error:
    raise UserError(f'{path}: {error}') from error
  if not len(box):
    return picture
  left, top, right, bottom = box
  height, width = picture.shape[:2]
  if not (0 <= left < right <= width and 0 <= top < bottom <= height):
    raise UserError(
      f'{path} has {width}x{height} pixels and the box {tuple(box)} (left, top, right,'
      ' bottom) does not lie within: give another box, or () for the whole picture'
    )
  return picture[top:bottom, left:right]


def _people(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
  if not folder.is_dir():
    raise UserError(f'there is no folder of faces {folder}')
  found = {}
  for person in sorted(p for p in folder.iterdir() if p.is_dir()):
    pictures = [p for p in person.iterdir() if p.suffix.lower() in SUFFIXES]
    if pictures:
      found[person.name] = sorted(pictures)
  return found


def _next(i: int, people: int) -> list[tuple[int, int]]:
  """Person i with half of the others, so that each two meet once over all i."""
  steps = list(range(1, (people - 1) // 2 + 1))
  if people % 2 == 0 and i < people // 2:
    steps.append(people // 2)
  return [(i, (i + step) % people) for step in steps]


def _spread(pairs: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
  """So many of a list, at even distances."""
  return [pairs[k * len(pairs) // count] for k in range(count)]


def _evenly(groups: list[list[tuple[int, int]]], count: int) -> list[tuple[int, int]]:
  """So many of several lists, as equally from each as their lengths allow."""
  shares = [0] * len(groups)
  left = count
  while left:
    for i, group in enumerate(groups):
      if left and shares[i] < len(group):
        shares[i] += 1
        left -= 1
  return [p for g, n in zip(groups, shares, strict=True) if n for p in _spread(g, n)]


def _picture(folder: pathlib.Path, name: str, number: int) -> pathlib.Path:
  for suffix in SUFFIXES:
    path = folder / name / f'{name}_{number:04d}{suffix}'
    if path.is_file():
      return path
  raise UserError(
    f'there is no picture {name}/{name}_{number:04d}.jpg in {folder}, which the list of'
    ' pairs asks for: name the folder that LFW unpacks to'
  )
