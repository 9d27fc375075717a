"""The loop: what it leaves behind, and what it does when training goes wrong."""

import functools
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.train import (
  batches,
  checkpoint,
  guard,
  logs,
  loop,
  parallel,
  profile,
  recipe,
  settings,
)
from tests.train import small


@pytest.fixture(autouse=True)
def _few_devices(request, monkeypatch):
  """Batches of four on one device, where a test does not ask for more."""
  make, n = parallel.make, getattr(request, 'param', 1)
  monkeypatch.setattr(
    parallel,
    'make',
    lambda backend, batch, **how: make(backend, batch, jax.devices()[:n], **how),
  )


def records(workdir, key):
  return {r['step']: r[key] for r in logs.read(workdir / logs.FILE) if key in r}


def test_a_run_leaves_a_complete_workdir(tmp_path):
  config = small.config(train__max_steps=5)
  result = loop.train(config, tmp_path)
  assert result['step'] == 5
  assert result['reason'] == 'max_steps'
  assert result['skipped'] == result['rollbacks'] == 0
  assert result['eval/photographs_x4/psnr_y'] > 5
  assert sorted(records(tmp_path, 'g/total')) == [2, 4, 5]
  assert sorted(records(tmp_path, 'eval/photographs_x4/psnr_y')) == [3, 5]
  assert all(v > 0 for v in records(tmp_path, 'steps_per_second').values())
  assert settings.read(tmp_path).generator.name == 'srresnet'
  assert (tmp_path / checkpoint.FOLDER / '5').is_dir()
  # A finished run has nothing left to do, and says so.
  again = loop.train(config, tmp_path)
  assert again['steps_done'] == 0
  assert again['step'] == 5


@pytest.mark.parametrize('_few_devices', [4], indirect=True)
@pytest.mark.parametrize(
  ('backend', 'source'),
  [('jit', 'resident'), ('shard_map', 'grain'), ('pmap', 'resident')],
)
def test_runs_on_four_devices(tmp_path, backend, source):
  """The whole loop, resuming included, wherever the state and the batches live."""
  changes = {'train__parallel': backend, 'data__pipeline': source, 'gan': False}
  loop.train(small.config(train__max_steps=2, **changes), tmp_path)
  result = loop.train(small.config(train__max_steps=4, **changes), tmp_path)
  assert (result['step'], result['steps_done'], result['skipped']) == (4, 2, 0)
  assert np.isfinite(list(records(tmp_path, 'g/total').values())).all()


def test_a_resumed_run_needs_its_first_stage_no_more(tmp_path):
  loop.train(small.config(gan=False, train__max_steps=1), tmp_path / 'one')
  second = {'gan': False, 'init_from': str(tmp_path / 'one')}
  loop.train(small.config(train__max_steps=2, **second), tmp_path / 'two')
  (tmp_path / 'one').rename(tmp_path / 'elsewhere')
  result = loop.train(small.config(train__max_steps=3, **second), tmp_path / 'two')
  assert result['steps_done'] == 1


def test_a_worker_that_goes_first_costs_nothing(tmp_path, monkeypatch):
  """SIGTERM reaches a whole process group, and Grain's workers before the loop."""
  take = batches.Batches.take

  def dying(self, step, count):
    if step == 3:
      os.kill(os.getpid(), signal.SIGTERM)
      raise RuntimeError('Worker process was terminated unexpectedly')
    return take(self, step, count)

  monkeypatch.setattr(batches.Batches, 'take', dying)
  result = loop.train(small.config(gan=False), tmp_path)
  assert (result['step'], result['reason']) == (3, 'signal')
  assert (tmp_path / checkpoint.FOLDER / '3').is_dir()
  monkeypatch.setattr(batches.Batches, 'take', lambda *_: 1 / 0)
  with pytest.raises(ZeroDivisionError):  # Any other failure is not hidden.
    loop.train(small.config(gan=False), tmp_path)


def test_dead_workers_are_replaced(tmp_path, monkeypatch):
  """The run goes on as if they had lived."""
  changes = {'gan': False, 'data__pipeline': 'grain', 'data__workers': 1}
  loop.train(small.config(**changes), tmp_path / 'unbroken')
  take, starts = batches.Batches.take, []
  start = batches.Batches.start

  def dying(self, step, count):
    if step == 3 and len(starts) == 1:
      raise RuntimeError('Worker process was terminated unexpectedly')
    return take(self, step, count)

  def spy(self, step, attempt):
    starts.append((step, attempt))
    start(self, step, attempt)

  monkeypatch.setattr(batches.Batches, 'take', dying)
  monkeypatch.setattr(batches.Batches, 'start', spy)
  result = loop.train(small.config(**changes), tmp_path / 'broken')
  assert (result['step'], starts) == (6, [(0, 0), (3, 0)])
  assert 'a worker of the data pipeline is gone at step 3' in str(
    records(tmp_path / 'broken', 'event')
  )
  one, two = (records(tmp_path / name, 'g/total') for name in ('unbroken', 'broken'))
  assert one == two


def test_second_stage_starts_from_the_first(tmp_path):
  first = small.config(gan=False, train__max_steps=2)
  loop.train(first, tmp_path / 'one')
  second = small.config(
    train__max_steps=1,
    init_from=str(tmp_path / 'one'),
    optim__generator__learning_rate=0.0,
    optim__ema_decay=0.0,
  )
  loop.train(second, tmp_path / 'two')
  _, want = checkpoint.load_variables(tmp_path / 'one', best_metric='')
  _, got = checkpoint.load_variables(tmp_path / 'two', best_metric='')
  for a, b in zip(
    jax.tree.leaves(want['params']), jax.tree.leaves(got['params']), strict=True
  ):
    np.testing.assert_array_equal(a, b)


def test_second_stage_from_another_generator_is_refused(tmp_path):
  loop.train(small.config(gan=False, train__max_steps=1), tmp_path / 'one')
  second = small.config(init_from=str(tmp_path / 'one'), generator__args__features=4)
  with pytest.raises(UserError, match='holds another generator'):
    loop.train(second, tmp_path / 'two')
  assert not (tmp_path / 'two').exists()
  with pytest.raises(UserError, match='is no workdir'):
    loop.train(small.config(init_from=str(tmp_path / 'none')), tmp_path / 'two')


def test_max_minutes(tmp_path):
  result = loop.train(
    small.config(gan=False, train__max_steps=10**6, train__max_minutes=1e-9), tmp_path
  )
  assert result['reason'] == 'max_minutes'
  assert result['step'] == 1
  assert (tmp_path / checkpoint.FOLDER / '1').is_dir()


def poison(monkeypatch, when):
  """Makes HR non-finite where `when(batch, keys)` holds."""
  prepare = recipe.prepare_batch

  @functools.wraps(prepare)
  def poisoned(batch, keys, **options):
    pair = prepare(batch, keys, **options)
    return pair._replace(hr=jnp.where(when(batch, keys), jnp.nan, pair.hr))

  monkeypatch.setattr(recipe, 'prepare_batch', poisoned)


def test_a_bad_batch_is_skipped_and_counted(tmp_path, monkeypatch):
  # Some of the steps: those whose first example's key is odd.
  poison(monkeypatch, lambda batch, keys: jax.random.bernoulli(keys[0], 0.4))
  result = loop.train(small.config(train__max_steps=12), tmp_path)
  assert result['reason'] == 'max_steps'
  assert 0 < result['skipped'] < 12
  assert result['rollbacks'] == 0
  assert sum(records(tmp_path, 'skipped').values()) == result['skipped']
  assert any('non-finite' in e for e in records(tmp_path, 'event').values())
  _, variables = checkpoint.load_variables(tmp_path, best_metric='')
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(variables))


def test_a_run_of_bad_batches_rolls_back_then_stops(tmp_path, monkeypatch):
  """Good until step 4, then never again, whatever the data order."""
  good = small.config(train__max_steps=4, guard__max_streak=2, guard__max_rollbacks=2)
  loop.train(good, tmp_path)
  poison(monkeypatch, lambda batch, keys: True)
  bad = small.config(train__max_steps=40, guard__max_streak=2, guard__max_rollbacks=2)
  with pytest.raises(guard.TrainingStoppedError, match='again after 2 rollbacks'):
    loop.train(bad, tmp_path)
  events = [r['event'] for r in logs.read(tmp_path / logs.FILE) if 'event' in r]
  assert sum('rolled back from step 6 to step 4' in e for e in events) == 2
  step, variables = checkpoint.load_variables(tmp_path, which='latest', best_metric='')
  assert step == 4
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(variables))


def test_after_a_rollback_the_data_order_is_another(tmp_path, monkeypatch):
  """What fails once by its data order goes on after the rollback."""
  attempts = []
  start = batches.Batches.start

  def spy(self, step, attempt):
    attempts.append((step, attempt))
    start(self, step, attempt)

  monkeypatch.setattr(batches.Batches, 'start', spy)
  # Poisoned as long as the key is the one of the first attempt.
  first = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 1), 0)

  def when(batch, keys):
    # Recomputes the key of example 0 at every early step of the first attempt.
    candidates = jnp.stack(
      [
        jax.random.key_data(
          jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(first, s), 0), 0)
        )
        for s in range(8)
      ]
    )
    mine = jax.random.key_data(keys[0])[None]
    return jnp.any(jnp.all(candidates == mine, axis=-1))

  poison(monkeypatch, when)
  result = loop.train(small.config(train__max_steps=6, guard__max_streak=2), tmp_path)
  assert result['rollbacks'] == 1
  assert result['step'] == 6
  assert attempts == [(0, 0), (0, 1)]


def test_mistakes_leave_nothing_behind(tmp_path):
  for changes, message in (
    ({'data__source': str(tmp_path / 'none')}, 'none'),
    ({'data__pipeline': 'resedent'}, "did you mean 'resident'"),
    ({'data__patch_size': 30}, 'no multiple of config.scale'),
    ({'generator__name': 'srresnot'}, "did you mean 'srresnet'"),
    ({'losses__adversarial': 'vanila'}, "did you mean 'vanilla'"),
    ({'losses__pixel_weight': 0.0}, 'no content loss'),
    ({'train__parallel': 'jitt'}, "did you mean 'jit'"),
    ({'train__precision': 'float16'}, "did you mean 'bfloat16'"),
    ({'train__accumulate': 3}, 'by 1 devices in 3 parts each'),
    ({'eval__sets': ('Set5',)}, "set 'Set5' needs"),
    ({'data__batch_size': 0}, 'must be at least 1'),
    ({'scale': -2}, 'must be at least 1'),
    ({'scale': 6, 'data__patch_size': 48}, 'neither 3 nor a power of two'),
    ({'losses__adversarial': 'wgan-gp'}, 'batch_norm=False'),
    ({'checkpoint__best_metric': 'psnr'}, "did you mean 'psnr_y'"),
  ):
    with pytest.raises(UserError, match=message):
      loop.train(small.config(**changes), tmp_path / 'run')
    assert not (tmp_path / 'run').exists(), changes


def test_a_collapse_goes_back_to_the_best_with_lower_rates(tmp_path, monkeypatch):
  """The figure falls at step 6: back to step 3, the best, though 4 is kept as well."""
  rates, figures = [], iter([20.0, 10.0, 21.0, 22.0, 23.0])
  make_step = recipe.Recipe.make_step

  def spy(self, **how):
    rates.append(how['rate'])
    return make_step(self, **how)

  monkeypatch.setattr(recipe.Recipe, 'make_step', spy)
  name = 'eval/photographs_x4/psnr_y'
  monkeypatch.setattr(loop.Evaluator, '__call__', lambda *_: {name: next(figures)})
  config = small.config(
    train__max_steps=9,
    guard__drop=5.0,
    guard__cut=0.1,
    checkpoint__best_metric='psnr_y',
  )
  result = loop.train(config, tmp_path)
  assert (result['step'], result['rollbacks'], result[name]) == (9, 1, 22.0)
  assert rates == [1.0, 0.1]
  assert records(tmp_path, name) == {3: 20.0, 6: 21.0, 9: 22.0}
  (text,) = (e for e in records(tmp_path, 'event').values() if 'rolled back' in e)
  assert text == (
    'rolled back from step 6 to step 3: the validation figure is 10, and was 20'
    ' (rollback 1 of 3); the data order changes and the learning rates are now 0.1 of'
    ' what they were'
  )
  # Who resumes goes on with the lower rates, from any checkpoint.
  rates.clear()
  loop.train(small.config(**{**CHANGES, 'train__max_steps': 10}), tmp_path)
  assert rates == [0.1]


CHANGES = {
  'guard__drop': 5.0,
  'guard__cut': 0.1,
  'checkpoint__best_metric': 'psnr_y',
  'eval__every': 100,
}


def test_a_profile(tmp_path, monkeypatch):
  monkeypatch.setattr(profile, 'matmul_peak', lambda dtype: 1e12)
  config = small.config(gan=False, train__max_steps=34)
  loop.train(config, tmp_path, profile=True)
  page = (tmp_path / 'profile' / 'summary.md').read_text()
  got = dict(
    line.strip('| ').split(' | ') for line in page.splitlines() if ' | ' in line
  )
  assert got['devices'] == f'{len(jax.devices())} x cpu'
  assert got['batch'] == '4 patches of 32 x 32'
  milliseconds = float(got['time a step'].split()[0])
  assert float(got['images a second']) == pytest.approx(4e3 / milliseconds, rel=1e-2)
  flops = float(got['operations a step'].split()[0]) * 1e9
  share = float(got['rate'].split(', ')[1].split()[0]) / 100
  assert share == pytest.approx(flops / (milliseconds / 1e3) / 1e12, rel=0.02)
  assert list((tmp_path / 'profile').rglob('*.xplane.pb'))
  assert 'profile written to' in str(records(tmp_path, 'event'))


def test_too_short_for_a_profile(tmp_path):
  loop.train(small.config(gan=False, train__max_steps=6), tmp_path, profile=True)
  assert 'too short for a profile' in str(records(tmp_path, 'event'))
  assert not (tmp_path / 'profile' / 'summary.md').exists()
