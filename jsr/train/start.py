"""Starting from the generator of another run."""

import dataclasses
import pathlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jsr import errors
from jsr.train import state
from jsr.types import Variables

# Fields of a generator that change how it computes or starts, not what.
_HOW = ('axis_name', 'dtype', 'init_scale', 'momentum', 'remat', 'scale', 'unroll')


def check_same(mine: nn.Module, theirs: nn.Module, path: pathlib.Path) -> None:
  """Checks that two generators compute the same from the same parameters.

  Equal shapes are not enough: EDSR from Keras has another range of numbers inside.

  Raises:
    UserError: They do not; names the first field that differs.
  """
  if type(mine) is not type(theirs):
    there, here = (type(m).__module__.split('.')[-1] for m in (theirs, mine))
    raise errors.UserError(
      f'config.init_from={path} holds a generator {there}, this run trains {here}; use'
      ' the same config.generator in both stages'
    )
  for field in dataclasses.fields(mine):
    if field.name in ('parent', 'name', *_HOW):
      continue
    a, b = getattr(mine, field.name), getattr(theirs, field.name)
    if (list(a) if isinstance(a, tuple) else a) != (
      list(b) if isinstance(b, tuple) else b
    ):
      raise errors.UserError(
        f'config.init_from={path} holds another generator: its {field.name} is {b},'
        f' this run has {a}; set config.generator.args.{field.name}={b}'
      )


def start_from(
  fresh: state.TrainState, variables: Variables, skip: Sequence[str] = ()
) -> state.TrainState:
  """Gives a fresh state the generator of another run.

  Args:
    fresh: State of step 0.
    variables: {'params': ..., ...} of the other run's generator, for use.
    skip: Top-level names of modules that stay fresh, whatever the other run has of
      them: EDSR x3 starts from x2 but for its tail.

  Raises:
    UserError: The two generators differ elsewhere; names the first difference. Or one
      of `skip` is no module of this generator.
  """
  mine = dict(fresh.generator.variables)
  for name in skip:
    if name not in mine['params']:
      raise errors.unknown('module in config.init_skip:', name, mine['params'])
  variables = {'params': {}, **variables}
  want, have = _leaves(mine, skip), _leaves(variables, skip)
  for name in sorted(want.keys() | have.keys()):
    a, b = want.get(name), have.get(name)
    if a is None or b is None or a.shape != b.shape:
      what = (
        'missing' if b is None else 'not expected' if a is None else 'of another shape'
      )
      raise errors.UserError(
        f'config.init_from holds another generator: {name} is {what}; use the same'
        ' config.generator in both stages, or name modules that start afresh in'
        ' config.init_skip'
      )
  new = {
    kind: {
      name: tree if name in skip else _like(tree, variables[kind][name])
      for name, tree in modules.items()
    }
    for kind, modules in mine.items()
  }
  ema = None
  if fresh.ema is not None:
    ema = jax.tree.map(jnp.copy, new['params'])
  return dataclasses.replace(
    fresh, generator=dataclasses.replace(fresh.generator, variables=new), ema=ema
  )


def _leaves(variables: Variables, skip: Sequence[str]) -> dict[str, jax.Array]:
  kept = {
    kind: {name: tree for name, tree in modules.items() if name not in skip}
    for kind, modules in variables.items()
  }
  return {
    jax.tree_util.keystr(path): leaf
    for path, leaf in jax.tree_util.tree_leaves_with_path(kept)
  }


def _like(mine: object, theirs: object) -> object:
  return jax.tree.map(lambda a, b: jnp.asarray(b, a.dtype), mine, theirs)
