"""The promise of the loop: killed and resumed equals unbroken, bit for bit."""

import json
import pathlib
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jsr.train import checkpoint, logs
from tests import conftest

STEPS = 16


def environment() -> dict[str, str]:
  env = conftest.without_torch()
  env['XLA_FLAGS'] = conftest.QUICK_XLA  # One device, as a user has.
  return env


def start(workdir: pathlib.Path, source: str, *overrides: str) -> subprocess.Popen:
  command = [
    *(sys.executable, '-m', 'jsr.cli', 'train'),
    *('--config', 'configs/srgan.py:mse,smoke', '--workdir', str(workdir)),
    f'--config.data.pipeline={source}',
    f'--config.train.max_steps={STEPS}',
    # The discriminator's gradients are slow on a CPU without XLA's optimisations, and
    # small ones are resumed no otherwise.
    '--config.data.batch_size=2',
    '--config.data.patch_size=16',
    '--config.optim.ema_decay=0.9',
    '--config.checkpoint.every=4',
    # Evaluation is a program more in each of the processes.
    '--config.eval.sets=()',
    '--config.log.every=1',
    *overrides,
  ]
  return subprocess.Popen(
    command,
    cwd=conftest.ROOT,
    env=environment(),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def finish(process: subprocess.Popen) -> tuple[str, str]:
  out, err = process.communicate(timeout=300)
  assert process.returncode == 0, err
  return out, err


def final_state(workdir: pathlib.Path):
  reader = ocp.PyTreeCheckpointer()
  path = workdir / checkpoint.FOLDER / str(STEPS) / 'state'
  tree = reader.metadata(path).item_metadata.tree
  args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
  return reader.restore(path, restore_args=args)


def last_step(workdir: pathlib.Path) -> int:
  return max((r['step'] for r in logs.read(workdir / logs.FILE)), default=0)


@pytest.mark.parametrize('source', ['resident', 'grain'])
def test_kill_9_and_resume_equals_unbroken(source, tmp_path):
  unbroken = start(tmp_path / 'unbroken', source)
  finish(unbroken)
  broken = start(tmp_path / 'broken', source)
  # Somewhere between the first checkpoint and the end, in the middle of anything.
  target = random.randrange(5, STEPS - 7)
  first = tmp_path / 'broken' / checkpoint.FOLDER / '4'
  deadline = time.monotonic() + 240
  while broken.poll() is None and (
    last_step(tmp_path / 'broken') < target or not first.is_dir()
  ):
    assert time.monotonic() < deadline
    time.sleep(0.005)
  broken.kill()
  broken.communicate()
  assert broken.returncode == -signal.SIGKILL, 'the run ended before it was killed'
  assert not (tmp_path / 'broken' / checkpoint.FOLDER / str(STEPS)).exists()

  finish(start(tmp_path / 'broken', source))
  events = [
    r['event'] for r in logs.read(tmp_path / 'broken' / logs.FILE) if 'event' in r
  ]
  assert any(e.startswith('resumed at step') for e in events), f'killed near {target}'
  want, got = final_state(tmp_path / 'unbroken'), final_state(tmp_path / 'broken')
  names = {'generator', 'discriminator', 'ema', 'step', 'skipped', 'streak'}
  assert set(got) == set(want) == names
  assert int(got['step']) == STEPS
  assert jax.tree.structure(got) == jax.tree.structure(want)
  for (path, a), b in zip(
    jax.tree_util.tree_leaves_with_path(got), jax.tree.leaves(want), strict=True
  ):
    name = jax.tree_util.keystr(path)
    np.testing.assert_array_equal(a, b, err_msg=f'{name}, killed near step {target}')
  # And so is the record: each step once, in order, with the same losses.
  one, two = (
    {
      r['step']: r['g/total']
      for r in logs.read(tmp_path / d / logs.FILE)
      if 'g/total' in r
    }
    for d in ('unbroken', 'broken')
  )
  assert one == two


def test_sigterm_saves_and_exits_0(tmp_path):
  process = start(tmp_path / 'run', 'resident', '--config.train.max_steps=100000')
  deadline = time.monotonic() + 240
  while last_step(tmp_path / 'run') < 4 and process.poll() is None:
    assert time.monotonic() < deadline
    time.sleep(0.01)
  process.send_signal(signal.SIGTERM)
  out, _ = finish(process)
  assert '(signal)' in out
  step = int(out.split('step ')[1].split()[0])
  assert (tmp_path / 'run' / checkpoint.FOLDER / str(step)).is_dir()
  record = logs.read(tmp_path / 'run' / logs.FILE)[-1]
  assert record == {
    'step': step,
    'event': f'stopped at step {step}: asked to by a signal; start again to resume',
  }
  json.loads((tmp_path / 'run' / 'config.json').read_text())
