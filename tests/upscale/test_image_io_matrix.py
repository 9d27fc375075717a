"""Every kind of picture through every format, read back by OpenCV and tifffile."""

import dataclasses

import cv2
import numpy as np
import pytest
import tifffile

from jsr.upscale import image_io
from tests.upscale import specimens

NAMES = list(specimens.every())
FORMATS = [known.name for known in image_io.formats()]
EXIF = specimens.exif().removeprefix(b'Exif\0\0')
# Largest and mean difference in levels of 255.
LOSS = {'JPEG': (60, 4), 'AVIF': (4, 1), 'GIF': (90, 14)}


def floats(picture):
  arrays = [picture.color] + ([] if picture.alpha is None else [picture.alpha])
  whole = np.concatenate(arrays, -1)
  return (whole / np.float64(np.iinfo(whole.dtype).max)).astype(np.float32)


def read_back(path):
  """Samples (H, W, C), RGB order, and metadata by name, of what other readers see."""
  if path.suffix == '.tif':
    with tifffile.TiffFile(path) as file:
      page = file.pages[0]
      pixels, tags = page.asarray(), page.tags
      found = {'icc': page.iccprofile, 'xmp': tags[700].value}
      found['maker'] = tags[0x010F].value
      x, y = (tags[tag].value for tag in (282, 283))
      found['dpi'] = (x[0] / x[1], y[0] / y[1])
      found['exposure'] = tags[0x8769].value['ExposureTime']
      found['size'] = tuple(
        tags[0x8769].value[f'Pixel{axis}Dimension'] for axis in 'XY'
      )
      assert 0x0112 not in tags
      found['extra'] = [int(kind) for kind in page.extrasamples]
    return pixels.reshape(*pixels.shape[:2], -1), found
  pixels, kinds, blocks = cv2.imreadWithMetadata(str(path), cv2.IMREAD_UNCHANGED)
  names = {cv2.IMAGE_METADATA_EXIF: 'exif', cv2.IMAGE_METADATA_XMP: 'xmp'}
  names[cv2.IMAGE_METADATA_ICCP] = 'icc'
  found = {names[int(k)]: b.tobytes() for k, b in zip(kinds, blocks, strict=True)}
  if pixels.ndim == 2:
    return pixels[..., None], found
  order = [2, 1, 0, 3][: pixels.shape[-1]]
  return pixels[..., order], found


def wanted(specimen, format):
  """(samples, whether they have alpha) by the rules of the table in image_io."""
  pixels, alpha, space = specimen.pixels, specimen.alpha, specimen.space
  if specimen.depth == 16 and (
    format not in ('PNG', 'TIFF') or (space == 'cmyk' and format != 'TIFF')
  ):
    pixels = np.floor(pixels / 257 + 0.5).astype(np.uint8)
  peak = np.iinfo(pixels.dtype).max
  if alpha and format == 'JPEG':
    share = pixels[..., -1:] / peak
    paper = 0 if space == 'cmyk' else 255
    pixels = pixels[..., :-1] * share + paper * (1 - share)
    alpha = False
  if space == 'cmyk' and format != 'TIFF':
    # OpenCV makes RGB of a JPEG in inks, by this very formula.
    ink, rest = pixels[..., :4].astype(np.float64), pixels[..., 4:]
    rgb = (255 - ink[..., :3]) * (255 - ink[..., 3:]) / 255
    pixels = np.concatenate([rgb, rest], -1)
  return pixels.astype(np.float64), alpha, peak


def expanded(pixels, alpha, channels):
  """Grey repeated, as OpenCV repeats it where a file or a reader knows no grey."""
  colors = pixels.shape[-1] - alpha
  if colors == 1 and channels >= 3:
    pixels = np.concatenate([pixels[..., :1].repeat(3, -1), pixels[..., 1:]], -1)
  if channels == 4 and not alpha and pixels.shape[-1] == 3:
    pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], -1)
  return pixels


@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize('name', NAMES)
def test_every_kind_through_every_format(name, format, tmp_path):
  specimen = specimens.every()[name]
  picture = image_io.read(specimen.data)
  whole = picture.color
  if specimen.alpha:
    whole = np.concatenate([whole, picture.alpha], -1)
  assert (picture.alpha is not None) == specimen.alpha
  assert picture.space == specimen.space
  assert whole.dtype == specimen.pixels.dtype
  np.testing.assert_array_equal(whole, specimen.pixels)
  icc = specimens.profile(picture.space)
  metadata = image_io.Metadata(icc, EXIF, specimens.xmp(), (300.0, 300.0))
  picture = dataclasses.replace(picture, metadata=metadata)
  known = image_io.format_of('', format)
  path = tmp_path / f'x{known.suffixes[0]}'
  rows = floats(picture)
  notes = image_io.write(
    path,
    [rows[:7], rows[7:8], rows[8:]],
    height=specimens.H,
    width=specimens.W,
    picture=picture,
    quality=95,
    lossless=format in ('WEBP', 'AVIF'),
  )
  assert [p.name for p in tmp_path.iterdir()] == [path.name]
  got, found = read_back(path)
  want, alpha, peak = wanted(specimen, format)
  assert got.dtype == (np.uint16 if peak == 65535 else np.uint8)
  same_pixels(got, expanded(want, alpha, got.shape[-1]), alpha, format, picture)
  same_metadata(path, found, picture, known, notes)
  said = ' '.join(notes)
  assert ('no alpha: laid over white' in said) == (specimen.alpha and not alpha)
  assert (' is 8-bit' in said or '8 bits' in said) == (
    specimen.depth == 16 and peak == 255
  )


def same_pixels(got, want, alpha, format, picture):
  assert got.shape == want.shape
  largest, mean = LOSS.get(format, (0, 0))
  shown = np.ones(got.shape[:2], bool)
  if alpha and format == 'GIF':
    want[..., -1] = (want[..., -1] >= 128) * 255.0
  if alpha:
    np.testing.assert_allclose(got[..., -1], want[..., -1], atol=2 * (largest > 0))
    # Only these formats keep the colours below full transparency.
    shown |= format in ('PNG', 'TIFF', 'WEBP')
    shown &= (want[..., -1] > 0) | (format in ('PNG', 'TIFF', 'WEBP'))
  if not shown.any():  # GIF has no half transparency.
    return
  colors = got.shape[-1] - alpha
  error = np.abs(got[shown][:, :colors] - want[shown][:, :colors])
  formula = picture.space == 'cmyk' and format != 'TIFF'
  assert error.max() <= largest + formula
  assert error.mean() <= mean + formula


def same_metadata(path, found, picture, known, notes):
  meta = picture.metadata
  data = path.read_bytes()
  space = picture.space if picture.space in known.spaces else 'rgb'
  if 'icc' not in known.keeps or space != picture.space:
    assert 'icc' not in found
    assert any('profile' in note for note in notes)
  elif known.name == 'AVIF':  # OpenCV does not give it out.
    assert meta.icc in data
  else:
    assert found['icc'] == meta.icc
  if known.name == 'GIF':
    assert any('EXIF' in note for note in notes)
    return
  if known.name == 'TIFF':
    assert (found['maker'], found['exposure']) == ('Maker', 0.25)
    assert found['size'] == (specimens.W, specimens.H)
    assert found['dpi'] == (300, 300)
    assert found['extra'] == [2] * (picture.alpha is not None)
  else:
    assert found['exif'].removeprefix(b'Exif\0\0')[:4] == EXIF[:4]
    assert b'Maker' in found['exif']
  assert meta.xmp in data


def test_the_matrix_is_whole():
  kinds = {(s.space, s.alpha, s.depth) for s in specimens.every().values()}
  assert kinds == {
    (space, alpha, depth)
    for space in ('grey', 'rgb', 'cmyk')
    for alpha in (False, True)
    for depth in (8, 16)
  }
  assert FORMATS == ['PNG', 'JPEG', 'WEBP', 'TIFF', 'AVIF', 'GIF']
  sources = {name.split('-')[0] for name in NAMES}
  assert sources == {'png', 'jpeg', 'webp', 'tiff', 'avif', 'bmp', 'gif'}
