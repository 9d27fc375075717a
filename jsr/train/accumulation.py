"""Gradients of a batch in parts, where the whole would not fit into memory."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jsr.train.state import TrainState
from jsr.types import Array, Batch, Metrics, Params, Variables


class Gradients(NamedTuple):
  """What a batch, or a part of it, asks for.

  Attributes:
    grads: Of each network's parameters, by its name in `TrainState`.
    rest: What its forward passes made of the network's other variables.
    metrics: Means over the batch.
  """

  grads: Mapping[str, Params]
  rest: Mapping[str, Variables]
  metrics: Metrics


MakeGradients = Callable[[TrainState, Batch, Array], Gradients]


def in_parts(gradients: MakeGradients, parts: int) -> MakeGradients:
  """Averages what the parts of a batch ask for, one after the other.

  The parameters are those of before the step for all parts; running averages of batch
  norm pass from part to part.
  """
  if parts == 1:
    return gradients

  def run(state: TrainState, batch: Batch, rng: Array) -> Gradients:
    # Every `parts`-th example: each part then has a share of every device.
    shares = {
      name: jnp.moveaxis(x.reshape(-1, parts, *x.shape[1:]), 1, 0)
      for name, x in batch.items()
    }
    first = gradients(state, {name: x[0] for name, x in shares.items()}, rng)

    def add(sofar: Gradients, share: Batch) -> tuple[Gradients, None]:
      sofar, share = jax.lax.optimization_barrier((sofar, share))
      networks = {}
      for name, rest in sofar.rest.items():
        network = getattr(state, name)
        variables = {**rest, 'params': network.variables['params']}
        networks[name] = dataclasses.replace(network, variables=variables)
      got = gradients(dataclasses.replace(state, **networks), share, rng)
      total = jax.tree.map(
        jnp.add, (sofar.grads, sofar.metrics), (got.grads, got.metrics)
      )
      return Gradients(total[0], got.rest, total[1]), None

    # A convolution's gradient inside a loop is 50 times slower on a CPU.
    unroll = parts - 1 if jax.default_backend() == 'cpu' else 1
    others = {name: x[1:] for name, x in shares.items()}
    total, _ = jax.lax.scan(add, first, others, unroll=unroll)
    grads, metrics = jax.tree.map(lambda x: x / parts, (total.grads, total.metrics))
    return Gradients(grads, total.rest, metrics)

  return run
