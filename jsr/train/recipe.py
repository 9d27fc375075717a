"""From a config to the arguments of a step: an algorithm is nothing more."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from ml_collections import ConfigDict

from jsr import errors, models
from jsr.data import transforms
from jsr.losses import adversarial, perceptual, pixel
from jsr.models import vgg
from jsr.ops import resize
from jsr.train import optim, state, steps
from jsr.types import Array, Batch, Variables
from jsr.weights import vgg19


@dataclasses.dataclass(frozen=True)
class Recipe:
  """What a config describes.

  Attributes:
    config: The config.
    generator: See `jsr.models`.
    discriminator: None for pixel training.
    generator_tx: Its optimizer.
    discriminator_tx: Its optimizer; None for pixel training.
    losses: Content losses.
    frozen: What the losses read; see `TrainState`.
  """

  config: ConfigDict
  generator: nn.Module
  discriminator: nn.Module | None
  generator_tx: optax.GradientTransformation
  discriminator_tx: optax.GradientTransformation | None
  losses: steps.Losses
  frozen: Any

  def init(self, key: Array) -> state.TrainState:
    """Makes the state of step 0."""
    return state.create(
      key,
      generator=self.generator,
      generator_tx=self.generator_tx,
      discriminator=self.discriminator,
      discriminator_tx=self.discriminator_tx,
      patch_size=self.config.data.patch_size,
      scale=self.config.scale,
      ema=self.config.optim.ema_decay > 0,
      frozen=self.frozen,
    )

  def make_step(
    self, *, axis_name: str | None, prepare: steps.Prepare | None = None
  ) -> steps.Step:
    """Returns the uncompiled step; see `jsr.train.steps`.

    Args:
      axis_name: Mesh axis that the batch is spread over, or None.
      prepare: Makes the pair from the batch; None: `prepare_batch`.
    """
    c = self.config
    prepare = prepare or functools.partial(
      prepare_batch, scale=c.scale, augment=bool(c.data.augment)
    )
    if self.discriminator is None:
      return steps.make_pixel_step(
        generator=self.generator,
        tx=self.generator_tx,
        losses=self.losses,
        prepare=prepare,
        ema_decay=c.optim.ema_decay,
        axis_name=axis_name,
      )
    assert self.discriminator_tx is not None
    return steps.make_gan_step(
      generator=self.generator,
      discriminator=self.discriminator,
      generator_tx=self.generator_tx,
      discriminator_tx=self.discriminator_tx,
      losses=self.losses,
      adversarial=adversarial.get(c.losses.adversarial),
      adversarial_weight=c.losses.adversarial_weight,
      prepare=prepare,
      ema_decay=c.optim.ema_decay,
      axis_name=axis_name,
    )


def prepare_batch(
  batch: Batch, keys: Array, *, scale: int, augment: bool
) -> tuple[Array, Array]:
  """Makes the training pair inside the compiled step.

  Args:
    batch: 'hr': uint8 (N, P, P, 3).
    keys: (N,), one an example.
    scale: P is a multiple of it.
    augment: Flip and turn at random.

  Returns:
    lr (N, P / scale, P / scale, 3) and hr, float32 in [0, 1]. LR is MATLAB's bicubic
    with its rounding, as at test time.
  """
  hr = transforms.dihedral(batch['hr'], keys) if augment else batch['hr']
  lr = resize.resize_uint8(hr, 1 / scale)
  return lr.astype(jnp.float32) / 255, hr.astype(jnp.float32) / 255


def _losses(c: ConfigDict) -> tuple[dict[str, steps.Loss], Any]:
  losses: dict[str, steps.Loss] = {}
  frozen: Any = None
  if c.pixel_weight:
    fn = pixel.get(c.pixel)
    losses['pixel'] = steps.Loss(c.pixel_weight, lambda sr, hr, _: fn(sr, hr))
  if c.tv_weight:
    losses['tv'] = steps.Loss(c.tv_weight, lambda sr, hr, _: pixel.total_variation(sr))
  if c.perceptual_weight:
    weights = vgg19.find(c.vgg, source=c.vgg_source, option='--config.losses.vgg')
    frozen = {'vgg': jax.tree.map(jnp.asarray, weights.params)}

    def perceptual_fn(sr: Array, hr: Array, frozen: Any) -> Array:
      loss = perceptual.make_perceptual(
        functools.partial(
          vgg.features,
          frozen['vgg'],
          preprocess=weights.preprocess,
          padding=weights.padding,
        ),
        dict.fromkeys(c.perceptual_layers, 1.0),
        norm=c.perceptual_norm,
        feature_scale=c.perceptual_scale,
      )
      return loss(sr, hr)

    losses['perceptual'] = steps.Loss(c.perceptual_weight, perceptual_fn)
  if not losses:
    raise errors.UserError(
      'the config has no content loss; set config.losses.pixel_weight or'
      ' config.losses.perceptual_weight above 0'
    )
  return losses, frozen


def make(config: ConfigDict) -> Recipe:
  """Builds everything that a config names.

  Raises:
    UserError: A name, field or size that does not exist or does not fit.
  """
  size, scale = config.data.patch_size, config.scale
  for name, value, least in (
    ('scale', scale, 1),
    ('data.patch_size', size, 1),
    ('data.batch_size', config.data.batch_size, 1),
    ('train.max_steps', config.train.max_steps, 1),
    ('log.every', config.log.every, 1),
    ('eval.every', config.eval.every, 0),
    ('checkpoint.every', config.checkpoint.every, 0),
    ('checkpoint.keep', config.checkpoint.keep, 1),
    ('seed', config.seed, 0),
    ('train.steps_per_dispatch', config.train.steps_per_dispatch, 0),
    ('data.workers', config.data.workers, 0),
    ('data.threads', config.data.threads, 0),
    ('eval.limit', config.eval.limit, 0),
    ('eval.size', config.eval.size, 0),
    ('optim.ema_decay', config.optim.ema_decay, 0),
  ):
    if value < least:
      raise errors.UserError(f'config.{name}={value} must be at least {least}')
  if config.optim.ema_decay >= 1:
    raise errors.UserError('config.optim.ema_decay must be below 1')
  if size % scale:
    raise errors.UserError(
      f'config.data.patch_size={size} is no multiple of config.scale={scale}'
    )
  generator = models.build(
    config.generator.name, scale=scale, **config.generator.args.to_dict()
  )
  discriminator = discriminator_tx = None
  if config.discriminator.name:
    discriminator = models.build_discriminator(
      config.discriminator.name, **config.discriminator.args.to_dict()
    )
    discriminator_tx = optim.make_optimizer(
      config.optim.discriminator, config.train.max_steps
    )
    game = adversarial.get(config.losses.adversarial)
    if game.gradient_penalty and getattr(discriminator, 'batch_norm', False):
      raise errors.UserError(
        f'config.losses.adversarial={config.losses.adversarial} penalises the gradient'
        ' of each example, which batch norm mixes; set'
        ' config.discriminator.args.batch_norm=False'
      )
  losses, frozen = _losses(config.losses)
  return Recipe(
    config=config,
    generator=generator,
    discriminator=discriminator,
    generator_tx=optim.make_optimizer(config.optim.generator, config.train.max_steps),
    discriminator_tx=discriminator_tx,
    losses=losses,
    frozen=frozen,
  )


def start_from(fresh: state.TrainState, variables: Variables) -> state.TrainState:
  """Gives a fresh state the generator of another run.

  Args:
    fresh: State of step 0.
    variables: {'params': ..., ...} of the other run's generator, for use.

  Raises:
    UserError: The two generators differ; names the first difference.
  """
  mine = fresh.generator.variables
  variables = {'params': {}, **variables}
  want = {
    jax.tree_util.keystr(k): v
    for k, v in jax.tree_util.tree_leaves_with_path(dict(mine))
  }
  have = {
    jax.tree_util.keystr(k): v
    for k, v in jax.tree_util.tree_leaves_with_path(dict(variables))
  }
  for name in sorted(want.keys() | have.keys()):
    a, b = want.get(name), have.get(name)
    if a is None or b is None or a.shape != b.shape:
      what = (
        'missing' if b is None else 'not expected' if a is None else 'of another shape'
      )
      raise errors.UserError(
        f'config.init_from holds another generator: {name} is {what}; use the same'
        ' config.generator in both stages'
      )
  new = jax.tree.map(lambda a, b: jnp.asarray(b, a.dtype), dict(mine), dict(variables))
  ema = None
  if fresh.ema is not None:
    ema = jax.tree.map(jnp.copy, new['params'])
  return dataclasses.replace(
    fresh, generator=dataclasses.replace(fresh.generator, variables=new), ema=ema
  )
