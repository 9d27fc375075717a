"""The test images of the specification; i is the row, j the column."""

import numpy as np


def T(n: int) -> np.ndarray:
  i, j = np.mgrid[:n, :n]
  return ((37 * i + 59 * j + 11 * i * j) % 256).astype(np.float64)


def rgb(n: int) -> np.ndarray:
  t = T(n)
  return np.stack([t, (t + 85) % 256, 3 * t % 256], -1)


def smooth(h: int, w: int) -> np.ndarray:
  """uint8 RGB with edges and gradients, as a photograph has."""
  i, j = np.mgrid[:h, :w]
  planes = [
    127.5 + 60 * np.sin(2 * np.pi * (i + 3 * k) / 17) + 40 * np.cos(2 * np.pi * j / 23)
    for k in range(3)
  ]
  picture = np.stack(planes, -1)
  picture[h // 4 : h // 2, w // 4 : w // 2] = (220, 40, 90)
  return np.clip(picture, 0, 255).astype(np.uint8)
