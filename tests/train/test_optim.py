"""Optimizers and schedules."""

import jax.numpy as jnp
import optax
import pytest

from configs import default
from jsr.errors import UserError
from jsr.train import optim


def settings(**changes):
  c = default.optimizer()
  for key, value in changes.items():
    c[key] = value
  return c


@pytest.mark.parametrize(
  ('changes', 'at', 'want'),
  [
    ({}, 500, 1e-4),
    ({'schedule': 'step', 'boundaries': (100, 200), 'decay': 0.5}, 99, 1e-4),
    ({'schedule': 'step', 'boundaries': (100, 200), 'decay': 0.5}, 150, 5e-5),
    ({'schedule': 'step', 'boundaries': (100, 200), 'decay': 0.5}, 250, 2.5e-5),
    ({'schedule': 'cosine'}, 0, 1e-4),
    ({'schedule': 'cosine'}, 500, 5e-5),
    ({'schedule': 'cosine'}, 1000, 0),
    ({'schedule': 'cosine', 'decay': 0.1}, 1000, 1e-5),
    ({'schedule': 'cooldown'}, 750, 1e-4),
    ({'schedule': 'cooldown', 'cooldown': 0.5}, 750, 5e-5),
    ({'schedule': 'cooldown', 'decay': 0.1}, 1000, 1e-5),
    ({'schedule': 'cooldown', 'warmup': 10}, 5, 5e-5),
    ({'warmup': 10}, 5, 5e-5),
    ({'warmup': 10}, 400, 1e-4),
    ({'schedule': 'cosine', 'warmup': 100}, 50, 5e-5),
    ({'schedule': 'cosine', 'warmup': 100}, 550, 5e-5),
    (
      {'schedule': 'step', 'warmup': 10, 'boundaries': (100,), 'decay': 0.5},
      150,
      5e-5,
    ),
  ],
)
def test_schedules(changes, at, want):
  schedule = optim.make_schedule(settings(**changes), 1000)
  assert float(schedule(at)) == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize('name', sorted(optim.OPTIMIZERS))
def test_optimizers_go_downhill(name):
  tx = optim.make_optimizer(settings(name=name, learning_rate=0.01, momentum=0.5), 100)
  x = jnp.asarray([1.0, -2.0])
  opt_state = tx.init(x)
  for _ in range(20):
    updates, opt_state = tx.update(2 * x, opt_state, x)
    x = optax.apply_updates(x, updates)
  assert float(jnp.sum(x**2)) < 5.0


def test_adam_takes_the_papers_constants():
  tx = optim.make_optimizer(settings(b1=0.0, b2=0.0, eps=0.0, learning_rate=0.5), 10)
  x = jnp.asarray([3.0, -4.0])
  updates, _ = tx.update(x, tx.init(x), x)
  # Without memory Adam is the sign of the gradient.
  assert updates.tolist() == pytest.approx([-0.5, 0.5])


def test_clipping():
  tx = optim.make_optimizer(settings(name='sgd', learning_rate=1.0, clip_norm=1.0), 10)
  x = jnp.asarray([3.0, -4.0])
  updates, _ = tx.update(x, tx.init(x), x)
  assert updates.tolist() == pytest.approx([-0.6, 0.8])


def test_unknown_names():
  with pytest.raises(UserError, match="did you mean 'adam'"):
    optim.make_optimizer(settings(name='adamm'), 10)
  with pytest.raises(UserError, match="did you mean 'cosine'"):
    optim.make_schedule(settings(schedule='cosin'), 10)


def test_multipliers_slow_a_module():
  c = settings(name='sgd', learning_rate=0.5)
  c.multipliers.tail = 0.1
  tx = optim.make_optimizer(c, 10)
  params = {'head': {'kernel': jnp.ones(3)}, 'tail': {'kernel': jnp.ones(3)}}
  updates, _ = tx.update(params, tx.init(params), params)
  assert float(updates['head']['kernel'][0]) == pytest.approx(-0.5)
  assert float(updates['tail']['kernel'][0]) == pytest.approx(-0.05)
  c.multipliers.tial = 0.1
  tx = optim.make_optimizer(c, 10)
  with pytest.raises(UserError, match="did you mean 'tail'"):
    tx.update(params, tx.init(params), params)


def test_weight_decay_of_sgd_is_a_penalty_on_kernels():
  tx = optim.make_optimizer(
    settings(name='sgd', learning_rate=1.0, weight_decay=0.25), 10
  )
  params = {'kernel': jnp.full((2, 2), 4.0), 'bias': jnp.full(2, 4.0)}
  grads = {'kernel': jnp.ones((2, 2)), 'bias': jnp.ones(2)}
  updates, _ = tx.update(grads, tx.init(params), params)
  assert float(updates['kernel'][0, 0]) == pytest.approx(-2.0)
  assert float(updates['bias'][0]) == pytest.approx(-1.0)
