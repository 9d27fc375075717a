"""Runs methods over sets and collects the numbers."""

import datetime
import importlib.metadata
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import tqdm

from jsr import errors
from jsr.evaluate import conventions
from jsr.evaluate import protocol as protocols
from jsr.evaluate.extra import Extra
from jsr.evaluate.methods import Method, Pictures
from jsr.evaluate.protocol import Protocol
from jsr.evaluate.sets import Picture, PictureSet
from jsr.ops import resize

# {set: {picture: {'hr', 'lr' or a method's label: uint8 (H, W, C)}}}
Shown = dict[str, dict[str, dict[str, np.ndarray]]]


def _timed(
  fn: Callable[[], np.ndarray], seen: set[Any] | None, key: Any
) -> tuple[np.ndarray, float]:
  """Calls fn; a shape met for the first time is compiled by an untimed call."""
  if seen is not None and key not in seen:
    seen.add(key)
    fn()
  start = time.perf_counter()
  out = fn()
  return out, time.perf_counter() - start


def _truth(picture: Picture, scale: int, set_name: str) -> np.ndarray:
  """Returns HR cut to a multiple of the scale."""
  h, w = picture.hr.shape[:2]
  if min(h, w) < scale:
    raise errors.UserError(
      f'{set_name}/{picture.name} has {w} x {h} pixels, too few for scale {scale}'
    )
  return resize.modcrop(picture.hr, scale)


def _low(
  picture: Picture, hr: np.ndarray, scale: int, protocol: Protocol
) -> np.ndarray:
  if picture.lr is not None:
    return picture.lr
  return protocols.make_lr(hr, scale, protocol.border)


def enlarge(
  method: Method | Pictures,
  picture: Picture,
  scale: int,
  protocol: Protocol,
  *,
  set_name: str,
  seen: set[Any] | None = None,
) -> tuple[np.ndarray, np.ndarray, float | None]:
  """Lets a method enlarge a picture as the protocol says.

  Args:
    method: What enlarges, or where its results lie.
    picture: HR, with LR where it is given.
    scale: The factor.
    protocol: How the LR is made and the result rounded.
    set_name: Of the picture's set, for `Pictures`.
    seen: Shapes that need no warm-up call any more, updated; None: no warm-up calls.

  Returns:
    The result and the truth, ready for `protocol.score` (uint8, or rounded Y where the
    protocol is of luma only), and the seconds it took; None for pictures made
    elsewhere.

  Raises:
    UserError: Sizes that do not fit.
  """
  hr = _truth(picture, scale, set_name)
  truth = protocols.luma_uint8(hr) if protocol.luma_only else hr
  if isinstance(method, Pictures):
    sr = method.read(set_name, picture.name)
    if sr.shape[:2] != hr.shape[:2]:
      # Some programs keep the size of an HR that is no multiple of the scale.
      if sr.shape[:2] != picture.hr.shape[:2]:
        raise errors.UserError(
          f'{method.label}: the picture for {set_name}/{picture.name} has'
          f' {sr.shape[1]} x {sr.shape[0]} pixels, expected'
          f' {hr.shape[1]} x {hr.shape[0]}'
        )
      sr = sr[: hr.shape[0], : hr.shape[1]]
    return (protocols.luma_uint8(sr) if protocol.luma_only else sr), truth, None
  if picture.lr is not None:
    expected = (hr.shape[0] // scale, hr.shape[1] // scale)
    if picture.lr.shape[:2] != expected:
      raise errors.UserError(
        f'the LR of {set_name}/{picture.name} has {picture.lr.shape[1]} x'
        f' {picture.lr.shape[0]} pixels, expected {expected[1]} x {expected[0]}'
      )
  key = (hr.shape, protocol.name)
  if not protocol.luma_only:
    lr = _low(picture, hr, scale, protocol)
    sr, seconds = _timed(lambda: method.upscale_uint8(lr, scale), seen, key)
    return sr, truth, seconds
  if method.color == 'rgb' and hr.shape[-1] == 3:
    low = (
      protocols.shrink_float(hr.astype(np.float64), scale, protocol.border)
      if picture.lr is None
      else picture.lr.astype(np.float64)
    )
    out, seconds = _timed(lambda: method.upscale(low, scale), seen, key)
    return protocols.luma_uint8(np.clip(out, 0, 255)), truth, seconds
  low = (
    protocols.shrink_float(truth, scale, protocol.border)
    if picture.lr is None
    else protocols.luma_uint8(picture.lr)
  )
  out, seconds = _timed(lambda: method.upscale(low, scale), seen, key)
  if out.shape[-1] == 3:
    out = out.mean(-1, keepdims=True)
  return np.clip(np.floor(out + 0.5), 0, 255), truth, seconds


def _mean(values: Sequence[float | None]) -> float | None:
  if not values or any(v is None for v in values):
    return None
  return float(np.mean([v for v in values if v is not None]))


def _note(method: Method | Pictures, protocol: Protocol) -> str:
  """What a reader must know of a method under this protocol."""
  if isinstance(method, Pictures) or method.color != 'y':
    return method.note
  return '; '.join(part for part in (method.note, protocol.luma_networks) if part)


def measure(
  method: Method | Pictures,
  pictures: PictureSet,
  scale: int,
  protocol: Protocol,
  *,
  keep: dict[str, dict[str, np.ndarray]] | None = None,
  progress: bool = False,
  timed: bool = True,
  extra: Sequence[Extra] = (),
  matrix: list[conventions.Entries] | None = None,
) -> dict[str, Any]:
  """Measures one method on one set.

  Args:
    method: See `methods.resolve`.
    pictures: The set.
    scale: The factor.
    protocol: The rule.
    keep: If given, each result is stored as `keep[picture][label]`.
    progress: Show a bar, where there is a terminal.
    timed: Call a method twice for each new size: the first call compiles. Without it
      the seconds include that.
    extra: Metrics beside the protocol's; see `extra.open_metrics`.
    matrix: If given, gets the figures of each picture under every convention.

  Returns:
    A row of the results file: 'method', 'set', 'scale', 'n', the protocol's metrics,
    the extra ones, 'seconds_per_image', 'per_image', 'note'.
  """
  seen: set[Any] | None = set() if timed else None
  per_image: dict[str, dict[str, float | None]] = {}
  bar = tqdm.tqdm(
    pictures.pictures,
    desc=f'{method.label} on {pictures.name}',
    unit='image',
    leave=False,
    disable=None if progress else True,
  )
  for picture in bar:
    sr, truth, seconds = enlarge(
      method, picture, scale, protocol, set_name=pictures.name, seen=seen
    )
    try:
      scores = protocols.score(sr, truth, scale, protocol)
      scores |= {m.column.key: m.measure(sr, truth, scale, protocol) for m in extra}
      if matrix is not None:
        matrix.append(conventions.measure(sr, truth, scale, protocol))
    except errors.UserError as error:
      raise errors.UserError(f'{pictures.name}/{picture.name}: {error}') from None
    per_image[picture.name] = {**scores, 'seconds': seconds}
    if keep is not None:
      keep.setdefault(picture.name, {})[method.label] = np.clip(
        np.floor(sr + 0.5), 0, 255
      ).astype(np.uint8)
  names = next(iter(per_image.values()), {})
  columns = {name: _mean([row[name] for row in per_image.values()]) for name in names}
  seconds = columns.pop('seconds', None)
  return {
    'method': method.label,
    'set': pictures.name,
    'scale': scale,
    'n': len(per_image),
    **columns,
    'seconds_per_image': seconds,
    'per_image': per_image,
    'note': _note(method, protocol),
  }


def shown(
  pictures: PictureSet, scale: int, protocol: Protocol
) -> dict[str, dict[str, np.ndarray]]:
  """Returns {picture: {'hr', 'lr'}} of a set, for a page."""
  result = {}
  for picture in pictures.pictures:
    hr = _truth(picture, scale, pictures.name)
    lr = _low(picture, hr, scale, protocol)
    result[picture.name] = {'hr': hr, 'lr': lr}
  return result


def header(
  protocol: Protocol, scale: int, extra: Sequence[Extra] = ()
) -> dict[str, Any]:
  """Returns what a results file says about how it came to be, beside its rows."""
  packages = ('jax', 'jaxlib', 'flax', 'numpy', 'jsr')
  return {
    'columns': [
      column.describe() for column in (*protocol.columns, *(m.column for m in extra))
    ],
    'protocol': protocol.describe(scale),
    'versions': {
      'python': platform.python_version(),
      **{name: importlib.metadata.version(name) for name in packages},
    },
    'machine': f'{jax.devices()[0].device_kind}, {os.cpu_count()} cores',
    'date': datetime.date.today().isoformat(),
  }


def to_json(value: Any) -> Any:
  """Replaces infinities, which JSON cannot hold, by null."""
  if isinstance(value, dict):
    return {k: to_json(v) for k, v in value.items()}
  if isinstance(value, list | tuple):
    return [to_json(v) for v in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value
