"""Log-Gabor filters in the frequency domain, which both forms of FSIM share."""

import math

import jax.numpy as jnp
import numpy as np

from jsr.types import Array

# Wavelengths 6, 12, 24 and 48 pixels.
SCALES = 4


def _frequencies(n: int) -> np.ndarray:
  """Frequencies as Kovesi's programs number them; n samples, zero in the middle."""
  if n % 2:
    # A length of one has no step; its only frequency is zero.
    return np.arange(-(n - 1) / 2, (n + 1) / 2) / max(n - 1, 1)
  return np.arange(-n / 2, n / 2) / n


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
  """Frequencies along columns and rows, in the order of the FFT, (H, W) each."""
  x, y = np.meshgrid(_frequencies(width), _frequencies(height))
  return np.fft.ifftshift(x), np.fft.ifftshift(y)


def radial(height: int, width: int, ratio: float) -> np.ndarray:
  """How the filters go along the radius, float64 (scale, H, W), 0 at frequency 0.

  Log-Gabors under a Butterworth low-pass of cut-off .45 and order 15, which takes the
  corners of the spectrum away.

  Args:
    height: Of the picture.
    width: Of the picture.
    ratio: Deviation of the Gaussian over the centre frequency; smaller is broader.
  """
  x, y = _grid(height, width)
  radius = np.sqrt(x * x + y * y)
  low_pass = 1 / (1 + (radius / 0.45) ** 30)
  radius[0, 0] = 1  # Its logarithm would fail; overwritten below.
  result = np.empty((SCALES, height, width))
  for scale in range(SCALES):
    centre = 1 / (6 * 2**scale)
    result[scale] = np.exp(-(np.log(radius / centre) ** 2) / (2 * math.log(ratio) ** 2))
  result *= low_pass
  result[:, 0, 0] = 0
  return result


def distance(height: int, width: int, angle: float) -> np.ndarray:
  """Angle between each frequency and a direction, 0 .. pi, float64 (H, W)."""
  x, y = _grid(height, width)
  theta = np.arctan2(-y, x)
  sine, cosine = np.sin(theta), np.cos(theta)
  return np.abs(
    np.arctan2(
      sine * math.cos(angle) - cosine * math.sin(angle),
      cosine * math.cos(angle) + sine * math.sin(angle),
    )
  )


def transform(
  spectrum: Array, along: np.ndarray, across: np.ndarray
) -> tuple[Array, Array, Array]:
  """Filters with one orientation.

  The filters are one-sided, so that the answers are complex.

  Args:
    spectrum: (N, H, W) complex.
    along: (scale, H, W), of `radial`.
    across: (H, W), a function of `distance`.

  Returns:
    Even and odd response and their amplitude, (N, scale, H, W) each.
  """
  dtype = spectrum.real.dtype
  filters = jnp.asarray(along, dtype) * jnp.asarray(across[None], dtype)
  answer = jnp.fft.ifft2(spectrum[:, None] * filters[None])
  return answer.real, answer.imag, jnp.abs(answer)


def energy(even: Array, odd: Array, epsilon: float) -> Array:
  """Local energy of one orientation over all scales, (N, H, W).

  What of each response points along the mean phase, less what points across it.

  Source: Kovesi, "Image Features from Phase Congruency", 1999, equation 14.
  """
  sum_even, sum_odd = even.sum(1), odd.sum(1)
  length = jnp.sqrt(sum_even**2 + sum_odd**2) + epsilon
  mean_even = (sum_even / length)[:, None]
  mean_odd = (sum_odd / length)[:, None]
  along = even * mean_even + odd * mean_odd
  return (along - jnp.abs(even * mean_odd - odd * mean_even)).sum(1)
