"""Model files from workdirs and from weights that other programs trained."""

import pathlib
from collections.abc import Mapping
from typing import Any

from jsr import errors
from jsr.evaluate import fit
from jsr.train import checkpoint, settings
from jsr.weights import convert, embedded, model_file, tensors
from jsr.weights.model_file import ModelFile


def from_file(
  source: pathlib.Path,
  *,
  generator: str,
  scale: int | None = None,
  fields: Mapping[str, Any] | None = None,
  key: str | None = None,
) -> ModelFile:
  """Converts weights of another program; writes nothing.

  Args:
    source: See `jsr.weights.tensors.read`.
    generator: Name in `jsr.models`.
    scale: The factor, where the tensors do not tell it.
    fields: Fields of the generator that the tensors do not tell.
    key: Entry of a PyTorch checkpoint.

  Raises:
    UserError: The file cannot be read or does not fit; each tensor at fault is named.
  """
  content = tensors.read(source, key)
  got = convert.convert(content, generator, origin=str(source), scale=scale)
  fit.check_fields(got.generator, fields or {})
  args = {**got.args, **(fields or {})}
  fit.check(got.generator, got.scale, args, got.variables, str(source))
  note = f'{got.generator}, {got.layout}, {source.name}'
  if got.note and not fields:
    note += f', {got.note}'
  return ModelFile(got.generator, got.scale, args, got.variables, note)


def read_workdir(workdir: pathlib.Path, which: str = 'best') -> ModelFile:
  """Reads what a workdir holds; whether its parts fit each other is not looked at.

  Args:
    workdir: The run's folder.
    which: 'best' or 'latest' checkpoint.

  Raises:
    UserError: The folder is no workdir, or its config or checkpoint is damaged.
  """
  try:
    config = settings.read(workdir)
    name, scale = str(config.generator.name), int(config.scale)
    args, metric = config.generator.args.to_dict(), settings.best_metric(config)
  except (AttributeError, TypeError, ValueError) as error:
    raise errors.UserError(
      f'{workdir / settings.FILE} is no config of a jsr run: {errors.first_line(error)}'
    ) from error
  try:
    step, variables = checkpoint.load_variables(
      workdir, which=which, best_metric=metric
    )
  except errors.UserError:
    raise
  except Exception as error:  # Orbax raises many kinds; each means: unreadable.
    raise errors.UserError(
      f'the {which} checkpoint of {workdir} cannot be read: {errors.first_line(error)}'
    ) from error
  kind = which if metric else 'latest'  # Without a metric there is no best.
  return ModelFile(
    name, scale, args, variables, f'{name}, {kind} checkpoint, step {step}'
  )


def from_workdir(workdir: pathlib.Path, which: str = 'best') -> ModelFile:
  """Takes the trained generator out of a workdir; writes nothing.

  Raises:
    UserError: The folder is no workdir, or its config or checkpoint is damaged.
  """
  model = read_workdir(workdir, which)
  origin = f'the checkpoint of {workdir}'
  fit.check(model.generator, model.scale, model.args, model.variables, origin)
  return model


def load(path: pathlib.Path) -> ModelFile:
  """Loads a workdir or a model file, whichever the path is.

  Raises:
    UserError: It is neither, or damaged.
  """
  if path.is_dir():
    return from_workdir(path)
  model = model_file.load(path)
  fit.check(model.generator, model.scale, model.args, model.variables, str(path))
  return model


def save(path: pathlib.Path, model: ModelFile, *, half: bool = False) -> None:
  """Writes a model file, whole or not at all; see `model_file.save` for `half`."""
  model_file.save(
    path,
    generator=model.generator,
    scale=model.scale,
    args=model.args,
    variables=model.variables,
    note=model.note,
    half=half,
  )


def describe(path: pathlib.Path, model: ModelFile) -> str:
  """One line for the user: what is in a file now."""
  arrays = model_file.flatten(model.variables['params']).values()
  count = sum(array.size for array in arrays)
  fields = ''.join(f', {key} {value}' for key, value in model.args.items())
  return (
    f'{path}: {model.generator} x{model.scale}{fields}; {count:,} parameters;'
    f' {model.note}'
  )


def find(spec: str) -> ModelFile:
  """Loads a model that comes with jsr, or what `load` does by its path.

  Args:
    spec: The name of a model or of a family of them, or a path.

  Raises:
    UserError: There is no such model, or it is damaged.
  """
  path = pathlib.Path(spec)
  name = embedded.choose(spec)
  if name in embedded.names() and not path.exists():
    path = embedded.path(name)
  return load(path)
