"""What a tile goes through: colour planes, the engine, and what may go wrong in it."""

import math
import pathlib
from typing import Protocol

import numpy as np

from jsr import errors, models
from jsr.evaluate import conversion, interpolation, methods
from jsr.evaluate.blend import interpolate, warn_of_statistics
from jsr.evaluate.network import Network
from jsr.ops import color, resize
from jsr.upscale import engines, field
from jsr.weights import embedded

_INVERSE = np.linalg.inv(color.STUDIO)
# Of the side of a tile beyond twice the halo, where the user names none.
CORE = 192
# LR pixels that the interpolations look at, to each side.
_INTERPOLATION_REACH = 3
_KERNELS: dict[str, resize.Kernel] = {
  'nearest': 'box',
  'bilinear': 'linear',
  'bicubic': 'cubic',
}


class Model(Protocol):
  """Something that enlarges tiles.

  Attributes:
    factor: How many times.
    halo: LR pixels around a tile that it looks at.
    stride: See `tiles.plan`.
    kernel: Of the resizing that follows.
    warnings: What went wrong and was mended, in words, each once.
  """

  factor: int
  halo: int
  stride: int
  kernel: resize.Kernel
  warnings: list[str]

  def __call__(self, tile: np.ndarray) -> np.ndarray:
    """Enlarges float32 (h, w, C) in [0, 1], C = 1, 3 or 4 (CMYK); not clipped."""


class Resampled:
  """An interpolation. MATLAB's leave everything to the resizing that follows."""

  def __init__(self, name: str, scale: float):
    self._name = name
    self.kernel: resize.Kernel = _KERNELS.get(name, 'cubic')
    self.factor = 1 if name in _KERNELS else max(1, math.ceil(scale))
    self.halo, self.stride = _INTERPOLATION_REACH, 1
    self.warnings: list[str] = []
    self.engine = 'numpy'

  def __call__(self, tile: np.ndarray) -> np.ndarray:
    """See `Model`."""
    if self.factor == 1:
      return tile
    return interpolation.enlarge(tile, self.factor, self._name).astype(np.float32)


class Tiled:
  """A network.

  A tile of low precision that is no numbers is computed again in float32 by JAX.

  It sees a grey picture as luma, or three times if it works on RGB; of CMYK the inks as
  a picture in colour and the black as one in grey.

  Args:
    network: It.
    factor: One that it serves.
    engine: See `engines.make`.
    precision: See `engines.make`.
    ensemble: Average over the eight orientations of each tile (Timofte et al., "Seven
      Ways to Improve Example-Based Single Image Super Resolution", 2016, section 3.5).
    halo: None: what the network looks at.
  """

  kernel: resize.Kernel = 'cubic'

  def __init__(
    self,
    network: Network,
    factor: int,
    *,
    engine: str = 'auto',
    precision: str | None = None,
    ensemble: bool = False,
    halo: int | None = None,
  ):
    self.factor, self._network, self._ensemble = factor, network, ensemble
    self._engine = engines.make(network, factor, engine, precision)
    self._exact: engines.Engine | None = None
    self.engine = f'{self._engine.name} {self._engine.precision}'
    found = field.probe(network, factor)
    # Chroma of a network on luma is enlarged by bicubic.
    self.halo = max(field.FAR if found.reach is None else found.reach, 2)
    if halo is not None:
      self.halo = halo
    self.exact = found.reach is not None and self.halo >= found.reach
    self.stride = found.stride
    self.warnings: list[str] = []

  def __call__(self, tile: np.ndarray) -> np.ndarray:
    """See `Model`."""
    channels = tile.shape[-1]
    if channels == 4:
      inks = 1 - tile
      parts = [self(inks[..., :3]), self(inks[..., 3:])]
      return 1 - np.concatenate(parts, -1)
    if self._network.color == 'y':
      return self._run(tile) if channels == 1 else self._luma(tile)
    if channels == 1:
      return self._run(np.repeat(tile, 3, -1)).mean(-1, keepdims=True)
    return self._run(tile)

  def _luma(self, tile: np.ndarray) -> np.ndarray:
    ycbcr = tile.astype(np.float64) @ color.STUDIO.T + color.STUDIO_OFFSET
    y = self._run((ycbcr[..., :1] / 255).astype(np.float32)) * 255.0
    chroma = interpolation.enlarge(ycbcr[..., 1:], self.factor)
    planes = np.concatenate([y, chroma], -1) - color.STUDIO_OFFSET
    return (planes @ _INVERSE.T).astype(np.float32)

  def _run(self, x: np.ndarray) -> np.ndarray:
    if not self._ensemble:
      return self._checked(x)
    total = np.zeros((x.shape[0] * self.factor, x.shape[1] * self.factor, x.shape[2]))
    for k in range(8):
      turned = np.rot90(x, k % 4)
      sr = self._checked(turned[:, ::-1] if k >= 4 else turned)
      total += np.rot90(sr[:, ::-1] if k >= 4 else sr, -(k % 4))
    return (total / 8).astype(np.float32)

  def _checked(self, x: np.ndarray) -> np.ndarray:
    """Runs the engine; what is not finite is computed again in full precision."""
    x = np.ascontiguousarray(x[None])
    sr = self._engine(x)[0]
    if np.isfinite(sr).all():
      return sr
    if self.engine != 'jax float32':
      if self._exact is None:
        self._exact = engines.make(self._network, self.factor, 'jax', 'float32')
      text = (
        f'{self.engine} gave values that are no numbers; such tiles were computed again'
        ' in float32 by JAX'
      )
      if text not in self.warnings:
        self.warnings.append(text)
      sr = self._exact(x)[0]
    if not np.isfinite(sr).all():
      raise errors.UserError(
        f'{self._network.label} gives values that are no numbers, also in float32: its'
        ' weights are damaged'
      )
    return sr


def load(
  spec: str, strength: float | None = None, perceptual: str = ''
) -> methods.Method:
  """Loads what enlarges.

  Args:
    spec: A model that comes with jsr, a workdir, a model file, or 'nearest', ...
    strength: 0 (trained for fidelity) to 1 (trained with a GAN), by interpolation of
      their weights; None or 0 for the first alone.
    perceptual: The second; '' for the partner that comes with jsr.

  Raises:
    UserError: There is no such model, or no partner of it, or they differ.
  """
  _check_name(spec)
  if not strength:
    method = methods.resolve(spec)
    if isinstance(method, methods.Pictures):
      raise errors.UserError(f"'{spec}' holds pictures and enlarges nothing")
    return method
  if not 0 <= strength <= 1:
    raise errors.UserError(f'--strength {strength} lies outside of 0 to 1')
  other = partner(spec, perceptual)
  a, b = conversion.find(spec), conversion.find(other)
  warn_of_statistics(a, strength)
  return methods.of_model(spec, interpolate(a, b, strength))


def _check_name(spec: str) -> None:
  """Refuses a name that is nothing, with the ones that are something."""
  known = {*interpolation.NAMES, *embedded.names(), *embedded.families()}
  if spec in known | {*models.generator_names()} or pathlib.Path(spec).exists():
    return
  raise errors.unknown('model or file', spec, known | {'anime4k'})


def partner(spec: str, perceptual: str = '') -> str:
  """Returns the GAN-trained partner of a model.

  Raises:
    UserError: None was named and none comes with jsr.
  """
  found = perceptual or embedded.perceptual(spec)
  if found is None:
    raise errors.UserError(
      f"'{spec}' comes without a GAN-trained partner: name one with --perceptual"
    )
  return found


def factor_of(method: methods.Method, scale: float | None) -> int:
  """Chooses the factor of a network for a scale of the user."""
  if not isinstance(method, Network):
    return max(1, math.ceil(scale or 4))
  if method.scales is None:
    return max(2, math.ceil(scale or 4))
  if scale is None:
    return method.scale or max(method.scales)
  enough = [factor for factor in method.scales if factor >= scale - 1e-9]
  return min(enough) if enough else max(method.scales)
