"""What to do when training goes wrong: skip, roll back, stop."""

import dataclasses

from jsr import errors


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
  """

  max_streak: int
  max_rollbacks: int
  rollbacks: int = 0

  def should_roll_back(self, streak: int, step: int) -> bool:
    """Judges the current streak.

    Raises:
      TrainingStoppedError: One rollback too many.
    """
    if streak < self.max_streak:
      return False
    if self.rollbacks >= self.max_rollbacks:
      raise TrainingStoppedError(
        f'training stopped at step {step}: {streak} steps in a row were not finite,'
        f' again after {self.rollbacks} rollbacks; the last good checkpoint is kept,'
        ' try a lower learning rate or config.optim.generator.clip_norm=1'
      )
    self.rollbacks += 1
    return True
