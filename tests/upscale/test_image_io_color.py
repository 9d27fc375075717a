"""What a PNG says of its colours goes on, or it is said that it does not."""

import dataclasses
import io
import struct

import numpy as np
import pytest
from PIL import Image

from jsr.upscale import image_io
from tests.upscale import specimens

PHOTO = specimens.photo(3)
GAMMA = (b'gAMA', struct.pack('>L', 45455))
LINEAR = (b'gAMA', struct.pack('>L', 100_000))
SRGB = (b'sRGB', b'\0')
PLAIN = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
CHROMA = (b'cHRM', struct.pack('>8L', *PLAIN))
WIDE = (
  b'cHRM',
  struct.pack('>8L', 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600),
)
PQ = (b'cICP', bytes([9, 16, 0, 1]))
CICP_SRGB = (b'cICP', bytes([1, 13, 0, 1]))
MASTER = (b'mDCV', bytes(range(24)))
LIGHT = (b'cLLI', bytes(range(8)))
EVERY = (PQ, MASTER, LIGHT, SRGB, GAMMA, CHROMA)


def png(*chunks, pixels=PHOTO, **options):
  body = (specimens.chunk(kind, data) for kind, data in chunks)
  return specimens.png(pixels, *body, **options)


def through(data, path):
  picture = image_io.read(data)
  rows = [(picture.color / np.float64(255)).astype(np.float32)]
  shape = {'height': picture.height, 'width': picture.width}
  notes = image_io.write(path, rows, **shape, picture=picture)
  return picture, notes


@pytest.mark.parametrize(
  'chunks', [(GAMMA,), (LINEAR, WIDE), (SRGB,), (SRGB, GAMMA, CHROMA), (PQ,), EVERY]
)
def test_from_png_to_png(chunks, tmp_path):
  path = tmp_path / 'x.png'
  picture, notes = through(png(*chunks), path)
  assert picture.metadata.color == dict(chunks)
  assert notes == ()
  found = specimens.chunks(path.read_bytes())
  kinds = [kind for kind, _ in found]
  for chunk in chunks:
    assert found.count(chunk) == 1
    assert kinds.index(chunk[0]) < kinds.index(b'IDAT')
  with Image.open(path) as image, Image.open(io.BytesIO(png(*chunks))) as before:
    for key in ('gamma', 'chromaticity', 'srgb'):
      assert image.info.get(key) == before.info.get(key)
  again, _ = through(path.read_bytes(), tmp_path / 'y.png')
  assert again.metadata == picture.metadata


def test_a_palette_keeps_them(tmp_path):
  places = PHOTO[..., :1] // 64
  table = (b'PLTE', bytes(range(12)))
  data = png(LINEAR, table, pixels=places, color=3)
  picture, _ = through(data, tmp_path / 'x.png')
  assert picture.metadata.color == dict([LINEAR])
  assert LINEAR in specimens.chunks((tmp_path / 'x.png').read_bytes())


def test_a_profile_stands_instead_of_srgb(tmp_path):
  """The specification allows one of the two; readers take the profile."""
  icc = specimens.profile()
  picture, _ = through(png(SRGB, GAMMA, PQ), tmp_path / 'x.png')
  meta = dataclasses.replace(picture.metadata, icc=icc)
  picture = dataclasses.replace(picture, metadata=meta)
  rows = [(PHOTO / np.float64(255)).astype(np.float32)]
  image_io.write(tmp_path / 'y.png', rows, height=20, width=24, picture=picture)
  kinds = [kind for kind, _ in specimens.chunks((tmp_path / 'y.png').read_bytes())]
  assert b'sRGB' not in kinds
  assert kinds[:4] == [b'IHDR', b'cICP', b'iCCP', b'gAMA']
  assert image_io.read(tmp_path / 'y.png').metadata.icc == icc


@pytest.mark.parametrize('suffix', ['.jpg', '.webp', '.tif', '.avif', '.gif'])
@pytest.mark.parametrize(
  ('chunks', 'names'),
  [
    ((), ''),
    ((SRGB,), ''),
    ((GAMMA, CHROMA), ''),
    ((CICP_SRGB, LINEAR), ''),
    # sRGB counts, and what contradicts it does not.
    ((SRGB, LINEAR), ''),
    ((LINEAR,), 'gAMA'),
    ((GAMMA, WIDE), 'cHRM'),
    ((LINEAR, WIDE), 'gAMA, cHRM'),
    ((PQ, SRGB), 'cICP'),
  ],
)
def test_other_formats_have_no_place_for_them(chunks, names, suffix, tmp_path):
  path = tmp_path / f'x{suffix}'
  _, notes = through(png(*chunks), path)
  label = {'.jpg': 'JPEG', '.tif': 'TIFF', '.webp': 'WebP'}.get(suffix)
  label = label or suffix[1:].upper()
  want = f'{label} has no place for {names} of PNG: colours may look different'
  assert [note for note in notes if '256 colours' not in note] == (
    [want] if names else []
  )
  assert image_io.read(path).metadata.color == {}


def test_a_profile_counts_more_than_gamma(tmp_path):
  with_profile = Image.open(io.BytesIO(png(LINEAR, WIDE)))
  stream = io.BytesIO()
  with_profile.save(stream, 'PNG', icc_profile=specimens.profile())
  head, *rest = specimens.chunks(stream.getvalue())
  for extra, names in (([LINEAR, WIDE], ''), ([PQ], 'cICP')):
    body = b''.join(specimens.chunk(*c) for c in [head, *extra, *rest])
    _, notes = through(stream.getvalue()[:8] + body, tmp_path / 'x.jpg')
    assert (len(notes) == 1) == bool(names)
    assert all(names in note for note in notes)


@pytest.mark.parametrize(
  'chunk', [(b'gAMA', bytes(4)), (b'cHRM', bytes(33)), (b'sRGB', b'\7'), (b'cICP', b'')]
)
def test_what_means_nothing_is_not_kept(chunk, tmp_path):
  try:
    picture, notes = through(png(chunk), tmp_path / 'x.png')
  except image_io.BadImage:
    return
  assert picture.metadata.color == {}
  assert notes == ()


def test_what_comes_after_the_picture_is_not_kept():
  head, *rest = specimens.chunks(png())
  body = b''.join(specimens.chunk(*c) for c in [head, rest[0], LINEAR, *rest[1:]])
  assert image_io.read(png()[:8] + body).metadata.color == {}


def test_animations_keep_them(tmp_path):
  frames = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)]
  data = specimens.saved(frames[0], 'PNG', save_all=True, append_images=frames[1:])
  head, *rest = specimens.chunks(data)
  path = tmp_path / 'x.png'
  body = (specimens.chunk(*c) for c in [head, LINEAR, PQ, *rest])
  path.write_bytes(data[:8] + b''.join(body))
  animation = image_io.open_animation(path)
  assert animation.metadata.color == dict([LINEAR, PQ])
  again = ((picture.color, ms) for picture, ms in animation)
  assert image_io.write_animation(tmp_path / 'y.png', again, picture=animation) == ()
  kinds = [kind for kind, _ in specimens.chunks((tmp_path / 'y.png').read_bytes())]
  assert kinds[:4] == [b'IHDR', b'cICP', b'gAMA', b'acTL']
  again = ((picture.color, ms) for picture, ms in animation)
  notes = image_io.write_animation(tmp_path / 'y.webp', again, picture=animation)
  assert notes == ('WebP has no place for cICP of PNG: colours may look different',)
