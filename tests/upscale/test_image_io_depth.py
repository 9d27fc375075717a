"""Samples of more than 8 bits, in the formats whose low bits Pillow drops."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from jsr.upscale import image_io
from jsr.upscale.image_io import BadImage
from tests.upscale import specimens

DEEP = specimens.deep(specimens.photo(3))
LARGE = cv2.resize(DEEP, (96, 80))


def pnm(pixels, peak, plain=False, comment=b''):
  """`pixels` as they stand in the file; (H, W, 1) or (H, W, 3)."""
  height, width, channels = pixels.shape
  kind = {1: b'25', 3: b'36'}[channels][not plain :][:1]
  head = b'P%s\n%s%d %d\n%d\n' % (kind, comment, width, height, peak)
  if not plain:
    return head + pixels.astype('>u2').tobytes()
  rows = (' '.join(map(str, row.ravel().tolist())) for row in pixels)
  return head + '\n'.join(rows).encode() + b'\n'


@pytest.mark.parametrize('plain', [False, True])
@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('peak', [65535, 1023, 256, 4095, 40000])
def test_deep_pnm(peak, channels, plain, tmp_path):
  pixels = (DEEP[..., :channels].astype(np.uint32) * peak // 65535).astype(np.uint16)
  pixels[0, :2, 0] = peak, 0
  data = pnm(pixels, peak, plain, b'# a comment 9\n')
  want = np.floor(pixels * (65535 / peak) + 0.5).astype(np.uint16)
  (tmp_path / 'x.ppm').write_bytes(data)
  for file in (data, tmp_path / 'x.ppm'):
    picture = image_io.read(file)
    np.testing.assert_array_equal(picture.color, want)
    assert picture.color[0, :2, 0].tolist() == [65535, 0]
    assert (picture.format, picture.notes) == ('PPM', ())
    assert picture.space == ('grey' if channels == 1 else 'rgb')
  Image.open(io.BytesIO(data)).load()  # To Pillow it is a good file, too.


def test_the_samples_of_opencv():
  encoded = cv2.imencode('.ppm', DEEP[..., ::-1])[1].tobytes()
  np.testing.assert_array_equal(image_io.read(encoded).color, DEEP)


def test_a_deep_pnm_through_png(tmp_path):
  picture = image_io.read(pnm(DEEP, 65535))
  rows = [(DEEP / np.float64(65535)).astype(np.float32)]
  shape = {'height': specimens.H, 'width': specimens.W}
  assert image_io.write(tmp_path / 'x.png', rows, **shape, picture=picture) == ()
  got = cv2.imread(str(tmp_path / 'x.png'), cv2.IMREAD_UNCHANGED)[..., ::-1]
  np.testing.assert_array_equal(got, DEEP)


@pytest.mark.parametrize('channels', [1, 3])
def test_broken_deep_pnm(channels):
  pixels = DEEP[..., :channels]
  good, plain = pnm(pixels, 65535), pnm(pixels, 65535, True)
  for data in (good[:-1], good[:20], plain[: len(plain) // 2]):
    with pytest.raises(BadImage, match='the picture is truncated'):
      image_io.read(data)
  for word in (b'x', b'-1', b'70000', b'1.5', b'9' * 30):
    at = plain.rindex(b' ')
    with pytest.raises(BadImage, match='cannot be decoded'):
      image_io.read(plain[:at] + b' ' + word + b'\n')
  # A sample above the largest: clipped, as Pillow does it.
  low = image_io.read(pnm(pixels, 30000)).color
  np.testing.assert_array_equal(low[pixels >= 30000], 65535)


def avif(depth, pixels=DEEP):
  shifted = (pixels >> (16 - depth)).astype(np.uint8 if depth == 8 else np.uint16)
  done, data = cv2.imencode('.avif', shifted, [cv2.IMWRITE_AVIF_DEPTH, depth])
  assert done
  return data.tobytes()


@pytest.mark.parametrize('depth', [8, 10, 12])
def test_what_is_cut_of_avif_is_told(depth):
  notes = image_io.read(avif(depth)).notes
  assert notes == (f'{depth} bits a sample become 8',) * (depth > 8)
  animation = specimens.saved(
    Image.fromarray(specimens.photo(3)),
    'AVIF',
    save_all=True,
    append_images=[Image.fromarray(255 - specimens.photo(3))],
  )
  assert image_io.read(animation).notes == ('the first frame of several',)


def test_what_is_cut_of_an_animated_avif_is_told(tmp_path):
  frames = [Image.fromarray(specimens.photo(3)), Image.new('RGB', (24, 20))]
  data = specimens.saved(frames[0], 'AVIF', save_all=True, append_images=frames[1:])
  path = tmp_path / 'x.avif'
  path.write_bytes(data)
  assert image_io.open_animation(path).notes == ()
  # No writer at hand makes deep ones; only the note is looked at here.
  at = data.index(b'av1C\x81')
  deep = data[: at + 6] + bytes([data[at + 6] | 0x40]) + data[at + 7 :]
  path.write_bytes(deep)
  try:
    notes = image_io.open_animation(path).notes
  except BadImage:
    pytest.skip('this decoder compares the header with the stream')
  assert notes == ('10 bits a sample become 8',)


@pytest.mark.parametrize('depth', [8, 16])
@pytest.mark.parametrize('channels', [1, 3])
def test_what_is_cut_of_jpeg_2000_is_told(depth, channels, tmp_path):
  pixels = LARGE if depth == 16 else (LARGE >> 8).astype(np.uint8)
  done, data = cv2.imencode('.jp2', pixels if channels == 3 else pixels[..., 0])
  assert done
  path = tmp_path / 'x.jp2'
  path.write_bytes(data.tobytes())
  for file in (path, data.tobytes()):
    picture = image_io.read(file)
    cut = depth == 16 and channels == 3  # Of grey Pillow keeps 16 bits.
    assert picture.depth == (8 if channels == 3 else depth)
    assert picture.notes == ('16 bits a sample become 8',) * cut
  stream = data.tobytes()[data.tobytes().index(b'\xff\x4f\xff\x51') :]
  assert image_io.read(stream).notes == picture.notes
