"""What is compared: interpolations, trained networks, and pictures made elsewhere."""

import pathlib
from typing import Protocol as TypingProtocol

import flax
import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors, models
from jsr.evaluate import conversion, interpolation, sets
from jsr.evaluate.interpolation import Interpolation
from jsr.evaluate.network import Network
from jsr.train import settings
from jsr.weights import embedded, model_file
from jsr.weights.model_file import ModelFile

__all__ = ['Interpolation', 'Method', 'Network', 'Pictures', 'resolve']


class Method(TypingProtocol):
  """Something that enlarges.

  Attributes:
    label: Its name in tables.
    color: 'rgb' if it needs colour, 'y' if it works on luma, 'any' if each plane is
      treated alike.
    note: What a reader of the table must know; '' for nothing.
  """

  label: str
  color: str
  note: str

  def upscale(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """Enlarges float (h, w, C) on 0..255 to float (H, W, C), unrounded."""

  def upscale_uint8(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """Enlarges uint8 (h, w, C) to uint8 (H, W, C)."""


class Pictures:
  """Results that any program left in a folder; it enlarges nothing.

  Args:
    label: Its name in tables.
    folder: `<folder>/<set>/<stem>*.png` or `<folder>/<stem>*.png`.
  """

  def __init__(self, label: str, folder: pathlib.Path):
    if not folder.is_dir():
      raise errors.UserError(f'{label}: there is no folder {folder}')
    self.label, self.note = label, f'pictures of {folder.name}'
    self._folder = folder

  def read(self, set_name: str, stem: str) -> np.ndarray:
    """Returns the result for a picture, uint8 (H, W, C).

    Raises:
      UserError: It is missing or cannot be read.
    """
    for folder in (self._folder / set_name, self._folder):
      path = sets.find(folder, stem)
      if path is not None:
        return sets.read(path)
    raise errors.UserError(
      f"{self.label}: no picture for '{stem}' of {set_name}, looked for"
      f' {self._folder / set_name / (stem + "*")} and {self._folder / (stem + "*")}'
    )


def from_workdir(workdir: pathlib.Path, label: str, which: str = 'best') -> Network:
  """Loads the generator that a run has trained.

  Args:
    workdir: The run's folder.
    label: Its name in tables.
    which: 'best' or 'latest' checkpoint.

  Raises:
    UserError: The folder is no workdir, or its config or checkpoint is damaged.
  """
  model = conversion.read_workdir(workdir, which)
  try:
    return of_model(label, model)
  except (flax.errors.FlaxError, TypeError, ValueError) as error:
    raise errors.UserError(
      f'{workdir / settings.FILE} does not fit the checkpoint:'
      f' {errors.first_line(error)}'
    ) from error


def from_file(path: pathlib.Path, label: str) -> Network:
  """Loads a network from a model file.

  Args:
    path: What `jsr.weights.model_file.save` wrote.
    label: Its name in tables.

  Raises:
    UserError: There is no such file, or it is damaged or of another kind.
  """
  model = conversion.load(path)
  said = model.note or model.generator
  if not said.startswith(model.generator):
    said = f'{model.generator}, {said}'
  return of_model(label, model, f'{said} ({path.name})')


def of_model(label: str, model: ModelFile, note: str = '') -> Network:
  """Makes a method of what a model file holds."""
  return _network(label, model, note or model.note)


def _network(label: str, model: ModelFile, note: str) -> Network:
  return Network(label, model.generator, model.scale, model.args, model.variables, note)


def _untrained(name: str, label: str) -> Network:
  """Makes a method of a generator that has nothing to learn, such as Anime4K.

  Raises:
    UserError: It has parameters.
  """
  model = models.build(name, scale=4)
  x = jnp.zeros((1, 8, 8, 1 if model.color == 'y' else 3))
  variables = jax.eval_shape(model.init, jax.random.key(0), x)
  if jax.tree.leaves(variables):
    raise errors.UserError(
      f"'{name}' comes without weights: give the workdir of a run with it, or a model"
      ' file'
    )
  return Network(label, name, None, {}, {})


def resolve(spec: str, *, bicubic: str = 'bicubic') -> Method | Pictures:
  """Finds a method by what the user wrote.

  Args:
    spec: 'nearest', 'bilinear', 'bicubic', 'bicubic_cv', a generator without
      parameters, a model that comes with jsr or a family of them, a workdir, a model
      file, or LABEL= before any of them, or LABEL=images:FOLDER.
    bicubic: What the name 'bicubic' stands for; see `protocol.Protocol`.

  Raises:
    UserError: Nothing of that name.
  """
  label, equals, target = spec.partition('=')
  if not equals or pathlib.Path(spec).exists():  # A path may hold a '=' too.
    label, target = '', spec
  images = target.startswith('images:')
  path = pathlib.Path(target.removeprefix('images:'))
  name = path.resolve().name
  if not target.removeprefix('images:'):
    raise errors.UserError(f"'{spec}' names no method or folder")
  if images:
    return Pictures(label or name, path)
  if target in interpolation.NAMES:
    return Interpolation(bicubic if target == 'bicubic' else target, label or target)
  if model_file.is_model_file(path) and not path.is_dir():
    return from_file(path, label or path.stem)
  if path.is_dir():
    return from_workdir(path, label or name)
  target = embedded.choose(target)
  if target in embedded.names():
    return from_file(embedded.path(target), label or target)
  if target in models.generator_names():
    return _untrained(target, label or target)
  known = (
    f'{", ".join((*interpolation.NAMES, *embedded.names()))}, a workdir, a model file,'
    ' LABEL= before one of them, or LABEL=images:FOLDER'
  )
  raise errors.UserError(f"there is no method or folder '{target}'; use {known}")
