"""The memory of a training step, with batch norm and without.

Compiled and not run: the compiler knows what it will need. And, where asked for, the
peak of processes that train for two steps.
"""

import contextlib
import functools
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import stages
from ml_collections import ConfigDict

from jsr.errors import UserError
from jsr.experiments import kept
from jsr.experiments.study import Study
from jsr.train import parallel, recipe

NORMED = 'SRResNet'
UNNORMED = 'SRResNet without batch norm'
PLAIN = 'EDSR'
RECOMPUTED = 'EDSR, blocks recomputed'
# Recipe, whether without batch norm, whether it recomputes the blocks.
NETWORKS = {
  NORMED: ('srresnet.py', False, False),
  UNNORMED: ('srresnet.py', True, False),
  PLAIN: ('edsr.py:x4', False, False),
  RECOMPUTED: ('edsr.py:x4', False, True),
}


class Bytes(NamedTuple):
  """What a compiled step needs.

  Attributes:
    arguments: Parameters, their optimizer's state and the batch, bytes.
    temporary: Everything in between: what the forward pass keeps for the backward one.
  """

  arguments: int
  temporary: int

  @property
  def total(self) -> int:
    """Both."""
    return self.arguments + self.temporary


def of_step(config: ConfigDict, *, without_norm: bool = False) -> Bytes:
  """Compiles the step of a training, and asks the compiler what it needs.

  Args:
    config: Of the training; its generator has one scale.
    without_norm: Let every batch norm pass its input on.
  """
  plan = recipe.make(config)
  one = jax.devices()[:1]
  devices = parallel.make('jit', config.data.batch_size, devices=one)
  n, size = config.data.batch_size, config.data.patch_size
  batch = {
    'hr': jax.ShapeDtypeStruct((1, n, size, size, 3), jnp.uint8),
    'index': jax.ShapeDtypeStruct((1, n), jnp.int32),
  }
  key = jax.eval_shape(lambda: jax.random.key(0))
  step = devices.compile(
    plan.make_step, remat=bool(getattr(plan.generator, 'remat', False))
  )
  with _without_norm() if without_norm else contextlib.nullcontext():
    state = jax.eval_shape(plan.init, key)
    lowered = cast(stages.Wrapped, step).lower(state, batch, key)
  found: Any = lowered.compile().memory_analysis()
  return Bytes(found.argument_size_in_bytes, found.temp_size_in_bytes)


@contextlib.contextmanager
def _without_norm() -> Iterator[None]:
  def skip(function: Any, args: Any, kwargs: Any, context: Any) -> Any:
    if isinstance(context.module, nn.BatchNorm) and context.method_name == '__call__':
      return args[0]
    return function(*args, **kwargs)

  with nn.intercept_methods(skip):
    yield


def measure(study: Study) -> dict[str, Any]:
  """Measures every network of `NETWORKS`.

  Returns:
    {'steps': {network: {patch size: {'arguments', 'temporary'} in bytes}}, 'processes':
    {network: peak in bytes}}; the latter is empty where it was not asked for.
  """
  c = study.config.memory
  steps: dict[str, Any] = {}
  for name, (_, without_norm, _) in NETWORKS.items():
    steps[name] = {}
    for size in c.patch_sizes:
      config = study.recipe(*_described(study, name, size))
      found = kept.once(
        study.output / 'measured' / f'memory-{name}-{size}.json'.replace(' ', '-'),
        [c.to_dict(), study.config.features],
        functools.partial(of_step, config, without_norm=without_norm),
      )
      steps[name][str(size)] = Bytes(*found)._asdict()
  processes = {}
  if c.process:
    for name in (NORMED, PLAIN):
      processes[name] = kept.once(
        study.output / 'measured' / f'process-{name}.json',
        [c.to_dict(), study.config.features],
        functools.partial(_peak, study, *_described(study, name, c.patch_sizes[0])),
      )
  return {'steps': steps, 'processes': processes}


def saving(steps: dict[str, Any], size: int, name: str = PLAIN) -> float:
  """The share of SRResNet's memory that a network does not need, at a patch size."""
  ours, theirs = (Bytes(**steps[n][str(size)]).total for n in (name, NORMED))
  return 1 - ours / theirs


def _described(study: Study, name: str, size: int) -> tuple[str, dict[str, Any]]:
  c = study.config
  spec, _, remat = NETWORKS[name]
  changes = {
    'generator.args.blocks': c.memory.blocks,
    'generator.args.features': c.features,
    'data.batch_size': c.memory.batch_size,
    'data.patch_size': size,
  }
  if remat:
    changes['generator.args.remat'] = True
  return spec, changes


def _peak(study: Study, spec: str, changes: dict[str, Any]) -> int | None:
  """Lets another process train for two steps; returns its most resident bytes.

  None where the system does not tell (it is Linux that does).
  """
  short = {
    'train.max_steps': 2,
    'eval.every': 0,
    'eval.limit': 1,
    'eval.size': 64,
    'checkpoint.every': 0,
    'log.progress': False,
  }
  overrides = [f'--config.{k}={v}' for k, v in {**changes, **short}.items()]
  with tempfile.TemporaryDirectory() as folder:
    words = ['train', '--config', str(study.configs / spec), '--workdir', folder]
    process = subprocess.Popen(
      [sys.executable, '-m', 'jsr.cli', *words, *overrides],
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
    )
    most = None
    try:
      while process.poll() is None:
        most = _high_water(process.pid) or most
        time.sleep(0.05)
    finally:  # Ctrl-C here must not leave a training behind.
      process.kill()
      process.wait()
  if process.returncode:
    raise UserError(f'a training of {spec} to measure its memory failed; run it alone')
  return most


def _high_water(pid: int) -> int | None:
  """The most memory of a process so far: of its own program, unlike `getrusage`."""
  try:
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
      if line.startswith('VmHWM:'):
        return int(line.split()[1]) * 1024
  except OSError:
    pass  # It has ended, or this is not Linux.
  return None
