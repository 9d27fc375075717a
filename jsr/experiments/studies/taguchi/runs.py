"""The runs of the Taguchi study: trained together, measured on held-out pictures."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jsr.evaluate import benchmark, interpolation, output, protocol, sets
from jsr.evaluate.network import Network, to_uint8
from jsr.experiments.doe import together
from jsr.experiments.study import Study, check_kept
from jsr.ops import resize
from jsr.train import settings
from jsr.types import Variables

# In the order of the columns of L9.
FACTORS = ('learning_rate', 'optimizer', 'activation', 'filters')
RESPONSES = {'accuracy': 'larger', 'loss': 'smaller', 'psnr_y': 'larger'}
SCALE = 4
# What Keras sets where a program names an optimizer alone.
KERAS: Mapping[str, Mapping[str, float]] = {
  'rmsprop': {'b2': 0.9, 'eps': 1e-7},
  'adam': {'b1': 0.9, 'b2': 0.999, 'eps': 1e-7},
  'adagrad': {'eps': 1e-7},
  'adadelta': {'b2': 0.95, 'eps': 1e-7},
}
# A level of each factor, in their order.
Settings = tuple[float, str, str, int]
# Points of a training curve that are kept.
_POINTS = 50


def levels(config: ConfigDict) -> list[tuple[Any, ...]]:
  """Returns the levels of each factor."""
  return [tuple(config[factor]) for factor in FACTORS]


def recipe(study: Study, setting: Settings, seed: int) -> ConfigDict:
  """Returns the config of one training."""
  rate, optimizer, activation, filters = setting
  c = study.config
  source = str(study.data_folder(c.source)) if c.source else 'photographs'
  changes = {
    'seed': seed,
    'generator.args.features': filters,
    'generator.args.activation': activation,
    'generator.args.momentum': c.momentum,
    'optim.generator.name': optimizer,
    'optim.generator.learning_rate': rate,
    **{f'optim.generator.{k}': v for k, v in KERAS[optimizer].items()},
    'data.source': source,
    'data.batch_size': c.batch_size,
    'data.patch_size': c.patch_size,
    'train.max_steps': c.steps,
    'log.progress': False,
  }
  return study.recipe('srnet.py', changes)


def name(setting: Settings, seed: int) -> str:
  """Returns what a run is called."""
  rate, optimizer, activation, filters = setting
  return f'{rate:g}-{optimizer}-{activation}-{filters}-seed{seed}'


def train(
  study: Study, chosen: Sequence[Settings]
) -> dict[tuple[Settings, int], dict[str, Any]]:
  """Trains settings with all seeds, or takes what an earlier start has trained.

  Args:
    study: The study.
    chosen: Settings of the factors.

  Returns:
    By setting and seed: 'accuracy', 'loss', 'psnr_y', 'skipped', 'seconds', 'curve'.

  Raises:
    UserError: The folder has runs of another config.
  """
  wanted = [
    (s, seed) for s in dict.fromkeys(chosen) for seed in range(study.config.seeds)
  ]
  configs = {run: recipe(study, *run) for run in wanted}
  found = {run: _read(study, run, configs[run]) for run in wanted}
  missing = [run for run in wanted if found[run] is None]
  if missing:
    judge = Judge(study)
    data = together.load(configs[missing[0]])
    # Every program knows all levels, so that a later start compiles none anew.
    among = [recipe(study, s, 0) for s in zip(*levels(study.config), strict=True)]
  for places in together.groups([configs[run] for run in missing]):
    group = together.Group([configs[missing[i]] for i in places], data, among)
    print(f'training {len(group)} runs of {study.config.steps} steps', flush=True)
    mode = together.side_by_side(study.config.together)
    for i, trained in group.train(vmapped=mode):
      run = missing[places[i]]
      result: dict[str, Any] = {
        **judge(configs[run], trained.variables),
        'skipped': trained.skipped,
        'seconds': trained.seconds,
        'curve': _curve(trained.losses),
        'config': settings.as_kept(configs[run]),
      }
      text = json.dumps(benchmark.to_json(result))  # JSON has no NaN.
      output.write_text(_path(study, run), text + '\n')
      found[run] = result
      said = ', '.join(f'{key} {result[key]:.4g}' for key in RESPONSES)
      print(f'{name(*run)}: {said}', flush=True)
  return {run: result for run, result in found.items() if result is not None}


def _path(study: Study, run: tuple[Settings, int]) -> pathlib.Path:
  return study.output / 'runs' / f'{name(*run)}.json'


def _read(
  study: Study, run: tuple[Settings, int], config: ConfigDict
) -> dict[str, Any] | None:
  path = _path(study, run)
  if not path.is_file():
    return None
  result = json.loads(path.read_text(encoding='utf-8'))
  check_kept(path, result['config'], settings.as_kept(config))
  return {k: np.nan if v is None else v for k, v in result.items()}


def _curve(losses: np.ndarray) -> list[list[float]]:
  """Means of neighbouring steps that were finite, [last step, loss]."""
  parts = np.array_split(np.arange(len(losses)), min(_POINTS, len(losses)))
  return [
    [int(part[-1]) + 1, float(np.nanmean(losses[part]))]
    for part in parts
    if np.isfinite(losses[part]).any()
  ]


class Judge:
  """Measures networks on the held-out pictures.

  Args:
    study: Names the pictures.
  """

  def __init__(self, study: Study):
    c = study.config
    folder = None
    if c.validation != sets.EMBEDDED:
      folder = str(study.data_folder(c.validation).parent)
    (opened,) = sets.open_sets([c.validation], data=folder)
    pictures = sets.centre_crop(opened, c.validation_size).pictures
    self._hr = [resize.modcrop(picture.hr, SCALE) for picture in pictures]
    self._lr = [protocol.make_lr(hr, SCALE) for hr in self._hr]
    self._networks: dict[tuple[int, str], Network] = {}

  def __call__(self, config: ConfigDict, variables: Variables) -> dict[str, float]:
    """Returns 'accuracy', 'loss' and 'psnr_y' of a network, means over pictures."""
    args = config.generator.args.to_dict()
    key = (args['features'], args['activation'])
    if key not in self._networks:
      self._networks[key] = Network('run', config.generator.name, SCALE, args)
    network = self._networks[key]
    network.load(variables)
    return self._means(
      [network.upscale(lr.astype(np.float64), SCALE) for lr in self._lr]
    )

  def bicubic(self) -> dict[str, float]:
    """Returns the same of bicubic interpolation, what SR-NET begins with."""
    return self._means(
      [interpolation.enlarge(lr.astype(np.float64), SCALE) for lr in self._lr]
    )

  def _means(self, results: Sequence[np.ndarray]) -> dict[str, float]:
    if not all(np.isfinite(sr).all() for sr in results):
      return dict.fromkeys(RESPONSES, float('nan'))
    found = [_measure(sr, hr) for sr, hr in zip(results, self._hr, strict=True)]
    return {key: float(np.mean([f[key] for f in found])) for key in RESPONSES}


def _measure(sr: np.ndarray, hr: np.ndarray) -> dict[str, float]:
  """Measures one result, (H, W, 3) on 0..255, neither rounded nor clipped.

  Accuracy is Keras' for targets of three channels: the share of pixels whose largest
  channel is the same [our reading]; loss is the mean absolute error of values in
  [0, 1], as Keras reports it, of the result as it is.
  """
  agree = np.argmax(sr, -1) == np.argmax(hr, -1)
  scores = protocol.score(to_uint8(sr), hr, SCALE, protocol.get('rgb8'))
  psnr = scores['psnr_y']
  assert psnr is not None
  return {
    'accuracy': float(np.mean(agree)),
    'loss': float(np.mean(np.abs(sr - hr)) / 255),
    'psnr_y': psnr,
  }
