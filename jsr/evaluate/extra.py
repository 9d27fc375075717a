"""Metrics beside the protocol's: those of `jsr.metrics.registry`, by name.

Each is measured on what the protocol measures: the same result, the same border cut,
and, for metrics of one plane, its Y. Arithmetic is float64 on the CPU.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.evaluate import protocol as protocols
from jsr.evaluate.columns import Column
from jsr.evaluate.protocol import Protocol
from jsr.metrics import fidelity, registry
from jsr.weights import lpips, niqe


@dataclasses.dataclass(frozen=True)
class Extra:
  """A metric with all that it needs.

  Attributes:
    column: Of the table.
    metric: Of the registry.
    function: (sr, hr) -> (N,), both (N, H, W, C) on 0..255.
  """

  column: Column
  metric: registry.Metric
  function: registry.Function

  def measure(
    self, sr: np.ndarray, hr: np.ndarray, scale: int, protocol: Protocol
  ) -> float | None:
    """Measures one result; None where the picture is too small for the metric.

    Args:
      sr: As for `protocol.score`.
      hr: The truth, likewise.
      scale: The factor.
      protocol: The rule.
    """
    crop = scale if protocol.crop is None else protocol.crop
    sr, grey = protocols.alike(sr, hr), hr.shape[-1] == 1 and not protocol.luma_only
    if protocol.round_y and self.metric.plane == 'y':
      sr, hr = protocols.luma_uint8(sr), protocols.luma_uint8(hr)
    if min(hr.shape[:2]) - 2 * crop < self.metric.smallest:
      return None
    plane: fidelity.Plane = protocol.plane if self.metric.plane == 'y' else 'rgb'
    with protocols.in_double():
      x, y = (
        fidelity.prepare(jnp.asarray(v[None], jnp.float64), plane=plane, crop=crop)
        for v in (sr, hr)
      )
      if self.metric.name == 'ssim_daala' and grey:
        x, y = protocols.as_video(x), protocols.as_video(y)
      return float(self.function(x, y)[0])


def open_metrics(names: Sequence[str], protocol: Protocol) -> list[Extra]:
  """Finds metrics by name, and loads what they need.

  Args:
    names: Of `registry.METRICS`.
    protocol: The rule; its own columns need not be asked for again.

  Raises:
    UserError: No such metric, one that the protocol measures already, or one whose
      parameters are not at hand.
  """
  result = []
  for i, name in enumerate(names):
    if name not in registry.METRICS:
      raise errors.unknown('metric', name, registry.METRICS)
    if name in names[:i]:
      raise errors.UserError(f"the metric '{name}' is asked for twice; name it once")
    if name in {column.key for column in protocol.columns}:
      raise errors.UserError(
        f"protocol {protocol.name} measures '{name}' anyway; drop it from --metrics"
      )
    metric = registry.METRICS[name]
    function = metric.fn if metric.fn is not None else _load(metric)
    if metric.jittable and function not in protocols.SLOW.values():
      function = jax.jit(function)
    column = Column(name, metric.title, _digits(metric), metric.better)
    result.append(Extra(column, metric, function))
  return result


def _digits(metric: registry.Metric) -> int:
  return 2 if metric.name.startswith('psnr') else 4


def _load(metric: registry.Metric) -> registry.Function:
  """Finds the parameters of a metric: in the cache of downloads, or by downloading."""
  assert metric.load is not None
  if metric.name == 'niqe':
    return metric.load(niqe.find())
  return metric.load(lpips.find(metric.name.removeprefix('lpips_')))
