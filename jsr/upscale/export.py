"""Files that run a network elsewhere: ONNX, StableHLO, safetensors, 8-bit ONNX.

Height and width stay open. A file is run again before it is handed over, by every
program at hand that reads its format, at three sizes of which one is odd, and compared
with the network itself; a file that differs is not written.
"""

import os
import pathlib
from collections.abc import Callable, Iterator

import jax
import numpy as np

from jsr import errors
from jsr.evaluate import conversion, methods, output
from jsr.evaluate.network import Network
from jsr.metrics import fidelity
from jsr.models import layers
from jsr.upscale import engines, onnx_engine, onnx_export, onnx_trace, quantize
from jsr.weights import embedded
from jsr.weights.model_file import ModelFile

SUFFIXES = {
  'onnx': '.onnx',
  'stablehlo': '.stablehlo',
  'safetensors': '.safetensors',
  'int8': quantize.SUFFIX,
}
# (n, h, w) of what each file is tried with.
SIZES = ((1, 16, 24), (2, 17, 23), (1, 40, 32))
# Of the largest value, or of 1: what the order of a sum may change. The networks that
# work on 0..255 inside are the ones that need it.
TOLERANCE = 1e-4
# An 8-bit file differs; below this PSNR against the network, in dB, it is broken.
LEAST_PSNR = 30.0
# What a StableHLO file is compiled for where it is loaded.
PLATFORMS = ('cpu', 'cuda', 'rocm', 'tpu')

Enlarge = Callable[[np.ndarray], np.ndarray]


def run(
  spec: str,
  *,
  to: str,
  target: pathlib.Path | None = None,
  scale: int | None = None,
  calibrate: pathlib.Path | None = None,
) -> int:
  """Exports a network and prints what was checked.

  Args:
    spec: A model by name, workdir or model file; see `methods.resolve`.
    to: Key of `SUFFIXES`.
    target: The file; None: the model's name in the current folder.
    scale: A factor that the model serves; None: its own, or 4.
    calibrate: Folder of high-resolution pictures, for 'int8'.

  Returns:
    0.

  Raises:
    UserError: The model does not exist or cannot be exported so, a package is missing,
      the file cannot be written, or it does not give what the network gives.
  """
  if to not in SUFFIXES:
    raise errors.unknown('format', to, SUFFIXES)
  if (calibrate is None) == (to == 'int8'):
    raise errors.UserError(
      '--to int8 needs --calibrate FOLDER, a folder of training pictures'
      if calibrate is None
      else '--calibrate goes with --to int8 alone'
    )
  network = methods.resolve(embedded.choose(spec, scale))
  if not isinstance(network, Network):
    raise errors.UserError(f"'{spec}' is no network and has nothing to export")
  factor = scale or network.scale or 4
  network.check_scale(factor)
  target = target or pathlib.Path(quantize.name_of(network, factor) + SUFFIXES[to])
  output.check_file(target)
  pictures = None
  if calibrate is not None:
    pictures = quantize.calibration(calibrate, network, factor)
  temporary = target.with_name(f'.{target.name}.{os.getpid()}{SUFFIXES[to]}')
  try:
    with output.folder(target.parent):
      try:
        checked = list(_write(network, factor, to, temporary, pictures))
        size = temporary.stat().st_size
        temporary.replace(target)
      finally:
        temporary.unlink(missing_ok=True)
  except OSError as error:
    raise errors.UserError(f'cannot write {target}: {error.strerror}') from error
  print(f'{target}: {network.generator} x{factor}, {size / 1e6:.2f} MB')
  for line in checked:
    print(f'  {line}')
  return 0


def _write(
  network: Network,
  scale: int,
  to: str,
  path: pathlib.Path,
  pictures: list[np.ndarray] | None,
) -> Iterator[str]:
  """Writes and checks a file; tells what was checked."""
  match to:
    case 'onnx':
      path.write_bytes(onnx_export.to_onnx(network, scale).SerializeToString())
      for name, enlarge in onnx_programs(network, scale, path.read_bytes()):
        yield compare(network, scale, name, enlarge)
    case 'stablehlo':
      path.write_bytes(to_stablehlo(network, scale))
      yield compare(network, scale, f'jax {jax.__version__}', from_stablehlo(path))
    case 'safetensors':
      if network.scale is None:
        raise errors.UserError(
          f'{network.label} has no parameters that a model file could hold'
        )
      conversion.save(path, to_model_file(network))
      again = methods.from_file(path, network.label)
      yield compare(network, scale, 'jsr', engines.JaxEngine(again, scale), 0.0)
    case _:
      assert pictures is not None
      path.write_bytes(quantize.quantise(network, scale, pictures))
      content = path.read_bytes()
      for name, enlarge in onnx_programs(network, scale, content, 'int8'):
        yield _psnr(network, scale, name, enlarge, pictures[:8])
      yield f'the engine finds it as {quantize.keep(network, scale, content)}'


def to_stablehlo(network: Network, scale: int) -> bytes:
  """Returns a network as `jax.export` writes it, float32 (n, h, w, C) in [0, 1].

  `jax.export.deserialize(content).call` runs it, with or without jsr, on each platform
  of `PLATFORMS`.

  Raises:
    UserError: The package flatbuffers is missing, or the network wants to know sizes.
  """
  engines.optional('flatbuffers', 'onnx')
  program = engines.with_dtype(network, None).program(scale)
  variables = jax.device_get(network.variables)
  apply = jax.jit(lambda x: program(variables, x))
  try:
    x = onnx_trace.symbols(layers.channels(network.color))
    return bytes(jax.export.export(apply, platforms=PLATFORMS)(x).serialize())
  except (TypeError, ValueError) as error:
    raise errors.UserError(
      f'{network.label} cannot be written as StableHLO for any height and width:'
      f' {errors.first_line(error)}'
    ) from error


def from_stablehlo(path: pathlib.Path) -> Enlarge:
  """Returns the function that a file of `to_stablehlo` holds."""
  loaded = jax.export.deserialize(bytearray(path.read_bytes()))
  return lambda x: np.asarray(loaded.call(x))


def to_model_file(network: Network) -> ModelFile:
  """Returns what a model file holds of a network with a factor of its own."""
  assert network.scale is not None
  variables = jax.device_get(network.variables or {})
  return ModelFile(
    network.generator, network.scale, network.args, variables, network.note
  )


def onnx_programs(
  network: Network, scale: int, model: bytes, precision: str = 'float32'
) -> Iterator[tuple[str, Enlarge]]:
  """Gives each installed program that runs ONNX, by name and version.

  Raises:
    UserError: None is installed.
  """
  found = False
  for kind in ('onnxruntime', 'openvino'):
    try:
      version = engines.optional(kind, 'onnx').__version__.partition('-')[0]
    except errors.UserError:
      continue
    found = True
    engine = onnx_engine.build(network, scale, kind, precision, model)
    yield f'{kind} {version}', engine
  if not found:
    raise errors.UserError(
      f'nothing is installed that could check an ONNX file: {errors.install("onnx")}'
    )


def _tries(network: Network) -> Iterator[np.ndarray]:
  rng = np.random.default_rng(0)
  for shape in SIZES:
    yield rng.random((*shape, layers.channels(network.color)), np.float32)


def compare(
  network: Network,
  scale: int,
  name: str,
  enlarge: Enlarge,
  tolerance: float = TOLERANCE,
) -> str:
  """Runs a file at `SIZES` and tells how far it is from the network.

  Args:
    network: What it must equal.
    scale: A factor.
    name: Of the program that runs the file.
    enlarge: Runs it: float32 NHWC in and out.
    tolerance: Largest difference, as a share of the largest value or of 1.

  Returns:
    One line for the user.

  Raises:
    UserError: It is further away than `tolerance`, or does not run.
  """
  exact = engines.JaxEngine(network, scale)
  told = []
  for x in _tries(network):
    want = exact(x)
    try:
      got = enlarge(x)
    except Exception as error:  # Each program has errors of its own.
      raise errors.UserError(
        f'{name} cannot run the file at {x.shape[1]} x {x.shape[2]}:'
        f' {errors.first_line(error)}'
      ) from error
    if got.shape != want.shape:
      raise errors.UserError(f'{name} gives {got.shape} where {want.shape} is right')
    difference = float(np.abs(got - want).max())
    if not difference <= tolerance * max(1.0, float(np.abs(want).max())):
      raise errors.UserError(
        f'{name} differs from the network by {difference:.1e} at {x.shape[1]} x'
        f' {x.shape[2]}: no file was written'
      )
    told.append(f'{difference:.1e} at {x.shape[1]}x{x.shape[2]}')
  return f'{name}, largest difference from the network: {", ".join(told)}'


def _psnr(
  network: Network,
  scale: int,
  name: str,
  enlarge: Enlarge,
  pictures: list[np.ndarray],
) -> str:
  exact = engines.JaxEngine(network, scale)
  errors_squared = [
    np.square(np.clip(enlarge(x), 0, 1) - np.clip(exact(x), 0, 1)).mean()
    for x in pictures
  ]
  psnr = fidelity.psnr_of(float(np.mean(errors_squared)), peak=1.0)
  if not psnr >= LEAST_PSNR:
    raise errors.UserError(
      f'{name} gives pictures with a PSNR of {psnr:.1f} dB against the network in 8'
      ' bits, which is too little: no file was written'
    )
  return f'{name}, PSNR against the network in float32: {psnr:.1f} dB'
