"""What is compared: interpolations, trained networks, and pictures made elsewhere."""

import pathlib
from typing import Any
from typing import Protocol as TypingProtocol

import flax
import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors, models
from jsr.evaluate import sets
from jsr.ops import resize
from jsr.train import checkpoint, settings
from jsr.types import Variables


class Method(TypingProtocol):
  """Something that enlarges.

  Attributes:
    label: Its name in tables.
    color: 'rgb' if it needs colour, 'any' if each plane is treated alike.
    note: What a reader of the table must know; '' for nothing.
  """

  label: str
  color: str
  note: str

  def upscale(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """Enlarges float (h, w, C) on 0..255 to float (H, W, C), unrounded."""

  def upscale_uint8(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """Enlarges uint8 (h, w, C) to uint8 (H, W, C)."""


def _to_uint8(x: np.ndarray) -> np.ndarray:
  return np.clip(np.floor(x + 0.5), 0, 255).astype(np.uint8)


class Interpolation:
  """Nearest or bicubic, by MATLAB's rules: uint8 is rounded after each pass."""

  def __init__(self, name: str, label: str):
    self.label, self.color, self.note = label, 'any', ''
    self._nearest = name == 'nearest'
    uint8 = resize.nearest if self._nearest else resize.resize_uint8
    self._uint8 = jax.jit(uint8, static_argnums=1)

  def upscale(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `Method`; float64."""
    if self._nearest:
      return lr.repeat(scale, axis=0).repeat(scale, axis=1)
    rows = resize.matrix(lr.shape[0], lr.shape[0] * scale, scale)
    columns = resize.matrix(lr.shape[1], lr.shape[1] * scale, scale)
    return np.einsum('oh,pw,hwc->opc', rows, columns, lr, optimize=True)

  def upscale_uint8(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `Method`."""
    return np.asarray(self._uint8(lr, scale))


class Network:
  """A trained generator.

  Args:
    label: Its name in tables.
    name: Of the generator.
    scale: Its factor.
    args: Its fields.
    variables: Its parameters and statistics; None: `load` gives them.
    note: See `Method`.
  """

  def __init__(
    self,
    label: str,
    name: str,
    scale: int,
    args: dict[str, object],
    variables: Variables | None = None,
    note: str = '',
  ):
    self.label, self.scale, self.note = label, scale, note
    model = models.build(name, scale=scale, **args)
    self.color = model.color
    if variables is not None:
      # Parameters of another shape are told now, not at the first picture.
      jax.eval_shape(model.apply, variables, jnp.zeros((1, 8, 8, 3)))
    self._variables = jax.device_put(variables)

    @jax.jit
    def apply(v: Variables, lr: jax.Array) -> Any:
      # A GPU's TF32 would make other numbers than a CPU.
      with jax.default_matmul_precision('highest'):
        return model.apply(v, lr)

    self._apply = apply

  def load(self, variables: Variables) -> None:
    """Takes other parameters of the same network."""
    self._variables = jax.device_put(variables)

  def check_scale(self, scale: int) -> None:
    """Raises UserError unless `scale` is the network's own."""
    if scale != self.scale:
      raise errors.UserError(
        f'{self.label} enlarges {self.scale} times and cannot be asked for {scale}'
      )

  def upscale(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `Method`; a grey picture is shown to the network as RGB."""
    self.check_scale(scale)
    if lr.shape[-1] == 1:
      lr = np.repeat(lr, 3, axis=-1)
    x = jnp.asarray(lr[None] / 255, jnp.float32)
    return np.asarray(self._apply(self._variables, x))[0] * 255

  def upscale_uint8(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `Method`."""
    return _to_uint8(self.upscale(lr, scale))


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
  try:
    config = settings.read(workdir)
    name, scale = str(config.generator.name), int(config.scale)
    args, metric = config.generator.args.to_dict(), settings.best_metric(config)
  except (AttributeError, TypeError, ValueError) as error:
    raise errors.UserError(
      f'{workdir / settings.FILE} is no config of a jsr run: {_first_line(error)}'
    ) from error
  try:
    step, variables = checkpoint.load_variables(
      workdir, which=which, best_metric=metric
    )
  except errors.UserError:
    raise
  except Exception as error:  # Orbax raises many kinds; each means: unreadable.
    raise errors.UserError(
      f'the {which} checkpoint of {workdir} cannot be read: {_first_line(error)}'
    ) from error
  kind = which if metric else 'latest'  # Without a metric there is no best.
  note = f'{name}, {kind} checkpoint, step {step}'
  try:
    return Network(label, name, scale, args, variables, note)
  except (flax.errors.FlaxError, TypeError, ValueError) as error:
    raise errors.UserError(
      f'{workdir / settings.FILE} does not fit the checkpoint: {_first_line(error)}'
    ) from error


def _first_line(error: Exception) -> str:
  return (str(error).strip() or type(error).__name__).splitlines()[0]


def resolve(spec: str) -> Method | Pictures:
  """Finds a method by what the user wrote.

  Args:
    spec: 'nearest', 'bicubic', a workdir, LABEL=WORKDIR, or LABEL=images:FOLDER.

  Raises:
    UserError: Nothing of that name.
  """
  label, equals, target = spec.partition('=')
  if not equals or pathlib.Path(spec).is_dir():  # A path may hold a '=' too.
    label, target = '', spec
  images = target.startswith('images:')
  path = pathlib.Path(target.removeprefix('images:'))
  name = path.resolve().name
  if not target.removeprefix('images:'):
    raise errors.UserError(f"'{spec}' names no method or folder")
  if images:
    return Pictures(label or name, path)
  if target in ('nearest', 'bicubic'):
    return Interpolation(target, label or target)
  if path.is_dir():
    return from_workdir(path, label or name)
  if target in models.generator_names():
    raise errors.UserError(
      f"'{target}' has to be trained first: give the workdir of a run with it"
    )
  known = 'nearest, bicubic, a workdir, LABEL=WORKDIR or LABEL=images:FOLDER'
  raise errors.UserError(f"there is no method or folder '{target}'; use {known}")
