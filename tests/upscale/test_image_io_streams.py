"""Animations, and memory that does not grow with the picture."""

import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image

from jsr.errors import UserError
from jsr.upscale import animation, image_io
from jsr.upscale.image_io import BadImage, Metadata, Picture
from tests.upscale import specimens

PHOTO = specimens.photo(3)
FRAMES = [PHOTO, PHOTO[::-1], PHOTO[:, ::-1], np.roll(PHOTO, 5, 1)]
TIMES = [40, 100, 70, 250]
FORMATS = {'.gif': 14, '.webp': 0, '.png': 0, '.avif': 1}


def frames(alpha=False):
  for i, (pixels, duration) in enumerate(zip(FRAMES, TIMES, strict=True)):
    if not alpha:
      yield pixels, duration
      continue
    # The hole wanders: an earlier frame must not shine through.
    shown = np.broadcast_to(np.roll(np.arange(24) >= 9, 4 * i)[:, None], (20, 24, 1))
    yield np.concatenate([pixels, shown * np.uint8(255)], -1), duration


def opaque(pixels):
  return pixels[..., 3] > 0 if pixels.shape[-1] == 4 else np.s_[:]


def write(path, alpha=False, **options):
  options = {'picture': Picture(PHOTO), 'lossless': True, **options}
  return image_io.write_animation(path, frames(alpha), **options)


@pytest.mark.parametrize('orientation', [3, 6])
def test_frames_are_turned_as_pictures_are(orientation, tmp_path):
  """PNG's frames have no orientation of their own: the file's counts for all."""
  path = tmp_path / 'x.png'
  first, *rest = (Image.fromarray(pixels) for pixels in FRAMES)
  exif = specimens.exif(orientation)
  first.save(path, save_all=True, append_images=rest, duration=TIMES, exif=exif)
  got = image_io.open_animation(path)
  assert got.size == (image_io.read(path).height, image_io.read(path).width)
  assert 'EXIF orientation applied' in got.notes
  for (frame, _), pixels in zip(got, FRAMES, strict=True):
    want = np.rot90(pixels, {3: 2, 6: -1}[orientation])
    np.testing.assert_array_equal(frame.color, want)
  np.testing.assert_array_equal(next(iter(got))[0].color, image_io.read(path).color)


@pytest.mark.parametrize('alpha', [False, True])
@pytest.mark.parametrize('loop', [0, 1, 3])
@pytest.mark.parametrize('suffix', FORMATS)
def test_animations(suffix, loop, alpha, tmp_path):
  path = tmp_path / f'x{suffix}'
  write(path, alpha, loop=loop)
  assert [p.name for p in tmp_path.iterdir()] == [path.name]
  got = image_io.open_animation(path)
  assert (got.size, got.count, len(got)) == ((20, 24), 4, 4)
  assert got.durations == tuple(TIMES)
  assert got.has_alpha == alpha
  if suffix != '.avif':
    assert got.loop == loop
  for _ in range(2):  # It can be gone through again.
    seen = list(got)
    assert [duration for _, duration in seen] == TIMES
    for (picture, _), (want, _) in zip(seen, frames(alpha), strict=True):
      assert picture.space == 'rgb'
      assert (picture.alpha is not None) == alpha
      error = np.abs(picture.color.astype(int) - want[..., :3])[opaque(want)]
      assert error.mean() <= FORMATS[suffix]
      if alpha:
        np.testing.assert_array_equal(picture.alpha, want[..., 3:])
  # And a second library sees the same.
  ok, other = cv2.imreadanimation(str(path))
  assert ok
  assert len(other.frames) == 4
  for frame, (want, _) in zip(other.frames, frames(alpha), strict=True):
    error = np.abs(frame[..., 2::-1].astype(int) - want[..., :3])[opaque(want)]
    assert error.mean() <= FORMATS[suffix]
    if alpha:
      np.testing.assert_array_equal(frame[..., 3:], want[..., 3:])


def test_frames_are_composited(tmp_path):
  """A later frame of this GIF is a small square over the first."""
  square = Image.fromarray(PHOTO).quantize(16)
  second = square.copy()
  second.paste(3, (4, 5, 9, 11))
  path = tmp_path / 'x.gif'
  options = {'save_all': True, 'append_images': [second], 'duration': 50}
  square.save(path, **options)
  got = list(image_io.open_animation(path))
  np.testing.assert_array_equal(got[0][0].color, np.asarray(square.convert('RGB')))
  np.testing.assert_array_equal(got[1][0].color, np.asarray(second.convert('RGB')))
  assert image_io.open_animation(path).loop == 1


def test_stills_are_no_animations(tmp_path):
  for suffix in ('.png', '.gif', '.webp', '.tif', '.jpg', '.avif'):
    Image.fromarray(PHOTO).save(tmp_path / f'x{suffix}')
    assert image_io.open_animation(tmp_path / f'x{suffix}') is None


def test_a_hidden_picture_is_no_frame(tmp_path):
  path = tmp_path / 'x.png'
  images = [Image.fromarray(pixels) for pixels in FRAMES]
  options = {'save_all': True, 'append_images': images[1:], 'default_image': True}
  images[0].save(path, **options)
  got = image_io.open_animation(path)
  assert got.count == 3
  np.testing.assert_array_equal(next(iter(got))[0].color, FRAMES[1])


def test_broken_and_too_large_animations(tmp_path, monkeypatch):
  path = tmp_path / 'x.gif'
  write(path)
  data = path.read_bytes()
  with pytest.raises(BadImage, match='more than'):
    image_io.open_animation(path, max_pixels=479)
  monkeypatch.setattr(animation, 'TOTAL', 3)
  with pytest.raises(BadImage, match='its frames have more than 1440 pixels together'):
    image_io.open_animation(path, max_pixels=480)
  path.write_bytes(data[: len(data) * 3 // 5])
  with pytest.raises(BadImage):
    image_io.open_animation(path)


def test_mistakes_with_animations(tmp_path):
  with pytest.raises(UserError, match='JPEG holds no frames; choose one of: PNG'):
    write(tmp_path / 'x.jpg')
  picture = Picture(PHOTO)
  with pytest.raises(ValueError, match='without frames'):
    image_io.write_animation(tmp_path / 'x.gif', [], picture=picture)
  wrong = [(PHOTO, 10), (PHOTO[1:], 10)]
  for suffix in FORMATS:
    with pytest.raises(ValueError, match='a frame of'):
      image_io.write_animation(tmp_path / f'x{suffix}', wrong, picture=picture)
  assert list(tmp_path.iterdir()) == []


def test_metadata_of_animations(tmp_path):
  meta = Metadata(icc=specimens.profile(), xmp=specimens.xmp())
  for suffix in ('.png', '.webp', '.avif'):
    write(tmp_path / f'x{suffix}', picture=Picture(PHOTO, metadata=meta))
    got = image_io.open_animation(tmp_path / f'x{suffix}').metadata
    assert (got.icc, got.xmp) == (meta.icc, meta.xmp)
  notes = write(tmp_path / 'x.gif', picture=Picture(PHOTO, metadata=meta))
  assert any('profile' in note for note in notes)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_memory_does_not_grow_with_the_picture(suffix, tmp_path):
  """30 megapixels, 90 MB of samples, pass through a few megabytes."""
  height, width, n = 3000, 10000, 60
  i, j = np.mgrid[:n, :width]
  band = np.stack([i / n, j / width, (i + j) % 97 / 97], -1).astype(np.float32)
  path = tmp_path / f'x{suffix}'
  tracemalloc.start()
  try:
    rows = (band for _ in range(height // n))
    image_io.write(path, rows, height=height, width=width, picture=Picture(PHOTO))
    peak = tracemalloc.get_traced_memory()[1]
  finally:
    tracemalloc.stop()
  assert peak < 40 * 2**20
  with Image.open(path) as image:
    assert image.size == (width, height)
