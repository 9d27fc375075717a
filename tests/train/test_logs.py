"""Logs: means over the steps that counted, and files without folds."""

import contextlib
import json
import math
import pathlib

import jax.numpy as jnp
import pytest

from jsr.train import logs


def test_skipped_steps_do_not_count():
  mean = logs.accumulate(
    None, {'g/pixel': jnp.asarray([1.0, 0.0]), 'skipped': jnp.asarray([0.0, 1.0])}
  )
  mean = logs.accumulate(
    mean, {'g/pixel': jnp.asarray([3.0]), 'skipped': jnp.asarray([0.0])}
  )
  got = mean.compute()
  assert got == {'g/pixel': pytest.approx(2.0), 'skipped': 1.0}


def test_all_skipped_is_no_division_by_zero():
  mean = logs.accumulate(
    None, {'g/pixel': jnp.asarray([0.0]), 'skipped': jnp.asarray([1.0])}
  )
  got = mean.compute()
  assert math.isnan(got['g/pixel'])  # Not 0, the best-looking loss of all.
  assert got['skipped'] == 1.0


def test_resuming_drops_what_came_after_the_checkpoint(tmp_path):
  with contextlib.closing(logs.Logs(tmp_path, step=0, total=9, progress=False)) as log:
    for step in (1, 2, 3):
      log.write(step, {'loss': step, 'bad': float('nan')})
  # A kill in the middle of a line.
  with (tmp_path / logs.FILE).open('a') as file:
    file.write('{"step": 4, "lo')
  assert [r['step'] for r in logs.read(tmp_path / logs.FILE)] == [1, 2, 3]
  with contextlib.closing(logs.Logs(tmp_path, step=2, total=9, progress=False)) as log:
    log.event(2, 'resumed')
    log.write(3, {'loss': 30.0})
  lines = [json.loads(x) for x in (tmp_path / logs.FILE).read_text().splitlines()]
  assert [r['step'] for r in lines] == [1, 2, 2, 3]
  assert lines[0] == {'step': 1, 'loss': 1, 'bad': None}
  assert lines[2]['event'] == 'resumed'
  assert lines[3]['loss'] == 30.0
  with contextlib.closing(logs.Logs(tmp_path, step=3, total=9, progress=False)) as log:
    log.event(3, 'rolled back')
    log.rewind(1)
    log.write(2, {'loss': 20.0})
  lines = [json.loads(x) for x in (tmp_path / logs.FILE).read_text().splitlines()]
  assert [(r['step'], 'event' in r) for r in lines] == [
    (1, False),
    (2, True),
    (3, True),
    (2, False),
  ]
  assert list((tmp_path / 'tensorboard').glob('events*'))


@pytest.mark.skipif(not pathlib.Path('/dev/full').exists(), reason='needs /dev/full')
def test_a_full_disk_is_said_once(tmp_path, capsys):
  """tensorboardX's own writer would hang after its tenth event."""
  with contextlib.closing(logs.Logs(tmp_path, step=0, total=9, progress=False)) as log:
    log.write(1, {'loss': 1.0})
    whole = log._file
    with contextlib.suppress(OSError), open('/dev/full', 'w', buffering=1) as full:
      log._file = full
      for step in range(2, 40):
        log.write(step, {'loss': 1.0})
    log._file = whole  # Somebody made room, after a part of a line.
    whole.write('{"step": 39, "lo')
    log.write(40, {'loss': 1.0})
  assert [r['step'] for r in logs.read(tmp_path / logs.FILE)] == [1, 40]
  err = capsys.readouterr().err
  assert err.count('has gaps: [Errno 28]') == 1
