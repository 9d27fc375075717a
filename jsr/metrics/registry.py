"""Every metric by name, with what a table needs to know of it.

`METRICS[name].fn(sr, hr)` measures; where `fn` is None the metric needs published
parameters, and `METRICS[name].load(weights)` makes the function from what
`jsr.weights.lpips` or `jsr.weights.niqe` read. A metric without reference ignores `hr`,
which may be None.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from jsr.metrics import (
  fidelity,
  fsim,
  fsim_bandwise,
  lpips,
  lpips_nets,
  niqe,
  structural,
)
from jsr.types import Array

# (sr, hr) -> (N,), both (N, H, W, C) float on 0..255.
Function = Callable[..., Array | np.ndarray]


@dataclasses.dataclass(frozen=True)
class Metric:
  """One way to measure a picture.

  Attributes:
    name: As in tables and commands.
    title: For the head of a column.
    fn: (sr, hr) -> (N,), float on 0..255; None where it needs parameters.
    plane: What it takes: 'y' one channel of studio luma, unrounded ('y_full' or grey
      values will do too); 'rgb' the whole picture (or one grey channel).
    better: Which direction is good.
    no_reference: It looks at sr alone.
    load: Makes `fn` of the parameters; None where it needs none.
    jittable: Whether `fn` may be traced by `jax.jit`; the others compile themselves, or
      are NumPy.
    smallest: The least height and width that it measures.
  """

  name: str
  title: str
  fn: Function | None
  plane: Literal['y', 'rgb']
  better: Literal['higher', 'lower']
  no_reference: bool = False
  load: Callable[[Any], Function] | None = None
  jittable: bool = True
  smallest: int = 1


_ALL = (
  Metric('psnr', 'PSNR', fidelity.psnr, 'y', 'higher'),
  Metric('ssim', 'SSIM', fidelity.ssim, 'y', 'higher', smallest=11),
  Metric('ssim_matlab3d', 'SSIM (3-D)', structural.ssim_matlab3d, 'rgb', 'higher'),
  Metric('ssim_daala', 'SSIM (daala)', structural.ssim_daala, 'y', 'higher'),
  Metric('ssim_global', 'SSIM (global)', fidelity.ssim_global, 'y', 'higher'),
  Metric(
    'ms_ssim',
    'MS-SSIM',
    structural.ms_ssim,
    'y',
    'higher',
    smallest=structural.MS_SMALLEST,
  ),
  Metric('fsim', 'FSIM', fsim.fsim, 'rgb', 'higher', smallest=2),
  Metric('fsimc', 'FSIMc', fsim.fsimc, 'rgb', 'higher', smallest=2),
  Metric(
    'fsim_report001',
    'FSIM (report 001)',
    fsim_bandwise.fsim_report001,
    'rgb',
    'higher',
    smallest=2,
  ),
  Metric('rmse', 'RMSE', fidelity.rmse, 'y', 'lower'),
  Metric(
    'rmse_report001', 'RMSE / 4095 (report 001)', fidelity.rmse_4095, 'rgb', 'lower'
  ),
  *(
    Metric(
      f'lpips_{net}',
      f'LPIPS ({net})',
      None,
      'rgb',
      'lower',
      load=lpips.load,
      jittable=False,
      smallest=lpips_nets.SMALLEST[net],
    )
    for net in lpips_nets.NETS
  ),
  Metric(
    'niqe',
    'NIQE',
    None,
    'y',
    'lower',
    no_reference=True,
    load=niqe.load,
    jittable=False,
    smallest=niqe.SMALLEST,
  ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
