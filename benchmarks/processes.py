"""Whether several processes train what one process trains: their loss curves compared.

    python benchmarks/processes.py [--recipes "pixel;gan"] [--steps 200] [--json FILE]

Every run has four virtual devices in all and the same seed, and logs each step's loss:
one process of four devices, two of two, four of one, and four of one that stop half-way
and go on as two of two. What is told is the largest difference of their losses from
those of the one process, as a share of the loss, and of the last parameters, as a share
of their network's largest. Sums are taken in another order, so they differ by rounding;
Adam, which divides by the root of a mean square, makes more of it, and a game more yet.
"""

import argparse
import json
import pathlib
import socket
import sys
import tempfile
from typing import Any

import runs

from jsr.evaluate import machine

RECIPES: dict[str, tuple[str, ...]] = {
  'pixel': (
    '--config=configs/compact.py:x4,smoke',
    # A rate that follows the length of the run would tell a stop half-way.
    '--config.optim.generator.schedule=constant',
  ),
  'pixel, SGD': (
    '--config=configs/compact.py:x4,smoke',
    '--config.optim.generator.name=sgd',
    '--config.optim.generator.learning_rate=1e-2',
    '--config.optim.generator.schedule=constant',
  ),
  'gan': ('--config=configs/srgan.py:mse,smoke',),
}
DEVICES = 4
FIELDS = ('recipe', 'processes', 'loss', 'at_step', 'parameters', 'last_loss')


def train(workdir: pathlib.Path, processes: int, steps: int, recipe: str) -> None:
  """Runs `processes` processes to the end; leaves with their words if one fails."""
  with socket.socket() as s:
    s.bind(('localhost', 0))
    port = s.getsockname()[1]
  arguments = [
    *('train', *RECIPES[recipe], f'--workdir={workdir}'),
    f'--config.train.max_steps={steps}',
    '--config.data.batch_size=8',
    '--config.log.every=1',
    '--config.log.progress=False',
    '--config.eval.every=0',
    '--config.eval.limit=3',
    '--config.checkpoint.every=0',
  ]
  started = [
    runs.start(
      [sys.executable, '-m', 'jsr.cli', *arguments],
      {
        'XLA_FLAGS': f'--xla_force_host_platform_device_count={DEVICES // processes}',
        'JSR_PROCESSES': str(processes),
        'JSR_PROCESS': str(i),
        'JSR_COORDINATOR': f'localhost:{port}',
      },
    )
    for i in range(processes)
  ]
  texts = [process.communicate()[0] for process in started]
  for process, text in zip(started, texts, strict=True):
    if process.returncode:
      sys.exit(f'status {process.returncode}: {text[-2000:]}')


def losses(workdir: pathlib.Path) -> dict[int, float]:
  """Returns {step: the generator's whole loss}."""
  from jsr.train import logs

  records = logs.read(workdir / logs.FILE)
  return {r['step']: r['g/total'] for r in records if 'g/total' in r}


def parameters(workdir: pathlib.Path) -> list[Any]:
  import jax

  from jsr.train import checkpoint

  _, variables = checkpoint.load_variables(workdir, which='latest', best_metric='')
  return jax.tree.leaves(variables['params'])


def compare(name: str, recipe: str, one: pathlib.Path, other: pathlib.Path) -> dict:
  """Returns a row."""
  import numpy as np

  a, b = losses(one), losses(other)
  if a.keys() != b.keys():
    sys.exit(f'{recipe}, {name}: steps {sorted(a.keys() ^ b.keys())} are in one only')
  shares = {step: abs(b[step] - a[step]) / abs(a[step]) for step in a}
  worst = max(shares, key=lambda step: shares[step])
  first, second = parameters(one), parameters(other)
  largest = max(float(np.max(np.abs(x))) for x in first)
  apart = max(
    float(np.max(np.abs(np.subtract(x, y)))) for x, y in zip(first, second, strict=True)
  )
  row = (recipe, name, shares[worst], worst, apart / largest, b[max(b)])
  return dict(zip(FIELDS, row, strict=True))


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument(
    '--recipes', default=';'.join(RECIPES), help="such as 'pixel;gan'"
  )
  parser.add_argument('--steps', type=int, default=200)
  parser.add_argument('--json', type=pathlib.Path, metavar='FILE')
  args = parser.parse_args()
  names = args.recipes.split(';')
  if unknown := set(names) - set(RECIPES):
    parser.error(f'unknown recipe {unknown.pop()}; there are {"; ".join(RECIPES)}')
  print(
    f'{machine.describe()}\n\n{args.steps} steps\n\n| recipe | processes x devices'
    ' | loss, largest difference | at step | parameters | last loss |\n'
    '|---|---|---|---|---|---|'
  )
  rows = []
  for recipe in names:
    with tempfile.TemporaryDirectory() as made:
      folder = pathlib.Path(made)
      train(folder / 'one', 1, args.steps, recipe)
      plans = {
        '2 x 2': ((2, args.steps),),
        '4 x 1': ((4, args.steps),),
        f'4 x 1 to step {args.steps // 2}, then 2 x 2': (
          (4, args.steps // 2),
          (2, args.steps),
        ),
      }
      for name, parts in plans.items():
        for processes, steps in parts:
          train(folder / name, processes, steps, recipe)
        row = compare(name, recipe, folder / 'one', folder / name)
        print(
          f'| {recipe} | {name} | {row["loss"]:.1e} | {row["at_step"]}'
          f' | {row["parameters"]:.1e} | {row["last_loss"]:.6g} |',
          flush=True,
        )
        rows.append(row)
  if args.json:
    args.json.write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
  main()
