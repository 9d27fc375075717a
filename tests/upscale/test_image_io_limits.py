"""Pictures at the edge of what a format or a decoder can do, and what is said then."""

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jsr.upscale import image_io, tiff_read
from jsr.upscale.image_io import BadImage, Metadata, Picture
from tests.upscale import specimens

PHOTO = specimens.photo(3)
LONG = 'w' * 70_000
JPEG, WEBP, TIFF, AVIF, PNG, GIF = '.jpg', '.webp', '.tif', '.avif', '.png', '.gif'


def save(path, metadata, pixels=PHOTO):
  rows = [(pixels / np.float64(255)).astype(np.float32)]
  shape = {'height': pixels.shape[0], 'width': pixels.shape[1]}
  return image_io.write(path, rows, **shape, picture=Picture(pixels, metadata=metadata))


def damaged_tiff():
  """Deflated; the checksum at the end of its only strip is wrong."""
  data = bytearray(specimens.every()['tiff-deflate8'].data)
  with Image.open(io.BytesIO(data)) as image:
    end = image.tag_v2[273][0] + image.tag_v2[279][0]
  data[end - 4 : end] = bytes(4)
  return bytes(data)


@pytest.mark.parametrize(
  ('metadata', 'note'),
  [
    (Metadata(text={'Comment': LONG}), 'the comment is too long for JPEG: left out'),
    # As many letters as fit, but each of them takes two bytes.
    (Metadata(text={'Comment': 'ж' * 40_000}), 'the comment is too long for JPEG'),
    (Metadata(xmp=LONG.encode()), 'XMP is too long for JPEG: left out'),
    (
      Metadata(icc=specimens.profile() + bytes(255 * 65519)),
      'a colour profile is too long for JPEG: left out',
    ),
    (Metadata(dpi=(70_000.0, 70_000.0)), 'a resolution is too high for JPEG: left out'),
  ],
)
def test_what_is_too_long_for_jpeg_is_left_out(metadata, note, tmp_path):
  notes = save(tmp_path / 'x.jpg', metadata)
  assert len(notes) == 1
  assert note in notes[0]
  same = image_io.read(tmp_path / 'x.jpg').metadata == Metadata()
  assert same  # Not both sides: pytest would compare megabytes letter by letter.


def test_what_just_fits_into_jpeg_is_kept(tmp_path):
  icc = specimens.profile()
  icc += bytes(255 * 65519 - len(icc))
  told = Metadata(icc=icc, dpi=(65535.0, 300.0), text={'Comment': 'w' * 65533})
  assert save(tmp_path / 'x.jpg', told) == ()
  same = image_io.read(tmp_path / 'x.jpg').metadata == told
  assert same


@pytest.mark.parametrize('suffix', [JPEG, WEBP, TIFF, AVIF, PNG, GIF])
def test_long_metadata_breaks_no_format(suffix, tmp_path):
  """Where there is room it comes back; where there is none, that is said."""
  told = Metadata(xmp=LONG.encode(), text={'Comment': LONG, 'Title': LONG})
  path = tmp_path / f'x{suffix}'
  notes = save(path, told)
  got = image_io.read(path).metadata
  kept_xmp, kept_text = got.xmp == told.xmp, got.text == told.text
  assert kept_xmp or any('XMP' in note for note in notes)
  assert kept_text or any('text' in note for note in notes)


def test_a_damaged_tiff_is_told_in_one_line(tmp_path):
  """The C library has lines of its own; they would stand beside ours."""
  path = tmp_path / 'x.tif'
  path.write_bytes(damaged_tiff())
  command = [sys.executable, '-c', READ, str(path)]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  assert done.stderr == 'cannot be decoded: the file is damaged\n'
  assert done.returncode == 2


READ = """
import sys
from jsr.upscale import image_io
try:
  image_io.read(sys.argv[1])
except image_io.BadImage as error:
  print(error, file=sys.stderr)
  sys.exit(2)
"""


@pytest.mark.parametrize('found', [True, False])
def test_libtiff_is_silent_while_it_decodes_and_not_for_good(found, monkeypatch, capfd):
  """Whether its handler of errors can be reached or not."""
  if not found:
    monkeypatch.setattr(tiff_read, '_handler', lambda: None)
  data = damaged_tiff()
  with pytest.raises(BadImage, match=r'the file is damaged$'):
    image_io.read(data)
  assert capfd.readouterr().err == ''
  with Image.open(io.BytesIO(data)) as image, pytest.raises(OSError, match='decoder'):
    image.load()
  assert 'ZIPDecode' in capfd.readouterr().err


def test_the_handler_of_libtiff_is_reached():
  """Else every decoding would close standard error for a while."""
  if sys.platform == 'win32':
    pytest.skip('symbols of what a library needs are not found there')
  assert tiff_read._handler() is not None


def test_a_picture_from_memory_notes_its_new_size():
  data = specimens.saved(Image.fromarray(PHOTO), 'JPEG', exif=specimens.exif(6))
  picture = image_io.read(data)
  big = image_io.to_pil(picture.color.repeat(3, 0).repeat(2, 1), picture)
  found = Image.Exif()
  found.load(big.info['exif'])
  inner = found.get_ifd(0x8769)
  assert (inner[0xA002], inner[0xA003]) == big.size
  assert big.size == (specimens.H * 2, specimens.W * 3)  # Turned by a quarter before.


@pytest.mark.parametrize('format', ['JPEG', 'PNG', 'TIFF'])
def test_a_short_picture_from_pillow_is_refused_in_words(format):
  data = specimens.saved(Image.fromarray(specimens.photo(3)), format)
  with (
    Image.open(io.BytesIO(data[:-60])) as image,
    pytest.raises(BadImage, match=r'^cannot be decoded: .*truncated'),
  ):
    image_io.from_pil(image)


def heic(major, *compatible):
  brands = b''.join([major, bytes(4), *compatible])
  return struct.pack('>L', 8 + len(brands)) + b'ftyp' + brands + bytes(400)


@pytest.mark.parametrize(
  'data',
  [heic(b'heic', b'mif1'), heic(b'mif1', b'heic'), heic(b'heix'), heic(b'msf1')],
)
def test_pictures_of_phones_are_named(data, tmp_path):
  path = tmp_path / 'x.heic'
  path.write_bytes(data)
  message = (
    'HEIC is not supported: convert it to JPEG or PNG first, or have the phone save'
    ' pictures as "most compatible"'
  )
  for file in (data, path):
    with pytest.raises(BadImage) as caught:
      image_io.read(file)
    assert str(caught.value) == message
  with pytest.raises(BadImage, match=r'^HEIC'):
    image_io.open_animation(path)
  assert {'.heic', '.heif'} <= image_io.SUFFIXES  # In a folder they are not passed by.


def test_a_damaged_avif_is_no_heic():
  data = heic(b'avif', b'mif1')
  with pytest.raises(BadImage, match='not an image in a known format'):
    image_io.read(data)
  with pytest.raises(BadImage, match='not an image in a known format'):
    image_io.read(heic(b'mif1', b'avif'))
