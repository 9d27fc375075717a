"""Pairs of pictures that several tests of metrics share."""

import csv
import pathlib

import jax.numpy as jnp
import numpy as np

from jsr.evaluate import sets

# MATLAB's rgb2gray.
GREY = np.array([0.298936021293776, 0.587043074451121, 0.114020904255103])


def sines(n: int) -> tuple[np.ndarray, np.ndarray]:
  """Sf(n) of the specification, and the same with a finer wave on it; (n, n)."""
  i, j = np.mgrid[:n, :n]
  first = 127.5 + 60 * np.sin(2 * np.pi * i / 17) + 40 * np.cos(2 * np.pi * j / 23)
  return first, first + 8 * np.sin(2 * np.pi * (i + j) / 5)


def batch(image: np.ndarray):
  """(H, W) or (H, W, C) to (1, H, W, C) float64."""
  image = image[..., None] if image.ndim == 2 else image
  return jnp.asarray(image[None], jnp.float64)


def rows(shared: pathlib.Path, metric: str):
  """(name, reference, distorted, value) of one metric's published pairs."""
  folder = shared / 'data' / 'iqa'
  with (folder / 'reference_values.csv').open() as file:
    for row in csv.DictReader(file):
      if row['metric'] == metric:
        x, y = (
          sets.read(folder / row[k]).astype(float) if row[k] else None
          for k in ('file_ref', 'file_dist')
        )
        yield row['file_dist'], x, y, float(row['value'])


def grey(image: np.ndarray) -> np.ndarray:
  return np.floor(image @ GREY + 0.5)
