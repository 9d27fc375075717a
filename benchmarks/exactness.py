"""What should be nothing: tiles against the whole picture, halos that are too small for
RRDB, exported files against their network, the mean colour of consistent results.

    python benchmarks/exactness.py tiles [--models A,B,...]
    python benchmarks/exactness.py halo [--generator rrdb]
    python benchmarks/exactness.py export [--models A,B,...]
    python benchmarks/exactness.py color --data DIR [--model compact-x4]

`tiles`: the largest difference, of values in [0, 1], over pictures of 61 x 83, 97 x 64
and 130 x 201 pixels. `halo`: the same for a network that looks farther than its tiles
do, against their halo; its weights are its untrained ones where no `--weights` are
given. `export`: the ONNX file of each network in every program that is installed, at
three sizes, as `jsr export` compares before it writes. `color`: mean of each channel of
the result, after rounding, against the input, in levels of 255, over BSD100.
"""

import argparse

import numpy as np
from skimage import data as photographs

from jsr.evaluate import machine, methods, protocol, sets
from jsr.evaluate.network import Network
from jsr.ops import resize
from jsr.upscale import engines, export, model, onnx_export, tiles
from jsr.upscale.upscaler import Options, Upscaler
from jsr.weights import embedded

SIZES = ((61, 83), (97, 64), (130, 201))
# Halo included; small, so that every picture has several tiles.
ROOM = 24
HALO_ROOM = 64  # The networks of `halo` are slow.


def photograph(height: int, width: int) -> np.ndarray:
  x = photographs.astronaut()[::2, ::2]
  return np.ascontiguousarray(x[:height, :width])


def largest(compute, factor: int, x: np.ndarray, halo: int, stride: int = 1) -> float:
  """Returns the largest difference of tiles from the whole picture."""
  whole = compute(x.astype(np.float32) / 255)
  tile = 2 * (-(-halo // stride) * stride) + ROOM
  parts = tiles.bands(x, compute, factor=factor, tile=tile, halo=halo, stride=stride)
  return float(np.abs(np.concatenate(list(parts)) - whole).max())


def exact(specs: list[str]) -> None:
  sizes = ' | '.join(f'{h} x {w}' for h, w in SIZES)
  print(f'\n| network | halo | {sizes} |\n|---|---|{"---|" * len(SIZES)}', flush=True)
  for spec in specs:
    network = methods.resolve(spec)
    assert isinstance(network, Network)
    # Luma alone, where that is what the network sees.
    tiled = model.Tiled(network, model.factor_of(network, None), engine='jax')
    told = [
      f'{largest(tiled, tiled.factor, photograph(h, w), tiled.halo, tiled.stride):.1e}'
      for h, w in SIZES
    ]
    print(f'| {network.label} | {tiled.halo} | {" | ".join(told)} |', flush=True)


def halos(generator: str, weights: str, args: dict) -> None:
  if weights:
    network = methods.resolve(weights)
    assert isinstance(network, Network)
  else:
    network = untrained(generator, args)
  engine = engines.JaxEngine(network, network.scale)
  x = photograph(176, 176)
  whole = engine(x[None].astype(np.float32) / 255)[0]
  print('\n| halo | largest difference | mean difference | levels of 255 that differ |')
  print('|---|---|---|---|', flush=True)
  for halo in (16, 32, 48):
    tile = 2 * halo + HALO_ROOM
    parts = tiles.bands(
      x, lambda t: engine(t[None])[0], factor=network.scale, tile=tile, halo=halo
    )
    sr = np.concatenate(list(parts))
    away = np.abs(sr - whole)
    levels = np.rint(255 * np.clip(sr, 0, 1)) != np.rint(255 * np.clip(whole, 0, 1))
    share = 100 * levels.mean()
    print(
      f'| {halo} | {away.max():.1e} | {away.mean():.1e} | {share:.3f} % |',
      flush=True,
    )


def untrained(generator: str, args: dict) -> Network:
  import jax

  from jsr import models

  module = models.build(generator, scale=4, **args)
  variables = module.init(jax.random.key(0), np.zeros((1, 16, 16, 3), np.float32))
  return Network(generator, generator, 4, args, variables)


def exports(specs: list[str]) -> None:
  for spec in specs:
    network = methods.resolve(spec)
    assert isinstance(network, Network)
    scale = model.factor_of(network, None)
    content = onnx_export.to_onnx(network, scale).SerializeToString()
    for program, enlarge in export.onnx_programs(network, scale, content):
      told = export.compare(network, scale, program, enlarge)
      print(f'- {network.label}: {told}', flush=True)


def color(spec: str, data: str) -> None:
  upscaler = Upscaler(spec, Options(consistent=True))
  free = Upscaler(spec)
  (pictures,) = sets.open_sets(['BSD100'], data=data, lr=None, limit=None)
  worst, sums, plain = ('', 0.0), [], []
  for picture in pictures.pictures:
    hr = resize.modcrop(picture.hr, upscaler.factor)
    x = protocol.make_lr(hr, upscaler.factor, protocol.get('rgb8').border)
    want = x.mean((0, 1))
    away = np.abs(upscaler.upscale(x).mean((0, 1)) - want)
    plain.append(np.abs(free.upscale(x).mean((0, 1)) - want).max())
    sums.append(away.max())
    worst = max(worst, (picture.name, float(away.max())), key=lambda pair: pair[1])
  print(
    f'\n{spec}, {len(sums)} pictures of {pictures.name}: mean colour differs from the'
    f' input by {np.mean(sums):.4f} levels on average, by {worst[1]:.4f} at most'
    f' ({worst[0]}); without --consistent {np.mean(plain):.4f} and {max(plain):.4f}'
  )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.partition('\n\n')[0])
  parser.add_argument('what', choices=('tiles', 'halo', 'export', 'color'))
  parser.add_argument('--models', default='')
  parser.add_argument('--model', default='compact-x4')
  parser.add_argument('--generator', default='rrdb')
  parser.add_argument('--weights', default='')
  parser.add_argument('--blocks', type=int)
  parser.add_argument('--data')
  args = parser.parse_args()
  print(machine.describe(), flush=True)
  specs = [s for s in args.models.split(',') if s] or embedded.names()
  if args.what == 'tiles':
    exact(specs)
  elif args.what == 'export':
    exports(specs)
  elif args.what == 'halo':
    extra = {} if args.blocks is None else {'blocks': args.blocks}
    halos(args.generator, args.weights, extra)
  elif not args.data:
    parser.error('color needs --data')
  else:
    color(args.model, args.data)


if __name__ == '__main__':
  main()
