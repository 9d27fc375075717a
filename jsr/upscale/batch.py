"""One file of a batch after the other: whole or not at all, and what became of it."""

import dataclasses
import logging
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jsr import errors
from jsr.evaluate import output
from jsr.upscale import image_io, plan, trust, writers
from jsr.upscale.engines import OutOfMemory
from jsr.upscale.plan import Item
from jsr.upscale.progress import Bar
from jsr.upscale.report import Entry, Report
from jsr.upscale.upscaler import Upscaler
from jsr.weights import embedded

# Of a result. A PNG of as many takes 12 GB before compression; a larger one was not
# meant.
MAX_RESULT = 2**32
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Settings:
  """How files are read and written; `Options` says how pixels are made.

  Attributes:
    format: Of the results; None: see `plan.py`.
    quality: 1 to 100 of the lossy formats.
    lossless: WebP and AVIF without loss.
    overwrite: Replace results that are there; else they are kept.
    trust_map: Write NAME-trust.png beside each result.
    max_pixels: The most that an input may have.
    report: Where to write the report.
  """

  format: str | None = None
  quality: int | None = None
  lossless: bool = False
  overwrite: bool = False
  trust_map: bool = False
  max_pixels: int = image_io.MAX_PIXELS
  report: pathlib.Path | None = None


class Batch:
  """What the files of a batch share."""

  def __init__(self, upscaler: Upscaler, settings: Settings, bar: Bar, report: Report):
    self.upscaler, self.settings, self.bar = upscaler, settings, bar
    self.report = report
    # Results so far by what they are on disk: links can make two names one file.
    self._made: dict[tuple[int, int] | None, pathlib.Path] = {}

  def do(self, index: int, item: Item) -> None:
    """Does one file, and tells and notes what became of it."""
    self.bar.begin(index)
    entry = Entry(str(item.source))
    start = time.monotonic()
    self.upscaler.forget_warnings()
    try:
      self._do(item, entry)
    except Exception as error:  # Whatever it is, the other files are still done.
      entry.status, entry.error = 'failed', _reason(error)
      log.debug('%s', item.source, exc_info=True)
    finally:
      entry.seconds = round(time.monotonic() - start, 3)
      entry.warnings = list(self.upscaler.warnings)
      self.report.entries.append(entry)
    self.bar.end()
    for warning in entry.warnings:
      self.bar.write(f'jsr upscale: {item.source}: warning: {warning}', error=True)
    if entry.status == 'failed':
      self.bar.write(f'jsr upscale: {item.source}: {entry.error}', error=True)
    elif entry.status == 'skipped':
      self.bar.write(
        f'{item.source}: {item.target} is there and kept; --overwrite replaces it'
      )
    else:
      self.bar.write(entry.line)

  def _do(self, item: Item, entry: Entry) -> None:
    if item.problem:
      raise image_io.BadImage(item.problem)
    wanted = [path for path in (item.target, item.trust) if path is not None]
    if not self.settings.overwrite:
      wanted = [path for path in wanted if not path.exists()]
    if not wanted:
      entry.status, entry.output = 'skipped', str(item.target)
      return
    for path in wanted:
      before = self._made.get(plan.identity(path))
      if before is not None:
        raise image_io.BadImage(f'{path} is the result of {before}, by another name')
    with output.folder(item.target.parent):
      if item.video:
        self._video(item, entry)
      else:
        self._picture(item, entry, wanted)
    self._made.update((plan.identity(path), item.source) for path in wanted)
    entry.status, entry.output = 'done', str(item.target)

  def _picture(self, item: Item, entry: Entry, wanted: list[pathlib.Path]) -> None:
    limit = self.settings.max_pixels
    animation = image_io.open_animation(item.source, max_pixels=limit)
    if animation is not None:
      self._animation(animation, item, entry)
      return
    picture = image_io.read(item.source, max_pixels=limit)
    height, width = self._size(picture.height, picture.width, entry)
    if item.target in wanted:
      # The result, and the map that takes two of its kind.
      parts = 3 if item.trust in wanted else 1
      rows = self.upscaler.rows(picture, lambda done: self.bar.share(done / parts))
      entry.notes += picture.notes
      larger = max(picture.height, picture.width) > self.upscaler.tile
      if larger and not self.upscaler.exact:
        entry.notes.append('the network looks farther than its tiles do')
      entry.notes += image_io.write(
        item.target,
        rows,
        height=height,
        width=width,
        picture=picture,
        quality=self.settings.quality,
        lossless=self.settings.lossless,
      )
      entry.residual = self.upscaler.residual
      if entry.residual is not None and self._lossy(item.target):
        entry.notes.append('the residual is that before the compression')
    # Whatever becomes of the map, the result is there.
    entry.output = str(item.target)
    if item.trust is not None and item.trust in wanted:
      image_io.write(
        item.trust,
        self.upscaler.trust(picture, lambda done: self.bar.share((1 + 2 * done) / 3)),
        height=height + trust.LEGEND,
        width=width,
        picture=image_io.Picture(np.zeros((1, 1, 3), np.uint8)),
      )
    if item.trust is not None:
      entry.trust_map = str(item.trust)

  def _lossy(self, target: pathlib.Path) -> bool:
    return image_io.format_of(target).lossy and not self.settings.lossless

  def _animation(self, animation: image_io.Animation, item: Item, entry: Entry) -> None:
    if item.trust is not None:
      raise image_io.BadImage('it is animated, and --trust-map is for still pictures')
    kind = image_io.format_of(item.target)
    if not kind.animated:
      raise image_io.BadImage(
        f'it is animated, and {kind.name} holds no frames: use --format gif, webp, png'
        ' or avif'
      )
    self._size(*animation.size, entry)
    residuals: list[dict[str, float]] = []

    def frames() -> Iterator[tuple[np.ndarray, int]]:
      for i, (picture, duration) in enumerate(animation):
        yield self._pixels(picture), duration
        self.bar.frames(i + 1, 0, len(animation))
        if self.upscaler.residual is not None:
          residuals.append(self.upscaler.residual)

    entry.notes += animation.notes
    entry.notes += image_io.write_animation(
      item.target,
      frames(),
      picture=animation,
      loop=animation.loop,
      quality=self.settings.quality,
      lossless=self.settings.lossless,
    )
    entry.frames = len(animation)
    entry.residual = _together(residuals)

  def _video(self, item: Item, entry: Entry) -> None:
    from jsr.upscale import segments, video

    residuals: list[dict[str, float]] = []

    def enlarge(rgb: np.ndarray) -> np.ndarray:
      pixels = self._pixels(image_io.Picture(rgb))
      if self.upscaler.residual is not None:
        residuals.append(self.upscaler.residual)
      return pixels

    try:
      done = video.upscale(
        item.source,
        item.target,
        enlarge,
        key=self._key(),
        max_pixels=self.settings.max_pixels,
        quality=self.settings.quality,
        progress=self.bar.frames,
      )
    except (KeyboardInterrupt, SystemExit):
      kept = segments.Folder(item.target).complete() * video.PIECE
      if kept:
        self.bar.write(
          f'{item.source}: {kept} frames are kept; the same command goes on from there',
          error=True,
        )
      raise
    entry.input_size, entry.output_size = done.size[::-1], done.result[::-1]
    entry.frames = done.frames
    if done.resumed:
      entry.notes.append(f'{done.resumed} frames were there from an earlier run')
    entry.notes += done.notes
    entry.residual = _together(residuals)

  def _size(self, height: int, width: int, entry: Entry) -> tuple[int, int]:
    entry.input_size = (width, height)
    height, width = self._checked(height, width)
    entry.output_size = (width, height)
    return height, width

  def _checked(self, height: int, width: int) -> tuple[int, int]:
    """Returns (height, width) of a result that is not too large."""
    height, width = self.upscaler.size(height, width)
    if height * width > MAX_RESULT:
      raise image_io.BadImage(f'{width} x {height} pixels would be too many to make')
    return height, width

  def _pixels(self, picture: image_io.Picture) -> np.ndarray:
    """Upscales a frame; uint8 (H, W, C)."""
    self._checked(picture.height, picture.width)
    return writers.quantize(np.concatenate([*self.upscaler.rows(picture)]), 8)

  def _key(self) -> dict[str, Any]:
    """Returns what the pixels of a video depend on."""
    options = dataclasses.asdict(self.upscaler.options)
    names = [self.upscaler.name, options['perceptual']]
    return {
      'engine': self.upscaler.engine,
      'options': options,
      'models': [[name, _state(name)] for name in names],
    }


def _state(name: str) -> list[Any]:
  """Returns what changes when a model of this name is another."""
  path = embedded.path(name) if name in embedded.names() else pathlib.Path(name)
  if not name or not path.exists():
    return []
  files = (
    [path] if path.is_file() else sorted(path.glob('*')) + sorted(path.glob('*/*'))
  )
  return [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files]


def _together(residuals: Sequence[dict[str, float]]) -> dict[str, float] | None:
  if not residuals:
    return None
  return {
    'mean': sum(r['mean'] for r in residuals) / len(residuals),
    'max': max(r['max'] for r in residuals),
  }


def _reason(error: Exception) -> str:
  if isinstance(error, MemoryError | OutOfMemory):
    return 'there is not enough memory: use a smaller --tile, or PNG or TIFF'
  if isinstance(error, OSError):
    where = f'{error.filename} ' if error.filename else ''
    return f'{where}cannot be used: {error.strerror or errors.first_line(error)}'
  if isinstance(error, image_io.BadImage | errors.UserError):
    return str(error)
  return (
    f'{type(error).__name__}: {errors.first_line(error)}; this is a fault of jsr:'
    ' JSR_LOG=DEBUG shows more, please report it'
  )
