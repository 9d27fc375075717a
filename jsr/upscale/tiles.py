"""Tiles whose seams cannot be seen, because there are none.

A tile is enlarged with as much of its surroundings as the network looks at (the halo),
and only the part that saw all it needed is kept. Tiles at the picture's edge end there,
so that the network pads what it would pad of the whole picture. All tiles of a picture
have one shape, as small as their number allows; the last of a row or column is moved
inwards instead of being smaller.

Results come as bands of whole rows, from the top; memory is that of one row of tiles.
"""

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from jsr import errors
from jsr.upscale.engines import OutOfMemory

log = logging.getLogger(__name__)

# Rows of the result that are handed on at once.
SLICE = 256

# float32 (h, w, C) in [0, 1] to (h * factor, w * factor, C).
Compute = Callable[[np.ndarray], np.ndarray]


def peak(dtype: np.dtype) -> np.float32:
  """Returns what white is in an array of this type; 1 for floats."""
  return np.float32(np.iinfo(dtype).max if dtype.kind in 'ui' else 1)


class Span(NamedTuple):
  """A tile along one axis: what goes in, and what is kept of what comes out."""

  start: int
  stop: int
  keep_from: int
  keep_to: int


def plan(n: int, tile: int, halo: int, stride: int = 1) -> list[Span]:
  """Covers an axis with tiles.

  Args:
    n: Its length.
    tile: The most of a tile, halo included, from 2 * halo + stride.
    halo: What is not kept at an end that is not the picture's.
    stride: All tiles start at multiples of it, and then the last may be shorter.

  Returns:
    Spans whose kept parts cover [0, n) without overlap.
  """
  if n <= tile:
    return [Span(0, n, 0, n)]
  # A halo and a step of whole strides keep all starts at multiples of it.
  halo = -(-halo // stride) * stride
  step = (tile - 2 * halo) // stride * stride
  if step < 1:
    raise ValueError(f'a tile of {tile} has no room for a halo of {halo}')
  # As many tiles as are needed, and no larger than these must be: for 640 x 480 pixels
  # a third of the work is saved.
  count = -(-(n - 2 * halo) // step)
  step = -(-(n - 2 * halo) // count // stride) * stride
  tile = step + 2 * halo
  spans = []
  start = kept = 0
  while start + tile < n:
    spans.append(Span(start, start + tile, kept, start + halo + step))
    kept = start + halo + step
    start += step
  if stride == 1:
    start = n - tile
  spans.append(Span(start, n, kept, n))
  return spans


def bands(
  x: np.ndarray,
  compute: Compute,
  *,
  factor: int,
  tile: int,
  halo: int,
  stride: int = 1,
  wrap: bool = False,
  progress: Callable[[float], None] | None = None,
) -> Iterator[np.ndarray]:
  """Enlarges a picture tile by tile.

  Args:
    x: (h, w, C) uint8 or uint16, or floats in [0, 1].
    compute: What enlarges a tile.
    factor: Its factor.
    tile: Side of a tile in pixels of x, halo included; halved, and again, when the
      device's memory is too small.
    halo: See `plan`.
    stride: See `plan`.
    wrap: The picture goes on at its other end, as a seamless texture does.
    progress: Is told the share that is done, 0 to 1.

  Yields:
    float32 (n, w * factor, C), from the top.

  Raises:
    UserError: The smallest tile is still too large for the device.
  """
  white = peak(x.dtype)
  pad = -(-halo // stride) * stride if wrap else 0
  if wrap:
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)), 'wrap')
  h, w = x.shape[:2]
  left, right = pad, w - pad
  done, end = pad, h - pad
  while done < end:
    try:
      for down in plan(h, tile, halo, stride):
        top, bottom = max(down.keep_from, done), min(down.keep_to, end)
        if top >= bottom:
          continue
        band: np.ndarray | None = None
        for across in plan(w, tile, halo, stride):
          first, last = max(across.keep_from, left), min(across.keep_to, right)
          if first < last:
            lr = x[down.start : down.stop, across.start : across.stop]
            sr = compute(lr.astype(np.float32) / white)
            if band is None:
              shape = (bottom - top, right - left, sr.shape[-1])
              band = np.empty((shape[0] * factor, shape[1] * factor, shape[2]), 'f4')
            band[:, (first - left) * factor : (last - left) * factor] = sr[
              (top - down.start) * factor : (bottom - down.start) * factor,
              (first - across.start) * factor : (last - across.start) * factor,
            ]
          if progress:
            share = (last - left) / (right - left)
            progress((top - pad + share * (bottom - top)) / (end - pad))
        assert band is not None
        done = bottom
        # In slices: whoever works on them makes copies.
        for row in range(0, band.shape[0], SLICE):
          yield band[row : row + SLICE]
    except OutOfMemory as error:
      smaller = min(tile, max(h, w)) // 2
      if smaller < 2 * (-(-halo // stride) * stride) + stride:
        raise errors.UserError(
          f'the memory of the device is too small for a tile of {tile} pixels with a'
          f' halo of {halo}: use a smaller model or --halo'
        ) from error
      log.warning(
        'out of memory with tiles of %d pixels; going on with %d', tile, smaller
      )
      tile = smaller
