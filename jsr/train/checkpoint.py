"""Checkpoints: the state and the position in the data, through Orbax.

A checkpoint is complete or absent: Orbax writes to a temporary name and renames. Kept
are the latest, every `keep_every` steps, and the best by a named metric.
"""

import contextlib
import dataclasses
import json
import logging
import math
import pathlib
from typing import Any

import flax
import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy as policy

from jsr import errors
from jsr.train.state import TrainState
from jsr.types import Variables

FOLDER = 'checkpoints'
log = logging.getLogger(__name__)


def _saved(state: TrainState) -> dict[str, Any]:
  """Returns what a checkpoint holds: everything but the frozen parameters."""
  tree = flax.serialization.to_state_dict(dataclasses.replace(state, frozen=None))
  return {name: value for name, value in tree.items() if name != 'frozen'}


class Checkpoints:
  """The checkpoints of one workdir.

  Args:
    workdir: The run's folder.
    keep: How many of the latest to keep.
    keep_every: Keep every checkpoint whose step is a multiple of it; 0 for none.
    best_metric: Name in the metrics that `save` gets, such as
      'eval/photographs_x4/psnr_y'; '' for none. Higher is better.
    read_only: Never make or clean up folders: another process may be training here.
  """

  def __init__(
    self,
    workdir: pathlib.Path,
    *,
    keep: int = 2,
    keep_every: int = 0,
    best_metric: str = '',
    read_only: bool = False,
  ):
    self._best_metric = best_metric
    # Found damaged; replaced, and not before, once the run comes to this step again.
    self._unreadable: set[int] = set()
    policies: list[Any] = [policy.LatestN(keep)]
    if keep_every:
      policies.append(policy.EveryNSteps(keep_every))
    if best_metric:
      policies.append(
        policy.BestN(
          n=1, get_metric_fn=self._score, keep_checkpoints_without_metrics=False
        )
      )
    options = ocp.CheckpointManagerOptions(
      create=not read_only,
      # Not Orbax's own `read_only`: that does not read the metrics.
      cleanup_tmp_directories=not read_only,
      preservation_policy=policy.AnyPreservationPolicy(policies),
      # Without it Orbax does not write the metrics, and a resumed run would forget
      # which checkpoint was the best.
      best_fn=self._score if best_metric else None,
    )
    self._path, self._options = (workdir / FOLDER).resolve(), options
    self._manager = ocp.CheckpointManager(self._path, options=options)

  def _score(self, metrics: Any) -> float:
    value = (metrics or {}).get(self._best_metric)
    return -math.inf if value is None else float(value)

  @property
  def steps(self) -> list[int]:
    """Steps of the complete checkpoints, ascending."""
    return sorted(self._manager.all_steps())

  def best_step(self) -> int | None:
    """Step of the best checkpoint by the metric; the latest where none was measured."""
    scores = {step: self._score(self._manager.metrics(step)) for step in self.steps}
    measured = {step: s for step, s in scores.items() if s > -math.inf}
    if measured:
      return max(measured, key=lambda step: (measured[step], step))
    return max(self.steps, default=None)

  def drop_after_best(self) -> None:
    """Deletes what was saved after the best checkpoint, or after the oldest where none
    was measured: after a collapse they are of no use."""
    self.wait()
    scores = {step: self._score(self._manager.metrics(step)) for step in self.steps}
    measured = [step for step, score in scores.items() if score > -math.inf]
    keep = self.best_step() if measured else min(self.steps, default=None)
    for step in self.steps:
      if keep is not None and step > keep:
        self._manager.delete(step)

  def save(
    self,
    state: TrainState,
    position: dict[str, Any],
    metrics: dict[str, float] | None = None,
  ) -> str:
    """Saves the state, once a step; writing goes on in the background.

    Args:
      state: The state.
      position: What names the next batch; plain JSON.
      metrics: Evaluation figures of this state, if it was evaluated.

    Returns:
      Why this save, or an earlier one in the background, failed; '' if none did. The
      checkpoints before it are untouched, and the next save may work. Of several
      processes one cannot go on without the others, and raises.
    """
    step = int(state.step)
    if step in self._unreadable:
      self._manager.delete(step)
      self._unreadable.discard(step)
    elif step in self._manager.all_steps():
      return ''

    def save() -> None:
      self._manager.save(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(_saved(state)),
          position=ocp.args.JsonSave(position),
        ),
        metrics=metrics,
        force=True,
      )

    try:
      save()
    except Exception as error:  # Of the disk, in as many kinds as there are layers.
      if jax.process_count() > 1:
        raise
      self._renew()
      try:
        save()  # What failed was perhaps the save before this one.
      except Exception as again:
        self._renew()
        return errors.first_line(again)
      return errors.first_line(error)
    return ''

  def _renew(self) -> None:
    """Starts afresh after a failure; what was half written is removed."""
    with contextlib.suppress(Exception):
      self._manager.close()
    self._manager = ocp.CheckpointManager(self._path, options=self._options)

  def restore(
    self,
    template: TrainState,
    step: int | None = None,
    sharding: jax.sharding.Sharding | None = None,
  ) -> tuple[TrainState, dict[str, Any]] | None:
    """Returns the state and position of `step`, or of the latest readable checkpoint.

    Args:
      template: A state of the same run; gives the structure.
      step: Which one; None for the latest.
      sharding: Where it shall live, also if the run that saved it had other devices;
        None: where it lived.

    Returns:
      None where there is no checkpoint.

    Raises:
      UserError: There are checkpoints but none can be read into this state.
    """
    self.wait()  # A save in flight is listed already and cannot be read yet.
    wanted = [step] if step is not None else self.steps[::-1]
    abstract = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
      _saved(template),
    )
    reason: Exception | None = None
    for candidate in wanted:
      try:
        got = self._manager.restore(
          candidate,
          args=ocp.args.Composite(
            state=ocp.args.StandardRestore(abstract),
            position=ocp.args.JsonRestore(),
          ),
        )
      except Exception as error:  # Orbax raises many kinds; each means: unreadable.
        reason = error
        self._unreadable.add(candidate)
        log.warning('checkpoint of step %d cannot be read: %s', candidate, error)
        continue
      state = {**got.state, 'frozen': template.frozen}
      return flax.serialization.from_state_dict(template, state), got.position
    if reason is not None:
      first = str(reason).strip().splitlines()[0] if str(reason).strip() else ''
      raise errors.UserError(
        f'no checkpoint in {self._manager.directory} fits this config: {first}'
      )
    return None

  def restore_inference(self, step: int) -> Variables:
    """Returns the generator's variables for use, as host arrays.

    Reads only these: a discriminator and two optimizers can be ten times as large.
    """
    reader = ocp.PyTreeCheckpointer()
    path = pathlib.Path(self._manager.directory) / str(step) / 'state'
    tree = reader.metadata(path).item_metadata.tree
    wanted = {
      'generator': {'variables': tree['generator']['variables']},
      'ema': tree['ema'],
    }
    on_host = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
    got = reader.restore(
      path,
      args=ocp.args.PyTreeRestore(
        item=wanted, restore_args=on_host, partial_restore=True
      ),
    )
    variables = dict(got['generator']['variables'])
    if got['ema'] is not None:
      variables['params'] = got['ema']
    return variables

  def wait(self) -> None:
    """Blocks until everything is on disk.

    Raises:
      UserError: Something could not be written.
    """
    try:
      self._manager.wait_until_finished()
    except Exception as error:
      self._renew()
      kept = max(self.steps, default=None)
      raise errors.UserError(
        f'the last checkpoint could not be written into {self._path}'
        f' ({errors.first_line(error)}); '
        + ('there is none yet' if kept is None else f'that of step {kept} is complete')
        + '; make room and start again to resume'
      ) from error

  def close(self) -> None:
    """Waits and lets go of the background threads."""
    self._manager.close()


def load_variables(
  workdir: pathlib.Path, *, which: str = 'best', best_metric: str
) -> tuple[int, Variables]:
  """Loads a trained generator from a workdir.

  Args:
    workdir: Folder of a run.
    which: 'best' or 'latest'.
    best_metric: The metric of 'best'.

  Returns:
    The step and the generator's variables.

  Raises:
    UserError: The workdir has no complete checkpoint.
  """
  if not (workdir / FOLDER).is_dir():
    raise errors.UserError(
      f'{workdir} has no checkpoints; train there first with `jsr train --workdir`'
    )
  checkpoints = Checkpoints(workdir, best_metric=best_metric, read_only=True)
  try:
    step = (
      checkpoints.best_step()
      if which == 'best'
      else max(checkpoints.steps, default=None)
    )
    if step is None:
      raise errors.UserError(f'{workdir} has no complete checkpoint yet')
    return step, checkpoints.restore_inference(step)
  finally:
    checkpoints.close()


def last_position(workdir: pathlib.Path) -> dict[str, Any] | None:
  """Returns the position of the latest checkpoint; None where there is none.

  Reads the file itself: what has to be known before the data is loaded shall not need
  a manager, which in a run of several processes waits for the others.
  """
  found = (path.parent for path in (workdir / FOLDER).glob('*/position'))
  steps = sorted((p for p in found if p.name.isdecimal()), key=lambda p: int(p.name))
  for step in reversed(steps):
    try:
      return json.loads((step / 'position' / 'metadata').read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:  # `restore` will tell.
      log.debug('position of %s cannot be read: %s', step, error)
  return None
