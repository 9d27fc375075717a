"""Trains runs that differ in a few settings with one compiled program for all.

`jsr.train.loop` trains one run, with its settings as constants of its program. A design
of experiments has dozens of short runs, which differ in seed, optimizer, learning rate
and activation; here these are arguments of the program. The step itself is the loop's,
from `Recipe.make_step`, and so are first parameters, data order and random numbers:
each run gives what the loop gives.

`jax.vmap` over the runs then trains them side by side. Whether that is faster than one
run after the other, in the same program, is the machine's to say: see `compare_speed`.
"""

import dataclasses
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jsr import errors
from jsr.data import resident
from jsr.experiments.doe import choice
from jsr.models import srnet
from jsr.train import opening, optim, recipe, settings
from jsr.train.state import TrainState
from jsr.types import Array, Metrics, Variables

# What a program is told; all other keys are part of it.
_TOLD = ('seed', 'optim.generator.', 'generator.args.activation')
MODES = ('auto', 'vmap', 'sequence')


class Told(NamedTuple):
  """What a program is told of a run; scalars, or stacked over runs.

  Attributes:
    data_key: Of the order of the data.
    step_key: Of the steps.
    learning_rate: float32.
    optimizer: int32, its place among the group's.
    activation: The same.
  """

  data_key: Array
  step_key: Array
  learning_rate: Array
  optimizer: Array
  activation: Array


@dataclasses.dataclass(frozen=True)
class Trained:
  """A run at its end.

  Attributes:
    variables: Of the generator; of the last step that was finite.
    losses: Training loss of each step; NaN where it was not finite.
    skipped: Steps that were not finite, and changed nothing.
    seconds: Its share of the time, without compiling.
  """

  variables: Variables
  losses: np.ndarray
  skipped: int
  seconds: float


def groups(configs: Sequence[ConfigDict]) -> list[list[int]]:
  """Returns the places of configs that one program can train, group by group."""
  found: dict[str, list[int]] = {}
  for i, config in enumerate(configs):
    kept = {
      key: value
      for key, value in settings.flatten(config).items()
      if not key.startswith(_TOLD)
    }
    found.setdefault(json.dumps(kept, sort_keys=True, default=str), []).append(i)
  return list(found.values())


def side_by_side(mode: str) -> bool:
  """Resolves 'auto', 'vmap' or 'sequence': whether runs train side by side.

  'auto' is vmap where there is an accelerator. On a CPU it is slower.

  Raises:
    UserError: Unknown mode.
  """
  if mode not in MODES:
    raise errors.unknown('way to train together', mode, MODES)
  return mode == 'vmap' or (mode == 'auto' and jax.default_backend() != 'cpu')


class Group:
  """Runs that share a program.

  Args:
    configs: They differ in what a program can be told; see `groups`.
    data: What they are trained on; see `load`.
    among: Configs whose optimizers and activations the program shall know too: one
      program for these runs and for those of another start, compiled once.
  """

  def __init__(
    self,
    configs: Sequence[ConfigDict],
    data: resident.Resident,
    among: Sequence[ConfigDict] = (),
  ):
    if len(groups(configs)) != 1:
      raise ValueError('the runs of a group differ in what is part of their program')
    self._configs, self._data = list(configs), data
    self._plans = [recipe.make(config) for config in configs]
    if self._plans[0].discriminator is not None or len(self._plans[0].scales) > 1:
      raise errors.UserError('only pixel training at one scale can be trained together')
    # Rates apart, runs with the same optimizer share it.
    rules = [_unit_rule(config) for config in configs]
    self._rules = sorted({*rules, *map(_unit_rule, among)})
    self._optimizer_of = [self._rules.index(rule) for rule in rules]
    names = [_activation(config) for config in configs]
    self._activations = sorted({*names, *map(_activation, among)})
    self._activation_of = [self._activations.index(name) for name in names]
    shapes = jax.eval_shape(self._plans[0].init, jax.random.key(0))
    steps = configs[0].train.max_steps
    self._optimizers = choice.Optimizers(
      [optim.make_optimizer(_read_rule(rule), steps) for rule in self._rules],
      shapes.generator.variables['params'],
    )
    self.compiled = jax.jit(self._step, donate_argnums=1)
    self.compiled_vmap = jax.jit(
      jax.vmap(self._step, in_axes=(0, 0, None)), donate_argnums=1
    )

  def __len__(self) -> int:
    return len(self._configs)

  def _step(
    self, told: Told, state: TrainState, data: resident.Resident
  ) -> tuple[TrainState, Metrics]:
    """One step of one run: the loop's, with what differs taken from `told`."""
    plan, c = self._plans[0], self._configs[0]
    generator = plan.generator
    if len(self._activations) > 1:
      functions = [srnet.ACTIVATIONS[name] for name in self._activations]
      chosen = choice.activation(functions, told.activation)
      generator = generator.clone(activation=chosen)
    tx = self._optimizers.chosen(told.optimizer, told.learning_rate)
    plan = dataclasses.replace(plan, generator=generator, generator_tx=tx)
    batch = resident.sample(
      data,
      seed_key=told.data_key,
      step=state.step,
      batch_size=c.data.batch_size,
      patch_size=c.data.patch_size,
    )
    return plan.make_step(axis_name=None)(state, batch, told.step_key)

  def told(self, i: int) -> Told:
    """Returns what the program is told of run `i`."""
    c = self._configs[i]

    def key(number: int) -> Array:
      # As the loop makes them, before any rollback.
      of_seed = jax.random.fold_in(jax.random.key(c.seed), number)
      return jax.random.fold_in(of_seed, 0)

    return Told(
      data_key=key(2),
      step_key=key(1),
      learning_rate=jnp.float32(c.optim.generator.learning_rate),
      optimizer=jnp.int32(self._optimizer_of[i]),
      activation=jnp.int32(self._activation_of[i]),
    )

  def first_state(self, i: int) -> TrainState:
    """Returns the state of step 0 of run `i`."""
    c, plan = self._configs[i], self._plans[i]
    state = opening.state(c, plan, c.init_from)
    slots = self._optimizers.pack(self._optimizer_of[i], state.generator.opt_state)
    network = dataclasses.replace(state.generator, opt_state=slots)
    # The step gives its buffers away.
    return jax.tree.map(jnp.copy, dataclasses.replace(state, generator=network))

  def train(self, *, vmapped: bool) -> Iterator[tuple[int, Trained]]:
    """Trains all runs to their end; yields each with its place when it is done."""
    if vmapped:
      everything = range(len(self))
      told = _stack([self.told(i) for i in everything])
      state = _stack([self.first_state(i) for i in everything])
      state, losses, seconds = self._run(self.compiled_vmap, told, state)
      for i in everything:
        own = jax.tree.map(lambda x, i=i: x[i], state)
        yield i, _trained(own, losses[:, i], seconds / len(self))
      return
    for i in range(len(self)):
      state, losses, seconds = self._run(
        self.compiled, self.told(i), self.first_state(i)
      )
      yield i, _trained(state, losses, seconds)

  def _run(
    self, step: Callable[..., Any], told: Told, state: TrainState
  ) -> tuple[TrainState, np.ndarray, float]:
    losses, start = [], time.perf_counter()
    for i in range(self._configs[0].train.max_steps):
      state, metrics = step(told, state, self._data)
      bad = metrics['skipped'] > 0
      losses.append(jnp.where(bad, jnp.nan, metrics['g/total']))
      if i == 0:
        # The first call compiles.
        jax.block_until_ready(losses)
        start = time.perf_counter()
    values = np.asarray(jax.device_get(losses))
    return state, values, time.perf_counter() - start

  def compare_speed(self, repeats: int) -> dict[str, float]:
    """Times a step of all runs, side by side and one after the other, in alternation.

    Args:
      repeats: Of each, after one that compiles; the median counts.

    Returns:
      'runs', 'vmap' and 'sequence' (seconds for a step of all runs), 'vmap_compile' and
      'sequence_compile' (seconds of the first call), and 'ratio' (vmap over sequence).
    """
    everything = range(len(self))
    told = [self.told(i) for i in everything]
    states = [self.first_state(i) for i in everything]
    together, all_told = _stack(states), _stack(told)
    times: dict[str, list[float]] = {'vmap': [], 'sequence': []}
    for _ in range(repeats + 1):
      start = time.perf_counter()
      for i in everything:
        states[i], _ = self.compiled(told[i], states[i], self._data)
      jax.block_until_ready(states)
      times['sequence'].append(time.perf_counter() - start)
      start = time.perf_counter()
      together, _ = self.compiled_vmap(all_told, together, self._data)
      jax.block_until_ready(together)
      times['vmap'].append(time.perf_counter() - start)
    found: dict[str, float] = {'runs': len(self)}
    for name, values in times.items():
      found[name] = statistics.median(values[1:])
      found[f'{name}_compile'] = values[0] - found[name]
    return {**found, 'ratio': found['vmap'] / found['sequence']}


def load(config: ConfigDict) -> resident.Resident:
  """Decodes what runs with this config are trained on."""
  return resident.load_resident(
    opening.source(config),
    max_bytes=int(config.data.max_gib * resident.GIB),
    progress=config.log.progress,
  )


def _unit_rule(config: ConfigDict) -> str:
  """The optimizer's settings with a learning rate of 1, as text."""
  rule = config.optim.generator.to_dict()
  return json.dumps({**rule, 'learning_rate': 1.0}, sort_keys=True)


def _activation(config: ConfigDict) -> str:
  """The activation's name; SR-NET's own where the config names none."""
  args = {'activation': srnet.Generator.activation, **config.generator.args.to_dict()}
  return str(args['activation'])


def _read_rule(text: str) -> ConfigDict:
  return ConfigDict(json.loads(text))


def _stack(trees: Sequence[Any]) -> Any:
  return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _trained(state: TrainState, losses: np.ndarray, seconds: float) -> Trained:
  return Trained(
    variables=jax.device_get(state.inference_variables),
    losses=losses,
    skipped=int(state.skipped),
    seconds=seconds,
  )
