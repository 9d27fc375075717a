"""Rows of a picture, regrouped and compressed by several threads in bounded memory."""

import collections
import concurrent.futures
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

In = TypeVar('In')
Out = TypeVar('Out')
# Uncompressed bytes of one piece of work.
PIECE = 2**20
# Of zlib-ng. Enlarged photographs get smaller than at zlib's 4 and in a third of its
# time; the next level takes twice as long for 5 % less.
LEVEL = 3


def regroup(bands: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
  """Yields the same rows, that many at a time; the last group may be smaller.

  Args:
    bands: (n, W, C) of any n.
    rows: Of a group; at least 1.
  """
  kept: list[np.ndarray] = []
  count = 0
  for band in bands:
    start = 0
    while start < len(band):
      part = band[start : start + rows - count]
      # Bands may be views of a large array that the caller fills again.
      kept.append(part.copy())
      count += len(part)
      start += len(part)
      if count == rows:
        yield kept[0] if len(kept) == 1 else np.concatenate(kept)
        kept, count = [], 0
  if kept:
    yield kept[0] if len(kept) == 1 else np.concatenate(kept)


def ordered(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
  """Maps in threads and yields in order, only a few items ahead of the reader.

  zlib-ng and numpy release the interpreter while they work.
  """
  items = iter(items)
  first = list(itertools.islice(items, 2))
  if len(first) < 2:  # Threads cost more than a small picture.
    yield from map(work, first)
    return
  workers = min(8, os.cpu_count() or 1)
  pending: collections.deque[concurrent.futures.Future[Out]] = collections.deque()
  with concurrent.futures.ThreadPoolExecutor(workers) as pool:
    try:
      for item in itertools.chain(first, items):
        pending.append(pool.submit(work, item))
        if len(pending) > workers + 1:
          yield pending.popleft().result()
      while pending:
        yield pending.popleft().result()
    finally:
      for future in pending:
        future.cancel()
