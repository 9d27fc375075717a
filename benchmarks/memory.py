"""Memory and time of one training gradient, with and without rematerialisation.

    python benchmarks/memory.py [--models drcn,rrdb] [--batch 16] [--hr 128]
        [--time-batch 1] [--time-hr 64] [--rounds 3]

Memory is what XLA plans for the compiled gradient of an L1 loss at x4 with respect to
all parameters: arguments, results and temporary buffers. It needs no run, so the size
may be the recipe's on any machine. Time is measured at a size of its own, where both
forms are run by turns, so that a busy machine slows both sides; what counts is the
ratio. `--rounds 0` leaves it out. Prints a Markdown table.

On a CPU, XLA removes the barriers around a rematerialised block before it merges equal
computations, so that nothing is recomputed and nothing is saved. It keeps them when one
of its passes is left out; the table has a row for either.
"""

import argparse
import datetime
import os
import platform
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

from jsr import models

# The pass that removes the barriers; the CPU's list has it before the merging one.
KEEP_BARRIERS = {'xla_disable_hlo_passes': 'cse_barrier_expander'}
SCALE = 4
MIB = 2**20


def gradient(name: str, *, remat: bool, batch: int, hr: int, options=None):
  """Returns the compiled gradient, and arguments for it."""
  model = models.build(name, scale=SCALE, remat=remat)
  channels = 1 if model.color == 'y' else 3
  lr = jax.ShapeDtypeStruct((batch, hr // SCALE, hr // SCALE, channels), jnp.float32)
  image = jax.ShapeDtypeStruct((batch, hr, hr, channels), jnp.float32)
  shapes = jax.eval_shape(model.init, jax.random.key(0), lr)

  def loss(params, lr, image):
    return jnp.mean(jnp.abs(model.apply({'params': params}, lr, train=True) - image))

  arguments = (shapes['params'], lr, image)
  lowered = jax.jit(jax.value_and_grad(loss)).lower(*arguments)
  rng = np.random.default_rng(0)
  # Small numbers: neither overflow nor denormal ones, which CPUs are slow with.
  values = jax.tree.map(lambda x: 0.01 * rng.random(x.shape, np.float32), arguments)
  return lowered.compile(compiler_options=options), values


def planned(compiled) -> float:
  """Returns MiB that a compiled function holds at once."""
  plan = compiled.memory_analysis()
  return (
    plan.argument_size_in_bytes
    + plan.output_size_in_bytes
    + plan.temp_size_in_bytes
    - plan.alias_size_in_bytes
  ) / MIB


def times(forms: list, rounds: int) -> list[list[float]]:
  """Returns seconds of each form in each round; the forms run by turns."""
  seconds: list[list[float]] = [[] for _ in forms]
  for number in range(rounds + 1):
    for (compiled, values), collected in zip(forms, seconds, strict=True):
      start = time.perf_counter()
      jax.block_until_ready(compiled(*values))
      if number:  # The first is a warm-up.
        collected.append(time.perf_counter() - start)
  return seconds


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--models', default='drcn,rrdb')
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--hr', type=int, default=128)
  parser.add_argument('--time-batch', type=int, default=1)
  parser.add_argument('--time-hr', type=int, default=64)
  parser.add_argument('--rounds', type=int, default=3)
  args = parser.parse_args()
  device = jax.devices()[0]
  print(
    f'{datetime.date.today()}, {device.device_kind}, {os.cpu_count()} cores of'
    f' {platform.machine()}, jax {jax.__version__}, float32\n'
  )
  print(
    f'| x{SCALE} | gradient | {args.batch} x {args.hr}^2, MiB | ratio |'
    f' {args.time_batch} x {args.time_hr}^2, s | ratio [least-most] |'
  )
  print('|---|---|---|---|---|---|')
  kinds = {'stored': {'remat': False}, 'rematerialised': {'remat': True}}
  if device.platform == 'cpu':
    kinds['rematerialised, barriers kept'] = {'remat': True, 'options': KEEP_BARRIERS}
  for name in args.models.split(','):
    memory = [
      planned(gradient(name, batch=args.batch, hr=args.hr, **kind)[0])
      for kind in kinds.values()
    ]
    seconds = [[float('nan')] for _ in kinds]
    if args.rounds:
      forms = [
        gradient(name, batch=args.time_batch, hr=args.time_hr, **kind)
        for kind in kinds.values()
      ]
      seconds = times(forms, args.rounds)
    for kind, mib, collected in zip(kinds, memory, seconds, strict=True):
      ratios = [b / a for a, b in zip(seconds[0], collected, strict=True)]
      print(
        f'| {name} | {kind} | {mib:,.0f} | {mib / memory[0]:.2f}'
        f' | {statistics.median(collected):.2f} | {statistics.median(ratios):.2f}'
        f' [{min(ratios):.2f}-{max(ratios):.2f}] |',
        flush=True,
      )


if __name__ == '__main__':
  main()
