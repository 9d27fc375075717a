"""Degradations once more in NumPy and SciPy, one image at its true size."""

import numpy as np
from scipy import fft, ndimage, special

from jsr.degradations import jpeg, noise


def correlate(x, kernel):
  planes = [
    ndimage.correlate(x[..., c].astype(float), np.asarray(kernel, float), mode='mirror')
    for c in range(x.shape[-1])
  ]
  return np.stack(planes, -1)


def compress(x, quality):
  """JPEG in float64, with the tables taken for granted."""
  h, w, _ = x.shape
  x = np.pad(255 * x.astype(float), ((0, -h % 16), (0, -w % 16), (0, 0)))
  r, g, b = np.moveaxis(x, -1, 0)
  planes = [
    0.299 * r + 0.587 * g + 0.114 * b,
    128 - 0.168736 * r - 0.331264 * g + 0.5 * b,
    128 + 0.5 * r - 0.418688 * g - 0.081312 * b,
  ]
  factor = (5000 / quality if quality < 50 else 200 - 2 * quality) / 100
  for i, table in enumerate((jpeg.LUMA, jpeg.CHROMA, jpeg.CHROMA)):
    plane = planes[i]
    if i:
      plane = (plane[::2] + plane[1::2]) / 2
      plane = (plane[:, ::2] + plane[:, 1::2]) / 2
    for row, column in np.ndindex(plane.shape[0] // 8, plane.shape[1] // 8):
      at = np.s_[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
      levels = np.round(fft.dctn(plane[at] - 128, norm='ortho') / (table * factor))
      plane[at] = fft.idctn(levels * table * factor, norm='ortho') + 128
    planes[i] = plane.repeat(2, 0).repeat(2, 1) if i else plane
  y, cb, cr = planes
  rgb = [
    y + 1.402 * (cr - 128),
    y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
    y + 1.772 * (cb - 128),
  ]
  return np.clip(np.stack(rgb, -1) / 255, 0, 1)[:h, :w]


def gaussian(u, sigma, grey):
  u = np.asarray(u, float)
  u = np.repeat(u[..., :1], 3, -1) if grey else u
  return sigma * np.sqrt(2) * special.erfinv(2 * u - 1)


def poisson(x, u, strength, grey):
  u = np.asarray(u)
  if grey:
    x = x @ np.array([0.2989, 0.587, 0.114])
    x, u = np.repeat(x[..., None], 3, -1), np.repeat(u[..., :1], 3, -1)
  levels = np.clip(np.floor(255 * x + 0.5), 0, 255).astype(int)
  exponent = int(np.ceil(np.log2(len(np.unique(levels)))))
  rows = noise.poisson_table()[exponent]
  count = [
    np.searchsorted(rows[v], q) for v, q in zip(levels.flat, u.flat, strict=True)
  ]
  return strength * (np.reshape(count, x.shape) / 2**exponent - levels / 255)


def impulse(x, u, pepper, salt):
  return np.where(u < pepper, 0.0, np.where(u < pepper + salt, 1.0, x))


def quantised(x):
  return np.clip(np.floor(x * 255 + 0.5), 0, 255) / 255
