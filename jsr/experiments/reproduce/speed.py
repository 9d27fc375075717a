"""Speed: images a second of each method of a table, and the ranking they give.

A network does the same arithmetic whatever its parameters are, so an untrained one is
as fast as a trained one: its speed is an honest figure, and each row says so.
"""

import dataclasses
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jsr import models
from jsr.experiments.reproduce import quoted
from jsr.experiments.reproduce.report import Block, Cell, Line
from jsr.ops import color, resize

SIZES = ((128, 128), (640, 480))
CALLS = 5
# Seconds for one method at one size; a slower method is called less often, and its
# row says how often.
BUDGET = 60.0
NOTE = 'untrained: speed does not depend on the weights'


@dataclasses.dataclass(frozen=True)
class Timing:
  """How fast a method enlarges.

  Attributes:
    seconds: Of one picture, the median of the calls.
    compile_seconds: Of tracing and compiling, which happens once.
    peak_bytes: Held by the compiled call: parameters, picture, result, and what lies
      between.
    calls: How many were timed.
    parameters: Trainable numbers; 0 for a method that has none.
  """

  seconds: float
  compile_seconds: float
  peak_bytes: int
  calls: int
  parameters: int


def enlarger(name: str, scale: int) -> tuple[Callable[..., Any], Any]:
  """Returns (variables, RGB (1, h, w, 3)) -> RGB, and variables drawn at random.

  A network of luma alone gets what it needs to make a picture: its chroma is enlarged
  by bicubic interpolation, and the conversions are part of the time.
  """
  model: Any = models.build(name, scale=scale)
  channels = 1 if model.color == 'y' else 3
  shapes = jax.eval_shape(
    model.init, jax.random.key(0), jnp.zeros((1, 16, 16, channels))
  )
  variables = jax.device_put(_drawn(shapes))

  def apply(v: Any, lr: jax.Array) -> Any:
    with jax.default_matmul_precision('highest'):
      if model.color != 'y':
        return model.apply(v, lr)
      planes = color.rgb_to_ycbcr(lr) / 255
      y = model.apply(v, planes[..., :1])
      chroma = resize.resize(planes[..., 1:], scale)
      return color.ycbcr_to_rgb(255 * jnp.concatenate([y, chroma], axis=-1))

  return apply, variables


def _drawn(shapes: Any) -> Any:
  """Draws variables of the size that keeps activations where they are.

  Values do not matter for the time as long as they neither vanish nor overflow; a large
  network's own initialisation takes minutes to compile.
  """
  rng = np.random.default_rng(0)

  def one(path: Any, leaf: Any) -> np.ndarray:
    if len(leaf.shape) > 1:
      gain = math.sqrt(2 / math.prod(leaf.shape[:-1]))
      return rng.normal(0, gain, leaf.shape).astype(leaf.dtype)
    name = str(path[-1].key)
    return np.full(leaf.shape, name not in ('bias', 'mean'), leaf.dtype)

  return jax.tree_util.tree_map_with_path(one, shapes)


def time_one(name: str, scale: int, width: int, height: int) -> Timing:
  """Times one generator on one size: warm-up, then at most `CALLS` timed calls."""
  apply, variables = enlarger(name, scale)
  lr = jax.random.uniform(jax.random.key(1), (1, height, width, 3))
  start = time.perf_counter()
  compiled = jax.jit(apply).lower(variables, lr).compile()
  compile_seconds = time.perf_counter() - start

  def call() -> float:
    start = time.perf_counter()
    jax.block_until_ready(compiled(variables, lr))
    return time.perf_counter() - start

  first = call()
  # The first call after compilation is the warm-up, unless it alone used the budget.
  calls = int(min(CALLS, BUDGET // (2 * first)))
  for _ in range(max(0, calls - 1)):
    call()
  times = sorted(call() for _ in range(calls)) or [first]
  return Timing(
    times[len(times) // 2],
    compile_seconds,
    _bytes(compiled),
    len(times),
    models.parameter_count({'params': {}, **variables}),
  )


def _bytes(compiled: Any) -> int:
  memory = compiled.memory_analysis()
  return int(
    memory.argument_size_in_bytes
    + memory.output_size_in_bytes
    + memory.temp_size_in_bytes
  )


def machine() -> dict[str, Any]:
  """Returns what the times belong to."""
  device = jax.devices()[0]
  return {
    'device': f'{device.device_kind}, {os.cpu_count()} cores',
    'precision': 'float32',
    'load': _load(),
  }


def _load() -> str:
  # Of a busy machine the ranking counts, not the seconds.
  return f'{os.getloadavg()[0]:.1f}' if hasattr(os, 'getloadavg') else 'unknown'


Timer = Callable[[str, int, int, int], Timing]


def blocks(
  table: quoted.Published,
  *,
  sizes: Sequence[tuple[int, int]] = SIZES,
  timer: Timer = time_one,
) -> list[Block]:
  """Times every method of a table at each (width, height), with the quoted ranking."""
  ranking = table.rankings['speed']
  made = []
  for width, height in sizes:
    timings = {
      m.key: timer(m.generator, table.scale, width, height)
      for m in table.methods
      if m.generator
    }
    lines = []
    for place, keys in enumerate(ranking, 1):
      for key in keys:
        title = table.method(key).title
        rank = Cell(str(place), float(place))
        lines.append(Line(title, 'quoted', 'ranking', (rank, *[Cell()] * 5)))
        if key in timings:
          lines.append(_line(title, timings[key], _rank(key, timings)))
    speeds = {key: 1 / t.seconds for key, t in timings.items()}
    words = [*disagreements(table, ranking, speeds, 'faster'), *_claim(table, timings)]
    made.append(
      Block(
        f'Speed: {width}×{height} to {width * table.scale}×{height * table.scale}',
        ('rank', 'images/s', 's/image', 'compilation, s', 'memory, MB', 'timed calls'),
        tuple(lines),
        tuple(words),
      )
    )
  return made


def _rank(key: str, timings: Mapping[str, Timing]) -> int:
  return 1 + sum(t.seconds < timings[key].seconds for t in timings.values())


def _line(title: str, timing: Timing, rank: int) -> Line:
  megabytes = timing.peak_bytes / 1e6
  cells = (
    Cell(str(rank), float(rank)),
    _significant(1 / timing.seconds),
    _significant(timing.seconds),
    _significant(timing.compile_seconds),
    Cell(f'{megabytes:.0f}', megabytes),
    Cell(str(timing.calls), float(timing.calls)),
  )
  note = f'{timing.parameters:,} parameters, {NOTE}' if timing.parameters else ''
  return Line(title, 'measured', '', cells, note)


def _significant(value: float) -> Cell:
  """Three digits, without an exponent."""
  digits = max(0, 2 - int(jnp.floor(jnp.log10(value)))) if value > 0 else 0
  return Cell(f'{value:.{digits}f}', value)


def disagreements(
  table: quoted.Published,
  ranking: Sequence[Sequence[str]],
  measured: Mapping[str, float],
  word: str,
) -> list[str]:
  """Says where a measured order disagrees with a quoted one.

  Args:
    table: For the titles.
    ranking: Methods, best first; those of one place are not compared.
    measured: {method: figure, higher is better}; a method that is missing is left out.
    word: What the better of two is called, such as 'faster'.
  """
  wrong, pairs = [], 0
  for i, above in enumerate(ranking):
    for below in ranking[i + 1 :]:
      for a in above:
        for b in below:
          if a in measured and b in measured:
            pairs += 1
            if measured[a] < measured[b]:
              wrong.append(
                f'{table.method(b).title} is {word} than {table.method(a).title}'
              )
  if not pairs:
    return ['Too little is measured to compare it with the quoted order.']
  if not wrong:
    return [f'The quoted order holds for all {pairs} pairs of different rank.']
  return [
    f'The quoted order holds for {pairs - len(wrong)} of {pairs} pairs of different'
    f' rank; here {"; ".join(wrong)}.'
  ]


def _claim(table: quoted.Published, timings: Mapping[str, Timing]) -> list[str]:
  """Report 004: Anime4K is 10 to 20 times as fast as the learned models."""
  learned = [key for group in table.rankings['speed'][2:] for key in group]
  if 'anime4k' not in timings:
    return []
  base = timings['anime4k'].seconds
  ratios = ', '.join(
    f'{_significant(timings[key].seconds / base).text} times as fast as'
    f' {table.method(key).title}'
    for key in learned
    if key in timings
  )
  return [
    f'The report calls Anime4K 10 to 20 times as fast as the learned models; here it is'
    f' {ratios}.'
  ]
