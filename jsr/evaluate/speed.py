"""How fast a method is: one picture size, warmed up, every method alike.

Five calls are not counted, then five are, from the LR array on the host to the uint8
result there; the time is their median. Compilation is told apart, and so is the memory
that the compiled network needs on its device: parameters, input, output and what it
holds between, as the compiler plans it.

Customary sizes are 640 x 480, and 128 x 128 for the tiles of report 004.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jsr.evaluate import table
from jsr.evaluate.methods import Method
from jsr.evaluate.network import Network

WARM_UP, TIMED = 5, 5


def _picture(width: int, height: int) -> np.ndarray:
  """Noise: nothing about it can be skipped."""
  generator = np.random.default_rng(0)
  return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)


def measure(method: Method, scale: int, size: tuple[int, int]) -> dict[str, Any]:
  """Times one method.

  Args:
    method: See `jsr.evaluate.methods.resolve`.
    scale: The factor.
    size: (width, height) of the LR picture.

  Returns:
    'method', 'scale', 'width', 'height', 'seconds_per_image', 'images_per_second',
    'compile_seconds' and 'memory_bytes' (None for interpolations), 'precision'.
  """
  lr = _picture(*size)
  compiling, memory = None, None
  if isinstance(method, Network):
    compiling, memory = _compile(method, scale, lr)
  seconds = []
  for i in range(WARM_UP + TIMED):
    start = time.perf_counter()
    method.upscale_uint8(lr, scale)  # A host array: the device has finished.
    if i >= WARM_UP:
      seconds.append(time.perf_counter() - start)
  median = statistics.median(seconds)
  return {
    'method': method.label,
    'scale': scale,
    'width': size[0],
    'height': size[1],
    'seconds_per_image': median,
    'images_per_second': 1 / median,
    'compile_seconds': compiling,
    'memory_bytes': memory,
    'precision': 'float32' if isinstance(method, Network) else 'uint8, exact',
  }


def _compile(method: Network, scale: int, lr: np.ndarray) -> tuple[float, int | None]:
  """Returns the seconds of compilation, and the bytes that the program needs."""
  channels = 1 if method.color == 'y' else 3
  x = jnp.zeros((1, *lr.shape[:2], channels))
  traced = method.program(scale).lower(method.variables, x)
  start = time.perf_counter()
  compiled = traced.compile()
  seconds = time.perf_counter() - start
  plan = compiled.memory_analysis()
  if plan is None:
    return seconds, None
  return seconds, int(
    plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
  )


def text(rows: Sequence[Mapping[str, Any]]) -> str:
  """Prints speeds for a terminal, fastest first; ends in a newline."""
  if not rows:
    return 'no speed: pictures made elsewhere take no time\n'
  first = rows[0]
  device = jax.devices()[0].device_kind
  lines = [
    f'speed at {first["width"]} x {first["height"]} ×{first["scale"]} on {device},'
    f' median of {TIMED} calls after {WARM_UP}'
  ]
  width = max(len(row['method']) for row in rows)
  lines.append(f'  {"":{width}}   s/image  images/s  compile s  memory MB')
  for row in sorted(rows, key=lambda r: r['seconds_per_image']):
    compiling, memory = row['compile_seconds'], row['memory_bytes']
    lines.append(
      f'  {row["method"]:{width}}  {row["seconds_per_image"]:8.4f}'
      f'  {row["images_per_second"]:8.2f}'
      f'  {table.number(compiling, 2):>9}'
      f'  {table.number(None if memory is None else memory / 1e6, 1):>9}'
    )
  return '\n'.join(lines) + '\n'
