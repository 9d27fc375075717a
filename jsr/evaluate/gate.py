"""The gate: no model row of a standard set unless its bicubic row is the published one.

Numbers of one paper differ from those of another mostly by convention: how LR was made,
which luma, what border. Bicubic is the same in all of them, so its row tells whether
ours can be put beside theirs. reference.json holds its values picture by picture for
Set5, Set14 and BSD100; benchmarks/make_reference.py makes the file, and its means are
the published ones (28.43 / 25.99 / 25.96 under rgb8, 28.42 / 26.00 / 25.96 under
y_float, at x4; report 001's rows under report001; the SRGAN paper's under srgan, as
far as they can be met, see docs/protocol.md). Of Urban100 only means are known.
"""

import dataclasses
import functools
import importlib.resources
import json
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.evaluate import benchmark, methods
from jsr.evaluate import protocol as protocols
from jsr.evaluate.columns import Column
from jsr.evaluate.protocol import Protocol
from jsr.evaluate.sets import Picture, PictureSet
from jsr.ops import resize

# How far a mean may be off, by the kind of column; without and with given LR. LR files
# of other origin count as the same set: the SelfExSR distribution's, made by an older
# MATLAB, differ in up to 2 % of the samples and move a mean by 0.003 dB.
TOLERANCES = {
  'psnr': (0.002, 0.006),
  'ssim': (0.0002, 0.0004),
  'rmse': (0.00001, 0.00002),
  'fsim': (0.0002, 0.0004),
}
# Means of sets that are known by nothing else: the count of pictures, and each column's
# value and tolerance. Urban100: report 001; papers since 2015 (their luma and rounding
# vary, hence the tolerance).
_PAPERS = {
  '2': (100, {'psnr_y': (26.88, 0.03)}),
  '3': (100, {'psnr_y': (24.46, 0.03)}),
  '4': (100, {'psnr_y': (23.14, 0.03)}),
}
MEANS: dict[str, dict[str, dict[str, tuple[int, dict[str, tuple[float, float]]]]]] = {
  'rgb8': {'urban100': _PAPERS},
  'y_float': {'urban100': _PAPERS},
  'report001': {
    'urban100': {
      '4': (
        100,
        {
          'psnr_rgb': (21.8013, 0.001),
          'ssim_rgb': (0.6366, 0.0001),
          'rmse_4095': (0.0054, 0.00006),
        },
      )
    }
  },
}

# Other names of the standard sets, in lower case.
ALIASES = {'b100': 'bsd100', 'bsds100': 'bsd100'}

# A picture's values: those of `Protocol.gated`, None where not measured.
Values = list[float | None]
# {protocol: {set: {scale: {picture: values}}}}
Reference = dict[str, dict[str, dict[str, dict[str, Values]]]]


@functools.cache
def reference() -> Reference:
  """Returns the published values of bicubic, picture by picture."""
  file = importlib.resources.files('jsr.evaluate') / 'reference.json'
  return json.loads(file.read_text())


def _means(rows: dict[str, Values], at: dict[str, Values]) -> list[float | None]:
  """Means of each column over the pictures that `at` has measured."""
  result: list[float | None] = []
  for i in range(len(next(iter(rows.values())))):
    both = [(rows[k][i], at[k][i]) for k in rows]
    column = [x for x, y in both if x is not None and y is not None]
    result.append(float(np.mean(column)) if column else None)
  return result


def bicubic(
  pictures: PictureSet, scale: int, protocol: Protocol, *, slow: bool = False
) -> dict[str, Values]:
  """Measures bicubic by a protocol, picture by picture.

  Args:
    pictures: The set.
    scale: The factor.
    protocol: The rule.
    slow: Measure columns that take seconds on every picture, not on the smallest alone.

  Returns:
    {picture: the columns of `protocol.gated`}.
  """

  def rows(of: PictureSet, columns: Sequence[Column]) -> dict[str, Any]:
    rule = dataclasses.replace(protocol, columns=tuple(columns))
    method = methods.Interpolation(protocol.bicubic, 'bicubic')
    return benchmark.measure(method, of, scale, rule, timed=False)['per_image']

  late = [c for c in protocol.columns if c.key in protocols.SLOW]
  result = rows(pictures, [c for c in protocol.columns if c not in late])
  if late:
    smallest = min(pictures.pictures, key=lambda p: p.hr.size)
    of = pictures.pictures if slow else [smallest]
    found = rows(dataclasses.replace(pictures, pictures=of), late)
    for name, values in found.items():
      result[name] |= {c.key: values[c.key] for c in late}
  return {k: [v.get(key) for key in protocol.gated] for k, v in result.items()}


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
  by_set = {k.lower(): rows for k, rows in reference().get(protocol.name, {}).items()}
  name = pictures.name.lower()
  known = by_set.get(ALIASES.get(name, name), {}).get(str(scale))
  if known is None:
    return _check_means(pictures, scale, protocol)
  strange = [p.name for p in pictures.pictures if p.name not in known]
  if strange:
    raise errors.UserError(
      f'{pictures.name} in {pictures.origin} is not the standard set: it has no picture'
      f" called '{strange[0]}'; rename the folder, or use the standard names"
    )
  want = {p.name: known[p.name] for p in pictures.pictures}
  given = any(p.lr is not None for p in pictures.pictures)
  have = _measured(pictures, scale, protocol)
  if _agree(have, want, given, protocol):
    return 'published'
  raise errors.UserError(
    f'{pictures.name} x{scale} ({protocol.name}): bicubic measures'
    f' {_spoken(have, want)} here, published is {_spoken(want, have)}, so no other row'
    f' would be comparable; {_diagnose(pictures, scale, protocol, want, have)}'
  )


def _measured(
  pictures: PictureSet, scale: int, protocol: Protocol
) -> dict[str, Values]:
  try:
    return bicubic(pictures, scale, protocol)
  except errors.UserError as error:
    raise errors.UserError(
      f'{pictures.name} x{scale} cannot be measured: {error}'
    ) from None


def _check_means(pictures: PictureSet, scale: int, protocol: Protocol) -> str:
  """As `check`, for a set of which only means are known."""
  name = pictures.name.lower()
  known = MEANS.get(protocol.name, {}).get(ALIASES.get(name, name), {})
  count, want = known.get(str(scale), (0, {}))
  if not want or len(pictures.pictures) != count:
    return 'no reference'
  have = _measured(pictures, scale, protocol)
  for key, mean in zip(protocol.gated, _means(have, have), strict=True):
    value, tolerance = want.get(key, (None, 0.0))
    if value is not None and (mean is None or abs(mean - value) > tolerance):
      raise errors.UserError(
        f'{pictures.name} x{scale} ({protocol.name}): {key} of bicubic is {mean:.4f}'
        f' here, published is {value}, so no other row would be comparable; the HR'
        ' pictures seem to be others, get the originals in their full size'
      )
  return 'published'


def _spoken(rows: dict[str, Values], at: dict[str, Values]) -> str:
  psnr, ssim = _means(rows, at)[:2]
  return f'{psnr:.3f} dB / {ssim:.4f}'


def _agree(
  have: dict[str, Values], want: dict[str, Values], given: bool, protocol: Protocol
) -> bool:
  a, b = _means(have, want), _means(want, have)
  for key, x, y in zip(protocol.gated, a, b, strict=True):
    tolerance = TOLERANCES[key.split('_')[0]][given]
    if x is not None and y is not None and abs(x - y) > tolerance:
      return False
  return True


def _diagnose(
  pictures: PictureSet,
  scale: int,
  protocol: Protocol,
  want: dict[str, Values],
  have: dict[str, Values],
) -> str:
  """Tries the usual mistakes, undone one at a time, until the number is right."""

  def right(changed: PictureSet, rule: Protocol = protocol) -> bool:
    try:
      return _agree(bicubic(changed, scale, rule), want, False, protocol)
    except errors.UserError:
      return False

  without_lr = _mapped(pictures, lambda p: Picture(p.name, p.hr))
  if any(p.lr is not None for p in pictures.pictures) and right(without_lr):
    kind = _lr_kind(pictures, scale, protocol)
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
  psnr = {k: (have[k][0] or 0.0, want[k][0] or 0.0) for k in want}
  worst = max(psnr, key=lambda k: abs(psnr[k][0] - psnr[k][1]))
  return (
    f'the HR pictures seem to be others, first of all {worst} ({psnr[worst][0]:.3f} dB'
    f' instead of {psnr[worst][1]:.3f}); get the originals, uncropped and lossless'
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


def _lr_kind(pictures: PictureSet, scale: int, protocol: Protocol) -> str:
  """Names the filter that the given LR pictures seem to be made with."""
  picture = next(p for p in pictures.pictures if p.lr is not None)
  hr = resize.modcrop(picture.hr, scale)
  h, w = hr.shape[0] // scale, hr.shape[1] // scale

  def by(**options: Any) -> np.ndarray:
    return np.asarray(
      resize.resize_uint8(jnp.asarray(hr), 1 / scale, border=protocol.border, **options)
    )

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
