"""SR-NET and the two stages of ESRGAN: their trainings, on the same pictures."""

import pathlib
from typing import Any

from ml_collections import ConfigDict

from jsr.experiments.study import Study

# Keys in results and their titles, in the order of tables.
TITLES = {'srnet': 'SR-NET', 'rrdb': 'RRDB (first stage)', 'esrgan': 'ESRGAN'}


def recipe(study: Study, name: str, seed: int, init_from: str = '') -> ConfigDict:
  """Returns the config of a training.

  Args:
    study: The study.
    name: One of `TITLES`.
    seed: Of the training.
    init_from: Workdir of ESRGAN's first stage; '' for none.

  Raises:
    UserError: A key that does not fit, or there are no training pictures.
  """
  c = study.config
  part = c.srnet if name == 'srnet' else c.rrdb
  keys: dict[str, Any] = {
    'seed': seed,
    'data.source': str(study.data_folder(c.source)),
    'data.batch_size': part.batch_size,
    'data.patch_size': part.patch_size,
    'generator.args.features': part.features,
    # Down to 0: so short a training at a constant rate is judged at a random step.
    'optim.generator.schedule': 'cosine',
    'optim.generator.decay': 0.0,
    # The sets are for the end alone.
    'eval.every': 0,
    'eval.sets': (),
    'checkpoint.best_metric': '',
    'checkpoint.every': 400,
    'checkpoint.keep': 1,
    'log.every': 50,
    'log.progress': False,
  }
  if name == 'srnet':
    keys |= {
      'train.max_steps': part.steps,
      'optim.generator.learning_rate': part.learning_rate,
    }
    return study.recipe('srnet.py', keys)
  keys |= {
    'generator.args.blocks': part.blocks,
    'generator.args.growth': part.growth,
  }
  if name == 'rrdb':
    keys |= {
      'train.max_steps': part.psnr_steps,
      'optim.generator.learning_rate': part.psnr_rate,
    }
    return study.recipe('rrdb.py', keys)
  keys |= {
    'train.max_steps': part.gan_steps,
    'init_from': init_from,
    'discriminator.args.features': part.discriminator,
    # There is no complete public file of VGG19: L1 takes the perceptual loss's place,
    # and its weight, beside the adversarial one.
    'losses.perceptual_weight': 0.0,
    'losses.pixel_weight': 1.0,
    'optim.ema_decay': 0.0,  # An average of so short a run would be its beginning.
    'optim.generator.learning_rate': part.gan_rate,
    'optim.discriminator.learning_rate': part.gan_rate,
    'optim.discriminator.schedule': 'cosine',
    'optim.discriminator.decay': 0.0,
  }
  return study.recipe('esrgan.py:pool', keys)


def train(study: Study) -> dict[str, list[pathlib.Path]]:
  """Trains all, seed by seed; returns the workdirs of each system, a seed each."""
  made: dict[str, list[pathlib.Path]] = {name: [] for name in TITLES}
  for seed in range(study.config.seeds):
    for name in TITLES:
      start = str(made['rrdb'][seed]) if name == 'esrgan' else ''
      config = recipe(study, name, seed, start)
      made[name].append(study.train(f'{name}-{seed}', config))
  return made
