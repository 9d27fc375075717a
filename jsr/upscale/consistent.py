"""Projection onto the pictures that shrink to the input.

With A the bicubic shrinking of MATLAB's imresize, the nearest picture to x that has
A x = y is x + A^T (A A^T)^-1 (y - A x). A works on rows and columns apart, so A A^T is
a product of two small banded matrices, each factored once: the projection is exact and
needs no iteration, in place of the back-projection of Irani and Peleg ("Improving
Resolution by Image Registration", 1991) that papers use. Values outside of [0, 1] are
clipped afterwards, which disturbs the equation near black and white; projecting again,
farther than needed at all times but the last (over-relaxed projection onto convex sets:
Youla and Webb, "Image Restoration by the Method of Convex Projections", 1982), mends
most of it. What is left is told; near scale 1 an input may have details that no
picture within [0, 1] shrinks to.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from jsr.ops import resize
from jsr.upscale import resample

PASSES = 8
# Largest residual that needs no further pass.
_ENOUGH = 0.25 / 255
_RELAXATION = 1.9
# Pictures above so many bytes are kept in a temporary file meanwhile.
_IN_MEMORY = 2**30


class Shrunk:
  """A x of a picture that comes in bands.

  Attributes:
    total: float32 (h, w, C); complete after the last band.
  """

  def __init__(self, down: Sequence[sparse.csr_array]):
    self._down, self._at = down, 0
    self.total = np.zeros(0, np.float32)

  def add(self, band: np.ndarray) -> None:
    """Takes the next rows, (n, W, C)."""
    narrow = resample.apply(self._down[1], band, 1)
    if not self.total.size:
      self.total = np.zeros((self._down[0].shape[0], *narrow.shape[1:]), np.float32)
    part = self._down[0][:, self._at : self._at + band.shape[0]]
    touched = np.unique(part.nonzero()[0])
    self.total[touched] += resample.apply(part[touched], narrow, 0)
    self._at += band.shape[0]


class Projection:
  """See the top of the file.

  Args:
    small: (height, width) of the input.
    large: (height, width) of the result, no smaller.
    border: 'symmetric', or 'wrap' for seamless textures.
  """

  def __init__(
    self,
    small: tuple[int, int],
    large: tuple[int, int],
    border: resize.Border = 'symmetric',
  ):
    self.small, self.large = small, large
    self._down = [
      resample.operator(n, m, border) for n, m in zip(large, small, strict=True)
    ]
    self._up = [a.T.tocsr() for a in self._down]
    self._solve = [
      linalg.splu((a @ a.T).astype(np.float64).tocsc()) for a in self._down
    ]

  def shrunk(self) -> 'Shrunk':
    """Returns an empty A x, to be fed with bands of x."""
    return Shrunk(self._down)

  def correction(self, residual: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Returns rows of A^T z; see `prepare`."""
    rows = resample.apply(self._up[0][start:stop], residual, 0)
    return resample.apply(self._up[1], rows, 1)

  def prepare(self, residual: np.ndarray) -> np.ndarray:
    """Returns z = (A A^T)^-1 r of r = y - A x, (h, w, C)."""
    z = residual.astype(np.float64)
    h, w, c = z.shape
    z = self._solve[0].solve(z.reshape(h, -1)).reshape(h, w, c)
    z = self._solve[1].solve(z.transpose(1, 0, 2).reshape(w, -1))
    return z.reshape(w, h, c).transpose(1, 0, 2).astype(np.float32)

  def project(self, bands: Iterable[np.ndarray], y: np.ndarray) -> Iterator[np.ndarray]:
    """Projects a picture that comes in bands.

    Args:
      bands: float32 (n, W, C) in [0, 1].
      y: float32 (h, w, C), the input.

    Yields:
      float32 (n, W, C) in [0, 1].
    """
    shape = (*self.large, y.shape[-1])
    with tempfile.TemporaryFile() as file:
      x: np.ndarray
      if int(np.prod(shape)) * 4 > _IN_MEMORY:
        x = np.memmap(file, np.float32, 'w+', shape=shape)
      else:
        x = np.empty(shape, np.float32)
      at = 0
      for band in bands:
        x[at : at + band.shape[0]] = band
        at += band.shape[0]
      edges = range(0, shape[0], resample.BAND)
      for number in range(PASSES):
        shrunk = self.shrunk()
        for i in edges:
          shrunk.add(x[i : i + resample.BAND])
        residual = y - shrunk.total
        close = bool(np.abs(residual).max() <= _ENOUGH)
        last = close or number == PASSES - 1
        # The first pass solves the equation, where nothing is clipped.
        factor = 1.0 if last or number == 0 else _RELAXATION
        z = factor * self.prepare(residual)
        for i in edges:
          part = x[i : i + resample.BAND]
          fixed = part + self.correction(z, i, i + part.shape[0])
          x[i : i + resample.BAND] = np.clip(fixed, 0, 1)
        if last:
          break
      for i in edges:
        yield np.array(x[i : i + resample.BAND])
