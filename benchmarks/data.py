"""Patches a second of every way to bring data to the step, measured in turns.

  python benchmarks/data.py [--source photographs] [--workers 2]

The ways: a plain Pillow loop, PyTorch's DataLoader (Pillow decodes, a random crop),
Grain over the files and over raw crops (made beforehand, as by `jsr prepare`; the time
it takes is printed), each with and without worker processes, and device memory. Prints
the median rate of each way and its ratio to PyTorch's DataLoader with the same number
of workers; to the Pillow loop where PyTorch is not installed. The ways take turns, so
that a busy machine slows all of them alike. --quick
only shows that everything works; its rates mean nothing.
"""

import argparse
import importlib.util
import pathlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from PIL import Image

from jsr.data import crops, cutting, pipeline, resident, sources


def random_patch(path: str, patch: int) -> np.ndarray:
  """What a plain program does with a file: open, convert, crop."""
  with Image.open(path) as image:
    rgb = image.convert('RGB')
    left = random.randint(0, rgb.width - patch)
    top = random.randint(0, rgb.height - patch)
    return np.asarray(rgb.crop((left, top, left + patch, top + patch)))


def pillow_loop(paths: tuple[str, ...], batch_size: int, patch: int) -> Iterator:
  while True:
    chosen = random.choices(paths, k=batch_size)
    yield np.stack([random_patch(path, patch) for path in chosen])


class Patches:
  """A map-style data set as DataLoader takes it."""

  def __init__(self, paths: tuple[str, ...], patch: int):
    self._paths, self._patch = paths, patch

  def __len__(self) -> int:
    return len(self._paths)

  def __getitem__(self, index: int) -> np.ndarray:
    # A copy: PyTorch warns of arrays that it cannot write to.
    return random_patch(self._paths[index], self._patch).copy()


def data_loader(
  paths: tuple[str, ...], batch_size: int, patch: int, workers: int
) -> Iterator:
  import torch

  files = Patches(paths, patch)
  loader = torch.utils.data.DataLoader(
    files,
    batch_size=batch_size,
    # One endless epoch: starting workers again is no part of what is measured.
    sampler=torch.utils.data.RandomSampler(
      files, replacement=True, num_samples=2**31 * batch_size
    ),
    num_workers=workers,
    # JAX runs threads, which a fork would copy in the middle of anything.
    multiprocessing_context='spawn' if workers else None,
    prefetch_factor=2 if workers else None,
  )
  yield from loader


def on_device(source: sources.ImageSource, batch_size: int, patch: int) -> Iterator:
  images = resident.load_resident(source)
  sample = jax.jit(resident.sample, static_argnames=('batch_size', 'patch_size'))
  key, step = jax.random.key(0), 0
  while True:
    yield jax.block_until_ready(
      sample(images, seed_key=key, step=step, batch_size=batch_size, patch_size=patch)
    )
    step += 1


def rate(stream: Iterator, batch_size: int, seconds: float, least: int) -> float:
  """Returns patches a second over at least the given time and number of batches."""
  start, batches = time.perf_counter(), 0
  while (passed := time.perf_counter() - start) < seconds or batches < least:
    next(stream)
    batches += 1
  return batches * batch_size / passed


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--source', default='photographs', help='photographs or a folder')
  parser.add_argument('--batch-size', type=int, default=16)
  parser.add_argument('--patch-size', type=int, default=96)
  parser.add_argument('--crop-size', type=int, default=crops.SIZE, help='of records')
  parser.add_argument('--threads', type=int, default=2)
  parser.add_argument('--workers', type=int, default=2, help='0 leaves them out')
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--seconds', type=float, default=1.0, help='a turn')
  parser.add_argument('--max-gib', type=float, default=8.0, help='kept in memory')
  parser.add_argument('--quick', action='store_true', help='one short round')
  args = parser.parse_args()
  if args.quick:
    args.rounds, args.seconds = 1, 0.1
  # What workers read ahead while they started must not be counted as fast, nor should
  # it matter which of them is just done when the clock stops.
  args.warm, args.least = (1, 1) if args.quick else (3 + 2 * args.workers, 8)

  with tempfile.TemporaryDirectory() as folder:
    compare(args, pathlib.Path(folder) / 'crops')


def compare(args: argparse.Namespace, folder: pathlib.Path) -> None:
  files = sources.open_source(args.source, split='train', min_size=args.patch_size)
  assert isinstance(files, sources.FileSource)
  start = time.perf_counter()
  cutting.prepare(args.source, folder, split='train', size=args.crop_size)
  seconds = time.perf_counter() - start
  cut = sources.open_source(
    f'records:{folder}', split='train', min_size=args.patch_size
  )
  size = args.batch_size, args.patch_size

  def grain(source: sources.ImageSource, threads: int, workers: int) -> Iterator:
    return pipeline.make_pipeline(
      source,
      seed=0,
      attempt=0,
      batch_size=args.batch_size,
      patch_size=args.patch_size,
      start_step=0,
      workers=workers,
      threads=threads,
    )

  ways: dict[str, Callable[[], Iterator]] = {
    'Pillow loop': lambda: pillow_loop(files.paths, *size),
    'grain, files': lambda: grain(files, 0, 0),
    f'grain, files, {args.threads} threads': lambda: grain(files, args.threads, 0),
    'grain, records': lambda: grain(cut, 0, 0),
    f'grain, records, {args.threads} threads': lambda: grain(cut, args.threads, 0),
  }
  if args.workers:
    w = f'{args.workers} workers'
    ways[f'grain, files, {w}'] = lambda: grain(files, 1, args.workers)
    ways[f'grain, records, {w}'] = lambda: grain(cut, 1, args.workers)
  reference = 'Pillow loop'
  if importlib.util.find_spec('torch') is not None:
    reference = f'PyTorch DataLoader, {args.workers} workers'
    ways[reference] = lambda: data_loader(files.paths, *size, args.workers)
  if files.nbytes is not None and files.nbytes <= args.max_gib * resident.GIB:
    ways['resident'] = lambda: on_device(files, *size)

  rates: dict[str, list[float]] = {name: [] for name in ways}
  for _ in range(args.rounds):
    for name, begin in ways.items():
      # Opened anew each turn: what reads ahead must not work in another's turn.
      stream = begin()
      for _ in range(args.warm):
        next(stream)
      rates[name].append(rate(stream, args.batch_size, args.seconds, args.least))
      if hasattr(stream, 'close'):
        stream.close()
  base = statistics.median(rates[reference])
  print(
    f'{len(files)} images of {args.source}, batches of {args.batch_size} patches of'
    f' {args.patch_size}, {jax.default_backend()}; {len(cut)} crops of'
    f' {args.crop_size} made in {seconds:.1f} s'
  )
  for name, values in rates.items():
    middle = statistics.median(values)
    spread = f'{min(values):.0f} to {max(values):.0f}'
    print(f'{name:32} {middle:9.0f} patches/s ({spread}), {middle / base:8.2f} x')
  print(f'1 x is: {reference}')


if __name__ == '__main__':
  main()
