"""Workdirs and sets of pictures for tests, made in a moment."""

import contextlib

import jax
import numpy as np
from PIL import Image

from jsr.train import checkpoint, opening, recipe, settings
from tests.train import small

METRIC = 'eval/photographs_x4/psnr_y'


def save(path, array):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(path)


def make(folder, steps=((1, 1.0),), **changes):
  """A workdir as training leaves it, without training.

  Args:
    folder: Gets it.
    steps: (step, PSNR of its evaluation) of the checkpoints; each step has parameters
      of its own.
    **changes: See `small.config`.
  """
  config = small.config(gan=False, checkpoint__best_metric='psnr_y', **changes)
  folder.mkdir(parents=True)
  settings.write(folder, config)
  plan = recipe.make(config)
  with contextlib.closing(
    checkpoint.Checkpoints(folder, keep=5, best_metric=METRIC)
  ) as checkpoints:
    for step, psnr in steps:
      state = plan.init(jax.random.key(step)).replace(step=np.int32(step))
      checkpoints.save(state, {'step': step}, {METRIC: psnr})
    checkpoints.wait()
  return folder


def begun(config, workdir):
  """Stands for `jsr.train.loop.train` where a test needs its workdirs alone: they hold
  what the training starts from."""
  plan = recipe.make(config)
  assert len(opening.source(config)) > 0
  state = opening.state(config, plan, config.init_from)
  workdir.mkdir(parents=True)
  settings.write(workdir, config)
  with contextlib.closing(checkpoint.Checkpoints(workdir, keep=1)) as checkpoints:
    checkpoints.save(state.replace(step=np.int32(1)), {'step': 1}, None)
    checkpoints.wait()
  return {'step': config.train.max_steps, 'reason': 'max_steps'}
