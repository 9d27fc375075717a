"""Patches streamed from a source by Grain, for sets that do not fit in memory.

Batch k is a pure function of (seed, attempt, k): Grain reads by position, so a run
that resumes at step k starts there without replaying anything, and neither threads
nor worker processes nor the number of hosts change what is in it.
"""

import functools
import sys
from collections.abc import Iterator
from typing import Protocol

import grain
import numpy as np
from absl import flags

from jsr.data.sources import ImageSource

# The source's `element` ('hr' or 'pair'): uint8 (N, P, P, C); 'index': int32 (N,), the
# places in the global batch.
PatchBatch = dict[str, np.ndarray]


class PatchIterator(Protocol):
  """An endless iterator that lets go of its threads and processes on `close`."""

  def __iter__(self) -> Iterator[PatchBatch]: ...

  def __next__(self) -> PatchBatch: ...

  def close(self) -> None:
    """Stops the threads and worker processes; the iterator is used up."""


def make_pipeline(
  source: ImageSource,
  *,
  seed: int,
  attempt: int,
  batch_size: int,
  patch_size: int,
  start_step: int,
  workers: int,
  threads: int,
  process_index: int = 0,
  process_count: int = 1,
) -> PatchIterator:
  """Streams batches of random patches.

  Images are visited in shuffled epochs, each once an epoch, and one patch is cut from
  an image at each visit, at a uniform position.

  Args:
    source: The images; none smaller than the patch. Worker processes get a copy.
    seed: Of the run, 0 or more.
    attempt: Which order of the data: another one after the run was set back, 0 or more.
    batch_size: Of the global batch, over all hosts.
    patch_size: P, pixels.
    start_step: Number of the first batch.
    workers: Worker processes; 0: none. A program that uses them must guard its entry
      with `if __name__ == '__main__'`, since each worker imports it anew.
    threads: Threads that read ahead, in each process; 0: none.
    process_index: Which slice of the global batch this host gets.
    process_count: Number of hosts; divides `batch_size`.

  Returns:
    An iterator over {element: uint8 (N, P, P, C), 'index': int32 (N,)} with
    N = batch_size / process_count. The slices of all hosts, in order, are the batch.

  Raises:
    ValueError: The sizes do not fit together or a number is negative.
  """
  if batch_size % process_count:
    raise ValueError(f'{process_count} hosts cannot share a batch of {batch_size}')
  if not 0 <= process_index < process_count:
    raise ValueError(f'process_index {process_index} of {process_count}')
  if source.min_size < patch_size:
    raise ValueError(
      f'patches of {patch_size} from images that may be as small as {source.min_size}'
    )
  order_seed, crop_seed = np.random.SeedSequence([seed, attempt]).generate_state(2)
  visits = _Epochs(grain.MapDataset.source(source), seed=int(order_seed))
  patches = visits.random_map(_Crop(patch_size), seed=int(crop_seed))
  local = batch_size // process_count
  batches = _Slice(
    patches,
    batch_size=batch_size,
    first=process_index * local,
    size=local,
    element=source.element,
  ).batch(local)
  ahead = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
  stream = batches[start_step:].to_iter_dataset(ahead)
  if workers:
    # Grain's processes look at absl flags, which exist only once they are parsed.
    if not flags.FLAGS.is_parsed():
      flags.FLAGS.mark_as_parsed()
    # Through pipes: batches that nobody has read when the run ends would stay behind
    # in shared memory.
    pipes = grain.experimental.DatasetOptions(min_shm_size=sys.maxsize)
    stream = grain.experimental.WithOptionsIterDataset(stream, pipes).mp_prefetch(
      grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=2)
    )
  return iter(stream)


class _Epochs(grain.MapDataset):
  """Endless epochs, each a new order of all images.

  Grain's own shuffle takes about 80 ms / images for each index, more than it takes to
  decode a picture where there are few of them.
  """

  def __init__(self, parent: grain.MapDataset, *, seed: int):
    super().__init__(parent)
    self._seed = seed

  def __len__(self) -> int:
    return sys.maxsize

  def __getitem__(self, index: int | slice) -> np.ndarray | grain.MapDataset:
    if isinstance(index, slice):
      return self.slice(index)
    epoch, place = divmod(index, len(self._parent))
    return self._parent[int(_order(self._seed, epoch, len(self._parent))[place])]


@functools.lru_cache(maxsize=8)  # More than one: a batch may reach over several epochs.
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
  return np.random.default_rng([seed, epoch]).permutation(
    np.arange(count, dtype='int32')
  )


class _Crop(grain.transforms.RandomMap):
  """Cuts one patch; Grain's generator is a function of the seed and the visit."""

  def __init__(self, patch_size: int):
    self._size = patch_size

  def random_map(self, element: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width, _ = element.shape
    top = rng.integers(height - self._size + 1)
    left = rng.integers(width - self._size + 1)
    return element[top : top + self._size, left : left + self._size]


class _Slice(grain.MapDataset):
  """Keeps `size` neighbouring examples, from `first` on, of every global batch."""

  def __init__(
    self,
    parent: grain.MapDataset,
    *,
    batch_size: int,
    first: int,
    size: int,
    element: str,
  ):
    super().__init__(parent)
    self._batch_size, self._first, self._size = batch_size, first, size
    self._element = element

  def __len__(self) -> int:
    return min(len(self._parent) // self._batch_size * self._size, sys.maxsize)

  def __getitem__(self, index: int | slice) -> PatchBatch | grain.MapDataset:
    if isinstance(index, slice):
      return self.slice(index)
    batch, place = divmod(index, self._size)
    place += self._first
    patch = self._parent[batch * self._batch_size + place]
    return {self._element: patch, 'index': np.int32(place)}
