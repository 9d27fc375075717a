"""Time and memory of `jsr upscale` against the size of the picture.

    python benchmarks/large.py [--model compact-x4] [--formats tiff,png]
        [--sizes 1000x750,2000x1500,4000x3000,8000x6000] [--precision int8]
        [--plot FILE]

Each picture is a photograph, repeated and with noise, as PNG. Each result is made by a
command of its own, whose time includes its start; memory is the most that it held
resident, as the kernel tells at its end. Ends with a straight line through the times,
and how far they are from it.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import tifffile
from PIL import Image
from skimage import data as photographs

from jsr.evaluate import machine

SUFFIX = {'tiff': '.tif', 'png': '.png'}


def draw(path: pathlib.Path, width: int, height: int) -> None:
  """Writes an RGB picture; Pillow's limit on sizes is for files of strangers."""
  x = photographs.astronaut()
  x = np.concatenate([x, x[::-1]])
  x = np.concatenate([x, x[:, ::-1]], 1)
  times = -(-height // x.shape[0]), -(-width // x.shape[1]), 1
  x = np.tile(x, times)[:height, :width]
  noise = np.random.default_rng(0).integers(-2, 3, x.shape, np.int8)
  x = np.clip(x.astype(np.int16) + noise, 0, 255).astype(np.uint8)
  Image.fromarray(x).save(path, compress_level=1)


def run(command: list[str]) -> tuple[float, int]:
  """Returns seconds, and the most bytes that the command held."""
  start = time.perf_counter()
  process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
  _, status, usage = os.wait4(process.pid, 0)
  if status:
    raise SystemExit(f'{" ".join(command)} failed')
  return time.perf_counter() - start, usage.ru_maxrss * 1024


def shape(path: pathlib.Path) -> tuple[int, int, bool]:
  """Returns width, height and whether it is BigTIFF, by the header alone."""
  if path.suffix == '.tif':
    with tifffile.TiffFile(path) as file:
      page = file.pages.first
      return page.imagewidth, page.imagelength, file.is_bigtiff
  head = path.open('rb').read(24)
  return int.from_bytes(head[16:20]), int.from_bytes(head[20:24]), False


def plot(rows: list[tuple[str, float, float]], target: pathlib.Path) -> None:
  import matplotlib

  matplotlib.use('svg')
  from matplotlib import pyplot

  pyplot.rcParams['svg.hashsalt'] = 'jsr'
  figure, axes = pyplot.subplots(figsize=(6, 3.6), layout='constrained')
  for i, name in enumerate(dict.fromkeys(kind for kind, *_ in rows)):
    pixels = [p for kind, p, _ in rows if kind == name]
    seconds = [s for kind, _, s in rows if kind == name]
    slope, start = np.polyfit(pixels, seconds, 1)
    label = f'{name}: {start:.0f} s + {slope:.2f} s a megapixel'
    axes.plot(pixels, seconds, 'os'[i % 2], color=f'C{i}', label=label)
    ends = np.array([0, max(pixels)])
    axes.plot(ends, start + slope * ends, '-', color=f'C{i}', linewidth=1)
  axes.set(xlabel='megapixels of input', ylabel='seconds', ylim=(0, None))
  axes.legend(frameon=False)
  figure.savefig(target, metadata={'Date': None})
  print(f'\nwritten: {target}')


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', default='compact-x4')
  parser.add_argument('--formats', default='tiff,png')
  parser.add_argument('--sizes', default='1000x750,2000x1500,4000x3000,8000x6000')
  parser.add_argument('--precision')
  parser.add_argument('--plot', type=pathlib.Path, metavar='FILE')
  args = parser.parse_args()
  print(machine.describe(), flush=True)
  print(f'\n{args.model}{", " + args.precision if args.precision else ""}\n')
  print('| input | format | result | file, MB | seconds | a megapixel | peak, MB |')
  print('|---|---|---|---|---|---|---|', flush=True)
  rows = []
  with tempfile.TemporaryDirectory() as made:
    for size in args.sizes.split(','):
      width, height = (int(n) for n in size.split('x'))
      source = pathlib.Path(made, f'{size}.png')
      draw(source, width, height)
      for kind in args.formats.split(','):
        target = pathlib.Path(made, f'{size}-large{SUFFIX[kind]}')
        program = pathlib.Path(sys.executable).with_name('jsr')
        command = [str(program), 'upscale', str(source), '-o', str(target)]
        command += ['--model', args.model]
        command += ['--precision', args.precision] if args.precision else []
        seconds, peak = run(command)
        w, h, big = shape(target)
        mega = width * height / 1e6
        rows.append((kind.upper(), mega, seconds))
        print(
          f'| {width} x {height} | {"Big" if big else ""}{kind.upper()} | {w} x {h} |'
          f' {target.stat().st_size / 1e6:.0f} | {seconds:.1f} | {seconds / mega:.2f} |'
          f' {peak / 1e6:.0f} |',
          flush=True,
        )
        target.unlink()
  if len(args.sizes.split(',')) > 2:
    for kind in dict.fromkeys(kind for kind, *_ in rows):
      points = np.array([row[1:] for row in rows if row[0] == kind])
      slope, start = np.polyfit(*points.T, 1)
      away = np.abs(start + slope * points[:, 0] - points[:, 1]).max()
      print(
        f'\n{kind}: {start:.1f} s + {slope:.2f} s a megapixel; the farthest time is'
        f' {away:.1f} s off this line'
      )
  if args.plot:
    plot(rows, args.plot)


if __name__ == '__main__':
  main()
