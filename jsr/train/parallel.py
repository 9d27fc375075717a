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


def configure_for_training() -> None:
  """Chooses XLA's settings for training; call it before JAX touches a device.

  They are experimental, so only releases on which they were measured get them, and
  JSR_XLA_DEFAULT=1 leaves XLA as it is. Flags that the user set are kept.
  """
  flags = os.environ.get('XLA_FLAGS', '')
  version = tuple(int(part) for part in jax.__version__.split('.')[:2])
  wanted = os.environ.get('JSR_XLA_DEFAULT', '0') != '1' and version == (0, 10)
  if wanted and _YNN.split('=')[0] not in flags:
    os.environ['XLA_FLAGS'] = f'{flags} {_YNN}'.strip()


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

  def replicate(self, tree: Any) -> Any:
    """Puts a tree of arrays on every device."""
    # A copy, always: the step gives its buffers away, and the caller keeps his.
    return jax.device_put(jax.tree.map(jnp.copy, tree), self.replicated)

  def place(self, batches: Mapping[str, np.ndarray]) -> dict[str, Array]:
    """Puts this process's share of stacked batches (steps, n, ...) on its devices."""
    return {
      name: jax.make_array_from_process_local_data(self.split, value)
      for name, value in batches.items()
    }

  def compile_sampler(
    self, fn: Callable[[Any, Array], Mapping[str, Array]]
  ) -> Callable[[Any, Array], dict[str, Array]]:
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
  backend: str, batch_size: int, devices: list[jax.Device] | None = None
) -> Parallel:
  """Chooses devices and how to use them.

  Args:
    backend: 'jit', 'shard_map' or 'pmap'.
    batch_size: Of the global batch; every device gets the same share.
    devices: All of the run's devices if None.

  Raises:
    UserError: Unknown backend, or a batch that cannot be shared evenly.
  """
  if backend not in BACKENDS:
    raise errors.unknown('parallel backend', backend, BACKENDS)
  devices = devices or jax.devices()
  if batch_size % len(devices):
    raise errors.UserError(
      f'a batch of {batch_size} cannot be shared evenly by {len(devices)} devices;'
      ' set config.data.batch_size to a multiple of their number'
    )
  mesh = jax.make_mesh(
    (len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices
  )
  return Parallel(backend, mesh)
