"""Whether parameters belong to a network: every difference, named."""

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
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise errors.UserError(
      f'{origin}: there is no network {network} ({reason}); correct its fields'
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


def _shapes(variables: Variables) -> dict[str, tuple[int, ...]]:
  """Shapes by path; what training sows besides is no parameter."""
  kept = {k: v for k, v in variables.items() if k not in ('outputs', 'intermediates')}
  paths = jax.tree_util.tree_leaves_with_path(kept)
  return {
    '/'.join(str(key.key) for key in path): tuple(leaf.shape) for path, leaf in paths
  }
