"""Animated pictures, one composited frame at a time."""

import dataclasses
import itertools
import math
import os
import pathlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from jsr.data.images import BadImage
from jsr.errors import UserError
from jsr.upscale import (
  deep_read,
  formats,
  gif_stream,
  metadata,
  png_check,
  png_stream,
  tiff_read,
  writers,
)
from jsr.upscale import picture as picture_module
from jsr.upscale.formats import Format, Plan
from jsr.upscale.metadata import Metadata
from jsr.upscale.picture import Picture
from jsr.upscale.reading import FORMATS, MAX_PIXELS, decoding, opened

# All frames together, as a multiple of the limit of one: a small file can hold
# millions of large empty ones.
TOTAL = 8


@dataclasses.dataclass(frozen=True)
class Animation:
  """An animated file; iterating decodes it anew.

  Attributes:
    path: The file.
    size: (height, width).
    count: Frames.
    loop: How often it plays; 0 for ever.
    durations: Milliseconds of each frame.
    has_alpha: Whether any frame has a pixel that is not opaque; else none has alpha.
    metadata: Of the file.
    format: Pillow's name of the format.
    notes: What was converted or left out, in words.
    max_pixels: Of one frame.
    orientation: EXIF's, 1 to 8, which frames are turned by.
  """

  path: str | os.PathLike[str]
  size: tuple[int, int]
  count: int
  loop: int
  durations: tuple[int, ...]
  has_alpha: bool
  metadata: Metadata
  format: str
  max_pixels: int = MAX_PIXELS
  notes: tuple[str, ...] = ()
  orientation: int = 1

  def __len__(self) -> int:
    return self.count

  def __iter__(self) -> Iterator[tuple[Picture, int]]:
    """Yields each frame, uint8 RGB with or without alpha, and its milliseconds.

    Raises:
      BadImage: The file has changed.
    """
    for i, pixels in enumerate(_frames(self.path, self.max_pixels)):
      if i >= self.count:
        raise BadImage('the file has changed while it was read')
      pixels = picture_module.turned(pixels, self.orientation)
      color = np.ascontiguousarray(pixels[..., :3])
      alpha = np.ascontiguousarray(pixels[..., 3:]) if self.has_alpha else None
      for array in (color, alpha):
        if array is not None:
          array.flags.writeable = False
      frame = Picture(color, alpha, 'rgb', self.metadata, self.format)
      yield frame, self.durations[i]


def open_animation(
  path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS
) -> Animation | None:
  """Opens an animated GIF, WebP, PNG or AVIF; every frame is decoded once to check it.

  Args:
    path: The file.
    max_pixels: Of one frame; all together may have `TOTAL` times as many.

  Returns:
    The animation, or None for a file of one frame or of another format.

  Raises:
    BadImage: As `image_io.read`; also for a broken frame.
  """
  with decoding(max_pixels):
    if tiff_read.is_tiff(path):  # Its pages are no frames, and Pillow knows few kinds.
      return None
  with decoding(max_pixels), opened(path, max_pixels) as image:
    if image.format not in ('GIF', 'WEBP', 'PNG', 'AVIF'):
      return None
    if not getattr(image, 'is_animated', False):
      return None
    color = png_check.check(os.fspath(path)) if image.format == 'PNG' else {}
    cut = deep_read.cut(image, path)
    name, size = image.format, (image.height, image.width)
    loop = _plays(image)
  durations: list[int] = []
  has_alpha = False
  total = 0
  for pixels in _frames(path, max_pixels, durations):
    total += size[0] * size[1]
    if total > TOTAL * max_pixels:
      raise BadImage(f'its frames have more than {TOTAL * max_pixels} pixels together')
    has_alpha = has_alpha or bool((pixels[..., 3] != 255).any())
  with decoding(max_pixels), opened(path, max_pixels) as image:
    image.load()
    found, orientation, trouble = metadata.of(image)
  found = dataclasses.replace(found, color=color)
  turned = ('EXIF orientation applied',) * (orientation != 1)
  return Animation(
    path=path,
    size=size if orientation < 5 else size[::-1],
    count=len(durations),
    loop=loop,
    durations=tuple(durations),
    has_alpha=has_alpha,
    metadata=found,
    format=name,
    max_pixels=max_pixels,
    notes=(*cut, *trouble, *turned),
    orientation=orientation,
  )


def _plays(image: Image.Image) -> int:
  loop = image.info.get('loop')
  if image.format == 'GIF':  # It counts repetitions; without the field there are none.
    return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
  return int(loop or 0)


def _frames(
  path: str | os.PathLike[str], max_pixels: int, durations: list[int] | None = None
) -> Iterator[np.ndarray]:
  """Yields uint8 (H, W, 4); appends the milliseconds of each frame to `durations`."""
  with open(path, 'rb') as stream:
    with decoding(max_pixels):
      image: Any = Image.open(stream, formats=FORMATS)
      hidden = bool(image.info.get('default_image'))
    index = int(hidden)  # A picture for readers that know no animated PNG.
    while True:
      # The lock is not held while the caller works on a frame.
      with decoding(max_pixels):
        try:
          image.seek(index)
        except EOFError:
          return
        pixels = np.asarray(image.convert('RGBA'))
        duration = image.info.get('duration', 0)
      if durations is not None:
        durations.append(max(0, round(float(duration))))
      yield pixels
      index += 1


def write_animation(
  path: str | os.PathLike[str],
  frames: Iterable[tuple[np.ndarray, int]],
  *,
  picture: Picture | Animation,
  format: str | None = None,
  loop: int = 0,
  quality: int | None = None,
  lossless: bool = False,
) -> tuple[str, ...]:
  """Writes an animation, whole or not at all, one frame in memory at a time.

  WebP and AVIF keep frames compressed in memory, and raw in a temporary file.

  Args:
    path: Replaced if it exists, only when all is written.
    frames: uint8 (H, W, C) of one shape, alpha last where C is even, and milliseconds.
    picture: Gives the metadata.
    format: A name of `formats`; None: by the suffix of the path.
    loop: How often it plays; 0 for ever.
    quality: As `write`.
    lossless: As `write`.

  Returns:
    What could not be kept, a phrase each.

  Raises:
    UserError: The format holds no frames or not the size, or writing fails.
    ValueError: There are no frames, or their shapes differ.
  """
  path = pathlib.Path(path)
  kind = formats.format_of(path, format)
  if not kind.animated:
    names = ', '.join(known.name for known in formats.formats() if known.animated)
    raise UserError(f'{path}: {kind.name} holds no frames; choose one of: {names}')
  checked = _checked(frames, kind, path)
  first = next(checked)
  height, width, channels = first[0].shape
  colors = channels - (channels % 2 == 0)
  model = Picture(
    first[0][..., :colors],
    first[0][..., colors:] if colors < channels else None,
    'rgb' if colors == 3 else 'grey',
    picture.metadata,
  )
  plan = formats.plan(kind, model, height, width, lossless)
  every = writers.told(itertools.chain([first], checked))
  with writers.replacing(path) as stream:
    if kind.name == 'PNG':
      png_stream.write_animation(stream, every, loop=loop, metadata=plan.metadata)
    elif kind.name == 'GIF':
      comment = plan.metadata.text.get('Comment')
      gif_stream.write(stream, every, loop=loop, comment=comment)
    else:
      _save_all(stream, every, plan, loop, quality, lossless)
  notes = plan.notes
  if kind.name == 'AVIF' and loop:
    notes = (*notes, 'AVIF has no count of repetitions')
  return notes


def _checked(
  frames: Iterable[tuple[np.ndarray, int]], kind: Format, path: pathlib.Path
) -> Iterator[tuple[np.ndarray, int]]:
  shape: tuple[int, ...] | None = None
  for pixels, duration in frames:
    if shape is None:
      shape = pixels.shape
      formats.check_size(kind, shape[0], shape[1], path)
    if pixels.shape != shape or pixels.dtype != np.uint8:
      raise ValueError(f'a frame of {pixels.shape} {pixels.dtype} after {shape} uint8')
    yield pixels, duration
  if shape is None:
    raise ValueError('an animation without frames')


class _Spooled(Image.Image):
  """Frames on disk as one Pillow image: Pillow wants to know their number first."""

  def __init__(self, stream: BinaryIO, shape: tuple[int, ...], space: str, count: int):
    super().__init__()
    self.n_frames = count
    self.is_animated = count > 1
    self._stream, self._shape, self._space, self._at = stream, shape, space, 0
    self.seek(0)

  def seek(self, frame: int) -> None:
    if not 0 <= frame < self.n_frames:
      raise EOFError
    self._at = frame
    size = math.prod(self._shape)
    self._stream.seek(frame * size)
    pixels = np.frombuffer(self._stream.read(size), np.uint8).reshape(self._shape)
    image = picture_module.pil_of(pixels, self._space)
    self.im, self._mode, self._size = image.im, image.mode, image.size

  def tell(self) -> int:
    return self._at


def _save_all(
  stream: BinaryIO,
  frames: Iterable[tuple[np.ndarray, int]],
  plan: Plan,
  loop: int,
  quality: int | None,
  lossless: bool,
) -> None:
  durations = []
  with tempfile.TemporaryFile() as spool:
    for pixels, duration in frames:
      shape = pixels.shape
      spool.write(pixels.tobytes())
      durations.append(duration)
    image = _Spooled(spool, shape, plan.source_space, len(durations))
    options = {'save_all': True, 'duration': durations}
    if plan.kind.name == 'WEBP':
      options['loop'] = loop
    writers.save(image, stream, plan.kind, plan.metadata, quality, lossless, **options)
