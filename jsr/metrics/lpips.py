"""LPIPS: distance of two pictures in learned weights of a network's features.

The parameters come from `jsr.weights.lpips`; without them there is no LPIPS, and never
one of random weights. Compare only numbers of the same network and version.

Source: Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep
Features as a Perceptual Metric", 2018, equation 1; versions 0.0 and 0.1 of its program.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jsr.errors import unknown
from jsr.metrics import lpips_nets
from jsr.types import Array, Params

VERSIONS = ('0.1', '0.0')
# Of version 0.1: ImageNet's mean and deviation, for input in [-1, 1], to three digits.
SHIFT = np.array([-0.030, -0.088, -0.188])
SCALE = np.array([0.458, 0.448, 0.450])
# Outside of the root, as in the program.
EPSILON = 1e-10


class Weights(Protocol):
  """What `jsr.weights.lpips.find` returns.

  Attributes:
    net: 'alex', 'vgg' or 'squeeze'.
    version: '0.1' or '0.0'.
    convs: Parameters of the network, see `jsr.metrics.lpips_nets.features`.
    heads: One (C,) >= 0 for each of its features.
  """

  @property
  def net(self) -> str: ...  # noqa: D102
  @property
  def version(self) -> str: ...  # noqa: D102
  @property
  def convs(self) -> Params: ...  # noqa: D102
  @property
  def heads(self) -> Sequence[np.ndarray]: ...  # noqa: D102


def load(weights: Weights) -> Callable[[Array, Array], Array]:
  """Returns the metric (sr, hr) -> (N,) for (N, H, W, 3) or grey on 0..255.

  It compiles itself and computes in float32, as the program does; the parameters are
  arguments of the compiled function, not constants.
  """
  net, version = weights.net, weights.version
  run = jax.jit(
    lambda convs, heads, x, y: lpips(x, y, convs, heads, net=net, version=version)
  )
  # On the device once, not once a picture.
  convs, heads = jax.device_put((weights.convs, list(weights.heads)))
  return lambda sr, hr: run(convs, heads, sr, hr)


def lpips(
  x: Array,
  y: Array,
  convs: Params,
  heads: Sequence[Array],
  *,
  net: str,
  version: str = '0.1',
) -> Array:
  """LPIPS, (N,); 0 for equal pictures.

  Args:
    x: (N, H, W, 3) RGB on 0..255; one channel stands for three.
    y: Likewise.
    convs: See `Weights`.
    heads: See `Weights`.
    net: See `Weights`.
    version: '0.1' normalises colours as ImageNet's; '0.0' feeds [-1, 1] as it is and
      has heads of its own.

  Returns:
    float32, in the dtype of x.
  """
  if version not in VERSIONS:
    raise unknown('version of LPIPS', version, VERSIONS)
  images = jnp.concatenate([x, y]).astype(jnp.float32)
  if images.shape[-1] == 1:
    images = jnp.repeat(images, 3, axis=-1)
  images = normalise(images / 127.5 - 1, version)
  # Both pictures as one batch.
  total = jnp.zeros(x.shape[0], jnp.float32)
  found = lpips_nets.features(net, convs, images)
  for feature, head in zip(found, heads, strict=True):
    first, second = jnp.split(unit(feature), 2)
    total += jnp.mean(weighted(first, second, head), axis=(-2, -1))
  return total.astype(x.dtype)


def normalise(images: Array, version: str = '0.1') -> Array:
  """Maps RGB in [-1, 1] to the network's input; grey 0 to (.0655, .1964, .4178)."""
  if version == '0.0':
    return images
  shift, scale = (
    jnp.asarray(v, images.dtype).reshape(1, 1, 1, 3) for v in (SHIFT, SCALE)
  )
  return (images - shift) / scale


def unit(feature: Array) -> Array:
  """Divides each position of (N, h, w, C) by its length over the channels."""
  square = jnp.sum(jnp.square(feature), axis=-1, keepdims=True)
  # The inner maximum gives the root a gradient where a position is all zero.
  return feature / (jnp.sqrt(jnp.maximum(square, 1e-20)) + EPSILON)


def weighted(first: Array, second: Array, head: Array) -> Array:
  """Squared difference of two unit features under one head, (N, h, w)."""
  head = jnp.asarray(head, first.dtype).reshape(1, 1, 1, -1)
  return jnp.sum(jnp.square(first - second) * head, axis=-1)
