"""The distance of two pictures in features of SqueezeNet, where there is no LPIPS."""

import functools
import pathlib

import jax
import jax.numpy as jnp

from jsr.evaluate.columns import Column
from jsr.evaluate.extra import Extra
from jsr.metrics import lpips, lpips_nets, registry
from jsr.train import features
from jsr.types import Array, Params
from jsr.weights import squeezenet

NAME, TITLE = 'squeezenet_distance', 'SqueezeNet distance'


def load(path: pathlib.Path) -> Extra:
  """Returns the distance as a metric for `jsr.evaluate.benchmark.measure`.

  Args:
    path: See `jsr.weights.squeezenet.load`.

  Raises:
    UserError: No such file, or not SqueezeNet 1.1.
  """
  params, preprocess = squeezenet.load(path)
  # An argument of the compiled function, not a constant in it.
  compiled = jax.jit(functools.partial(distance, preprocess=preprocess))
  smallest = lpips_nets.SMALLEST['squeeze']
  metric = registry.Metric(NAME, TITLE, None, 'rgb', 'lower', smallest=smallest)
  measure = functools.partial(compiled, jax.device_put(params))
  return Extra(Column(NAME, TITLE, 4, 'lower'), metric, measure)


def distance(params: Params, sr: Array, hr: Array, *, preprocess: str) -> Array:
  """The distance of two pictures in SqueezeNet's features, (N,); 0 for equal ones.

  At each position features are divided by their length over the channels, as in LPIPS;
  the squared difference is summed over channels and averaged over the plane and the
  seven layers. It is not LPIPS: no learned weights, and Caffe's training.

  Args:
    params: See `jsr.weights.squeezenet`.
    sr: (N, H, W, 3) or grey on 0..255.
    hr: Likewise.
    preprocess: A fact of the parameters.
  """
  images = jnp.concatenate([jnp.asarray(x, jnp.float32) for x in (sr, hr)]) / 255
  if images.shape[-1] == 1:
    images = jnp.repeat(images, 3, axis=-1)
  total = jnp.zeros(len(images) // 2, jnp.float32)
  for feature in features.of_squeezenet(params, images, preprocess=preprocess):
    a, b = jnp.split(lpips.unit(feature), 2)
    total += jnp.mean(jnp.sum(jnp.square(a - b), axis=-1), axis=(1, 2))
  return total / len(features.SQUEEZENET)
