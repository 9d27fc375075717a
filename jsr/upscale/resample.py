"""Resizing of pictures of any size, row by row, with memory for a few rows only.

The same bicubic as `jsr.ops.resize` (antialiased when shrinking), as sparse matrices:
the dense ones of a photograph of 30,000 pixels would take gigabytes.
"""

import functools
from collections.abc import Iterable, Iterator

import numpy as np
from scipy import sparse

from jsr.ops import resize

# Rows that are made at once.
BAND = 128


@functools.lru_cache(maxsize=16)
def operator(
  n: int,
  m: int,
  border: resize.Border = 'symmetric',
  kernel: resize.Kernel = 'cubic',
) -> sparse.csr_array:
  """Returns `resize.matrix(n, m)` as a sparse float32 (m, n).

  The kernel 'box' takes the nearest sample, also where it shrinks.
  """
  index, weights = resize.taps(
    n, m, border=border, kernel=kernel, antialias=kernel != 'box'
  )
  rows = np.repeat(np.arange(m), index.shape[1])
  keep = weights.ravel() != 0
  data = weights.ravel()[keep].astype(np.float32)
  made = sparse.coo_array((data, (rows[keep], index.ravel()[keep])), shape=(m, n))
  return made.tocsr()


def apply(a: sparse.csr_array, x: np.ndarray, axis: int) -> np.ndarray:
  """Multiplies axis 0 or 1 of (h, w, C) by a sparse matrix; float32."""
  moved = np.ascontiguousarray(np.moveaxis(x, axis, 0), np.float32)
  made = a @ moved.reshape(moved.shape[0], -1)
  return np.moveaxis(made.reshape(-1, *moved.shape[1:]), 0, axis)


def rows(
  x: np.ndarray,
  size: tuple[int, int],
  start: int,
  stop: int,
  border: resize.Border = 'symmetric',
) -> np.ndarray:
  """Returns some rows of a picture's resized form.

  Args:
    x: (h, w, C), any type; values as they are.
    size: (height, width) of the whole result.
    start: First row.
    stop: Row after the last.
    border: See `resize.taps`.

  Returns:
    float32 (stop - start, width, C).
  """
  part = operator(x.shape[0], size[0], border)[start:stop]
  used = np.unique(part.indices)
  tall = apply(part[:, used], x[used].astype(np.float32), 0)
  return apply(operator(x.shape[1], size[1], border), tall, 1)


def stream(
  bands: Iterable[np.ndarray],
  height: int,
  size: tuple[int, int],
  border: resize.Border = 'symmetric',
  kernel: resize.Kernel = 'cubic',
) -> Iterator[np.ndarray]:
  """Resizes a picture that comes in bands.

  Args:
    bands: Consecutive (n, w, C), any n.
    height: Their rows together.
    size: (height, width) of the result.
    border: See `resize.taps`. With 'wrap' the whole picture is held, as the first row
      needs the last.
    kernel: See `operator`.

  Yields:
    float32 (n, width, C), n up to BAND.
  """
  a = operator(height, size[0], border, kernel)
  # Of each band of the result: the rows of the input that it needs.
  starts = list(range(0, size[0], BAND))
  spans = []
  for start in starts:
    used = a.indices[a.indptr[start] : a.indptr[min(start + BAND, size[0])]]
    spans.append((int(used.min()), int(used.max()) + 1))
  held: list[np.ndarray] = []
  first = 0  # The row of the picture that held[0] begins with.
  have = 0
  source = iter(bands)
  for start, (low, high) in zip(starts, spans, strict=True):
    while have < high:
      band = next(source)
      wide = operator(band.shape[1], size[1], border, kernel)
      held.append(apply(wide, band, 1))
      have += band.shape[0]
    while held and first + held[0].shape[0] <= low and border != 'wrap':
      first += held.pop(0).shape[0]
    window = np.concatenate(held) if len(held) > 1 else held[0]
    held = [window]
    part = a[start : min(start + BAND, size[0])][:, first : first + window.shape[0]]
    yield apply(part, window, 0)
  for _ in source:  # Let a generator come to its end.
    pass
