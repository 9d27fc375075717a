"""A folder of the tiles that `curate.py` keeps: `jsr curate`.

A new folder appears when it is complete, and the same pictures give the same files.
Nothing in a folder that is there is ever deleted or replaced: it only gets back what it
lacks of its own tiles.
"""

import dataclasses
import json
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tqdm
from PIL import Image

from jsr.data import curate, information, sheet
from jsr.data.checked import CheckedSource
from jsr.errors import UserError

MANIFEST, SHEET = 'manifest.json', 'dropped.png'
# Shown of each reason; the closest decisions first.
_SHOWN = 24


def manifest(made: curate.Curated, rules: curate.Rules) -> dict[str, Any]:
  """Returns what manifest.json says."""
  described = dataclasses.asdict(rules)
  described['limits'] = rules.limits._asdict()
  return {
    'format': curate.FORMAT,
    'hash': made.hash,
    'rules': described,
    'counts': made.counts(),
    'nearest': made.nearest,
    'sweep': made.sweep,
    'small': made.small,
    'skipped': made.skipped,
    'tiles': [_entry(tile) for tile in made.tiles],
  }


def _entry(tile: curate.Tile) -> dict[str, Any]:
  entry: dict[str, Any] = {'source': tile.source, 'y': tile.y, 'x': tile.x}
  entry |= {k: round(v, 6) for k, v in tile.shown._asdict().items()}
  if not tile.verdict:
    return entry | {'file': tile.file, 'sha256': tile.digest}
  entry['dropped'] = tile.verdict
  return entry | ({'of': tile.of, 'bits': tile.bits} if tile.of else {})


def write(
  spec: str,
  folder: pathlib.Path,
  rules: curate.Rules,
  *,
  split: str = 'train',
  with_sheet: bool = False,
  progress: bool = True,
) -> curate.Curated:
  """Writes the tiles worth keeping, with a manifest.

  `folder` gets train/, validation/ and test/ with PNG files, so that it is a source for
  training; manifest.json with every tile and what became of it; and dropped.png, what
  was dropped and why. A folder that holds the same tiles already is left alone; what
  it lacks of them is added.

  Args:
    spec: See `sources.open_source`.
    folder: Where; made if it does not exist.
    rules: What is kept.
    split: Of the source.
    with_sheet: Draw dropped.png.
    progress: Shows bars.

  Raises:
    UserError: See `curate.judge`; or the folder holds something else or cannot be
      written, or nothing is worth keeping.
  """
  _check_target(folder)
  made, source = curate.judge(spec, rules, split=split, progress=progress)
  if not made.kept:
    raise UserError(
      f"none of the {len(made.tiles)} tiles of '{spec}' is worth keeping; bring other"
      ' pictures'
    )
  if _is_made(folder, made, with_sheet):
    return made
  # '.' and '..' have no names of their own.
  target = folder.resolve()
  there = target.is_dir()
  partial = (target if there else target.parent) / _partial(target)
  try:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
      cells = _write_tiles(source, made, partial, rules, progress=progress)
      if with_sheet:
        draw_sheet(made, cells).save(partial / SHEET)
      text = json.dumps(manifest(made, rules), indent=1)
      (partial / MANIFEST).write_text(text + '\n', encoding='utf-8')
      if there:
        _add_missing(partial, target)
      else:
        partial.replace(target)
    finally:
      shutil.rmtree(partial, ignore_errors=True)
  except OSError as error:
    raise UserError(f'cannot write {folder}: {error.strerror or error}') from error
  return made


def _check_target(folder: pathlib.Path) -> None:
  if folder.exists() and not folder.is_dir():
    raise UserError(f"'{folder}' is a file; name a folder")
  if not folder.is_dir():
    return
  try:
    found = {
      path.relative_to(folder).as_posix()
      for path in folder.rglob('*')
      if not path.is_dir() or path.is_symlink()
    }
  except OSError as error:
    raise UserError(f"cannot read '{folder}': {error.strerror or error}") from error
  made = _read(folder)
  known = set()
  if made:
    known = {MANIFEST, SHEET, *(t['file'] for t in made['tiles'] if 'file' in t)}
  # What a killed start left is nobody's.
  rest = f'{_partial(folder.resolve())}/'
  other = sorted(f for f in found - known if not f.startswith(rest))
  if not made and other:
    raise UserError(f"'{folder}' holds other files; name a new folder")
  if other:
    raise UserError(
      f"'{folder}' holds files that are not in its {MANIFEST}, such as '{other[0]}';"
      ' take them out, or name a new folder'
    )


def _partial(folder: pathlib.Path) -> str:
  return f'.{folder.name}.partial'


def _add_missing(source: pathlib.Path, folder: pathlib.Path) -> None:
  """Moves into a folder those files of another one that it lacks.

  The manifest comes first, so that a folder which a kill left incomplete is known.
  """
  files = [path.relative_to(source) for path in source.rglob('*') if path.is_file()]
  for file in sorted(files, key=lambda f: (f.name != MANIFEST, f)):
    if not (folder / file).exists():
      (folder / file).parent.mkdir(parents=True, exist_ok=True)
      (source / file).replace(folder / file)


def _read(folder: pathlib.Path) -> Mapping[str, Any] | None:
  """Returns the manifest of a folder of tiles; None where there is none."""
  try:
    tree = json.loads((folder / MANIFEST).read_text(encoding='utf-8'))
  except (OSError, ValueError):
    return None
  if not isinstance(tree, dict) or tree.get('format') != curate.FORMAT:
    return None
  tiles = tree.get('tiles')
  whole = isinstance(tiles, list) and all(isinstance(t, dict) for t in tiles)
  return tree if whole and 'hash' in tree else None


def _is_made(folder: pathlib.Path, made: curate.Curated, with_sheet: bool) -> bool:
  """Whether a folder holds these tiles; True leaves it alone, False adds to it."""
  old = _read(folder)
  if old is None:
    return False
  if old['hash'] != made.hash:
    raise UserError(
      f"'{folder}' holds tiles of other pictures or rules; name another folder, or"
      ' remove it'
    )
  wanted = [tile.file for tile in made.kept] + ([SHEET] if with_sheet else [])
  return all((folder / file).is_file() for file in wanted)


def _write_tiles(
  source: CheckedSource,
  made: curate.Curated,
  folder: pathlib.Path,
  rules: curate.Rules,
  *,
  progress: bool,
) -> dict[int, np.ndarray]:
  """Writes the kept tiles; returns the pixels of those that a sheet shows, by index."""
  shown = {i for chosen in _chosen(made).values() for i in chosen}
  files = {made.tiles[i].of for i in shown}
  wanted = shown | {i for i, t in enumerate(made.tiles) if t.file in files}
  by_source: dict[str, list[int]] = {}
  for i, tile in enumerate(made.tiles):
    by_source.setdefault(tile.source, []).append(i)
  places_of = {name: i for i, name in enumerate(source.keys)}
  pixels: dict[int, np.ndarray] = {}
  bar = tqdm.tqdm(
    by_source.items(),
    'writing tiles',
    unit='image',
    leave=False,
    disable=None if progress else True,
  )
  for name, members in bar:
    picture = source.read(places_of[name]).pixels
    for i in members:
      tile = made.tiles[i]
      part = picture[tile.y : tile.y + rules.size, tile.x : tile.x + rules.size]
      if i in wanted:
        pixels[i] = part
      if not tile.verdict:
        path = folder / tile.file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(part).save(path)
  return pixels


def _chosen(made: curate.Curated) -> dict[str, list[int]]:
  """Returns the tiles that the sheet shows of each reason, closest decisions first."""
  margin: dict[str, Callable[[curate.Tile], float]] = {
    information.ONE_COLOUR: lambda t: t.shown.first,
    information.TWO_COLOURS: lambda t: t.shown.first + t.shown.second,
    information.NO_EDGES: lambda t: -t.shown.edges,
    curate.DUPLICATE: lambda t: -t.bits,
  }
  chosen = {}
  for reason, of in margin.items():
    rows = [(of(t), i) for i, t in enumerate(made.tiles) if t.verdict == reason]
    chosen[reason] = [i for _, i in sorted(rows)[:_SHOWN]]
  return chosen


def draw_sheet(made: curate.Curated, pixels: Mapping[int, np.ndarray]) -> Image.Image:
  """Draws what was dropped and why; a duplicate beside the tile that it repeats.

  Args:
    made: The decisions.
    pixels: Of the tiles, by their index in `made.tiles`.
  """
  counts = made.counts()
  index = {tile.file: i for i, tile in enumerate(made.tiles)}
  sections = []
  for reason, chosen in _chosen(made).items():
    cells = []
    for i in chosen:
      tile = made.tiles[i]
      a, b, e = tile.shown
      shown = [pixels[i]]
      caption = f'colours {a:.2f} + {b:.2f}, edges {e:.3f}'
      if tile.of:
        shown, caption = [pixels[index[tile.of]], pixels[i]], f'{tile.bits} bits'
      where = f'{tile.source.strip("_ ")[-18:]} at {tile.x},{tile.y}'
      cells.append(sheet.Cell(shown, f'{where}: {caption}'))
    title = f'{reason}: {len(chosen)} of {counts[reason]}, the closest decisions first'
    if not chosen:
      title = f'{reason}: none'
    sections.append(sheet.Section(title, cells))
  return sheet.draw(sections)
