"""From a picture to a larger picture: everything that happens between the files."""

import dataclasses
import logging
import math
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from PIL import Image

from jsr import errors
from jsr.evaluate.interpolation import Interpolation
from jsr.evaluate.network import Network
from jsr.ops import resize
from jsr.upscale import image_io, model, planes, resample, tiles, trust, writers
from jsr.upscale.consistent import Projection
from jsr.upscale.picture import Picture
from jsr.weights import embedded

DEFAULT = embedded.DEFAULT
# A result of more than so many pixels a side is a mistake.
MAX_SIDE = 2**20
# Options that mean nothing to an interpolation.
_OF_NETWORKS = ('strength', 'self_ensemble', 'halo', 'engine', 'precision')
# How far outside of [0, 1] floats may lie: a resizing that made them overshoots.
_OVERSHOOT = 0.5
Progress = Callable[[float], None]
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Options:
  """What a user can ask for.

  Attributes:
    scale: Factor of the result, any number above 0; or
    width: Its width, or
    height: Its height; one of them alone keeps the proportions. None of the three: the
      network's factor.
    strength: 0 for the weights trained for fidelity to 1 for those trained with a GAN.
    perceptual: The GAN-trained weights; '' for the partner that comes with jsr.
    self_ensemble: Average over eight orientations.
    tile: Side of a tile in pixels of the input, halo included; None: chosen.
    halo: Pixels around a tile; None: as many as the network looks at.
    engine: See `engines.make`.
    precision: See `engines.make`.
    wrap: The picture is a seamless texture.
    consistent: The result shrinks to the input; see `consistent.py`.
  """

  scale: float | None = None
  width: int | None = None
  height: int | None = None
  strength: float | None = None
  perceptual: str = ''
  self_ensemble: bool = False
  tile: int | None = None
  halo: int | None = None
  engine: str = 'auto'
  precision: str | None = None
  wrap: bool = False
  consistent: bool = False


class Upscaler:
  """Enlarges pictures with one model.

  Args:
    name: A model that comes with jsr, a family of them such as 'compact', a workdir, a
      model file, or 'nearest', 'bilinear', 'bicubic', 'bicubic_cv', 'anime4k'.
    options: See `Options`.

  Attributes:
    factor: Of the network; a last resizing makes any other.
    halo: Pixels around a tile.
    tile: Side of a tile.
    exact: Tiles give what the whole picture would give, to float rounding.

  Raises:
    UserError: A model that does not exist, or options that contradict each other.
  """

  def __init__(self, name: str = DEFAULT, options: Options | None = None):
    self.options = o = options or Options()
    _check(o)
    self.name = embedded.choose(name, o.scale)
    self._method = model.load(self.name, o.strength, o.perceptual)
    self._model = self._build(self._method)
    self.factor, self.halo = self._model.factor, self._model.halo
    self.exact: bool = getattr(self._model, 'exact', True)
    self.engine: str = self._model.engine
    self.tile = o.tile or 2 * self.halo + model.CORE
    stride = self._model.stride
    least = 2 * (-(-self.halo // stride) * stride) + stride
    if self.tile < least:
      raise errors.UserError(
        f'--tile {self.tile} has no room for the halo of {self.halo} pixels on each'
        f' side: use {least} or more'
      )
    self._ends: list[Upscaler] = []  # Of the trust map.
    self._residual: dict[str, float] | None = None

  def _build(self, method: Any) -> 'model.Tiled | model.Resampled':
    o = self.options
    if isinstance(method, Interpolation):
      for field in dataclasses.fields(o):
        given = getattr(o, field.name) != field.default
        if given and field.name in _OF_NETWORKS:
          option = field.name.replace('_', '-')
          raise errors.UserError(f'--{option} needs a network, and {self.name} is none')
      return model.Resampled(method.name, o.scale or 4)
    assert isinstance(method, Network)
    return model.Tiled(
      method,
      model.factor_of(method, o.scale),
      engine=o.engine,
      precision=o.precision,
      ensemble=o.self_ensemble,
      halo=o.halo,
    )

  @property
  def warnings(self) -> list[str]:
    """What went wrong and was mended since `forget_warnings`, in words, each once."""
    found = [w for each in (self, *self._ends) for w in each._model.warnings]
    return list(dict.fromkeys(found))

  def forget_warnings(self) -> None:
    """Empties `warnings`, for another picture."""
    for each in (self, *self._ends):
      each._model.warnings.clear()

  @property
  def residual(self) -> dict[str, float] | None:
    """Of the last picture, with `consistent`: 'mean' and 'max' of |shrunk result -
    input| in levels of 255, after rounding to the input's depth."""
    return self._residual

  def size(self, height: int, width: int) -> tuple[int, int]:
    """Returns (height, width) of the result of an input.

    Raises:
      UserError: It would be empty, or absurdly large.
    """
    o = self.options
    if o.width and o.height:
      h, w = o.height, o.width
    elif o.width:
      h, w = _nearest(height * o.width / width), o.width
    elif o.height:
      h, w = o.height, _nearest(width * o.height / height)
    else:
      default = 4 if isinstance(self._model, model.Resampled) else self.factor
      scale = o.scale or default
      h, w = (_nearest(n * scale) for n in (height, width))
    h, w = max(1, h), max(1, w)
    if max(h, w) > MAX_SIDE:
      raise errors.UserError(
        f'{w:.6g} x {h:.6g} pixels would be too many: a side can have {MAX_SIDE}'
      )
    if o.consistent and (h < height or w < width):
      raise errors.UserError(
        f'{width} x {height} pixels would become {w} x {h}, and --consistent is for'
        ' enlargements'
      )
    return h, w

  def rows(
    self, picture: Picture, progress: Progress | None = None
  ) -> Iterator[np.ndarray]:
    """Enlarges a picture.

    Args:
      picture: It.
      progress: Is told the share that is done, 0 to 1.

    Yields:
      float32 (n, W, C) in [0, 1], from the top, alpha last if there is one, straight.
    """
    o = self.options
    border: resize.Border = 'wrap' if o.wrap else 'symmetric'
    size = self.size(picture.height, picture.width)
    color = planes.revealed(picture.color, picture.alpha, wrap=o.wrap)
    made = self._color(color, size, border, progress)
    if o.consistent:
      made = self._consistent(made, color, size, border)
    if picture.alpha is not None:
      made = _with_alpha(made, picture.alpha, size, border)
    yield from made

  def _color(
    self,
    color: np.ndarray,
    size: tuple[int, int],
    border: resize.Border,
    progress: Progress | None,
  ) -> Iterator[np.ndarray]:
    bands: Iterable[np.ndarray] = tiles.bands(
      color,
      self._model,
      factor=self.factor,
      tile=self.tile,
      halo=self.halo,
      stride=self._model.stride,
      wrap=self.options.wrap,
      progress=progress,
    )
    height, width = (n * self.factor for n in color.shape[:2])
    if (height, width) != size:
      bands = resample.stream(bands, height, size, border, self._model.kernel)
    for band in bands:
      yield np.clip(band, 0, 1)

  def _consistent(
    self,
    bands: Iterable[np.ndarray],
    color: np.ndarray,
    size: tuple[int, int],
    border: resize.Border,
  ) -> Iterator[np.ndarray]:
    peak = tiles.peak(color.dtype)
    y = color.astype(np.float32) / peak
    projection = Projection(color.shape[:2], size, border)
    shrunk = projection.shrunk()
    for band in projection.project(bands, y):
      shrunk.add(_rounded(band, color.dtype))
      yield band
    difference = np.abs(shrunk.total - y) * 255
    self._residual = {
      'mean': float(difference.mean()),
      'max': float(difference.max()),
    }

  def trust(
    self, picture: Picture, progress: Progress | None = None
  ) -> Iterator[np.ndarray]:
    """Maps what the GAN-trained partner invents; see `trust.py`.

    Yields:
      float32 (n, W, 3) in [0, 1]: the map, and below it trust.LEGEND rows of legend.

    Raises:
      UserError: The model has no partner.
    """
    picture = dataclasses.replace(picture, alpha=None)
    if not self._ends:
      o = dataclasses.replace(self.options, consistent=False)
      self._ends = [
        Upscaler(self.name, dataclasses.replace(o, strength=strength))
        for strength in (0.0, 1.0)
      ]

    shares = [0.0, 0.0]

    def share(part: int) -> Progress:
      def told(done: float) -> None:
        shares[part] = done
        if progress is not None:
          progress(sum(shares) / 2)

      return told

    a, b = (each.rows(picture, share(i)) for i, each in enumerate(self._ends))
    return trust.rows(a, b)

  def upscale(self, x: Any) -> Any:
    """Enlarges a picture in memory, or reads one.

    Args:
      x: A path, a Pillow image, or an array (NumPy's, or any that becomes one): uint8,
        uint16, or float in [0, 1], of (H, W) grey or (H, W, C) with C = 1 grey, 2 grey
        and alpha, 3 RGB, 4 RGB and alpha. Of an animation the first frame counts.

    Returns:
      Of a path or a Pillow image, a Pillow image; it has 8 bits a channel unless it is
      grey, as Pillow knows no deeper colour: give an array to keep 16 bits. Of an array
      a NumPy array of the same type and kind.

    Raises:
      BadImage: The picture cannot be read.
      UserError: Something else, or an array of another kind.
    """
    self.forget_warnings()
    if isinstance(x, Image.Image):
      picture = image_io.from_pil(x)
    elif isinstance(x, str | os.PathLike):
      picture = image_io.read(pathlib.Path(x))
    elif hasattr(x, '__array__'):
      return self._told(self._array(np.asarray(x)))
    else:
      raise errors.UserError(
        f'a {type(x).__name__} is no picture: give a path, a Pillow image or an array'
      )
    sr = np.concatenate(list(self.rows(picture)))
    return self._told(image_io.to_pil(_quantised(sr, picture.color.dtype), picture))

  def _told(self, result: Any) -> Any:
    for warning in self.warnings:
      log.warning('%s', warning)
    return result

  def _array(self, x: np.ndarray) -> np.ndarray:
    floating = np.issubdtype(x.dtype, np.floating)
    if not (floating or x.dtype in (np.uint8, np.uint16)):
      raise errors.UserError(
        f'an array of {x.dtype} is no picture: give uint8, uint16, or floats in [0, 1]'
      )
    flat = x.ndim == 2
    image = x[..., None] if flat else x
    if image.ndim != 3 or not 1 <= image.shape[-1] <= 4 or 0 in image.shape:
      raise errors.UserError(
        f'an array of shape {x.shape} is no picture: give (H, W) or (H, W, 1 to 4)'
      )
    if floating and not (-_OVERSHOOT <= image.min() <= image.max() <= 1 + _OVERSHOOT):
      raise errors.UserError(
        f'floats from {image.min():g} to {image.max():g} are no picture: give floats in'
        ' [0, 1], or uint8'
      )
    channels = image.shape[-1]
    split = channels - (channels % 2 == 0)
    alpha = image[..., split:] if channels % 2 == 0 else None
    space = 'grey' if split == 1 else 'rgb'
    picture = Picture(image[..., :split], alpha, space)
    sr = np.concatenate(list(self.rows(picture)))
    result = sr.astype(x.dtype) if floating else _quantised(sr, x.dtype)
    return result[..., 0] if flat else result


def _check(o: Options) -> None:
  if o.scale is not None and (o.width or o.height):
    raise errors.UserError('give --scale or --width and --height, not both')
  number = isinstance(o.scale, int | float | np.number)
  if o.scale is not None and not (number and 0 < o.scale < math.inf):
    raise errors.UserError(f'--scale {o.scale} must be a number above 0')
  for name, least in (('width', 1), ('height', 1), ('tile', 1), ('halo', 0)):
    value = getattr(o, name)
    if value is None:
      continue
    if not isinstance(value, int | np.integer) or value < least:
      raise errors.UserError(f'--{name} {value} must be a whole number from {least}')


def _nearest(x: float) -> int:
  return math.floor(x + 0.5)


def _with_alpha(
  bands: Iterable[np.ndarray],
  alpha: np.ndarray,
  size: tuple[int, int],
  border: resize.Border,
) -> Iterator[np.ndarray]:
  peak = tiles.peak(alpha.dtype)
  at = 0
  for band in bands:
    stop = at + band.shape[0]
    rows = resample.rows(alpha, size, at, stop, border) / peak
    yield np.concatenate([band, np.clip(rows, 0, 1)], -1)
    at = stop


def _rounded(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
  """Rounds [0, 1] to the levels of an integer type, staying float."""
  return x if dtype.kind == 'f' else _quantised(x, dtype) / tiles.peak(dtype)


def _quantised(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
  return writers.quantize(x, 8 * dtype.itemsize)
