"""What is measured of a network: fidelity, and what stands for looks."""

import functools
import json
from collections.abc import Sequence

import jax
import numpy as np

from jsr.evaluate import benchmark, extra, gate, methods, output, sets
from jsr.evaluate import protocol as protocols
from jsr.evaluate.columns import Column
from jsr.experiments import feature_distance
from jsr.experiments.studies.content import variants
from jsr.experiments.study import Study
from jsr.metrics import frequency, niqe, registry
from jsr.types import Array
from jsr.weights import niqe as niqe_model
from jsr.weights.model_file import ModelFile

# That of the paper, as far as it can be met; its LR are those of SelfExSR.
RULE = protocols.get('srgan')
FIDELITY = ('psnr_y', 'ssim_daala', 'ssim_y')
DISTANCE, DETAIL, GRID = feature_distance.NAME, 'high_frequency', 'grid'
LOOKS = ('niqe', DISTANCE, DETAIL, GRID)
KEYS = (*FIDELITY, *LOOKS)

# {set: {picture: {measure: value}}}
Measured = dict[str, dict[str, dict[str, float]]]
TITLES = {
  'psnr_y': 'PSNR Y (dB)',
  'ssim_daala': 'SSIM (daala)',
  'ssim_y': 'SSIM (Wang)',
  'niqe': 'NIQE',
  DISTANCE: feature_distance.TITLE,
  DETAIL: 'high frequencies over those of HR',
  GRID: 'grid (levels)',
}
DIGITS = {
  'psnr_y': 2,
  'ssim_daala': 4,
  'ssim_y': 4,
  'niqe': 2,
  DISTANCE: 3,
  DETAIL: 2,
  GRID: 2,
}


def grid(sr: Array, hr: Array, *, period: int) -> np.ndarray:
  """The part of the error that repeats with a period, as RMS about its mean, (N,).

  Layers that enlarge or shrink by whole factors leave such patterns.

  Args:
    sr: (N, H, W, 1) on 0..255.
    hr: Likewise.
    period: Pixels.
  """
  error = np.asarray(sr, np.float64) - np.asarray(hr, np.float64)
  n, h, w = error.shape[0], error.shape[1] // period, error.shape[2] // period
  whole = error[:, : h * period, : w * period, 0]
  phases = whole.reshape(n, h, period, w, period).mean((1, 3))
  return phases.std((1, 2))


class Ruler:
  """Measures networks of one kind on the study's sets.

  Args:
    study: Its config names the sets; what was measured is kept in its folder.
    model: Any of the networks.
  """

  def __init__(self, study: Study, model: ModelFile):
    c = study.config
    self._study = study
    self.sets: list[sets.PictureSet] = []
    for name, limit in zip(c.sets, c.limits, strict=True):
      opened = sets.open_sets([name], data=str(study.data), limit=limit or None)[0]
      gate.check(opened, variants.SCALE, RULE)
      self.sets.append(opened)
    self._extra = _looks(study, variants.SCALE)
    # One for all: each size of picture is compiled once.
    self._network = methods.Network('it', model.generator, model.scale, model.args)

  def network(
    self, name: str, model: ModelFile, sets: Sequence[str] | None = None
  ) -> Measured:
    """Measures a network, or finds what was measured of it.

    Args:
      name: Of the file that keeps it.
      model: The network.
      sets: Which of the sets; None for all.
    """
    c = self._study.config
    path = self._study.output / 'measured' / f'{name}.json'
    names = list(c.sets if sets is None else sets)
    key = [c.steps, c.batch_size, c.patch_size, *names, *c.limits, *KEYS]
    if path.is_file():
      kept = json.loads(path.read_text(encoding='utf-8'))
      if kept['key'] == key:
        return kept['measured']
    print(f'measuring {name}', flush=True)
    self._network.load(model.variables)
    measured = self._measure(self._network, names)
    text = json.dumps({'key': key, 'measured': measured}, indent=1)
    output.write_text(path, text + '\n')
    return measured

  def bicubic(self) -> Measured:
    """Measures bicubic."""
    method = methods.Interpolation(RULE.bicubic, 'bicubic')
    return self._measure(method, list(self._study.config.sets))

  def _measure(self, method: methods.Method, names: Sequence[str]) -> Measured:
    return {
      opened.name: {
        picture: {key: values[key] for key in KEYS}
        for picture, values in benchmark.measure(
          method, opened, variants.SCALE, RULE, timed=False, extra=self._extra
        )['per_image'].items()
      }
      for opened in self.sets
      if opened.name in names
    }


def _looks(study: Study, scale: int) -> list[extra.Extra]:
  c = study.config
  of_niqe = registry.METRICS['niqe']
  assert of_niqe.load is not None
  pristine = niqe_model.load(study.weights_file(c.niqe))
  detail = jax.jit(functools.partial(frequency.high_frequency_ratio, scale=scale))
  kinds = (
    (of_niqe, niqe.load(pristine)),
    (registry.Metric(DETAIL, TITLES[DETAIL], None, 'y', 'higher', smallest=8), detail),
    (
      registry.Metric(GRID, TITLES[GRID], None, 'y', 'lower', smallest=scale),
      functools.partial(grid, period=scale),
    ),
  )
  niqe_row, *rest = (
    extra.Extra(Column(m.name, m.title, 4, m.better), m, function)
    for m, function in kinds
  )
  return [niqe_row, feature_distance.load(study.weights_file(c.squeezenet)), *rest]


def mean(runs: Sequence[Measured], key: str, set_name: str = '') -> float:
  """The mean over a set's pictures, or all sets', and over runs."""
  return float(pictures(runs, key, set_name).mean())


def pictures(runs: Sequence[Measured], key: str, set_name: str = '') -> np.ndarray:
  """Each picture's value, of a set or of all, mean over runs, (pictures,)."""
  return np.mean([of_run(run, key, set_name) for run in runs], axis=0)


def of_run(run: Measured, key: str, set_name: str = '') -> list[float]:
  """Each picture's value in one run."""
  return [
    picture[key]
    for name, rows in run.items()
    if set_name in ('', name)
    for picture in rows.values()
  ]
