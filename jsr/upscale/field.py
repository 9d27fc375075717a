"""How far a network looks: what a tile needs around it.

Found by trying: one pixel of an otherwise random strip becomes NaN, and the outputs
that turn NaN are those that depend on it, whatever the numbers are. Networks that look
at their input through integers lose the NaN; Anime4K is such a one, and those without
parameters are therefore also shown pairs of strips that differ in the one pixel.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jsr.evaluate.network import Network

# Pixels of LR to each side within which the reach is looked for.
LIMIT = 100
# Positions of the pixel: strides up to this show.
PHASES = 16
# Pairs of strips that are compared of a network without parameters.
TRIALS = 8
# What a network that looks farther than LIMIT gets.
FAR = 48


class Field(NamedTuple):
  """What a network needs of a tile.

  Attributes:
    reach: LR pixels to each side that an output pixel depends on; None if they are more
      than LIMIT, or all.
    stride: The network answers alike at all places that lie a multiple of this apart.
  """

  reach: int | None
  stride: int


def probe(network: Network, scale: int) -> Field:
  """Finds the field of a network.

  Its kernels are taken to be as high as they are wide, as all of jsr's are over all
  their branches.
  """
  for limit in (LIMIT // 4, LIMIT):
    found = _probe(network, scale, limit)
    if found.reach is not None:
      break
  return found


def _probe(network: Network, scale: int, limit: int) -> Field:
  channels = 1 if network.color == 'y' else 3
  width = 2 * limit + 2 * PHASES
  rng = np.random.default_rng(0)
  places = width // 2 - PHASES // 2 + np.arange(PHASES)
  strips = np.repeat(rng.random((1, 16, width, channels), np.float32), PHASES, 0)
  marked = strips.copy()
  marked[np.arange(PHASES), 8, places] = np.nan
  seen = _changed(network, scale, strips, marked)
  if not jax.tree.leaves(network.variables):
    for _ in range(TRIALS):
      strips = rng.random(strips.shape, np.float32)
      other = strips.copy()
      other[np.arange(PHASES), :, places] = rng.random((PHASES, 16, channels))
      seen |= _changed(network, scale, strips, other)
  lefts, rights = [], []
  for i, place in enumerate(places):
    found = np.flatnonzero(seen[i])
    if found.size:  # Else nothing depends on this pixel.
      lefts.append(int(place - found[0]))
      rights.append(int(found[-1] - place))
  if not lefts:
    return Field(0, 1)
  even = len(set(lefts)) == len(set(rights)) == 1 and len(lefts) == PHASES
  reach = max(*lefts, *rights)
  return Field(None if reach > limit else reach, 1 if even else PHASES)


def _changed(network: Network, scale: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Tells for each strip which columns of LR size differ between two inputs."""
  program = network.program(scale)
  one, other = (np.asarray(program(network.variables, jnp.asarray(x))) for x in (a, b))
  differ = ~((one == other) & np.isfinite(other)).all(axis=(1, 3))
  return differ.reshape(*differ.shape[:-1], -1, scale).any(-1)
