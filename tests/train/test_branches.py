"""One state, several branches, each trained by its own steps alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jsr.train import branches, steps
from jsr.train.state import create


class TwoTails(nn.Module):
  color = 'rgb'
  scale: int = 2

  @nn.compact
  def __call__(self, lr, *, train=False):
    x = nn.Conv(3, (1, 1), name='body')(lr)
    outs = {s: nn.Conv(3, (1, 1), name=f'x{s}_tail')(x) for s in (2, 3)}
    return outs[self.scale].repeat(self.scale, 1).repeat(self.scale, 2)


def branch_of(name):
  return name[1] if name.startswith('x') else None


@functools.cache
def made():
  schedule = optax.piecewise_constant_schedule(1.0, {25: 0.0})
  tx = branches.partition(lambda: optax.adam(1e-2), branch_of, ('2', '3'), schedule)
  state = create(
    jax.random.key(0),
    generator=TwoTails(),
    generator_tx=tx,
    patch_size=12,
    scale=2,
    ema=False,
  )

  def prepare(batch, keys, *, scale):
    del keys
    size = 4 * scale
    return steps.Pair(batch['hr'][:, :4, :4], batch['hr'][:, :size, :size])

  losses = {'pixel': steps.Loss(1.0, lambda sr, hr, _: jnp.mean((sr - hr) ** 2))}
  compiled = {
    s: jax.jit(
      steps.make_pixel_step(
        generator=TwoTails(scale=s),
        tx=tx,
        losses=losses,
        prepare=functools.partial(prepare, scale=s),
        branch=branches.Branch(str(s), branch_of),
      )
    )
    for s in (2, 3)
  }
  return state, compiled


def batch(seed):
  hr = np.random.default_rng(seed).random((2, 12, 12, 3), np.float32)
  return {'hr': jnp.asarray(hr), 'index': jnp.arange(2)}


def same(a, b):
  pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  return all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize(('scale', 'other'), [(2, 3), (3, 2)])
def test_only_the_branch_and_what_is_shared_move(scale, other):
  state, compiled = made()
  # First the other branch, so that its optimizer has a momentum to move by.
  for i in range(3):
    state, _ = compiled[other](state, batch(i), jax.random.key(1))
  before = state
  for i in range(3):
    state, _ = compiled[scale](state, batch(i), jax.random.key(1))
  old, new = before.generator.variables['params'], state.generator.variables['params']
  assert not same(old['body'], new['body'])
  assert not same(old[f'x{scale}_tail'], new[f'x{scale}_tail'])
  assert same(old[f'x{other}_tail'], new[f'x{other}_tail'])
  old, new = (
    s.generator.opt_state[0].inner_states[str(other)] for s in (before, state)
  )
  assert same(old, new)


def test_a_branch_takes_adam_s_first_step_when_its_first_turn_comes():
  """A shared count would make it three times as large."""
  state, compiled = made()
  for i in range(20):
    state, _ = compiled[2](state, batch(i), jax.random.key(1))
  before = state.generator.variables['params']['x3_tail']['kernel']
  state, _ = compiled[3](state, batch(0), jax.random.key(1))
  moved = jnp.abs(state.generator.variables['params']['x3_tail']['kernel'] - before)
  np.testing.assert_allclose(moved, 1e-2, rtol=1e-3)


def test_the_schedule_counts_the_steps_of_the_run():
  """The rate is 0 from step 25 on, for a branch that has had no turn till then too."""
  state, compiled = made()
  for i in range(26):
    state, _ = compiled[2](state, batch(i), jax.random.key(1))
  before = state.generator.variables['params']
  state, _ = compiled[3](state, batch(0), jax.random.key(1))
  assert same(before, state.generator.variables['params'])
