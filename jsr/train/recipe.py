"""From a config to the arguments of a step: an algorithm is nothing more."""

import dataclasses
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from ml_collections import ConfigDict

from jsr import degradations, errors, models
from jsr.losses import adversarial
from jsr.train import branches, content, guard, optim, state, steps
from jsr.train.preparation import GIVEN, channels, prepare_batch
from jsr.types import Array

# In which networks compute; parameters, their updates, losses, batch norm's statistics
# and all other means are float32 always.
PRECISIONS = {'float32': None, 'bfloat16': jnp.bfloat16}


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
    degradation: What makes LR; None where the data has it.
  """

  config: ConfigDict
  generator: nn.Module
  discriminator: nn.Module | None
  generator_tx: optax.GradientTransformation
  discriminator_tx: optax.GradientTransformation | None
  losses: steps.Losses
  frozen: Any
  degradation: dict[int, degradations.Degradation] | None

  @property
  def scales(self) -> tuple[int, ...]:
    """The factors that the generator is trained for; one but for MDSR."""
    return tuple(getattr(self.generator, 'scales', (self.config.scale,)))

  def scale_of(self, step: int, attempt: int) -> int:
    """Returns the factor that a step trains: drawn anew for each, by its number.

    The host draws, and each factor has a compiled step of its own: a switch inside one
    step would make the gradients of convolutions 45 times slower on a CPU.

    Args:
      step: Its number.
      attempt: Which order of the data; see `jsr.train.batches`.
    """
    if len(self.scales) == 1:
      return self.scales[0]
    draw = np.random.default_rng([self.config.seed, attempt, step])
    return self.scales[int(draw.integers(len(self.scales)))]

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
      channels=channels(self.generator),
      ema=self.config.optim.ema_decay > 0,
      frozen=self.frozen,
    )

  def make_step(
    self,
    *,
    axis_name: str | None,
    scale: int | None = None,
    rate: float = 1.0,
    prepare: steps.Prepare | None = None,
  ) -> steps.Step:
    """Returns the uncompiled step; see `jsr.train.steps`.

    Args:
      axis_name: Mesh axis that the batch is spread over, or None.
      scale: The factor that it trains; None: the config's.
      rate: Factor on the learning rates.
      prepare: Makes the pair from the batch; None: `prepare_batch`.
    """
    c = self.config
    scale = scale or c.scale
    generator = self.generator
    # Patches of LR have one size, whatever the factor.
    size = c.data.patch_size // max(self.scales) * scale
    branch = None
    if len(self.scales) > 1:
      generator = generator.clone(scale=scale)
      branch = branches.Branch(str(scale), _branch_of(self.generator))
    prepare = prepare or functools.partial(
      prepare_batch,
      scale=scale,
      augment=bool(c.data.augment),
      degradation=None if self.degradation is None else self.degradation[scale],
      luma=channels(generator) == 1,
      size=size,
    )
    if self.discriminator is None:
      return steps.make_pixel_step(
        generator=generator,
        tx=self.generator_tx,
        losses=self.losses,
        prepare=prepare,
        ema_decay=c.optim.ema_decay,
        rate=rate,
        accumulate=c.train.accumulate,
        branch=branch,
        axis_name=axis_name,
      )
    assert self.discriminator_tx is not None
    return steps.make_gan_step(
      generator=generator,
      discriminator=self.discriminator,
      generator_tx=self.generator_tx,
      discriminator_tx=self.discriminator_tx,
      losses=self.losses,
      adversarial=adversarial.get(c.losses.adversarial),
      adversarial_weight=c.losses.adversarial_weight,
      prepare=prepare,
      ema_decay=c.optim.ema_decay,
      rate=rate,
      accumulate=c.train.accumulate,
      axis_name=axis_name,
    )


def _branch_of(generator: nn.Module) -> branches.BranchOf:
  """Translates the generator's own answer, a factor, to a branch's name."""

  def branch_of(name: str) -> str | None:
    scale = generator.belongs(name)
    return None if scale is None else str(scale)

  return branch_of


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
    ('train.accumulate', config.train.accumulate, 1),
    ('log.every', config.log.every, 1),
    ('eval.every', config.eval.every, 0),
    ('checkpoint.every', config.checkpoint.every, 0),
    ('checkpoint.keep', config.checkpoint.keep, 1),
    ('seed', config.seed, 0),
    ('train.steps_per_dispatch', config.train.steps_per_dispatch, 0),
    ('data.workers', config.data.workers, 0),
    ('data.threads', config.data.threads, 0),
    ('losses.border', config.losses.border, 0),
    ('losses.recursion_steps', config.losses.recursion_steps, 0),
    ('eval.limit', config.eval.limit, 0),
    ('eval.size', config.eval.size, 0),
    ('optim.ema_decay', config.optim.ema_decay, 0),
  ):
    if value < least:
      raise errors.UserError(f'config.{name}={value} must be at least {least}')
  guard.check(config)
  if config.optim.ema_decay >= 1:
    raise errors.UserError('config.optim.ema_decay must be below 1')
  if config.train.precision not in PRECISIONS:
    raise errors.unknown('precision', config.train.precision, PRECISIONS)
  dtype = PRECISIONS[config.train.precision]
  generator = models.build(
    config.generator.name,
    **{'scale': scale, 'dtype': dtype, **config.generator.args.to_dict()},
  )
  scales = tuple(getattr(generator, 'scales', (scale,)))
  if scale not in scales:
    raise errors.UserError(
      f'config.scale={scale} is none of the factors of config.generator.args.scales,'
      f' {", ".join(str(s) for s in scales)}'
    )
  if size % max(scales):
    raise errors.UserError(
      f'config.data.patch_size={size} is no multiple of config.scale={max(scales)}'
    )
  if size <= 2 * config.losses.border:
    raise errors.UserError(
      f'config.losses.border={config.losses.border} leaves nothing of patches of {size}'
    )
  _check_color(config, generator)
  discriminator = discriminator_tx = None
  if config.discriminator.name:
    discriminator = models.build_discriminator(
      config.discriminator.name,
      **{'dtype': dtype, **config.discriminator.args.to_dict()},
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
  losses, frozen = content.make_losses(config.losses, dtype)
  rule, length = config.optim.generator, config.train.max_steps
  if len(scales) > 1:
    generator_tx = branches.partition(
      functools.partial(optim.make_optimizer, optim.constant(rule), length),
      _branch_of(generator),
      tuple(str(s) for s in scales),
      optim.make_factor(rule, length),
    )
  else:
    generator_tx = optim.make_optimizer(rule, length)
  return Recipe(
    config=config,
    generator=generator,
    discriminator=discriminator,
    generator_tx=generator_tx,
    discriminator_tx=discriminator_tx,
    losses=losses,
    frozen=frozen,
    degradation=_degradations(config, scales),
  )


def _check_color(config: ConfigDict, generator: nn.Module) -> None:
  if channels(generator) == 3:
    return
  for wants, key in (
    (config.discriminator.name, 'config.discriminator.name'),
    (config.losses.perceptual_weight, 'config.losses.perceptual_weight'),
  ):
    if wants:
      raise errors.UserError(
        f'{key} needs colour, and generator {config.generator.name} makes Y only;'
        " leave it out, or set config.generator.args.color='rgb' where it has that"
      )


def _degradations(
  config: ConfigDict, scales: tuple[int, ...]
) -> dict[int, degradations.Degradation] | None:
  name, args = config.degradation.name, config.degradation.args.to_dict()
  if name != GIVEN:
    return {s: degradations.make(name, scale=s, **args) for s in scales}
  if args:
    raise errors.UserError(
      "degradation 'given' has no arguments; empty config.degradation.args"
    )
  if len(scales) > 1:
    raise errors.UserError(
      "degradation 'given' has LR of one scale, and generator"
      f' {config.generator.name} trains several'
    )
  return None
