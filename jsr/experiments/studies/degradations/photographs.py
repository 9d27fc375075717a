"""Photographs as they are: without a truth, so NIQE, consistency and the eye judge."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from PIL import Image

from jsr import errors
from jsr.data import images
from jsr.evaluate import methods, output, protocol
from jsr.evaluate.network import Network
from jsr.experiments import kept
from jsr.experiments.studies.degradations.synthetic import PLAIN, SCALE
from jsr.experiments.study import Study
from jsr.metrics import fidelity, niqe
from jsr.types import Variables
from jsr.weights import niqe as niqe_model
from jsr.weights.model_file import ModelFile

SHEET = 'photographs.png'
# Of the sheet: pixels of LR in a cell, and of SR between cells.
_CELL = 96
_GAP = 8


class Photographs(NamedTuple):
  """Real LR pictures.

  Attributes:
    pictures: uint8 (h, w, 3) by name.
    model: Of NIQE; None leaves it out.
  """

  pictures: Mapping[str, np.ndarray]
  model: niqe_model.NiqeModel | None


def open_photographs(study: Study) -> Photographs:
  """Reads them, and the model of NIQE.

  Raises:
    UserError: A folder is missing or empty, or a picture cannot be read.
  """
  c = study.config.real
  found: dict[str, np.ndarray] = {}
  for part in c.folders:
    folder = study.data_folder(part)
    files = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in images.SUFFIXES]
    if not files:
      raise errors.UserError(f'{folder} has no pictures; give it some')
    for path in files[: c.limit or None]:
      try:
        found[f'{folder.name}/{path.stem}'] = cut(images.read_rgb(path), c.size)
      except images.BadImage as error:
        raise errors.UserError(f'{path} cannot be read: {error}') from error
  model = niqe_model.load(study.weights_file(c.niqe)) if c.niqe else None
  return Photographs(found, model)


def network(model: ModelFile) -> Network:
  """Makes the one network that takes the parameters of all trainings in turn."""
  return Network('model', model.generator, model.scale, model.args, model.variables)


def measure(
  study: Study,
  photos: Photographs,
  network: Network,
  trained: Mapping[str, Sequence[Variables]],
) -> dict[str, Any]:
  """Measures bicubic and every network on every photograph, and writes the sheet.

  Returns:
    {'names': [...], 'rows': {kind: {'niqe' or 'lr_psnr': [[a value each picture] each
    seed]}}}; rows are empty where there are no photographs.
  """
  if not photos.pictures:
    return {'names': [], 'rows': {}}
  plain = methods.resolve('bicubic')

  def of(name: str, method: Any) -> Any:
    path = study.output / 'measured' / f'photographs-{name}.json'
    key = [study.config.to_dict(), list(photos.pictures)]
    return kept.once(path, key, functools.partial(_all, photos, method))

  found = {PLAIN: [of('plain', plain)]}
  shown = {PLAIN: _cells(study, photos, plain)}
  for kind, seeds in trained.items():
    found[kind] = []
    for seed, variables in enumerate(seeds):
      network.load(variables)
      if not seed:
        shown[kind] = _cells(study, photos, network)
      found[kind].append(of(f'{kind}-{seed}', network))
  _write_sheet(study, shown)
  rows = {
    kind: {key: [row[key] for row in rows if key in row] for key in ('niqe', 'lr_psnr')}
    for kind, rows in found.items()
  }
  return {'names': list(photos.pictures), 'rows': rows}


def _all(photos: Photographs, method: Any) -> dict[str, list[float]]:
  """Measures a method: {measure: [a value each picture]}."""
  pictures = photos.pictures.values()
  made = [method.upscale_uint8(lr, SCALE) for lr in pictures]
  pairs = zip(made, pictures, strict=True)
  found = {'lr_psnr': [consistency(sr, lr) for sr, lr in pairs]}
  if photos.model is not None:
    of_niqe = niqe.load(photos.model)
    found['niqe'] = [float(of_niqe(protocol.luma_uint8(sr)[None])[0]) for sr in made]
  return found


def _cells(study: Study, photos: Photographs, method: Any) -> list[np.ndarray]:
  """Enlarges the middles of some pictures, from the first to the last."""
  pictures = list(photos.pictures.values())
  count = min(study.config.real.shown, len(pictures))
  chosen = np.linspace(0, len(pictures) - 1, count).round().astype(int)
  return [method.upscale_uint8(cut(pictures[i], _CELL), SCALE) for i in chosen]


def consistency(sr: np.ndarray, lr: np.ndarray) -> float:
  """PSNR in dB of the result, shrunk by MATLAB's bicubic, against the input.

  RGB, no border cut; infinite where they are equal.
  """
  low = protocol.make_lr(sr, SCALE)
  pair = (jnp.asarray(x[None], jnp.float32) for x in (low, lr))
  return float(fidelity.psnr(*pair)[0])


def cut(image: np.ndarray, size: int) -> np.ndarray:
  """Returns the middle of (H, W, C), at most size x size."""
  top, left = (max(0, (n - size) // 2) for n in image.shape[:2])
  return image[top : top + size, left : left + size]


def _write_sheet(study: Study, shown: Mapping[str, Sequence[np.ndarray]]) -> None:
  """Writes a row a picture, a column a kind."""
  step = _CELL * SCALE + _GAP
  rows = len(next(iter(shown.values())))
  sheet = np.full((rows * step - _GAP, len(shown) * step - _GAP, 3), 255, np.uint8)
  for column, cells in enumerate(shown.values()):
    for row, cell in enumerate(cells):
      top, left = row * step, column * step
      sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
  path = study.output / SHEET
  output.write_png(path, Image.fromarray(sheet))
  columns = ', '.join(shown)
  output.write_text(path.with_suffix('.txt'), f'columns, from the left: {columns}\n')
