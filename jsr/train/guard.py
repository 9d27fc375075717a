"""What to do when training goes wrong: skip, roll back, stop.

Two watchmen. `Guard` looks at steps that had a non-finite value. `Collapse` looks at
what can be finite and lost all the same, an adversarial game that one player has won:

- saturation: the discriminator's loss stays near zero, so that the generator learns
  nothing from it any more;
- explosion: the generator's loss is many times what it used to be;
- drop: the validation figure falls far below its best.

Either sends the run back to a checkpoint, with other data; after a collapse it is one
from before, and the learning rates are lower from there on.
"""

import collections
import dataclasses
import json
import math
import os
import pathlib
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from jsr import errors
from jsr.losses import adversarial

FILE = 'guard.json'


class TrainingStoppedError(errors.UserError):
  """Training gave up after repeated rollbacks; the last good checkpoint is kept."""


@dataclasses.dataclass
class Guard:
  """Watches the streak of skipped steps.

  The step itself never lets a non-finite value into the state. If that happens many
  times in a row the state or the data at this place is bad for good, and skipping on
  would burn the budget in silence.

  Attributes:
    max_streak: Skipped steps in a row that cause a rollback.
    max_rollbacks: Rollbacks after which training stops.
    rollbacks: How many there were. The data order and the random numbers depend on it:
      the same batches in the same order would only fail again.
    rate: Factor on the learning rates.
  """

  max_streak: int
  max_rollbacks: int
  rollbacks: int = 0
  rate: float = 1.0

  def non_finite(self, streak: int) -> str:
    """Judges the current streak; returns what is wrong, or ''."""
    if streak < self.max_streak:
      return ''
    return f'{streak} steps in a row were not finite'

  def write(self, workdir: pathlib.Path) -> None:
    """Keeps what the rollbacks changed, for those who resume."""
    temporary = workdir / f'.{FILE}.{os.getpid()}'
    temporary.write_text(json.dumps({'rollbacks': self.rollbacks, 'rate': self.rate}))
    temporary.replace(workdir / FILE)

  def read(self, workdir: pathlib.Path) -> None:
    """Takes up what `write` kept, if anything."""
    try:
      kept = json.loads((workdir / FILE).read_text())
    except FileNotFoundError:
      return
    self.rollbacks = max(self.rollbacks, int(kept['rollbacks']))
    self.rate = min(self.rate, float(kept['rate']))

  def count(self, reason: str, step: int) -> None:
    """Counts a rollback.

    Raises:
      TrainingStoppedError: It is one too many.
    """
    if self.rollbacks >= self.max_rollbacks:
      raise TrainingStoppedError(
        f'training stopped at step {step}: {reason}, again after {self.rollbacks}'
        ' rollbacks; the last good checkpoint is kept, try a lower learning rate or'
        ' config.optim.generator.clip_norm=1'
      )
    self.rollbacks += 1


def check(config: Any) -> None:
  """Makes sure that what `config.guard` asks for can be watched.

  Args:
    config: Of the run.

  Raises:
    UserError: A figure out of its range, or a watch that would see nothing.
  """
  c = config.guard
  for name, value, least in (
    ('max_streak', c.max_streak, 1),
    ('max_rollbacks', c.max_rollbacks, 0),
    ('patience', c.patience, 1),
    ('saturation', c.saturation, 0),
    ('explosion', c.explosion, 0),
    ('drop', c.drop, 0),
  ):
    if value < least:
      raise errors.UserError(f'config.guard.{name}={value} must be at least {least}')
  if not 0 < c.cut <= 1:
    raise errors.UserError(f'config.guard.cut={c.cut} must be above 0 and at most 1')
  if 0 < c.explosion <= 1:
    raise errors.UserError(f'config.guard.explosion={c.explosion} must be above 1')
  if c.saturation and not config.discriminator.name:
    raise errors.UserError(
      'config.guard.saturation watches a discriminator, and config.discriminator.name'
      ' names none; set it to 0'
    )
  game = config.losses.adversarial
  if c.saturation and adversarial.get(game).gradient_penalty:
    raise errors.UserError(
      f"config.guard.saturation: a critic's loss, as that of '{game}', has no floor"
      ' that would tell that it has won; set it to 0'
    )
  if c.drop and not (config.checkpoint.best_metric and config.eval.every):
    raise errors.UserError(
      'config.guard.drop needs a figure to watch: set config.checkpoint.best_metric and'
      ' config.eval.every'
    )


# How the log tells of a rollback.
ROLLED_BACK = 'rolled back'
# Lines of the log whose median tells what a loss used to be.
_WINDOW = 20


class Collapse:
  """Watches what is logged for a collapse; see the top of the file.

  Args:
    settings: `config.guard`; a threshold of 0 is not watched.

  Attributes:
    patience: Lines of the log in a row that saturation takes.
    cut: Factor on the learning rates at each rollback.
  """

  def __init__(self, settings: Any):
    self.patience = int(settings.patience)
    self.cut = float(settings.cut)
    self._saturation = float(settings.saturation)
    self._explosion = float(settings.explosion)
    self._drop = float(settings.drop)
    self.forget()
    self._best = -math.inf

  def forget(self) -> None:
    """Starts anew after a rollback; what the best figure was, stays known."""
    self._low = 0
    self._totals: collections.deque[float] = collections.deque(maxlen=_WINDOW)

  def replay(self, records: Iterable[Mapping[str, Any]], metric: str) -> None:
    """Takes up what a resumed run has seen, so that it judges as the unbroken one.

    Args:
      records: Of the log, up to the step where the run goes on.
      metric: Name of the validation figure there.
    """
    for record in records:
      if str(record.get('event', '')).startswith(ROLLED_BACK):
        self.forget()
      elif 'g/total' in record:
        self.logged(record)
      self.evaluated(record.get(metric))

  def logged(self, values: Mapping[str, float]) -> str:
    """Takes a line of the log; returns what is wrong, or ''."""
    loss, total = values.get('d/loss'), values.get('g/total')
    if self._saturation and loss is not None and math.isfinite(loss):
      self._low = self._low + 1 if loss < self._saturation else 0
      if self._low >= self.patience:
        return (
          f"the discriminator's loss was below {self._saturation:g} in {self._low}"
          ' lines of the log'
        )
    if self._explosion and total is not None and math.isfinite(total):
      usual = statistics.median(self._totals) if self._totals else math.inf
      # The same as a multiple where the usual is positive; a critic's may not be.
      far = total - usual > (self._explosion - 1) * abs(usual)
      if len(self._totals) >= self.patience and far:
        return f"the generator's loss is {total:.4g}, and used to be {usual:.4g}"
      self._totals.append(total)
    return ''

  def evaluated(self, figure: float | None) -> str:
    """Takes the validation figure; returns what is wrong, or ''."""
    if figure is None or not math.isfinite(figure):
      return ''
    if self._drop and figure < self._best - self._drop:
      return f'the validation figure is {figure:.4g}, and was {self._best:.4g}'
    self._best = max(self._best, figure)
    return ''
