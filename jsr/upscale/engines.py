"""What computes a network's tiles: JAX, OpenVINO or onnxruntime.

An engine is a function of arrays: float32 (N, h, w, C) in [0, 1] to float32
(N, h * s, w * s, C), not clipped; C is 1 for a network on luma and 3 for the others. A
program is compiled for each new shape, so send tiles of one shape.

In float32 every engine gives what the network gives, to float rounding: a GPU's TF32
and OpenVINO's habit of choosing bfloat16 by itself are turned off.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jsr import errors
from jsr.evaluate.network import Network

KINDS = ('auto', 'jax', 'onnx', 'openvino', 'onnxruntime')
PRECISIONS = ('float32', 'bfloat16', 'int8')
# What allocators write into their errors, where they have no type of their own.
_MEMORY = ('resource_exhausted', 'bad_alloc', 'out of memory', 'failed to allocate')


class OutOfMemory(Exception):  # noqa: N818  A state of the machine, no mistake.
  """The tile was too large for the memory of the device."""


class Engine(Protocol):
  """See the top of the file.

  Attributes:
    name: 'jax', 'openvino' or 'onnxruntime'.
    precision: 'float32', 'bfloat16' or 'int8'.
  """

  name: str
  precision: str

  def __call__(self, tiles: np.ndarray) -> np.ndarray:
    """Enlarges tiles.

    Raises:
      OutOfMemory: They do not fit.
    """


@contextmanager
def memory_errors() -> Iterator[None]:
  """Turns each library's complaint about memory into `OutOfMemory`."""
  try:
    yield
  except MemoryError as error:
    raise OutOfMemory(str(error)) from error
  except Exception as error:  # Each library has a kind of its own.
    if any(words in str(error).lower() for words in _MEMORY):
      raise OutOfMemory(errors.first_line(error)) from error
    raise


class JaxEngine:
  """The network itself, jitted, on JAX's first device.

  Args:
    network: What computes.
    scale: A factor that it serves.
    precision: 'float32', or 'bfloat16' for products in bfloat16 with float32 results.
  """

  name = 'jax'

  def __init__(self, network: Network, scale: int, precision: str = 'float32'):
    self.precision = precision
    # A dtype that the model was trained with is no part of the result.
    dtype = jnp.bfloat16 if precision == 'bfloat16' else None
    network = with_dtype(network, dtype)
    self._program, self._variables = network.program(scale), network.variables

  def __call__(self, tiles: np.ndarray) -> np.ndarray:
    """See `Engine`."""
    with memory_errors():
      return np.asarray(self._program(self._variables, jnp.asarray(tiles, jnp.float32)))


def optional(package: str, extra: str) -> Any:
  """Imports a package that not everybody has.

  Args:
    package: Its name.
    extra: The optional dependency of jsr that brings it.

  Raises:
    UserError: It is not installed.
  """
  # OpenVINO's telemetry sends without being asked, from a forked process, which can
  # deadlock JAX. It leaves it out where the package cannot be imported.
  sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]
  try:
    return importlib.import_module(package)
  except ImportError as error:
    raise errors.UserError(
      f"this needs the package '{package}': {errors.install(extra)}"
    ) from error


def with_dtype(network: Network, dtype: Any) -> Network:
  """Returns the network with another dtype of its computation; same parameters."""
  args = {**network.args, 'dtype': dtype}
  if dtype == network.args.get('dtype'):
    return network  # With the programs that it has compiled.
  return Network(
    network.label, network.generator, network.scale, args, network.variables
  )


def make(
  network: Network, scale: int, kind: str = 'auto', precision: str | None = None
) -> Engine:
  """Chooses and builds what computes a network.

  Args:
    network: The network.
    scale: A factor that it serves.
    kind: 'jax'; 'onnx' for OpenVINO or, without it, onnxruntime; 'openvino' or
      'onnxruntime' by name; 'auto' for the fastest that is installed and can run the
      network, see `_automatic`.
    precision: 'float32', 'bfloat16' or 'int8'; None for float32.

  Raises:
    UserError: No such kind or precision, a package is missing, the network does not
      serve the factor, or there is no 8-bit form of it yet.
  """
  if kind not in KINDS:
    raise errors.unknown('engine', kind, KINDS)
  precision = precision or 'float32'
  if precision not in PRECISIONS:
    raise errors.unknown('precision', precision, PRECISIONS)
  network.check_scale(scale)
  if kind == 'auto':
    return _automatic(network, scale, precision)
  if kind == 'jax':
    if precision == 'int8':
      raise errors.UserError(
        "the engine 'jax' has no 8-bit arithmetic: use the engine onnx"
      )
    return JaxEngine(network, scale, precision)
  from jsr.upscale import onnx_engine

  return onnx_engine.make(network, scale, kind, precision)


def _automatic(network: Network, scale: int, precision: str) -> Engine:
  """Returns the fastest engine, of those that are installed and can.

  On a CPU that is OpenVINO or, without it, onnxruntime for small networks
  (docs/performance.md), and what `choice` measures for large ones; on other devices,
  and for networks without parameters, JAX.
  """
  from jsr.upscale import choice, onnx_engine

  if precision == 'int8':
    return onnx_engine.make(network, scale, 'onnx', precision)
  kind = onnx_engine.installed() if network.variables else ''
  ours = JaxEngine(network, scale, precision)
  if not kind or jax.default_backend() != 'cpu':
    return ours
  try:
    other = onnx_engine.make(network, scale, kind, precision)
  except errors.UserError:
    return ours
  if choice.small(network):
    return other
  return choice.faster(network, scale, other, ours)
