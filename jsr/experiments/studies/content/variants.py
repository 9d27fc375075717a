"""The variants: one start, one data order, and a content loss each."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jsr import errors, models
from jsr.data import sources
from jsr.evaluate import conversion
from jsr.evaluate import protocol as protocols
from jsr.experiments.study import Study
from jsr.train import content, steps
from jsr.types import Array
from jsr.weights import model_file
from jsr.weights.model_file import ModelFile

SCALE = 4


class Variant(NamedTuple):
  """One content loss, with or without a discriminator.

  Attributes:
    title: For tables.
    spec: The config that its training starts from.
    layers: Features that its content loss looks in; () for MSE.
    printed: The row of the paper's table that it stands for; '' for none.
  """

  title: str
  spec: str
  layers: tuple[str, ...] = ()
  printed: str = ''

  @property
  def adversarial(self) -> bool:
    """Whether it has a discriminator."""
    return self.spec.startswith('srgan')


VARIANTS = {
  'srresnet-mse': Variant('SRResNet-MSE', 'srresnet.py', (), 'SRResNet-MSE'),
  'srresnet-vgg22': Variant(
    'SRResNet-VGG22', 'srresnet.py:vgg22', ('relu2_2',), 'SRResNet-VGG22'
  ),
  'srgan-mse': Variant('SRGAN-MSE', 'srgan.py:mse', (), 'SRGAN-MSE'),
  'srgan-vgg22': Variant('SRGAN-VGG22', 'srgan.py:vgg22', ('relu2_2',), 'SRGAN-VGG22'),
  'srgan-vgg31': Variant('SRGAN-VGG31', 'srgan.py:vgg22', ('relu3_1',)),
  # As coarse as VGG54: a sixteenth of the picture's height and width.
  'srgan-fire9': Variant('SRGAN-fire9', 'srgan.py:vgg22', ('fire9',), 'SRGAN-VGG54'),
}


def check(c: ConfigDict) -> None:
  """Checks the study's own keys.

  Raises:
    UserError: A variant that there is not, or one that others need and is left out.
  """
  for name in c.variants:
    if name not in VARIANTS:
      raise errors.unknown('variant', name, VARIANTS)
  if c.between not in c.variants[1:]:
    raise errors.UserError(
      f'config.between={c.between} must be one of config.variants, and not the first'
    )


def start(study: Study) -> tuple[pathlib.Path, ModelFile]:
  """Converts the published network that all variants start from, or takes a model file.

  Raises:
    UserError: There is none, it is no SRResNet, or it does not enlarge four times.
  """
  path = study.output / 'start.safetensors'
  source = study.weights_file(study.config.start)
  if model_file.is_model_file(source):
    model = conversion.load(source)
  else:
    model = conversion.from_file(source, generator='srresnet')
  if (model.generator, model.scale) != ('srresnet', SCALE):
    raise errors.UserError(
      f'config.start={source} holds {model.generator} x{model.scale}, and the study'
      f' needs srresnet x{SCALE}'
    )
  conversion.save(path, model)
  return path, model


def recipe(
  study: Study, name: str, seed: int, begin: tuple[pathlib.Path, ModelFile]
) -> ConfigDict:
  """Returns the config of a training, its content loss not yet brought to size."""
  c, variant = study.config, VARIANTS[name]
  path, model = begin
  changes: dict[str, Any] = {
    'seed': seed,
    'init_from': path,
    **{f'generator.args.{key}': value for key, value in model.args.items()},
    'generator.args.momentum': c.momentum,
    'data.source': study.data_folder(c.source),
    'data.batch_size': c.batch_size,
    'data.patch_size': c.patch_size,
    'data.verify': False,  # Resident pictures are decoded before the first step.
    'optim.generator.learning_rate': c.learning_rate,
    'optim.generator.warmup': c.warmup,
    'optim.generator.schedule': 'cosine',
    'optim.generator.decay': 0.0,
    'train.max_steps': c.steps,
    'eval.every': 0,
    'eval.limit': 1,
    'eval.size': 64,
    'checkpoint.every': 50,
    'checkpoint.keep_every': 0,
    'checkpoint.keep': 1,
    'checkpoint.best_metric': '',
    'log.every': min(10, c.steps),
    'log.progress': False,
  }
  if variant.layers:
    changes |= {
      'losses.perceptual_layers': variant.layers,
      'losses.perceptual_scale': 1.0,
      'losses.vgg': study.weights_file(c.vgg),
      'losses.squeezenet': study.weights_file(c.squeezenet),
    }
  if variant.adversarial:
    changes |= {
      'discriminator.name': 'SRGANPool',
      'discriminator.args.depth': c.discriminator.depth,
      'discriminator.args.features': c.discriminator.features,
      'discriminator.args.hidden': c.discriminator.hidden,
      'discriminator.args.batch_norm': c.discriminator.batch_norm,
      'optim.discriminator.learning_rate': c.discriminator.learning_rate,
    }
  return study.recipe(variant.spec, changes)


def patches(study: Study) -> tuple[Array, Array]:
  """LR and HR of training pictures' middles, float in [0, 1]."""
  c = study.config
  size = c.patch_size
  source = sources.open_source(
    str(study.data_folder(c.source)),
    split='train',
    min_size=size,
    verify=False,
    progress=False,
  )
  hr = []
  for i in np.linspace(0, len(source) - 1, c.calibration).astype(int):
    picture = source[int(i)]
    top, left = ((length - size) // 2 for length in picture.shape[:2])
    hr.append(picture[top : top + size, left : left + size])
  lr = [protocols.make_lr(image, SCALE, 'symmetric') for image in hr]
  low, high = (jnp.asarray(np.stack(x) / 255, jnp.float32) for x in (lr, hr))
  return low, high


def pull(config: ConfigDict, sr: Array, hr: Array) -> dict[str, float]:
  """How strongly a content loss pulls at a picture.

  Args:
    config: Of the training.
    sr: (N, H, W, 3) in [0, 1].
    hr: Likewise.

  Returns:
    'loss', and 'gradient': the norm of its gradient in the picture.
  """
  losses, frozen = content.make_losses(config.losses)

  def total(sr: Array, frozen: Any) -> Array:
    context = steps.Context(frozen, {}, jnp.zeros((), jnp.int32))
    return sum(
      (one.weight * one.fn(sr, hr, context) for one in losses.values()), jnp.zeros(())
    )

  loss, gradient = jax.jit(jax.value_and_grad(total))(sr, frozen)
  return {'loss': float(loss), 'gradient': float(jnp.linalg.norm(gradient))}


def calibrate(
  study: Study, configs: Mapping[str, ConfigDict], model: ModelFile
) -> dict[str, dict[str, float]]:
  """Brings the content losses to one size, on training pictures.

  The paper divides VGG's features by 12.75 to bring their loss to the size of MSE's;
  here each loss in features gets the weight with which it pulls at the pictures of the
  common start as strongly as the paper's MSE does. So the paper's 1e-3 means the same
  for all of them.

  Args:
    study: Which one.
    configs: One training of each variant; their weights are set.
    model: The start.

  Returns:
    {variant: {'loss', 'gradient', 'weight'}}, before the weights.
  """
  lr, hr = patches(study)
  network = models.build(model.generator, scale=model.scale, **model.args)
  sr = jax.jit(network.apply)(model.variables, lr)
  mse = study.recipe('srresnet.py', {})
  aim = pull(mse, sr, hr)['gradient']
  made: dict[str, dict[str, float]] = {}
  for name, config in configs.items():
    found = pull(config, sr, hr)
    # To three digits, so that a run that resumes finds the same number.
    weight = float(f'{aim / found["gradient"]:.3g}') if VARIANTS[name].layers else 1.0
    made[name] = {**found, 'weight': weight}
  return made


def weigh(config: ConfigDict, weight: float) -> None:
  """Gives the loss in features its weight."""
  if config.losses.perceptual_weight:
    config.losses.perceptual_weight = weight


def share(log: Sequence[Mapping[str, Any]], weight: float) -> float | None:
  """The adversarial share of the generator's loss, over the last third of a run."""
  lines = [line for line in log if 'g/adversarial' in line]
  last = lines[-max(1, len(lines) // 3) :]
  if not last:
    return None
  return float(np.mean([weight * x['g/adversarial'] / x['g/total'] for x in last]))
