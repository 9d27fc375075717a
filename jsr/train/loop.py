"""One training loop for every algorithm."""

import contextlib
import functools
import json
import logging
import pathlib
import threading
import time
from collections.abc import Mapping
from typing import Any

import jax
from clu import parameter_overview
from ml_collections import ConfigDict

from jsr import errors
from jsr.train import guard as guards
from jsr.train import (
  hosts,
  logs,
  opening,
  parallel,
  recipe,
  settings,
  signals,
)
from jsr.train import profile as profiles
from jsr.train.batches import Batches
from jsr.train.checkpoint import FOLDER, Checkpoints
from jsr.train.evaluator import Evaluator
from jsr.train.pace import Rate
from jsr.train.state import TrainState
from jsr.types import Array, Metrics

log = logging.getLogger(__name__)


def train(
  config: ConfigDict, workdir: pathlib.Path, *, profile: bool = False
) -> dict[str, Any]:
  """Trains until the config's end, resuming from the workdir's latest checkpoint.

  2N steps equal N steps, a kill and N more, bit for bit: the data order and all random
  numbers are functions of the seed and the step.

  Args:
    config: See configs/default.py.
    workdir: Gets config.json, metrics.jsonl, tensorboard/ and checkpoints/.
    profile: Measure some steps and write profile/; see `jsr.train.profile`.

  Returns:
    'step', 'reason' ('max_steps', 'max_minutes' or 'signal'), 'skipped', 'rollbacks',
    'seconds', and the last evaluation's figures.

  Raises:
    UserError: A config that cannot be trained, or another run in the workdir.
    guard.TrainingStoppedError: Training fails again and again.
  """
  hosts.agree('config', settings.flatten(config))
  settings.check_resumable(workdir, config)
  best_metric = settings.best_metric(config)
  devices = parallel.make(
    config.train.parallel,
    config.data.batch_size,
    accumulate=config.train.accumulate,
    low_precision=config.train.precision != 'float32',
  )
  plan = recipe.make(config)
  evaluator = Evaluator(config)
  source = opening.source(config)
  hosts.agree('data set', {'pictures': len(source), 'content': source.digest})
  batches = Batches(config, devices, source, workdir)
  # The first stage is needed once: a run that has checkpoints of its own goes on
  # wherever its first stage is by now.
  started = (workdir / FOLDER).is_dir() and any((workdir / FOLDER).iterdir())
  initial = opening.state(config, plan, '' if started else config.init_from)
  hosts.meet('started')  # All have looked at what lies in the workdir.
  workdir.mkdir(parents=True, exist_ok=True)
  hosts.check_shared(workdir)
  if hosts.is_first():
    settings.write(workdir, config)
  checkpoints = Checkpoints(
    workdir,
    keep=config.checkpoint.keep,
    keep_every=config.checkpoint.keep_every,
    best_metric=best_metric,
  )
  with contextlib.closing(checkpoints):
    if started and not checkpoints.steps:
      initial = opening.state(config, plan, config.init_from)
    run = _Run(config, workdir, devices, plan, evaluator, batches, checkpoints)
    return run.go(initial, profile=profile)


class _Run:
  """One process's part of a run; holds what the loop needs at every step."""

  def __init__(
    self,
    config: ConfigDict,
    workdir: pathlib.Path,
    devices: parallel.Parallel,
    plan: recipe.Recipe,
    evaluator: Evaluator,
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
    self._guard = guards.Guard(config.guard.max_streak, config.guard.max_rollbacks)
    self._collapse = guards.Collapse(config.guard)
    self._steps_per_dispatch = parallel.steps_per_dispatch(
      # One dispatch holds steps of one factor.
      config.train.steps_per_dispatch if len(plan.scales) == 1 else 1
    )
    self._evaluated: dict[str, float] = {}
    self._best_metric = settings.best_metric(config)
    self._votes = hosts.Votes(devices.largest)
    self._reported = 0  # Bad pictures that the log has told of.

  def _compile(self) -> None:
    """Compiles the steps, with the learning rates as they are after rollbacks."""
    self._step_fns = {
      scale: self._devices.compile(
        functools.partial(self._plan.make_step, scale=scale, rate=self._guard.rate),
        remat=bool(getattr(self._plan.generator, 'remat', False)),
      )
      for scale in self._plan.scales
    }

  def go(self, initial: TrainState, *, profile: bool) -> dict[str, Any]:
    """Runs to the end; see `train`."""
    config = self._config
    state, step = self._resume(initial)
    records = logs.read(self._workdir / logs.FILE)
    self._collapse.replay(logs.up_to(step, records), self._best_metric)
    hosts.meet('log read')  # The first writes it anew.
    self._compile()
    first_step = step
    if step == 0 and hosts.is_first():
      table = parameter_overview.get_parameter_overview(
        initial.generator.variables['params'], include_stats=False
      )
      log.info('generator %s:\n%s', config.generator.name, table)
    self._writer: logs.Logs | logs.Silent = logs.Silent()
    if hosts.is_first():
      self._writer = logs.Logs(
        self._workdir,
        step=step,
        total=config.train.max_steps,
        progress=config.log.progress,
      )
    started = time.monotonic()
    reason = ''
    prof: profiles.Profile | profiles.Off = profiles.Off()
    if profile and hosts.is_first():
      prof = profiles.Profile(self._workdir / profiles.FOLDER, step)
    with (
      contextlib.closing(prof),
      contextlib.closing(self._writer),
      signals.caught() as stop,
      self._batches as batches,
    ):
      if step:
        self._writer.event(step, f'resumed at step {step}')
      batches.start(step, self._guard.rollbacks)
      rng = self._rng()
      rate = Rate(step)
      mean: logs.StepMean | None = None
      metrics: Metrics = {}
      fault = collapse = ''
      if step >= config.train.max_steps:
        reason = 'max_steps'
        self._evaluated = self._evaluator(state)
      while not reason:
        count = self._span(step)
        asked = time.monotonic()
        stacked = self._take(step, count, stop)
        prof.waited(rate.waited(time.monotonic() - asked, metrics))
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
        facts = functools.partial(profiles.collect, self._plan, state, stacked, rng)
        if page := prof.after(step, metrics, facts):
          self._writer.event(step, f'profile written to {page}')
          rate = Rate(step)
        self._writer.progress(count)
        reason = self._reason_to_stop(step, started, stop)
        if _due(step, config.log.every) or reason:
          values = self._log(step, mean, state, rate)
          mean = None
          fault = self._guard.non_finite(int(state.streak))
          collapse = self._collapse.logged(values)
        finished = reason in ('max_steps', 'max_minutes')
        evaluating = _due(step, config.eval.every) or finished
        if evaluating and not (fault or collapse):
          with prof.aside(metrics):
            self._evaluated = self._evaluator(state)
          self._writer.write(step, self._evaluated)
          collapse = self._collapse.evaluated(self._evaluated.get(self._best_metric))
          rate = Rate(step)
        if fault or collapse:
          # Never save this state: it has lost what the checkpoint has.
          state, step = self._roll_back(initial, step, fault, collapse)
          batches.start(step, self._guard.rollbacks)
          rng, rate, mean = self._rng(), Rate(step), None
          reason = fault = collapse = ''
          continue
        if evaluating or _due(step, config.checkpoint.every) or reason:
          with prof.aside(metrics):
            self._save(state, self._evaluated if evaluating else None)
      if reason != 'max_steps':
        self._writer.event(step, f'stopped at step {step}: {_STOPPED[reason]}')
      if prof.unfinished:
        self._writer.event(
          step, f'too short for a profile, which takes {profiles.ALL} steps'
        )
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
    self._guard.read(self._workdir)
    found = self._checkpoints.restore(
      jax.device_get(initial), sharding=self._devices.replicated
    )
    hosts.agree('checkpoint to go on from', found[1] if found else {'step': 0})
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
    self._guard.rate = min(self._guard.rate, position.get('rate', 1.0))
    return self._devices.replicate(state), int(state.step)

  def _rng(self) -> Array:
    """Returns the run's key for steps; another one after a rollback."""
    return self._devices.key(self._config.seed, 1, self._guard.rollbacks)

  def _take(
    self, step: int, count: int, stop: threading.Event
  ) -> Mapping[str, Array] | None:
    """Takes batches; None where a signal to the process group ended a worker first."""
    try:
      return self._batches.take(step, count)
    except Exception as error:
      # The workers got the signal too, and may have gone before it was handled here.
      # Of several processes all must take this step first.
      if stop.wait(timeout=1.0) and hosts.count() == 1:
        return None
      if not self._batches.has_workers:
        raise
      self._writer.event(
        step,
        f'a worker of the data pipeline is gone at step {step}'
        f' ({errors.first_line(error)}); they start again, nothing is lost',
      )
    # A batch is a function of its step. If it fails twice, the reason is another.
    self._batches.start(step, self._guard.rollbacks)
    return self._batches.take(step, count)

  def _span(self, step: int) -> int:
    """Returns how many steps to run in one dispatch: all that fit, or one."""
    c, k = self._config, self._steps_per_dispatch
    marks = (c.log.every, c.eval.every, c.checkpoint.every)
    room = [m - step % m for m in marks if m] + [c.train.max_steps - step]
    return k if k <= min(room) else 1

  def _reason_to_stop(self, step: int, started: float, stop: threading.Event) -> str:
    limit = self._config.train.max_minutes
    over = limit and time.monotonic() - started > 60 * limit
    mine = 'signal' if stop.is_set() else 'max_minutes' if over else ''
    # One process may have been asked alone, or have the slower clock.
    voted = _REASONS[self._votes.cast(_REASONS.index(mine))]
    return 'max_steps' if step >= self._config.train.max_steps else voted

  def _log(
    self, step: int, mean: logs.StepMean, state: TrainState, rate: Rate
  ) -> dict[str, float]:
    values = mean.compute() | rate.since(step)
    # What each host alone knows: one whose disk is slow makes all wait.
    bad = list(map(str, self._source.report.replaced))
    mine = {'input_wait': values['input_wait'], 'bad': bad[self._reported :]}
    self._reported = len(bad)
    told = [json.loads(text) for text in hosts.gather(json.dumps(mine))]
    values['input_wait'] = max(each['input_wait'] for each in told)
    values['skipped_total'] = float(state.skipped)
    self._writer.write(step, values)
    self._writer.progress(0, {k: v for k, v in values.items() if k in _SHOWN})
    if values['skipped']:
      self._writer.event(
        step,
        f'{values["skipped"]:.0f} steps up to step {step} had a non-finite value and'
        f' were skipped; {values["skipped_total"]:.0f} in the whole run',
      )
    names = sorted({name for each in told for name in each['bad']})
    if names:
      self._writer.event(
        step, f'pictures replaced since the start: {", ".join(names[:5])}'
      )
    return values

  def _roll_back(
    self, initial: TrainState, step: int, fault: str, collapse: str
  ) -> tuple[TrainState, int]:
    self._guard.count(fault or collapse, step)
    if collapse:
      self._guard.rate *= self._collapse.cut
      self._checkpoints.drop_after_best()
    # Another process that resumes from the same checkpoint must not repeat the fault.
    if hosts.is_first():
      try:
        self._guard.write(self._workdir)
      except OSError as error:  # This run goes on; one that resumes may repeat it.
        self._writer.event(step, f'{guards.FILE} could not be written: {error}')
    hosts.meet('rolled back')
    state, back = self._resume(initial)
    self._collapse.forget()
    if collapse:
      self._compile()
    self._writer.rewind(back)
    text = (
      f'{guards.ROLLED_BACK} from step {step} to step {back}: {fault or collapse}'
      f' (rollback {self._guard.rollbacks} of {self._guard.max_rollbacks}); the data'
      ' order changes'
    )
    if collapse:
      text += f' and the learning rates are now {self._guard.rate:g} of what they were'
    self._writer.event(step, text)
    return state, back

  def _save(self, state: TrainState, metrics: dict[str, float] | None) -> None:
    position = {
      'step': int(state.step),
      'seed': self._config.seed,
      'rollbacks': self._guard.rollbacks,
      'rate': self._guard.rate,
      'images': len(self._source),
      'pipeline': self._batches.kind,
    }
    failure = self._checkpoints.save(state, position, metrics)
    if failure:
      self._writer.event(
        position['step'],
        f'a checkpoint up to step {position["step"]} could not be written ({failure});'
        ' training goes on, and so do the earlier checkpoints',
      )


_REASONS = ('', 'max_minutes', 'signal')
_SHOWN = ('g/total', 'g/pixel', 'd/loss')
_STOPPED = {
  'max_minutes': 'config.train.max_minutes is over',
  'signal': 'asked to by a signal; start again to resume',
}


def _due(step: int, every: int) -> bool:
  return bool(every) and step % every == 0
