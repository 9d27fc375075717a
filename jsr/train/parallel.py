"""Devices: the only file that says mesh, pmap or shard_map.

A step comes in as a pure function and goes out compiled, in one of three ways that give
the same numbers:

- 'jit' (default): the global view. The batch is sharded over the mesh, the state
  replicated, and XLA inserts the reductions.
- 'shard_map': every device runs the step on its share, with explicit means.
- 'pmap': the same by JAX's older interface, in maintenance mode, for code that is
  still written around it.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jsr import errors
from jsr.train.steps import Step
from jsr.types import Array, Metrics
from jsr.weights import fetch

AXIS = 'data'
BACKENDS = ('jit', 'shard_map', 'pmap')
# `(state, batches, rng) -> (state, metrics)`; batches and metrics are stacked over the
# steps of one dispatch.
CompiledStep = Callable[[Any, Mapping[str, Array], Array], tuple[Any, Metrics]]

# Measured on two Zen 5 cores, jax 0.10: a training step takes 0.58 (EDSR), 0.76 (SRGAN)
# and 0.88 (RRDB) of its time with these fusions. They slow inference down (SRResNet
# 1.75 times), so only training asks for them.
_YNN = (
  '--xla_cpu_experimental_ynn_fusion_type='
  'LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE'
)


# Without it cuDNN's gradients and scatters differ in their last bits from run to run.
_DETERMINISTIC = '--xla_gpu_deterministic_ops=true'


def configure_for_training(*, deterministic: bool = False) -> None:
  """Chooses XLA's settings for training; call it before JAX touches a device.

  They are experimental, so only releases on which they were measured get them, and
  JSR_XLA_DEFAULT=1 leaves XLA as it is. Flags that the user set are kept. Compiled
  steps are kept too, in `$JSR_CACHE/compiled` or JAX_COMPILATION_CACHE_DIR.

  Args:
    deterministic: A GPU shall give equal bits at each rerun, as a CPU does anyway.

  Raises:
    UserError: The user's own flags forbid what `deterministic` asks for.
  """
  flags = os.environ.get('XLA_FLAGS', '')
  version = tuple(int(part) for part in jax.__version__.split('.')[:2])
  wanted = os.environ.get('JSR_XLA_DEFAULT', '0') != '1' and version == (0, 10)
  if wanted and _YNN.split('=')[0] not in flags:
    flags = f'{flags} {_YNN}'.strip()
  if deterministic:
    name = _DETERMINISTIC.split('=')[0]
    given = [flag for flag in flags.split() if flag.split('=')[0] == name]
    if given and given[-1] not in (name, _DETERMINISTIC):
      raise errors.UserError(
        f'--deterministic and XLA_FLAGS={given[-1]} contradict each other: leave one'
      )
    if not given:
      flags = f'{flags} {_DETERMINISTIC}'.strip()
  if flags:
    os.environ['XLA_FLAGS'] = flags
  if not os.environ.get('JAX_COMPILATION_CACHE_DIR'):
    # A run that starts again, or rolls back, finds its steps compiled.
    folder = fetch.cache_dir() / 'compiled'
    jax.config.update('jax_compilation_cache_dir', str(folder))


def steps_per_dispatch(setting: int) -> int:
  """Resolves `config.train.steps_per_dispatch`; 0 means the backend's best.

  A scan over steps saves dispatch time on a GPU. On a CPU the gradient of a convolution
  inside a scan is 50 times slower, so there it is always 1.
  """
  if jax.default_backend() == 'cpu':
    return 1
  return setting or 10


@dataclasses.dataclass(frozen=True)
class Parallel:
  """How steps are spread over devices.

  Attributes:
    backend: One of BACKENDS.
    mesh: One axis, 'data'.
  """

  backend: str
  mesh: jax.sharding.Mesh

  @property
  def replicated(self) -> NamedSharding:
    """Where the state lives: everywhere."""
    return NamedSharding(self.mesh, P())

  @property
  def split(self) -> NamedSharding:
    """Where stacked batches (steps, N, ...) live: spread over their second axis."""
    return NamedSharding(self.mesh, P(None, AXIS))

  def put(self, tree: Any) -> Any:
    """Puts a tree of arrays, the same in every process, on every device."""
    if jax.process_count() == 1:
      return jax.device_put(tree, self.replicated)

    def one(x: np.ndarray) -> Array:
      # Each process hands its own copy to its own devices, and to nothing else.
      return jax.make_array_from_callback(x.shape, self.replicated, lambda i: x[i])

    return jax.tree.map(lambda x: one(np.asarray(x)), jax.device_get(tree))

  def replicate(self, tree: Any) -> Any:
    """Does `put` with a copy: the step gives its buffers away, the caller keeps his."""
    return self.put(jax.tree.map(jnp.copy, tree))

  def key(self, seed: int, *folds: int) -> Array:
    """Makes a random key on every device: that of a seed, folded with numbers."""

    def make() -> Array:
      key = jax.random.key(seed)
      for number in folds:
        key = jax.random.fold_in(key, number)
      return key

    return jax.jit(make, out_shardings=self.replicated)()

  @functools.cached_property
  def largest(self) -> Callable[[int], Array]:
    """What reduces a number of each process to the largest; it does not wait."""
    reduce = jax.jit(jnp.max, out_shardings=self.replicated)
    spread = NamedSharding(self.mesh, P(AXIS))
    n = len(self.mesh.local_devices)

    def run(mine: int) -> Array:
      local = np.full(n, mine, np.int32)
      return reduce(jax.make_array_from_process_local_data(spread, local))

    return run

  def place(self, batches: Mapping[str, np.ndarray]) -> dict[str, Array]:
    """Puts this process's share of stacked batches (steps, n, ...) on its devices."""
    return {
      name: jax.make_array_from_process_local_data(self.split, value)
      for name, value in batches.items()
    }

  def compile_sampler(
    self, fn: Callable[[Any, Array], Mapping[str, Array]]
  ) -> Callable[[Any, np.ndarray], dict[str, Array]]:
    """Compiles `(data set, steps) -> stacked batches` of a device-resident source."""
    many = jax.vmap(fn, in_axes=(None, 0))
    return jax.jit(many, out_shardings=self.split)

  def compile(
    self, make_step: Callable[..., Step], *, remat: bool = False
  ) -> CompiledStep:
    """Compiles a step; the state passed in may be donated: do not use it again.

    Args:
      make_step: Takes `axis_name` and returns the step.
      remat: The step rematerialises, and shall save memory by it on a CPU too (not
        with pmap, which takes no compiler options).

    Returns:
      A function of (state, batches, rng), where batches are stacked over the steps of
      one dispatch. Metrics come back stacked likewise.
    """
    options = None
    if remat and jax.default_backend() == 'cpu':
      # There XLA drops the barriers before it looks for common subexpressions, and so
      # stores what was to be computed again.
      options = {'xla_disable_hlo_passes': 'cse_barrier_expander'}
    if self.backend == 'jit':
      return jax.jit(
        _over_steps(make_step(axis_name=None)),
        in_shardings=(self.replicated, self.split, self.replicated),
        out_shardings=(self.replicated, self.replicated),
        donate_argnums=0,
        compiler_options=options,
      )
    step = _over_steps(make_step(axis_name=AXIS))
    if self.backend == 'shard_map':
      # check_vma=False: a pmean of gradients then means what it says.
      mapped = jax.shard_map(
        step,
        mesh=self.mesh,
        in_specs=(P(), P(None, AXIS), P()),
        out_specs=(P(), P()),
        check_vma=False,
      )
      return jax.jit(mapped, donate_argnums=0, compiler_options=options)
    n = self.mesh.size
    mapped = jax.pmap(
      step,
      AXIS,
      in_axes=(None, 1, None),
      out_axes=(None, None),
      devices=list(self.mesh.devices.flat),
    )

    def run(
      state: Any, batches: Mapping[str, Array], rng: Array
    ) -> tuple[Any, Metrics]:
      shares = {
        name: x.reshape(x.shape[0], n, x.shape[1] // n, *x.shape[2:])
        for name, x in batches.items()
      }
      return mapped(state, shares, rng)

    return run


def _over_steps(step: Step) -> CompiledStep:
  """Runs a step over the first axis of its batches."""

  def run(state: Any, batches: Mapping[str, Array], rng: Array) -> tuple[Any, Metrics]:
    if next(iter(batches.values())).shape[0] == 1:
      state, metrics = step(state, {k: v[0] for k, v in batches.items()}, rng)
      return state, {name: value[None] for name, value in metrics.items()}
    return jax.lax.scan(lambda s, b: step(s, b, rng), state, dict(batches))

  return run


def make(
  backend: str,
  batch_size: int,
  devices: list[jax.Device] | None = None,
  *,
  accumulate: int = 1,
  low_precision: bool = False,
) -> Parallel:
  """Chooses devices and how to use them.

  Args:
    backend: 'jit', 'shard_map' or 'pmap'.
    batch_size: Of the global batch; every device gets the same share.
    devices: All of the run's devices if None.
    accumulate: Parts that each device cuts its share into.
    low_precision: Networks compute in fewer bits than their parameters have. XLA, which
      puts the reductions of the form 'jit' in, then reduces gradients over devices
      before they become float32; 'shard_map' takes its place, and does it afterwards.

  Raises:
    UserError: Unknown backend, one that works in one process only, or a batch that
      cannot be shared evenly.
  """
  if backend not in BACKENDS:
    raise errors.unknown('parallel backend', backend, BACKENDS)
  if backend == 'pmap' and jax.process_count() > 1:
    raise errors.UserError(
      'config.train.parallel=pmap works in one process; jit and shard_map work in'
      ' several'
    )
  devices = devices or jax.devices()
  if low_precision and backend == 'jit' and len(devices) > 1:
    backend = 'shard_map'
  if batch_size % (len(devices) * accumulate):
    parts = f' in {accumulate} parts each' * (accumulate > 1)
    raise errors.UserError(
      f'a batch of {batch_size} cannot be shared evenly by {len(devices)}'
      f' devices{parts}; set config.data.batch_size to a multiple of'
      f' {len(devices) * accumulate}'
    )
  mesh = jax.make_mesh(
    (len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices
  )
  return Parallel(backend, mesh)
