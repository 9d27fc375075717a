"""MDSR in training: every scale's head and tail, and only the one that is asked for."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.train import recipe
from tests.train import small

STEPS = 50


@functools.cache
def made():
  plan = recipe.make(
    small.config(
      gan=False,
      generator__name='mdsr',
      generator__args={'blocks': 1, 'features': 4},
      data__patch_size=24,
      optim__ema_decay=0.0,
    )
  )
  compiled = {
    scale: jax.jit(plan.make_step(axis_name=None, scale=scale)) for scale in plan.scales
  }
  return plan, jax.jit(plan.init)(jax.random.key(0)), compiled


def batch(step: int):
  hr = np.random.default_rng(step).integers(0, 256, (2, 24, 24, 3), np.uint8)
  return {'hr': jnp.asarray(hr), 'index': jnp.arange(2)}


def moved(before, after) -> set[str]:
  """Names of the modules of which any number changed."""
  old, new = (s.generator.variables['params'] for s in (before, after))
  return {
    name
    for name in old
    if any(
      not np.array_equal(a, b)
      for a, b in zip(
        jax.tree.leaves(old[name]), jax.tree.leaves(new[name]), strict=True
      )
    )
  }


def names(plan, state, scale=None) -> set[str]:
  """Modules of one scale and those that all share; all modules for None."""
  return {
    name
    for name in state.generator.variables['params']
    if scale is None or plan.generator.belongs(name) in (None, scale)
  }


def test_after_fifty_steps_every_scale_has_moved():
  plan, state, compiled = made()
  start, drawn = state, []
  for step in range(STEPS):
    drawn.append(plan.scale_of(step, 0))
    state, metrics = compiled[drawn[-1]](state, batch(step), jax.random.key(1))
    assert float(metrics['skipped']) == 0
  assert set(drawn) == {2, 3, 4}
  assert moved(start, state) == names(plan, start)
  # Every array of every branch, not one of each.
  old, new = (s.generator.variables['params'] for s in (start, state))
  still = jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), old, new)
  assert not any(jax.tree.leaves(still)), still


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_a_batch_of_one_scale_moves_its_branch_alone(scale):
  plan, state, compiled = made()
  # Momentum in every branch first.
  for step, other in enumerate(plan.scales):
    state, _ = compiled[other](state, batch(step), jax.random.key(1))
  before = state
  for step in range(3):
    state, _ = compiled[scale](state, batch(step), jax.random.key(1))
  assert moved(before, state) == names(plan, before, scale)


def test_scales_are_drawn_evenly_and_repeatably():
  plan, _, _ = made()
  drawn = [plan.scale_of(step, 0) for step in range(3000)]
  assert drawn == [plan.scale_of(step, 0) for step in range(3000)]
  assert drawn != [plan.scale_of(step, 1) for step in range(3000)]
  assert min(drawn.count(scale) for scale in (2, 3, 4)) > 900
