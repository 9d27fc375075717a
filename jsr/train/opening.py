"""What a run begins with: its images, and its first state."""

import pathlib

import jax
from ml_collections import ConfigDict

from jsr import errors, models
from jsr.data import sources
from jsr.evaluate import conversion
from jsr.train import preparation, recipe, start
from jsr.train.state import TrainState
from jsr.weights import model_file


def source(config: ConfigDict) -> sources.ImageSource:
  """Opens the images, or pairs, that a config names.

  Raises:
    UserError: There are none, or the config asks for LR that nothing uses.
  """
  c = config.data
  if config.degradation.name == preparation.GIVEN:
    return sources.open_pairs(
      c.source,
      lr=c.lr,
      scale=config.scale,
      split=c.split,
      min_size=c.patch_size // config.scale,
      verify=c.verify,
      progress=config.log.progress,
    )
  if c.lr:
    raise errors.UserError(
      f"config.data.lr={c.lr} is used by degradation 'given' only; set"
      ' config.degradation.name=given, or leave it empty'
    )
  return sources.open_source(
    c.source,
    split=c.split,
    min_size=c.patch_size,
    verify=c.verify,
    progress=config.log.progress,
  )


def state(config: ConfigDict, plan: recipe.Recipe, init_from: str) -> TrainState:
  """Makes the state of step 0.

  Args:
    config: Of the run.
    plan: Its recipe.
    init_from: A workdir or model file whose generator it starts from; '' for none.

  Raises:
    UserError: Another generator, or one of another scale with nothing left out.
  """
  fresh = plan.init(jax.random.fold_in(jax.random.key(config.seed), 0))
  if not init_from:
    return fresh
  path = pathlib.Path(init_from)
  model = model_file.load(path) if path.is_file() else conversion.read_workdir(path)
  # Another scale's network is of use where its tail starts afresh.
  if model.scale != config.scale and not config.init_skip:
    raise errors.UserError(
      f'config.init_from={path} enlarges {model.scale} times, this run {config.scale};'
      ' name the modules of the tail in config.init_skip'
    )
  theirs = models.build(model.generator, scale=model.scale, **dict(model.args))
  start.check_same(plan.generator, theirs, path)
  return start.start_from(fresh, model.variables, config.init_skip)
