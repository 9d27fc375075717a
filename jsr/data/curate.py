"""Which tiles of a set of pictures are worth training on: the decisions.

Every picture is cut into squares, the remainder at its right and bottom is left out.
Tiles that show too little are dropped first, so that none takes a better one with it;
then those that repeat an earlier one. A picture's tiles all go to one split, and which
one follows from its name alone: pictures that come later move no other.

Only fingerprints stay in memory; `tile_folder.py` reads the pictures a second time and
writes what is kept.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import tqdm

from jsr.data import fingerprint, images, information, sources
from jsr.data.checked import CheckedSource
from jsr.errors import UserError

FORMAT = 'jsr tiles 1'
DUPLICATE = 'duplicate'
REASONS = (
  information.ONE_COLOUR,
  information.TWO_COLOURS,
  information.NO_EDGES,
  DUPLICATE,
)
SWEEP = (4, 6, 8, 10, 14)


@dataclasses.dataclass(frozen=True)
class Rules:
  """What is kept.

  Attributes:
    size: Height and width of a tile.
    hamming: Bits of 169 in which duplicates may differ.
    similarity: See `fingerprint.duplicates`.
    colour: See there.
    dihedral: Flips and quarter turns are duplicates too.
    limits: See `information.Limits`.
    validation: Share of the pictures whose tiles go to the split 'validation'.
    test: The same for 'test'; the rest is 'train'.
  """

  size: int = 128
  hamming: int = 10
  similarity: float = 0.98
  colour: float = 12.0
  dihedral: bool = False
  limits: information.Limits = information.DEFAULT
  validation: float = 0.0
  test: float = 0.0


@dataclasses.dataclass
class Tile:
  """One tile and what became of it.

  Attributes:
    source: Name of its picture.
    y: Row of its upper left pixel there.
    x: Column.
    split: Of its picture.
    digest: SHA-256 of its pixels.
    shown: See `information.measure`.
    verdict: '' for a kept tile, or one of `REASONS`.
    of: File of the kept tile that a duplicate repeats; else ''.
    bits: Bits in which they differ; -1 for others.
  """

  source: str
  y: int
  x: int
  split: str
  digest: str
  shown: information.Information
  verdict: str = ''
  of: str = ''
  bits: int = -1

  @property
  def file(self) -> str:
    """Where it is kept, below the output folder."""
    return f'{self.split}/{self.source}_y{self.y:04}_x{self.x:04}.png'


@dataclasses.dataclass(frozen=True)
class Curated:
  """What came of a set of pictures.

  Attributes:
    tiles: All of them, in order of picture, row, column.
    pictures: How many were read.
    small: Names of those too small for a tile.
    skipped: (name, reason) of files that could not be read.
    nearest: {bits to the nearest other tile: tiles}, of those that show enough.
    sweep: {bits: duplicates if that many may differ}.
    hash: Of the rules, the pixels and all decisions.
  """

  tiles: list[Tile]
  pictures: int
  small: list[str]
  skipped: list[tuple[str, str]]
  nearest: dict[int, int]
  sweep: dict[int, int]
  hash: str

  @property
  def kept(self) -> list[Tile]:
    """Tiles that stay."""
    return [tile for tile in self.tiles if not tile.verdict]

  def counts(self) -> dict[str, int]:
    """Returns what was left after each step, and how many each reason took."""
    dropped = Counter(tile.verdict for tile in self.tiles)
    low = sum(dropped[reason] for reason in REASONS[:3])
    return {
      'pictures': self.pictures,
      'unreadable': len(self.skipped),
      'too small': len(self.small),
      'tiles': len(self.tiles),
      **{reason: dropped[reason] for reason in REASONS[:3]},
      'after low information': len(self.tiles) - low,
      DUPLICATE: dropped[DUPLICATE],
      'kept': len(self.kept),
    }


def split_of(name: str, rules: Rules) -> str:
  """Returns the split of a picture: a function of its name and the shares."""
  word = hashlib.sha256(name.encode()).digest()[:8]
  place = int.from_bytes(word, 'big') / 2**64
  if place < rules.test:
    return 'test'
  return 'validation' if place < rules.test + rules.validation else 'train'


def places(height: int, width: int, size: int) -> Iterator[tuple[int, int]]:
  """Yields (y, x) of the tiles of a picture, row by row."""
  for y in range(0, height - size + 1, size):
    for x in range(0, width - size + 1, size):
      yield y, x


def judge(
  spec: str, rules: Rules, *, split: str = 'train', progress: bool = True
) -> tuple[Curated, CheckedSource]:
  """Reads every picture and decides about its tiles; writes nothing.

  Args:
    spec: See `sources.open_source`.
    rules: What is kept.
    split: Of the source.
    progress: Shows bars.

  Returns:
    The decisions, and the source for whoever wants the pixels.

  Raises:
    UserError: Rules that contradict each other, no such pictures, or none large enough.
  """
  _check(rules)
  source = sources.open_source(
    spec, split=split, min_size=1, verify=False, progress=progress
  )
  assert isinstance(source, CheckedSource)
  tiles: list[Tile] = []
  prints: list[tuple[np.ndarray, np.ndarray]] = []
  small, skipped = [], list(source.report.skipped)
  order = sorted(range(len(source)), key=lambda i: source.keys[i])
  bar = tqdm.tqdm(
    order,
    f'judging {spec}',
    unit='image',
    leave=False,
    disable=None if progress else True,
  )
  for i in bar:
    name = source.keys[i]
    try:
      pixels = source.read(i).pixels
    except images.BadImage as bad:
      skipped.append((name, str(bad)))
      continue
    before = len(tiles)
    for y, x in places(pixels.shape[0], pixels.shape[1], rules.size):
      tile = pixels[y : y + rules.size, x : x + rules.size]
      shown = information.measure(tile)
      digest = hashlib.sha256(tile.tobytes()).hexdigest()
      found = Tile(name, y, x, split_of(name, rules), digest, shown)
      found.verdict = information.verdict(shown, rules.limits)
      tiles.append(found)
      if not found.verdict:
        features = fingerprint.features(fingerprint.luma(tile))
        prints.append((features, tile.reshape(-1, 3).mean(0)))
    if len(tiles) == before:
      small.append(name)
  if not tiles:
    raise UserError(
      f"no picture of '{spec}' holds a tile of {rules.size} x {rules.size}:"
      f' {len(small)} are smaller, {len(skipped)} cannot be read; choose a smaller'
      ' --size'
    )
  nearest, sweep = _drop_duplicates(
    [tile for tile in tiles if not tile.verdict], prints, rules
  )
  read = len(source) + len(source.report.skipped) - len(skipped)
  made = Curated(tiles, read, small, skipped, nearest, sweep, _hash(tiles, rules))
  return made, source


def _check(rules: Rules) -> None:
  if rules.size < fingerprint.SIDE:
    raise UserError(
      f'tiles of {rules.size} pixels have no fingerprint of {fingerprint.SIDE} x'
      f' {fingerprint.SIDE}; choose a --size from {fingerprint.SIDE}'
    )
  if not 0 <= rules.hamming <= fingerprint.BITS:
    raise UserError(
      f'--hamming {rules.hamming} is none of the {fingerprint.BITS} bits; choose'
      f' 0 to {fingerprint.BITS}'
    )
  # Nothing is true of NaN.
  shares = rules.validation, rules.test
  if not (min(shares) >= 0 and max(shares) >= 0 and sum(shares) < 1):
    raise UserError(
      f'--validation {rules.validation:g} and --test {rules.test:g} leave nothing to'
      ' train on; choose shares from 0 that sum to less than 1'
    )


def _drop_duplicates(
  tiles: Sequence[Tile], prints: Sequence[tuple[np.ndarray, np.ndarray]], rules: Rules
) -> tuple[dict[int, int], dict[int, int]]:
  """Marks duplicates; returns the histogram of nearest distances, and the sweep."""
  if not tiles:
    return {}, dict.fromkeys(SWEEP, 0)
  every = fingerprint.Prints(*(np.stack(part) for part in zip(*prints, strict=True)))

  def find(bits: int) -> fingerprint.Duplicates:
    return fingerprint.duplicates(
      every,
      most=bits,
      similarity=rules.similarity,
      colour=rules.colour,
      dihedral=rules.dihedral,
    )

  found = find(rules.hamming)
  for tile, of, bits in zip(tiles, found.of, found.distance, strict=True):
    if of >= 0:
      tile.verdict, tile.of, tile.bits = DUPLICATE, tiles[of].file, int(bits)
  distances = Counter(int(d) for d in fingerprint.nearest(every) if d >= 0)
  sweep = {bits: int((find(bits).of >= 0).sum()) for bits in SWEEP}
  return dict(sorted(distances.items())), sweep


def _hash(tiles: Sequence[Tile], rules: Rules) -> str:
  facts = [[t.source, t.y, t.x, t.split, t.digest, t.verdict, t.of] for t in tiles]
  text = json.dumps([FORMAT, dataclasses.asdict(rules), facts])
  return hashlib.sha256(text.encode()).hexdigest()


def text(made: Curated) -> str:
  """Returns the counts, the nearest distances and the sweep, for a terminal."""
  counts = made.counts()
  dropped = ', '.join(f'{counts[r]} {r}' for r in REASONS[:3])
  lines = [
    f'pictures                {counts["pictures"]} ({counts["unreadable"]} unreadable,'
    f' {counts["too small"]} too small for a tile)',
    f'tiles                   {counts["tiles"]}',
    f'after low information   {counts["after low information"]} (dropped: {dropped})',
    f'after duplicates        {counts["kept"]} (dropped: {counts[DUPLICATE]})',
    f'kept                    {counts["kept"] / counts["tiles"]:.1%}',
    'bits to the nearest other tile:',
  ]
  groups: dict[int, int] = {}
  for bits, n in made.nearest.items():
    groups[bits // 5] = groups.get(bits // 5, 0) + n
  top = max(groups.values(), default=1)
  for group in range(min(groups, default=0), max(groups, default=-1) + 1):
    n = groups.get(group, 0)
    bar = '#' * round(40 * n / top)
    lines.append(f'  {5 * group:3} to {5 * group + 4:3} {n:6} {bar}'.rstrip())
  swept = ', '.join(f'{bits}: {n}' for bits, n in made.sweep.items())
  lines.append(f'duplicates by the bits that may differ: {swept}')
  splits = Counter(tile.split for tile in made.kept)
  told = ', '.join(f'{n} {name}' for name, n in sorted(splits.items()))
  return '\n'.join([*lines, f'splits: {told}', f'hash {made.hash[:16]}'])
