"""Fingerprints of 13 x 13 values, and which tiles of a set repeat an earlier one.

Report 004 turns each tile into "a hash fingerprint of 13 x 13 features" and drops what
repeats. Here: luma, averaged over 13 x 13 areas, F; a bit each, F > median(F). A tile
repeats an earlier one if the bits nearly agree, and so do the values without their mean
and scale, and the mean colours: bits alone call a picture and its negative alike where
both are nearly flat. A tile whose F hardly varies has no fingerprint; `information.py`
judges it.

The report gives no thresholds; those here are this project's.
"""

import functools
from typing import NamedTuple

import numpy as np

from jsr.ops import color

SIDE = 13
BITS = SIDE * SIDE
# Deviation of F, in levels of 255, below which bits are noise.
FLAT = 2.0
# Rows of a product of bits at once: 15,000 tiles in a few seconds, without an index.
_BLOCK = 1024


class Prints(NamedTuple):
  """Fingerprints of N tiles, in the order in which the first of equals is kept.

  Attributes:
    features: F, float64 (N, 13, 13), levels of 255.
    colours: Mean RGB, float64 (N, 3), levels of 255.
  """

  features: np.ndarray
  colours: np.ndarray

  @property
  def flat(self) -> np.ndarray:
    """Which tiles have no fingerprint, bool (N,)."""
    return self.features.std((1, 2)) < FLAT


class Duplicates(NamedTuple):
  """What repeats what.

  Attributes:
    of: Index of the kept tile that each repeats, -1 for a kept one; int (N,).
    distance: Bits in which they differ; -1 for a kept one; int (N,).
  """

  of: np.ndarray
  distance: np.ndarray


def luma(tile: np.ndarray) -> np.ndarray:
  """Returns full-range luma of RGB (H, W, 3), float64 (H, W) on the same levels."""
  return tile.astype(np.float64) @ (color.FULL[0] / 255)


@functools.cache
def area(size: int, side: int = SIDE) -> np.ndarray:
  """Returns the matrix (side, size) that averages over areas of equal length.

  Pixels that a border cuts count by the part of them that lies inside.
  """
  edges = np.arange(side + 1) * size / side
  low, high = edges[:-1, None], edges[1:, None]
  pixel = np.arange(size)[None]
  overlap = np.minimum(high, pixel + 1) - np.maximum(low, pixel)
  return np.clip(overlap, 0, None) * side / size


def features(y: np.ndarray) -> np.ndarray:
  """Returns F of luma (H, W), float64 (13, 13), to a millionth of a level.

  Areas of one colour are then equal, and their bits too, on every processor: the order
  in which a product is summed up would make them differ.
  """
  return np.round(area(y.shape[0]) @ y @ area(y.shape[1]).T, 6)


def bits(values: np.ndarray) -> np.ndarray:
  """Returns F > median(F) of (N, 13, 13), bool (N, 169): at most 84 of each are set."""
  flat = values.reshape(len(values), BITS)
  return flat > np.median(flat, axis=1, keepdims=True)


def units(values: np.ndarray) -> np.ndarray:
  """Returns F without its mean, of length 1, float64 (N, 169); zeros for constant F."""
  centred = values.reshape(len(values), BITS)
  centred = centred - centred.mean(1, keepdims=True)
  return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)


def hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Counts the bits in which bool (N, 169) and (M, 169) differ, int (N, M)."""
  # Exact: sums of ones in float32.
  products = _signs(a) @ _signs(b).T
  return ((BITS - products) / 2).astype(np.int32)


def _signs(a: np.ndarray) -> np.ndarray:
  return np.where(a, np.float32(1), np.float32(-1))


def turned(values: np.ndarray) -> np.ndarray:
  """Returns F of the eight flips and quarter turns of N tiles, (8, N, 13, 13).

  Averaging over areas commutes with them, so no tile is turned.
  """
  both = (values, values[:, :, ::-1])
  return np.stack([np.rot90(v, k, (1, 2)) for v in both for k in range(4)])


def duplicates(
  prints: Prints,
  *,
  most: int = 10,
  similarity: float = 0.98,
  colour: float = 12.0,
  dihedral: bool = False,
) -> Duplicates:
  """Finds the tiles that repeat one that is kept before them.

  A tile repeats a kept one if the bits differ in `most` places or fewer, the product of
  the units is `similarity` or more, and no mean of a colour differs by more than
  `colour`. Of several kept ones it counts as the nearest's. Deterministic: the order of
  the tiles decides which of equals stays.

  Args:
    prints: Of all tiles, in order.
    most: Bits.
    similarity: From -1 to 1.
    colour: Levels of 255.
    dihedral: Also compare the eight flips and quarter turns of each tile.
  """
  n = len(prints.features)
  of, distance = np.full(n, -1), np.full(n, -1)
  candidates = np.flatnonzero(~prints.flat)
  every = turned(prints.features) if dihedral else prints.features[None]
  own_bits, own_units = bits(prints.features), units(prints.features)

  def matches(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Bits in which each row and each other differ; BITS + 1 where no duplicate."""
    difference = np.abs(prints.colours[rows, None] - prints.colours[others][None])
    alike = (difference <= colour).all(-1)
    best = np.full(alike.shape, BITS + 1)
    for version in every:
      of_bits = hamming(bits(version[rows]), own_bits[others])
      near = units(version[rows]) @ own_units[others].T >= similarity
      hit = alike & near & (of_bits <= most)
      best = np.where(hit, np.minimum(best, of_bits), best)
    return best

  kept = np.zeros(0, int)
  for start in range(0, len(candidates), _BLOCK):
    rows = candidates[start : start + _BLOCK]
    for first in range(0, len(kept), _BLOCK):
      others = kept[first : first + _BLOCK]
      found = matches(rows, others)
      nearest = found.argmin(1)
      closer = found[np.arange(len(rows)), nearest]
      better = (closer <= most) & ((distance[rows] < 0) | (closer < distance[rows]))
      of[rows[better]] = others[nearest[better]]
      distance[rows[better]] = closer[better]
    rows = rows[of[rows] < 0]
    within = matches(rows, rows)
    new: list[int] = []
    for i in range(len(rows)):
      before = within[i, new]
      if len(new) and before.min() <= most:
        j = int(before.argmin())
        of[rows[i]], distance[rows[i]] = rows[new[j]], before[j]
      else:
        new.append(i)
    kept = np.concatenate([kept, rows[new]])
  return Duplicates(of, distance)


def nearest(prints: Prints) -> np.ndarray:
  """Returns how many bits lie between each tile and the nearest other, int (N,).

  -1 where a tile has no fingerprint, or there is no other.
  """
  result = np.full(len(prints.features), -1)
  rows = np.flatnonzero(~prints.flat)
  if len(rows) < 2:
    return result
  own = bits(prints.features)
  for start in range(0, len(rows), _BLOCK):
    some = rows[start : start + _BLOCK]
    distances = hamming(own[some], own[rows])
    distances[np.arange(len(some)), start + np.arange(len(some))] = BITS + 1
    result[some] = distances.min(1)
  return result
