"""Training steps against PyTorch doing the same work: time, memory, share of the peak.

    python benchmarks/train.py [--workloads edsr,srgan,rrdb] [--rounds 5] [--steps N]
        [--batch N] [--patch P] [--device cpu|gpu] [--settings A;B;...]
        [--budget SECONDS] [--json FILE] [--quick] [--config.KEY=VALUE ...]

Workloads: `edsr`, EDSR-baseline x4 by L1; `srgan`, SRResNet and its discriminator, the
loss on VGG19's relu5_4 (all convolutions up to conv5_4, random weights), both updates
by Adam after one forward pass of the generator; `rrdb`, 23 blocks by L1. Each is the
config of that name; both sides have its networks, weights, batch and losses, and a
contender whose number of parameters or whose losses of the first two steps differ has
no row of numbers. The pairs are ready on the device: reading, augmentation and
degradation are left out on both sides. jsr's step also watches for non-finite numbers.

Each contender is a process of its own, and they take turns, so that a busy machine
slows all of them; a round is `--steps` steps in a row, with one wait at the end. The
first steps, which compile, are not counted. The yardstick of a precision is the faster
of PyTorch's eager and compiled forms; a ratio is of rounds, [least-most].

Memory on a CPU is the most that the process held while it stepped, libraries included;
on a GPU what the framework allocated there (JAX counts from its start, compilation
included). The peak is the fastest product of two matrices that either framework gave in
that precision, in the same rounds; operations are XLA's count of jsr's step for all. On
a GPU float32 is what both frameworks' convolutions do by default there, TF32.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import jax
import train_work
import worker

from jsr import errors
from jsr.evaluate import machine

# Batch on a CPU, where a step shall take seconds; on a GPU all have the papers' 16.
WORKLOADS = {'edsr': 16, 'srgan': 16, 'rrdb': 4}
PAPERS_BATCH = 16
TINY_BATCH = 2
# The most important first, as a budget may end before the last is ready.
CONTENDERS = (
  ('jsr', 'float32'),
  ('pytorch', 'float32'),
  ('jsr', 'bfloat16'),
  ('pytorch', 'bfloat16 autocast'),
  ('jsr', 'float32, 10 steps a dispatch'),
  ('jsr', 'bfloat16, 10 steps a dispatch'),
  ('pytorch', 'float32, compile'),
  ('pytorch', 'bfloat16 autocast, compile'),
)
# A gradient of a convolution within a scan is 50 times slower on a CPU.
GPU_ONLY = 'a dispatch'
QUICK = ('float32',)
# How far losses of the first and of the second step may differ, as a share. Float32 is
# TF32 on a GPU.
TOLERANCE = {'cpu': (1e-4, 1e-2), 'gpu': (3e-2, 1e-1)}
LOW_TOLERANCE = (5e-2, 3e-1)
# Share of the budget after which no further contender starts.
STARTING = 0.75
PAUSE = 0.3


def precision(setting: str) -> str:
  return 'bfloat16' if setting.startswith('bfloat16') else 'float32'


def differs(want: dict, got: dict, setting: str, device: str) -> str:
  """Says how another contender's work differs from jsr's; '' if it does not."""
  if want['parameters'] != got['parameters']:
    return f'parameters {got["parameters"]}, not {want["parameters"]}'
  low = precision(setting) == 'bfloat16'
  allowed = LOW_TOLERANCE if low else TOLERANCE[device]
  for number, (ours, theirs, share) in enumerate(
    zip(want['losses'], got['losses'], allowed, strict=True), 1
  ):
    for name, value in ours.items():
      # Also true of NaN.
      if name not in theirs or not abs(theirs[name] - value) <= share * abs(value):
        return f'{name} of step {number} is {theirs.get(name)}, not {value}'
  return ''


class Contender:
  """A framework and a setting, and what was measured of it."""

  def __init__(self, framework: str, setting: str):
    self.framework, self.setting = framework, setting
    self.seconds: list[float] = []
    self.rates: list[float] = []
    self.peak = 0
    self.why = ''
    self.process: worker.Worker | None = None

  def start(self, folder: pathlib.Path, device: str, limit: float | None) -> None:
    env = {'JAX_PLATFORMS': 'cuda' if device == 'gpu' else 'cpu'}
    if device == 'gpu':
      env['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'
    script = pathlib.Path(__file__).with_name('train_contenders.py')
    arguments = [self.framework, self.setting, str(folder)]
    self.process = worker.Worker(script, arguments, env, limit)

  def get_ready(self, yardstick: dict | None, device: str) -> dict | None:
    """Waits for the process; returns the facts that later ones are compared with."""
    if self.process is None:
      return yardstick
    facts = self.process.facts
    self.why = facts.get('why', '')
    if self.why or yardstick is None:
      return yardstick if self.why else facts
    if why := differs(yardstick, facts, self.setting, device):
      self.give_up(f'not the same work: {why}')
    return yardstick

  def give_up(self, why: str) -> None:
    self.why = why
    if self.process:
      self.process.close()

  def run(self, steps: int) -> None:
    answer = self.process.ask('run', steps)
    if not answer:
      self.give_up('ended in the middle')
      return
    if not self.seconds:  # The products of matrices come after it.
      self.peak = answer['peak_bytes']
    self.seconds.append(answer['seconds'])

  def multiply(self, size: int) -> None:
    answer = self.process.ask('peak', size)
    if not answer:
      self.give_up('ended in the middle')
      return
    self.rates.append(answer['rate'])


def chosen(device: str, settings: str | None, quick: bool) -> list[Contender]:
  """Returns the contenders that shall run, in their order."""
  names = [n.strip() for n in settings.split(';')] if settings else None
  made = []
  for framework, setting in CONTENDERS:
    if names is None:
      if quick and setting not in QUICK:
        continue
      if device == 'cpu' and GPU_ONLY in setting:
        continue
    elif setting not in names:
      continue
    made.append(Contender(framework, setting))
  return made


def race(name: str, args: argparse.Namespace, overrides: list[str]) -> list[dict]:
  """Runs the contenders of a workload by turns, prints the table, returns its rows."""
  begun = time.monotonic()
  device = args.device
  papers = PAPERS_BATCH if device == 'gpu' else WORKLOADS[name]
  batch = args.batch or (TINY_BATCH if args.quick else papers)
  steps = args.steps or (20 if device == 'gpu' else 1)
  size = args.product or (512 if args.quick else 8192 if device == 'gpu' else 2048)
  spec, overrides = train_work.load(
    name, batch=batch, patch=args.patch, tiny=args.quick, overrides=overrides
  )

  def left() -> float | None:
    return args.budget and args.budget - (time.monotonic() - begun)

  field = chosen(device, args.settings, args.quick)
  with tempfile.TemporaryDirectory() as made:
    folder = pathlib.Path(made)
    plan = train_work.write(folder, spec, overrides, device=device, steps=steps)
    patch = plan.config.data.patch_size
    workload = f'{name}{" tiny" if args.quick else ""} {batch}x{patch}x{patch}'
    flops = train_work.operations(plan)
    yardstick = None
    for each in field:
      if args.budget and left() < (1 - STARTING) * args.budget:
        each.why = 'the time was over before it started'
        continue
      # What a slow start takes is not there for the rounds.
      limit = args.budget and left() - (1 - STARTING) * args.budget / 2
      each.start(folder, device, limit)
      # Elsewhere the start of one would take memory and time from another's.
      if not args.quick:
        yardstick = each.get_ready(yardstick, device)
    if args.quick:
      for each in field:
        yardstick = each.get_ready(yardstick, device)
    rounds = 0
    while rounds < args.rounds and not (args.budget and rounds and left() < 0):
      rounds += 1
      for action, number in ((Contender.run, steps), (Contender.multiply, size)):
        for each in field:
          if not each.why:
            action(each, number)
            time.sleep(0 if device == 'gpu' else PAUSE)
    for each in field:
      if not each.why:
        each.process.close()
  rows = to_rows(workload, batch, flops, field)
  show(workload, flops, rounds, field, rows)
  return rows


def peaks(field: list[Contender]) -> dict[str, float]:
  """Operations a second of the fastest product of matrices, by precision."""
  best: dict[str, float] = {}
  for each in field:
    if each.rates:
      kind = precision(each.setting)
      best[kind] = max(best.get(kind, 0), *each.rates)
  return best


def to_rows(workload: str, batch: int, flops: float, field: list[Contender]):
  """Returns a row a contender; one without numbers says why."""
  best = peaks(field)
  rows = []
  for each in field:
    row = {
      'workload': workload,
      'framework': each.framework,
      'setting': each.setting,
      'median_seconds': None,
      'images_per_second': None,
      'peak_bytes': None,
      'fraction_of_peak': None,
    }
    if each.why or not each.seconds:
      row['why'] = each.why or 'no round'
    else:
      seconds = statistics.median(each.seconds)
      row['median_seconds'] = seconds
      row['images_per_second'] = batch / seconds
      row['peak_bytes'] = each.peak
      if precision(each.setting) in best:
        row['fraction_of_peak'] = flops / seconds / best[precision(each.setting)]
    rows.append(row)
  return rows


def against(field: list[Contender], kind: str) -> Contender | None:
  """PyTorch's faster form in a precision."""
  ready = [
    each
    for each in field
    if each.framework == 'pytorch'
    and precision(each.setting) == kind
    and each.seconds
    and not each.why
  ]
  return min(ready, key=lambda e: statistics.median(e.seconds), default=None)


def show(workload: str, flops: float, rounds: int, field, rows) -> None:
  """Prints the Markdown table."""
  rates = ', '.join(f'{k} {v / 1e12:.3g} TFLOP/s' for k, v in peaks(field).items())
  print(
    f'\n{workload}: {flops / 1e9:.4g} GFLOP a step, {rounds} rounds; peak: {rates}\n\n'
    '| framework | setting | seconds a step | images a second | 10,000 steps, minutes'
    ' | times as fast as PyTorch in this precision [least-most] | peak memory, MB'
    ' | fraction of peak |\n|---|---|---|---|---|---|---|---|'
  )
  for each, row in zip(field, rows, strict=True):
    start = f'| {each.framework} | {each.setting} |'
    if 'why' in row:
      print(f'{start} {row["why"]} | | | | | |')
      continue
    other, ratio = against(field, precision(each.setting)), ''
    if other:
      ratios = [b / s for b, s in zip(other.seconds, each.seconds, strict=True)]
      ratio = f'{statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]'
    share = row['fraction_of_peak']
    print(
      f'{start} {row["median_seconds"]:.4g} | {row["images_per_second"]:.4g}'
      f' | {1e4 * row["median_seconds"] / 60:.3g} | {ratio}'
      f' | {row["peak_bytes"] / 1e6:.0f} | {"" if share is None else f"{share:.2f}"} |',
      flush=True,
    )


def has_gpu() -> bool:
  """Whether there is an NVIDIA GPU; JAX is not asked, it would take memory there."""
  if shutil.which('nvidia-smi') is None:
    return False
  done = subprocess.run(['nvidia-smi', '-L'], capture_output=True, text=True)
  return done.returncode == 0 and 'GPU' in done.stdout


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--workloads', default=','.join(WORKLOADS))
  parser.add_argument('--rounds', type=int)
  parser.add_argument('--steps', type=int, help='a round; 1 on a CPU, 20 on a GPU')
  parser.add_argument('--batch', type=int, help='16; rrdb on a CPU 4')
  parser.add_argument('--patch', type=int, default=0, help="of HR; the config's")
  parser.add_argument('--product', type=int, help='side of the matrices of the peak')
  parser.add_argument('--device', choices=('cpu', 'gpu'))
  parser.add_argument('--settings', help="such as 'float32;bfloat16 autocast'")
  parser.add_argument(
    '--budget', type=float, metavar='SECONDS', help='that a workload may take'
  )
  parser.add_argument('--json', type=pathlib.Path, metavar='FILE')
  parser.add_argument('--quick', action='store_true', help='tiny networks, float32')
  args, rest = parser.parse_known_args()
  wrong = [a for a in rest if not a.startswith('--config.')]
  names = args.workloads.split(',')
  if unknown := [n for n in names if n not in WORKLOADS]:
    parser.error(f'unknown workload {unknown[0]}; there are {", ".join(WORKLOADS)}')
  if wrong:
    parser.error(f'unrecognized arguments: {" ".join(wrong)}')
  if args.settings:
    known = {setting for _, setting in CONTENDERS}
    for setting in args.settings.split(';'):
      if setting.strip() not in known:
        parser.error(f"unknown setting '{setting}'; there are {sorted(known)}")
  args.rounds = args.rounds or (2 if args.quick else 5)
  args.device = args.device or ('gpu' if has_gpu() else 'cpu')
  print(f'{machine.describe("torch")}; {args.device}', flush=True)
  rows = []
  for name in names:
    try:
      rows += race(name, args, rest)
    except errors.UserError as error:
      sys.exit(f'{name}: {error}')
    if args.json:  # After each: what is measured is not lost when time is over.
      args.json.write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
  # Here is only counting and the first weights; the devices are the contenders'.
  os.environ['JAX_PLATFORMS'] = 'cpu'
  jax.config.update('jax_platforms', 'cpu')
  main()
