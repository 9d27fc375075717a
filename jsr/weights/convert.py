"""From the tensors of another program to the variables of a network of ours.

Knows names, shapes and arithmetic; whether our network really has these parameters is
for `jsr.evaluate.fit` to say, which may build it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jsr.errors import UserError, unknown
from jsr.types import Variables
from jsr.weights import layouts, model_file
from jsr.weights.layouts.rules import Layout, Plan, Shape, Tensors


class Converted(NamedTuple):
  """The result.

  Attributes:
    generator: Name in `jsr.models`.
    scale: Its factor.
    args: Its other fields, as far as the layout tells them.
    variables: {'params': ..., 'batch_stats': ...}, float32.
    layout: Whose layout the tensors had.
    note: What was assumed; '' for nothing.
  """

  generator: str
  scale: int
  args: dict[str, Any]
  variables: Variables
  layout: str
  note: str


def generators() -> list[str]:
  """Returns the generators that weights can be converted to."""
  return sorted({layout.generator for layout in layouts.layouts()})


def convert(
  tensors: Tensors, generator: str, *, origin: str, scale: int | None = None
) -> Converted:
  """Converts tensors to the variables of a generator.

  Args:
    tensors: By name, see `jsr.weights.tensors`.
    generator: Name in `jsr.models`.
    origin: Where they came from, for messages.
    scale: The factor, where the tensors do not tell it.

  Raises:
    UserError: No layout of this generator fits; the message names every tensor that is
      missing, unexpected, or has another shape.
  """
  for stranger in layouts.strangers():
    if all(any(re.fullmatch(m, name) for name in tensors) for m in stranger.marks):
      raise UserError(
        f'{origin} holds {stranger.title}, which is none of the networks here:'
        f' {stranger.why}'
      )
  if generator not in generators():
    raise unknown('network to convert weights to', generator, generators())
  tried = [(layout, layout.plan(tensors)) for layout in layouts.layouts()]
  ours = [pair for pair in tried if pair[0].generator == generator]
  layout, plan = max(ours, key=lambda pair: _rank(pair[1], tensors))
  problems = _problems(plan, tensors)
  if problems:
    raise UserError(_complaint(origin, generator, layout, problems, tried, tensors))
  if plan.scale is None and scale is None:
    raise UserError(
      f'{origin} does not tell the factor that it enlarges by: give it with --scale'
    )
  if plan.scale is not None and scale not in (None, plan.scale):
    raise UserError(f'{origin} enlarges {plan.scale} times: drop --scale {scale}')
  return Converted(
    generator,
    plan.scale or int(scale or 0),
    plan.args,
    _carry_out(plan, tensors),
    layout.title,
    plan.note,
  )


def variables(plan: Plan, tensors: Tensors, *, origin: str, title: str) -> Variables:
  """Converts tensors to the variables of a network that is no generator.

  Args:
    plan: Of its layout.
    tensors: By name.
    origin: Where they came from, for messages.
    title: Whose layout it is, for messages.

  Raises:
    UserError: They do not fit; the message names every tensor at fault.
  """
  problems = _problems(plan, tensors)
  if problems:
    raise UserError(f'{origin} does not fit {title}: {_told(problems)}')
  return _carry_out(plan, tensors)


def _carry_out(plan: Plan, tensors: Tensors) -> Variables:
  """Does what a plan without problems says."""
  flat = {}
  for rule in plan.rules:
    arrays = [np.asarray(tensors[s.name], np.float32) for s in rule.sources]
    # Not ascontiguousarray: that turns a scalar into a vector.
    flat[rule.target] = np.array(rule.transform(*arrays), np.float32, order='C')
  return model_file.nest(flat)


def _names(plan: Plan) -> set[str]:
  """All tensors that a plan knows of."""
  return {s.name for rule in plan.rules for s in rule.sources} | {
    fixed.name for fixed in plan.fixed
  }


def _rank(plan: Plan, tensors: Tensors) -> tuple[int, int]:
  """The plan that knows most of the tensors, and among those needs fewest others."""
  names = _names(plan)
  return len(names & tensors.keys()), -len(names)


def _problems(plan: Plan, tensors: Tensors) -> dict[str, list[str]]:
  """Everything that keeps a plan from being carried out, by kind."""
  missing: list[str] = []
  misshapen: list[str] = []
  bad: list[str] = []
  sources = {s.name: s.shapes for rule in plan.rules for s in rule.sources}
  for name, shapes in sources.items():
    if name not in tensors:
      missing.append(name)
    elif tensors[name].shape not in shapes:
      misshapen.append(
        f'{name} {_text(tensors[name].shape)} instead of {_text(shapes[0])}'
      )
    elif not _are_finite_floats(tensors[name]):
      bad.append(name)
  other = [
    fixed.name
    for fixed in plan.fixed
    if fixed.name in tensors and not _equal(tensors[fixed.name], fixed.value)
  ]
  known = _names(plan)
  unexpected = [
    name
    for name in tensors
    if name not in known and not any(re.fullmatch(p, name) for p in plan.ignored)
  ]
  found = {
    'missing': missing,
    'unexpected': unexpected,
    'misshapen': misshapen,
    'not finite numbers': bad,
    'other values than this network has built in': other,
  }
  return {kind: names for kind, names in found.items() if names}


def _complaint(
  origin: str,
  generator: str,
  layout: Layout,
  problems: Mapping[str, Iterable[str]],
  tried: Iterable[tuple[Layout, Plan]],
  tensors: Tensors,
) -> str:
  fits = [other for other, plan in tried if not _problems(plan, tensors)]
  if fits:
    return (
      f'{origin} holds no {generator}, its tensors are those of {fits[0].generator} as'
      f' {fits[0].title}: convert it with --as {fits[0].generator}'
    )
  return f'{origin} does not fit {generator} as {layout.title}: {_told(problems)}'


def _told(problems: Mapping[str, Iterable[str]]) -> str:
  return '; '.join(f'{kind}: {", ".join(names)}' for kind, names in problems.items())


def _are_finite_floats(x: np.ndarray) -> bool:
  # bfloat16 is of kind V to NumPy.
  if x.dtype.kind not in 'f' and x.dtype.name != 'bfloat16':
    return False
  return bool(np.isfinite(np.asarray(x, np.float64)).all())


def _equal(x: np.ndarray, value: np.ndarray) -> bool:
  if x.shape != value.shape or not _are_finite_floats(x):
    return False
  return bool(np.abs(x - value).max() <= 1e-4 * np.abs(value).max())


def _text(shape: Shape) -> str:
  return f'({", ".join(map(str, shape))})'
