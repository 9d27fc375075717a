"""Confirmation runs: does the prediction of an analysis hold?"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jsr.experiments.doe import ratios
from jsr.experiments.doe.analysis import Analysis


class Within(NamedTuple):
  """The run against the error of replicates, each of which has an S/N of its own.

  Attributes:
    prediction: Of the mean of their S/N, dB.
    half: Half of its 95 % interval, dB.
    inside: Whether the mean is in it.
    sn: The mean, dB; not the S/N of all replicates together.
  """

  prediction: float
  half: float
  inside: bool
  sn: float


@dataclasses.dataclass(frozen=True)
class Confirmation:
  """A further run against the prediction.

  Attributes:
    values: Its replicates.
    sn: Its S/N, dB.
    prediction: What the factors that are not pooled predicted, dB.
    half: Half of the 95 % interval with the pooled error, dB.
    inside: Whether the run is in it.
    within: The same against the error of replicates; None without them.
  """

  values: tuple[float, ...]
  sn: float
  prediction: float
  half: float
  inside: bool
  within: Within | None

  def to_json(self) -> dict[str, Any]:
    """Returns everything for JSON."""
    return dataclasses.asdict(self)


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
    within = Within(predicted, reach, abs(mean - predicted) <= reach, mean)
  predicted = analysis.pooled.prediction
  return Confirmation(
    values=tuple(values),
    sn=sn,
    prediction=predicted,
    half=half,
    inside=abs(sn - predicted) <= half,
    within=within,
  )
