"""The TIFFs that Pillow cannot open: deep grey with alpha, deep planes, ink and alpha.

tifffile reads those that are stored plain, deflated or as packed bits.
"""

import contextlib
import ctypes
import functools
import io
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from jsr.data.images import BadImage
from jsr.upscale import metadata
from jsr.upscale.picture import CHANNELS, Picture, upright

MARKS = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_SPACES = {0: 'grey', 1: 'grey', 2: 'rgb', 5: 'cmyk'}


def check_size(width: int, height: int, max_pixels: int) -> None:
  """Raises BadImage for no pixels, and for more than allowed."""
  if width < 1 or height < 1:
    raise BadImage(f'{width} x {height} pixels are no picture')
  if width * height > max_pixels:
    raise BadImage(f'{width} x {height} is more than {max_pixels} pixels')


def is_tiff(file: str | os.PathLike[str] | bytes) -> bool:
  """Whether the first bytes are those of a TIFF."""
  if isinstance(file, bytes):
    return file[:4] in MARKS
  with open(file, 'rb') as stream:
    return stream.read(4) in MARKS


def is_better(image: Image.Image, layouts: tuple[str, ...]) -> bool:
  """Whether Pillow would drop alpha beside ink, or the low half of 16 bits.

  Args:
    image: A TIFF as Pillow opened it, not yet decoded.
    layouts: Names of the 16-bit layouts that are read in full through Pillow.
  """
  tags = image.tag_v2  # type: ignore[attr-defined]  # Of Pillow's TIFF class.
  if image.mode == 'CMYK' and tags.get(277, 4) > 4:
    return True
  if 16 not in tags.get(258, ()) or image.mode.startswith('I'):
    return False
  tiles = image.tile  # type: ignore[attr-defined]  # Of its ImageFile class.
  names = [
    tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in tiles
  ]
  return not all(str(name).startswith(layouts) for name in names)


def white_is_zero(image: Image.Image) -> bool:
  """Whether the largest grey value of a TIFF stands for black."""
  return image.tag_v2.get(262) == 0  # type: ignore[attr-defined]


@contextlib.contextmanager
def silence() -> Iterator[None]:
  """Keeps libtiff, which Pillow decodes by, from writing to standard error.

  Only one thread may be in here at a time. Where libtiff's handler of errors cannot be
  reached, standard error is closed to all threads.
  """
  handler = _handler()
  if handler is not None:
    before = handler(None)
    try:
      yield
    finally:
      handler(before)
    return
  with contextlib.ExitStack() as stack:
    # Without a standard error there is nothing to keep it from.
    with contextlib.suppress(OSError):
      kept = os.dup(2)
      stack.callback(os.close, kept)
      nothing = os.open(os.devnull, os.O_WRONLY)
      stack.callback(os.close, nothing)
      os.dup2(nothing, 2)
      stack.callback(os.dup2, kept, 2)
    yield


@functools.cache
def _handler() -> Any:
  """Returns libtiff's function that exchanges its handler of errors; None: not found.

  A symbol is searched for in a library and in what that one needs: in the libtiff of
  Pillow, wherever that is.
  """
  try:
    found = ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler
  except (AttributeError, OSError, TypeError):
    return None
  found.argtypes, found.restype = [ctypes.c_void_p], ctypes.c_void_p
  return found


_ORIENTATION = 274  # The tag.


class Unsupported(BadImage):
  """A layout or a compression that neither reader knows."""


def read(file: str | os.PathLike[str] | bytes, max_pixels: int) -> Picture:
  """Reads the first page.

  Args:
    file: A path or the encoded bytes.
    max_pixels: A larger picture is refused by its header.

  Raises:
    BadImage: The page is too large or of another kind.
    Exception: Whatever tifffile raises on damaged bytes.
  """
  import tifffile

  with (
    io.BytesIO(file) if isinstance(file, bytes) else open(file, 'rb') as stream,
    tifffile.TiffFile(stream) as tiff,
  ):
    page = tiff.pages.first
    assert isinstance(page, tifffile.TiffPage)
    space = _SPACES.get(int(page.photometric), '')
    count = page.samplesperpixel - CHANNELS.get(space, 0)
    if (
      not space
      or count < 0
      or page.imagedepth != 1
      or page.dtype not in (np.uint8, np.uint16)
    ):
      raise Unsupported('a TIFF of a kind that is not supported')
    check_size(page.imagewidth, page.imagelength, max_pixels)
    _check_segments(page, stream.seek(0, os.SEEK_END))
    shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
    try:
      samples = np.asarray(page.asarray())
    except ValueError as error:
      if 'requires the' not in str(error):
        raise
      raise Unsupported('a TIFF of a kind that is not supported') from error
    if int(page.planarconfig) == 2 and samples.ndim == 3:
      samples = np.moveaxis(samples, 0, -1)
    samples = samples.reshape(shape)
    found, orientation, trouble = metadata.gather(lambda: _exif(stream), _info(page))
    several = ('the first page of several',) if len(tiff.pages) > 1 else ()
    extra = [int(kind) for kind in page.extrasamples]
    inverted = int(page.photometric) == 0
  notes = [*several, *trouble]
  if inverted:
    samples = np.iinfo(samples.dtype).max - samples
  if count > 1 or (count and extra[:1] == [0]):
    notes.append('channels beside colour and alpha left out')
  has_alpha = bool(count) and extra[:1] != [0]
  samples = samples[..., : CHANNELS[space] + has_alpha]
  if has_alpha and extra[0] == 1:
    notes.append('premultiplied alpha becomes straight')
    samples = _straight(samples)
  return upright(samples, space, orientation, found, 'TIFF', notes)


def size(file: str | os.PathLike[str] | bytes) -> tuple[int, int, int]:
  """Returns (width, height, EXIF orientation) of the first page, undecoded."""
  import tifffile

  with (
    io.BytesIO(file) if isinstance(file, bytes) else open(file, 'rb') as stream,
    tifffile.TiffFile(stream) as tiff,
  ):
    page = tiff.pages.first
    assert isinstance(page, tifffile.TiffPage)
    tag = page.tags.get(_ORIENTATION)
    return page.imagewidth, page.imagelength, int(tag.value) if tag else 1


def _check_segments(page, size: int) -> None:  # type: ignore[no-untyped-def]
  """tifffile takes missing strips for black ones."""
  places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
  if len(places) < int(np.prod(page.chunked)):
    raise BadImage('the TIFF is damaged: strips are missing')
  if any(at <= 0 or count <= 0 or at + count > size for at, count in places):
    raise BadImage('the TIFF is truncated')


def _straight(samples: np.ndarray) -> np.ndarray:
  """Divides by alpha, the last channel."""
  peak = np.iinfo(samples.dtype).max
  alpha = samples[..., -1:]
  color = samples[..., :-1].astype(np.float64) * peak / np.maximum(alpha, 1)
  color = np.minimum(color + 0.5, peak).astype(samples.dtype)
  return np.concatenate([color, alpha], -1)


def _exif(stream) -> Image.Exif:  # type: ignore[no-untyped-def]
  found = Image.Exif()
  stream.seek(0)
  found.load_from_fp(stream)
  for tag in metadata.EXIF_IFD, metadata.GPS_IFD:
    found.get_ifd(tag)  # While the file is open.
  return found


def _info(page) -> dict[str, object]:  # type: ignore[no-untyped-def]
  info: dict[str, object] = {'icc_profile': page.iccprofile}
  xmp = page.tags.get(700)
  if xmp is not None and isinstance(xmp.value, bytes):
    info['xmp'] = xmp.value
  unit = page.tags.get(296)
  factor = {2: 1.0, 3: 2.54}.get(int(unit.value) if unit is not None else 2)
  both = [page.tags.get(tag) for tag in (282, 283)]
  if factor and all(tag is not None for tag in both):
    fractions = [tag.value for tag in both]
    if all(below for _, below in fractions):
      info['dpi'] = tuple(factor * above / below for above, below in fractions)
  return info
