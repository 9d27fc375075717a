"""Generators small enough for quick tests, with parameters that hide no fault."""

import functools

import jax
import numpy as np

from jsr import models
from jsr.evaluate.network import Network

# Small fields for quick tests, where a generator has them.
SMALL = {
  'compact': {'blocks': 1, 'features': 8},
  'drcn': {'features': 8, 'recursions': 3},
  'edsr': {'blocks': 2, 'features': 8},
  'espcn': {'features': (8, 8)},
  'mdsr': {'blocks': 2, 'features': 8},
  'rrdb': {'blocks': 1, 'features': 8, 'growth': 4},
  'rrim': {'modules': 2, 'features': 16},
  's3gan': {'blocks': 1, 'features': 8, 'growth': 4},
  'srcnn': {'features': (8, 8)},
  'srgan_tl': {'blocks': 2, 'features': 8},
  'srnet': {'features': 8},
  'srresnet': {'blocks': 2, 'features': 8},
}


@functools.cache
def network(name: str, scale: int = 2) -> Network:
  """A network of `name` with random parameters, away from zeros and unit statistics."""
  args = SMALL.get(name, {})
  model = models.build(name, scale=scale, **args)
  channels = 3 if model.color == 'rgb' else 1
  lr = np.zeros((1, 16, 16, channels), np.float32)
  shapes = jax.eval_shape(model.init, jax.random.key(0), lr)
  rng = np.random.default_rng(2)

  def random(path, leaf):
    kind = str(path[-1].key)
    if kind in ('var', 'scale'):
      return rng.uniform(0.5, 1.5, leaf.shape).astype(leaf.dtype)
    fan = max(1, int(np.prod(leaf.shape[:-1])))
    return (rng.standard_normal(leaf.shape) / np.sqrt(fan)).astype(leaf.dtype)

  variables = jax.tree_util.tree_map_with_path(random, shapes)
  known = scale if jax.tree.leaves(shapes) else None
  return Network(name, name, known, args, variables)
