"""VGG19 features by name, the eyes of the perceptual losses.

Names: `conv{i}_{j}` before ReLU, `relu{i}_{j}` after it, `pool{i}` after the 2x2 max
pooling that ends group i. VGG22 of the SRGAN paper is `relu2_2`, VGG54 is `relu5_4`;
ESRGAN takes `conv5_4`. Source: Simonyan and Zisserman 2015 (configuration E).
"""

from collections.abc import Collection

import jax
import jax.numpy as jnp
from flax import linen as nn

from jsr.errors import UserError, unknown
from jsr.types import Array, Params

# (convolutions, channels) of the five groups.
GROUPS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
PREPROCESS = ('torch', 'caffe')
PADDING = ('zero', 'reflect')


def _layers() -> tuple[str, ...]:
  names = []
  for i, (count, _) in enumerate(GROUPS, 1):
    for j in range(1, count + 1):
      names += [f'conv{i}_{j}', f'relu{i}_{j}']
    names.append(f'pool{i}')
  return tuple(names)


LAYERS = _layers()


def features(
  params: Params,
  images: Array,
  names: Collection[str],
  *,
  preprocess: str = 'torch',
  padding: str = 'zero',
  dtype: jnp.dtype | type = jnp.float32,
) -> dict[str, Array]:
  """Returns the asked VGG19 features and computes nothing deeper than they need.

  The arguments after `names` are facts of the weights, see `jsr.weights.vgg19`. Under
  `jax.jit` pass `params` in as an argument: a closure would compile 80 MB of constants.

  Args:
    params: {'conv1_1': {'kernel': (3, 3, 3, 64), 'bias': (64,)}, ...}; may end early,
      as long as it reaches the deepest name.
    images: (N, H, W, 3) RGB in [0, 1].
    names: Names from `LAYERS`.
    preprocess: 'torch' (ImageNet mean and deviation on [0, 1]) or 'caffe' (BGR in
      0..255 minus the mean).
    padding: 'zero', or 'reflect' for the normalised weights.
    dtype: In which the convolutions compute.

  Returns:
    {name: (N, h, w, C) of `dtype`} where h = H // 2**(poolings before it), the same w.

  Raises:
    UserError: Unknown name, weights that end too early, or images too small.
  """
  for name in names:
    if name not in LAYERS:
      raise unknown('VGG19 layer', name, LAYERS)
  if padding not in PADDING:
    raise unknown('VGG19 padding', padding, PADDING)
  if images.ndim != 4 or images.shape[-1] != 3:
    raise ValueError(f'images must be (N, H, W, 3), not {images.shape}')
  if not names:
    return {}
  check_reach(params, names)
  needed = _needed(names)
  _check_size(images, needed)

  found = {}
  x = normalise(images.astype(jnp.float32), preprocess).astype(dtype)
  for name in needed:
    if name.startswith('conv'):
      x = _conv(x, params[name], padding)
    elif name.startswith('relu'):
      x = jax.nn.relu(x)
    else:
      x = _max_pool(x)
    if name in names:
      found[name] = x
  return found


def normalise(images: Array, preprocess: str) -> Array:
  """Maps RGB in [0, 1] to what the weights were trained on.

  Args:
    images: (N, H, W, 3) float32 RGB in [0, 1].
    preprocess: 'torch' or 'caffe'; 0.5 grey becomes (.0655, .1964, .4178) or
      (23.561, 10.721, 3.82).

  Raises:
    UserError: Unknown convention.
  """
  if preprocess == 'torch':
    mean = jnp.array([[[[0.485, 0.456, 0.406]]]], jnp.float32)
    deviation = jnp.array([[[[0.229, 0.224, 0.225]]]], jnp.float32)
    return (images - mean) / deviation
  if preprocess == 'caffe':
    mean = jnp.array([[[[103.939, 116.779, 123.68]]]], jnp.float32)
    return images[..., ::-1] * 255 - mean
  raise unknown('VGG19 preprocessing', preprocess, PREPROCESS)


def _conv(x: Array, layer: Params, padding: str) -> Array:
  if padding == 'reflect':
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='reflect')
  y = jax.lax.conv_general_dilated(
    x,
    jnp.asarray(layer['kernel'], x.dtype),
    window_strides=(1, 1),
    padding='SAME' if padding == 'zero' else 'VALID',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )
  return y + jnp.asarray(layer['bias'], x.dtype).reshape(1, 1, 1, -1)


def _max_pool(x: Array) -> Array:
  return nn.max_pool(x, (2, 2), (2, 2))


def _needed(names: Collection[str]) -> tuple[str, ...]:
  """All layers up to the deepest."""
  return LAYERS[: 1 + max(map(LAYERS.index, names))]


def check_reach(params: Params, names: Collection[str]) -> None:
  """Raises UserError unless the weights reach all of the layers."""
  missing = [n for n in _needed(names) if n.startswith('conv') and n not in params]
  if missing:
    raise UserError(
      f'the VGG19 weights lack {", ".join(missing)}, which the asked features need: '
      'give a complete weights file or ask for a shallower layer'
    )


def _check_size(images: Array, needed: Collection[str]) -> None:
  least = 2 ** sum(name.startswith('pool') for name in needed)
  height, width = images.shape[1:3]
  if min(height, width) < least:
    raise UserError(
      f'images of {height}x{width} pixels are too small for VGG19 {list(needed)[-1]}: '
      f'use at least {least}x{least} or ask for a shallower layer'
    )
