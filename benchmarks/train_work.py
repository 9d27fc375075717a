"""What the contenders of benchmarks/train.py work on: a config's step, on given pairs.

Degradation, augmentation and reading are left out on both sides alike: every step gets
the same pairs of float32 pictures, which are on the device.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jsr.train import profile, recipe, settings, steps
from jsr.train.recipe import Recipe
from jsr.weights import model_file

ROOT = pathlib.Path(__file__).resolve().parents[1]
# No first stage, and VGG19 of random numbers: neither changes the work.
ALWAYS = ('--config.init_from=', '--config.losses.vgg=random')


def load(
  name: str, *, batch: int, patch: int, tiny: bool, overrides: Sequence[str] = ()
) -> tuple[str, list[str]]:
  """Returns the config of a workload, and its overrides, for `settings.load`.

  Args:
    name: Of a file of configs/.
    batch: Patches a step.
    patch: Height and width of HR; 0 leaves the config's.
    tiny: The config's `smoke` form, whose networks have a block or two.
    overrides: Further ones.
  """
  spec = f'{ROOT}/configs/{name}.py' + (':smoke' if tiny else '')
  made = [*ALWAYS, f'--config.data.batch_size={batch}']
  if patch:
    made.append(f'--config.data.patch_size={patch}')
  if tiny:
    made.append('--config.losses.vgg=narrow')
    if name == 'srgan':  # Most of the time of a tiny step is its compilation.
      made.append('--config.discriminator.args.depth=4')
  return spec, [*made, *overrides]


def make_step(plan: Recipe) -> Callable[..., steps.Step]:
  """Returns the step on given pairs, uncompiled; it takes `axis_name`."""

  def given(batch, keys):
    return steps.Pair(batch['lr'], batch['hr'])

  return functools.partial(plan.make_step, prepare=given)


def pairs(plan: Recipe, seed: int = 0) -> dict[str, np.ndarray]:
  """Returns 'hr' (N, P, P, 3) and 'lr', the means of its squares; both in [0, 1]."""
  c = plan.config
  n, size, scale = c.data.batch_size, c.data.patch_size, c.scale
  small = size // scale
  rng = np.random.default_rng(seed)
  # Coarse patterns and a little noise: activations of the size that pictures give.
  coarse = rng.random((n, small, small, 3), np.float32)
  hr = coarse.repeat(scale, 1).repeat(scale, 2)
  hr = 0.8 * hr + 0.2 * rng.random(hr.shape, np.float32)
  lr = hr.reshape(n, small, scale, small, scale, 3).mean((2, 4))
  return {'lr': lr, 'hr': hr}


def abstract(plan: Recipe, seed: int = 0) -> tuple[Any, dict[str, Any], Any]:
  """Returns shapes of the step's arguments; nothing is computed."""
  key = jax.eval_shape(lambda: jax.random.key(seed))
  state = jax.eval_shape(plan.init, key)
  n, size = plan.config.data.batch_size, plan.config.data.patch_size
  small = size // plan.config.scale
  batch = {
    'hr': jax.ShapeDtypeStruct((n, size, size, 3), jnp.float32),
    'lr': jax.ShapeDtypeStruct((n, small, small, 3), jnp.float32),
    'index': jax.ShapeDtypeStruct((n,), jnp.int32),
  }
  return state, batch, key


def operations(plan: Recipe) -> float:
  """Floating-point operations of one step, by XLA's count before it optimises."""
  return profile.operations(make_step(plan)(axis_name=None), *abstract(plan))


def write(
  folder: pathlib.Path, spec: str, overrides: list[str], *, device: str, steps: int
) -> Recipe:
  """Writes what the contenders read: the config, the first weights, a batch."""
  plan = recipe.make(settings.load(spec, overrides))
  c = plan.config.to_dict()
  state = plan.init(jax.random.key(0))
  flat: dict[str, np.ndarray] = {}
  for whose, player in (
    ('generator', state.generator),
    ('discriminator', state.discriminator),
  ):
    if player is not None:
      for tree in player.variables.values():
        for path, value in model_file.flatten(tree).items():
          flat[f'{whose}/{path}'] = np.asarray(value)
  if plan.frozen is not None:
    for path, value in model_file.flatten(plan.frozen['vgg']).items():
      flat[f'vgg/{path}'] = np.asarray(value)
  np.savez(folder / 'weights.npz', **flat)
  np.savez(folder / 'batch.npz', **pairs(plan))
  work = {
    'spec': spec,
    'overrides': overrides,
    'device': device,
    'steps': steps,
    'generator': c['generator']['name'],
    'args': _fields(plan.generator),
    'discriminator': c['discriminator']['name'],
    'discriminator_args': _fields(plan.discriminator),
    'losses': c['losses'],
    'optim': c['optim'],
  }
  (folder / 'work.json').write_text(json.dumps(work))
  return plan


def _fields(module: Any) -> dict[str, Any]:
  """A network's attributes, defaults included, as far as JSON can hold them."""
  if module is None:
    return {}
  values = {f.name: getattr(module, f.name) for f in dataclasses.fields(module)}
  plain = (bool, int, float, str)
  return {name: value for name, value in values.items() if isinstance(value, plain)}
