"""Enlarging picture files."""

import os
import pathlib
import sys
from collections.abc import Sequence

import numpy as np
from PIL import Image

from jsr import errors
from jsr.data import images
from jsr.evaluate import methods, output, sets

# Of a result; more than most machines can hold while they compute it.
MAX_PIXELS = 2**29


def run(
  paths: Sequence[pathlib.Path], *, folder: pathlib.Path, model: str, scale: int | None
) -> int:
  """Enlarges pictures into a folder, as PNG, under their own names.

  Args:
    paths: Picture files.
    folder: The folder; made if need be.
    model: A name such as 'bicubic', a workdir, or a model file; see `methods.resolve`.
    scale: The factor; None: the model's own, or 4.

  A network on luma enlarges Y of a picture, and bicubic its colour; a grey picture is
  luma itself. The result is RGB in any case.

  Returns:
    0, or 2 if a picture could not be read or written; the others are still done.

  Raises:
    UserError: A model or factor that does not exist, a folder that cannot be written
      to, two pictures with one name, or a result that would replace its input.
  """
  method = methods.resolve(model)
  if isinstance(method, methods.Pictures):
    raise errors.UserError('--model wants nearest, bicubic, a workdir or a model file')
  factor = scale or getattr(method, 'scale', None) or 4
  if isinstance(method, methods.Network):
    method.check_scale(factor)
  output.check_folder(folder)
  inputs = {path.resolve() for path in paths}
  targets = [folder / f'{path.stem}.png' for path in paths]
  for i, target in enumerate(targets):
    if target in targets[:i]:
      raise errors.UserError(
        f'{paths[targets.index(target)]} and {paths[i]} would both become {target};'
        ' upscale them into different folders'
      )
    if target.resolve() in inputs:
      raise errors.UserError(
        f'{target} is an input and would be replaced; give -o another folder'
      )
  failed = 0
  for path, target in zip(paths, targets, strict=True):
    try:
      lr = _read(path)
    except images.BadImage as error:
      failed += _complain(path, error)
      continue
    height, width = (n * factor for n in lr.shape[:2])
    if height * width > MAX_PIXELS:
      failed += _complain(path, f'{width} x {height} pixels would be too many to make')
      continue
    sr = method.upscale_uint8(lr, factor)
    if sr.shape[-1] == 1:
      sr = sr.repeat(3, axis=-1)
    try:
      _write(sr, target)
    except OSError as error:
      failed += _complain(target, f'cannot be written: {error.strerror}')
      continue
    print(
      f'{path} ({lr.shape[1]}x{lr.shape[0]}) -> {target} ({sr.shape[1]}x{sr.shape[0]})'
    )
  return 2 if failed else 0


def _read(path: pathlib.Path) -> np.ndarray:
  """Reads uint8 (H, W, 3), or (H, W, 1) where the file is grey."""
  return sets.grey_or_rgb(images.decode(path))


def _complain(path: pathlib.Path, reason: object) -> int:
  """Tells what is wrong with one picture; returns how many it told."""
  print(f'jsr upscale: {path}: {reason}', file=sys.stderr)
  return 1


def _write(image: np.ndarray, path: pathlib.Path) -> None:
  """Writes a PNG, whole or not at all."""
  path.parent.mkdir(parents=True, exist_ok=True)
  temporary = path.with_name(f'.{path.name}.{os.getpid()}')
  try:
    Image.fromarray(image).save(temporary, format='PNG')
    temporary.replace(path)
  finally:
    temporary.unlink(missing_ok=True)
