"""Checkpoints: what is kept, what is restored, what damage does."""

import contextlib
import dataclasses
import functools
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jsr.errors import UserError
from jsr.train import checkpoint, recipe
from tests.train import small

METRIC = 'eval/photographs_x4/psnr_y'


@functools.cache
def state():
  return recipe.make(small.config()).init(jax.random.key(0))


def at(step: int):
  return dataclasses.replace(state(), step=jnp.asarray(step, jnp.int32))


def save_all(workdir, steps, scores=None, **options):
  with contextlib.closing(checkpoint.Checkpoints(workdir, **options)) as c:
    for step in steps:
      metrics = {METRIC: scores[step]} if scores else None
      c.save(at(step), {'step': step, 'rollbacks': 0}, metrics)
    c.wait()
    return c.steps


def test_latest_every_and_best_are_kept(tmp_path):
  scores = {1: 20.0, 2: 30.0, 3: 25.0, 4: 24.0, 5: 23.0, 6: 22.0, 7: 21.0}
  kept = save_all(tmp_path, scores, scores, keep=1, keep_every=5, best_metric=METRIC)
  assert kept == [2, 5, 7]
  step, _ = checkpoint.load_variables(tmp_path, which='best', best_metric=METRIC)
  assert step == 2
  step, _ = checkpoint.load_variables(tmp_path, which='latest', best_metric=METRIC)
  assert step == 7
  # A resumed run remembers the best of the run before.
  kept = save_all(tmp_path, [8], {8: 20.5}, keep=1, keep_every=5, best_metric=METRIC)
  assert kept == [2, 5, 8]


def test_restore_is_exact(tmp_path):
  save_all(tmp_path, [1, 2])
  with contextlib.closing(checkpoint.Checkpoints(tmp_path)) as c:
    got, position = c.restore(jax.device_get(state()))
  assert position == {'step': 2, 'rollbacks': 0}
  assert jax.tree.structure(got) == jax.tree.structure(at(2))
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(at(2)), strict=True):
    np.testing.assert_array_equal(a, b)
    assert a.dtype == b.dtype


def test_variables_for_use_are_the_averaged_ones(tmp_path):
  save_all(tmp_path, [1])
  _, variables = checkpoint.load_variables(tmp_path, best_metric='')
  assert set(variables) == {'params', 'batch_stats'}
  for a, b in zip(
    jax.tree.leaves(variables['params']), jax.tree.leaves(state().ema), strict=True
  ):
    np.testing.assert_array_equal(a, b)


def test_a_damaged_checkpoint_is_passed_over(tmp_path, caplog):
  save_all(tmp_path, [1, 2])
  for file in (tmp_path / checkpoint.FOLDER / '2' / 'state').rglob('*'):
    if file.is_file() and file.stat().st_size > 500:
      file.write_bytes(file.read_bytes()[:100])
  with contextlib.closing(checkpoint.Checkpoints(tmp_path)) as c:
    got, position = c.restore(jax.device_get(state()))
    assert int(got.step) == position['step'] == 1
    assert 'step 2 cannot be read' in caplog.text
    # Trained again, the step takes the place of the damaged one.
    c.save(at(2), {'step': 2, 'rollbacks': 0})
    c.wait()
    got, _ = c.restore(jax.device_get(state()))
    assert int(got.step) == 2


def test_half_written_checkpoints_do_not_count(tmp_path):
  save_all(tmp_path, [1])
  folder = tmp_path / checkpoint.FOLDER
  shutil.copytree(folder / '1', folder / '2.orbax-checkpoint-tmp')
  with contextlib.closing(checkpoint.Checkpoints(tmp_path)) as c:
    assert c.steps == [1]


def test_another_model_does_not_fit(tmp_path):
  save_all(tmp_path, [1])
  other = recipe.make(small.config(generator__args__features=4)).init(jax.random.key(0))
  with (
    contextlib.closing(checkpoint.Checkpoints(tmp_path)) as c,
    pytest.raises(UserError, match='fits this config'),
  ):
    c.restore(jax.device_get(other))


def test_nothing_to_load(tmp_path):
  with pytest.raises(UserError, match='has no checkpoints'):
    checkpoint.load_variables(tmp_path, best_metric='')
  (tmp_path / checkpoint.FOLDER).mkdir()
  with pytest.raises(UserError, match='no complete checkpoint yet'):
    checkpoint.load_variables(tmp_path, best_metric='')


def test_a_save_that_fails_is_told_and_the_next_one_works(tmp_path, monkeypatch):
  real, failures = ocp.CheckpointManager.save, [OSError(28, 'No space left')] * 3

  def full(self, *args, **kwargs):
    if failures:
      raise failures.pop()
    return real(self, *args, **kwargs)

  with contextlib.closing(checkpoint.Checkpoints(tmp_path)) as c:
    monkeypatch.setattr(ocp.CheckpointManager, 'save', full)
    # The second attempt is for a disk that has room again.
    assert c.save(at(1), {'step': 1}) == '[Errno 28] No space left'
    assert c.save(at(2), {'step': 2}) == '[Errno 28] No space left'
    assert c.save(at(3), {'step': 3}) == ''
    c.wait()
    assert c.steps == [2, 3]


def test_a_last_save_that_fails_ends_the_run_with_a_sentence(tmp_path, monkeypatch):
  save_all(tmp_path, [1])
  with contextlib.closing(checkpoint.Checkpoints(tmp_path)) as c:

    def full(self):
      raise OSError(28, 'No space left')

    monkeypatch.setattr(ocp.CheckpointManager, 'wait_until_finished', full)
    with pytest.raises(UserError, match=r'No space left\); that of step 1 is complete'):
      c.wait()
    monkeypatch.undo()
