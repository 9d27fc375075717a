"""How the detail of a set of pictures is spread over frequencies.

One curve a set: the power of luma under Hann's window, averaged over directions and
pictures. It needs no truth, so that samples of a GAN can be compared with pictures.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from jsr.data import fingerprint
from jsr.evaluate import plots, svg

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


def plot(curves: Mapping[str, Sequence[float]], above: float) -> str:
  """Draws curves by name, the first one heavier, and a line at a frequency."""
  with svg.style():
    figure = Figure(figsize=(7.2, 3.4), layout='constrained')
    axes = figure.add_subplot()
    for i, (name, values) in enumerate(curves.items()):
      axes.plot(
        frequencies(),
        values,
        color=plots.PALETTE[i % len(plots.PALETTE)],
        linewidth=2.4 if i == 0 else 1.4,
        label=name,
      )
    axes.axvline(above, color=svg.INK, linestyle=(0, (4, 3)), linewidth=1.1)
    axes.grid(color=svg.INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_xlabel('cycles a pixel')
    axes.set_ylabel('power (dB)')
    axes.legend(frameon=False, loc='upper right')
    return svg.render(figure, 'Power by frequency of samples and real pictures')
