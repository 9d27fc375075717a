"""One device and eight, three compilers, the same numbers; SGD, which hides nothing."""

import functools
import os
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.train import parallel, recipe
from tests.train import small
from tests.train.test_steps import batch

# Adam would hide a gradient that is n times too large; SGD with momentum does not.
SGD = {
  'optim__generator__name': 'sgd',
  'optim__discriminator__name': 'sgd',
  'optim__generator__learning_rate': 0.1,
  'optim__discriminator__learning_rate': 0.1,
}
STEPS = 2


@functools.cache
def plan(adversarial: str = 'vanilla') -> recipe.Recipe:
  return recipe.make(small.config(losses__adversarial=adversarial, **SGD))


def run(backend: str, devices: int, adversarial: str = 'vanilla'):
  p = plan(adversarial)
  how = parallel.make(backend, 8, jax.devices()[:devices])
  step = how.compile(p.make_step)
  state = how.replicate(p.init(jax.random.key(0)))
  rng = jax.device_put(jax.random.key(1), how.replicated)
  history = []
  for i in range(STEPS):
    pictures = dict(batch(i, n=8))
    # The devices see different statistics.
    pictures['hr'] = pictures['hr'].at[4:].set(pictures['hr'][4:] // 5)
    stacked = how.place({k: np.asarray(v)[None] for k, v in pictures.items()})
    state, metrics = step(state, stacked, rng)
    history.append(jax.device_get(metrics))
  return jax.device_get(state), history


@functools.cache
def one_device(adversarial: str = 'vanilla'):
  return run('jit', 1, adversarial)


def largest_difference(a, b) -> float:
  pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  return max(
    float(np.abs(np.asarray(x, np.float64) - np.asarray(y, np.float64)).max())
    for x, y in pairs
  )


@pytest.mark.parametrize('backend', parallel.BACKENDS)
def test_eight_devices_equal_one(backend):
  assert len(jax.devices()) == 8
  state, history = run(backend, 8)
  want, want_history = one_device()
  # Parameters of both players, statistics, optimizer states, average: everything.
  assert largest_difference(state, want) < 2e-6
  assert largest_difference(history, want_history) < 2e-6


@pytest.mark.parametrize('name', ['relativistic'])
def test_means_inside_the_loss_are_global(name):
  """The relativistic game compares with the mean over the whole batch."""
  state, _ = run('shard_map', 8, name)
  assert largest_difference(state, one_device(name)[0]) < 2e-6


def test_several_steps_a_dispatch_equal_single_ones():
  p = plan()
  how = parallel.make('jit', 8, jax.devices()[:2])
  step = how.compile(p.make_step)
  rng = jax.device_put(jax.random.key(1), how.replicated)
  each = [batch(i, n=8) for i in range(3)]
  stacked = how.place(
    {k: np.stack([np.asarray(b[k]) for b in each]) for k in ('hr', 'index')}
  )
  together, metrics = step(how.replicate(p.init(jax.random.key(0))), stacked, rng)
  assert metrics['g/pixel'].shape == (3,)
  state = how.replicate(p.init(jax.random.key(0)))
  for b in each:
    state, _ = step(
      state, how.place({k: np.asarray(v)[None] for k, v in b.items()}), rng
    )
  assert int(together.step) == 3
  assert largest_difference(jax.device_get(together), jax.device_get(state)) < 2e-6


def test_sampled_batches_are_spread_over_the_devices():
  how = parallel.make('jit', 8)

  def fn(data, step):
    return {'hr': data + step + jnp.zeros((8, 2))}

  got = how.compile_sampler(fn)(jnp.asarray(1.0), jnp.arange(3))
  assert got['hr'].shape == (3, 8, 2)
  assert got['hr'].sharding.is_equivalent_to(how.split, 3)
  np.testing.assert_array_equal(got['hr'][:, 0, 0], [1, 2, 3])


def test_bad_settings():
  with pytest.raises(UserError, match="did you mean 'pmap'"):
    parallel.make('pmapp', 8)
  with pytest.raises(UserError, match='cannot be shared evenly by 8 devices'):
    parallel.make('jit', 12)


def test_one_step_a_dispatch_on_a_cpu():
  assert parallel.steps_per_dispatch(0) == 1
  assert parallel.steps_per_dispatch(10) == 1


def test_xla_settings_are_added_once_and_can_be_turned_off(monkeypatch):
  monkeypatch.setenv('XLA_FLAGS', '--xla_foo=1')
  monkeypatch.setenv('JSR_XLA_DEFAULT', '1')
  parallel.configure_for_training()
  assert os.environ['XLA_FLAGS'] == '--xla_foo=1'
  monkeypatch.setenv('JSR_XLA_DEFAULT', '0')
  monkeypatch.setattr(jax, '__version__', '0.10.2')
  parallel.configure_for_training()
  parallel.configure_for_training()
  assert os.environ['XLA_FLAGS'].count('ynn_fusion_type') == 1
  monkeypatch.setenv('XLA_FLAGS', '')
  monkeypatch.setattr(jax, '__version__', '0.11.0')
  parallel.configure_for_training()
  assert os.environ['XLA_FLAGS'] == ''


def test_deterministic(monkeypatch):
  monkeypatch.setenv('JSR_XLA_DEFAULT', '1')
  monkeypatch.setenv('XLA_FLAGS', '--xla_foo=1')
  for _ in range(2):
    parallel.configure_for_training(deterministic=True)
    assert os.environ['XLA_FLAGS'] == '--xla_foo=1 --xla_gpu_deterministic_ops=true'
  monkeypatch.setenv('XLA_FLAGS', '--xla_gpu_deterministic_ops=false')
  with pytest.raises(UserError, match='contradict each other'):
    parallel.configure_for_training(deterministic=True)


def test_parts_and_devices_share_evenly():
  parallel.make('jit', 16, accumulate=2)
  with pytest.raises(UserError, match=r'8 devices in 3 parts each; set .* of 24'):
    parallel.make('jit', 16, accumulate=3)


def test_rematerialisation_saves_memory_on_a_cpu_too():
  """XLA's CPU compiler would undo it: it drops the barriers too soon."""
  args = {'blocks': 2, 'features': 8, 'growth': 8, 'remat': True}
  changes = {'generator__name': 'rrdb', 'generator__args': args, 'gan': False}
  p = recipe.make(small.config(data__patch_size=64, optim__ema_decay=0.0, **changes))
  how = parallel.make('jit', 8, jax.devices()[:1])
  state = jax.eval_shape(p.init, jax.random.key(0))
  shapes = (
    state,
    {
      'hr': jax.ShapeDtypeStruct((1, 8, 64, 64, 3), jnp.uint8),
      'index': jax.ShapeDtypeStruct((1, 8), jnp.int32),
    },
    jax.eval_shape(jax.random.key, 1),
  )
  stored, recomputed = (
    how.compile(p.make_step, remat=remat)
    .lower(*shapes)
    .compile()
    .memory_analysis()
    .temp_size_in_bytes
    for remat in (False, True)
  )
  assert recomputed < 0.7 * stored


def test_gradients_are_reduced_in_float32():
  """XLA would reduce those of bfloat16 as they are; so the means are explicit."""
  p = recipe.make(small.config(gan=False, train__precision='bfloat16'))
  how = parallel.make('jit', 8, jax.devices()[:2], low_precision=True)
  state = how.replicate(p.init(jax.random.key(0)))
  stacked = how.place({k: np.asarray(v)[None] for k, v in batch(n=8).items()})
  text = how.compile(p.make_step).lower(state, stacked, how.key(1)).as_text()
  # Of gradients, batch norm's statistics, and metrics.
  reduced = re.findall(r'"stablehlo.all_reduce".*?\}\) : \((.*?)\)', text, re.DOTALL)
  assert len(reduced) > 10
  assert [kind for kind in reduced if 'bf16' in kind] == []
  assert 'bf16' in text
