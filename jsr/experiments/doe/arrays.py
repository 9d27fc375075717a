"""Orthogonal arrays: which settings to try, so that few runs tell factors apart.

In an orthogonal array every pair of columns holds each pair of levels equally often, so
that the mean over the runs at one level of a factor has every level of the others in it
alike. The arrays are pyDOE's, of the NIST and of Sloane's library.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np
import pydoe

from jsr.errors import UserError, unknown


@dataclasses.dataclass(frozen=True)
class Array:
  """The columns of an array that factors were given.

  Attributes:
    name: Such as 'L9(3^4)'.
    levels: int (runs, factors), levels from 0.
    columns: Which columns of the whole array these are, from 0.
  """

  name: str
  levels: np.ndarray
  columns: tuple[int, ...]


@functools.cache
def names() -> tuple[str, ...]:
  """Returns the names of all arrays; what pyDOE has and is none is left out."""
  return tuple(n for n in pydoe.list_orthogonal_arrays() if is_orthogonal(whole(n)))


def whole(name: str) -> np.ndarray:
  """Returns an array by its full name: int (runs, columns), levels from 0."""
  return np.asarray(pydoe.get_orthogonal_array(name))


def counts(array: np.ndarray) -> list[int]:
  """Returns how many levels each column has."""
  return [len(np.unique(column)) for column in array.T]


def is_orthogonal(array: np.ndarray) -> bool:
  """Whether every pair of columns holds each pair of their levels equally often."""
  have = counts(array)
  for i, j in itertools.combinations(range(array.shape[1]), 2):
    _, times = np.unique(array[:, (i, j)], axis=0, return_counts=True)
    if len(times) != have[i] * have[j] or len(set(times.tolist())) > 1:
      return False
  return True


def choose(name: str, levels: Sequence[int]) -> Array:
  """Finds room for factors in an array: each takes the first free column that fits.

  Args:
    name: 'L9', or in full, 'L9(3^4)'; of several arrays with as many runs, the first
      that has room.
    levels: How many levels each factor has.

  Raises:
    UserError: No such array, or no room in it.
  """
  asked = name.upper().replace(' ', '')
  known = {n.upper().replace(' ', ''): n for n in pydoe.list_orthogonal_arrays()}
  found = [
    full
    for plain, full in known.items()
    if plain == asked or plain.partition('(')[0] == asked
  ]
  if not found:
    raise unknown('orthogonal array', name, names())
  sound = [full for full in found if full in names()]
  if not sound:
    raise UserError(
      f'{found[0]} of pyDOE is not orthogonal, a fault of its table; use another'
    )
  for full in sound:
    array = whole(full)
    columns = _room(counts(array), levels)
    if columns is not None:
      return Array(full, array[:, columns], tuple(columns))
  wanted = ', '.join(map(str, levels))
  raise UserError(
    f'{" and ".join(sound)} has no columns for factors with {wanted} levels; the'
    f' arrays are {", ".join(names())}'
  )


def _room(have: Sequence[int], levels: Sequence[int]) -> list[int] | None:
  free = list(range(len(have)))
  columns = []
  for count in levels:
    fits = [column for column in free if have[column] == count]
    if not fits:
      return None
    columns.append(fits[0])
    free.remove(fits[0])
  return columns
