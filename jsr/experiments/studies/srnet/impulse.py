"""Impulse noise and PSNR: the formula, the measurement, and what report 000's means.

A hit pixel becomes black with half of the probability and white with the other half.
With a share h hit, the mean squared error is h (1/2 - E[x (1 - x)]): where all are hit
it depends on how much grey a picture has, and lies between 1/4 (all mid-grey) and 1/2
(black and white alone).
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jsr.degradations import noise
from jsr.evaluate import protocol as protocols
from jsr.evaluate.sets import PictureSet
from jsr.metrics import fidelity

# Report 000 prints it beside Pa = Pb = 0.5.
PRINTED = '5.18667'


@dataclasses.dataclass(frozen=True)
class Noisy:
  """A picture under impulse noise.

  Attributes:
    name: Of the picture.
    grey: E[x (1 - x)] over pixels and channels, from 0 (black and white) to 1/4.
    expected: PSNR in dB by the formula, for each share of pixels hit.
    measured: The same, of a drawn example.
  """

  name: str
  grey: float
  expected: list[float]
  measured: list[float]


def expected_error(grey: float, hit: float) -> float:
  """The mean squared error of impulse noise; see the top of the file."""
  return hit * (0.5 - grey)


def expected_psnr(grey: float, hit: float) -> float:
  """The PSNR in dB that goes with `expected_error`."""
  return fidelity.psnr_of(expected_error(grey, hit), peak=1.0)


def greyness(image: np.ndarray) -> float:
  """E[x (1 - x)] of an image in [0, 1]."""
  return float(np.mean(image * (1 - image)))


def grey_of(decibels: float, hit: float) -> float:
  """The greyness at which noise that hits a share of the pixels gives such a PSNR.

  Beyond 0 to 1/4 there is no such picture.
  """
  return 0.5 - 10 ** (-decibels / 10) / hit


def look(pictures: PictureSet, hits: Sequence[float], *, seed: int = 0) -> list[Noisy]:
  """Adds noise to pictures and measures PSNR over RGB.

  Args:
    pictures: The set, in colour.
    hits: Shares of pixels hit, above 0 and up to 1.
    seed: Of the noise; the same pixels are hit first at each share.
  """
  found = []
  for i, picture in enumerate(pictures.pictures):
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), i), 1)
    hr = jnp.asarray(picture.hr[None], jnp.float32) / 255
    (u,) = noise.fields(keys, hr.shape[1:])
    measured = []
    for hit in hits:
      half = jnp.full(1, hit / 2, jnp.float32)
      noisy = np.asarray(noise.impulse(hr, u, half, half))
      with protocols.in_double():
        x, y = (
          jnp.asarray(np.rint(255 * v), jnp.float64) for v in (noisy, np.asarray(hr))
        )
        measured.append(float(fidelity.psnr(x, y)[0]))
    grey = greyness(picture.hr / 255)
    expected = [expected_psnr(grey, hit) for hit in hits]
    found.append(Noisy(picture.name, grey, expected, measured))
  return found
