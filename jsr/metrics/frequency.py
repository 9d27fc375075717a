"""How much detail a picture has beyond what its low-resolution version can tell.

Contract as in `fidelity`: x and y are (N, H, W, 1) float on 0..255, one value per
example. Compute in float64.
"""

import jax.numpy as jnp
import numpy as np

from jsr.types import Array


def _window(n: int) -> np.ndarray:
  """Hann's window without its zeros at the ends."""
  return np.hanning(n + 2)[1:-1]


def _spectrum(x: Array) -> Array:
  """Energy by frequency of (N, H, W)."""
  window = np.outer(_window(x.shape[1]), _window(x.shape[2]))
  return jnp.square(jnp.abs(jnp.fft.fft2(x * window[None])))


def high_frequency_ratio(x: Array, y: Array, *, scale: int) -> Array:
  """Energy of x over energy of y, at the frequencies that shrinking by scale removes.

  1 is as much detail as the truth has, below is smooth, above is invented. It looks at
  how much, not at where: it says nothing of whether the detail is right.

  Args:
    x: The result.
    y: The truth.
    scale: Frequencies with max(|fy|, |fx|) > 1 / (2 scale) count.
  """
  fy = np.abs(np.fft.fftfreq(x.shape[1]))[:, None]
  fx = np.abs(np.fft.fftfreq(x.shape[2]))[None, :]
  high = (np.maximum(fy, fx) > 1 / (2 * scale))[None]
  mean = jnp.mean(y[..., 0], axis=(1, 2), keepdims=True)
  ours, truth = (
    jnp.sum(_spectrum(image[..., 0] - mean) * high, axis=(1, 2)) for image in (x, y)
  )
  return ours / truth
