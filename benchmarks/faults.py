"""What a training run survives: a table of faults, each made for real.

    python benchmarks/faults.py [--only kills,disk,...] [--kills 50] [--json FILE]

Every row trains the same short GAN (configs/srgan.py:mse,smoke) through `jsr train`,
breaks something, lets the run go on or starts it again, and compares the end with that
of an unbroken run: parameters, optimizer states and averages, bit for bit.

- kills: SIGKILL at random moments, as many as asked, then to the end
- checkpoint: the newest checkpoint cut to a hundred bytes a file
- disk: the disk of the workdir full for a while (a small tmpfs; needs root)
- picture: a picture of the data set damaged while the run goes on
- record: a byte of a record of a prepared data set changed, likewise
- worker: a worker process of the data pipeline killed
- process: one of two processes of a run killed, under launch/local.sh
- collapse: rates at which the game collapses, with the guard and without it
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import runs

from jsr.evaluate import machine

EVERY = 20  # Steps between checkpoints.
COMMON = (
  'train',
  '--config=configs/srgan.py:mse,smoke',
  '--config.optim.ema_decay=0.9',
  f'--config.checkpoint.every={EVERY}',
  '--config.eval.every=0',
  '--config.log.every=5',
  '--config.log.progress=False',
)


class Run:
  """One workdir and the processes that train in it."""

  def __init__(self, folder: pathlib.Path, steps: int, *more: str):
    self.folder = folder
    self.steps = steps
    self._more = more
    self.process: subprocess.Popen[str]

  def arguments(self) -> list[str]:
    return [
      *COMMON,
      f'--workdir={self.folder}',
      f'--config.train.max_steps={self.steps}',
      *self._more,
    ]

  def start(self) -> 'Run':
    self.process = runs.start([sys.executable, '-m', 'jsr.cli', *self.arguments()])
    return self

  def finish(self, status: int = 0) -> str:
    out, _ = self.process.communicate()
    if self.process.returncode != status:
      sys.exit(f'{self.folder}: status {self.process.returncode}\n{out[-2000:]}')
    return out

  def kill(self) -> None:
    os.killpg(self.process.pid, signal.SIGKILL)
    self.process.communicate()

  def records(self) -> list[dict[str, Any]]:
    from jsr.train import logs

    return logs.read(self.folder / logs.FILE)

  def events(self) -> list[str]:
    return [record['event'] for record in self.records() if 'event' in record]

  def step(self) -> int:
    return max((record['step'] for record in self.records()), default=0)

  def checkpoints(self) -> list[int]:
    folder = self.folder / 'checkpoints'
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())

  def reach(self, step: int) -> None:
    while self.step() < step:
      if self.process.poll() is not None:
        sys.exit(f'{self.folder} ended before step {step}: {self.finish()}')
      time.sleep(0.02)


def final_state(run: Run) -> Any:
  """Returns all that the last checkpoint holds, as arrays of the host."""
  import jax
  import numpy as np
  import orbax.checkpoint as ocp

  reader = ocp.PyTreeCheckpointer()
  path = run.folder / 'checkpoints' / str(run.steps) / 'state'
  tree = reader.metadata(path).item_metadata.tree
  args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
  return reader.restore(path, restore_args=args)


def difference(one: Run, two: Run) -> str:
  """Says how far the ends of two runs are apart."""
  import jax
  import numpy as np

  a, b = final_state(one), final_state(two)
  pairs = list(zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
  if all(np.array_equal(x, y) for x, y in pairs):
    return 'equal to the bit'
  largest = max(float(np.max(np.abs(np.subtract(x, y, dtype='d')))) for x, y in pairs)
  return f'differs by {largest:.2g} at most'


Row = tuple[str, str, str]


def kills(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  unbroken = Run(folder / 'unbroken', args.kill_steps).start()
  unbroken.finish()
  rng = random.Random(0)
  broken = Run(folder / 'broken', args.kill_steps)
  done, lost, moments = 0, 0, []
  while done < args.kills:
    broken.start()
    try:
      # Long enough to get on, short enough to be killed at every stage of a start.
      broken.process.wait(timeout=rng.uniform(0.0, args.kill_within))
    except subprocess.TimeoutExpired:
      pass
    else:
      broken.finish()
      sys.exit(f'over after {done} kills: more --kill-steps')
    broken.kill()
    done += 1
    step, kept = broken.step(), max(broken.checkpoints(), default=0)
    moments.append(step)
    lost = max(lost, step - kept)
  broken.start().finish()
  return (
    f'SIGKILL, {done} times within {args.kill_within:g} s of a start, at'
    f' {len(set(moments))} different steps up to {max(moments)}',
    f'each start went on from the last complete checkpoint; at most {lost} logged steps'
    f' lost at once, with a checkpoint every {EVERY}',
    difference(broken, unbroken),
  )


def checkpoint(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  unbroken = Run(folder / 'unbroken', 60).start()
  unbroken.finish()
  broken = Run(folder / 'broken', 60).start()
  broken.reach(25)
  while len(broken.checkpoints()) < 2:  # Written in the background.
    time.sleep(0.02)
  broken.kill()
  newest = broken.checkpoints()[-1]
  for file in (broken.folder / 'checkpoints' / str(newest) / 'state').rglob('*'):
    if file.is_file():
      file.write_bytes(file.read_bytes()[:100])
  broken.start().finish()
  (resumed,) = [e for e in broken.events() if e.startswith('resumed')]
  return (
    f'newest checkpoint (step {newest}) cut to 100 bytes a file',
    f'{resumed}, the one before it',
    difference(broken, unbroken),
  )


def disk(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  unbroken = Run(folder / 'unbroken', 200).start()
  unbroken.finish()
  mount = folder / 'small'
  mount.mkdir()
  command = ['mount', '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', str(mount)]
  if subprocess.run(command, capture_output=True).returncode:
    return 'disk full', 'not tried: mounting a small disk needs root', ''
  try:
    broken = Run(mount / 'broken', 200).start()
    broken.reach(45)
    filler = mount / 'filler'
    try:
      with filler.open('wb') as file:
        while True:
          file.write(bytes(2**16))
    except OSError:
      pass
    with contextlib.suppress(subprocess.TimeoutExpired):
      broken.process.wait(timeout=20)
    alive = broken.process.poll() is None
    filler.unlink()
    if alive:
      out = broken.finish()
      how = 'the run went on without checkpoints, and with them once there was room'
    else:
      out = broken.finish(status=2)
      broken.start().finish()
      how = f'the run ended with "{out.strip().splitlines()[-1]}" and resumed'
    shutil.copytree(mount / 'broken', folder / 'broken')
  finally:
    subprocess.run(['umount', '-l', str(mount)], check=False)
  # Said on the terminal: the log is on the same disk.
  told = out.count('could not be written')
  gaps = out.count('has gaps')
  return (
    'disk full for 20 s',
    f'{how}; it told of {told} checkpoints and {gaps} gaps of the log',
    difference(Run(folder / 'broken', 200), unbroken),
  )


def noise(folder: pathlib.Path) -> pathlib.Path:
  """Writes eight pictures; returns their folder."""
  import numpy as np
  from PIL import Image

  pictures = folder / 'pictures'
  pictures.mkdir()
  rng = np.random.default_rng(0)
  for i in range(8):
    made = rng.integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(made).save(pictures / f'{i}.png')
  return pictures


def picture(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  pictures = noise(folder)
  more = (f'--config.data.source={pictures}', '--config.data.pipeline=grain')
  broken = Run(folder / 'broken', 120, *more).start()
  broken.reach(10)
  (pictures / '3.png').write_bytes((pictures / '3.png').read_bytes()[:200])
  broken.finish()
  (told,) = [e for e in broken.events() if 'replaced' in e]
  return 'picture cut short in the middle of a run', f'"{told}"; the run ended well', ''


def record(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  crops = folder / 'crops'
  subprocess.run(
    [sys.executable, '-m', 'jsr.cli', 'prepare', str(noise(folder)), '-o', str(crops)],
    cwd=runs.ROOT,
    check=True,
    capture_output=True,
  )
  more = (f'--config.data.source=records:{crops}', '--config.data.pipeline=grain')
  broken = Run(folder / 'broken', 120, *more).start()
  broken.reach(10)
  shard = max(crops.glob('*.array_record'), key=lambda path: path.stat().st_size)
  content = bytearray(shard.read_bytes())
  # Pixels of a record in the middle; its header is left alone.
  content[len(content) // 2] ^= 0xFF
  shard.write_bytes(content)
  broken.finish()
  told = [e for e in broken.events() if 'replaced' in e]
  return (
    'byte of a prepared record changed in the middle of a run',
    f'"{told[0]}"; the run ended well' if told else 'nothing was said',
    '',
  )


def worker(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  more = ('--config.data.pipeline=grain', '--config.data.workers=2')
  unbroken = Run(folder / 'unbroken', 120, *more).start()
  unbroken.finish()
  broken = Run(folder / 'broken', 120, *more).start()
  broken.reach(20)
  workers = subprocess.run(
    ['pgrep', '-P', str(broken.process.pid), '-f', 'spawn_main'],
    capture_output=True,
    text=True,
  ).stdout.split()
  os.kill(int(workers[-1]), signal.SIGKILL)
  broken.finish()
  told = [e for e in broken.events() if 'worker' in e]
  return (
    'worker process of the data pipeline killed',
    f'"{told[0].split(" (")[0]}"' if told else 'nothing was said',
    difference(broken, unbroken),
  )


def process(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  unbroken, broken = Run(folder / 'unbroken', 60), Run(folder / 'broken', 60)
  bin_folder = pathlib.Path(sys.executable).parent
  for run in (unbroken, broken):
    _, config, *rest = run.arguments()
    rest = [word for word in rest if not word.startswith('--workdir')]
    run.process = runs.start(
      [
        *('bash', 'launch/local.sh', '-n', '2'),
        *(config.partition('=')[2], str(run.folder), *rest),
      ],
      {
        'PATH': f'{bin_folder}:{os.environ["PATH"]}',
        'RESTART_DELAY': '0',
        'GRACE': '1',
      },
    )
    if run is unbroken:
      run.finish()
  broken.reach(25)
  children = subprocess.run(
    ['pgrep', '-P', str(broken.process.pid)], capture_output=True, text=True
  ).stdout.split()
  os.kill(int(children[-1]), signal.SIGKILL)
  out = broken.finish()
  restarted = out.count('restart 1')
  (resumed,) = [e for e in broken.events() if e.startswith('resumed')]
  return (
    'one of two processes killed (launch/local.sh -n 2)',
    f'the other was ended, {restarted} restart, {resumed}',
    difference(broken, unbroken),
  )


def collapse(folder: pathlib.Path, args: argparse.Namespace) -> Row:
  first = Run(folder / 'first', 300, '--config=configs/compact.py:x4,smoke')
  first.start().finish()
  # A thousand times the rate of the recipe, and a game that outweighs the picture.
  wild = (
    '--config=configs/compact.py:x4,gan,smoke',
    f'--config.init_from={first.folder}',
    '--config.optim.generator.learning_rate=0.1',
    '--config.optim.generator.clip_norm=0.0',
    # Else the figures are those of an average, which is late.
    '--config.optim.ema_decay=0.0',
    '--config.losses.adversarial_weight=10.0',
    '--config.eval.every=10',
    '--config.eval.limit=0',
    '--config.checkpoint.best_metric=psnr_y',
    '--config.guard.max_rollbacks=5',
  )
  plain = Run(folder / 'plain', 200, *wild).start()
  plain.finish()
  guarded = Run(
    folder / 'guarded', 200, *wild, '--config.guard.drop=2.0', '--config.guard.cut=0.1'
  ).start()
  guarded.finish()

  def figures(run: Run) -> list[float]:
    name = 'eval/photographs_x4/psnr_y'
    return [record[name] for record in run.records() if name in record]

  rollbacks = [e for e in guarded.events() if 'rolled back' in e]
  without, with_it = figures(plain), figures(guarded)
  return (
    'a game at a thousand times the rate of its recipe',
    f'{len(rollbacks)} rollbacks, the first: "{rollbacks[0]}"' if rollbacks else 'none',
    f'ends at {with_it[-1]:.2f} dB with the guard (best {max(with_it):.2f}), at'
    f' {without[-1]:.2f} dB without it (best {max(without):.2f})',
  )


FAULTS: dict[str, Callable[[pathlib.Path, argparse.Namespace], Row]] = {
  'kills': kills,
  'checkpoint': checkpoint,
  'disk': disk,
  'picture': picture,
  'record': record,
  'worker': worker,
  'process': process,
  'collapse': collapse,
}


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--only', default=','.join(FAULTS))
  parser.add_argument('--kills', type=int, default=50)
  parser.add_argument('--kill-within', type=float, default=25.0, metavar='SECONDS')
  parser.add_argument('--kill-steps', type=int, default=3000)
  parser.add_argument('--json', type=pathlib.Path, metavar='FILE')
  args = parser.parse_args()
  unknown = set(args.only.split(',')) - set(FAULTS)
  if unknown:
    parser.error(f'--only takes {", ".join(FAULTS)}')
  rows = []
  print(machine.describe())
  print('\n| fault | what happened | end |\n|---|---|---|')
  for name in args.only.split(','):
    with tempfile.TemporaryDirectory() as folder:
      row = FAULTS[name](pathlib.Path(folder), args)
    print('| ' + ' | '.join(row) + ' |', flush=True)
    rows.append(dict(zip(('fault', 'happened', 'end'), row, strict=True)))
  if args.json:
    args.json.write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
  main()
