"""Curation of the drawings: what it keeps, and whether it finds planted copies."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from jsr.data import curate, fingerprint, tile_folder
from jsr.evaluate import plots, svg
from jsr.experiments.study import Study

# {what a copy is called: how it is made of (tile, the tile one pixel to the right)}.
Copy = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _saved_as_jpeg(tile: np.ndarray, _: np.ndarray) -> np.ndarray:
  file = io.BytesIO()
  Image.fromarray(tile).save(file, 'jpeg', quality=75)
  return np.asarray(Image.open(file))


def _brighter(tile: np.ndarray, _: np.ndarray) -> np.ndarray:
  return np.clip(tile.astype(int) + 6, 0, 255).astype(np.uint8)


def _resized(tile: np.ndarray, _: np.ndarray) -> np.ndarray:
  h, w = tile.shape[:2]
  small = Image.fromarray(tile).resize((w // 2, h // 2), Image.Resampling.BICUBIC)
  return np.asarray(small.resize((w, h), Image.Resampling.BICUBIC))


COPIES: dict[str, Copy] = {
  'saved as JPEG 75': _saved_as_jpeg,
  'six levels brighter': _brighter,
  'halved and doubled': _resized,
  'one pixel to the right': lambda _, right: right,
  'mirrored': lambda tile, _: tile[:, ::-1],
}


def run(study: Study) -> dict[str, Any]:
  """Writes the tiles, and counts.

  Returns:
    'tiles': what manifest.json counts, by size of tile; 'nearest' of the first size;
    'found': share of planted copies found, by kind and bits; 'planted': their number;
    'copies': bits from each copy to its tile, by kind.
  """
  c = study.config
  source = str(study.data_folder(c.source))
  results: dict[str, Any] = {'tiles': {}}
  for size in (c.size, *c.small_sizes):
    folder = study.output / f'tiles-{size}'
    rules = curate.Rules(size=size, test=c.test)
    made = tile_folder.write(source, folder, rules, with_sheet=True, progress=False)
    results['tiles'][str(size)] = made.counts() | {
      'test': sum(tile.split == 'test' for tile in made.kept),
      'duplicates by bits': made.sweep,
      'within 10 bits': sum(n for bits, n in made.nearest.items() if bits <= 10),
    }
    if size == c.size:
      results['nearest'] = made.nearest
  return results | _planted(study)


def tiles(study: Study, split: str) -> list[tuple[str, np.ndarray]]:
  """Returns the kept tiles of a split with their pictures' names, in order."""
  folder = study.output / f'tiles-{study.config.size}'
  entries = json.loads((folder / tile_folder.MANIFEST).read_text())['tiles']
  return [
    (entry['source'], np.asarray(Image.open(folder / entry['file']).convert('RGB')))
    for entry in entries
    if entry.get('file', '').startswith(f'{split}/')
  ]


def _prints(pictures: list[np.ndarray]) -> fingerprint.Prints:
  return fingerprint.Prints(
    np.stack([fingerprint.features(fingerprint.luma(p)) for p in pictures]),
    np.stack([p.reshape(-1, 3).mean(0) for p in pictures]),
  )


def _planted(study: Study) -> dict[str, Any]:
  """Puts copies among all tiles, and sees which are found, and as whose."""
  every = tiles(study, 'train') + tiles(study, 'test')
  real = [tile for _, tile in every]
  step = max(1, len(real) // study.config.planted)
  chosen = list(range(0, len(real), step))[: study.config.planted]
  found: dict[str, dict[str, float]] = {}
  distances: dict[str, list[int]] = {}
  for kind, copy in COPIES.items():
    # The tile one pixel to the right lacks a column; its last one is repeated.
    pairs = [(real[i], real[i][:, [*range(1, real[i].shape[1]), -1]]) for i in chosen]
    copies = [copy(tile, right) for tile, right in pairs]
    prints = _prints(real + copies)
    own = fingerprint.bits(prints.features)
    between = fingerprint.hamming(own[chosen], own[len(real) :])
    distances[kind] = between.diagonal().tolist()
    found[kind] = {
      name: _recall(prints, chosen, len(real), bits, turned)
      for name, bits, turned in (
        *((f'{bits}', bits, False) for bits in curate.SWEEP),
        ('10 and turns', 10, True),
      )
    }
  return {'found': found, 'copies': distances, 'planted': len(chosen)}


def _recall(
  prints: fingerprint.Prints, chosen: list[int], real: int, bits: int, turned: bool
) -> float:
  """The share of copies that count as repeating the tile that they were made of."""
  of = fingerprint.duplicates(prints, most=bits, dihedral=turned).of
  return float(np.mean([of[real + k] == i for k, i in enumerate(chosen)]))


def plot(results: Mapping[str, Any]) -> str:
  """Draws how far tiles are from their nearest, and copies from their originals."""
  rows = {
    'tiles, to the nearest other': [
      int(bits) for bits, n in results['nearest'].items() for _ in range(n)
    ],
    **{f'planted: {kind}': bits for kind, bits in results['copies'].items()},
  }
  with svg.style():
    figure = Figure(figsize=(7.2, 2.6), layout='constrained')
    axes = figure.add_subplot()
    for y, bits in enumerate(rows.values()):
      low, first, median, third, high = np.quantile(bits, [0, 0.25, 0.5, 0.75, 1])
      colour = plots.PALETTE[0 if y == 0 else 1]
      axes.plot([low, high], [y, y], color=colour, linewidth=1.2)
      axes.plot([first, third], [y, y], color=colour, linewidth=5)
      axes.plot([median], [y], color=colour, marker='o', markersize=7)
    axes.axvline(10.5, color=svg.INK, linestyle=(0, (4, 3)), linewidth=1.1)
    axes.annotate('10 bits', (12, len(rows) - 0.6), va='center')
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.3, -0.5)
    axes.set_xlim(-2, None)
    axes.set_xlabel('bits of 169 that differ: all, the middle half, the median')
    axes.grid(axis='x', color=svg.INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    return svg.render(figure, 'Bits between tiles and to planted copies')
