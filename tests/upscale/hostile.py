"""Broken and hostile picture files, made from good ones; the same ones every time.

`python -m tests.upscale.hostile FOLDER` writes them all, to be tried elsewhere.
"""

import dataclasses
import functools
import io
import pathlib
import struct
import sys
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.upscale import specimens

SUFFIXES = ('.png', '.jpg', '.webp', '.tif', '.avif', '.gif', '.bmp')
# 16- and 32-bit values that break arithmetic.
ODD16 = (0, 1, 2, 7, 0x7FFF, 0x8000, 0xFFFF)
ODD32 = (0, 1, 2**16, 2**24 + 1, 2**31 - 1, 2**31, 2**32 - 1)
# Of the random mutations of each good file.
FLIPS, CUTS, HOLES, SPLICES = 14, 8, 5, 5


@dataclasses.dataclass(frozen=True)
class Case:
  """`bad`: nothing may be made of it; else a decoder may well find it fine."""

  name: str
  data: bytes
  suffix: str
  bad: bool = False


def cases() -> Iterator[Case]:
  """Every file, over 2,000 of them."""
  good = seeds()
  rng = np.random.default_rng(20240229)
  for name, data in good.items():
    suffix = _suffix(name)
    for kind, changed, bad in _random(data, good, rng):
      # The first frame may be whole.
      bad = bad and 'frames' not in name
      yield Case(f'{name}-{kind}', changed, suffix, bad)
  for maker in (_pngs, _jpegs, _tiffs, _gifs, _webps, _bmps, _boxes, _others):
    yield from maker(good)


@functools.cache
def seeds() -> dict[str, bytes]:
  """Good files by name, 'format-kind', some with metadata and some with frames."""
  kinds = (
    *('png-rgb8', 'png-rgba16', 'png-palette-alpha', 'png-interlaced', 'png-one-bit'),
    *('jpeg-rgb', 'jpeg-cmyk', 'webp-rgb', 'webp-rgba', 'avif-rgba', 'bmp-rgb'),
    *('tiff-rgb16', 'tiff-deflate8', 'tiff-lzw', 'tiff-cmyk-alpha8', 'tiff-palette'),
    *('tiff-grey-alpha16', 'tiff-one-bit', 'gif-palette-alpha', 'bmp-palette'),
  )
  every = specimens.every()
  found = {kind: every[kind].data for kind in kinds}
  photo = Image.fromarray(specimens.photo(3))
  told = {'exif': specimens.exif(6, True), 'icc_profile': specimens.profile()}
  told['xmp'] = specimens.xmp(6)
  for format in ('JPEG', 'WEBP', 'PNG', 'AVIF', 'TIFF'):
    found[f'{format.lower()}-told'] = specimens.saved(photo, format, **told)
  found['jpeg-progressive'] = specimens.saved(photo, 'JPEG', progressive=True)
  turned = [photo, photo.transpose(Image.Transpose.ROTATE_180), photo]
  for format in ('GIF', 'WEBP', 'PNG', 'AVIF'):
    options = {'save_all': True, 'append_images': turned[1:], 'duration': 70}
    found[f'{format.lower()}-frames'] = specimens.saved(photo, format, **options)
  found['gif-grey-frames'] = specimens.saved(
    photo.convert('L'), 'GIF', save_all=True, append_images=[turned[1].convert('L')]
  )
  return found


def _suffix(name: str) -> str:
  kind = name.split('-')[0]
  return {'jpeg': '.jpg', 'tiff': '.tif'}.get(kind, f'.{kind}')


def _random(
  data: bytes, good: dict[str, bytes], rng: np.random.Generator
) -> Iterator[tuple[str, bytes, bool]]:
  others = list(good.values())
  for i in range(FLIPS):
    changed = bytearray(data)
    # Half of them in the first bytes, where headers are.
    top = min(len(data), 96) if i % 2 else len(data)
    for place in rng.integers(0, top, rng.integers(1, 9)):
      changed[place] ^= 1 << rng.integers(0, 8)
    yield f'flip{i}', bytes(changed), False
  for i in range(CUTS):
    end = int(rng.integers(1, len(data)))
    yield f'cut{i}', data[:end], end < len(data) // 2
  for i in range(HOLES):
    start, length = (int(n) for n in rng.integers(0, (len(data), 64)))
    fill = rng.bytes(length) if i % 2 else bytes(length)
    yield f'hole{i}', data[:start] + fill + data[start + length :], False
  for i in range(SPLICES):
    other = others[rng.integers(len(others))]
    cut, paste = int(rng.integers(1, len(data))), int(rng.integers(0, len(other)))
    yield f'splice{i}', data[:cut] + other[paste:], False


def _png(chunks: list[tuple[bytes, bytes]]) -> bytes:
  body = b''.join(specimens.chunk(kind, data) for kind, data in chunks)
  return b'\x89PNG\r\n\x1a\n' + body


def _pngs(good: dict[str, bytes]) -> Iterator[Case]:
  """Changes with right checksums: only the meaning is wrong."""
  names = [name for name in good if name.startswith('png')]
  for name in names:
    chunks = specimens.chunks(good[name])
    header = chunks[0][1]
    for at in (0, 4):
      for value in ODD32:
        changed = header[:at] + struct.pack('>L', value) + header[at + 4 :]
        data = _png([(b'IHDR', changed), *chunks[1:]])
        bad = value not in (1, struct.unpack_from('>L', header, at)[0])
        yield Case(f'{name}-side{at}-{value}', data, '.png', bad)
    for at, value in ((8, 3), (8, 255), (9, 1), (9, 7), (9, 3), (10, 1), (12, 9)):
      changed = header[:at] + bytes([value]) + header[at + 1 :]
      data = _png([(b'IHDR', changed), *chunks[1:]])
      yield Case(f'{name}-field{at}-{value}', data, '.png')
    for i, (kind, body) in enumerate(chunks):
      label = f'{name}-{kind.decode()}{i}'
      rest = chunks[:i] + chunks[i + 1 :]
      needed = kind in (b'IHDR', b'IDAT') and 'frames' not in name
      yield Case(f'{label}-gone', _png(rest), '.png', needed)
      yield Case(
        f'{label}-empty', _png([*chunks[:i], (kind, b''), *chunks[i + 1 :]]), '.png'
      )
      yield Case(f'{label}-twice', _png([*chunks[: i + 1], *chunks[i:]]), '.png')
      half = (kind, body[: len(body) // 2])
      yield Case(f'{label}-half', _png([*chunks[:i], half, *chunks[i + 1 :]]), '.png')
      plain = bytearray(_png(chunks))
      at = 8 + sum(12 + len(b) for _, b in chunks[:i])
      for value in ODD32[2:]:
        plain[at : at + 4] = struct.pack('>L', value)
        yield Case(f'{label}-length{value}', bytes(plain), '.png')
  header, *rest = specimens.chunks(good['png-rgb8'])
  huge = struct.pack('>LL', 60000, 60000) + header[1][8:]
  zeros = zlib.compress(bytes(2**24), 9)
  yield Case('png-bomb', _png([(b'IHDR', huge), (b'IDAT', zeros), *rest]), '.png', True)
  for kind, head in (
    (b'iCCP', b'x\0\0'),
    (b'zTXt', b'x\0\0'),
    (b'iTXt', b'x\0\1\0\0\0'),
  ):
    yield Case(
      f'png-bomb-{kind.decode()}', _png([header, (kind, head + zeros), *rest]), '.png'
    )
  many = [(b'tEXt', b'k%d\0' % i + b'v' * 1000) for i in range(3000)]
  yield Case('png-many-texts', _png([header, *many, *rest]), '.png')
  yield Case('png-long-data', _png([header, (b'IDAT', zeros), *rest[1:]]), '.png')


def _jpegs(good: dict[str, bytes]) -> Iterator[Case]:
  for name in (name for name in good if name.startswith('jpeg')):
    data = good[name]
    at = 2
    while at + 4 < len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
      marker, length = data[at + 1], struct.unpack_from('>H', data, at + 2)[0]
      for value in (*ODD16, length + 1, length - 1):
        changed = data[: at + 2] + struct.pack('>H', value) + data[at + 4 :]
        yield Case(f'{name}-{marker:x}at{at}-length{value}', changed, '.jpg')
      gone = data[:at] + data[at + 2 + length :]
      needed = marker in (0xC0, 0xC2, 0xDB)
      yield Case(f'{name}-{marker:x}at{at}-gone', gone, '.jpg', needed)
      if marker in (0xC0, 0xC2):
        for field in (5, 7):
          for value in ODD16:
            changed = data[: at + field] + struct.pack('>H', value)
            changed += data[at + field + 2 :]
            bad = value in (0, 0x8000, 0xFFFF)
            yield Case(f'{name}-side{field}-{value}', changed, '.jpg', bad)
        for field in (4, 9, 10, 11, 12):
          for value in (0, 1, 2, 4, 12, 255):
            changed = data[: at + field] + bytes([value]) + data[at + field + 1 :]
            yield Case(f'{name}-field{field}-{value}', changed, '.jpg')
      at += 2 + length


def _tiffs(good: dict[str, bytes]) -> Iterator[Case]:
  for name in (name for name in good if name.startswith('tiff')):
    data = good[name]
    order = '<' if data[:2] == b'II' else '>'
    start = struct.unpack_from(f'{order}L', data, 4)[0]
    for value in (*ODD32, len(data) - 1, start - 1):
      changed = data[:4] + struct.pack(f'{order}L', value) + data[8:]
      yield Case(f'{name}-directory{value}', changed, '.tif')
    count = struct.unpack_from(f'{order}H', data, start)[0]
    for value in ODD16:
      changed = data[:start] + struct.pack(f'{order}H', value) + data[start + 2 :]
      yield Case(f'{name}-entries{value}', changed, '.tif')
    link = start + 2 + 12 * count
    for value in (start, *ODD32[1:]):  # The first: a directory that follows itself.
      changed = data[:link] + struct.pack(f'{order}L', value) + data[link + 4 :]
      yield Case(f'{name}-link{value}', changed, '.tif')
    for i in range(count):
      at = start + 2 + 12 * i
      tag = struct.unpack_from(f'{order}H', data, at)[0]
      for field, value in ((4, 0), (4, 2**32 - 1), *((8, v) for v in ODD32)):
        changed = data[: at + field] + struct.pack(f'{order}L', value)
        changed += data[at + field + 4 :]
        bad = tag in (256, 257) and field == 8 and value in (0, *ODD32[3:])
        # A short stands in the first half of its place, where these are zeros.
        bad = bad and order == '<' and value % 2**16 not in (0, 1)
        yield Case(f'{name}-tag{tag}-{field}-{value}', changed, '.tif', bad)
      kind = data[: at + 2] + struct.pack(f'{order}H', 200) + data[at + 4 :]
      yield Case(f'{name}-tag{tag}-kind', kind, '.tif')


def _gifs(good: dict[str, bytes]) -> Iterator[Case]:
  for name in (name for name in good if name.startswith('gif')):
    data = good[name]
    frame = data.index(b'\x2c', 13 + 3 * 2 ** ((data[10] & 7) + 1))
    for at in (6, 8, *(frame + i for i in (1, 3, 5, 7))):
      for value in ODD16:
        changed = data[:at] + struct.pack('<H', value) + data[at + 2 :]
        yield Case(f'{name}-at{at}-{value}', changed, '.gif')
    for at in (10, 11, frame + 9, frame + 10):
      for value in (0, 1, 7, 12, 0x80, 0x87, 255):
        changed = data[:at] + bytes([value]) + data[at + 1 :]
        yield Case(f'{name}-byte{at}-{value}', changed, '.gif')
  small = good['gif-frames']
  yield Case('gif-endless', small[:-1] + b'!\xfe' * 2000, '.gif')
  frames = b'\x2c' + struct.pack('<HHHHB', 0, 0, 1, 1, 0) + b'\x02\x02\x44\x01\0'
  yield Case('gif-many-frames', small[:-1] + frames * 3000 + b';', '.gif')


def _webps(good: dict[str, bytes]) -> Iterator[Case]:
  for name in (name for name in good if name.startswith('webp')):
    data = good[name]
    for at in range(4, min(64, len(data) - 4), 2):
      for value in (0, 2**24 - 1, 2**32 - 1):
        changed = data[:at] + struct.pack('<L', value) + data[at + 4 :]
        yield Case(f'{name}-at{at}-{value}', changed, '.webp')


def _bmps(good: dict[str, bytes]) -> Iterator[Case]:
  for name in (name for name in good if name.startswith('bmp')):
    data = good[name]
    for at in (2, 10, 14, 18, 22, 30, 34, 46):
      for value in (*ODD32, 2**32 - 20):
        changed = data[:at] + struct.pack('<L', value) + data[at + 4 :]
        yield Case(f'{name}-at{at}-{value}', changed, '.bmp')
    for value in (0, 2, 7, 16, 24, 32, 64, 255):
      changed = data[:28] + struct.pack('<H', value) + data[30:]
      yield Case(f'{name}-bits{value}', changed, '.bmp')


def _boxes(good: dict[str, bytes]) -> Iterator[Case]:
  """AVIF: the sizes of boxes, wherever their names stand."""
  for name in (name for name in good if name.startswith('avif')):
    data = good[name]
    for kind in (
      b'ftyp',
      b'meta',
      b'iloc',
      b'iprp',
      b'ispe',
      b'av1C',
      b'mdat',
      b'moov',
    ):
      at = data.find(kind) - 4
      if at < 0:
        continue
      for value in (*ODD32, 8, 9):
        changed = data[:at] + struct.pack('>L', value) + data[at + 4 :]
        yield Case(f'{name}-{kind.decode()}{value}', changed, '.avif')
      if kind == b'ispe':
        for value in ODD32:
          changed = data[: at + 12] + struct.pack('>L', value) + data[at + 16 :]
          yield Case(f'{name}-side{value}', changed, '.avif', value > 2**16)


def _others(good: dict[str, bytes]) -> Iterator[Case]:
  rng = np.random.default_rng(1)
  for suffix in SUFFIXES:
    yield Case(f'empty{suffix}', b'', suffix, True)
    yield Case(f'byte{suffix}', b'\0', suffix, True)
    yield Case(f'zeros{suffix}', bytes(4096), suffix, True)
    yield Case(f'noise{suffix}', rng.bytes(4096), suffix, True)
    yield Case(f'text{suffix}', b'<html>no picture</html>\n' * 9, suffix, True)
  for name, data in good.items():
    for suffix in SUFFIXES:  # The contents decide.
      yield Case(f'{name}-as{suffix}', data, suffix)
    yield Case(f'{name}-twice', data + data, _suffix(name))
    yield Case(f'{name}-tail', data + bytes(999), _suffix(name))
  for format in ('EPS', 'ICO', 'PCX', 'SGI'):  # Not opened at all.
    stream = io.BytesIO()
    Image.new('RGB', (16, 16)).save(stream, format)
    yield Case(f'other-{format}', stream.getvalue(), f'.{format.lower()}', True)
  for mode in ('F', 'I'):
    stream = io.BytesIO()
    Image.new(mode, (16, 16)).save(stream, 'TIFF')
    yield Case(f'mode-{mode}', stream.getvalue(), '.tif', True)


def long_texts() -> Iterator[Case]:
  """Good files with more words than some formats can hold."""
  photo = Image.fromarray(specimens.photo(3))
  for count in (65_500, 65_534, 70_000, 900_000):
    for letter in 'wж':
      info = PngInfo()
      for name in ('Comment', 'Title', 'XML:com.adobe.xmp'):
        info.add_itxt(name, letter * (count // len(letter.encode())))
      exif = Image.Exif()
      exif[0x010F] = 'w' * count
      data = specimens.saved(photo, 'PNG', pnginfo=info, exif=exif)
      yield Case(f'long-png-{count}-{ord(letter)}', data, '.png')
    data = specimens.saved(photo, 'GIF', comment=b'w' * count)
    yield Case(f'long-gif-{count}', data, '.gif')
    told = {'exif': exif, 'xmp': b'w' * count, 'icc_profile': specimens.profile()}
    for format in ('WEBP', 'AVIF'):
      data = specimens.saved(photo, format, **told)
      yield Case(f'long-{format.lower()}-{count}', data, f'.{format.lower()}')


def main(folder: str) -> None:
  root = pathlib.Path(folder)
  root.mkdir(parents=True, exist_ok=True)
  count = 0
  for count, case in enumerate(cases(), 1):
    (root / f'{count:05}-{case.name}{case.suffix}').write_bytes(case.data)
  print(f'{count} files')


if __name__ == '__main__':
  main(sys.argv[1])
