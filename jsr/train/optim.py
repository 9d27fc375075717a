"""Optimizers and schedules from a config."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax
from ml_collections import ConfigDict

from jsr import errors
from jsr.types import Params


def _adam(rate: optax.Schedule, c: ConfigDict) -> optax.GradientTransformation:
  return optax.adam(rate, b1=c.b1, b2=c.b2, eps=c.eps)


def _adamw(rate: optax.Schedule, c: ConfigDict) -> optax.GradientTransformation:
  return optax.adamw(rate, b1=c.b1, b2=c.b2, eps=c.eps, weight_decay=c.weight_decay)


def _sgd(rate: optax.Schedule, c: ConfigDict) -> optax.GradientTransformation:
  sgd = optax.sgd(rate, momentum=c.momentum or None)
  if not c.weight_decay:
    return sgd
  # A penalty of weight_decay / 2 * |kernel|^2 in the loss, biases apart.
  return optax.chain(optax.add_decayed_weights(c.weight_decay, _kernels), sgd)


def _kernels(params: Params) -> Any:
  return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def _rmsprop(rate: optax.Schedule, c: ConfigDict) -> optax.GradientTransformation:
  return optax.rmsprop(rate, decay=c.b2, eps=c.eps, momentum=c.momentum or None)


def _adagrad(rate: optax.Schedule, c: ConfigDict) -> optax.GradientTransformation:
  return optax.adagrad(rate, eps=c.eps)


def _adadelta(rate: optax.Schedule, c: ConfigDict) -> optax.GradientTransformation:
  return optax.adadelta(rate, rho=c.b2, eps=c.eps)


OPTIMIZERS: dict[
  str, Callable[[optax.Schedule, ConfigDict], optax.GradientTransformation]
] = {
  'adam': _adam,
  'adamw': _adamw,
  'sgd': _sgd,
  'rmsprop': _rmsprop,
  'adagrad': _adagrad,
  'adadelta': _adadelta,
}
SCHEDULES = ('constant', 'step', 'cosine', 'cooldown')


def make_schedule(c: ConfigDict, max_steps: int) -> optax.Schedule:
  """Returns step -> learning rate.

  Args:
    c: `config.optim.generator` or `.discriminator`: learning_rate, schedule,
      boundaries, decay, cooldown, warmup.
    max_steps: Length of the run; where 'cosine' and 'cooldown' end.

  Raises:
    UserError: Unknown schedule.
  """
  if c.schedule == 'constant':
    main = optax.constant_schedule(c.learning_rate)
  elif c.schedule == 'step':
    main = optax.piecewise_constant_schedule(
      c.learning_rate, {int(b): c.decay for b in c.boundaries}
    )
  elif c.schedule == 'cosine':
    main = optax.cosine_decay_schedule(
      c.learning_rate, max(1, max_steps - c.warmup), alpha=c.decay
    )
  elif c.schedule == 'cooldown':
    # A run that is made longer before it cools repeats nothing and loses nothing.
    length = max(1, round(c.cooldown * max_steps))
    main = optax.linear_schedule(
      c.learning_rate, c.decay * c.learning_rate, length, max_steps - length
    )
  else:
    raise errors.unknown('schedule', c.schedule, SCHEDULES)
  if not c.warmup:
    return main
  ramp = optax.linear_schedule(0.0, c.learning_rate, c.warmup)
  if c.schedule == 'cosine':
    return optax.join_schedules([ramp, main], [c.warmup])
  # The others count from the run's first step, warm-up included.
  return lambda step: ramp(step) * main(step) / c.learning_rate


def constant(c: ConfigDict) -> ConfigDict:
  """Returns the settings of the same optimizer with a rate that does not change."""
  c = ConfigDict(c)
  c.schedule, c.warmup = 'constant', 0
  return c


def make_factor(c: ConfigDict, max_steps: int) -> optax.Schedule:
  """Returns step -> learning rate over `c.learning_rate`; see `make_schedule`."""
  c = ConfigDict(c)
  c.learning_rate = 1.0
  return make_schedule(c, max_steps)


def make_optimizer(c: ConfigDict, max_steps: int) -> optax.GradientTransformation:
  """Builds an optimizer.

  Args:
    c: `config.optim.generator` or `.discriminator`; see configs/default.py.
    max_steps: Length of the run.

  Raises:
    UserError: Unknown optimizer or schedule.
  """
  if c.name not in OPTIMIZERS:
    raise errors.unknown('optimizer', c.name, OPTIMIZERS)
  tx = OPTIMIZERS[c.name](make_schedule(c, max_steps), c)
  if c.multipliers:
    tx = optax.chain(tx, _scale_by_name(c.multipliers.to_dict()))
  if c.clip_norm:
    tx = optax.chain(optax.clip_by_global_norm(c.clip_norm), tx)
  return tx


def _scale_by_name(factors: Mapping[str, float]) -> optax.GradientTransformation:
  """Multiplies the updates of the modules with these top-level names."""

  def update(updates: Params, params: Params | None) -> Params:
    missing = sorted(set(factors) - set(updates))
    if missing:
      raise errors.unknown('module in multipliers:', missing[0], updates)

    def scaled(name: str, tree: Any) -> Any:
      return jax.tree.map(lambda u: factors[name] * u, tree)

    return {
      name: scaled(name, tree) if name in factors else tree
      for name, tree in updates.items()
    }

  return optax.stateless(update)
