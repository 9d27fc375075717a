"""Log-Gabor filters in the frequency domain, which both forms of FSIM share."""

import jax.numpy as jnp
import numpy as np

from jsr.types import Array


def _frequencies(n: int) -> np.ndarray:
  """Frequencies as Kovesi's programs number them; n samples, zero in the middle."""
  if n % 2:
    # An odd length of one has no step; its only frequency is zero.
    return np.arange(-(n - 1) / 2, (n + 1) / 2) / max(n - 1, 1)
  return np.arange(-n / 2, n / 2) / n


def _radius(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  x, y = np.meshgrid(_frequencies(width), _frequencies(height))
  return (
    np.fft.ifftshift(np.sqrt(x * x + y * y)),
    np.fft.ifftshift(x),
    np.fft.ifftshift(y),
  )


def frequency_grid(
  height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Polar coordinates of the spectrum, in the order of the FFT, float64 (H, W).

  Returns:
    Radius in cycles per pixel (1 at zero frequency, where its logarithm would fail),
    sine and cosine of the angle (counted against the rows).
  """
  radius, x, y = _radius(height, width)
  angle = np.arctan2(-y, x)
  radius[0, 0] = 1
  return radius, np.sin(angle), np.cos(angle)


def low_pass(height: int, width: int) -> np.ndarray:
  """Butterworth of cut-off .45 and order 15, which takes the corners away; (H, W)."""
  return 1 / (1 + (_radius(height, width)[0] / 0.45) ** 30)


def transform(
  spectrum: Array, filters: np.ndarray, dtype: jnp.dtype
) -> tuple[Array, Array, Array]:
  """Filters one orientation.

  Args:
    spectrum: (N, H, W) complex.
    filters: (scale, H, W) real; one-sided, so that the answer is complex.
    dtype: Of the results.

  Returns:
    Even and odd response and their amplitude, (N, scale, H, W) each.
  """
  answer = jnp.fft.ifft2(spectrum[:, None] * jnp.asarray(filters[None], dtype))
  return answer.real, answer.imag, jnp.abs(answer)
