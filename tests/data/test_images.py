"""Every kind of file becomes uint8 RGB by the documented rule, or is refused."""

import io
import pathlib
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from jsr.data import images


def png16(samples: np.ndarray) -> bytes:
  """Encodes uint16 (H, W, 1 to 4) as PNG."""
  height, width, channels = samples.shape
  color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

  def chunk(kind: bytes, data: bytes) -> bytes:
    crc = struct.pack('>I', zlib.crc32(kind + data))
    return struct.pack('>I', len(data)) + kind + data + crc

  rows = b''.join(b'\0' + row.astype('>u2').tobytes() for row in samples)
  header = struct.pack('>IIBBBBB', width, height, 16, color, 0, 0, 0)
  return (
    b'\x89PNG\r\n\x1a\n'
    + chunk(b'IHDR', header)
    + chunk(b'IDAT', zlib.compress(rows))
    + chunk(b'IEND', b'')
  )


def encoded(image: Image.Image, kind: str = 'PNG', **options) -> bytes:
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


def over_white(color: np.ndarray, alpha: np.ndarray, peak: int) -> np.ndarray:
  """The rule in exact integers: round((c a + p (p - a)) / p * 255 / p), half up."""
  color, alpha = color.astype(object), alpha.astype(object)
  top = (color * alpha + peak * (peak - alpha)) * 255
  return ((2 * top + peak * peak) // (2 * peak * peak)).astype(np.uint8)


def test_rgb_is_untouched(noise, tmp_path):
  pixels = noise(0, 5, 7)
  path = tmp_path / 'a.png'
  Image.fromarray(pixels).save(path)
  result = images.read_rgb(path)
  np.testing.assert_array_equal(result, pixels)
  assert result.dtype == np.uint8
  assert images.decode(path).rules == ()
  assert images.read_size(path) == (5, 7)


def test_grey_and_one_bit_are_repeated(noise):
  grey = noise(0, 5, 7)[..., 0]
  result = images.decode(encoded(Image.fromarray(grey)))
  np.testing.assert_array_equal(result.pixels, np.stack([grey] * 3, -1))
  assert result.rules == ('grey',)
  bits = grey > 127
  result = images.decode(encoded(Image.fromarray(bits)))
  np.testing.assert_array_equal(result.pixels[..., 1], np.where(bits, 255, 0))
  assert result.rules == ('1-bit',)


def test_palette(noise):
  image = Image.fromarray(noise(0, 5, 7)).quantize(16)
  result = images.decode(encoded(image))
  np.testing.assert_array_equal(result.pixels, np.asarray(image.convert('RGB')))
  assert result.rules == ('palette',)


def test_transparent_palette_entry_becomes_white(noise):
  image = Image.fromarray(noise(0, 5, 7)).quantize(4)
  result = images.decode(encoded(image, transparency=0))
  hidden = np.asarray(image) == 0
  assert hidden.any()
  assert (result.pixels[hidden] == 255).all()
  shown = np.asarray(image.convert('RGB'))[~hidden]
  np.testing.assert_array_equal(result.pixels[~hidden], shown)
  assert result.rules == ('palette', 'alpha')


@pytest.mark.parametrize('channels', [2, 4])
def test_alpha_lies_over_white(noise, channels):
  samples = noise(0, 9, 11, channels)
  samples[0, :, -1], samples[1, :, -1] = 0, 255
  result = images.decode(encoded(Image.fromarray(samples)))
  wanted = over_white(samples[..., :-1], samples[..., -1:], 255)
  np.testing.assert_array_equal(result.pixels, np.broadcast_to(wanted, (9, 11, 3)))
  assert (result.pixels[0] == 255).all()
  assert result.rules == (('grey', 'alpha') if channels == 2 else ('alpha',))


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_sixteen_bits_are_rounded(channels):
  rng = np.random.default_rng(channels)
  samples = rng.integers(0, 65536, (9, 11, channels), dtype=np.uint16)
  # 128 = 257 / 2 - 1/2 goes down, 129 up; cutting off the low byte gives 0 for both.
  samples[0, :4, 0] = 0, 128, 129, 65535
  result = images.decode(png16(samples))
  color = samples[..., : 1 if channels < 3 else 3]
  alpha = samples[..., -1:] if channels % 2 == 0 else np.full_like(color, 65535)
  wanted = np.broadcast_to(over_white(color, alpha, 65535), (9, 11, 3))
  np.testing.assert_array_equal(result.pixels, wanted)
  assert '16-bit' in result.rules
  if channels == 3:
    np.testing.assert_array_equal(result.pixels[0, :4, 0], [0, 0, 1, 255])


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('channels', [1, 3])
def test_sixteen_bit_tiff(order, channels):
  rng = np.random.default_rng(0)
  samples = rng.integers(0, 65536, (9, 11, channels), dtype=np.uint16)
  buffer = io.BytesIO()
  tifffile.imwrite(
    buffer,
    samples if channels == 3 else samples[..., 0],
    byteorder=order,
    photometric='rgb' if channels == 3 else 'minisblack',
  )
  wanted = np.floor(samples / 257 + 0.5).astype(np.uint8)
  result = images.decode(buffer.getvalue())
  np.testing.assert_array_equal(result.pixels, np.broadcast_to(wanted, (9, 11, 3)))


def test_sixteen_bit_pgm():
  samples = np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)
  data = b'P5 8 8 65535\n' + samples.astype('>u2').tobytes()
  result = images.decode(data)
  wanted = np.floor(samples / 257 + 0.5).astype(np.uint8)
  np.testing.assert_array_equal(result.pixels[..., 2], wanted)


def test_cmyk(noise):
  image = Image.fromarray(noise(0, 16, 16, 4), 'CMYK')
  result = images.decode(encoded(image, 'TIFF'))
  np.testing.assert_array_equal(result.pixels, np.asarray(image.convert('RGB')))
  assert result.rules == ('CMYK',)


@pytest.mark.parametrize('deep', [False, True])
def test_exif_orientation_is_applied(noise, deep):
  pixels = noise(0, 5, 7)
  exif = Image.Exif()
  exif[0x0112] = 6  # The camera was turned: the top of the scene is on the right.
  if deep:
    buffer = io.BytesIO()
    tag = (0x0112, 'H', 1, 6)
    samples = pixels.astype(np.uint16) * 257
    tifffile.imwrite(buffer, samples, photometric='rgb', extratags=[tag])
    data = buffer.getvalue()
  else:
    data = encoded(Image.fromarray(pixels), exif=exif)
  result = images.decode(data)
  np.testing.assert_array_equal(result.pixels, np.rot90(pixels, -1))


def test_first_of_several_frames(noise):
  frames = [Image.fromarray(noise(i, 6, 6)) for i in range(2)]
  data = encoded(frames[0], 'TIFF', save_all=True, append_images=frames[1:])
  result = images.decode(data)
  np.testing.assert_array_equal(result.pixels, np.asarray(frames[0]))
  assert result.rules == ('first frame',)


def broken_files(pixels: np.ndarray) -> dict[str, tuple[bytes, str]]:
  image = Image.fromarray(pixels)
  png, jpeg = encoded(image), encoded(image, 'JPEG')
  middle = len(png) // 2
  flipped = png[:middle] + bytes([png[middle] ^ 255]) + png[middle + 1 :]
  floating = Image.fromarray(pixels[..., 0].astype(np.float32))
  return {
    'empty': (b'', 'not an image'),
    'text': (b'hello', 'not an image'),
    'truncated PNG': (png[:middle], 'cannot be decoded'),
    'truncated JPEG': (jpeg[: len(jpeg) // 2], 'truncated'),
    'flipped bits': (flipped, 'cannot be decoded'),
    'floating point': (encoded(floating, 'TIFF'), 'floating-point'),
  }


@pytest.mark.parametrize('kind', broken_files(np.zeros((8, 8, 3), np.uint8)))
def test_broken_files_are_refused_with_a_reason(noise, kind):
  data, reason = broken_files(noise(0, 64, 64))[kind]
  with pytest.raises(images.BadImage, match=reason):
    images.decode(data)


@pytest.mark.filterwarnings('ignore:Image size')  # Pillow says it too.
def test_missing_file_and_too_many_pixels(tmp_path, noise, monkeypatch):
  with pytest.raises(images.BadImage, match='does not exist'):
    images.read_rgb(tmp_path / 'none.png')
  with pytest.raises(images.BadImage, match='header'):
    images.read_size(tmp_path / 'none.png')
  data = encoded(Image.fromarray(noise(0, 8, 8)))
  monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 63)
  with pytest.raises(images.BadImage, match='8x8 is more than 63 pixels'):
    images.decode(data)


def test_real_files_of_all_kinds(shared: pathlib.Path):
  rules = {
    path.name: images.decode(path).rules
    for path in sorted((shared / 'data/real/RealESRGAN_inputs').iterdir())
  }
  assert len(rules) == 9
  assert rules['00017_gray.png'] == rules['wolf_gray.jpg'] == ('grey',)
  assert rules['children-alpha.png'] == ('alpha',)
  assert rules['tree_alpha_16bit.png'] == ('16-bit', 'alpha')
