"""How a number is measured: the one place that says so.

A protocol is an end-to-end rule from the HR file to the decibel:

- `rgb8`, the main one: HR cut to a multiple of the scale; LR by MATLAB's imresize of
  the uint8 RGB picture (rounded between the passes); the result rounded to uint8 RGB;
  Y = BT.601 studio luma of that, not rounded; `scale` pixels cut from each side; PSNR
  with peak 255, SSIM with Wang's window; means over pictures of per-picture values.
  The protocol of papers since 2017.
- `y_float`: Y of HR rounded to uint8; LR made from it in floating point, without
  rounding; the result rounded to uint8 Y. The MATLAB demos of SRCNN, FSRCNN and VDSR;
  the often quoted 33.66 / 30.39 / 28.42 for bicubic on Set5. An RGB method gets
  the unrounded LR of the RGB picture, and Y of its result is rounded.
- `srgan`: that of the SRGAN paper as far as it can be met: the LR of the SelfExSR
  distribution, Y rounded to uint8, 4 pixels cut, SSIM by the daala tool. [our reading]
  The tool reads video, which has studio luma: there a grey picture is no exception.
- `report001`: report 001's, recovered from its bicubic rows, which it meets to every
  printed digit: the same LR, OpenCV's bicubic, RGB of the whole picture, and "RMSE"
  and "FSIM" as the Python package computes them that the report must have used.

The LR of the SelfExSR distribution is MATLAB's of 2014, which repeats the edge where
MATLAB mirrors today; `make_lr` makes it bit for bit.

Grey files are luma as they are, but for that tool. Arithmetic is float64.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.evaluate import columns
from jsr.evaluate.columns import Column
from jsr.metrics import fidelity, fsim_bandwise, structural
from jsr.ops import color, resize
from jsr.types import Array

METRICS = tuple(column.key for column in columns.BASE)


@dataclasses.dataclass(frozen=True)
class Protocol:
  """One rule of measurement.

  Attributes:
    name: As `--protocol` takes it.
    description: One sentence, printed with every table.
    columns: What it measures.
    gated: Keys of columns that bicubic must meet, see `jsr.evaluate.gate`.
    plane: Colour plane of the Y columns.
    crop: Pixels cut from each side; None: as many as the scale.
    luma_only: LR and results are Y in floating point, results rounded to uint8 Y.
    round_y: Y is rounded to uint8 before it is measured.
    border: How LR is made at its edges; see `jsr.ops.resize.matrix`.
    bicubic: What the method called bicubic is; see `jsr.evaluate.interpolation`.
    luma_networks: How networks on luma are used, said in their rows.
  """

  name: str
  description: str
  columns: tuple[Column, ...] = columns.BASE
  gated: tuple[str, ...] = ('psnr_y', 'ssim_y')
  plane: fidelity.Plane = 'y'
  crop: int | None = None
  luma_only: bool = False
  round_y: bool = False
  border: resize.Border = 'symmetric'
  bicubic: str = 'bicubic'
  luma_networks: str = 'network on unrounded Y of the uint8 LR, Cb and Cr by bicubic'

  def describe(self, scale: int) -> dict[str, Any]:
    """Returns what a reader of a results file needs to know."""
    keys = {column.key for column in self.columns}
    said = {
      'name': self.name,
      'description': self.description,
      'crop': scale if self.crop is None else self.crop,
      'y': 'BT.601 studio range, peak 255' + (', rounded' if self.round_y else ''),
      'ssim': 'Wang 2004, 11x11 Gaussian window, sigma 1.5, valid region',
    }
    if 'psnr_y' not in keys:
      said['y'] = 'not measured'
    if 'ssim_daala' in keys:
      said['ssim_daala'] = (
        'dump_ssim of daala: a window that grows with the height; grey as studio luma'
      )
    if 'rmse_4095' in keys:
      said['rmse_4095'] = 'RMSE on 0..255, divided by 4095'
    if 'fsim_bandwise' in keys:
      said['fsim_bandwise'] = 'per channel, six orientations, 16-bit gradients'
    return said


PROTOCOLS = {
  'rgb8': Protocol(
    'rgb8',
    'LR by MATLAB bicubic of the uint8 RGB picture, result rounded to uint8 RGB,'
    ' unrounded Y, border of scale pixels cut.',
  ),
  'y_float': Protocol(
    'y_float',
    'LR by MATLAB bicubic of the rounded Y in floating point, result rounded to uint8'
    ' Y, border of scale pixels cut.',
    columns=columns.BASE[:2],
    luma_only=True,
    luma_networks='network on Y in floating point, not rounded before the network',
  ),
  'srgan': Protocol(
    'srgan',
    'LR of the SelfExSR distribution, result rounded to uint8 RGB, Y rounded to uint8,'
    ' border of 4 pixels cut, SSIM of the daala tool (and, apart, Wang).',
    columns=(
      columns.BASE[0],
      Column('ssim_daala', 'SSIM daala', 4),
      Column('ssim_y', 'SSIM Wang', 4),
    ),
    gated=('psnr_y', 'ssim_daala', 'ssim_y'),
    crop=4,
    round_y=True,
    border='replicate',
  ),
  'report001': Protocol(
    'report001',
    'LR of the SelfExSR distribution, bicubic of OpenCV, result rounded to uint8 RGB,'
    ' all of the picture, RMSE divided by 4095, FSIM of each channel.',
    columns=(
      Column('rmse_4095', 'RMSE/4095', 4, 'lower'),
      Column('psnr_rgb', 'PSNR RGB', 4),
      Column('ssim_rgb', 'SSIM RGB', 4),
      Column('fsim_bandwise', 'FSIM bandwise', 4),
    ),
    gated=('psnr_rgb', 'ssim_rgb', 'rmse_4095', 'fsim_bandwise'),
    crop=0,
    border='replicate',
    bicubic='bicubic_cv',
  ),
}


def get(name: str) -> Protocol:
  """Returns a protocol by name, or raises UserError."""
  if name not in PROTOCOLS:
    raise errors.unknown('protocol', name, PROTOCOLS)
  return PROTOCOLS[name]


@functools.partial(jax.jit, static_argnums=(1, 2))
def _shrink_uint8(hr: jax.Array, scale: int, border: resize.Border) -> jax.Array:
  return resize.resize_uint8(hr, 1 / scale, border=border)


def make_lr(
  hr: np.ndarray, scale: int, border: resize.Border = 'symmetric'
) -> np.ndarray:
  """Makes the LR picture as the benchmarks do.

  Args:
    hr: uint8 (H, W, C).
    scale: Integer factor; H and W are first cut to multiples of it.
    border: Of the protocol.

  Returns:
    uint8 (H // scale, W // scale, C).
  """
  return np.asarray(_shrink_uint8(resize.modcrop(hr, scale), scale, border))


def luma_uint8(image: np.ndarray) -> np.ndarray:
  """Rounded studio luma of uint8 (H, W, C), float64 (H, W, 1) on the 256 levels."""
  if image.shape[-1] == 1:
    return image.astype(np.float64)
  weights = color.STUDIO[0] / 255
  y = image.astype(np.float64) @ weights + color.STUDIO_OFFSET[0]
  return np.clip(np.floor(y[..., None] + 0.5), 0, 255)


def shrink_float(
  image: np.ndarray, scale: int, border: resize.Border = 'symmetric'
) -> np.ndarray:
  """MATLAB bicubic of float64 (H, W, C) by 1 / scale, unrounded."""
  h, w = image.shape[0] // scale, image.shape[1] // scale
  rows = resize.matrix(image.shape[0], h, 1 / scale, border=border)
  columns = resize.matrix(image.shape[1], w, 1 / scale, border=border)
  return np.einsum('oh,pw,hwc->opc', rows, columns, image, optimize=True)


# What takes seconds a picture, of all channels. It is not traced: its filters, as large
# as dozens of pictures, would become constants of a program for each size.
SLOW: dict[str, Callable[[Array, Array], Array]] = {
  'fsim_bandwise': fsim_bandwise.fsim_report001
}
# Plane, and what measures it.
_FUNCTIONS: dict[str, tuple[str, Callable[[Array, Array], Array]]] = {
  'psnr_y': ('y', fidelity.psnr),
  'ssim_y': ('y', fidelity.ssim),
  'ssim_daala': ('y', structural.ssim_daala),
  'psnr_rgb': ('rgb', fidelity.psnr),
  'ssim_rgb': ('rgb', fidelity.ssim),
  'rmse_4095': ('rgb', fidelity.rmse_4095),
}


def as_video(grey: Array) -> Array:
  """Returns the rounded studio luma of grey values on 0..255."""
  squeezed = grey * (color.STUDIO[0].sum() / 255) + color.STUDIO_OFFSET[0]
  return resize.quantise(squeezed)


@functools.partial(jax.jit, static_argnames=('plane', 'crop', 'keys', 'grey'))
def _score(
  sr: jax.Array,
  hr: jax.Array,
  *,
  plane: fidelity.Plane,
  crop: int,
  keys: tuple[str, ...],
  grey: bool,
) -> dict[str, jax.Array]:
  result = {}
  for key in keys:
    of, function = _FUNCTIONS[key]
    chosen: fidelity.Plane = plane if of == 'y' else 'rgb'
    x = fidelity.prepare(sr, plane=chosen, crop=crop)
    y = fidelity.prepare(hr, plane=chosen, crop=crop)
    if grey and key == 'ssim_daala':
      x, y = as_video(x), as_video(y)
    result[key] = function(x, y)[0]
  return result


def alike(sr: np.ndarray, hr: np.ndarray) -> np.ndarray:
  """Gives a result (H, W, 1 or 3) the channels of the truth."""
  if sr.shape[-1] == hr.shape[-1]:
    return sr
  if hr.shape[-1] == 3:
    return np.repeat(sr, 3, axis=-1)
  # A colour method's answer to a grey picture: its full-range luma, which is the
  # grey value itself where the answer is grey.
  return (sr.astype(np.float64) @ (color.FULL[0] / 255))[..., None]


def check_sizes(sr: np.ndarray, hr: np.ndarray, crop: int) -> None:
  """Raises UserError if the sizes differ, or leave too little to be measured."""
  if sr.shape[:2] != hr.shape[:2]:
    raise errors.UserError(
      f'a result of {sr.shape[1]} x {sr.shape[0]} pixels cannot be measured against'
      f' {hr.shape[1]} x {hr.shape[0]}'
    )
  if min(hr.shape[:2]) - 2 * crop < 11:
    raise errors.UserError(
      f'a picture of {hr.shape[1]} x {hr.shape[0]} pixels is too small: SSIM needs'
      f' 11 pixels inside a border of {crop}'
    )


@contextlib.contextmanager
def in_double() -> Iterator[None]:
  """Switches to float64, on the CPU, which has it.

  Variances are small differences of large numbers.
  """
  cpu = jax.local_devices(backend='cpu')[0]
  with jax.enable_x64(True), jax.default_device(cpu):
    yield


def score(
  sr: np.ndarray, hr: np.ndarray, scale: int, protocol: Protocol
) -> dict[str, float | None]:
  """Measures one result.

  Args:
    sr: (H, W, C) on 0..255: uint8 RGB or grey, rounded Y if `protocol.luma_only`.
    hr: The truth, likewise, of the same size.
    scale: The factor.
    protocol: The rule.

  Returns:
    The four of `METRICS`, None where the protocol has no such number, and its other
    columns. Equal pictures have an infinite PSNR. A grey file's RGB numbers are those
    of its one plane.

  Raises:
    UserError: The sizes differ, or the picture is too small to be measured.
  """
  crop = scale if protocol.crop is None else protocol.crop
  check_sizes(sr, hr, crop)
  sr, grey = alike(sr, hr), hr.shape[-1] == 1
  if protocol.round_y:
    sr, hr = luma_uint8(sr), luma_uint8(hr)
  keys = [column.key for column in protocol.columns]
  got: dict[str, float | None] = dict.fromkeys(METRICS)
  with in_double():
    x, y = (jnp.asarray(v[None], jnp.float64) for v in (sr, hr))
    values = _score(
      x,
      y,
      plane=protocol.plane,
      crop=crop,
      keys=tuple(key for key in keys if key in _FUNCTIONS),
      grey=grey,
    )
    got |= {name: float(value) for name, value in values.items()}
    for key in set(keys) & set(SLOW):
      inside = (fidelity.prepare(v, plane='rgb', crop=crop) for v in (x, y))
      got[key] = float(SLOW[key](*inside)[0])
  return got
