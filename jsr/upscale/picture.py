"""A picture in memory as files hold it, and the ways from and to Pillow."""

import dataclasses
import functools
import io

import numpy as np
from PIL import Image, ImageCms

from jsr.data.images import BadImage
from jsr.upscale import metadata
from jsr.upscale.metadata import Metadata

# Colour channels of each space.
CHANNELS = {'grey': 1, 'rgb': 3, 'cmyk': 4}


@dataclasses.dataclass(frozen=True)
class Picture:
  """A decoded picture, upright.

  Attributes:
    color: (H, W, C), read-only, uint8 or uint16 over the whole range; C = 1 grey, 3
      RGB, 4 CMYK (0 = no ink). Straight: not premultiplied by alpha.
    alpha: (H, W, 1) of the same kind, or None.
    space: 'grey', 'rgb' or 'cmyk'.
    metadata: What travels with it.
    format: Pillow's name of the format it came in, 'PNG'; '' if it was no file.
    notes: What was converted, in words.
  """

  color: np.ndarray
  alpha: np.ndarray | None = None
  space: str = 'rgb'
  metadata: Metadata = dataclasses.field(default_factory=Metadata)
  format: str = ''
  notes: tuple[str, ...] = ()

  @property
  def height(self) -> int:
    """In pixels."""
    return self.color.shape[0]

  @property
  def width(self) -> int:
    """In pixels."""
    return self.color.shape[1]

  @property
  def depth(self) -> int:
    """Bits a sample: 8 or 16."""
    return 8 * self.color.dtype.itemsize


def from_pil(image: Image.Image, deep: np.ndarray | None = None) -> Picture:
  """Takes a Pillow image over: pixels, alpha, orientation and metadata.

  Args:
    image: Of any mode but 32-bit, floating point and Lab.
    deep: Its samples where they have 16 bits, (H, W, 1 to 4) uint16; Pillow itself has
      no 16-bit colour.

  Raises:
    BadImage: The mode is refused.
  """
  image.load()
  found, orientation, trouble = metadata.of(image)
  notes = list(trouble)
  if deep is None and image.mode.startswith('I;16'):
    deep = np.asarray(image).astype(np.uint16)[..., None]
  if deep is None:
    samples, space = _eight_bits(image, notes)
  else:
    samples, space = _sixteen_bits(image, deep)
  name = {'MPO': 'JPEG', 'DIB': 'BMP'}.get(image.format or '', image.format or '')
  return upright(samples, space, orientation, found, name, notes)


def upright(
  samples: np.ndarray,
  space: str,
  orientation: int,
  found: Metadata,
  format: str,
  notes: list[str],
) -> Picture:
  """Makes a picture of samples (H, W, C), turned by an EXIF orientation."""
  if orientation != 1:
    notes = [*notes, 'EXIF orientation applied']
    samples = turned(samples, orientation)
  channels = CHANNELS[space]
  color = np.ascontiguousarray(samples[..., :channels])
  alpha = None
  if samples.shape[-1] > channels:
    alpha = np.ascontiguousarray(samples[..., channels:])
    alpha.flags.writeable = False
  color.flags.writeable = False
  return Picture(color, alpha, space, found, format, tuple(notes))


def to_pil(pixels: np.ndarray, picture: Picture) -> Image.Image:
  """Makes a Pillow image of pixels, with the metadata of a picture.

  Args:
    pixels: uint8 or uint16 (H, W, C), alpha last if there is one. 16-bit grey stays;
      other 16-bit samples become 8-bit, since Pillow has no mode for them.
    picture: Says the space, and gives the metadata.
  """
  if pixels.dtype == np.uint16 and pixels.shape[-1] == 1:
    image = Image.fromarray(pixels[..., 0])
  else:
    if pixels.dtype == np.uint16:
      pixels = ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    image = pil_of(pixels, picture.space)
  meta, size = picture.metadata, pixels.shape[:2]
  info = {
    'icc_profile': meta.icc,
    'exif': meta.exif and b'Exif\x00\x00' + metadata.with_size(meta.exif, *size),
    'xmp': meta.xmp,
    'dpi': meta.dpi,
  }
  image.info.update({key: value for key, value in info.items() if value is not None})
  return image


def pil_of(pixels: np.ndarray, space: str) -> Image.Image:
  """Makes a bare Pillow image of uint8 (H, W, C) with alpha last if there is one."""
  if space == 'cmyk':
    return Image.fromarray(np.ascontiguousarray(pixels[..., :4]), 'CMYK')
  return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _eight_bits(image: Image.Image, notes: list[str]) -> tuple[np.ndarray, str]:
  mode = image.mode
  clear = image.has_transparency_data or mode in ('La', 'RGBa')
  if mode in ('I', 'F', 'LAB'):
    kind = {'I': '32-bit integer', 'F': 'floating-point', 'LAB': 'Lab'}[mode]
    raise BadImage(f'{kind} samples are not supported')
  if mode == '1':
    notes.append('1-bit becomes grey')
  elif mode in ('P', 'PA'):
    notes.append('palette looked up')
  elif mode in ('YCbCr', 'HSV'):
    notes.append(f'{mode} becomes RGB')
  elif mode in ('La', 'RGBa'):
    notes.append('premultiplied alpha becomes straight')
  if mode in ('L', 'RGB', '1') and clear:
    notes.append('transparent colour becomes alpha')
  if mode == 'CMYK':
    return np.asarray(image), 'cmyk'
  if mode in ('1', 'L', 'LA', 'La'):
    want, space = ('LA' if clear else 'L'), 'grey'
  else:
    want, space = ('RGBA' if clear else 'RGB'), 'rgb'
  # Copies of a large photograph cost as much as a third of its decoding.
  pixels = np.asarray(image if mode == want else image.convert(want))
  return (pixels[..., None] if pixels.ndim == 2 else pixels), space


def _sixteen_bits(image: Image.Image, deep: np.ndarray) -> tuple[np.ndarray, str]:
  if image.mode == 'CMYK':
    return deep, 'cmyk'
  space = 'rgb' if deep.shape[-1] > 2 else 'grey'
  clear = image.info.get('transparency')
  if clear is not None and deep.shape[-1] in (1, 3):
    opaque = (deep != np.asarray(clear, np.int64)).any(-1, keepdims=True)
    deep = np.concatenate([deep, opaque * np.uint16(65535)], -1)
  return deep, space


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
  """Applies an EXIF orientation, 1 to 8, to (H, W, C)."""
  if orientation >= 5:
    pixels = pixels.swapaxes(0, 1)
  # Which axes to reverse, rows and columns, after the exchange of the two.
  rows, columns = {
    **{1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0)},
    **{5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)},
  }[orientation]
  return pixels[:: -1 if rows else 1, :: -1 if columns else 1]


@functools.lru_cache(maxsize=4)
def ink_to_srgb(icc: bytes) -> ImageCms.ImageCmsTransform | None:
  """Prepares the conversion of CMYK by its profile; None: the profile is of no use."""
  try:
    return ImageCms.buildTransform(
      ImageCms.ImageCmsProfile(io.BytesIO(icc)),
      ImageCms.createProfile('sRGB'),
      'CMYK',
      'RGB',
      ImageCms.Intent.RELATIVE_COLORIMETRIC,
      ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
  except (ImageCms.PyCMSError, OSError, ValueError):
    return None


def cmyk_to_rgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
  """Converts ink to sRGB.

  Args:
    pixels: uint8 (H, W, 4), 0 = no ink.
    icc: The profile of the inks; None, or one of no use: Pillow's plain formula,
      (255 - ink) * (255 - black) / 255.

  Returns:
    uint8 (H, W, 3).
  """
  image = pil_of(pixels, 'cmyk')
  transform = ink_to_srgb(icc) if icc else None
  if transform is None:
    return np.asarray(image.convert('RGB'))
  changed = ImageCms.applyTransform(image, transform)
  assert changed is not None  # It is None only for a change in place.
  return np.asarray(changed)
