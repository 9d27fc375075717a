"""How the detail of a set of pictures is spread over frequencies.

One curve a set: the power of luma under Hann's window, averaged over directions and
pictures. It needs no truth, so that samples of a GAN can be compared with pictures.
"""

import numpy as np

from jsr.data import fingerprint

BINS = 32


def curve(pictures: np.ndarray) -> np.ndarray:
  """Returns the mean of 10 log10 power in 32 bands from 0 to 0.5 cycles a pixel.

  Args:
    pictures: uint8 (N, n, n, 3).

  Returns:
    (32,), dB.
  """
  n = pictures.shape[1]
  window = np.outer(np.hanning(n + 2)[1:-1], np.hanning(n + 2)[1:-1])
  f = np.fft.fftfreq(n)
  radius = np.hypot(f[:, None], f[None])
  band = np.minimum((radius * 2 * BINS).astype(int), BINS)  # Corners apart.
  counts = np.bincount(band.ravel(), minlength=BINS + 1)
  rows = []
  for picture in pictures:
    y = fingerprint.luma(picture)
    power = np.abs(np.fft.fft2((y - y.mean()) * window)) ** 2 / np.sum(window**2)
    mean = np.bincount(band.ravel(), power.ravel(), BINS + 1) / counts
    # An empty band of a flat picture must not be minus infinity.
    rows.append(10 * np.log10(mean[:BINS] + 1e-3))
  return np.mean(rows, axis=0)


def frequencies() -> np.ndarray:
  """Returns the middle of each band, cycles a pixel."""
  return (np.arange(BINS) + 0.5) / (2 * BINS)


def distance(a: np.ndarray, b: np.ndarray, above: float) -> float:
  """Root mean square of the difference of two curves above a frequency, dB."""
  chosen = frequencies() > above
  return float(np.sqrt(np.mean(np.square(a - b)[chosen])))
