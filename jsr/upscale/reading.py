"""Reading a picture file as it is: its depth, its alpha, its metadata."""

import contextlib
import dataclasses
import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

from jsr import errors
from jsr.data import images
from jsr.data.images import BadImage
from jsr.upscale import png_check, tiff_read
from jsr.upscale.picture import Picture, from_pil

File = str | os.PathLike[str] | bytes
# Of an input; its samples and those of the conversions must fit in memory.
MAX_PIXELS = 2**28
# What is opened at all (MPO as JPEG). Pillow knows more, some by other programs.
FORMATS = (
  *('PNG', 'JPEG', 'WEBP', 'TIFF', 'AVIF', 'BMP', 'DIB', 'GIF'),
  *('JPEG2000', 'PPM', 'QOI', 'TGA'),
)
# Suffixes that a folder is searched for.
SUFFIXES = images.SUFFIXES | {'.avif', '.jfif', '.apng', '.qoi', '.tga'}
# Layouts that hold 16 bits and that are read in full.
_DEEP = (*images.DEEP, 'CMYK;16')
# Pillow's switches are global: one picture is decoded at a time.
_LOCK = threading.RLock()
# Pillow logs what is wrong with a file before it raises it; once is enough.
logging.getLogger('PIL').addHandler(logging.NullHandler())


def read(file: File, *, max_pixels: int = MAX_PIXELS) -> Picture:
  """Reads a picture.

  Args:
    file: A path, or the encoded bytes; the contents decide the format.
    max_pixels: A larger picture is refused by its header, before it is decoded.

  Returns:
    The picture; of several frames or pages the first.

  Raises:
    BadImage: The file is missing, broken, too large or of a refused kind; one sentence.
  """
  with decoding(max_pixels):
    try:
      return _by_pillow(file, max_pixels)
    except Image.UnidentifiedImageError:
      if not tiff_read.is_tiff(file):
        raise
    return tiff_read.read(file, max_pixels)


def _by_pillow(file: File, max_pixels: int) -> Picture:
  notes: tuple[str, ...] = ()
  with opened(file, max_pixels) as image:
    if image.format == 'TIFF' and tiff_read.is_better(image, _DEEP):
      try:
        return tiff_read.read(file, max_pixels)
      except tiff_read.Unsupported:
        notes = ('read with 8 bits and without what is beside the colours',)
    if image.format == 'PNG':
      png_check.check(file)
    notes += _several(image)
    deep = images.sixteen_bits(image, file, _DEEP)
    if deep is not None and image.format == 'TIFF' and tiff_read.white_is_zero(image):
      deep = 65535 - deep  # Pillow inverts 8 bits only.
    picture = from_pil(image, deep)
  return dataclasses.replace(picture, notes=(*notes, *picture.notes))


@contextlib.contextmanager
def decoding(max_pixels: int) -> Iterator[None]:
  """Silences Pillow, sets its limit, and turns whatever it raises into BadImage."""
  with _LOCK, warnings.catch_warnings():
    warnings.simplefilter('ignore')
    before = Image.MAX_IMAGE_PIXELS
    # The header is checked here; frames and thumbnails inside are checked by Pillow.
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
      yield
    except BadImage:
      raise
    except FileNotFoundError:
      raise BadImage('the file does not exist') from None
    except IsADirectoryError:
      raise BadImage('this is a folder') from None
    except Image.UnidentifiedImageError:
      raise BadImage('not an image in a known format') from None
    except Image.DecompressionBombError:
      raise BadImage(f'it has more than {max_pixels} pixels') from None
    except MemoryError:
      raise BadImage('it does not fit in memory') from None
    except OSError as error:
      if error.errno is not None and error.strerror:
        raise BadImage(f'cannot be read: {error.strerror}') from error
      raise _broken(error) from error
    except Exception as error:  # Decoders fail on damaged bytes in any way they like.
      raise _broken(error) from error
    finally:
      Image.MAX_IMAGE_PIXELS = before


@contextlib.contextmanager
def opened(file: File, max_pixels: int) -> Iterator[Image.Image]:
  """Opens an image whose header says an acceptable size."""
  source = io.BytesIO(file) if isinstance(file, bytes) else file
  if not (len(file) if isinstance(file, bytes) else os.path.getsize(file)):
    raise BadImage('the file is empty')
  Image.init()  # Else Pillow knows a few formats only.
  with Image.open(source, formats=FORMATS) as image:
    if image.width < 1 or image.height < 1:
      raise BadImage(f'{image.width} x {image.height} pixels are no picture')
    check_size(image.width, image.height, max_pixels)
    yield image


def check_size(width: int, height: int, max_pixels: int) -> None:
  """Raises BadImage for more pixels than allowed."""
  if width * height > max_pixels:
    raise BadImage(f'{width} x {height} is more than {max_pixels} pixels')


def _broken(error: Exception) -> BadImage:
  return BadImage(f'cannot be decoded: {errors.first_line(error)}')


def _several(image: Image.Image) -> tuple[str, ...]:
  try:
    several = bool(getattr(image, 'is_animated', False))
  except Exception:  # The second frame is broken; the first need not be.
    image.seek(0)
    return ()
  if not several:
    return ()
  pages = {'TIFF': 'page', 'MPO': 'picture'}.get(image.format or '', 'frame')
  return (f'the first {pages} of several',)
