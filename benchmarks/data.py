"""Patches a second of every way to bring data to the step, measured in turns.

  python benchmarks/data.py [--source photographs] [--workers 2]

Prints the median rate of each way and its ratio to a plain Pillow loop. The ways take
turns, so that a busy machine slows all of them alike.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from PIL import Image

from jsr.data import pipeline, resident, sources


def pillow_loop(source: sources.FileSource, batch_size: int, patch: int) -> Iterator:
  """What a plain program does: open, convert, crop, stack."""
  paths = source.paths
  while True:
    batch = []
    for path in random.choices(paths, k=batch_size):
      with Image.open(path) as image:
        rgb = image.convert('RGB')
        left = random.randint(0, rgb.width - patch)
        top = random.randint(0, rgb.height - patch)
        batch.append(np.asarray(rgb.crop((left, top, left + patch, top + patch))))
    yield np.stack(batch)


def on_device(source: sources.ImageSource, batch_size: int, patch: int) -> Iterator:
  images = resident.load_resident(source)
  sample = jax.jit(resident.sample, static_argnames=('batch_size', 'patch_size'))
  key, step = jax.random.key(0), 0
  while True:
    yield jax.block_until_ready(
      sample(images, seed_key=key, step=step, batch_size=batch_size, patch_size=patch)
    )
    step += 1


def rate(stream: Iterator, batch_size: int, seconds: float) -> float:
  """Returns patches a second over at least the given time."""
  start, batches = time.perf_counter(), 0
  while (passed := time.perf_counter() - start) < seconds:
    next(stream)
    batches += 1
  return batches * batch_size / passed


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--source', default='photographs', help='photographs or a folder')
  parser.add_argument('--batch-size', type=int, default=16)
  parser.add_argument('--patch-size', type=int, default=96)
  parser.add_argument('--threads', type=int, default=2)
  parser.add_argument('--workers', type=int, default=2, help='0 leaves them out')
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--seconds', type=float, default=1.0, help='a turn')
  args = parser.parse_args()

  source = sources.open_source(args.source, split='train', min_size=args.patch_size)
  assert isinstance(source, sources.FileSource)

  def grain(threads: int, workers: int) -> Iterator:
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
    'Pillow loop': lambda: pillow_loop(source, args.batch_size, args.patch_size),
    'grain': lambda: grain(0, 0),
    f'grain, {args.threads} threads': lambda: grain(args.threads, 0),
    'resident': lambda: on_device(source, args.batch_size, args.patch_size),
  }
  if args.workers:
    ways[f'grain, {args.workers} workers'] = lambda: grain(1, args.workers)

  rates: dict[str, list[float]] = {name: [] for name in ways}
  for _ in range(args.rounds):
    for name, start in ways.items():
      # Opened anew each turn: what reads ahead must not work in another's turn.
      stream = start()
      for _ in range(3):
        next(stream)
      rates[name].append(rate(stream, args.batch_size, args.seconds))
      if hasattr(stream, 'close'):
        stream.close()
  base = statistics.median(rates['Pillow loop'])
  print(
    f'{len(source)} images of {args.source}, batches of {args.batch_size} patches of'
    f' {args.patch_size}, {jax.default_backend()}'
  )
  for name, values in rates.items():
    middle = statistics.median(values)
    spread = f'{min(values):.0f} to {max(values):.0f}'
    print(f'{name:20} {middle:9.0f} patches/s ({spread}), {middle / base:8.2f} x')


if __name__ == '__main__':
  main()
