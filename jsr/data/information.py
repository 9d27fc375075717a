"""How little there is to see in a tile: few colours, or hardly an edge.

Report 004 clusters the histogram of a tile's pixels and drops tiles whose colours are
too concentrated. Here: the two most frequent colours take what lies within a distance
of 24 of them, and edges are counted beside them, so that two flat areas with a busy
border between them stay, and a smooth gradient of many colours does not.

The report gives no thresholds; those here are this project's.
"""

from typing import NamedTuple

import numpy as np

from jsr.data import fingerprint

# Levels of 255: how far from a cluster's mean its pixels lie, and what counts as edge.
RADIUS, EDGE = 24.0, 8.0

ONE_COLOUR, TWO_COLOURS, NO_EDGES = 'one colour', 'two colours', 'no edges'


class Information(NamedTuple):
  """What a tile shows.

  Attributes:
    first: Share of pixels near the most frequent colour, 0 to 1.
    second: The same of the rest's most frequent colour, of all pixels.
    edges: Share of positions where luma steps by more than `EDGE`.
  """

  first: float
  second: float
  edges: float


class Limits(NamedTuple):
  """When a tile shows too little.

  Attributes:
    one: Share of the first colour from which it is dropped.
    two: Share of both colours from which it is dropped, ...
    few: ... where fewer positions than this share are edges.
    none: Share of edges below which it is dropped anyway.
  """

  one: float = 0.92
  two: float = 0.97
  few: float = 0.05
  none: float = 0.01


def measure(tile: np.ndarray) -> Information:
  """Measures a tile, uint8 (H, W, 3)."""
  pixels = tile.reshape(-1, 3)
  codes = pixels.astype(np.int32) >> 5
  codes = (codes[:, 0] << 6) + (codes[:, 1] << 3) + codes[:, 2]
  values, free = pixels.astype(np.float64), np.ones(len(pixels), bool)
  shares = []
  for _ in range(2):
    members = _cluster(values, codes, free)
    shares.append(float(members.sum() / len(pixels)))
    free &= ~members
  y = fingerprint.luma(tile)
  right = np.abs(y[:-1, 1:] - y[:-1, :-1])
  below = np.abs(y[1:, :-1] - y[:-1, :-1])
  edges = float((np.maximum(right, below) > EDGE).mean())
  return Information(shares[0], shares[1], edges)


def _cluster(values: np.ndarray, codes: np.ndarray, free: np.ndarray) -> np.ndarray:
  """Returns which free pixels lie near the most frequent of 512 colours, bool (N,)."""
  if not free.any():
    return free.copy()
  fullest = np.bincount(codes[free], minlength=512).argmax()
  of_bin = free & (codes == fullest)
  members = of_bin
  # The mean moves three times; the fourth look is what counts.
  for _ in range(4):
    mean = values[members].mean(0)
    members = free & (np.square(values - mean).sum(1) <= RADIUS**2)
    if not members.any():
      members = of_bin
  return members


DEFAULT = Limits()


def verdict(shown: Information, limits: Limits = DEFAULT) -> str:
  """Returns why a tile is dropped: one of the names above, or '' for a good one."""
  if shown.first >= limits.one:
    return ONE_COLOUR
  if shown.first + shown.second >= limits.two and shown.edges < limits.few:
    return TWO_COLOURS
  return NO_EDGES if shown.edges < limits.none else ''
