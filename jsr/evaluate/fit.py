"""Whether parameters and fields belong to a network: every difference, named."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp

from jsr import errors, models
from jsr.types import Variables


def check(
  generator: str, scale: int, args: Mapping[str, Any], variables: Variables, origin: str
) -> None:
  """Makes sure that a network has exactly these parameters.

  Nothing is computed: only shapes.

  Args:
    generator: Name in `jsr.models`.
    scale: Its factor.
    args: Its other fields.
    variables: {'params': ..., 'batch_stats': ...}.
    origin: Where they came from, for the message.

  Raises:
    UserError: No such generator or field, or other parameters; the message names each
      that is missing, unexpected or misshapen.
  """
  model = models.build(generator, scale=scale, **args)
  lr = jnp.zeros((1, 8, 8, 3 if model.color == 'rgb' else 1))
  fields = ''.join(f' {key}={value}' for key, value in sorted(args.items()))
  network = f'{generator} x{scale}{fields}'
  try:
    want = _shapes(jax.eval_shape(model.init, jax.random.key(0), lr))
  except (ArithmeticError, TypeError, ValueError, flax.errors.FlaxError) as error:
    raise errors.UserError(
      f'{origin}: there is no network {network} ({errors.first_line(error)});'
      ' correct its fields'
    ) from error
  have = _shapes(variables)
  problems = {
    'missing': [name for name in want if name not in have],
    'unexpected': [name for name in have if name not in want],
    'misshapen': [
      f'{name} {have[name]} instead of {want[name]}'
      for name in want
      if name in have and have[name] != want[name]
    ],
  }
  told = '; '.join(f'{kind}: {", ".join(n)}' for kind, n in problems.items() if n)
  if told:
    raise errors.UserError(f'{origin} does not fit the network {network}: {told}')


def check_fields(generator: str, fields: Mapping[str, Any]) -> None:
  """Makes sure that values given by hand are of the kinds of their fields.

  Flax does not look at kinds: a network would be built with `tanh=7` all the same.

  Args:
    generator: Name in `jsr.models`.
    fields: Some of its fields. The kind of each is its default's; a whole number does
      for a float, and where the default is None anything does.

  Raises:
    UserError: A value of another kind, a field that does not exist, or the scale, which
      has an option of its own.
  """
  if 'scale' in fields:
    raise errors.UserError('scale is no field for --set: give it with --scale')
  model = models.build(generator, scale=4, **fields)
  defaults = {f.name: f.default for f in dataclasses.fields(model)}
  for key, value in fields.items():
    if not _is_like(value, defaults[key]):
      raise errors.UserError(
        f'{key}={value} does not fit {generator}: {key} is {_kind(defaults[key])} such'
        f' as {defaults[key]}'
      )


def _is_like(value: Any, default: Any) -> bool:
  if isinstance(default, tuple):
    return isinstance(value, tuple) and all(_is_like(v, default[0]) for v in value)
  if isinstance(default, float):
    return isinstance(value, int | float) and not isinstance(value, bool)
  if isinstance(default, bool | int | str):
    return type(value) is type(default)
  return True


def _kind(default: Any) -> str:
  words = {
    bool: 'True or False,',
    int: 'a whole number',
    float: 'a number',
    str: 'a word',
    tuple: 'a tuple',
  }
  return words[type(default)]


def _shapes(variables: Variables) -> dict[str, tuple[int, ...]]:
  """Shapes by path; what training sows besides is no parameter."""
  kept = {k: v for k, v in variables.items() if k not in ('outputs', 'intermediates')}
  paths = jax.tree_util.tree_leaves_with_path(kept)
  return {
    '/'.join(str(key.key) for key in path): tuple(leaf.shape) for path, leaf in paths
  }
