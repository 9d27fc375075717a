"""Puts the parts of benchmarks/gpu.sh into one JSON, and prints the run's speed.

    python benchmarks/gather.py FOLDER FILE GPU

FILE has 'machine', 'gpu', 'train' (the rows of benchmarks/train.py, all workloads) and
'run': steps a second of `jsr train`, the median of its log's lines but the first, in
which it compiles, and the minutes of 10,000 steps.
"""

import json
import pathlib
import statistics
import sys

from jsr.evaluate import machine
from jsr.train import logs


def run_speed(workdir: pathlib.Path) -> dict | None:
  """Returns the speed of a run, or None where too little of it is logged."""
  records = logs.read(workdir / logs.FILE)
  rates = [r['steps_per_second'] for r in records if 'steps_per_second' in r][1:]
  if not rates:
    return None
  rate = statistics.median(rates)
  return {
    'config': 'configs/srgan.py',
    'steps_per_second': rate,
    'minutes_10000_steps': 1e4 / rate / 60,
  }


def gather(folder: pathlib.Path, gpu: str) -> dict:
  rows = []
  for part in sorted(folder.glob('train-*.json')):
    rows += json.loads(part.read_text())
  return {
    'machine': machine.describe('torch'),
    'gpu': gpu,
    'train': rows,
    'run': run_speed(folder / 'run'),
  }


def main() -> None:
  folder, file, gpu = sys.argv[1:]
  result = gather(pathlib.Path(folder), gpu)
  pathlib.Path(file).write_text(json.dumps(result, indent=2) + '\n')
  if run := result['run']:
    print(
      f'jsr train, {run["config"]}: {run["steps_per_second"]:.4g} steps a second,'
      f' {run["minutes_10000_steps"]:.3g} minutes for 10,000 steps'
    )
  else:
    print('jsr train: too little was logged for a speed')
  print(f'written: {file}')


if __name__ == '__main__':
  main()
