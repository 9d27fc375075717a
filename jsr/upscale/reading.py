"""Reading a picture file as it is: its depth, its alpha, its metadata."""

import contextlib
import dataclasses
import io
import logging
import os
import pathlib
import re
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

from jsr import errors
from jsr.data import images
from jsr.data.images import BadImage
from jsr.upscale import deep_read, picture, png_check, tiff_read
from jsr.upscale.picture import Picture

File = str | os.PathLike[str] | bytes
# Of an input; its samples and those of the conversions must fit in memory.
MAX_PIXELS = 2**28
# What is opened at all (MPO as JPEG). Pillow knows more, some by other programs.
FORMATS = (
  *('PNG', 'JPEG', 'WEBP', 'TIFF', 'AVIF', 'BMP', 'DIB', 'GIF'),
  *('JPEG2000', 'PPM', 'QOI', 'TGA'),
)
# Suffixes that a folder is searched for.
# HEIC cannot be read, and is told so, not passed by.
SUFFIXES = images.SUFFIXES | {
  *('.avif', '.jfif', '.apng', '.qoi', '.tga', '.heic', '.heif')
}
# The EXIF tag.
_ORIENTATION = 274
# Of a progressive JPEG; encoders make about ten.
_SCANS = 200
# Layouts that hold 16 bits and that are read in full.
_DEEP = (*images.DEEP, 'CMYK;16')
# Reasons that Pillow tells in words for anyone.
_PLAIN = re.compile('truncated|unsupported|too large|not supported', re.IGNORECASE)
# Numbers that decoders fail with: of no use to anyone.
_CODE = re.compile(r'decoder error -?\d+')
# Of HEIF files, by the first field of the file; the general ones hold AVIF, too.
_HEIC = (b'heic', b'heix', b'heim', b'heis', b'hevc', b'hevx')
_GENERAL = (b'mif1', b'msf1')
# Pillow's switches are global: one picture is decoded at a time.
_LOCK = threading.RLock()
# They log what is wrong with a file before they raise it; once is enough.
_LOGGERS = [logging.getLogger(name) for name in ('PIL', 'tifffile')]
for _logger in _LOGGERS:
  _logger.addHandler(logging.NullHandler())


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


@dataclasses.dataclass(frozen=True)
class Header:
  """What the first bytes of a picture file tell.

  Attributes:
    format: Pillow's name.
    width: In pixels, upright.
    height: In pixels, upright.
  """

  format: str
  width: int
  height: int


def header(file: File, *, max_pixels: int = MAX_PIXELS) -> Header:
  """Reads the header only: cheap, also of a large picture.

  Args:
    file: See `read`.
    max_pixels: See `read`.

  Raises:
    BadImage: As `read`, but for what only decoding finds out.
  """
  with decoding(max_pixels):
    try:
      with opened(file, max_pixels) as image:
        # For one behind the samples of a PNG, Pillow would decode them.
        told = image.format != 'PNG' or 'exif' in image.info
        orientation = image.getexif().get(_ORIENTATION, 1) if told else 1
        width, height = image.size
        name = {'MPO': 'JPEG', 'DIB': 'BMP'}.get(image.format or '', image.format or '')
    except Image.UnidentifiedImageError:
      if not tiff_read.is_tiff(file):
        raise
      width, height, orientation = tiff_read.size(file)
      tiff_read.check_size(width, height, max_pixels)
      name = 'TIFF'
  if orientation in (5, 6, 7, 8):
    width, height = height, width
  return Header(name, width, height)


def _by_pillow(file: File, max_pixels: int) -> Picture:
  notes: tuple[str, ...] = ()
  with opened(file, max_pixels) as image:
    if image.format == 'TIFF' and tiff_read.is_better(image, _DEEP):
      try:
        return tiff_read.read(file, max_pixels)
      except tiff_read.Unsupported:
        notes = ('read with 8 bits and without what is beside the colours',)
    color: dict[bytes, bytes] = {}
    if image.format == 'PNG':
      color = png_check.check(file)
    elif image.format in ('JPEG', 'MPO'):
      _check_jpeg(image, file)
    notes += _several(image) + deep_read.cut(image, file)
    whole = deep_read.pnm(image, file)
    if whole is not None:
      return whole
    deep = images.sixteen_bits(image, file, _DEEP)
    if deep is not None and image.format == 'TIFF' and tiff_read.white_is_zero(image):
      deep = 65535 - deep  # Pillow inverts 8 bits only.
    found = picture.from_pil(image, deep)
  meta = dataclasses.replace(found.metadata, color=color)
  return dataclasses.replace(found, metadata=meta, notes=(*notes, *found.notes))


def from_pil(image: Image.Image) -> Picture:
  """Takes a Pillow image over that a caller opened; see `picture.from_pil`.

  Raises:
    BadImage: It is broken, or its mode is refused; one sentence.
  """
  # The caller has accepted its size by opening it.
  with decoding(max(MAX_PIXELS, image.width * image.height)):
    return picture.from_pil(image)


@contextlib.contextmanager
def decoding(max_pixels: int) -> Iterator[None]:
  """Silences decoders, sets their limit, turns what they raise into BadImage."""
  with _LOCK, tiff_read.silence(), warnings.catch_warnings():
    warnings.simplefilter('ignore')
    before = Image.MAX_IMAGE_PIXELS
    # The header is checked here; frames and thumbnails inside are checked by Pillow.
    Image.MAX_IMAGE_PIXELS = max_pixels
    passed = [logger.propagate for logger in _LOGGERS]
    for logger in _LOGGERS:
      logger.propagate = False
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
      for logger, old in zip(_LOGGERS, passed, strict=True):
        logger.propagate = old


@contextlib.contextmanager
def opened(file: File, max_pixels: int) -> Iterator[Image.Image]:
  """Opens an image whose header says an acceptable size."""
  source = io.BytesIO(file) if isinstance(file, bytes) else file
  if not (len(file) if isinstance(file, bytes) else os.path.getsize(file)):
    raise BadImage('the file is empty')
  Image.init()  # Else Pillow knows a few formats only.
  try:
    image = Image.open(source, formats=FORMATS)
  except Image.UnidentifiedImageError:
    if _is_heic(file):
      raise BadImage(
        'HEIC is not supported: convert it to JPEG or PNG first, or have the phone save'
        ' pictures as "most compatible"'
      ) from None
    raise
  with image:
    tiff_read.check_size(image.width, image.height, max_pixels)
    yield image


def _is_heic(file: File) -> bool:
  if isinstance(file, bytes):
    head = file[:64]
  else:
    with open(file, 'rb') as stream:
      head = stream.read(64)
  if head[4:8] != b'ftyp':
    return False
  end = int.from_bytes(head[:4], 'big')
  others = [head[i : i + 4] for i in range(16, min(end, len(head)), 4)]
  is_avif = b'avif' in others or b'avis' in others
  return head[8:12] in _HEIC or (head[8:12] in _GENERAL and not is_avif)


def _broken(error: Exception) -> BadImage:
  text = errors.first_line(error)
  told = isinstance(error, OSError | SyntaxError | EOFError | RuntimeError)
  told = told and not _CODE.search(text)
  if _PLAIN.search(text) and (told or isinstance(error, ValueError)):
    return BadImage(f'cannot be decoded: {text}')
  # Of the others, a KeyError say, the text is for programmers.
  return BadImage('cannot be decoded: the file is damaged' + f' ({text})' * told)


def _check_jpeg(image: Image.Image, file: File) -> None:
  """Refuses a JPEG of fewer bits than blocks: the decoder fills what is missing.

  With Huffman codes a block has at least one bit for its mean and, unless the scans
  are progressive, one for its end.
  """
  if 'progressive' in image.info:
    # A scan of a few bytes goes over all samples: some thousand of them take hours.
    data = file if isinstance(file, bytes) else pathlib.Path(file).read_bytes()
    if (scans := data.count(b'\xff\xda')) > _SCANS:
      raise BadImage(f'the JPEG is damaged: it has {scans} scans')
  blocks = -(-image.width // 8) * -(-image.height // 8)
  size = len(file) if isinstance(file, bytes) else os.path.getsize(file)
  if 8 * size >= blocks * (1 if 'progressive' in image.info else 2):
    return
  if isinstance(file, bytes):
    head = file[: 2**16]
  else:
    with open(file, 'rb') as stream:
      head = stream.read(2**16)
  if b'\xff\xc9' not in head and b'\xff\xca' not in head:  # Arithmetic codes.
    raise BadImage(f'{size} bytes cannot hold {image.width} x {image.height} pixels')


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
