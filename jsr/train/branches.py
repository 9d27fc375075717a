"""Optimizers for a generator with branches, of which a step trains one.

MDSR has a head and a tail for each scale and updates those of one scale at a time. An
Adam that saw zeros for the others would still move them, by the momentum of their last
gradients, and would forget their second moments. So every branch has an optimizer state
of its own, and a step leaves those of the other branches as they are. The schedule of
the learning rate is one for all: it counts the run's steps, not a branch's turns.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jsr.types import Params

SHARED = 'shared'
# The branch that a top-level name of the parameters belongs to; None: all share it.
BranchOf = Callable[[str], str | None]


class Branch(NamedTuple):
  """The branch that a step trains, beside what all of them share."""

  name: str
  branch_of: BranchOf

  def trains(self, name: str) -> bool:
    """Whether the step trains the parameters under a top-level name."""
    return self.branch_of(name) in (None, self.name)


def partition(
  make: Callable[[], optax.GradientTransformation],
  branch_of: BranchOf,
  names: tuple[str, ...],
  schedule: optax.Schedule,
) -> optax.GradientTransformation:
  """Gives each branch, and what they share, an optimizer of its own.

  Args:
    make: Makes one optimizer, with a constant rate.
    branch_of: See `BranchOf`.
    names: Of all branches.
    schedule: Factor on the rate by the number of the step.
  """

  def labels(params: Params) -> dict[str, Any]:
    def label(name: str, tree: Any) -> Any:
      return jax.tree.map(lambda _: branch_of(name) or SHARED, tree)

    return {name: label(name, tree) for name, tree in params.items()}

  return optax.chain(
    optax.partition({name: make() for name in (SHARED, *names)}, labels),
    optax.scale_by_schedule(schedule),
  )


def only(branch: Branch, updates: Params, new: Any, old: Any) -> tuple[Params, Any]:
  """Drops what an update did to the other branches.

  Args:
    branch: The one that the step trains.
    updates: Of all parameters.
    new: State of `partition`'s optimizer after the update.
    old: The same before it.

  Returns:
    The updates, zero for the other branches; and the state, old for them.
  """
  updates = {
    name: tree if branch.trains(name) else jax.tree.map(jnp.zeros_like, tree)
    for name, tree in updates.items()
  }
  (mine, schedule), (theirs, _) = new, old
  inner = {
    label: (mine if label in (SHARED, branch.name) else theirs).inner_states[label]
    for label in mine.inner_states
  }
  return updates, (mine._replace(inner_states=inner), schedule)
