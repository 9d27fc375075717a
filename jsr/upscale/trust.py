"""A map of what was invented.

Where a network that was trained for fidelity and its GAN-trained partner differ, the
second has put in texture that the input does not determine. The map shows the largest
difference of a pixel's channels, in levels of 255.
"""

import functools
from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Levels of the brightest colour: beyond, the difference is plain to see.
TOP = 48
LEGEND = 48  # Rows.


@functools.cache
def _colors() -> np.ndarray:
  """Returns float32 (256, 3) in [0, 1]."""
  import matplotlib  # Takes a second, and few ask for a map.

  return np.asarray(matplotlib.colormaps['inferno'](np.arange(256)), np.float32)[:, :3]


def heat(fidelity: np.ndarray, perceptual: np.ndarray) -> np.ndarray:
  """Colours the difference of two bands (n, W, C) in [0, 1]; float32 (n, W, 3)."""
  levels = np.abs(fidelity - perceptual).max(-1) * 255
  index = np.clip(np.round(levels * (255 / TOP)), 0, 255).astype(np.uint8)
  return _colors()[index]


def legend(width: int) -> np.ndarray:
  """Draws the scale below the map; float32 (LEGEND, width, 3) in [0, 1]."""
  image = Image.new('RGB', (width, LEGEND), 'black')
  draw = ImageDraw.Draw(image)
  left, right = 8, max(9, min(width - 8, 520))
  for x in range(left, right):
    level = round(255 * (x - left) / max(1, right - left - 1))
    r, g, b = (round(255 * float(v)) for v in _colors()[level])
    draw.line([(x, 6), (x, 20)], fill=(r, g, b))
  font = ImageFont.load_default(14)
  draw.text((left, 24), '0', 'white', font)
  end = f'{TOP}+ of 255 levels invented'
  if draw.textlength(end, font) > right - left - 16:
    end = f'{TOP}+'
  draw.text((right, 24), end, 'white', font, anchor='ra')
  return np.asarray(image, np.float32) / 255


def rows(
  fidelity: Iterable[np.ndarray], perceptual: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
  """Makes the map of two pictures that come in equal bands, and its legend."""
  width = 0
  for a, b in zip(fidelity, perceptual, strict=True):
    width = a.shape[1]
    yield heat(a, b)
  yield legend(width)
