"""Time of a training step, with and without jsr's XLA settings, in alternating rounds.

    python benchmarks/step_time.py [--configs configs/demo.py:pixel,...] [--rounds 3]

Each measurement is a process of its own: XLA reads its flags once. Rounds alternate, so
that a busy machine slows both sides; what counts is the ratio. Prints a Markdown table
with the median of the rounds' ratios, and their least and most.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

STEPS = 8


def measure(spec: str) -> None:
  """Prints the median time of a step as JSON; runs in a process of its own."""
  from jsr.train import parallel, recipe, settings

  if os.environ['JSR_XLA_DEFAULT'] == '0':
    parallel.configure_for_training()
  import jax
  import numpy as np

  config = settings.load(spec, ['--config.init_from=', '--config.losses.vgg=random'])
  plan = recipe.make(config)
  devices = parallel.make('jit', config.data.batch_size, jax.devices()[:1])
  step = devices.compile(plan.make_step)
  state = devices.replicate(plan.init(jax.random.key(0)))
  n, size = config.data.batch_size, config.data.patch_size
  hr = np.random.default_rng(0).integers(0, 256, (1, n, size, size, 3), np.uint8)
  batch = devices.place({'hr': hr, 'index': np.arange(n, dtype=np.int32)[None]})
  rng = jax.random.key(0)
  times = []
  for _ in range(STEPS + 2):
    start = time.perf_counter()
    state, _ = jax.block_until_ready(step(state, batch, rng))
    times.append(time.perf_counter() - start)
  print(json.dumps(statistics.median(times[2:])))


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    '--configs', default='configs/demo.py:pixel,configs/demo.py:gan,configs/srresnet.py'
  )
  parser.add_argument('--rounds', type=int, default=3)
  parser.add_argument('--measure', help=argparse.SUPPRESS)
  args = parser.parse_args()
  if args.measure:
    measure(args.measure)
    return
  print('| config | jsr, ms | XLA default, ms | ratio [least-most] |')
  print('|---|---|---|---|')
  for spec in args.configs.split(','):
    seconds: dict[str, list[float]] = {'0': [], '1': []}
    for _ in range(args.rounds):
      for default, collected in seconds.items():
        out = subprocess.run(
          [sys.executable, __file__, '--measure', spec],
          env={**os.environ, 'JSR_XLA_DEFAULT': default},
          capture_output=True,
          text=True,
          check=True,
        ).stdout
        collected.append(json.loads(out.splitlines()[-1]))
    ratios = [a / b for a, b in zip(seconds['0'], seconds['1'], strict=True)]
    print(
      f'| {spec} | {1e3 * statistics.median(seconds["0"]):.0f}'
      f' | {1e3 * statistics.median(seconds["1"]):.0f}'
      f' | {statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}] |',
      flush=True,
    )


if __name__ == '__main__':
  main()
