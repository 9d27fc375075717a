"""Samples of a small GAN, enlarged from 64 to 256: by networks, or by a stacked GAN."""

import json
import math
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jsr.data import sheet, sources
from jsr.data.curate import Rules, split_of
from jsr.evaluate import benchmark, conversion, methods, output, protocol, sets
from jsr.experiments import gan_samples, looks
from jsr.experiments.gan_samples import SCALE, SIZE
from jsr.experiments.studies.illustrations import spectra
from jsr.experiments.study import Study
from jsr.metrics import fidelity
from jsr.types import Variables
from jsr.weights import model_file

# What enlarges the samples; 'head' is the stacked GAN's before it is trained with it.
ENLARGERS = ('bicubic', 'compact', 'compact, tuned', 'SRGAN', 'ESRGAN, small', 'head')
STACKED = 'stacked'


def canvases(study: Study, split: str) -> np.ndarray:
  """Returns the pictures of a split as squares, uint8 (M, P, P, 3).

  The same pictures as the tiles' split; mirrored at their edges, see `canvas`.
  """
  c = study.config
  source = sources.open_source(
    str(study.data_folder(c.source)), split='train', min_size=1, progress=False
  )
  size = SCALE * SIZE + (c.margin if split == 'train' else 0)
  rules = Rules(size=c.size, test=c.test)
  chosen = [i for i, name in enumerate(source.keys) if split_of(name, rules) == split]
  return np.stack([gan_samples.canvas(source[i], size) for i in chosen])


class Players:
  """Both GANs; each is compiled once for all seeds."""

  def __init__(self, study: Study):
    c = study.config
    self._study = study
    self._first, length = c.gan.steps, c.gan.steps + c.gan.more
    self._widths = tuple(c.sampler)
    head = {'blocks': c.head.blocks, 'features': c.head.features}
    self.sampler = gan_samples.Sampler(widths=self._widths)
    self.stack = gan_samples.Stacked(widths=self._widths, **head)
    self._small = gan_samples.Game(self.sampler, c.gan, length)
    self._large = gan_samples.Game(self.stack, c.stacked, c.gan.more)

  def train(
    self, seed: int, real: np.ndarray, head: pathlib.Path
  ) -> tuple[Variables, Variables, dict[str, Any]]:
    """Trains both GANs of a seed, or reads them.

    The stacked one starts from the small one and the head. The small one goes on alone
    for as many steps.

    Args:
      seed: Of both.
      real: Canvases.
      head: Workdir of the head.

    Returns:
      The generators' variables, alone and stacked, and seconds a step of each.
    """
    folder = self._study.output / 'runs' / f'gan-{seed}'
    files = [folder / 'alone.safetensors', folder / 'stacked.safetensors']
    if not (folder / 'log.json').is_file():  # It is written last.
      print(f'training gan-{seed}', flush=True)
      start = time.process_time()
      small, log = self._small.train(seed, real, marks=(self._first,))
      between = time.process_time()
      enlarger = conversion.read_workdir(head, 'latest').variables
      parts = {
        'sampler': small[self._first]['params'],
        'head': jax.device_get(enlarger['params']),
      }
      large, more = self._large.train(seed, real, first={'params': parts})
      took = {
        'alone': (between - start) / max(small),
        'stacked': (time.process_time() - between) / max(large),
        'log': {'alone': log, 'stacked': more},
      }
      folder.mkdir(parents=True, exist_ok=True)
      for file, variables in zip(
        files, (small[max(small)], large[max(large)]), strict=True
      ):
        model_file.save(
          file, generator='noise', scale=1, args={}, variables=variables, note=''
        )
      output.write_text(folder / 'log.json', json.dumps(took) + '\n')
    alone, stacked = (model_file.load(file).variables for file in files)
    return alone, stacked, json.loads((folder / 'log.json').read_text())


def run(
  study: Study, found: Mapping[str, methods.Method], head: pathlib.Path
) -> dict[str, Any]:
  """Trains the GANs, enlarges samples and real pictures, and measures.

  Returns:
    'real': figures of each enlarger on the held-out pictures, with the truth beside;
    'samples': {enlarger: {figure: a value a seed}}; 'steps': seconds a step; 'curves':
    spectra; 'pictures': how many there are.
  """
  c = study.config
  judge = Judge(study)
  truth = canvases(study, 'test')
  reference = spectra.curve(truth)
  small = np.stack([protocol.make_lr(hr, SCALE) for hr in truth])
  results: dict[str, Any] = {'real': {}, 'samples': {}, 'steps': [], 'curves': {}}
  results['real']['truth'] = judge(truth, small, reference)
  opened = sets.PictureSet(
    'real', [sets.Picture(f'{i:03}', hr) for i, hr in enumerate(truth)], 'real'
  )
  made = {'truth': truth}
  enlargers = [label for label in ENLARGERS if label in found]
  for label in enlargers:
    row = benchmark.measure(
      found[label], opened, SCALE, protocol.get('rgb8'), timed=False
    )
    made[label] = enlarge(found[label], small)
    figures = judge(made[label], small, reference)
    figures |= {key: row[key] for key in ('psnr_y', 'ssim_y')}
    results['real'][label] = figures
  _draw(study, 'real', made, small)
  players, real = Players(study), canvases(study, 'train')
  results['pictures'] = {'train': len(real), 'test': len(truth)}
  results['curves']['real pictures'] = reference.tolist()
  for seed in range(c.seeds):
    alone, stacked, took = players.train(seed, real, head)
    results['steps'].append({k: took[k] for k in ('alone', 'stacked')})
    noise = gan_samples.draw_noise(seed, c.samples)
    small = to_uint8(players.sampler.apply(alone, noise))
    made = {label: enlarge(found[label], small) for label in enlargers}
    out, sown = players.stack.apply(stacked, noise, mutable=['outputs'])
    made[STACKED] = to_uint8(out)
    between = to_uint8(sown['outputs']['small'][0])
    for label, large in made.items():
      figures = judge(large, between if label == STACKED else small, reference)
      for key, value in figures.items():
        results['samples'].setdefault(label, {}).setdefault(key, []).append(value)
      if seed == 0 and label in ('bicubic', 'head', 'compact, tuned', STACKED):
        results['curves'][f'samples: {label}'] = spectra.curve(large).tolist()
    _draw(study, f'samples-{seed}', made, small)
  return results


def to_uint8(x: Any) -> np.ndarray:
  """Rounds pictures in [0, 1] to uint8."""
  return np.floor(255 * np.clip(np.asarray(x), 0, 1) + 0.5).astype(np.uint8)


def enlarge(method: methods.Method, small: np.ndarray) -> np.ndarray:
  """Enlarges uint8 (N, h, w, 3) four times."""
  return np.stack([method.upscale_uint8(picture, SCALE) for picture in small])


class Judge:
  """Figures that need no truth."""

  def __init__(self, study: Study):
    self._niqe = None
    if study.config.niqe:
      file = study.weights_file(study.config.niqe)
      self._niqe = looks.find('niqe', scale=SCALE, weights=file)

  def __call__(
    self, large: np.ndarray, small: np.ndarray, reference: np.ndarray
  ) -> dict[str, float]:
    """Measures pictures.

    Args:
      large: uint8 (N, 256, 256, 3).
      small: What they were made of, uint8 (N, 64, 64, 3).
      reference: Curve of real pictures; see `spectra.curve`.

    Returns:
      'niqe', 'lr_psnr' (dB, of the shrunk result against `small`) and 'spectrum' (dB
      from `reference`, above the frequencies that `small` has).
    """
    with protocol.in_double():
      y = fidelity.prepare(jnp.asarray(large, jnp.float64), plane='y', crop=0)
      niqe = np.asarray(self._niqe.fn(y, y)) if self._niqe else np.full(1, np.nan)
      back = np.stack([protocol.make_lr(picture, SCALE) for picture in large])
      pairs = (jnp.asarray(x, jnp.float64) for x in (back, small))
      # One error over all: a picture that is met to the bit would be infinite.
      level = fidelity.psnr_of(float(jnp.mean(fidelity.mse(*pairs))))
    return {
      'niqe': float(np.nanmean(niqe)) if np.isfinite(niqe).any() else math.nan,
      'lr_psnr': level,
      'spectrum': spectra.distance(spectra.curve(large), reference, 0.5 / SCALE),
    }


def _draw(
  study: Study, name: str, made: Mapping[str, np.ndarray], small: np.ndarray
) -> None:
  """Draws before and after, for the output folder alone."""
  sections = [
    sheet.Section(
      f'{i}',
      [
        sheet.Cell([np.kron(picture, np.ones((SCALE, SCALE, 1), np.uint8))], 'before'),
        *(sheet.Cell([large[i]], label) for label, large in made.items()),
      ],
    )
    for i, picture in enumerate(small[:4])
  ]
  width = (len(made) + 1) * (SCALE * SIZE + 8) + 8
  output.write_png(study.output / f'{name}.png', sheet.draw(sections, width))
