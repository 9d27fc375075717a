"""What each degradation costs a training step.

  python benchmarks/degradations.py [--names mixed,second-order] [--batch 16] \
    [--patch 128] [--scale 4]

Prints the best of nine calls, as processor time and by the clock, draws included. The
processor time counts the host only: on an accelerator read the clock.
"""

import argparse
import time

import jax

from jsr import degradations


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--names', default=','.join(degradations.names()))
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--patch', type=int, default=128)
  parser.add_argument('--scale', type=int, default=4)
  args = parser.parse_args()
  shape = (args.batch, args.patch, args.patch, 3)
  hr = jax.random.randint(jax.random.key(0), shape, 0, 256).astype('uint8')
  keys = jax.random.split(jax.random.key(1), args.batch)
  print('| degradation | compile, CPU s | a batch, CPU ms | a batch, ms |')
  print('|---|---|---|---|')
  for name in args.names.split(','):
    made = degradations.make(name, scale=args.scale)
    start = time.process_time()
    run = jax.jit(lambda hr, keys, d=made: d.apply(hr, d.draw(keys), keys))
    run = run.lower(hr, keys).compile()
    compile_time = time.process_time() - start
    processor, clock = [], []
    for _ in range(9):
      start = (time.process_time(), time.perf_counter())
      jax.block_until_ready(run(hr, keys))
      processor.append(time.process_time() - start[0])
      clock.append(time.perf_counter() - start[1])
    times = [1000 * min(values) for values in (processor, clock)]
    print(f'| `{name}` | {compile_time:.1f} | {times[0]:.1f} | {times[1]:.1f} |')


if __name__ == '__main__':
  main()
