"""How a number is measured: the one place that says so.

Two protocols, each an end-to-end rule from the HR file to the decibel:

- `rgb8`, the main one: HR cut to a multiple of the scale; LR by MATLAB's imresize of
  the uint8 RGB picture (rounded between the passes); the result rounded to uint8 RGB;
  Y = BT.601 studio luma of that, not rounded; `scale` pixels cut from each side; PSNR
  with peak 255, SSIM with Wang's window; means over pictures of per-picture values.
  The protocol of papers since 2017.
- `y_float`: Y of HR rounded to uint8; LR made from it in floating point, without
  rounding; the result rounded to uint8 Y. The MATLAB demos of SRCNN, FSRCNN and VDSR;
  the often quoted 33.66 / 30.39 / 28.42 for bicubic on Set5. An RGB method gets
  the unrounded LR of the RGB picture, and Y of its result is rounded.

Grey files are luma as they are. Arithmetic is float64.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.metrics import fidelity
from jsr.ops import color, resize

METRICS = ('psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb')


@dataclasses.dataclass(frozen=True)
class Protocol:
  """One rule of measurement.

  Attributes:
    name: 'rgb8' or 'y_float'.
    description: One sentence, printed with every table.
    plane: Colour plane of the Y columns.
    crop: Pixels cut from each side; None: as many as the scale.
  """

  name: str
  description: str
  plane: fidelity.Plane = 'y'
  crop: int | None = None

  def describe(self, scale: int) -> dict[str, Any]:
    """Returns what a reader of a results file needs to know."""
    return {
      'name': self.name,
      'description': self.description,
      'crop': scale if self.crop is None else self.crop,
      'y': 'BT.601 studio range, peak 255',
      'ssim': 'Wang 2004, 11x11 Gaussian window, sigma 1.5, valid region',
    }


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
  ),
}


def get(name: str) -> Protocol:
  """Returns a protocol by name, or raises UserError."""
  if name not in PROTOCOLS:
    raise errors.unknown('protocol', name, PROTOCOLS)
  return PROTOCOLS[name]


@functools.partial(jax.jit, static_argnums=(1,))
def _shrink_uint8(hr: jax.Array, scale: int) -> jax.Array:
  return resize.resize_uint8(hr, 1 / scale)


def make_lr(hr: np.ndarray, scale: int) -> np.ndarray:
  """Makes the LR picture as the benchmarks do.

  Args:
    hr: uint8 (H, W, C).
    scale: Integer factor; H and W are first cut to multiples of it.

  Returns:
    uint8 (H // scale, W // scale, C).
  """
  return np.asarray(_shrink_uint8(resize.modcrop(hr, scale), scale))


def luma_uint8(image: np.ndarray) -> np.ndarray:
  """Rounded studio luma of uint8 (H, W, C), float64 (H, W, 1) on the 256 levels."""
  if image.shape[-1] == 1:
    return image.astype(np.float64)
  weights = color.STUDIO[0] / 255
  y = image.astype(np.float64) @ weights + color.STUDIO_OFFSET[0]
  return np.clip(np.floor(y[..., None] + 0.5), 0, 255)


def shrink_float(image: np.ndarray, scale: int) -> np.ndarray:
  """MATLAB bicubic of float64 (H, W, C) by 1 / scale, unrounded."""
  rows = resize.matrix(image.shape[0], image.shape[0] // scale, 1 / scale)
  columns = resize.matrix(image.shape[1], image.shape[1] // scale, 1 / scale)
  return np.einsum('oh,pw,hwc->opc', rows, columns, image, optimize=True)


@functools.partial(jax.jit, static_argnames=('plane', 'crop', 'rgb'))
def _score(
  sr: jax.Array, hr: jax.Array, *, plane: fidelity.Plane, crop: int, rgb: bool
) -> dict[str, jax.Array]:
  result = {}
  planes: list[tuple[str, fidelity.Plane]] = [('y', plane)]
  if rgb:
    planes.append(('rgb', 'rgb'))
  for name, chosen in planes:
    x = fidelity.prepare(sr, plane=chosen, crop=crop)
    y = fidelity.prepare(hr, plane=chosen, crop=crop)
    result[f'psnr_{name}'] = fidelity.psnr(x, y)[0]
    result[f'ssim_{name}'] = fidelity.ssim(x, y)[0]
  return result


def score(
  sr: np.ndarray, hr: np.ndarray, scale: int, protocol: Protocol
) -> dict[str, float | None]:
  """Measures one result.

  Args:
    sr: (H, W, C) on 0..255: uint8 RGB or grey under `rgb8`, rounded Y under `y_float`.
    hr: The truth, likewise, of the same size.
    scale: The factor; also the border that is cut.
    protocol: The rule.

  Returns:
    'psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb'; None where the protocol has no such
    number. Equal pictures have an infinite PSNR. A grey file's RGB numbers are those
    of its one plane.

  Raises:
    UserError: The sizes differ, or the picture is too small to be measured.
  """
  if sr.shape[:2] != hr.shape[:2]:
    raise errors.UserError(
      f'a result of {sr.shape[1]} x {sr.shape[0]} pixels cannot be measured against'
      f' {hr.shape[1]} x {hr.shape[0]}'
    )
  crop = scale if protocol.crop is None else protocol.crop
  if min(hr.shape[:2]) - 2 * crop < 11:
    raise errors.UserError(
      f'a picture of {hr.shape[1]} x {hr.shape[0]} pixels is too small: SSIM needs'
      f' 11 pixels inside a border of {crop}'
    )
  if sr.shape[-1] != hr.shape[-1]:
    if hr.shape[-1] == 3:
      sr = np.repeat(sr, 3, axis=-1)
    else:
      # A colour method's answer to a grey picture: its full-range luma, which is the
      # grey value itself where the answer is grey.
      sr = (sr.astype(np.float64) @ (color.FULL[0] / 255))[..., None]
  # float64, and on the CPU, which has it: variances are small differences.
  with jax.enable_x64(True), jax.default_device(jax.local_devices(backend='cpu')[0]):
    values = _score(
      jnp.asarray(sr[None], jnp.float64),
      jnp.asarray(hr[None], jnp.float64),
      plane=protocol.plane,
      crop=crop,
      rgb=protocol.name == 'rgb8',
    )
    got = {name: float(value) for name, value in values.items()}
  return {name: got.get(name) for name in METRICS}
