"""The steps: golden numbers, what each update touches, and the guard inside."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jsr import degradations
from jsr.train import preparation, recipe, steps
from tests.train import small


def prepared(batch, keys, *, augment: bool):
  bicubic = degradations.make('bicubic', scale=4)
  return preparation.prepare_batch(
    batch, keys, scale=4, augment=augment, degradation=bicubic
  )


def batch(seed: int = 0, n: int = 4, size: int = 32) -> dict[str, jax.Array]:
  hr = np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), np.uint8)
  # Smooth, so that LR tells something about HR.
  hr = np.cumsum(hr / 16, axis=1).astype(np.uint8)
  return {'hr': jnp.asarray(hr), 'index': jnp.arange(n, dtype=jnp.int32)}


@functools.cache
def gan():
  plan = recipe.make(small.config())
  return plan, plan.init(jax.random.key(0)), jax.jit(plan.make_step(axis_name=None))


def changed(a, b) -> bool:
  pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  return any(not np.array_equal(x, y) for x, y in pairs)


def test_one_gan_step_is_golden():
  """Made by this code on a CPU; update only after a wanted change of mathematics."""
  _, state, step = gan()
  _, metrics = step(state, batch(), jax.random.key(1))
  want = GOLDEN
  assert metrics.keys() == want.keys()
  for name, value in want.items():
    assert float(metrics[name]) == pytest.approx(value, rel=2e-4, abs=2e-6), name


GOLDEN = {
  'g/pixel': 0.3013116,
  'g/adversarial': 0.4722887,
  'g/total': 0.3017838,
  'd/loss': 1.4892057,
  'd/real': 0.5013273,
  'd/fake': 0.5295715,
  'skipped': 0.0,
}


def test_a_gan_step_changes_everything_once():
  _, state, step = gan()
  new, metrics = step(state, batch(), jax.random.key(1))
  assert int(new.step) == 1
  assert changed(new.generator.variables['params'], state.generator.variables['params'])
  assert changed(
    new.generator.variables['batch_stats'], state.generator.variables['batch_stats']
  )
  assert changed(
    new.discriminator.variables['params'], state.discriminator.variables['params']
  )
  assert changed(
    new.discriminator.variables['batch_stats'],
    state.discriminator.variables['batch_stats'],
  )
  want = jax.tree.map(
    lambda old, now: 0.9 * old + 0.1 * now,
    state.ema,
    new.generator.variables['params'],
  )
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7), new.ema, want
  )
  assert float(metrics['skipped']) == 0
  assert int(new.skipped) == int(new.streak) == 0


def test_the_step_is_a_pure_function():
  _, state, step = gan()
  first = step(state, batch(), jax.random.key(1))
  second = step(state, batch(), jax.random.key(1))
  assert not changed(first, second)
  other = step(
    dataclasses.replace(state, step=state.step + 1), batch(), jax.random.key(1)
  )
  assert changed(first[1], other[1])  # Another step augments otherwise.


def test_gradients_of_the_two_players_stay_apart():
  """Each player's update is the one that plain autodiff of its own loss gives."""
  plan = recipe.make(
    small.config(
      optim__generator__name='sgd',
      optim__discriminator__name='sgd',
      optim__generator__learning_rate=1.0,
      optim__discriminator__learning_rate=1.0,
      data__augment=False,
    )
  )
  state = plan.init(jax.random.key(0))
  new, _ = jax.jit(plan.make_step(axis_name=None))(state, batch(), jax.random.key(1))
  keys = jax.random.split(jax.random.key(0), 4)
  lr, hr, _ = prepared(batch(), keys, augment=False)
  g, d = state.generator.variables, state.discriminator.variables

  def apply(model, variables, params, x):
    return model.apply({**variables, 'params': params}, x, train=True, mutable=True)[0]

  def g_loss(params):
    sr = apply(plan.generator, g, params, lr)
    fake = apply(plan.discriminator, d, d['params'], sr)
    return jnp.mean((sr - hr) ** 2) + 1e-3 * jnp.mean(jax.nn.softplus(-fake))

  def d_loss(params):
    sr = apply(plan.generator, g, g['params'], lr)
    real = apply(plan.discriminator, d, params, hr)
    fake = apply(plan.discriminator, d, params, sr)
    return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))

  for loss, old, now in (
    (g_loss, g['params'], new.generator.variables['params']),
    (d_loss, d['params'], new.discriminator.variables['params']),
  ):
    want = jax.jit(jax.grad(loss))(old)
    got = jax.tree.map(jnp.subtract, old, now)
    # As one vector: a leaky ReLU at its kink may fall to either side.
    error = optax.tree.norm(jax.tree.map(jnp.subtract, got, want))
    assert float(error) < 5e-3 * float(optax.tree.norm(want))


def test_nan_in_the_batch_never_enters_the_state():
  plan = recipe.make(small.config())
  state = plan.init(jax.random.key(0))

  def poisoned(batch, keys):
    lr, hr, _ = prepared(batch, keys, augment=True)
    # One pixel of one picture, in the batches that say so.
    spot = jnp.where(batch['poison'], jnp.nan, hr[0, 0, 0, 0])
    return steps.Pair(lr, hr.at[0, 0, 0, 0].set(spot))

  make_step = plan.make_step(axis_name=None, prepare=poisoned)
  step = jax.jit(make_step)
  good = {**batch(), 'poison': jnp.asarray(False)}
  bad = {**batch(), 'poison': jnp.asarray(True)}
  rng = jax.random.key(1)
  state, _ = step(state, good, rng)
  after, metrics = step(state, bad, rng)
  assert float(metrics['skipped']) == 1
  assert all(np.isfinite(float(v)) for v in metrics.values())
  assert int(after.skipped) == int(after.streak) == 1
  assert int(after.step) == 2
  kept = dataclasses.replace(
    after, step=state.step, skipped=state.skipped, streak=state.streak
  )
  assert not changed(kept, state)
  again, _ = step(after, bad, rng)
  assert int(again.streak) == 2
  well, metrics = step(again, good, rng)
  assert int(well.streak) == 0
  assert int(well.skipped) == 2
  assert float(metrics['skipped']) == 0
  assert all(
    bool(jnp.isfinite(x).all())
    for x in jax.tree.leaves(well)
    if jnp.issubdtype(x.dtype, jnp.floating)
  )


def test_an_exploding_update_is_skipped_too():
  """Finite loss and gradient, but parameters that overflow."""
  plan = recipe.make(small.config(gan=False, optim__generator__name='sgd'))
  explode = optax.chain(optax.scale(1e30), optax.sgd(1e30))
  plan = dataclasses.replace(plan, generator_tx=explode)
  state = plan.init(jax.random.key(0))
  new, metrics = jax.jit(plan.make_step(axis_name=None))(
    state, batch(), jax.random.key(1)
  )
  assert float(metrics['skipped']) == 1
  assert not changed(new.generator.variables, state.generator.variables)


def test_pixel_training_reduces_the_loss():
  plan = recipe.make(small.config(gan=False, optim__generator__learning_rate=1e-2))
  state = plan.init(jax.random.key(0))
  step = jax.jit(plan.make_step(axis_name=None))
  losses = []
  for _ in range(12):
    state, metrics = step(state, batch(), jax.random.key(1))
    losses.append(float(metrics['g/pixel']))
  assert state.discriminator is None
  assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize('name', ['relativistic', 'lsgan', 'hinge', 'wgan-gp'])
def test_other_games_run_by_arguments(name):
  penalised = name == 'wgan-gp'
  plan = recipe.make(
    small.config(
      losses__adversarial=name, discriminator__args__batch_norm=not penalised
    )
  )
  state = plan.init(jax.random.key(0))
  new, metrics = jax.jit(plan.make_step(axis_name=None))(
    state, batch(), jax.random.key(1)
  )
  assert ('d/penalty' in metrics) == penalised
  assert float(metrics['skipped']) == 0
  assert changed(new.discriminator.variables, state.discriminator.variables)


def test_perceptual_loss_reads_frozen_weights():
  """VGG19's weights enter the step as an argument and leave it unchanged."""
  plan = recipe.make(
    small.config(
      gan=False,
      losses__vgg='narrow',
      losses__perceptual_weight=1.0,
      losses__perceptual_layers=('relu2_2',),
      losses__tv_weight=1e-3,
    )
  )
  assert set(plan.losses) == {'pixel', 'perceptual', 'tv'}
  state = plan.init(jax.random.key(0))
  new, metrics = jax.jit(plan.make_step(axis_name=None))(
    state, batch(), jax.random.key(1)
  )
  assert float(metrics['g/perceptual']) > 0
  assert not changed(new.frozen, state.frozen)
  total = metrics['g/pixel'] + metrics['g/perceptual'] + 1e-3 * metrics['g/tv']
  assert float(metrics['g/total']) == pytest.approx(float(total), rel=1e-5)


def test_lr_is_made_as_at_test_time():
  from jsr.evaluate import protocol

  pictures = batch()
  keys = jax.random.split(jax.random.key(0), 4)
  lr, hr, _ = prepared(pictures, keys, augment=False)
  want = protocol.make_lr(np.asarray(pictures['hr'][0]), 4)
  np.testing.assert_array_equal(np.asarray(lr[0] * 255).round(), want)
  np.testing.assert_allclose(hr * 255, pictures['hr'], atol=1e-4)


@pytest.mark.parametrize('gan', [False, True])
def test_a_batch_in_parts_is_the_whole_batch(gan):
  """Without batch norm, which sees one part at a time."""
  states = []
  for parts in (1, 2, 4):
    config = small.config(
      gan=gan, generator__name='compact', train__accumulate=parts, optim__ema_decay=0.0
    )
    config.generator.args = {'blocks': 1, 'features': 8}
    config.optim.generator.name = config.optim.discriminator.name = 'sgd'
    config.optim.generator.learning_rate = config.optim.discriminator.learning_rate = (
      0.1
    )
    if gan:
      config.discriminator.args.batch_norm = False
    plan = recipe.make(config)
    state = plan.init(jax.random.key(0))
    step = jax.jit(plan.make_step(axis_name=None))
    lowered = step.lower(state, batch(), jax.random.key(1))
    # The parts come one after the other, whatever XLA would like.
    assert ('optimization_barrier' in lowered.as_text()) == (parts > 1)
    new, metrics = lowered.compile()(state, batch(), jax.random.key(1))
    states.append((new.generator.variables, new.discriminator, metrics))
    assert changed(new.generator.variables, state.generator.variables)
  for other in states[1:]:
    pairs = zip(jax.tree.leaves(states[0]), jax.tree.leaves(other), strict=True)
    for a, b in pairs:
      np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-7)


def test_running_averages_pass_from_part_to_part():
  def averages(parts, n):
    plan = recipe.make(small.config(gan=False, train__accumulate=parts))
    state = plan.init(jax.random.key(0))
    step = jax.jit(plan.make_step(axis_name=None))
    first = {name: x[:n] for name, x in batch().items()}
    new, _ = step(state, first, jax.random.key(1))
    return jax.tree.leaves(new.generator.variables['batch_stats'])

  # Two parts move them twice.
  before = [np.zeros_like(x) for x in averages(1, 4)]
  once, twice = averages(1, 4), averages(2, 4)
  assert changed(once, twice)
  assert changed(once, before)


def test_bfloat16_computes_what_float32_does_roughly():
  """Parameters, statistics and losses stay float32."""
  got = {}
  for precision in ('float32', 'bfloat16'):
    config = small.config(train__precision=precision)
    plan = recipe.make(config)
    state = plan.init(jax.random.key(0))
    lowered = jax.jit(plan.make_step(axis_name=None)).lower(
      state, batch(), jax.random.key(1)
    )
    convolutions = [
      line for line in lowered.as_text().splitlines() if 'stablehlo.convolution' in line
    ]
    narrow = [line for line in convolutions if 'bf16>)' in line]
    assert len(narrow) == (0 if precision == 'float32' else len(convolutions)), narrow
    new, got[precision] = lowered.compile()(state, batch(), jax.random.key(1))
    kinds = {x.dtype for x in jax.tree.leaves((new.generator, new.discriminator))}
    assert jnp.bfloat16 not in kinds
  for name, value in got['float32'].items():
    assert got['bfloat16'][name].dtype == value.dtype
    assert float(got['bfloat16'][name]) == pytest.approx(
      float(value), rel=0.05, abs=0.02
    )
