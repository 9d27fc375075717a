"""Degradations: what turns high into low resolution inside the compiled step.

`make(name, scale=...)` returns a `Degradation`: `draw(keys)` draws its parameters for
each example, `apply(hr, drawn, keys)` makes LR from them. Both are pure, know static
shapes only, and depend on each example's key alone.
"""

import dataclasses
from typing import Any

from jsr import errors
from jsr.degradations import mixed, second_order, simple, stand_ins
from jsr.degradations.base import Degradation

_CLASSES: dict[str, type[Degradation]] = {
  cls.name: cls
  for cls in (
    simple.Bicubic,
    simple.BicubicCv,
    simple.Blur,
    simple.Noise,
    simple.Poisson,
    simple.Jpeg,
    simple.Impulse,
    stand_ins.Unknown,
    stand_ins.Mild,
    stand_ins.Difficult,
    stand_ins.Wild,
    second_order.SecondOrder,
    mixed.Mixed,
  )
}


def names() -> list[str]:
  """Returns the names of all degradations."""
  return sorted(_CLASSES)


def make(name: str, *, scale: int, **args: Any) -> Degradation:
  """Builds a degradation.

  Args:
    name: One of `names()`, such as 'bicubic'.
    scale: HR size over LR size, an integer from 1.
    **args: Its other fields, such as sigma; ranges are a number or a pair.

  Raises:
    UserError: No such degradation, no such field of it, or a value out of range.
  """
  if name not in _CLASSES:
    raise errors.unknown('degradation', name, names())
  cls = _CLASSES[name]
  known = [f.name for f in dataclasses.fields(cls) if f.name != 'scale']
  for key in args:
    if key not in known:
      raise errors.unknown(f'argument of degradation {name}:', key, known)
  return cls(scale=scale, **args)


__all__ = ['Degradation', 'make', 'names']
