"""The convention matrix: one result measured in every way that papers measure.

PSNR and SSIM of the same pictures differ by more than most methods do, according to
the luma, its rounding, the border that is cut, and the form of SSIM. Here all of them
are measured, so that a number from any paper can be located, and so that nobody has to
guess what a table means.

Planes: Y of BT.601 in studio range (MATLAB) and in full range (JPEG, OpenCV), each as
it is and rounded to uint8, and RGB. Borders: 0, the scale, the scale + 6 (the EDSR
paper's rows of DIV2K). SSIM: Wang's, the same with all of the picture as its one window
(report 004), the daala tool's (the SRGAN paper), and that of MATLAB's `ssim`.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.evaluate import protocol as protocols
from jsr.evaluate import table
from jsr.evaluate.columns import Column
from jsr.evaluate.protocol import Protocol
from jsr.metrics import fidelity, structural
from jsr.ops import color
from jsr.types import Array

COLUMNS = (
  Column('psnr', 'PSNR', 3),
  Column('ssim', 'SSIM Wang', 4),
  Column('ssim_global', 'global', 4),
  Column('ssim_daala', 'daala', 4),
  Column('ssim_matlab3d', 'MATLAB', 4),
)
PLANES = {
  ('y', False): 'Y studio',
  ('y', True): 'Y studio, rounded',
  ('y_full', False): 'Y full',
  ('y_full', True): 'Y full, rounded',
  ('rgb', False): 'RGB',
}
# {(plane, rounded, crop): {column: value}}
Entries = dict[tuple[str, bool, int], dict[str, float]]


@functools.partial(jax.jit, static_argnames=('grey',))
def _of_plane(x: Array, y: Array, *, grey: bool) -> dict[str, Array]:
  video = (protocols.as_video(x), protocols.as_video(y)) if grey else (x, y)
  return {
    'mse': fidelity.mse(x, y),
    'ssim': fidelity.ssim(x, y),
    'ssim_global': fidelity.ssim_global(x, y),
    'ssim_daala': structural.ssim_daala(*video),
    'ssim_matlab3d': structural.ssim_matlab3d(x, y),
  }


_of_volume = jax.jit(structural.ssim_matlab3d)


def _luma(image: np.ndarray, *, full_range: bool, rounded: bool) -> np.ndarray:
  if image.shape[-1] == 1:
    return image
  row = (color.FULL if full_range else color.STUDIO)[0] / 255
  offset = 0.0 if full_range else color.STUDIO_OFFSET[0]
  y = (image @ row + offset)[..., None]
  return np.clip(np.floor(y + 0.5), 0, 255) if rounded else y


def _planes(image: np.ndarray, *, luma_only: bool) -> dict[tuple[str, bool], Any]:
  """Returns {(plane, rounded): (H, W, C)}."""
  image = image.astype(np.float64)
  if luma_only:
    return {('y', True): image}
  result = {
    (plane, rounded): _luma(image, full_range=plane == 'y_full', rounded=rounded)
    for plane in ('y', 'y_full')
    for rounded in (False, True)
  }
  return {**result, ('rgb', False): image}


def crops(scale: int) -> tuple[int, int, int]:
  """Returns the borders of the matrix."""
  return 0, scale, scale + 6


def measure(sr: np.ndarray, hr: np.ndarray, scale: int, protocol: Protocol) -> Entries:
  """Measures one result under every convention.

  Args:
    sr: As for `protocol.score`.
    hr: The truth, likewise.
    scale: The factor.
    protocol: The rule that made the result; its own plane and crop do not matter. One
      of luma only leaves no other planes than rounded Y.

  Raises:
    UserError: The sizes differ, or leave nothing to be measured.
  """
  protocols.check_sizes(sr, hr, max(crops(scale)))
  first = _planes(protocols.alike(sr, hr), luma_only=protocol.luma_only)
  second = _planes(hr, luma_only=protocol.luma_only)
  grey = hr.shape[-1] == 1 and not protocol.luma_only
  result: Entries = {}
  with protocols.in_double():
    for crop in crops(scale):
      inside = slice(crop, -crop or None)
      for key, image in first.items():
        x, y = image[inside, inside], second[key][inside, inside]
        # Channel by channel: one program serves every plane.
        parts = [_numbers(x[..., c], y[..., c], grey) for c in range(x.shape[-1])]
        mean = {name: float(np.mean([p[name] for p in parts])) for name in parts[0]}
        if len(parts) > 1:
          volume = _of_volume(jnp.asarray(x[None]), jnp.asarray(y[None]))
          mean['ssim_matlab3d'] = float(volume[0])
        psnr = fidelity.psnr_of(mean.pop('mse'))
        result[(*key, crop)] = {'psnr': psnr, **mean}
  return result


def _numbers(x: np.ndarray, y: np.ndarray, grey: bool) -> dict[str, float]:
  pair = (jnp.asarray(v[None, ..., None], jnp.float64) for v in (x, y))
  return {name: float(value[0]) for name, value in _of_plane(*pair, grey=grey).items()}


def describe(row: Mapping[str, Any], images: Sequence[Entries]) -> dict[str, Any]:
  """Returns what a results file holds of one method on one set.

  Args:
    row: Of the results file.
    images: The entries of its pictures.

  Returns:
    {'method', 'set', 'scale', 'n', 'entries': [{'plane', 'rounded', 'crop', 'psnr',
    'ssim', 'ssim_global', 'ssim_daala', 'ssim_matlab3d'}, ...]}, means over pictures.
  """
  entries = []
  for plane, rounded in PLANES:
    for crop in crops(row['scale']):
      found = [image.get((plane, rounded, crop)) for image in images]
      values = [x for x in found if x is not None]
      if values:
        means = {c.key: float(np.mean([x[c.key] for x in values])) for c in COLUMNS}
        entries.append({'plane': plane, 'rounded': rounded, 'crop': crop, **means})
  return {key: row[key] for key in ('method', 'set', 'scale', 'n')} | {
    'entries': entries
  }


def _digits(text: str) -> int:
  return len(text.partition('.')[2])


def check_number(text: str) -> float:
  """Reads a number that is to be located, such as '28.42' or '.8104'.

  Raises:
    UserError: It is none.
  """
  try:
    number = float(text)
  except ValueError:
    number = math.nan
  if not math.isfinite(number):
    raise errors.UserError(
      f"'{text}' is no number to locate; write it as the paper prints it, as 28.42"
    )
  return number


def locate(matrices: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]]:
  """Finds the conventions under which a number was measured here.

  Args:
    matrices: Of `describe`.
    text: The number as a paper prints it: 28.42 is met by 28.415 to 28.425.

  Returns:
    [{'number', 'method', 'set', 'scale', 'plane', 'rounded', 'crop', 'column', 'value',
    'exact'}], nearest first: all that print as the number, or else the nearest one.

  Raises:
    UserError: `text` is no number.
  """
  number = check_number(text)
  keys = [c.key for c in COLUMNS if (c.key == 'psnr') == (abs(number) > 1)]
  found = [
    {key: matrix[key] for key in ('method', 'set', 'scale')}
    | {key: entry[key] for key in ('plane', 'rounded', 'crop')}
    | {'number': text, 'column': key, 'value': entry[key]}
    for matrix in matrices
    for entry in matrix['entries']
    for key in keys
    if math.isfinite(entry[key])
  ]
  found.sort(key=lambda x: abs(x['value'] - number))
  half = 0.5 * 10.0 ** -_digits(text) * (1 + 1e-9)
  exact = [x | {'exact': True} for x in found if abs(x['value'] - number) <= half]
  return exact or [x | {'exact': False} for x in found[:1]]


def text(
  matrices: Sequence[Mapping[str, Any]], located: Sequence[Mapping[str, Any]] = ()
) -> str:
  """Prints matrices for a terminal; '<' marks what was located. Ends in a newline."""
  marked = {
    tuple(
      x[k] for k in ('method', 'set', 'scale', 'plane', 'rounded', 'crop', 'column')
    )
    for x in located
  }
  names = list(PLANES.values())
  width = max(map(len, names))
  parts = []
  for matrix in matrices:
    count = matrix['n']
    lines = [
      f'{matrix["method"]} on {matrix["set"]} ×{matrix["scale"]}, {count}'
      f' image{"" if count == 1 else "s"}: every convention',
      f'  {"plane":{width}}  crop' + ''.join(f'  {c.title:>9} ' for c in COLUMNS),
    ]
    for entry in matrix['entries']:
      name = PLANES[entry['plane'], entry['rounded']]
      cells = []
      for column in COLUMNS:
        place = (
          *(matrix[k] for k in ('method', 'set', 'scale')),
          *(entry[k] for k in ('plane', 'rounded', 'crop')),
          column.key,
        )
        number = table.number(entry[column.key], column.digits)
        cells.append(f'  {number:>9}' + ('<' if place in marked else ' '))
      lines.append(f'  {name:{width}}  {entry["crop"]:4}' + ''.join(cells).rstrip())
    parts.append('\n'.join(lines))
  if located:
    parts.append('\n'.join(_sentence(x) for x in located))
  return '\n\n'.join(parts) + '\n'


def _sentence(x: Mapping[str, Any]) -> str:
  title = next(c.title for c in COLUMNS if c.key == x['column'])
  if x['column'] != 'psnr' and not title.startswith('SSIM'):
    title = f'SSIM {title}'
  digits = 4 if x['column'] == 'psnr' else 5
  where = (
    f'{title} of {x["method"]} on {x["set"]} ×{x["scale"]},'
    f' {PLANES[x["plane"], x["rounded"]]}, crop {x["crop"]}'
  )
  value = table.number(x['value'], digits)
  if x['exact']:
    return f'{x["number"]} is {where} ({value})'
  return f'{x["number"]} is nothing here; nearest is {where} ({value})'
