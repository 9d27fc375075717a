"""Small pictures for the tests of the data."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
  """noise(seed, height, width, channels=3) -> uint8 pixels."""

  def make(seed: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)

  return make


@pytest.fixture
def folder(tmp_path: pathlib.Path, noise: Callable) -> pathlib.Path:
  """Seven PNG files of different sizes."""
  path = tmp_path / 'pictures'
  path.mkdir()
  for i in range(7):
    Image.fromarray(noise(i, 24 + 3 * i, 40 - 2 * i)).save(path / f'{i}.png')
  return path
