"""One training loop for every algorithm."""

import contextlib
import functools
import logging
import pathlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jax
from clu import parameter_overview
from ml_collections import ConfigDict

from jsr import errors, models
from jsr.data import sources
from jsr.evaluate import benchmark, conversion, methods, protocol, sets
from jsr.train import guard as guards
from jsr.train import logs, parallel, preparation, recipe, settings, start
from jsr.train.batches import Batches
from jsr.train.checkpoint import FOLDER, Checkpoints
from jsr.train.state import TrainState
from jsr.types import Array
from jsr.weights import model_file

log = logging.getLogger(__name__)


def train(config: ConfigDict, workdir: pathlib.Path) -> dict[str, Any]:
  """Trains until the config's end, resuming from the workdir's latest checkpoint.

  2N steps equal N steps, a kill and N more, bit for bit: the data order and all random
  numbers are functions of the seed and the step.

  Args:
    config: See configs/default.py.
    workdir: Gets config.json, metrics.jsonl, tensorboard/ and checkpoints/.

  Returns:
    'step', 'reason' ('max_steps', 'max_minutes' or 'signal'), 'skipped', 'rollbacks',
    'seconds', and the last evaluation's figures.

  Raises:
    UserError: A config that cannot be trained, or another run in the workdir.
    guard.TrainingStoppedError: Training fails again and again.
  """
  settings.check_resumable(workdir, config)
  best_metric = settings.best_metric(config)
  devices = parallel.make(config.train.parallel, config.data.batch_size)
  plan = recipe.make(config)
  evaluator = _Evaluator(config)
  batches = Batches(config, devices, _open_source(config))
  # The first stage is needed once: a run that has checkpoints of its own goes on
  # wherever its first stage is by now.
  started = (workdir / FOLDER).is_dir() and any((workdir / FOLDER).iterdir())
  initial = _initial_state(config, plan, '' if started else config.init_from)
  workdir.mkdir(parents=True, exist_ok=True)
  settings.write(workdir, config)
  checkpoints = Checkpoints(
    workdir,
    keep=config.checkpoint.keep,
    keep_every=config.checkpoint.keep_every,
    best_metric=best_metric,
  )
  with contextlib.closing(checkpoints):
    if started and not checkpoints.steps:
      initial = _initial_state(config, plan, config.init_from)
    return _Run(config, workdir, devices, plan, evaluator, batches, checkpoints).go(
      initial
    )


def _open_source(config: ConfigDict) -> sources.ImageSource:
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


def _initial_state(
  config: ConfigDict, plan: recipe.Recipe, init_from: str
) -> TrainState:
  state = plan.init(jax.random.fold_in(jax.random.key(config.seed), 0))
  if not init_from:
    return state
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
  return start.start_from(state, model.variables, config.init_skip)


class _Evaluator:
  """Measures the generator in training by the protocol that measures everything."""

  def __init__(self, config: ConfigDict):
    self._config = config
    c = config.eval
    self._protocol = protocol.get(c.protocol)
    self._sets = sets.open_sets(
      list(c.sets), data=c.data or None, lr=c.lr or None, limit=c.limit or None
    )
    if c.size:
      self._sets = [sets.centre_crop(s, c.size) for s in self._sets]
    self._method = methods.Network(
      'model', config.generator.name, config.scale, config.generator.args.to_dict()
    )

  def __call__(self, state: TrainState) -> dict[str, float]:
    # Host copies: the training state may be spread over devices in any way.
    self._method.load(jax.device_get(state.inference_variables))
    result: dict[str, float] = {}
    for pictures in self._sets:
      row = benchmark.measure(
        self._method, pictures, self._config.scale, self._protocol, timed=False
      )
      for metric in settings.FIGURES:
        name = settings.figure(pictures.name, self._config.scale, metric)
        result[name] = row[metric]
    return result


class _Run:
  """One process's part of a run; holds what the loop needs at every step."""

  def __init__(
    self,
    config: ConfigDict,
    workdir: pathlib.Path,
    devices: parallel.Parallel,
    plan: recipe.Recipe,
    evaluator: _Evaluator,
    batches: Batches,
    checkpoints: Checkpoints,
  ):
    self._config = config
    self._workdir = workdir
    self._devices = devices
    self._evaluator = evaluator
    self._batches = batches
    self._source = batches.source
    self._checkpoints = checkpoints
    self._plan = plan
    self._step_fns = {
      scale: devices.compile(
        functools.partial(plan.make_step, scale=scale),
        remat=bool(getattr(plan.generator, 'remat', False)),
      )
      for scale in plan.scales
    }
    self._guard = guards.Guard(config.guard.max_streak, config.guard.max_rollbacks)
    self._steps_per_dispatch = parallel.steps_per_dispatch(
      # One dispatch holds steps of one factor.
      config.train.steps_per_dispatch if len(plan.scales) == 1 else 1
    )
    self._evaluated: dict[str, float] = {}

  def go(self, initial: TrainState) -> dict[str, Any]:
    """Runs to the end; see `train`."""
    config = self._config
    state, step = self._resume(initial)
    first_step, reported = step, 0
    if step == 0:
      table = parameter_overview.get_parameter_overview(
        initial.generator.variables['params'], include_stats=False
      )
      log.info('generator %s:\n%s', config.generator.name, table)
    self._writer = logs.Logs(
      self._workdir,
      step=step,
      total=config.train.max_steps,
      progress=config.log.progress,
    )
    started = time.monotonic()
    reason = ''
    with (
      contextlib.closing(self._writer),
      _signals() as stop,
      self._batches as batches,
    ):
      if step:
        self._writer.event(step, f'resumed at step {step}')
      batches.start(step, self._guard.rollbacks)
      rng = self._rng()
      rate = _Rate(step)
      mean: logs.StepMean | None = None
      if step >= config.train.max_steps:
        reason = 'max_steps'
        self._evaluated = self._evaluator(state)
      while not reason:
        count = self._span(step)
        stacked = _take(batches, step, count, stop)
        if stacked is None:
          reason = 'signal'
          self._save(state, None)
          break
        step_fn = self._step_fns[self._plan.scale_of(step, self._guard.rollbacks)]
        # Whatever the step needs is on the devices by now; a silent copy is a bug.
        with jax.transfer_guard('disallow'):
          state, metrics = step_fn(state, stacked, rng)
        mean = logs.accumulate(mean, metrics)
        step += count
        self._writer.progress(count)
        reason = self._reason_to_stop(step, started, stop)
        if _due(step, config.log.every) or reason:
          self._log(step, mean, state, rate)
          reported = self._report_source(step, reported)
          mean = None
          if self._guard.should_roll_back(int(state.streak), step):
            # Never save this state: it is no newer than the checkpoint in anything
            # but its count.
            state, step = self._roll_back(initial, step)
            batches.start(step, self._guard.rollbacks)
            rng, rate, reason = self._rng(), _Rate(step), ''
            continue
        finished = reason in ('max_steps', 'max_minutes')
        if _due(step, config.eval.every) or finished:
          self._evaluated = self._evaluator(state)
          self._writer.write(step, self._evaluated)
          self._save(state, self._evaluated)
          rate = _Rate(step)
        elif _due(step, config.checkpoint.every) or reason:
          self._save(state, None)
      if reason != 'max_steps':
        self._writer.event(step, f'stopped at step {step}: {_STOPPED[reason]}')
      self._checkpoints.wait()
    return {
      'step': step,
      'steps_done': step - first_step,
      'reason': reason,
      'skipped': int(state.skipped),
      'rollbacks': self._guard.rollbacks,
      'seconds': time.monotonic() - started,
      **self._evaluated,
    }

  def _resume(self, initial: TrainState) -> tuple[TrainState, int]:
    """Returns the state to go on from, on the devices, and its step."""
    found = self._checkpoints.restore(jax.device_get(initial))
    if found is None:
      return self._devices.replicate(initial), 0
    state, position = found
    if position['images'] != len(self._source):
      log.warning(
        'the data set had %d images when the checkpoint was written and has %d now:'
        ' the data order differs from the unbroken run',
        position['images'],
        len(self._source),
      )
    self._guard.rollbacks = max(self._guard.rollbacks, position['rollbacks'])
    return self._devices.replicate(state), int(state.step)

  def _rng(self) -> Array:
    """Returns the run's key for steps; another one after a rollback."""
    key = jax.random.fold_in(jax.random.key(self._config.seed), 1)
    key = jax.random.fold_in(key, self._guard.rollbacks)
    return jax.device_put(key, self._devices.replicated)

  def _span(self, step: int) -> int:
    """Returns how many steps to run in one dispatch: all that fit, or one."""
    c, k = self._config, self._steps_per_dispatch
    marks = (c.log.every, c.eval.every, c.checkpoint.every)
    room = [m - step % m for m in marks if m] + [c.train.max_steps - step]
    return k if k <= min(room) else 1

  def _reason_to_stop(self, step: int, started: float, stop: threading.Event) -> str:
    limit = self._config.train.max_minutes
    if step >= self._config.train.max_steps:
      return 'max_steps'
    if stop.is_set():
      return 'signal'
    if limit and time.monotonic() - started > 60 * limit:
      return 'max_minutes'
    return ''

  def _log(
    self, step: int, mean: logs.StepMean, state: TrainState, rate: '_Rate'
  ) -> None:
    values = mean.compute()
    values['steps_per_second'] = rate.since(step)
    values['skipped_total'] = float(state.skipped)
    self._writer.write(step, values)
    self._writer.progress(0, {k: v for k, v in values.items() if k in _SHOWN})
    if values['skipped']:
      self._writer.event(
        step,
        f'{values["skipped"]:.0f} steps up to step {step} had a non-finite value and'
        f' were skipped; {values["skipped_total"]:.0f} in the whole run',
      )

  def _report_source(self, step: int, reported: int) -> int:
    """Logs pictures that went bad since the start; returns how many there are."""
    bad = self._source.report.replaced
    if len(bad) > reported:
      names = ', '.join(str(b) for b in list(bad)[reported:][:5])
      self._writer.event(step, f'pictures replaced since the start: {names}')
    return len(bad)

  def _roll_back(self, initial: TrainState, step: int) -> tuple[TrainState, int]:
    count = self._guard.rollbacks
    state, back = self._resume(initial)
    self._guard.rollbacks = count
    self._writer.rewind(back)
    self._writer.event(
      step,
      f'rolled back from step {step} to step {back} after'
      f' {self._guard.max_streak} or more non-finite steps in a row (rollback {count}'
      f' of {self._guard.max_rollbacks}); the data order changes',
    )
    return state, back

  def _save(self, state: TrainState, metrics: dict[str, float] | None) -> None:
    position = {
      'step': int(state.step),
      'seed': self._config.seed,
      'rollbacks': self._guard.rollbacks,
      'images': len(self._source),
      'pipeline': self._config.data.pipeline,
    }
    self._checkpoints.save(state, position, metrics)


_SHOWN = ('g/total', 'g/pixel', 'd/loss')
_STOPPED = {
  'max_minutes': 'config.train.max_minutes is over',
  'signal': 'asked to by a signal; start again to resume',
}


def _due(step: int, every: int) -> bool:
  return bool(every) and step % every == 0


def _take(
  batches: Batches, step: int, count: int, stop: threading.Event
) -> Mapping[str, Array] | None:
  """Takes batches; None where a signal to the process group ended a worker first."""
  try:
    return batches.take(step, count)
  except Exception:
    # The workers got the signal too, and may have gone before it was handled here.
    if stop.wait(timeout=1.0):
      return None
    raise


class _Rate:
  """Steps a second since it was made."""

  def __init__(self, step: int):
    self._step, self._time = step, time.monotonic()

  def since(self, step: int) -> float:
    """Returns the rate up to `step`, and starts again from there."""
    now = time.monotonic()
    rate = (step - self._step) / max(now - self._time, 1e-9)
    self._step, self._time = step, now
    return rate


@contextlib.contextmanager
def _signals() -> Iterator[threading.Event]:
  """Turns SIGTERM and SIGINT into an event while training runs."""
  stop = threading.Event()
  if threading.current_thread() is not threading.main_thread():
    yield stop  # Only the main thread may set handlers.
    return

  def ask(number: int, frame: object) -> None:
    if stop.is_set() and number == signal.SIGINT:
      raise KeyboardInterrupt  # The second Ctrl-C means now.
    stop.set()

  old = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
  try:
    yield stop
  finally:
    for number, handler in old.items():
      signal.signal(number, handler)
