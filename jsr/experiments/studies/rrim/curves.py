"""The losses of the trainings: whether their swing grows."""

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jsr.experiments import stability
from jsr.train import logs

# Keys of the log, and what they are called.
LOSSES = {'g/total': 'generator', 'd/loss': 'discriminator'}
# Points of a curve in the results.
POINTS = 50


@dataclasses.dataclass(frozen=True)
class Looked:
  """One training's losses.

  Attributes:
    swings: Of each loss; None where it was finite too seldom to be judged.
    levels: Of each loss, its mean over the last window; NaN where none was finite.
    skipped: Steps that had a non-finite value.
    steps: All steps.
  """

  swings: Mapping[str, stability.Swing | None]
  levels: Mapping[str, float]
  skipped: int
  steps: int

  @property
  def onset(self) -> int | None:
    """The first step from which one of the losses swings too much, if any."""
    found = [s.onset for s in self.swings.values() if s and s.onset is not None]
    return min(found, default=None)

  @property
  def unstable(self) -> bool:
    """Whether a loss swings too much, or steps had to be skipped."""
    lost = any(s is None for s in self.swings.values())
    return lost or self.onset is not None or self.skipped > 0


def rule(config: ConfigDict) -> stability.Rule:
  """Returns what `config.swing` asks for."""
  c = config.swing
  return stability.Rule(c.window, (c.base[0], c.base[1]), c.ratio, c.length)


def look(workdir: pathlib.Path, steps: int, asked: stability.Rule) -> Looked:
  """Reads the log of a training with a line a step.

  Args:
    workdir: Of the training.
    steps: Its length.
    asked: The rule.
  """
  values = {key: np.full(steps, math.nan) for key in LOSSES}
  skipped = 0
  for record in logs.read(workdir / logs.FILE):
    if 'g/total' in record:
      skipped += int(record['skipped'])
      for key in LOSSES:
        if record[key] is not None:
          values[key][record['step'] - 1] = record[key]
  ends = {key: some[-asked.window :] for key, some in values.items()}
  return Looked(
    {key: _swing(some, asked) for key, some in values.items()},
    {key: _mean(some) for key, some in ends.items()},
    skipped,
    steps,
  )


def _mean(values: np.ndarray) -> float:
  finite = values[np.isfinite(values)]
  return float(finite.mean()) if len(finite) else math.nan


def last_error(workdir: pathlib.Path) -> float:
  """Returns the mean squared error in a training's last line of the log."""
  lines = [x for x in logs.read(workdir / logs.FILE) if x.get('g/pixel') is not None]
  return float(lines[-1]['g/pixel'])


def _swing(values: np.ndarray, asked: stability.Rule) -> stability.Swing | None:
  try:
    return stability.swing(values, asked)
  except ValueError:
    return None


def band(looked: Sequence[Looked], key: str) -> dict[str, list[float]]:
  """Returns the ratios of a loss over the seeds, at some steps.

  Returns:
    'step', and 'low', 'middle' and 'high' (least, median, largest of the seeds); empty
    where no seed could be judged.
  """
  swings = [one.swings[key] for one in looked]
  ratios = np.array([s.ratios for s in swings if s])
  if not ratios.size:
    return {'step': [], 'low': [], 'middle': [], 'high': []}
  known = np.flatnonzero(np.isfinite(ratios).all(0))
  at = known[np.unique(np.linspace(0, len(known) - 1, POINTS).round().astype(int))]
  some = ratios[:, at]
  return {
    'step': (at + 1).tolist(),
    'low': some.min(0).round(4).tolist(),
    'middle': np.median(some, 0).round(4).tolist(),
    'high': some.max(0).round(4).tolist(),
  }


def describe(looked: Sequence[Looked]) -> dict[str, Any]:
  """Returns all numbers of a variant, a list over seeds each, ready for JSON."""
  made: dict[str, Any] = {
    'skipped': [one.skipped for one in looked],
    'steps': [one.steps for one in looked],
  }
  for key in LOSSES:
    swings = [one.swings[key] for one in looked]
    made[key] = {
      name: [getattr(s, name) if s else None for s in swings]
      for name in ('usual', 'onset', 'largest', 'last')
    }
    made[key]['level'] = [one.levels[key] for one in looked]
    made[key]['ratio'] = band(looked, key)
  return made
