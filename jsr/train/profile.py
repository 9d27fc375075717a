"""`jsr train --profile`: where the time of a step goes, on one page and as a trace.

After some steps to warm up, so many are timed, and a few more are recorded by JAX's
profiler; the run then goes on. Evaluations and checkpoints in between are left out of
the time.
"""

import contextlib
import dataclasses
import functools
import pathlib
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jsr.train import recipe
from jsr.types import Array

FOLDER = 'profile'
FILE = 'summary.md'
# Steps before anything is measured, those timed, and those recorded: a trace of one
# second of a small network is tens of megabytes.
WARM, TIMED, TRACED = 5, 20, 5
ALL = WARM + TIMED + TRACED


class Profile:
  """Measures some steps of a run.

  Args:
    folder: Gets the trace and the page.
    step: First step of the run.

  Attributes:
    unfinished: Whether there is no page yet.
  """

  def __init__(self, folder: pathlib.Path, step: int):
    self._folder = folder
    self._timed_from = step + WARM
    self._traced_from = self._timed_from + TIMED
    self._end = self._traced_from + TRACED
    self._started = self._aside = self._waited = 0.0
    self._steps = 0
    self._first = 0
    self._tracing = False
    self._seconds: float | None = None
    self.unfinished = True

  def waited(self, seconds: float) -> None:
    """Counts time in which the devices had nothing to do for lack of a batch."""
    if self._seconds is None:
      self._waited += seconds

  @contextlib.contextmanager
  def aside(self, metrics: Any) -> Iterator[None]:
    """Leaves what happens inside out of the time.

    Args:
      metrics: Results of the last dispatch, which is waited for first.
    """
    if self._steps and not self._tracing:
      jax.block_until_ready(metrics)
      start = time.perf_counter()
      yield
      self._aside += time.perf_counter() - start
    else:
      yield

  def after(self, step: int, metrics: Any, facts: 'GetFacts') -> pathlib.Path | None:
    """Looks at the clock after a dispatch, and writes the page after the last one.

    Args:
      step: Steps done.
      metrics: Results of the dispatch.
      facts: Gathers what the clock does not know.

    Returns:
      The page, once.
    """
    if self._started == 0.0:
      if step >= self._timed_from:
        jax.block_until_ready(metrics)
        self._first, self._steps = step, 1
        self._aside = self._waited = 0.0
        self._started = time.perf_counter()
      return None
    if self._seconds is None:
      if step >= self._traced_from:
        jax.block_until_ready(metrics)
        passed = time.perf_counter() - self._started - self._aside
        self._steps = step - self._first
        self._seconds = passed / self._steps
        self._folder.mkdir(parents=True, exist_ok=True)
        jax.profiler.start_trace(str(self._folder))
        self._tracing = True
      return None
    if not self._tracing or step < self._end:
      return None
    self.close(metrics)
    return self._write(facts())

  def close(self, metrics: Any = None) -> None:
    """Ends a trace that is open."""
    if self._tracing:
      jax.block_until_ready(metrics)
      jax.profiler.stop_trace()
      self._tracing = False

  def _write(self, facts: 'Facts') -> pathlib.Path:
    assert self._seconds is not None
    self.unfinished = False
    wait = min(1.0, self._waited / (self._seconds * self._steps))
    rate, peak = facts.flops / self._seconds, facts.peak
    rows = {
      'devices': facts.devices,
      'precision': facts.precision,
      'batch': f'{facts.batch_size} patches of {facts.patch_size} x {facts.patch_size}',
      'time a step': f'{1e3 * self._seconds:.4g} ms (mean of {self._steps} steps)',
      'images a second': f'{facts.batch_size / self._seconds:.4g}',
      'waiting for input': f'{100 * wait:.2g} % of the time at most',
      'operations a step': f'{facts.flops / 1e9:.4g} GFLOP',
      'rate': f'{rate / 1e12:.4g} TFLOP/s, {100 * rate / peak:.3g} % of the peak',
      'peak': f'{peak / 1e12:.4g} TFLOP/s, measured by multiplying matrices',
      'peak memory': f'{facts.memory / 2**20:,.0f} MiB {facts.memory_of}',
    }
    lines = [f'| {name} | {value} |' for name, value in rows.items()]
    path = self._folder / FILE
    path.write_text(
      '\n'.join(
        [
          '# Profile of a training run',
          '',
          '| what | value |',
          '|---|---|',
          *lines,
          '',
          'The operations are counted by XLA on the step as it is written, with what'
          ' rematerialisation computes again. Open the trace beside this file'
          ' (`plugins/profile/`) in Perfetto (ui.perfetto.dev takes'
          ' the `.trace.json.gz`)'
          " or with TensorBoard's profile plugin.",
          '',
        ]
      )
    )
    return path


class Off:
  """What runs without a profile have in place of `Profile`."""

  unfinished = False

  def waited(self, seconds: float) -> None:
    """Counts nothing."""

  def aside(self, metrics: Any) -> contextlib.AbstractContextManager[None]:
    """Leaves nothing out."""
    return contextlib.nullcontext()

  def after(self, step: int, metrics: Any, facts: 'GetFacts') -> None:
    """Never has a page."""

  def close(self, metrics: Any = None) -> None:
    """Has nothing to close."""


@dataclasses.dataclass(frozen=True)
class Facts:
  """What a profile says beside times.

  Attributes:
    devices: How many and of which kind.
    precision: In which networks compute.
    batch_size: N of the global batch.
    patch_size: P of HR, in pixels.
    flops: Floating-point operations of a step, over all devices.
    peak: Floating-point operations a second that all devices can do.
    memory: Most bytes in use.
    memory_of: Where.
  """

  devices: str
  precision: str
  batch_size: int
  patch_size: int
  flops: float
  peak: float
  memory: int
  memory_of: str


GetFacts = Callable[[], Facts]


def collect(
  plan: recipe.Recipe, state: Any, batches: Mapping[str, Array], rng: Array
) -> Facts:
  """Gathers the facts of a run.

  Args:
    plan: The recipe.
    state: Of the run.
    batches: Of a dispatch, stacked.
    rng: The run's key.
  """
  config, devices = plan.config, jax.devices()
  memory, where = peak_memory()
  dtype = recipe.PRECISIONS[config.train.precision] or jnp.float32
  # Virtual devices share the cores of one CPU.
  n = 1 if devices[0].platform == 'cpu' else len(devices)
  return Facts(
    devices=f'{len(devices)} x {devices[0].device_kind}',
    precision=config.train.precision,
    batch_size=config.data.batch_size,
    patch_size=config.data.patch_size,
    # With several factors the steps take turns.
    flops=statistics.fmean(
      count_flops(plan, state, batches, rng, scale) for scale in plan.scales
    ),
    peak=n * matmul_peak(dtype),
    memory=memory,
    memory_of=where,
  )


def count_flops(
  plan: recipe.Recipe,
  state: Any,
  batches: Mapping[str, Array],
  rng: Array,
  scale: int | None = None,
) -> float:
  """Counts the floating-point operations of one step on the whole batch.

  Args:
    plan: The recipe.
    state: Its state; arrays or their shapes.
    batches: Stacked batches; arrays or their shapes.
    rng: The run's key.
    scale: The factor that the step trains; None: the config's.
  """
  config = plan.config.copy_and_resolve_references()
  with config.unlocked():
    config.train.accumulate = 1  # XLA counts the body of a loop once.
  step = dataclasses.replace(plan, config=config).make_step(axis_name=None, scale=scale)
  one = {
    name: jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for name, x in batches.items()
  }
  shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (state, rng))
  return operations(step, shapes[0], one, shapes[1])


def operations(step: Callable[..., Any], *shapes: Any) -> float:
  """Counts the floating-point operations of a function, before XLA optimises it.

  Args:
    step: The function, uncompiled.
    *shapes: Of its arguments; nothing is computed.
  """
  cost = jax.jit(step).lower(*shapes).cost_analysis()
  return float((cost or {}).get('flops', 0.0))


@functools.lru_cache(maxsize=2)
def matmul_peak(dtype: Any, seconds: float = 1.0) -> float:
  """Measures how many operations a second one device does when it multiplies matrices.

  Args:
    dtype: Of the matrices.
    seconds: For how long to try.
  """
  n = 2048 if jax.default_backend() == 'cpu' else 8192
  x = jax.device_put(jnp.ones((n, n), dtype), jax.local_devices()[0])
  multiply = jax.jit(jnp.matmul)
  jax.block_until_ready(multiply(x, x))
  best, start = float('inf'), time.perf_counter()
  while time.perf_counter() - start < seconds or best == float('inf'):
    before = time.perf_counter()
    jax.block_until_ready(multiply(x, x))
    best = min(best, time.perf_counter() - before)
  return 2 * n**3 / best


def peak_memory() -> tuple[int, str]:
  """Returns the most bytes that were in use, and of what."""
  stats = [device.memory_stats() or {} for device in jax.local_devices()]
  peaks = [int(s['peak_bytes_in_use']) for s in stats if 'peak_bytes_in_use' in s]
  if peaks:
    return max(peaks), 'of the fullest device'
  unit = 1 if sys.platform == 'darwin' else 1024
  used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return unit * used, 'of the process, with all that it has loaded'
