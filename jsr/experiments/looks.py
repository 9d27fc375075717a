"""A figure that stands for how a picture looks, by name."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

from jsr import errors
from jsr.metrics import fidelity, frequency
from jsr.types import Array


class Looks(NamedTuple):
  """A figure that stands for looks.

  Attributes:
    name: Its key in results.
    title: For an axis.
    plane: 'y' or 'rgb': what `fn` takes.
    fn: (sr, hr) -> (N,), float on 0..255.
  """

  name: str
  title: str
  plane: fidelity.Plane
  fn: Callable[[Array, Array], Array]


def high_frequency(scale: int) -> Looks:
  """The figure that needs no published parameters; see `jsr.metrics.frequency`."""

  def fn(sr: Array, hr: Array) -> Array:
    return frequency.high_frequency_ratio(sr, hr, scale=scale)

  title = 'high-frequency energy over that of HR (1: as much)'
  return Looks('high_frequency', title, 'y', fn)


NAMES = ('high_frequency',)


def find(name: str, *, scale: int, weights: pathlib.Path | None = None) -> Looks:
  """Returns a figure by name.

  Args:
    name: One of `NAMES`, or 'auto'.
    scale: Of the network.
    weights: File of the parameters that a learned figure needs.

  Raises:
    UserError: No such figure, or no parameters for it.
  """
  if name not in ('auto', *NAMES):
    raise errors.unknown('perceptual figure', name, ('auto', *NAMES))
  return high_frequency(scale)
