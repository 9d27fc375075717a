"""Engines that run a network as ONNX on a CPU: OpenVINO and onnxruntime.

Both are optional packages. The network is written as ONNX when the engine is made; for
8-bit arithmetic a file that `quantize` wrote before is read.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from jsr import errors
from jsr.evaluate.network import Network
from jsr.upscale import engines, onnx_export, onnx_trace, quantize

Run = Callable[[np.ndarray], np.ndarray]
# Compiled programs that an engine keeps. An upscaler sends one shape; a smaller last
# batch or a second picture is no reason to compile twice.
_KEPT = 4


@functools.cache
def core() -> Any:
  """Returns OpenVINO's runtime.

  Raises:
    UserError: It is not installed.
  """
  return engines.optional('openvino', 'onnx').Core()


def has_bfloat16() -> bool:
  """Whether this CPU multiplies in bfloat16."""
  return 'BF16' in core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


class _OnnxEngine:
  """What both have in common: programs by shape, and pictures that are too small.

  Args:
    network: What computes.
    scale: A factor that it serves.
    precision: 'float32', 'bfloat16' or 'int8'.
    model: The ONNX file's content; None: the network is written as one.
  """

  name = ''

  def __init__(
    self,
    network: Network,
    scale: int,
    precision: str = 'float32',
    model: bytes | None = None,
  ):
    self.precision = precision
    self._network, self._scale = network, scale
    if model is None:
      model = onnx_export.to_onnx(network, scale).SerializeToString()
    self._model = model
    self._compiled = functools.lru_cache(_KEPT)(self._compile)

  def _compile(self, shape: tuple[int, ...]) -> Run:
    """Returns a program for NHWC tiles of one shape; each library has its own."""
    raise NotImplementedError

  @functools.cached_property
  def _small(self) -> engines.JaxEngine:
    return engines.JaxEngine(self._network, self._scale)

  def __call__(self, tiles: np.ndarray) -> np.ndarray:
    """See `engines.Engine`."""
    if min(tiles.shape[1:3]) < onnx_trace.SMALLEST:
      return self._small(tiles)
    tiles = np.ascontiguousarray(tiles, np.float32)
    with engines.memory_errors():
      return self._compiled(tiles.shape)(tiles)


class OpenVinoEngine(_OnnxEngine):
  """OpenVINO on the CPU; every program is compiled for one fixed shape.

  Raises:
    UserError: It is not installed, or the CPU has no bfloat16 arithmetic.
  """

  name = 'openvino'

  def __init__(
    self,
    network: Network,
    scale: int,
    precision: str = 'float32',
    model: bytes | None = None,
  ):
    if precision == 'bfloat16' and not has_bfloat16():
      raise errors.UserError(
        'this CPU has no bfloat16 arithmetic for OpenVINO: leave --precision at float32'
      )
    core()
    super().__init__(network, scale, precision, model)

  def _compile(self, shape: tuple[int, ...]) -> Run:
    compiled = compile_openvino(self._model, shape, self.precision)
    request = compiled.create_infer_request()
    tensor = engines.optional('openvino', 'onnx').Tensor
    size = tuple(compiled.output(0).shape)

    def run(tiles: np.ndarray) -> np.ndarray:
      # Into an array of the caller's own: the next call would overwrite a shared one.
      result = np.empty(size, np.float32)
      request.set_input_tensor(tensor(tiles, shared_memory=True))
      request.set_output_tensor(tensor(result, shared_memory=True))
      request.infer()
      return result

    return run


def compile_openvino(
  model: bytes, shape: tuple[int, ...], precision: str, **options: Any
) -> Any:
  """Compiles an ONNX model for NHWC float32 tiles of one shape.

  Args:
    model: The file's content; its pictures are NCHW.
    shape: (N, h, w, C).
    precision: 'float32', 'bfloat16' or 'int8'.
    **options: Properties of OpenVINO's CPU device.
  """
  openvino = engines.optional('openvino', 'onnx')
  read = core().read_model(model)
  n, h, w, c = shape
  read.reshape([n, c, h, w])
  process = openvino.preprocess.PrePostProcessor(read)
  layout = openvino.Layout
  process.input().tensor().set_layout(layout('NHWC'))
  process.input().model().set_layout(layout('NCHW'))
  process.output().model().set_layout(layout('NCHW'))
  process.output().tensor().set_layout(layout('NHWC'))
  properties = {
    # Left to itself OpenVINO takes bfloat16 where the CPU has it.
    'INFERENCE_PRECISION_HINT': 'bf16' if precision == 'bfloat16' else 'f32',
    'PERFORMANCE_HINT': 'LATENCY',
    **options,
  }
  return core().compile_model(process.build(), 'CPU', properties)


class OnnxRuntimeEngine(_OnnxEngine):
  """onnxruntime on the CPU, in float32 or 8 bits.

  Raises:
    UserError: It is not installed, or bfloat16 was asked for.
  """

  name = 'onnxruntime'

  def __init__(
    self,
    network: Network,
    scale: int,
    precision: str = 'float32',
    model: bytes | None = None,
  ):
    if precision == 'bfloat16':
      raise errors.UserError(
        'onnxruntime has no bfloat16 on a CPU: leave --precision at float32'
      )
    self._package = engines.optional('onnxruntime', 'onnx')
    super().__init__(network, scale, precision, model)

  def _compile(self, shape: tuple[int, ...]) -> Run:
    return self._run

  def _run(self, tiles: np.ndarray) -> np.ndarray:
    x = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))
    (y,) = self._session.run(None, {onnx_export.INPUT: x})
    return y.transpose(0, 2, 3, 1)

  @functools.cached_property
  def _session(self) -> Any:
    options = self._package.SessionOptions()
    options.log_severity_level = 3  # Errors; they are raised too.
    return self._package.InferenceSession(
      self._model, options, providers=['CPUExecutionProvider']
    )


def installed() -> str:
  """Returns the faster engine that is installed; '' for none."""
  for package in ('openvino', 'onnxruntime'):
    with contextlib.suppress(errors.UserError):
      engines.optional(package, 'onnx')
      return package
  return ''


def make(network: Network, scale: int, kind: str, precision: str) -> engines.Engine:
  """Builds one of these engines.

  Args:
    network: The network.
    scale: A factor that it serves.
    kind: 'openvino', 'onnxruntime', or 'onnx' for the first of them that is installed.
    precision: 'float32', 'bfloat16' or 'int8'.

  Raises:
    UserError: A package is missing, the engine or the CPU cannot compute in this
      precision, the network cannot be written as ONNX, or there is no 8-bit form of it.
  """
  if kind == 'onnx':
    kind = installed() or 'openvino'  # Its absence is told in the user's words.
  model = quantize.find(network, scale) if precision == 'int8' else None
  return build(network, scale, kind, precision, model)


def build(
  network: Network, scale: int, kind: str, precision: str, model: bytes | None
) -> engines.Engine:
  """Builds the engine for an ONNX file; see `make`, and the engines for `model`."""
  cls = OpenVinoEngine if kind == 'openvino' else OnnxRuntimeEngine
  return cls(network, scale, precision, model)
