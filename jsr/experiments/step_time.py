"""Time of training steps of several configs, in turn and in one process.

Whatever else the machine does then slows all of them alike; what counts is the ratio.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jsr.train import parallel, recipe


def alternate(configs: Mapping[str, ConfigDict], rounds: int) -> dict[str, list[float]]:
  """Times a step of each config, then again, `rounds` times.

  The data are noise and in memory: what is timed is the step, and no reading. It runs
  on one device.

  Args:
    configs: Of trainings, by name; see configs/default.py. They start from nothing,
      whatever `init_from` says.
    rounds: How often.

  Returns:
    Seconds of each round by name: of the processor's time where steps run on CPUs,
    which other programs do not count in; else of the clock.

  Raises:
    UserError: A config that cannot be trained.
  """
  clock = time.process_time if jax.default_backend() == 'cpu' else time.perf_counter
  runs = {name: _runner(config) for name, config in configs.items()}
  for run in runs.values():  # The first one compiles, the second one is warm.
    run()
    run()
  seconds: dict[str, list[float]] = {name: [] for name in configs}
  for _ in range(rounds):
    for name, run in runs.items():
      start = clock()
      run()
      seconds[name].append(clock() - start)
  return seconds


def _runner(config: ConfigDict) -> Callable[[], None]:
  """Returns what runs one step and waits for it."""
  plan = recipe.make(config)
  n, size = config.data.batch_size, config.data.patch_size
  devices = parallel.make('jit', n, devices=jax.devices()[:1])
  step = devices.compile(plan.make_step)
  hr = np.random.default_rng(0).integers(0, 256, (1, n, size, size, 3), np.uint8)
  batch = devices.place({'hr': hr, 'index': np.arange(n, dtype=np.int32)[None]})
  rng = devices.key(config.seed, 1)
  state: list[Any] = [devices.replicate(plan.init(jax.random.key(config.seed)))]

  def run() -> None:
    # The step takes the state's buffers, so the old one is let go first.
    state[0], metrics = step(state[0], batch, rng)
    jax.block_until_ready((state[0], metrics))

  return run
