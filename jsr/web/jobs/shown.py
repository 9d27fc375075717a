"""Pictures as rows, and from one format to another."""

import pathlib
from collections.abc import Iterator

import numpy as np

from jsr.upscale import image_io
from jsr.upscale.picture import Picture

_BAND = 256


def pixels(picture: Picture) -> np.ndarray:
  """Returns samples (H, W, C), alpha last if there is one."""
  parts = [picture.color] + ([picture.alpha] if picture.alpha is not None else [])
  return np.concatenate(parts, -1)


def eight_bits(picture: Picture) -> np.ndarray:
  """Returns `pixels` with 8 bits a sample, for what is only looked at."""
  found = pixels(picture)
  if found.dtype == np.uint16:
    found = ((found.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
  return found


def bands(picture: Picture) -> Iterator[np.ndarray]:
  """Yields a picture's rows as `image_io.write` takes them, float32 in [0, 1]."""
  peak = np.float32(2**picture.depth - 1)
  for top in range(0, picture.height, _BAND):
    parts = [picture.color[top : top + _BAND]]
    if picture.alpha is not None:
      parts.append(picture.alpha[top : top + _BAND])
    yield np.concatenate(parts, -1).astype(np.float32) / peak


def convert(
  picture: Picture, path: pathlib.Path, quality: int | None = None
) -> tuple[str, ...]:
  """Writes a picture as it is in the format of a path; see `image_io.write`."""
  return image_io.write(
    path,
    bands(picture),
    height=picture.height,
    width=picture.width,
    picture=picture,
    quality=quality,
  )
