"""A trained generator as a method: from its variables to uint8 pictures."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import stages

from jsr import errors, models
from jsr.evaluate import interpolation
from jsr.ops import color
from jsr.types import Variables

_INVERSE = np.linalg.inv(color.STUDIO)


def to_uint8(x: np.ndarray) -> np.ndarray:
  """Rounds half up and clips to 0..255."""
  return np.clip(np.floor(x + 0.5), 0, 255).astype(np.uint8)


class Network:
  """A trained generator.

  A network on luma gets Y of an RGB picture and enlarges it; Cb and Cr are enlarged by
  MATLAB's bicubic. A grey picture is its luma: no colour conversion touches it.

  Args:
    label: Its name in tables.
    name: Of the generator.
    scale: Its factor; of a generator with several, one of them. None: any factor, for a
      generator without parameters.
    args: Its other fields.
    variables: Its parameters and statistics; None: `load` gives them.
    note: See `jsr.evaluate.methods.Method`.

  Attributes:
    color: 'rgb', or 'y' for a network on luma.
    scales: The factors that it serves; None for any.
  """

  def __init__(
    self,
    label: str,
    name: str,
    scale: int | None,
    args: Mapping[str, Any],
    variables: Variables | None = None,
    note: str = '',
  ):
    self.label, self.scale, self.note = label, scale, note
    self._name, self._args = name, dict(args)
    model = models.build(name, scale=scale or 4, **self._args)
    self.color: str = model.color
    self.scales: tuple[int, ...] | None = None
    if scale is not None:
      self.scales = tuple(getattr(model, 'scales', (scale,)))
    if variables is not None:
      # Parameters of another shape are told now, not at the first picture.
      x = jnp.zeros((1, 8, 8, 1 if self.color == 'y' else 3))
      for each in self.scales or (4,):
        network = models.build(name, scale=each, **self._args)
        jax.eval_shape(network.apply, variables, x)
    self._variables = jax.device_put(variables)
    self._programs: dict[int, stages.Wrapped] = {}

  def load(self, variables: Variables) -> None:
    """Takes other parameters of the same network."""
    self._variables = jax.device_put(variables)

  def check_scale(self, scale: int) -> None:
    """Raises UserError unless the network serves `scale`."""
    if self.scales is None or scale in self.scales:
      return
    *rest, last = map(str, self.scales)
    known = f'{", ".join(rest)} or {last}' if rest else last
    raise errors.UserError(
      f'{self.label} enlarges {known} times and cannot be asked for {scale}'
    )

  def program(self, scale: int) -> stages.Wrapped:
    """Returns the jitted network: (variables, (N, h, w, C) in [0, 1]) -> sr.

    A generator with several factors has one set of parameters; each factor is a program
    of its own.
    """
    self.check_scale(scale)
    if scale not in self._programs:
      model = models.build(self._name, scale=scale, **self._args)

      def apply(v: Variables, lr: jax.Array) -> Any:
        # A GPU's TF32 would make other numbers than a CPU.
        with jax.default_matmul_precision('highest'):
          return model.apply(v, lr)

      self._programs[scale] = jax.jit(apply)
    return self._programs[scale]

  @property
  def generator(self) -> str:
    """Name of the generator in `jsr.models`."""
    return self._name

  @property
  def args(self) -> dict[str, Any]:
    """The generator's fields but for the scale."""
    return dict(self._args)

  @property
  def variables(self) -> Variables | None:
    """Parameters and statistics, on the device."""
    return self._variables

  def _enlarge(self, x: np.ndarray, scale: int) -> np.ndarray:
    """Calls the network on float (h, w, C) on 0..255; C as it has them."""
    batch = jnp.asarray(x[None] / 255, jnp.float32)
    return np.asarray(self.program(scale)(self._variables, batch))[0] * 255

  def upscale(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `jsr.evaluate.methods.Method`.

    A network on RGB is shown a grey picture as RGB; one on luma gives luma for luma.
    """
    grey = lr.shape[-1] == 1
    if self.color != 'y':
      return self._enlarge(np.repeat(lr, 3, axis=-1) if grey else lr, scale)
    if grey:
      return self._enlarge(lr, scale)
    ycbcr = lr.astype(np.float64) / 255 @ color.STUDIO.T + color.STUDIO_OFFSET
    y = self._enlarge(ycbcr[..., :1], scale)
    chroma = interpolation.enlarge(ycbcr[..., 1:], scale)
    planes = np.concatenate([y, chroma], -1) - color.STUDIO_OFFSET
    return planes @ _INVERSE.T * 255

  def upscale_uint8(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `jsr.evaluate.methods.Method`."""
    return to_uint8(self.upscale(lr, scale))
