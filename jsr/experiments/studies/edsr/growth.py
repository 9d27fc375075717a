"""Starts an x4 network from a trained x2 one, so that few steps suffice.

The paper starts x4 from x2 with a fresh tail; in a few hundred steps a fresh tail does
not reach bicubic. So what exists is kept here, and what is added changes nothing at
first: blocks whose last convolution is zero, and a second upsampler that repeats
pixels (Chen, Goodfellow, Shlens, "Net2Net", 2016, grow networks in this way).
"""

from typing import Any

import jax
import numpy as np

from jsr import models
from jsr.errors import UserError
from jsr.weights.model_file import ModelFile


def grow(small: ModelFile, generator: str, blocks: int) -> ModelFile:
  """Makes a larger network for x4 that begins as the small one, repeated twofold.

  Args:
    small: An EDSR for x2.
    generator: 'edsr' or 'mdsr'.
    blocks: Residual blocks of the body, at least those of `small`.

  Raises:
    UserError: `small` is no EDSR for x2, or has more blocks.
  """
  if small.generator != 'edsr' or small.scale != 2:
    raise UserError(
      f'{small.note}: a network to grow must be edsr x2, this is {small.generator}'
      f' x{small.scale}'
    )
  if blocks < small.args['blocks']:
    raise UserError(
      f'{small.note} has {small.args["blocks"]} blocks and cannot grow to {blocks}'
    )
  keep = ('features', 'internal_range')
  args = {'blocks': blocks, **{name: small.args[name] for name in keep}}
  if generator == 'mdsr':
    args['scales'] = (2, 3, 4)
  model = models.build(generator, scale=4, **args)
  x = np.zeros((1, 8, 8, 3), np.float32)
  params: dict[str, Any] = jax.device_get(model.init(jax.random.key(0), x))['params']
  theirs = small.variables['params']
  up = _torch_order(theirs['up0']['conv'], small.args['layout'])
  for name in params:
    if name in theirs and name != 'up0':
      params[name] = theirs[name]
    elif name.startswith('block') or 'head' in name:
      params[name]['conv2'] = _zeros(params[name]['conv2'])
    elif name.endswith('up1'):
      params[name] = {'conv': _repeat(args['features'])}
    elif name == 'x3_up0':
      params[name] = {'conv': _thirds(up)}
    elif name.endswith('up0'):
      params[name] = {'conv': up}
  return ModelFile(
    generator, 4, args, {'params': params}, f'grown to x4 from {small.note}'
  )


def _zeros(tree: Any) -> Any:
  return jax.tree.map(np.zeros_like, tree)


def _torch_order(conv: dict[str, Any], layout: str) -> dict[str, np.ndarray]:
  """An upsampler by 2 with its channels in the order (map, row, column)."""
  if layout == 'torch':
    return {name: np.asarray(value) for name, value in conv.items()}
  ordered = {}
  for name, value in conv.items():
    value = np.asarray(value)
    split = value.reshape(*value.shape[:-1], 2, 2, -1)
    ordered[name] = np.moveaxis(split, -1, -3).reshape(value.shape)
  return ordered


def _repeat(features: int) -> dict[str, np.ndarray]:
  """An upsampler by 2 that repeats pixels."""
  kernel = np.zeros((3, 3, features, features * 4), np.float32)
  kernel[1, 1] = np.repeat(np.eye(features, dtype=np.float32), 4, axis=1)
  return {'kernel': kernel, 'bias': np.zeros(features * 4, np.float32)}


def _thirds(up: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """An upsampler by 3: the four places of one by 2, and those between them."""
  # Rows: the three new places, as a mixture of the two that there are.
  mix = np.array([[1, 0], [0.5, 0.5], [0, 1]], np.float32)
  thirds = {}
  for name, value in up.items():
    split = value.reshape(*value.shape[:-1], -1, 2, 2)
    mixed = np.einsum('...ab,ia,jb->...ij', split, mix, mix)
    thirds[name] = mixed.reshape(*value.shape[:-1], -1)
  return thirds
