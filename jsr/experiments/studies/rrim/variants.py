"""The three generators, and their trainings: the same data in the same order."""

import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from jsr.experiments.study import Study


class Variant(NamedTuple):
  """A generator that is trained.

  Attributes:
    title: Its name in tables.
    file: Its config.
    words: Argument of that config.
    width: Features of the trunk, as a multiple of the study's.
    depth: The field that counts its blocks.
  """

  title: str
  file: str
  words: str
  width: int
  depth: str


VARIANTS = {
  'srgan': Variant('SRGAN', 'srgan_tl.py', '', 1, 'blocks'),
  'srgan-nobn': Variant('SRGAN without batch norm', 'srgan_tl.py', 'nobn', 1, 'blocks'),
  'rrim': Variant('RRIM', 'rrim.py', '', 2, 'modules'),
}
# A step that is not finite is skipped and counted; to go back to a checkpoint would
# hide what the study looks for.
NEVER = 10**9
# The report's.
FULL_BLOCKS, FULL_FEATURES = 16, 64


def recipe(
  study: Study,
  name: str,
  seed: int,
  *,
  first_stage: bool,
  plain: bool = False,
  changes: Mapping[str, Any] | None = None,
) -> ConfigDict:
  """Returns the config of a training.

  Args:
    study: The study.
    name: Of the variant.
    seed: Of the training.
    first_stage: The one by MSE.
    plain: It too by the report's gradient descent, in place of Adam.
    changes: Keys that differ from the study's sizes.

  Raises:
    UserError: A key that does not fit.
  """
  c, variant = study.config, VARIANTS[name]
  words = ','.join(filter(None, ('init' * first_stage, variant.words)))
  keys: dict[str, Any] = {
    'seed': seed,
    'init_from': '',
    # Without VGG19, of which there is no complete public file.
    'losses.perceptual_weight': 0.0,
    f'generator.args.{variant.depth}': c.blocks,
    'generator.args.features': variant.width * c.features,
    'data.source': str(study.data_folder(c.source)),
    'data.batch_size': c.batch_size,
    'data.patch_size': c.patch_size,
    'train.max_steps': c.init_steps if first_stage else c.steps,
    'eval.every': 0,
    'eval.sets': (),
    'checkpoint.every': 500,
    'checkpoint.best_metric': '',
    'checkpoint.keep': 1,
    'guard.max_streak': NEVER,
    'log.every': 50 if first_stage else 1,
    'log.progress': False,
  }
  if first_stage and not plain:
    keys['optim.generator.name'] = 'adam'
    keys['optim.generator.learning_rate'] = c.init_rate
  return study.recipe(f'{variant.file}:{words}', {**keys, **(changes or {})})


def _discriminator(study: Study) -> dict[str, Any]:
  """The one that the report names, in the study's size."""
  fields = study.config.discriminator.items()
  return {'discriminator.name': 'SRGAN'} | {
    f'discriminator.args.{field}': value for field, value in fields
  }


def timed(study: Study, name: str) -> ConfigDict:
  """Returns the config whose step is timed; see `config.timing`."""
  timing, variant = study.config.timing, VARIANTS[name]
  changes: dict[str, Any] = {
    'data.batch_size': timing.batch_size,
    'data.patch_size': timing.patch_size,
  }
  if timing.full:  # With the discriminator of the code base, as the configs have it.
    changes |= {
      f'generator.args.{variant.depth}': FULL_BLOCKS,
      'generator.args.features': variant.width * FULL_FEATURES,
    }
  else:
    changes |= _discriminator(study)
  return recipe(study, name, 0, first_stage=False, changes=changes)


def train(study: Study) -> dict[str, list[pathlib.Path]]:
  """Trains both stages of every variant and seed; returns the second ones' workdirs.

  All variants of a seed before the next seed: a study that is cut short has whole
  comparisons.
  """
  made: dict[str, list[pathlib.Path]] = {name: [] for name in VARIANTS}
  for seed in range(study.config.seeds):
    for name in VARIANTS:
      first = study.train(
        f'{name}-init-{seed}', recipe(study, name, seed, first_stage=True)
      )
      made[name].append(_second_stage(study, name, seed, first, f'{name}-{seed}'))
  return made


def _second_stage(
  study: Study, name: str, seed: int, first: pathlib.Path, run: str
) -> pathlib.Path:
  changes = {'init_from': str(first), **_discriminator(study)}
  config = recipe(study, name, seed, first_stage=False, changes=changes)
  return study.train(run, config)


def first_stage(study: Study, name: str, seed: int) -> pathlib.Path:
  """Returns the workdir of a first stage that `train` has made."""
  return study.output / 'runs' / f'{name}-init-{seed}'


def train_plainly(study: Study) -> dict[str, tuple[pathlib.Path, pathlib.Path]]:
  """Trains both stages by the report's own gradient descent, with seed 0.

  Returns:
    The workdirs of the first and of the second stage of each variant.
  """
  made = {}
  for name in VARIANTS:
    config = recipe(study, name, 0, first_stage=True, plain=True)
    first = study.train(f'{name}-plain-init-0', config)
    made[name] = first, _second_stage(study, name, 0, first, f'{name}-plain-0')
  return made
