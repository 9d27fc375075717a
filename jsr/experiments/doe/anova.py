"""Main effects of factors, and the analysis of variance: are they more than chance?"""

import dataclasses
import math
from collections.abc import Sequence

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


def effects(table: Table, sn: np.ndarray) -> tuple[Effect, ...]:
  """Returns the main effects of a table's factors on the S/N of its runs."""
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


def to_pool(runs: int, found: Sequence[Effect]) -> list[str]:
  """Returns what to pool: the smallest effect where nothing else is left for error."""
  if runs - 1 > sum(e.dof for e in found):
    return []
  return [min(found, key=lambda e: e.ss).factor]


def pooled(sn: np.ndarray, found: Sequence[Effect], pool: Sequence[str]) -> Error:
  """Returns the error of S/N values: what no factor took, and the pooled factors.

  Raises:
    UserError: A factor that there is not, or nothing left.
  """
  unknown = [name for name in pool if name not in {e.factor for e in found}]
  if unknown:
    raise UserError(f"'{unknown[0]}' is no factor and cannot be pooled")
  used = [e for e in found if e.factor not in pool]
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


def within(
  table: Table, values: Sequence[Sequence[float]], kind: str, found: Sequence[Effect]
) -> Error | None:
  """Returns the error of replicates, each an S/N of its own.

  Args:
    table: Its factors.
    values: Of each run, all finite.
    kind: Of the S/N.
    found: Main effects on the S/N of runs.

  Returns:
    None without replicates, or with unequal ones; and for 'nominal', which one value
    has none of.
  """
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
    for own, e in zip(effects(table, of_runs), found, strict=True)
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
