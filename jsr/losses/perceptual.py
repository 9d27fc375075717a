"""Distance of two pictures in the features of a network."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from jsr.errors import UserError, unknown
from jsr.types import Array

# Ledig et al. 2017 (SRGAN), 3.2: brings Caffe-scaled VGG features to the size of
# pixels; squared it is the 0.00615 of other code. Wrong for torch-scaled features.
SRGAN_FEATURE_SCALE = 1 / 12.75
NORMS = ('mse', 'l1')
REDUCTIONS = ('mean', 'spatial')


def make_perceptual(
  features_fn: Callable[[Array, tuple[str, ...]], Mapping[str, Array]],
  layers: Mapping[str, float],
  *,
  norm: str = 'mse',
  feature_scale: float = 1.0,
  reduction: str = 'mean',
) -> Callable[[Array, Array], Array]:
  """Returns the pure loss `(sr, hr) -> float32 scalar`; no gradient flows into hr.

  SRGAN: {'relu5_4': 1}, 'mse', 1 / 12.75 with Caffe-style weights (Ledig et al. 2017,
  eq. 5). ESRGAN: {'conv5_4': 1}, 'l1', 1 with torchvision weights (Wang et al. 2018,
  3.3). Several layers: the weighted sum (Real-ESRGAN).

  Args:
    features_fn: `(images, names) -> {name: (N, h, w, C)}`, for instance
      `functools.partial(vgg.features, params)`. Building the loss inside the step costs
      nothing and lets `params` be an argument of the step.
    layers: {name: weight of its distance}.
    norm: 'mse' or 'l1', of the difference of the features.
    feature_scale: Factor on the features before the distance.
    reduction: 'mean' over everything; 'spatial' sums over channels and divides by the
      number of positions, as the SRGAN paper writes it: C times as large.

  Raises:
    UserError: Unknown norm or reduction, or no layer at all.
  """
  if norm not in NORMS:
    raise unknown('perceptual norm', norm, NORMS)
  if reduction not in REDUCTIONS:
    raise unknown('perceptual reduction', reduction, REDUCTIONS)
  if not layers:
    raise UserError('a perceptual loss needs at least one layer, such as relu5_4')
  names = tuple(layers)

  def distance(a: Array, b: Array) -> Array:
    d = (a.astype(jnp.float32) - b.astype(jnp.float32)) * feature_scale
    each = jnp.square(d) if norm == 'mse' else jnp.abs(d)
    return jnp.mean(each if reduction == 'mean' else jnp.sum(each, axis=-1))

  def loss(sr: Array, hr: Array) -> Array:
    of_sr = features_fn(sr, names)
    of_hr = jax.lax.stop_gradient(features_fn(jax.lax.stop_gradient(hr), names))
    total = jnp.zeros((), jnp.float32)
    for name, weight in layers.items():
      total += weight * distance(of_sr[name], of_hr[name])
    return total

  return loss
