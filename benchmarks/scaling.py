"""Weak scaling on virtual devices, and what 8 to 1,024 GPUs may be expected to do.

    python benchmarks/scaling.py --virtual [--workload srgan] [--batch 2] [--rounds 5]
        [--devices 1,2,4,8] [--backends shard_map,jit] [--full] [--json FILE]
    python benchmarks/scaling.py --analysis [--gpus 1,8,...] [--results FILE]
        [--peak 790 --fraction 0.25] [--nvlink 450] [--network 50]

`--virtual` divides one machine's cores among n devices, a process for each n, each
device with the same batch: n devices have n times the work and the same cores. A time
over n times that of one device is thus the price of dividing and of exchanging in
memory; 1.0 is free. It says nothing of networks. The bytes that the compiled step
all-reduces stand beside those of the formula in traffic.py.

`--analysis` divides bytes by the links' speed and adds the delays. The step's time is
the best of jsr's in a JSON of benchmarks/train.py on a GPU, benchmarks/results/gpu-*,
where there is one; else operations over an assumed share of an assumed peak.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
from typing import Any

import traffic
import train_work
import worker

from jsr.evaluate import machine

HERE = pathlib.Path(__file__).resolve().parent
WORKLOADS = ('edsr', 'srgan', 'rrdb')
PAPERS_BATCH = 16


def devices_flag(n: int) -> str:
  """XLA_FLAGS with n virtual devices, whatever number was asked for before."""
  kept = os.environ.get('XLA_FLAGS', '').split()
  name = '--xla_force_host_platform_device_count'
  kept = [flag for flag in kept if not flag.startswith(name)]
  return ' '.join([*kept, f'{name}={n}'])


def compiled(plan, backend: str, devices: list[Any]):
  """Returns the compiled step of a global batch, and arguments for it."""
  import jax
  import numpy as np

  from jsr.train import parallel

  n = plan.config.data.batch_size
  spread = parallel.make(backend, n, devices)
  given = {**train_work.pairs(plan), 'index': np.arange(n, dtype=np.int32)}
  batch = spread.place({name: x[None] for name, x in given.items()})
  state = spread.replicate(plan.init(jax.random.key(0)))
  key = spread.key(0)
  step = spread.compile(train_work.make_step(plan))
  return step.lower(state, batch, key).compile(), (state, batch, key)


def start():
  """A worker: its arguments are a config, its overrides, and the backend."""
  spec, overrides, backend = sys.argv[2:]
  from jsr.train import parallel, recipe, settings

  parallel.configure_for_training()
  import jax

  plan = recipe.make(settings.load(spec, json.loads(overrides)))
  step, (state, batch, key) = compiled(plan, backend, jax.devices())
  got, count = traffic.in_code(step.as_text())
  facts = {'bytes': got, 'count': count, 'formula': traffic.by_formula(plan).total}

  def run() -> dict[str, float]:
    nonlocal state

    def once():
      nonlocal state
      state, _ = jax.block_until_ready(step(state, batch, key))

    return {'seconds': worker.timed(once)}

  for _ in range(2):
    run()
  return facts, {'run': run}


def virtual(args: argparse.Namespace) -> list[dict]:
  """Measures, prints the table, returns its rows."""
  counts = [int(n) for n in args.devices.split(',')]
  runs = []
  for backend in args.backends.split(','):
    for n in counts:
      spec, overrides = train_work.load(
        args.workload, batch=n * args.batch, patch=args.patch, tiny=not args.full
      )
      arguments = ['--worker', spec, json.dumps([*overrides, *args.overrides]), backend]
      env = {'XLA_FLAGS': devices_flag(n), 'JAX_PLATFORMS': 'cpu'}
      made = worker.Worker(pathlib.Path(__file__), arguments, env)
      if made.facts['ready']:
        runs.append((backend, n, made, []))
      else:
        print(f'{backend}, {n} devices: left out, {made.facts["why"]}', flush=True)
  for _ in range(args.rounds):
    for _, _, made, seconds in runs:
      seconds.append(made.ask('run')['seconds'])
  print(
    f'\n{args.workload}{"" if args.full else ", smoke form"}, {args.batch} patches a'
    f' device, {args.rounds} rounds\n\n| form | devices | seconds a step | over n times'
    ' one device [least-most] | all-reduces | bytes reduced | by formula |\n'
    '|---|---|---|---|---|---|---|'
  )
  rows = []
  for backend, n, made, seconds in runs:
    made.close()
    alone = next((s for b, m, _, s in runs if (b, m) == (backend, 1)), None)
    ratio = ''
    if alone:
      ratios = [t / (n * base) for t, base in zip(seconds, alone, strict=True)]
      ratio = f'{statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]'
    facts = made.facts
    # One device has nobody to exchange with, whatever its code says.
    got, formula, count = (
      facts[name] if n > 1 else 0 for name in ('bytes', 'formula', 'count')
    )
    print(
      f'| {backend} | {n} | {statistics.median(seconds):.4g} | {ratio}'
      f' | {count} | {got:,} | {formula:,} |',
      flush=True,
    )
    rows.append(
      {
        'workload': args.workload,
        'form': backend,
        'devices': n,
        'median_seconds': statistics.median(seconds),
        'bytes_reduced': got,
        'bytes_by_formula': formula,
      }
    )
  return rows


def measured(name: str, results: pathlib.Path | None) -> tuple[float, str] | None:
  """Returns seconds of jsr's fastest step in a run on a GPU, and where they stand."""
  # Names end with the date.
  found = sorted(HERE.glob('results/gpu-*.json'), key=lambda path: path.stem[-10:])
  files = [results] if results else found
  for file in reversed(files):
    content = json.loads(file.read_text())
    rows = content['train'] if isinstance(content, dict) else content
    rows = [
      row
      for row in rows
      if row['framework'] == 'jsr'
      and row['workload'].split()[0] == name
      and 'tiny' not in row['workload']
      and f' {PAPERS_BATCH}x' in row['workload']
      and row['median_seconds']
    ]
    if rows:
      best = min(rows, key=lambda row: row['median_seconds'])
      return best['median_seconds'], f'{file.name}, {best["setting"]}'
  return None


def analysis(args: argparse.Namespace) -> None:
  """Prints a table a workload."""
  import jax

  from jsr.train import recipe, settings

  jax.config.update('jax_platforms', 'cpu')
  links = traffic.Links(inside=1e9 * args.nvlink, between=1e9 * args.network)
  shared = traffic.Links(
    inside=links.inside, between=links.between / links.node, node=links.node
  )
  print(
    f'links: {args.nvlink:g} GB/s a GPU inside a machine of {links.node}, then'
    f' {args.network:g} GB/s a GPU, or a machine; {1e6 * links.inside_delay:g} and'
    f' {1e6 * links.between_delay:g} us a message'
  )
  for name in args.workloads.split(','):
    spec, overrides = train_work.load(name, batch=PAPERS_BATCH, patch=0, tiny=False)
    plan = recipe.make(settings.load(spec, overrides))
    cost, flops = traffic.by_formula(plan), train_work.operations(plan)
    known = measured(name, args.results)
    seconds = flops / (args.fraction * args.peak * 1e12)
    source = f'{flops / 1e9:.4g} GFLOP at {args.fraction:g} of {args.peak:g} TFLOP/s'
    if known:
      seconds, source = known
    size = plan.config.data.patch_size
    print(
      f'\n{name}, {PAPERS_BATCH} patches of {size} x {size} a GPU:'
      f' {1e3 * seconds:.3g} ms a step ({source}); reduced a step: gradients'
      f' {cost.gradients / 1e6:.4g} MB, batch norm {cost.statistics / 1e6:.3g} MB in'
      f' {cost.waits} reductions\n\n| GPUs | gradients, ms | batch norm, ms | share of'
      ' the time that is computing | and if the gradients hide behind it | one link a'
      ' machine | images a second |\n|---|---|---|---|---|---|---|'
    )
    for n in (int(n) for n in args.gpus.split(',')):
      gradients, norm = traffic.exchange(cost, n, links)
      whole = seconds + gradients + norm
      # Half of a step at least is backward passes, which the reduction may follow.
      hidden = seconds + max(0.0, gradients - seconds / 2) + norm
      slow = seconds + sum(traffic.exchange(cost, n, shared))
      print(
        f'| {n:,} | {1e3 * gradients:.3g} | {1e3 * norm:.3g} | {seconds / whole:.2f}'
        f' | {seconds / hidden:.2f} | {seconds / slow:.2f}'
        f' | {n * PAPERS_BATCH / whole:,.0f} |'
      )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--virtual', action='store_true')
  parser.add_argument('--workload', default='srgan', choices=WORKLOADS)
  parser.add_argument('--batch', type=int, default=2, help='a device')
  parser.add_argument('--patch', type=int, default=0, help="of HR; the config's")
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--devices', default='1,2,4,8')
  parser.add_argument('--backends', default='shard_map,jit')
  parser.add_argument('--full', action='store_true', help='not the smoke form')
  parser.add_argument('--json', type=pathlib.Path, metavar='FILE')
  parser.add_argument('--analysis', action='store_true')
  parser.add_argument('--workloads', default=','.join(WORKLOADS))
  parser.add_argument('--gpus', default='1,8,16,32,64,128,256,512,1024')
  parser.add_argument('--results', type=pathlib.Path, metavar='FILE')
  parser.add_argument('--peak', type=float, default=790, help='TFLOP/s')
  parser.add_argument('--fraction', type=float, default=0.25)
  parser.add_argument('--nvlink', type=float, default=450, help='GB/s a GPU')
  parser.add_argument('--network', type=float, default=50, help='GB/s a GPU')
  args, args.overrides = parser.parse_known_args()
  if wrong := [a for a in args.overrides if not a.startswith('--config.')]:
    parser.error(f'unrecognized arguments: {" ".join(wrong)}')
  if not (args.virtual or args.analysis):
    parser.error('give --virtual, --analysis, or both')
  print(machine.describe(), flush=True)
  if args.virtual:
    rows = virtual(args)
    if args.json:
      args.json.write_text(json.dumps(rows, indent=2) + '\n')
  if args.analysis:
    analysis(args)


if __name__ == '__main__':
  if '--worker' in sys.argv:
    worker.serve(start)
  else:
    main()
