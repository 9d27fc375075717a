"""FSIM and FSIMc: similarity of phase congruency and gradient.

Contract as in `jsr.metrics.fidelity`: x and y are (N, H, W, C) float of one shape on
0..255, one value per example, (N,). Use float64 for published digits: in float32 the
Fourier transforms leave errors of about 1e-5.

Source: Zhang, Zhang, Mou, Zhang, "FSIM: A Feature Similarity Index for Image Quality
Assessment", 2011, and the authors' program, which fixes what the paper leaves open.
Report 001 prints another thing under this name: `jsr.metrics.fsim_bandwise`.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jsr.metrics import phase
from jsr.types import Array

# NTSC: Y, I and Q of RGB, in the scale of the input.
YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
ORIENTATIONS = 4
EPSILON = 1e-4


def fsim(x: Array, y: Array) -> Array:
  """Feature similarity of luma, (N,); 1 for equal images.

  Args:
    x: (N, H, W, 3) RGB, of which Y of YIQ is taken, or (N, H, W, 1) luma as it is.
    y: Likewise.

  Source: Zhang et al. 2011, equation 5.
  """
  return _compare(x, y)[0]


def fsimc(x: Array, y: Array) -> Array:
  """Feature similarity with the chroma of YIQ, (N,); of grey pictures it is `fsim`.

  Source: Zhang et al. 2011, equation 8, lambda = .03.
  """
  return _compare(x, y)[1]


def _compare(x: Array, y: Array) -> tuple[Array, Array]:
  factor = max(1, math.floor(min(x.shape[-3], x.shape[-2]) / 256 + 0.5))
  first, second = (_shrink(_to_yiq(v), factor) for v in (x, y))
  luma = jnp.concatenate([first[..., 0], second[..., 0]])
  # Both pictures as one batch: one program for each shape.
  pc = phase_congruency(luma)
  gradient = scharr(luma)
  pc1, pc2 = jnp.split(pc, 2)
  g1, g2 = jnp.split(gradient, 2)
  weight = jnp.maximum(pc1, pc2)
  total = jnp.sum(weight, axis=(-2, -1))
  same = similarity(pc1, pc2, 0.85) * similarity(g1, g2, 160) * weight
  # Two pictures without any structure differ in none.
  some, total = total > 0, jnp.where(total > 0, total, 1)
  grey = jnp.where(some, jnp.sum(same, axis=(-2, -1)) / total, 1)
  if first.shape[-1] == 1:
    return grey, grey
  chroma = similarity(first[..., 1], second[..., 1], 200) * similarity(
    first[..., 2], second[..., 2], 200
  )
  # Real part of the complex power: chroma may be negative.
  power = jnp.abs(chroma) ** 0.03
  power = jnp.where(chroma < 0, power * math.cos(0.03 * math.pi), power)
  colour = jnp.sum(same * power, axis=(-2, -1)) / total
  return grey, jnp.where(some, colour, 1)


def similarity(a: Array, b: Array, constant: float) -> Array:
  """Two maps' similarity, at most 1 (equation 3)."""
  return (2 * a * b + constant) / (a * a + b * b + constant)


def _to_yiq(image: Array) -> Array:
  if image.shape[-1] == 1:
    return image
  rows = [sum(image[..., j] * YIQ[i, j] for j in range(3)) for i in range(3)]
  return jnp.stack([jnp.asarray(row) for row in rows], axis=-1)


def _shrink(image: Array, factor: int) -> Array:
  """Means of factor x factor pixels with zeros outside, every factor-th sample.

  The window of sample k ends at k factor + factor // 2 (MATLAB: conv2 with 'same'), so
  that from factor 3 on the first one hangs over the edge: no plain average pooling.
  """
  if factor == 1:
    return image
  before = factor - 1 - factor // 2
  pad = (before, factor // 2)
  summed = jax.lax.reduce_window(
    jnp.pad(image, ((0, 0), pad, pad, (0, 0))),
    jnp.zeros((), image.dtype),
    jax.lax.add,
    (1, factor, factor, 1),
    (1, factor, factor, 1),
    'VALID',
  )
  return summed / factor**2


def scharr(luma: Array) -> Array:
  """Magnitude of the Scharr gradient, kernel / 16, zeros outside; (N, H, W)."""
  p = jnp.pad(luma, ((0, 0), (1, 1), (1, 1)))
  down = p[:, 2:] - p[:, :-2]
  across = p[:, :, 2:] - p[:, :, :-2]
  gy = (3 * down[..., :-2] + 10 * down[..., 1:-1] + 3 * down[..., 2:]) / 16
  gx = (3 * across[:, :-2] + 10 * across[:, 1:-1] + 3 * across[:, 2:]) / 16
  return jnp.sqrt(gx * gx + gy * gy)


class Bank(NamedTuple):
  """The filters of one image size, and two sums by which noise is estimated.

  Attributes:
    along: (scale, H, W), along the radius.
    across: (orientation, H, W), along the angle.
    power: (orientation,), sum of squares of the finest filter.
    noise: (orientation,), 2 sum h_s^2 + 4 sum_{s<t} h_s h_t of the impulse responses.
  """

  along: np.ndarray
  across: np.ndarray
  power: np.ndarray
  noise: np.ndarray


@functools.lru_cache(maxsize=4)
def bank(height: int, width: int) -> Bank:
  """The log-Gabor filters: wavelengths 6, 12, 24, 48; 0, 45, 90, 135 degrees."""
  along = phase.radial(height, width, 0.55)
  deviation = math.pi / ORIENTATIONS / 1.2
  across = np.empty((ORIENTATIONS, height, width))
  power, noise = np.empty(ORIENTATIONS), np.empty(ORIENTATIONS)
  for o in range(ORIENTATIONS):
    angle = phase.distance(height, width, o * math.pi / ORIENTATIONS)
    across[o] = np.exp(-(angle**2) / (2 * deviation**2))
    filters = along * across[o]
    power[o] = (filters[0] ** 2).sum()
    impulse = np.fft.ifft2(filters).real * math.sqrt(height * width)
    products = np.einsum('shw,thw->st', impulse, impulse)
    squares = np.trace(products)
    noise[o] = 2 * squares + 2 * (products.sum() - squares)
  return Bank(along, across, power, noise)


def phase_congruency(luma: Array) -> Array:
  """Phase congruency of (N, H, W) luma on 0..255, (N, H, W).

  Source: Kovesi 1999 in the form of Zhang et al. 2011, section II A, k = 2.
  """
  of_size = bank(luma.shape[-2], luma.shape[-1])
  spectrum = jnp.fft.fft2(luma)
  energy_sum = jnp.zeros_like(luma)
  amplitude_sum = jnp.zeros_like(luma)
  for o in range(ORIENTATIONS):
    even, odd, amplitude = phase.transform(spectrum, of_size.along, of_size.across[o])
    median = jnp.median(amplitude[:, 0] ** 2, axis=(-2, -1), keepdims=True)
    noise_power = median / math.log(2) / float(of_size.power[o])
    tau = jnp.sqrt(noise_power * float(of_size.noise[o]) / 2)
    # Mean and deviation of a Rayleigh distribution; 1.7 is an empirical correction.
    threshold = tau * (math.sqrt(math.pi / 2) + 2 * math.sqrt(2 - math.pi / 2)) / 1.7
    energy_sum += jnp.maximum(phase.energy(even, odd, EPSILON) - threshold, 0)
    amplitude_sum += amplitude.sum(1)
  return energy_sum / (amplitude_sum + EPSILON)
