"""Enlarging picture files."""

import logging
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from jsr import errors
from jsr.data import images
from jsr.evaluate import methods

log = logging.getLogger(__name__)


def run(
  paths: Sequence[pathlib.Path], *, output: pathlib.Path, model: str, scale: int | None
) -> int:
  """Enlarges pictures into a folder, as PNG, under their own names.

  Args:
    paths: Picture files.
    output: The folder; made if need be.
    model: 'nearest', 'bicubic' or a workdir.
    scale: The factor; None: the model's own, or 4.

  Returns:
    0, or 2 if a picture could not be read or written; the others are still done.

  Raises:
    UserError: A model or factor that does not exist, or two pictures with one name.
  """
  method = methods.resolve(model)
  if isinstance(method, methods.Pictures):
    raise errors.UserError('--model wants nearest, bicubic or a workdir')
  factor = scale or getattr(method, 'scale', None) or 4
  targets = [output / f'{path.stem}.png' for path in paths]
  for i, target in enumerate(targets):
    if target in targets[:i]:
      raise errors.UserError(
        f'{paths[targets.index(target)]} and {paths[i]} would both become {target};'
        ' upscale them into different folders'
      )
  failed = 0
  for path, target in zip(paths, targets, strict=True):
    try:
      lr = images.read_rgb(path)
    except images.BadImage as error:
      log.error('%s: %s', path, error)
      failed += 1
      continue
    sr = method.upscale_uint8(lr, factor)
    try:
      _write(sr, target)
    except OSError as error:
      log.error('%s cannot be written: %s', target, error.strerror)
      failed += 1
      continue
    print(
      f'{path} ({lr.shape[1]}x{lr.shape[0]}) -> {target} ({sr.shape[1]}x{sr.shape[0]})'
    )
  return 2 if failed else 0


def _write(image: np.ndarray, path: pathlib.Path) -> None:
  """Writes a PNG, whole or not at all."""
  path.parent.mkdir(parents=True, exist_ok=True)
  temporary = path.with_name(f'.{path.name}.{os.getpid()}')
  Image.fromarray(image).save(temporary, format='PNG')
  temporary.replace(path)
