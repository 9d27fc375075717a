"""Writing pictures: whole or not at all, and saying what the format cannot keep."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, TypeVar

import numpy as np
from PIL import Image

from jsr import errors
from jsr.errors import UserError
from jsr.upscale import formats, gif_stream, png_stream, tiff_stream
from jsr.upscale import picture as picture_module
from jsr.upscale.formats import Format, Plan
from jsr.upscale.metadata import Metadata
from jsr.upscale.picture import Picture

T = TypeVar('T')

# Of the lossy formats, where none is asked for.
QUALITY = 92


def write(
  path: str | os.PathLike[str],
  rows: Iterable[np.ndarray],
  *,
  height: int,
  width: int,
  picture: Picture,
  format: str | None = None,
  quality: int | None = None,
  lossless: bool = False,
) -> tuple[str, ...]:
  """Writes a picture, whole or not at all.

  PNG and TIFF are streamed; the other formats need all samples in memory. Samples are
  rounded once, half up, to 16 bits where `picture` has 16 and the format can, else 8.

  Args:
    path: Replaced if it exists, only when all is written.
    rows: Bands of consecutive rows, floating point (n, W, C) in [0, 1] of any n, in the
      space of `picture`, straight alpha last where it has alpha.
    height: Of the result.
    width: Of the result.
    picture: What the result comes from: its space, depth, alpha and metadata count.
    format: A name of `formats`; None: by the suffix of the path.
    quality: 1 to 100 of the lossy formats; None: `QUALITY`. From 90 on JPEG and AVIF
      keep colour at full resolution.
    lossless: WebP and AVIF without loss.

  Returns:
    What could not be kept, a phrase each.

  Raises:
    UserError: The format cannot hold the size, or the file cannot be written.
    ValueError: The rows are not as described.
  """
  path = pathlib.Path(path)
  kind = formats.format_of(path, format)
  formats.check_size(kind, height, width, path)
  if quality is not None and not 1 <= quality <= 100:
    raise UserError(f'quality {quality} is not within 1 to 100')
  plan = formats.plan(kind, picture, height, width, lossless)
  checked = _checked(rows, height, width, plan.channels_in)
  with replacing(path) as stream:
    samples = (convert(band, plan) for band in told(checked))
    _encode(stream, samples, plan, height, width, quality, lossless)
  return plan.notes


def convert(band: np.ndarray, plan: Plan) -> np.ndarray:
  """Turns rows of a picture, floats in [0, 1], into the samples of its file."""
  if plan.source_alpha and not plan.alpha:
    alpha = band[..., -1:]
    paper = 0.0 if plan.source_space == 'cmyk' else 1.0
    band = band[..., :-1] * alpha + np.float32(paper) * (1 - alpha)
  if plan.source_space == plan.space:
    samples = quantize(band, plan.depth)
  elif plan.source_space == 'grey':
    samples = quantize(band, plan.depth)
    samples = np.concatenate([samples[..., :1].repeat(3, -1), samples[..., 1:]], -1)
  else:
    ink = quantize(band, 8)
    rgb = picture_module.cmyk_to_rgb(ink[..., :4], plan.ink)
    samples = np.concatenate([rgb, ink[..., 4:]], -1)
  return samples


def quantize(values: np.ndarray, depth: int) -> np.ndarray:
  """Rounds [0, 1] half up to uint8 or uint16; what is outside is clipped.

  Raises:
    ValueError: A value is not finite.
  """
  peak = 2**depth - 1
  scaled = np.clip(values, 0, 1) * np.float32(peak)
  scaled += np.float32(0.5)
  if not np.isfinite(scaled.sum()):
    raise ValueError('rows hold values that are not finite')
  return scaled.astype(np.uint16 if depth == 16 else np.uint8)


def _encode(
  stream: BinaryIO,
  samples: Iterator[np.ndarray],
  plan: Plan,
  height: int,
  width: int,
  quality: int | None,
  lossless: bool,
) -> None:
  if plan.kind.streams:
    write_stream = tiff_stream.write if plan.kind.name == 'TIFF' else png_stream.write
    write_stream(
      *(stream, samples, height, width),
      space=plan.space,
      alpha=plan.alpha,
      depth=plan.depth,
      metadata=plan.metadata,
    )
    return
  whole = np.empty((height, width, plan.channels), np.uint8)
  row = 0
  for band in samples:
    whole[row : row + len(band)] = band
    row += len(band)
  image = picture_module.pil_of(whole, plan.space)
  if plan.kind.name == 'GIF':
    comment = plan.metadata.text.get('Comment')
    gif_stream.write(stream, [(whole, 0)], loop=1, comment=comment)
    return
  save(image, stream, plan.kind, plan.metadata, quality, lossless)


def save(
  image: Image.Image,
  stream: BinaryIO,
  kind: Format,
  meta: Metadata,
  quality: int | None,
  lossless: bool,
  **more: object,
) -> None:
  """Saves by Pillow in a lossy format."""
  quality = QUALITY if quality is None else quality
  options: dict[str, Any] = dict(more)
  if meta.icc:
    options['icc_profile'] = meta.icc
  if meta.exif:
    prefix = b'Exif\0\0' if kind.name == 'JPEG' else b''
    options['exif'] = prefix + meta.exif
  if meta.xmp:
    options['xmp'] = meta.xmp
  fine = quality >= 90
  if kind.name == 'JPEG':
    options |= {'quality': quality, 'subsampling': 0 if fine else 2}
    if meta.dpi:
      options['dpi'] = tuple(round(v) for v in meta.dpi)
    if meta.text:
      options['comment'] = meta.text['Comment'].encode('utf-8', 'replace')
  elif kind.name == 'WEBP':
    options |= {'quality': quality, 'lossless': lossless, 'exact': True, 'method': 4}
  else:
    full = '4:0:0' if image.mode == 'L' else '4:4:4'
    options |= {
      'quality': 100 if lossless else quality,
      'subsampling': full if fine or lossless else '4:2:0',
    }
  image.save(stream, kind.name, **options)


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[BinaryIO]:
  """Opens a temporary file beside a path that takes its place if all goes well.

  Raises:
    UserError: The system refuses to write.
  """
  temporary = path.with_name(f'.{path.stem[:60]}.{secrets.token_hex(6)}.part')
  try:
    with open(temporary, 'xb') as stream:
      yield stream
    temporary.replace(path)
  except _FromCaller as error:
    raise error.cause from None
  except OSError as error:
    raise UserError(
      f'{path} cannot be written: {error.strerror or errors.first_line(error)}'
    ) from error
  finally:
    with contextlib.suppress(OSError):
      temporary.unlink(missing_ok=True)


class _FromCaller(Exception):  # noqa: N818  It carries an error through ours.
  def __init__(self, cause: BaseException):
    self.cause = cause


def told(items: Iterable[T]) -> Iterator[T]:
  """Marks what the caller's own code raises: an OSError there is not about our file."""
  try:
    yield from items
  except Exception as error:
    raise _FromCaller(error) from error


def _checked(
  rows: Iterable[np.ndarray], height: int, width: int, channels: int
) -> Iterator[np.ndarray]:
  count = 0
  for band in rows:
    if band.ndim != 3 or band.shape[1:] != (width, channels):
      raise ValueError(f'rows of shape {band.shape} for (n, {width}, {channels})')
    count += len(band)
    if count > height:
      raise ValueError(f'more than {height} rows')
    yield band
  if count != height:
    raise ValueError(f'{count} rows for {height}')
