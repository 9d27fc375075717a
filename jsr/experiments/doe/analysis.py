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
from scipy import stats

from jsr.errors import UserError
from jsr.experiments.doe import ratios
from jsr.experiments.doe.table import Table

ALPHA = 0.05


@dataclasses.dataclass(frozen=True)
class Effect:
  """The main effect of a factor.

  Attributes:
    factor: Its name.
    levels: Its levels, as in the table.
    means: Mean S/N at each, dB.
    best: Place of the largest.
    delta: Largest minus smallest mean.
    rank: 1 for the largest delta.
    ss: Sum of squares.
    dof: Degrees of freedom.
    share: Percent of the total sum of squares.
  """

  factor: str
  levels: tuple[str, ...]
  means: tuple[float, ...]
  best: int
  delta: float
  rank: int
  ss: float
  dof: int
  share: float


@dataclasses.dataclass(frozen=True)
class Test:
  """A factor against the error.

  Attributes:
    factor: Its name.
    f: Variance over that of the error; infinite where there is no error.
    critical: What `f` must exceed at 5 %.
    p: Probability of such an `f` without effect.
    share: Percent of the total that is left without the error's part.
  """

  factor: str
  f: float
  critical: float
  p: float
  share: float


@dataclasses.dataclass(frozen=True)
class Error:
  """What stands for chance, and what it makes of the factors.

  Attributes:
    source: What it was taken from.
    variance: Sum of squares over degrees of freedom.
    dof: Degrees of freedom.
    tests: Of the factors that are not part of it.
    prediction: S/N at the best levels of those factors, dB.
    n_eff: Values that the prediction is worth.
  """

  source: str
  variance: float
  dof: int
  tests: tuple[Test, ...]
  prediction: float
  n_eff: float

  def interval(self, runs: int = 1) -> float:
    """Half of the 95 % interval for the mean of `runs` further S/N values, dB."""
    f = stats.f.ppf(1 - ALPHA, 1, self.dof)
    return float(math.sqrt(f * self.variance * (1 / self.n_eff + 1 / runs)))


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
  effects = _effects(table, sn)
  if pool is None:
    pool = _to_pool(len(sn), effects)
  pooled = _pooled(sn, effects, pool)
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
    within=_within(table, values, kind, effects),
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


def _effects(table: Table, sn: np.ndarray) -> tuple[Effect, ...]:
  mean, total = sn.mean(), ((sn - sn.mean()) ** 2).sum()
  found = []
  for i, (factor, levels) in enumerate(table.factors.items()):
    at = [sn[table.levels[:, i] == level] for level in range(len(levels))]
    means = [float(x.mean()) for x in at]
    ss = float(sum(len(x) * (m - mean) ** 2 for x, m in zip(at, means, strict=True)))
    found.append(
      Effect(
        factor=factor,
        levels=levels,
        means=tuple(means),
        best=int(np.argmax(means)),
        delta=max(means) - min(means),
        rank=0,
        ss=ss,
        dof=len(levels) - 1,
        share=100 * ss / total if total > 0 else math.nan,
      )
    )
  order = sorted(found, key=lambda e: -e.delta)
  return tuple(dataclasses.replace(e, rank=1 + order.index(e)) for e in found)


def _to_pool(runs: int, effects: Sequence[Effect]) -> list[str]:
  if runs - 1 > sum(e.dof for e in effects):
    return []
  return [min(effects, key=lambda e: e.ss).factor]


def _pooled(sn: np.ndarray, effects: Sequence[Effect], pool: Sequence[str]) -> Error:
  unknown = [name for name in pool if name not in {e.factor for e in effects}]
  if unknown:
    raise UserError(f"'{unknown[0]}' is no factor and cannot be pooled")
  used = [e for e in effects if e.factor not in pool]
  mean, total = float(sn.mean()), float(((sn - sn.mean()) ** 2).sum())
  dof = len(sn) - 1 - sum(e.dof for e in used)
  if dof < 1 or not used:
    raise UserError('pooling leaves no factor, or no degree of freedom for error')
  # Rounding may leave less than nothing.
  ss = max(total - sum(e.ss for e in used), 0.0)
  return _error(
    ' and '.join(pool) or 'what no factor took',
    ss / dof,
    dof,
    used,
    mean,
    total,
    len(sn),
  )


def _within(
  table: Table, values: Sequence[Sequence[float]], kind: str, effects: Sequence[Effect]
) -> Error | None:
  """The error of replicates, each an S/N of its own."""
  count = len(values[0])
  if count < 2 or any(len(v) != count for v in values) or kind == 'nominal':
    return None
  each = np.array([[ratios.sn([x], kind) for x in v] for v in values])
  of_runs = each.mean(1)
  ss = float(((each - of_runs[:, None]) ** 2).sum())
  dof = each.size - len(values)
  # Sums of squares over all values: each run's mean counts as often as it has values.
  # What is predicted are the levels that the S/N of runs calls best.
  scaled = [
    dataclasses.replace(own, ss=count * own.ss, best=e.best)
    for own, e in zip(_effects(table, of_runs), effects, strict=True)
  ]
  total = float(((each - each.mean()) ** 2).sum())
  return _error(
    'replicates', ss / dof, dof, scaled, float(each.mean()), total, each.size
  )


def _error(
  source: str,
  variance: float,
  dof: int,
  used: Sequence[Effect],
  mean: float,
  total: float,
  count: int,
) -> Error:
  tests = []
  for e in used:
    f = e.ss / e.dof / variance if variance > 0 else math.inf
    tests.append(
      Test(
        factor=e.factor,
        f=f,
        critical=float(stats.f.ppf(1 - ALPHA, e.dof, dof)),
        p=float(stats.f.sf(f, e.dof, dof)),
        share=100 * (e.ss - e.dof * variance) / total if total > 0 else math.nan,
      )
    )
  return Error(
    source=source,
    variance=variance,
    dof=dof,
    tests=tuple(tests),
    prediction=mean + sum(e.means[e.best] - mean for e in used),
    n_eff=count / (1 + sum(e.dof for e in used)),
  )


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


@dataclasses.dataclass(frozen=True)
class Confirmation:
  """A further run against the prediction.

  Attributes:
    values: Its replicates.
    sn: Its S/N, dB.
    prediction: What the factors that are not pooled predicted, dB.
    half: Half of the 95 % interval with the pooled error, dB.
    inside: Whether the run is in it.
    within: The same three against the error of replicates, (prediction, half, inside);
      None without replicates.
  """

  values: tuple[float, ...]
  sn: float
  prediction: float
  half: float
  inside: bool
  within: tuple[float, float, bool] | None


def confirm(analysis: Analysis, values: Sequence[float]) -> Confirmation:
  """Lays a run at the best levels beside what was predicted for it.

  Args:
    analysis: That predicted.
    values: Its replicates, as many as the runs of the table have.
  """
  sn = ratios.sn(values, analysis.kind, analysis.response, 'confirmation')
  half = analysis.pooled.interval()
  within = None
  if analysis.within is not None:
    mean = float(np.mean([ratios.sn([x], analysis.kind) for x in values]))
    reach = analysis.within.interval(len(values))
    predicted = analysis.within.prediction
    within = (predicted, reach, abs(mean - predicted) <= reach)
  predicted = analysis.pooled.prediction
  return Confirmation(
    values=tuple(values),
    sn=sn,
    prediction=predicted,
    half=half,
    inside=abs(sn - predicted) <= half,
    within=within,
  )
