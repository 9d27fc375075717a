"""Where a run writes what it saw: JSON lines, TensorBoard events, a progress bar."""

import contextlib
import json
import math
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

import flax
import jax
import jax.numpy as jnp
import tqdm
from clu import metrics as clu_metrics

from jsr.train.events import Events
from jsr.types import Array, Metrics

FILE = 'metrics.jsonl'


@flax.struct.dataclass
class StepMean(clu_metrics.Metric):
  """Mean over the steps that counted: sums on the device, one division on the host.

  Attributes:
    total: Sum of each metric over steps; skipped steps add zero.
    steps: How many steps.
    skipped: How many of them were skipped.
  """

  total: Mapping[str, Array]
  steps: Array
  skipped: Array

  @classmethod
  def from_model_output(cls, stacked: Metrics, **_: Any) -> 'StepMean':
    """Takes the metrics of one dispatch, each stacked over its steps."""
    total = {k: jnp.sum(v) for k, v in stacked.items() if k != 'skipped'}
    skipped = stacked['skipped']
    return cls(
      total=total, steps=jnp.asarray(skipped.shape[0]), skipped=jnp.sum(skipped)
    )

  def merge(self, other: 'StepMean') -> 'StepMean':
    """Adds another span of steps."""
    return StepMean(
      total={k: v + other.total[k] for k, v in self.total.items()},
      steps=self.steps + other.steps,
      skipped=self.skipped + other.skipped,
    )

  def compute(self) -> dict[str, float]:
    """Returns the means (NaN where no step counted), and the number of 'skipped'."""
    counted = float(self.steps) - float(self.skipped)
    means = {
      name: float(value) / counted if counted else math.nan
      for name, value in self.total.items()
    }
    return {**means, 'skipped': float(self.skipped)}


@jax.jit
def accumulate(mean: StepMean | None, stacked: Metrics) -> StepMean:
  """Adds the metrics of one dispatch to a mean, or starts one; stays on the device."""
  got = StepMean.from_model_output(stacked)
  return got if mean is None else mean.merge(got)


def read(path: pathlib.Path) -> list[dict[str, Any]]:
  """Reads JSON lines; those that a kill or a full disk cut short are left out."""
  if not path.exists():
    return []
  records = []
  for line in path.read_text().splitlines():
    try:
      records.append(json.loads(line))
    except json.JSONDecodeError:
      continue
  return records


def up_to(step: int, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
  """Returns what a run that goes on from `step` keeps; what happened stays."""
  return [r for r in records if r.get('step', 0) <= step or 'event' in r]


class Logs:
  """Writers of one run; on resume, what was logged after the checkpoint is dropped.

  Args:
    workdir: The run's folder.
    step: Step that the run starts or resumes from.
    total: Steps of the whole run, for the bar; None if unknown.
    progress: Show the bar (on a terminal only).
  """

  def __init__(
    self,
    workdir: pathlib.Path,
    *,
    step: int,
    total: int | None,
    progress: bool,
  ):
    self._path = workdir / FILE
    self._file, self._full = self._reopen(step), False
    self._events = Events(workdir / 'tensorboard', purge_step=step + 1)
    self._bar = tqdm.tqdm(
      total=total,
      initial=step,
      unit='step',
      dynamic_ncols=True,
      smoothing=0.1,
      disable=None if progress else True,
    )

  def _reopen(self, step: int) -> TextIO:
    """Drops what was measured after `step`: no record with a fold in it."""
    keep = up_to(step, read(self._path))
    temporary = self._path.with_name(f'.{FILE}.{os.getpid()}')
    try:
      temporary.write_text(''.join(json.dumps(r) + '\n' for r in keep))
      temporary.replace(self._path)
    finally:
      temporary.unlink(missing_ok=True)
    return self._path.open('a', buffering=1)

  @contextlib.contextmanager
  def _spared(self) -> Iterator[None]:
    """Lets a run of days survive a full disk, which is said once."""
    try:
      yield
      self._full = False
    except OSError as error:
      if not self._full:
        self._bar.write(f'the log of {self._path.parent} has gaps: {error}', sys.stderr)
      self._full = True

  def _line(self, record: Mapping[str, Any]) -> None:
    # What a full disk cut short ends here.
    self._file.write('\n' * self._full + json.dumps(record) + '\n')

  def write(self, step: int, values: Mapping[str, float]) -> None:
    """Writes scalars of a step to both files."""
    # JSON has no NaN; null says the same to every reader.
    clean = {k: (v if math.isfinite(v) else None) for k, v in values.items()}
    with self._spared():
      self._line({'step': step, **clean})
      for name, value in values.items():
        self._events.scalar(name, value, step)

  def event(self, step: int, text: str) -> None:
    """Writes something that happened, for the reader of the log and of the terminal."""
    self._bar.write(text, file=sys.stderr)
    with self._spared():
      self._line({'step': step, 'event': text})
      self._events.text('event', text, step)

  def progress(self, steps: int, shown: Mapping[str, float] | None = None) -> None:
    """Moves the bar, and shows a few losses beside rate and time left."""
    if shown is not None:
      self._bar.set_postfix({k: f'{v:.4g}' for k, v in shown.items()}, refresh=False)
    self._bar.update(steps)

  def rewind(self, step: int) -> None:
    """Sets bar and record back after a rollback; what happened stays on record."""
    with self._spared():
      self._file.close()
      self._file = self._reopen(step)
    if self._file.closed:  # No room to write it anew; better a fold than no record.
      self._file = self._path.open('a', buffering=1)
    self._bar.n = step
    self._bar.refresh()

  def close(self) -> None:
    """Flushes and closes."""
    with self._spared():
      self._events.close()
    with self._spared():
      self._file.close()
    self._bar.close()


class Silent:
  """What the processes that do not write have in place of `Logs`."""

  def write(self, step: int, values: Mapping[str, float]) -> None:
    """Writes nothing."""

  def event(self, step: int, text: str) -> None:
    """Writes nothing."""

  def progress(self, steps: int, shown: Mapping[str, float] | None = None) -> None:
    """Shows nothing."""

  def rewind(self, step: int) -> None:
    """Sets nothing back."""

  def close(self) -> None:
    """Has nothing to close."""
