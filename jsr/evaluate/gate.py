"""The gate: no model row of a standard set unless its bicubic row is the published one.

Numbers of one paper differ from those of another mostly by convention: how LR was made,
which luma, what border. Bicubic is the same in all of them, so its row tells whether
ours can be put beside theirs. reference.json holds its values picture by picture for
Set5, Set14 and BSD100; benchmarks/make_reference.py makes the file, and its means are
the published ones (28.43 / 25.99 / 25.96 under rgb8, 28.42 / 26.00 / 25.96 under
y_float, at x4).
"""

import dataclasses
import functools
import importlib.resources
import json
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.evaluate import benchmark, methods
from jsr.evaluate.protocol import Protocol
from jsr.evaluate.sets import Picture, PictureSet
from jsr.ops import resize

TOLERANCE_DB = 0.002
TOLERANCE_SSIM = 0.0002
# LR files of other origin that count as the same set: the SelfExSR distribution's, made
# by an older MATLAB, differ in up to 2 % of the samples and move a mean by 0.003 dB.
TOLERANCE_DB_LR = 0.006
TOLERANCE_SSIM_LR = 0.0004

# Other names of the standard sets, in lower case.
ALIASES = {'b100': 'bsd100', 'bsds100': 'bsd100'}

# {protocol: {set: {scale: {picture: [psnr_y, ssim_y]}}}}
Reference = dict[str, dict[str, dict[str, dict[str, list[float]]]]]


@functools.cache
def reference() -> Reference:
  """Returns the published values of bicubic, picture by picture."""
  file = importlib.resources.files('jsr.evaluate') / 'reference.json'
  return json.loads(file.read_text())


def _means(rows: dict[str, list[float]]) -> tuple[float, float]:
  psnr, ssim = np.mean(list(rows.values()), axis=0)
  return float(psnr), float(ssim)


def _bicubic(
  pictures: PictureSet, scale: int, protocol: Protocol
) -> dict[str, list[float]]:
  row = benchmark.measure(
    methods.Interpolation('bicubic', 'bicubic'),
    pictures,
    scale,
    protocol,
    timed=False,
  )
  return {k: [v['psnr_y'], v['ssim_y']] for k, v in row['per_image'].items()}


def check(pictures: PictureSet, scale: int, protocol: Protocol) -> str:
  """Compares the bicubic row of a standard set with the published one.

  Args:
    pictures: The set, or its first pictures.
    scale: The factor.
    protocol: The rule.

  Returns:
    'published' where it agrees, 'no reference' where none is known.

  Raises:
    UserError: It does not agree; says which convention seems to be off.
  """
  by_set = {name.lower(): rows for name, rows in reference()[protocol.name].items()}
  name = pictures.name.lower()
  known = by_set.get(ALIASES.get(name, name), {}).get(str(scale))
  if known is None:
    return 'no reference'
  strange = [p.name for p in pictures.pictures if p.name not in known]
  if strange:
    raise errors.UserError(
      f'{pictures.name} in {pictures.origin} is not the standard set: it has no picture'
      f" called '{strange[0]}'; rename the folder, or use the standard names"
    )
  want = {p.name: known[p.name] for p in pictures.pictures}
  given = any(p.lr is not None for p in pictures.pictures)
  try:
    have = _bicubic(pictures, scale, protocol)
  except errors.UserError as error:
    raise errors.UserError(
      f'{pictures.name} x{scale} cannot be measured: {error}'
    ) from None
  if _agree(have, want, given):
    return 'published'
  raise errors.UserError(
    f'{pictures.name} x{scale} ({protocol.name}): bicubic measures'
    f' {_means(have)[0]:.3f} dB / {_means(have)[1]:.4f} here, published is'
    f' {_means(want)[0]:.3f} / {_means(want)[1]:.4f}, so no other row would be'
    f' comparable; {_diagnose(pictures, scale, protocol, want, have)}'
  )


def _agree(
  have: dict[str, list[float]], want: dict[str, list[float]], given: bool
) -> bool:
  db, ssim = (
    (TOLERANCE_DB_LR, TOLERANCE_SSIM_LR) if given else (TOLERANCE_DB, TOLERANCE_SSIM)
  )
  a, b = _means(have), _means(want)
  return abs(a[0] - b[0]) <= db and abs(a[1] - b[1]) <= ssim


def _diagnose(
  pictures: PictureSet,
  scale: int,
  protocol: Protocol,
  want: dict[str, list[float]],
  have: dict[str, list[float]],
) -> str:
  """Tries the usual mistakes, undone one at a time, until the number is right."""

  def right(changed: PictureSet, rule: Protocol = protocol) -> bool:
    try:
      return _agree(_bicubic(changed, scale, rule), want, False)
    except errors.UserError:
      return False

  without_lr = _mapped(pictures, lambda p: Picture(p.name, p.hr))
  if any(p.lr is not None for p in pictures.pictures) and right(without_lr):
    kind = _lr_kind(pictures, scale)
    return f'the pictures of --lr are not MATLAB bicubic{kind}; drop --lr'
  if right(_mapped(pictures, lambda p: Picture(p.name, p.hr[..., ::-1], p.lr))):
    return 'the channels of HR are in BGR order; save them as RGB'
  grey = [p.name for p in pictures.pictures if _is_grey_rgb(p.hr)]
  if grey and right(_mapped(pictures, _as_grey)):
    return (
      f'the grey picture {grey[0]} is stored as RGB, which squeezes its luma; save it'
      ' with one channel'
    )
  for name, rule in _other_rules(protocol, scale):
    if right(pictures, rule):
      return f'{name} gives the published number: this protocol is set up wrongly'
  worst = max(want, key=lambda k: abs(have[k][0] - want[k][0]))
  return (
    f'the HR pictures seem to be others, first of all {worst} ({have[worst][0]:.3f} dB'
    f' instead of {want[worst][0]:.3f}); get the originals, uncropped and lossless'
  )


def _mapped(pictures: PictureSet, change: Callable[[Picture], Picture]) -> PictureSet:
  return PictureSet(
    pictures.name, [change(p) for p in pictures.pictures], pictures.origin
  )


def _is_grey_rgb(hr: np.ndarray) -> bool:
  return hr.shape[-1] == 3 and bool(
    (hr[..., 0] == hr[..., 1]).all() and (hr[..., 1] == hr[..., 2]).all()
  )


def _as_grey(picture: Picture) -> Picture:
  if not _is_grey_rgb(picture.hr):
    return picture
  lr = None if picture.lr is None else picture.lr[..., :1]
  return Picture(picture.name, picture.hr[..., :1], lr)


def _other_rules(protocol: Protocol, scale: int) -> list[tuple[str, Protocol]]:
  return [
    ('a border cut of the scale', dataclasses.replace(protocol, crop=scale)),
    ('no border cut', dataclasses.replace(protocol, crop=0)),
    ('studio-range luma', dataclasses.replace(protocol, plane='y')),
    ('full-range luma', dataclasses.replace(protocol, plane='y_full')),
    ('RGB', dataclasses.replace(protocol, plane='rgb')),
  ]


def _lr_kind(pictures: PictureSet, scale: int) -> str:
  """Names the filter that the given LR pictures seem to be made with."""
  picture = next(p for p in pictures.pictures if p.lr is not None)
  hr = resize.modcrop(picture.hr, scale)
  h, w = hr.shape[0] // scale, hr.shape[1] // scale

  def by(**options: Any) -> np.ndarray:
    return np.asarray(resize.resize_uint8(jnp.asarray(hr), 1 / scale, **options))

  candidates = {
    'MATLAB bicubic': by(),
    'bicubic without antialiasing': by(antialias=False),
    'bilinear': by(kernel='linear'),
    'the mean of each block': hr.reshape(h, scale, w, scale, -1).mean((1, 3)),
    'every n-th pixel': hr[::scale, ::scale],
  }
  assert picture.lr is not None
  lr = picture.lr.astype(float)
  error = {k: float(np.abs(v - lr).mean()) for k, v in candidates.items()}
  best = min(error, key=lambda k: error[k])
  if best == 'MATLAB bicubic' or error[best] > 1.0:
    return ''
  return f' (they look like {best})'
