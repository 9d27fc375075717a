"""Content losses from a config."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jsr import errors
from jsr.losses import perceptual, pixel
from jsr.train import features, steps
from jsr.types import Array


def make_losses(c: ConfigDict, dtype: Any = None) -> tuple[dict[str, steps.Loss], Any]:
  """Builds the content losses.

  Args:
    c: `config.losses`.
    dtype: In which the networks of features compute; None: float32.

  Returns:
    The losses by name, and the parameters that they read (`TrainState.frozen`).

  Raises:
    UserError: An unknown name, missing weights of features, or no loss at all.
  """
  losses: dict[str, steps.Loss] = {}
  frozen: Any = None
  if c.pixel_weight:
    fn = pixel.get(c.pixel)
    if c.recursion_steps:
      share = functools.partial(_recursion_share, c.recursion_steps)
      losses['pixel'] = steps.Loss(
        c.pixel_weight,
        lambda sr, hr, context: (1 - share(context.step)) * fn(sr, hr),
      )
      losses['recursions'] = steps.Loss(
        c.pixel_weight,
        lambda sr, hr, context: share(context.step) * _recursions(fn, hr, context),
      )
    else:
      losses['pixel'] = steps.Loss(c.pixel_weight, lambda sr, hr, _: fn(sr, hr))
  if c.tv_weight:
    losses['tv'] = steps.Loss(c.tv_weight, lambda sr, hr, _: pixel.total_variation(sr))
  if c.perceptual_weight:
    loss, frozen = _perceptual(c, dtype)
    losses['perceptual'] = steps.Loss(c.perceptual_weight, loss)
  if not losses:
    raise errors.UserError(
      'the config has no content loss; set config.losses.pixel_weight or'
      ' config.losses.perceptual_weight above 0'
    )
  if c.border:
    losses = {
      name: steps.Loss(loss.weight, _inside(loss.fn, c.border))
      for name, loss in losses.items()
    }
  return losses, frozen


def _perceptual(c: ConfigDict, dtype: Any) -> tuple[Callable[..., Array], Any]:
  of_images, frozen = features.make(c, dtype)

  def fn(sr: Array, hr: Array, context: steps.Context) -> Array:
    loss = perceptual.make_perceptual(
      functools.partial(of_images, context.frozen),
      dict.fromkeys(c.perceptual_layers, 1.0),
      norm=c.perceptual_norm,
      feature_scale=c.perceptual_scale,
    )
    return loss(sr, hr)

  return fn, frozen


def _recursion_share(steps_: int, step: Array) -> Array:
  """DRCN's alpha: from 1 at step 0 down to 0 (Kim et al., 2016, equation 9)."""
  return jnp.maximum(0.0, 1.0 - step.astype(jnp.float32) / steps_)


def _recursions(
  fn: Callable[[Array, Array], Array], hr: Array, context: steps.Context
) -> Array:
  """The mean of the loss over the predictions of every recursion (equation 7)."""
  if 'recursions' not in context.outputs:
    raise errors.UserError(
      'config.losses.recursion_steps needs a generator that shows its recursions, such'
      ' as drcn; set it to 0'
    )
  return jnp.mean(jax.vmap(fn, (0, None))(context.outputs['recursions'], hr))


def _inside(fn: Callable[..., Array], border: int) -> Callable[..., Array]:
  """Lets a loss see nothing of the border."""

  def cut(image: Array) -> Array:
    return image[..., border:-border, border:-border, :]

  def inside(sr: Array, hr: Array, context: steps.Context) -> Array:
    outputs = {name: cut(value) for name, value in context.outputs.items()}
    return fn(cut(sr), cut(hr), context._replace(outputs=outputs))

  return inside
