"""The same network in every framework at hand: time, memory, difference, PSNR.

    python benchmarks/upscale.py [--model compact-x4] [--size 256] [--rounds 9]
        [--calibrate FOLDER] [--json FILE] [--quick]
        [--set14 --data DIR] [--plot FILE --models A,B,... --data DIR]

Each contender is a process of its own and gets the same weights and the same picture;
they take turns, round after round, so that a busy machine slows all of them. A time is
from a picture in memory to a picture in memory; the first calls, which compile, are not
counted. Memory is the highest that the process held, its libraries included. The
difference is the largest from JAX in float32, of values in [0, 1].

`--set14` measures what each precision costs on Set14. `--plot` measures PSNR on Set14
and seconds a megapixel of input for each of `--models`, as `jsr upscale` runs them.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import statistics
import tempfile
import time

import jax
import numpy as np
import worker
from skimage import data as photographs

from jsr import errors
from jsr.evaluate import benchmark, conversion, machine, methods, protocol, sets
from jsr.evaluate.network import Network
from jsr.ops import resize
from jsr.upscale import engines, export, image_io, onnx_engine, quantize
from jsr.upscale.upscaler import Options, Upscaler
from jsr.weights import embedded, model_file

CONTENDERS = (
  ('jsr', 'auto float32'),
  ('jsr', 'auto bfloat16'),
  ('jsr', 'auto int8'),
  ('jsr', 'jax float32'),
  ('pytorch', 'float32'),
  ('pytorch', 'bfloat16 autocast'),
  ('pytorch', 'float32, compile'),
  ('pytorch', 'bfloat16 autocast, compile'),
  ('onnxruntime', 'float32'),
  ('openvino', 'float32'),
  ('openvino', 'int8'),
  ('ncnn', 'float32'),
)
PACKAGES = ('torch', 'onnxruntime', 'openvino', 'nncf', 'ncnn')
# Compilation alone would take the minute.
NOT_QUICK = ('compile', 'int8', 'auto bfloat16')
# PyTorch's and ncnn's forms are written for this generator.
BY_HAND, GENERATOR = ('pytorch', 'ncnn'), 'compact'
# Worker threads go on spinning for a while after their work.
PAUSE = 0.3


def picture(size: int, channels: int) -> np.ndarray:
  """A photograph, float32 (1, size, size, channels), repeated where it is too small."""
  x = photographs.astronaut()[::2, ::2].astype(np.float32) / 255
  times = -(-size // x.shape[0])
  x = np.tile(np.concatenate([x, x[::-1]]), (times, times, 1))
  return np.ascontiguousarray(x[None, :size, :size, :channels])


def prepare(network: Network, folder: pathlib.Path, x: np.ndarray) -> None:
  """Writes what the contenders read."""
  conversion.save(folder / 'model.safetensors', export.to_model_file(network))
  flat = model_file.flatten((network.variables or {})['params'])
  kernel = resize._phase_kernel(network.scale, x.shape[-1]).astype(np.float32)
  np.savez(folder / 'weights.npz', phases=kernel, **flat)
  np.save(folder / 'picture.npy', x)
  content = onnx_engine.onnx_export.to_onnx(network, network.scale)
  (folder / 'float32.onnx').write_bytes(content.SerializeToString())
  with contextlib.suppress(errors.UserError):
    form = quantize.find(network, network.scale)
    (folder / 'int8.onnx').write_bytes(form)


class Contender:
  """A process that runs one framework."""

  def __init__(self, framework: str, setting: str, folder: pathlib.Path):
    self.framework, self.setting = framework, setting
    self.seconds: list[float] = []
    self.peak = 0
    self._result = folder / f'{framework} {setting}.npy'
    script = pathlib.Path(__file__).with_name('upscale_contenders.py')
    arguments = [framework, setting, str(folder), str(self._result)]
    self._worker = worker.Worker(script, arguments)
    facts = self._worker.facts
    self.ready = facts['ready']
    self.name = facts['name'] if self.ready else facts['why']

  def run(self) -> None:
    answer = self._worker.ask('run')
    if not answer:
      raise SystemExit(f'{self.framework}, {self.setting}: ended in the middle')
    self.seconds.append(answer['seconds'])
    self.peak = max(self.peak, answer['peak_bytes'])

  def difference(self, want: np.ndarray) -> float:
    return float(np.abs(np.load(self._result) - want).max())

  def close(self) -> None:
    self._worker.close()


def race(network: Network, size: int, rounds: int, quick: bool) -> list[dict]:
  """Runs all contenders by turns and prints the table."""
  channels = 1 if network.color == 'y' else 3
  x = picture(size, channels)
  workload = f'{network.label} {size}x{size}'
  mega = size * size / 1e6
  with tempfile.TemporaryDirectory() as made:
    folder = pathlib.Path(made)
    prepare(network, folder, x)
    want = engines.JaxEngine(network, network.scale)(x)
    field = []
    for framework, setting in CONTENDERS:
      if quick and any(word in setting for word in NOT_QUICK):
        continue
      if framework in BY_HAND and network.generator != GENERATOR:
        continue
      contender = Contender(framework, setting, folder)
      if contender.ready:
        field.append(contender)
      else:
        print(f'{framework}, {setting}: left out, {contender.name}', flush=True)
    for _ in range(rounds):
      for contender in field:
        contender.run()
        time.sleep(PAUSE)
    rows = [
      {
        'workload': workload,
        'framework': each.framework,
        'setting': each.setting if each.framework != 'jsr' else each.name,
        'median_seconds': statistics.median(each.seconds),
        'peak_bytes': each.peak,
        'max_difference': each.difference(want),
      }
      for each in field
    ]
    for contender in field:
      contender.close()
  yardstick = next((c for c in field if c.framework == 'pytorch'), field[0])
  base = yardstick.seconds
  against = f'{yardstick.framework} {yardstick.setting}'
  print(
    f'\n{workload}, {rounds} rounds\n\n| framework | setting | seconds a megapixel of'
    f' input | times as fast as {against} [least-most] | peak memory, MB | largest'
    ' difference |\n|---|---|---|---|---|---|'
  )
  for row, contender in zip(rows, field, strict=True):
    ratios = [b / s for b, s in zip(base, contender.seconds, strict=True)]
    print(
      f'| {row["framework"]} | {contender.name} | {row["median_seconds"] / mega:.2f} |'
      f' {statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}] |'
      f' {row["peak_bytes"] / 1e6:.0f} | {row["max_difference"]:.1e} |'
    )
  return rows


class Through(Network):
  """A network whose numbers an engine computes."""

  def __init__(self, network: Network, scale: int, engine: engines.Engine):
    super().__init__(
      network.label, network.generator, network.scale, network.args, network.variables
    )
    self.engine = engine

  def _enlarge(self, x: np.ndarray, scale: int) -> np.ndarray:
    return self.engine((x[None] / 255).astype(np.float32))[0] * 255


def psnr(method, scale: int, data: str) -> float:
  (pictures,) = sets.open_sets(['Set14'], data=data, lr=None, limit=None)
  rule = protocol.get('rgb8')
  return benchmark.measure(method, pictures, scale, rule, timed=False)['psnr_y']


def precisions(network: Network, data: str) -> None:
  """Prints what each precision costs on Set14."""
  scale = network.scale
  print(f'\n{network.label} on Set14 x{scale}, PSNR of Y by the protocol rgb8\n')
  print('| engine | PSNR | against float32 |\n|---|---|---|')
  exact = psnr(network, scale, data)
  for kind, precision in (
    ('jax', 'float32'),
    ('auto', 'float32'),
    ('jax', 'bfloat16'),
    ('auto', 'bfloat16'),
    ('auto', 'int8'),
  ):
    try:
      engine = engines.make(network, scale, kind, precision)
    except errors.UserError as error:
      print(f'| {kind} {precision} | {error} | |')
      continue
    if (kind, engine.name) == ('auto', 'jax'):
      continue
    got = psnr(Through(network, scale, engine), scale, data)
    print(f'| {engine.name} {precision} | {got:.3f} | {got - exact:+.4f} |', flush=True)


def pareto(specs: list[str], target: pathlib.Path, size: int, rounds: int, data: str):
  """Measures and plots PSNR on Set14 x4 against seconds a megapixel.

  The seconds are those of `Upscaler.rows`: tiles, their halos, and rounding included.
  """
  x = picture(size, 3)[0]
  shown = image_io.Picture(np.rint(x * 255).astype(np.uint8))
  runs = []
  for spec in specs:
    for precision in (None, 'int8'):
      # Most have no 8-bit form.
      with contextlib.suppress(errors.UserError):
        upscaler = Upscaler(spec, Options(scale=4, precision=precision))
        if upscaler.factor not in (1, 4):
          print(f'{spec}: left out, its factor is {upscaler.factor}')
          continue
        collections.deque(upscaler.rows(shown), 0)
        runs.append((spec, upscaler, []))
  for _ in range(rounds):
    for _, upscaler, seconds in runs:
      start = time.perf_counter()
      collections.deque(upscaler.rows(shown), 0)
      seconds.append(time.perf_counter() - start)
      time.sleep(PAUSE)
  print(
    '\n| model | engine | PSNR, Set14 x4 | seconds a megapixel |\n|---|---|---|---|'
  )
  points = []
  for spec, upscaler, seconds in runs:
    cost = statistics.median(seconds) / (size * size / 1e6)
    method = methods.resolve(upscaler.name)
    if isinstance(method, Network):
      precision = upscaler.options.precision
      method = Through(method, 4, engines.make(method, 4, 'auto', precision))
    quality = psnr(method, 4, data)
    print(
      f'| {method.label} | {upscaler.engine} | {quality:.2f} | {cost:.2f} |', flush=True
    )
    ours = method.label in embedded.names()
    theirs = pathlib.Path(spec).is_file()
    kind = ('o', 'C0') if ours else ('s', 'C1') if theirs else ('^', 'C7')
    points.append((method.label, 'int8' in upscaler.engine, cost, quality, kind))
  draw(points, target)
  print(f'\nwritten: {target}')


def draw(
  points: list[tuple[str, bool, float, float, tuple[str, str]]], target: pathlib.Path
) -> None:
  """Plots (name, 8 bits or not, seconds, dB, marker and colour) of each."""
  import matplotlib

  matplotlib.use('svg')
  from matplotlib import pyplot, ticker

  pyplot.rcParams['svg.hashsalt'] = 'jsr'
  figure, axes = pyplot.subplots(figsize=(7, 4.5), layout='constrained')
  for name, low, cost, quality, (marker, color) in points:
    axes.plot(cost, quality, marker, color=color)
    text = f'{name}, 8 bits' if low else name
    # Those of others lie among ours: names to the left and to the right keep apart.
    side = 'right' if marker == 's' else 'left'
    place = (-5 if side == 'right' else 5, -12 if low else 5)
    axes.annotate(text, (cost, quality), place, textcoords='offset points', ha=side)
  axes.set(
    xscale='log',
    xlabel='seconds a megapixel of input',
    ylabel='PSNR of Y on Set14 x4, dB',
    title='circles: come with jsr; squares: published by others; triangle: untrained',
  )
  axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
  axes.xaxis.set_major_formatter(ticker.FormatStrFormatter('%g'))
  axes.xaxis.set_minor_locator(ticker.NullLocator())
  axes.margins(x=0.35, y=0.12)
  figure.savefig(target, metadata={'Date': None})


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', default='compact-x4')
  parser.add_argument('--size', type=int, default=256)
  parser.add_argument('--rounds', type=int, default=9)
  parser.add_argument('--calibrate', type=pathlib.Path, metavar='FOLDER')
  parser.add_argument('--json', type=pathlib.Path, metavar='FILE')
  parser.add_argument('--quick', action='store_true')
  parser.add_argument('--no-race', action='store_true', help='not the frameworks')
  parser.add_argument('--set14', action='store_true')
  parser.add_argument('--plot', type=pathlib.Path, metavar='FILE')
  parser.add_argument('--models', default='', help='for --plot; default: all x4 of jsr')
  parser.add_argument('--data', help='folder with Set14')
  args = parser.parse_args()
  if (args.set14 or args.plot) and not args.data:
    parser.error('--set14 and --plot need --data')
  print(machine.describe(*PACKAGES), flush=True)
  network = methods.resolve(args.model)
  if args.calibrate:
    pictures = quantize.calibration(args.calibrate, network, network.scale)
    form = quantize.quantise(network, network.scale, pictures)
    quantize.keep(network, network.scale, form)
  size, rounds = (128, 3) if args.quick else (args.size, args.rounds)
  rows = [] if args.no_race else race(network, size, rounds, args.quick)
  if args.json:
    args.json.write_text(json.dumps(rows, indent=2) + '\n')
  if args.set14:
    precisions(network, args.data)
  if args.plot:
    specs = [s for s in args.models.split(',') if s]
    specs = specs or ['bicubic', *(n for n in embedded.names() if '-x4' in n)]
    pareto(specs, args.plot, size, rounds, args.data)


if __name__ == '__main__':
  jax.config.update('jax_platforms', 'cpu')
  main()
