"""A figure that stands for how a picture looks, by name.

'lpips' (AlexNet) and 'niqe' need published parameters, and mean what papers mean by
them. 'high_frequency' needs none: it tells how much fine detail there is, not whether
it is right.
"""

import pathlib
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from jsr import errors
from jsr.metrics import fidelity, frequency, registry
from jsr.types import Array
from jsr.weights import lpips, niqe
from jsr.weights.fetch import Opener

NAMES = ('lpips', 'niqe', 'high_frequency')


class Looks(NamedTuple):
  """A figure that stands for looks.

  Attributes:
    name: Its key in results.
    title: For an axis.
    plane: 'y' or 'rgb': what `fn` takes.
    smallest: The least height and width that it measures.
    fn: (sr, hr) -> (N,), float on 0..255.
  """

  name: str
  title: str
  plane: fidelity.Plane
  smallest: int
  fn: Callable[[Array, Array], Any]


def high_frequency(scale: int) -> Looks:
  """The figure that needs no published parameters; see `jsr.metrics.frequency`."""

  def fn(sr: Array, hr: Array) -> Array:
    return frequency.high_frequency_ratio(sr, hr, scale=scale)

  title = 'high-frequency energy over that of HR (1: as much)'
  return Looks('high_frequency', title, 'y', 8, fn)


def find(name: str, *, scale: int, weights: pathlib.Path | None = None) -> Looks:
  """Returns a figure by name.

  Args:
    name: One of `NAMES`, or 'auto': the first whose parameters are at hand; for it
      nothing is downloaded.
    scale: Of the network.
    weights: File of the parameters: torchvision's AlexNet for lpips, the pristine model
      for niqe; None: from the cache, else downloaded.

  Raises:
    UserError: No such figure, or no parameters for it.
  """
  if name not in ('auto', *NAMES):
    raise errors.unknown('perceptual figure', name, ('auto', *NAMES))
  if name in ('auto', 'high_frequency') and weights is not None:
    raise errors.UserError('--weights belongs to --perceptual lpips or niqe')
  if name == 'auto':
    for learned in ('lpips', 'niqe'):
      try:
        return _learned(learned, None, _offline)
      except errors.UserError:
        continue
    name = 'high_frequency'
  if name == 'high_frequency':
    return high_frequency(scale)
  return _learned(name, weights, urllib.request.urlopen)


def _learned(name: str, weights: pathlib.Path | None, opener: Opener) -> Looks:
  if name == 'lpips':
    metric = registry.METRICS['lpips_alex']
    parameters: Any = lpips.find('alex', trunk=weights, opener=opener)
  else:
    metric = registry.METRICS['niqe']
    parameters = niqe.find(weights, opener=opener)
  assert metric.load is not None
  title = f'{metric.title} (lower is better)'
  fn = metric.load(parameters)
  return Looks(metric.name, title, metric.plane, metric.smallest, fn)


def _offline(*_: Any, **__: Any) -> NoReturn:
  """Opens nothing: only what is on this disk counts as at hand."""
  raise urllib.error.URLError('not looked for')
