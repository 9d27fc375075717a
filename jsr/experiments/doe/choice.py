"""One of several optimizers or activations, by a number that a program is told.

What a compiled step is told as it runs needs no program of its own: runs that differ in
their optimizer, rate or activation share one, after each other or side by side.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jsr.types import Array, Params

# Leaves that the states of all optimizers are kept in.
Slots = tuple[Array, ...]


def activation(
  functions: Sequence[Callable[[Array], Array]], which: Array
) -> Callable[[Array], Array]:
  """Returns the one of some functions that `which`, int32 scalar, names."""
  if len(functions) == 1:
    return functions[0]
  # Only the chosen one is computed, but under `jax.vmap`, where all are.
  return lambda x: lax.switch(which, functions, x)


class Optimizers:
  """Optimizers that share one state.

  Adam keeps two copies of the parameters, RMSprop and Adagrad one: they lie in the same
  slots, so that the shared state is as large as the largest, and not as their sum.

  Args:
    transformations: The optimizers, with a learning rate of 1.
    params: Of the network; only shapes are looked at.
  """

  def __init__(
    self, transformations: Sequence[optax.GradientTransformation], params: Params
  ):
    self._transformations = list(transformations)
    states = [jax.eval_shape(tx.init, params) for tx in self._transformations]
    self._structures = [jax.tree.structure(state) for state in states]
    self._kinds: list[tuple[tuple[int, ...], Any]] = []
    self._places = [self._place(jax.tree.leaves(state)) for state in states]

  def _place(self, leaves: Sequence[jax.ShapeDtypeStruct]) -> list[int]:
    """Gives each leaf a slot of its shape; makes slots where none is left."""
    places: list[int] = []
    for leaf in leaves:
      kind = (leaf.shape, leaf.dtype)
      free = [i for i, k in enumerate(self._kinds) if k == kind and i not in places]
      if not free:
        free = [len(self._kinds)]
        self._kinds.append(kind)
      places.append(free[0])
    return places

  def pack(self, which: int, state: Any) -> Slots:
    """Puts the state of one optimizer into slots; those it has no use for are zero."""
    slots = [jnp.zeros(shape, dtype) for shape, dtype in self._kinds]
    for place, leaf in zip(self._places[which], jax.tree.leaves(state), strict=True):
      slots[place] = leaf
    return tuple(slots)

  def unpack(self, which: int, slots: Slots) -> Any:
    """Returns the state of one optimizer, as `pack` took it."""
    leaves = [slots[place] for place in self._places[which]]
    return jax.tree.unflatten(self._structures[which], leaves)

  def chosen(self, which: Array, learning_rate: Array) -> optax.GradientTransformation:
    """Returns one of the optimizers.

    Args:
      which: int32 scalar: its place.
      learning_rate: float32 scalar.

    Returns:
      An optimizer whose state are slots; `pack` makes the first ones.
    """

    def update(
      grads: Params, slots: Slots, params: Params | None = None
    ) -> tuple[Params, Slots]:
      def branch(i: int) -> Callable[..., tuple[Params, Slots]]:
        def run(grads: Params, slots: Slots, params: Params) -> tuple[Params, Slots]:
          state = self.unpack(i, slots)
          updates, state = self._transformations[i].update(grads, state, params)
          after = list(slots)
          for place, leaf in zip(self._places[i], jax.tree.leaves(state), strict=True):
            after[place] = leaf
          return updates, tuple(after)

        return run

      branches = [branch(i) for i in range(len(self._transformations))]
      if len(branches) == 1:
        updates, slots = branches[0](grads, slots, params)
      else:
        updates, slots = lax.switch(which, branches, grads, slots, params)
      # Every optimizer's step is proportional to its rate.
      return jax.tree.map(lambda u: learning_rate * u, updates), slots

    def init(params: Params) -> Slots:
      raise TypeError('the first slots are those that `pack` makes')

    return optax.GradientTransformation(init, update)
