"""The FSIM of report 001: another phase congruency and 16-bit gradients, per channel.

[our reading] The report names Zhang et al. 2011 as its source, but its numbers are
those of a Python package for satellite images, whose choices are rebuilt here: six
orientations with Kovesi's weighting, phase congruency summed over them, no
down-sampling, gradients that saturate and wrap in unsigned 16 bits. Evidence: its
bicubic rows (.6601 and .6039 on Set5 and Set14) are met to every printed digit. Fit for
that comparison alone; `jsr.metrics.fsim` is the paper's.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jsr.metrics import phase
from jsr.metrics.fsim import similarity
from jsr.types import Array

ORIENTATIONS = 6
EPSILON = 1e-4


def fsim_report001(x: Array, y: Array) -> Array:
  """FSIM as report 001 printed it, (N,): mean over channels.

  Args:
    x: (N, H, W, C) on 0..255; rounded to 8 bits, on which the arithmetic rests.
    y: Likewise.
  """
  n, h, w, c = x.shape
  planes = jnp.concatenate([x, y]).transpose(0, 3, 1, 2).reshape(2 * n * c, h, w)
  planes = jnp.clip(jnp.floor(planes + 0.5), 0, 255)
  pc1, pc2 = jnp.split(phase_congruency(planes), 2)
  g1, g2 = jnp.split(gradient(planes), 2)
  weight = jnp.maximum(pc1, pc2)
  same = similarity(pc1, pc2, 0.85) * similarity(g1, g2, 160) * weight
  total = weight.sum((-2, -1))
  # Two planes without any structure differ in none.
  score = jnp.where(total > 0, same.sum((-2, -1)) / jnp.where(total > 0, total, 1), 1)
  return score.reshape(n, c).mean(-1)


def gradient(planes: Array) -> Array:
  """Scharr of integers (N, H, W) in unsigned 16 bits: negative answers become 0, and
  squares and their sum wrap at 65536; edges are mirrored without repeating them."""
  p = jnp.pad(planes, ((0, 0), (1, 1), (1, 1)), mode='reflect')
  down = p[:, 2:] - p[:, :-2]
  across = p[:, :, 2:] - p[:, :, :-2]
  gy = 3 * down[..., :-2] + 10 * down[..., 1:-1] + 3 * down[..., 2:]
  gx = 3 * across[:, :-2] + 10 * across[:, 1:-1] + 3 * across[:, 2:]
  squares = [jnp.mod(jnp.maximum(g, 0) ** 2, 65536) for g in (gx, gy)]
  return jnp.sqrt(jnp.mod(squares[0] + squares[1], 65536))


@functools.lru_cache(maxsize=4)
def bank(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
  """The filters along radius (scale, H, W) and angle (orientation, H, W)."""
  across = np.empty((ORIENTATIONS, height, width))
  for o in range(ORIENTATIONS):
    angle = phase.distance(height, width, o * math.pi / ORIENTATIONS)
    across[o] = (np.cos(np.minimum(angle * ORIENTATIONS / 2, math.pi)) + 1) / 2
  return phase.radial(height, width, 0.5978), across


def phase_congruency(luma: Array) -> Array:
  """Sum over six orientations of phase congruency of (N, H, W); up to 6.

  Source: Kovesi's phasecong3 (k = 2, cut-off .5, gain 10, noise by the median).
  """
  along, across = bank(luma.shape[-2], luma.shape[-1])
  spread = math.sqrt(math.pi / 2) + 2 * math.sqrt((4 - math.pi) / 2)

  def of_plane(plane: Array) -> Array:
    spectrum = jnp.fft.fft2(plane)[None]
    total = jnp.zeros_like(plane)
    for o in range(ORIENTATIONS):
      even, odd, amplitude = phase.transform(spectrum, along, across[o])
      median = jnp.median(amplitude[:, 0])
      tau = median / math.sqrt(math.log(4)) * (1 - 0.5**phase.SCALES) / (1 - 0.5)
      threshold = jnp.maximum(tau * spread, EPSILON)
      energy = jnp.maximum(phase.energy(even, odd, EPSILON)[0] - threshold, 0)
      summed, largest = amplitude[0].sum(0), amplitude[0].max(0)
      width = (summed / (largest + EPSILON) - 1) / (phase.SCALES - 1)
      weight = 1 / (1 + jnp.exp(10 * (0.5 - width)))
      # A flat picture has no amplitude at all, and no congruency.
      flat = summed == 0
      total += jnp.where(flat, 0, weight * energy / jnp.where(flat, 1, summed))
    return total

  # Plane by plane: without down-sampling, all at once would take gigabytes.
  return jax.lax.map(of_plane, luma)
