"""What a designed experiment says: S/N ratios, main effects, ANOVA, prediction.

Taguchi's analysis. The values of a run become one signal-to-noise ratio in decibels,
the larger the better whatever the response; the mean over the runs at one level of a
factor is that level's main effect; the best levels together predict what a run with
them would give, if factors do not interact. Whether they do, a confirmation run says.

Sources: G. Taguchi, "Introduction to Quality Engineering", 1986; P. J. Ross, "Taguchi
Techniques for Quality Engineering", 1988 (pooling, interval of a confirmation).
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jsr.errors import UserError
from jsr.experiments.doe import anova, ratios
from jsr.experiments.doe.anova import Effect, Error
from jsr.experiments.doe.table import Table


@dataclasses.dataclass(frozen=True)
class Analysis:
  """What a table says of one response.

  Attributes:
    response: Its name.
    kind: One of `ratios.KINDS`.
    values: Of each run, all replicates.
    sn: S/N of each run, dB.
    mean: Of them.
    ss: Total sum of squares of them.
    effects: Of the factors, in the table's order.
    prediction: S/N at the best levels of all factors, dB.
    predicted: The same as a value of the response; None where there is none.
    tried: Which run has the best levels, if any has.
    pooled: Error of the S/N values: what no factor took, or the smallest factors.
    within: Error of replicates, each as an S/N of its own; None without replicates.
    warnings: What to beware of, in sentences.
  """

  response: str
  kind: str
  values: tuple[tuple[float, ...], ...]
  sn: tuple[float, ...]
  mean: float
  ss: float
  effects: tuple[Effect, ...]
  prediction: float
  predicted: float | None
  tried: int | None
  pooled: Error
  within: Error | None
  warnings: tuple[str, ...]

  @property
  def best(self) -> dict[str, str]:
    """The best level of each factor."""
    return {e.factor: e.levels[e.best] for e in self.effects}

  @property
  def ranking(self) -> list[str]:
    """The factors, that with the largest delta first."""
    return [e.factor for e in sorted(self.effects, key=lambda e: e.rank)]

  def to_json(self) -> dict[str, Any]:
    """Returns everything for JSON."""
    found = dataclasses.asdict(self)
    for name in ('pooled', 'within'):
      error = getattr(self, name)
      if error is not None:
        found[name]['interval'] = error.interval()
    return {**found, 'best': self.best, 'ranking': self.ranking}


def analyse(
  table: Table, response: str, kind: str, *, pool: Sequence[str] | None = None
) -> Analysis:
  """Analyses one response.

  Args:
    table: What was tried, and what came of it.
    response: Its name in the table.
    kind: One of `ratios.KINDS`.
    pool: Factors whose sums of squares become error. None: none where the array leaves
      degrees of freedom, else the one with the smallest.

  Raises:
    UserError: Values that have no S/N of this kind, an array that is not orthogonal, or
      nothing left to compare.
  """
  table.check_orthogonal()
  values, warnings = _finite(table, response)
  sn = np.array(
    [
      ratios.sn(v, kind, response, run)
      for run, v in zip(table.runs, values, strict=True)
    ]
  )
  mean = float(sn.mean())
  ss = float(((sn - mean) ** 2).sum())
  effects = anova.effects(table, sn)
  if pool is None:
    pool = anova.to_pool(len(sn), effects)
  pooled = anova.pooled(sn, effects, pool)
  prediction = mean + sum(max(e.means) - mean for e in effects)
  predicted = ratios.value(prediction, kind)
  best = [e.best for e in effects]
  tried = next((i for i, row in enumerate(table.levels.tolist()) if row == best), None)
  if len(pool) and len(sn) - 1 == sum(e.dof for e in effects):
    warnings.append(
      f'The array is saturated: factors take all {len(sn) - 1} degrees of freedom, and'
      f' none is left for error. {" and ".join(pool)} stands in for it because its sum'
      ' of squares is the smallest, which makes F too large; shares say nothing of'
      ' chance.'
    )
  warnings += ratios.warnings(response, kind, values, predicted)
  warnings += _far_runs(table, response, sn)
  if tried is None:
    warnings.append(
      'No run has the best levels together: the prediction needs a confirmation run.'
    )
  return Analysis(
    response=response,
    kind=kind,
    values=tuple(tuple(v) for v in values),
    sn=tuple(sn.tolist()),
    mean=mean,
    ss=ss,
    effects=effects,
    prediction=prediction,
    predicted=predicted,
    tried=tried,
    pooled=pooled,
    within=anova.within(table, values, kind, effects),
    warnings=tuple(warnings),
  )


def _finite(table: Table, response: str) -> tuple[list[list[float]], list[str]]:
  """The finite values of each run, and what to say of others."""
  all_values = table.responses[response]
  values = [[x for x in v if math.isfinite(x)] for v in all_values]
  empty = [run for run, v in zip(table.runs, values, strict=True) if not v]
  if empty:
    raise UserError(
      f"'{response}' has no number for run {', '.join(empty)}; a table with a hole is"
      ' not orthogonal: run it again, or give the worst value that it could have'
    )
  short = [
    run
    for run, v, w in zip(table.runs, values, all_values, strict=True)
    if len(v) < len(w)
  ]
  if not short:
    return values, []
  return values, [
    f'Run {", ".join(short)} has replicates of {response} that are no numbers; they'
    ' are left out.'
  ]


def _far_runs(table: Table, response: str, sn: np.ndarray) -> list[str]:
  """Warns of runs so far below the others that they make every effect."""
  median = float(np.median(sn))
  spread = 1.4826 * float(np.median(np.abs(sn - median)))
  far = np.flatnonzero(sn < median - max(3 * spread, 1.0))
  if not 0 < len(far) < len(sn) / 2:
    return []
  names = ', '.join(table.runs[i] for i in far)
  same = [
    f'{factor} = {levels[table.levels[far[0], i]]}'
    for i, (factor, levels) in enumerate(table.factors.items())
    if len(set(table.levels[far, i].tolist())) == 1
  ]
  cause = f' What they share is {" and ".join(same)}.' if same and len(far) > 1 else ''
  return [
    f'Run {names} of {response} lies far below the others'
    f' ({", ".join(f"{sn[i]:.2f}" for i in far)} dB; the median is {median:.2f}).'
    f'{cause} Main effects of the other factors are aliases of that: they tell which'
    ' of their levels met it.'
  ]
