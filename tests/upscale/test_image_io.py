"""Reading and writing pictures: metadata, limits, mistakes, and whole files only."""

import dataclasses
import io
import struct
import warnings
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from jsr.errors import UserError
from jsr.upscale import image_io, png_stream, strips, tiff_stream
from jsr.upscale.image_io import BadImage, Metadata, Picture
from tests.upscale import specimens

PHOTO = specimens.photo(3)
PICTURE = Picture(PHOTO)


def save(path, pixels, picture=PICTURE, **options):
  peak = 1 if pixels.dtype.kind == 'f' else np.iinfo(pixels.dtype).max
  rows = [(pixels / np.float64(peak)).astype(np.float32)]
  shape = {'height': pixels.shape[0], 'width': pixels.shape[1]}
  return image_io.write(path, rows, **shape, picture=picture, **options)


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('format', ['JPEG', 'PNG', 'WEBP', 'TIFF', 'AVIF'])
def test_orientation_is_applied_once(format, orientation, tmp_path):
  exif = specimens.exif(orientation)
  options = {'quality': 95, 'lossless': True} if format != 'TIFF' else {}
  options |= {'subsampling': '4:4:4'} if format in ('JPEG', 'AVIF') else {}
  xmp = specimens.xmp(orientation)
  data = specimens.saved(Image.fromarray(PHOTO), format, exif=exif, xmp=xmp, **options)
  picture = image_io.read(data)
  if format != 'TIFF':  # Pillow has already turned it.
    assert ('EXIF orientation applied' in picture.notes) == (orientation > 1)
  path = tmp_path / 'x.jpg'
  jpeg = specimens.saved(Image.fromarray(PHOTO), 'JPEG', exif=exif, quality=95)
  path.write_bytes(jpeg)
  shown = cv2.imread(str(path))[..., ::-1]  # OpenCV turns it by itself.
  assert picture.color.shape == shown.shape
  assert np.abs(picture.color.astype(int) - shown).mean() < 6
  for suffix in ('.jpg', '.png', '.tif', '.webp', '.avif'):
    out = tmp_path / f'y{suffix}'
    save(out, picture.color, picture, lossless=suffix != '.jpg')
    again = image_io.read(out)
    assert again.color.shape == picture.color.shape
    assert np.abs(again.color.astype(int) - picture.color).mean() < 3
    assert 'EXIF orientation applied' not in again.notes
    if format in ('JPEG', 'WEBP', 'AVIF'):  # Pillow writes no XMP into the others.
      assert b'Orientation="1"' in again.metadata.xmp


@pytest.mark.parametrize('format', ['JPEG', 'PNG', 'WEBP', 'TIFF', 'AVIF'])
def test_metadata_is_read_and_carried(format, tmp_path):
  told = {'exif': specimens.exif(6), 'icc_profile': specimens.profile()}
  told |= {'xmp': specimens.xmp(), 'dpi': (300, 150)}
  if format == 'TIFF':
    told['exif'] = Image.Exif()
    told['exif'].load(specimens.exif(6))
    told['exif'][700] = told.pop('xmp')
  if format == 'PNG':
    told['pnginfo'] = PngInfo()
    told['pnginfo'].add_itxt('XML:com.adobe.xmp', told.pop('xmp').decode())
  data = specimens.saved(Image.fromarray(PHOTO), format, **told)
  picture = image_io.read(data)
  meta = picture.metadata
  assert picture.format == format
  assert meta.icc == specimens.profile()
  assert b'words' in meta.xmp
  if format in ('JPEG', 'PNG', 'TIFF'):
    assert meta.dpi == pytest.approx((300, 150), abs=0.02)
  found = Image.Exif()
  found.load(meta.exif)
  assert found[0x010F] == 'Maker'
  assert found.get_ifd(0x8769)[0x829A] == 0.25
  assert found.get(0x0112, 1) == 1
  path = tmp_path / 'big.jpg'
  save(path, picture.color.repeat(3, 0).repeat(2, 1), picture)
  with Image.open(path) as image:
    inner = image.getexif().get_ifd(0x8769)
    size = (specimens.H * 2, specimens.W * 3)  # Turned by a quarter before.
    assert image.size == (inner[0xA002], inner[0xA003]) == size


def test_a_thumbnail_is_cut_and_maker_notes_stay_in_place():
  block = specimens.exif(3, thumbnail=True)
  data = specimens.saved(Image.fromarray(PHOTO), 'JPEG', exif=b'Exif\0\0' + block)
  exif = image_io.read(data).metadata.exif
  assert b'THUMBNAIL' in block
  assert b'THUMBNAIL' not in exif
  at = block.index(b'Maker')
  assert exif[at : at + 5] == b'Maker'


def test_texts(tmp_path):
  text = {'Author': 'Zoë', 'Комментарий': 'да', 'Comment': 'of it'}
  picture = dataclasses.replace(PICTURE, metadata=Metadata(text=text))
  save(tmp_path / 'x.png', PHOTO, picture)
  got = image_io.read(tmp_path / 'x.png').metadata.text
  assert got['Author'] == 'Zoë'
  assert 'да' in got.values()
  for suffix in ('.jpg', '.gif'):
    notes = save(tmp_path / f'x{suffix}', PHOTO, picture)
    assert any('keeps the comment only' in note for note in notes)
    assert image_io.read(tmp_path / f'x{suffix}').metadata.text == {'Comment': 'of it'}


def test_a_profile_of_inks_is_used(tmp_path):
  ink = np.zeros((4, 6, 4), np.uint8)
  ink[:, 3:, 0] = 255
  icc = specimens.ink_profile()
  picture = Picture(ink, None, 'cmyk', Metadata(icc=icc))
  notes = save(tmp_path / 'x.png', ink, picture)
  assert 'PNG has no CMYK: converted to sRGB through its profile' in notes
  got = image_io.read(tmp_path / 'x.png')
  assert got.metadata.icc is None
  assert (got.color[:, :3] >= 250).all()
  red, green, blue = got.color[0, 5].astype(int)
  assert red > 200 > 2 * max(green, blue)
  save(tmp_path / 'x.jpg', ink, picture)
  assert image_io.read(tmp_path / 'x.jpg').metadata.icc == icc
  notes = save(
    tmp_path / 'y.png', ink, dataclasses.replace(picture, metadata=Metadata())
  )
  assert 'PNG has no CMYK: converted to sRGB by a plain formula' in notes
  assert tuple(image_io.read(tmp_path / 'y.png').color[0, 5]) == (0, 255, 255)


def test_a_profile_of_another_space_is_left_out(tmp_path):
  grey = Picture(PHOTO[..., :1], None, 'grey', Metadata(icc=specimens.profile('grey')))
  assert save(tmp_path / 'x.png', grey.color, grey) == ()
  notes = save(tmp_path / 'x.webp', grey.color, grey)
  assert notes == ('the colour profile is for another colour space: left out',)
  assert image_io.read(tmp_path / 'x.webp').metadata.icc is None


def test_samples_are_rounded_half_up_once(tmp_path):
  values = np.array([0, 0.4999, 0.5, 1, 254.4999, 254.5, 300, -3], np.float32)
  rows = np.broadcast_to((values / 255)[None, :, None], (2, 8, 3))
  image_io.write(tmp_path / 'x.png', [rows], height=2, width=8, picture=PICTURE)
  got = cv2.imread(str(tmp_path / 'x.png'))[0, :, 0]
  assert got.tolist() == [0, 0, 1, 1, 254, 255, 255, 0]
  deep = Picture(specimens.deep(PHOTO))
  every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1).repeat(3, -1)
  save(tmp_path / 'y.png', every, deep)
  got = cv2.imread(str(tmp_path / 'y.png'), cv2.IMREAD_UNCHANGED)
  np.testing.assert_array_equal(got, every)


def test_pages_frames_and_names(tmp_path):
  pages = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)]
  for format, word in (('TIFF', 'page'), ('GIF', 'frame'), ('MPO', 'picture')):
    data = specimens.saved(pages[0], format, save_all=True, append_images=pages[1:])
    picture = image_io.read(data)
    assert picture.notes[0] == f'the first {word} of several'
    assert picture.format == {'MPO': 'JPEG'}.get(format, format)
  path = tmp_path / 'wrong.gif'
  path.write_bytes(specimens.saved(pages[0], 'PNG'))
  assert image_io.read(path).format == 'PNG'


@pytest.mark.parametrize(
  'format', ['PNG', 'JPEG', 'WEBP', 'TIFF', 'AVIF', 'GIF', 'BMP']
)
def test_too_many_pixels_are_refused_before_they_are_decoded(format, monkeypatch):
  data = specimens.saved(Image.fromarray(PHOTO), format)
  pixels = specimens.H * specimens.W
  assert image_io.read(data, max_pixels=pixels).color.shape == PHOTO.shape

  def load(self):
    raise AssertionError('decoded')

  monkeypatch.setattr('PIL.ImageFile.ImageFile.load', load)
  with pytest.raises(BadImage, match=r'than 479 pixels'):
    image_io.read(data, max_pixels=pixels - 1)


def test_large_pictures_are_no_bombs_to_pillow():
  side = 2 * Image.MAX_IMAGE_PIXELS // 2**14 + 1
  white = np.zeros((side, 2**14, 1), np.uint8)
  data = specimens.png(white[:, :2048], color=0, depth=1)
  header = struct.pack('>LL', 2**14, side)
  assert data[16:24] == struct.pack('>LL', 2048, side)
  del white
  rows = zlib.compress(bytes((1 + 2**11) * side), 9)
  body = specimens.chunk(b'IHDR', header + bytes([1, 0, 0, 0, 0]))
  body += specimens.chunk(b'IDAT', rows) + specimens.chunk(b'IEND', b'')
  before = Image.MAX_IMAGE_PIXELS
  picture = image_io.read(data[:8] + body)
  assert picture.color.shape == (side, 2**14, 1)
  assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda p: p, 'the file does not exist'),
    (lambda p: p.parent, 'this is a folder'),
    (lambda p: (p.write_bytes(b'') and p) or p, 'the file is empty'),
    (lambda p: (p.write_text('x' * 99), p)[1], 'not an image in a known format'),
  ],
)
def test_what_is_no_picture(make, message, tmp_path):
  with pytest.raises(BadImage, match=message):
    image_io.read(make(tmp_path / 'x.png'))


def test_short_pngs_are_refused():
  """Pillow would show black for what is missing."""
  good = specimens.png(PHOTO)
  tall = good[:20] + struct.pack('>L', 2 * specimens.H) + good[24:29]
  tall += specimens.png_crc(tall[12:29]) + good[33:]
  with pytest.raises(BadImage, match='rows are missing'):
    image_io.read(tall)
  at = good.index(b'IDAT') + 30
  flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
  with pytest.raises(BadImage, match='damaged'):
    image_io.read(flipped)


def test_a_jpeg_of_too_few_bits_is_refused():
  good = specimens.saved(Image.new('RGB', (64, 64)), 'JPEG')
  at = good.index(b'\xff\xc0') + 5
  tall = good[:at] + struct.pack('>HH', 8000, 8000) + good[at + 4 :]
  with pytest.raises(BadImage, match='cannot hold 8000 x 8000 pixels'):
    image_io.read(tall)
  # The emptiest of all stays far above the bound.
  for progressive in (False, True):
    blank = Image.new('L', (4096, 4096), 128)
    data = specimens.saved(blank, 'JPEG', quality=1, progressive=progressive)
    assert image_io.read(data).width == 4096


def test_warnings_stay_inside():
  image = Image.fromarray(PHOTO)
  data = specimens.saved(image, 'JPEG', exif=specimens.exif())
  broken = data.replace(b'II*\0', b'II*\1').replace(b'MM\0*', b'MM\1*')
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    picture = image_io.read(broken)
  assert picture.metadata.exif is None
  assert 'damaged EXIF left out' in picture.notes


def test_an_animation_that_is_none_is_read_without_a_warning():
  """Pillow warns of it and shows the picture."""
  data = specimens.png(PHOTO, specimens.chunk(b'acTL', bytes(8)))
  np.testing.assert_array_equal(image_io.read(data).color, PHOTO)


@pytest.mark.parametrize(('tag', 'value'), [(279, 0), (273, 0), (273, 10**6)])
def test_strips_that_are_not_there(tag, value):
  """tifffile, which reads this kind, would show black."""
  data = bytearray(specimens.every()['tiff-grey-alpha16'].data)
  start = struct.unpack_from('<L', data, 4)[0]
  places = range(
    start + 2, start + 2 + 12 * struct.unpack_from('<H', data, start)[0], 12
  )
  for at in places:
    if struct.unpack_from('<H', data, at)[0] == tag:
      struct.pack_into('<HL', data, at + 2, 4, 1)
      struct.pack_into('<L', data, at + 8, value)
  with pytest.raises(BadImage, match=r'TIFF is (truncated|damaged)'):
    image_io.read(bytes(data))


@pytest.mark.parametrize('mode', ['F', 'I', 'LAB'])
def test_ranges_that_are_not_defined(mode):
  data = specimens.saved(Image.new(mode, (8, 8)), 'TIFF')
  with pytest.raises(BadImage, match='samples are not supported'):
    image_io.read(data)


@pytest.mark.parametrize('mode', ['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr'])
def test_pillow_and_back(mode):
  image = (
    Image.fromarray(PHOTO).convert('RGBA' if mode == 'LA' else 'RGB').convert(mode)
  )
  picture = image_io.from_pil(image)
  whole = [picture.color] + ([] if picture.alpha is None else [picture.alpha])
  again = image_io.to_pil(np.concatenate(whole, -1), picture)
  want = {'1': 'L', 'P': 'RGB', 'YCbCr': 'RGB'}.get(mode, mode)
  assert again.mode == want
  np.testing.assert_array_equal(np.asarray(again), np.asarray(image.convert(want)))


def test_deep_pillow_and_metadata():
  deep = specimens.deep(PHOTO)
  image = Image.fromarray(deep[..., 0])
  picture = image_io.from_pil(image)
  assert (picture.depth, picture.space) == (16, 'grey')
  again = image_io.to_pil(picture.color, picture)
  np.testing.assert_array_equal(np.asarray(again), deep[..., 0])
  told = dataclasses.replace(picture, space='rgb', metadata=Metadata(b'icc', b'II*'))
  small = image_io.to_pil(deep, told)
  assert small.info == {'icc_profile': b'icc', 'exif': b'Exif\0\0II*'}
  np.testing.assert_array_equal(np.asarray(small), np.floor(deep / 257 + 0.5))


def failing(count):
  yield np.zeros((1, 24, 3), np.float32)
  if count == 2:
    raise OSError(5, 'not about the file')
  raise RuntimeError('stopped')


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jpg', '.gif', '.webp', '.avif'])
def test_nothing_half_written_stays(suffix, tmp_path):
  path = tmp_path / f'x{suffix}'
  save(path, PHOTO)
  before = path.read_bytes()
  shape = {'height': 20, 'width': 24, 'picture': PICTURE}
  with pytest.raises(RuntimeError, match='stopped'):
    image_io.write(path, failing(1), **shape)
  with pytest.raises(OSError, match='not about the file'):
    image_io.write(path, failing(2), **shape)
  for rows in ((19, 24, 3), (21, 24, 3), (20, 23, 3), (20, 24, 4)):
    with pytest.raises(ValueError, match='rows'):
      image_io.write(path, [np.zeros(rows, np.float32)], **shape)
  with pytest.raises(ValueError, match='not finite'):
    image_io.write(path, [np.full((20, 24, 3), np.nan, np.float32)], **shape)
  assert [p.name for p in tmp_path.iterdir()] == [path.name]
  assert path.read_bytes() == before


def test_a_full_disk_is_told(tmp_path, monkeypatch):
  def full(*_):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(png_stream, 'chunk', full)
  with pytest.raises(UserError, match=r'x\.png cannot be written: No space left'):
    save(tmp_path / 'x.png', PHOTO)
  with pytest.raises(UserError, match='cannot be written: No such file'):
    save(tmp_path / 'nowhere' / 'x.tif', PHOTO)
  assert list(tmp_path.iterdir()) == []


def test_mistakes(tmp_path):
  for path, options, message in (
    ('x.xyz', {}, 'no suffix of a format'),
    ('x.png', {'format': 'jpg2'}, "unknown format 'jpg2'; did you mean 'jpeg'"),
    ('x.jpg', {'quality': 0}, 'quality 0 is not within'),
  ):
    with pytest.raises(UserError, match=message):
      save(tmp_path / path, PHOTO, **options)
  for name, side in (('WebP', 16384), ('JPEG', 65501), ('GIF', 65536), ('AVIF', 16385)):
    path = tmp_path / f'x.{name.lower()}'
    with pytest.raises(
      UserError, match=f'{name} holds at most {side - 1} pixels a side'
    ):
      image_io.write(path, [], height=1, width=side, picture=PICTURE)
  assert list(tmp_path.iterdir()) == []
  save(tmp_path / 'x.xyz', PHOTO, format='.tif')
  assert image_io.read(tmp_path / 'x.xyz').format == 'TIFF'


def test_the_side_limits_are_the_ones_of_the_formats(tmp_path):
  for known in image_io.formats():
    if known.side > 2**16:
      continue
    path = tmp_path / f'x{known.suffixes[0]}'
    rows = [np.zeros((1, known.side, 3), np.float32)]
    image_io.write(path, rows, height=1, width=known.side, picture=PICTURE)
    assert image_io.read(path).width == known.side


def test_big_tiff(tmp_path):
  stream = io.BytesIO()
  meta = Metadata(exif=specimens.exif().removeprefix(b'Exif\0\0'), xmp=specimens.xmp())
  options = {'space': 'rgb', 'alpha': False, 'depth': 8, 'metadata': meta}
  tiff_stream.write(stream, [PHOTO[:3], PHOTO[3:]], 20, 24, **options, big=True)
  stream.seek(0)
  with tifffile.TiffFile(stream) as file:
    assert file.is_bigtiff
    np.testing.assert_array_equal(file.pages[0].asarray(), PHOTO)
    assert file.pages[0].tags[0x8769].value['ExposureTime'] == 0.25
  np.testing.assert_array_equal(image_io.read(stream.getvalue()).color, PHOTO)


def test_big_tiff_is_chosen_by_size(tmp_path, monkeypatch):
  monkeypatch.setattr(tiff_stream, '_BIG', 20 * 24 * 3)
  save(tmp_path / 'x.tif', PHOTO)
  save(tmp_path / 'y.tif', PHOTO[:19])
  for name, big in (('x', True), ('y', False)):
    with tifffile.TiffFile(tmp_path / f'{name}.tif') as file:
      assert file.is_bigtiff == big


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('depth', [8, 16])
def test_pieces_join(suffix, depth, tmp_path, monkeypatch):
  """Several pieces by several threads make one picture, whatever the bands."""
  monkeypatch.setattr(strips, 'PIECE', 1000)
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 2**depth, (97, 31, 4)).astype(f'u{depth // 8}')
  pixels[20:60] = pixels[20, :1]
  picture = Picture(pixels[..., :3], pixels[..., 3:])
  rows = (pixels / np.float64(2**depth - 1)).astype(np.float32)
  path = tmp_path / f'x{suffix}'
  bands = np.split(rows, [1, 2, 40, 41, 90])
  image_io.write(path, iter(bands), height=97, width=31, picture=picture)
  if suffix == '.tif':  # OpenCV premultiplies these.
    got = tifffile.imread(path)
  else:
    got = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]]
  np.testing.assert_array_equal(got, pixels)
  np.testing.assert_array_equal(image_io.read(path).color, pixels[..., :3])
  if suffix == '.png':  # OpenCV does not look at this checksum.
    data = path.read_bytes()
    parts = [(n - 4, n + 4) for n in range(len(data)) if data[n : n + 4] == b'IDAT']
    assert len(parts) > 9
    sizes = [struct.unpack_from('>L', data, at)[0] for at, _ in parts]
    joined = b''.join(
      data[at : at + size] for (_, at), size in zip(parts, sizes, strict=True)
    )
    assert len(zlib.decompress(joined)) == 97 * (1 + 31 * 4 * depth // 8)
