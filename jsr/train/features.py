"""The networks in whose features a content loss looks, chosen by their layers' names.

VGG19's layers are called relu2_2, SqueezeNet's fire9: a loss may look in both.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jsr.errors import UserError, unknown
from jsr.metrics import lpips_nets
from jsr.models import vgg
from jsr.types import Array, Params
from jsr.weights import squeezenet, vgg19

# SqueezeNet's activations that have a name here, from fine to coarse: those of LPIPS.
SQUEEZENET = ('conv1', 'fire3', 'fire5', 'fire6', 'fire7', 'fire8', 'fire9')
# The mean that the Caffe training took from BGR in 0..255.
_CAFFE_MEAN = (104.0, 117.0, 123.0)

# (frozen parameters, images, names) -> {name: features}.
Features = Callable[[Any, Array, Collection[str]], dict[str, Array]]


def make(c: ConfigDict, dtype: Any = None) -> tuple[Features, dict[str, Any]]:
  """Opens the networks that `perceptual_layers` names.

  Args:
    c: `config.losses`.
    dtype: In which they compute; None: float32.

  Returns:
    The function of their features, and the parameters that it takes.

  Raises:
    UserError: A layer that neither has, or that lies deeper than the weights reach;
      weights that are missing or no such network.
  """
  names = tuple(c.perceptual_layers)
  for name in names:
    if name not in (*vgg.LAYERS, *SQUEEZENET):
      raise unknown('perceptual layer', name, (*vgg.LAYERS, *SQUEEZENET))
  frozen: dict[str, Any] = {}
  facts: dict[str, Any] = {'dtype': dtype or jnp.float32}
  if of_vgg := [name for name in names if name in vgg.LAYERS]:
    weights = vgg19.find(c.vgg, source=c.vgg_source, option='--config.losses.vgg')
    vgg.check_reach(weights.params, of_vgg)
    facts |= {'preprocess': weights.preprocess, 'padding': weights.padding}
    frozen['vgg'] = jax.tree.map(jnp.asarray, weights.params)
  preprocess = ''
  if len(of_vgg) < len(names):
    option = '--config.losses.squeezenet'
    params, preprocess = squeezenet.find(c.squeezenet, option=option)
    frozen['squeezenet'] = jax.tree.map(jnp.asarray, params)

  def features(frozen: Any, images: Array, names: Collection[str]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    if mine := [name for name in names if name in vgg.LAYERS]:
      found |= vgg.features(frozen['vgg'], images, mine, **facts)
    if mine := [name for name in names if name in SQUEEZENET]:
      taps = of_squeezenet(
        frozen['squeezenet'], images, preprocess=preprocess, dtype=facts['dtype']
      )
      found |= {name: taps[SQUEEZENET.index(name)] for name in mine}
    return found

  return features, frozen


def of_squeezenet(
  params: Params,
  images: Array,
  *,
  preprocess: str,
  dtype: jnp.dtype | type = jnp.float32,
) -> Sequence[Array]:
  """Returns SqueezeNet's activations; under `jax.jit` those not used cost nothing.

  Args:
    params: See `jsr.weights.squeezenet`.
    images: (N, H, W, 3) RGB in [0, 1].
    preprocess: A fact of the weights.
    dtype: In which the convolutions compute.

  Returns:
    (N, h, w, C) of `dtype` for each of `SQUEEZENET`; after a first layer of stride 2
    three poolings halve h and w.

  Raises:
    UserError: Images too small.
  """
  least = lpips_nets.SMALLEST['squeeze']
  if min(images.shape[1:3]) < least:
    raise UserError(
      f'images of {images.shape[1]}x{images.shape[2]} pixels are too small for'
      f' SqueezeNet: use at least {least}x{least}'
    )
  x = images.astype(jnp.float32)
  if preprocess == 'caffe':
    mean = jnp.array(_CAFFE_MEAN, jnp.float32).reshape(1, 1, 1, 3)
    x = x[..., ::-1] * 255 - mean
  else:
    x = vgg.normalise(x, preprocess)
  return lpips_nets.features('squeeze', params, x.astype(dtype))
