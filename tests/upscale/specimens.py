"""One small picture file of every kind, and what is in it."""

import dataclasses
import functools
import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image, ImageCms

from tests import images

H, W = 20, 24
COLOR = {1: 0, 2: 4, 3: 2, 4: 6}


@dataclasses.dataclass(frozen=True)
class Specimen:
  """`pixels` holds alpha last where `alpha`; None: lossy, whatever Pillow decodes."""

  data: bytes
  pixels: np.ndarray
  space: str
  alpha: bool = False

  @property
  def depth(self):
    return 8 * self.pixels.itemsize


def profile(space='rgb'):
  """A colour profile by its header; the rest of it counts for nobody here."""
  if space == 'rgb':
    return ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
  table = struct.pack('>L4sLL', 1, b'desc', 144, 256)
  body = bytearray(128) + table + np.random.default_rng(0).bytes(256)
  body[0:4] = struct.pack('>L', len(body))
  body[12:24] = b'prtr' + {'grey': b'GRAY', 'cmyk': b'CMYK'}[space] + b'XYZ '
  body[36:40] = b'acsp'
  body[68:80] = struct.pack('>LLL', 0xF6D6, 0x10000, 0xD32D)
  return bytes(body)


def ink_profile():
  """A working CMYK profile whose cyan is red: no plain formula gives that."""
  corners = np.full((2, 2, 2, 2, 3), (255, 128, 128), np.uint8)  # White in L*a*b*.
  corners[1] = (130, 200, 190)
  corners[..., 1, :] = (0, 128, 128)
  ramp = np.arange(256, dtype=np.uint8).tobytes()
  table = b'mft1' + bytes(4) + bytes([4, 3, 2, 0])
  table += struct.pack('>9l', *(65536 * (i % 4 == 0) for i in range(9)))
  table += ramp * 4 + corners.tobytes() + ramp * 3
  head = bytearray(128)
  head[8:12] = bytes([2, 0x40, 0, 0])
  head[12:24] = b'prtrCMYKLab '
  head[36:40] = b'acsp'
  head[68:80] = struct.pack('>LLL', 0xF6D6, 0x10000, 0xD32D)
  white = b'XYZ ' + bytes(4) + struct.pack('>LLL', 0xF6D6, 0x10000, 0xD32D)
  start = 128 + 4 + 12 * 2
  tags = struct.pack('>L', 2)
  tags += struct.pack('>4sLL', b'A2B0', start, len(table))
  tags += struct.pack('>4sLL', b'wtpt', start + len(table), len(white))
  body = bytes(head) + tags + table + white
  return struct.pack('>L', len(body)) + body[4:]


def exif(orientation=1, thumbnail=False):
  found = Image.Exif()
  found[0x0112] = orientation
  found[0x010F] = 'Maker'
  found[0x8769] = {0x829A: 0.25, 0xA002: W, 0xA003: H}
  block = found.tobytes()
  if thumbnail:
    block = _with_thumbnail(block.removeprefix(b'Exif\0\0'))
  return block


def _with_thumbnail(block):
  order = '<' if block[:2] == b'II' else '>'
  start = struct.unpack_from(f'{order}L', block, 4)[0]
  count = struct.unpack_from(f'{order}H', block, start)[0]
  at = len(block)
  link = struct.pack(f'{order}L', at)
  end = start + 2 + 12 * count
  small = b'\xff\xd8THUMBNAIL\xff\xd9'
  second = struct.pack(
    f'{order}HHHLLHHLLL', 2, 0x201, 4, 1, at + 30, 0x202, 4, 1, len(small), 0
  )
  return block[:end] + link + block[end + 4 :] + second + small


def xmp(orientation=1):
  return f'<x:xmpmeta tiff:Orientation="{orientation}">words</x:xmpmeta>'.encode()


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
  """Returns kinds and bodies of a PNG's chunks, in their order."""
  found, at = [], 8
  while at < len(data):
    length, kind = struct.unpack_from('>L4s', data, at)
    found.append((kind, data[at + 8 : at + 8 + length]))
    at += 12 + length
  return found


def chunk(kind, data):
  return struct.pack('>L', len(data)) + kind + data + png_crc(kind + data)


def png_crc(data):
  return struct.pack('>L', zlib.crc32(data))


def png(pixels, *extra, color=None, depth=None):
  """Without filters; `extra` are chunks between header and data."""
  height, width, channels = pixels.shape
  depth = depth or 8 * pixels.itemsize
  rows = pixels.astype('>u2' if depth == 16 else np.uint8)
  data = b''.join(b'\0' + row.tobytes() for row in rows)
  if depth == 1:
    data = b''.join(b'\0' + np.packbits(row[:, 0]).tobytes() for row in rows)
  kind = COLOR[channels] if color is None else color
  header = struct.pack('>LLBBBBB', width, height, depth, kind, 0, 0, 0)
  body = [chunk(b'IHDR', header), *extra]
  body += [chunk(b'IDAT', zlib.compress(data)), chunk(b'IEND', b'')]
  return b'\x89PNG\r\n\x1a\n' + b''.join(body)


def adam7(pixels):
  height, width, channels = pixels.shape
  passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
  passes += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
  data = b''.join(
    b'\0' + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx]
  )
  header = struct.pack('>LLBBBBB', width, height, 8, COLOR[channels], 0, 0, 1)
  body = chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(data))
  return b'\x89PNG\r\n\x1a\n' + body + chunk(b'IEND', b'')


def saved(image, format, **options):
  stream = io.BytesIO()
  image.save(stream, format, **options)
  return stream.getvalue()


def tiff(pixels, **options):
  stream = io.BytesIO()
  tifffile.imwrite(stream, pixels, **options)
  return stream.getvalue()


def deep(pixels, seed=0):
  """uint16 whose low bytes are no copy of the high ones."""
  low = np.random.default_rng(seed).integers(0, 256, pixels.shape)
  return (pixels.astype(np.uint16) << 8) | low.astype(np.uint16)


def photo(channels):
  """uint8 (H, W, channels); the last is a ramp of alpha where channels is even."""
  base = images.smooth(H, W)
  ramp = np.broadcast_to(np.linspace(0, 255, W).round()[:, None], (H, W, 1))
  ramp = ramp.astype(np.uint8)
  ink = base[::-1, :, :1]
  return {
    1: base[..., :1],
    2: np.concatenate([base[..., :1], ramp], -1),
    3: base,
    4: np.concatenate([base, ramp], -1),
    'cmyk': np.concatenate([255 - base, ink // 2], -1),
    'cmyka': np.concatenate([255 - base, ink // 2, ramp], -1),
  }[channels]


@functools.cache
def every():
  """Specimens by name, 'format-kind'."""
  found = {**_pngs(), **_tiffs(), **_others()}
  return {name: found[name] for name in sorted(found)}


def _pngs():
  found = {}
  for name, channels in (('grey', 1), ('grey-alpha', 2), ('rgb', 3), ('rgba', 4)):
    space, alpha = ('grey' if channels < 3 else 'rgb'), channels % 2 == 0
    for pixels in (photo(channels), deep(photo(channels))):
      label = f'png-{name}{8 * pixels.itemsize}'
      found[label] = Specimen(png(pixels), pixels, space, alpha)
  rgb = photo(3)
  found['png-interlaced'] = Specimen(adam7(rgb), rgb, 'rgb')
  places = (photo(1)[..., 0] // 64)[..., None]
  colors = np.array([[9, 20, 31], [200, 4, 5], [7, 150, 9], [255, 255, 0]], np.uint8)
  table = chunk(b'PLTE', colors.tobytes())
  looked = colors[places[..., 0]]
  found['png-palette'] = Specimen(png(places, table, color=3), looked, 'rgb')
  clear = np.array([0, 99, 255, 255], np.uint8)
  both = np.concatenate([looked, clear[places]], -1)
  data = png(places, table, chunk(b'tRNS', clear[:2].tobytes()), color=3)
  found['png-palette-alpha'] = Specimen(data, both, 'rgb', True)
  bits = (photo(1) > 128).astype(np.uint8)
  found['png-one-bit'] = Specimen(png(bits, color=0, depth=1), bits * 255, 'grey')
  for pixels in (photo(1), rgb, deep(photo(1)), deep(rgb)):
    key = pixels[3, 5]
    opaque = (pixels != key).any(-1, keepdims=True)
    opaque = opaque * pixels.dtype.type(np.iinfo(pixels.dtype).max)
    both = np.concatenate([pixels, opaque], -1)
    data = png(pixels, chunk(b'tRNS', key.astype('>u2').tobytes()))
    space = 'grey' if pixels.shape[-1] == 1 else 'rgb'
    label = f'png-{space}{8 * pixels.itemsize}-clear-colour'
    found[label] = Specimen(data, both, space, True)
  return found


def _tiffs():
  found = {}
  kinds = {
    'grey': (1, 'minisblack', 'grey'),
    'grey-alpha': (2, 'minisblack', 'grey'),
    'rgb': (3, 'rgb', 'rgb'),
    'rgba': (4, 'rgb', 'rgb'),
    'cmyk': ('cmyk', 'separated', 'cmyk'),
    'cmyk-alpha': ('cmyka', 'separated', 'cmyk'),
  }
  for name, (channels, photometric, space) in kinds.items():
    for pixels in (photo(channels), deep(photo(channels))):
      alpha = name.endswith('a')
      options = {'photometric': photometric, 'planarconfig': 'contig'}
      if alpha:
        options['extrasamples'] = ['unassalpha']
      image = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
      if image.ndim == 2:
        options.pop('planarconfig')
      label = f'tiff-{name}{8 * pixels.itemsize}'
      for end in '<>' if name in ('rgb', 'grey') else '<':
        data = tiff(image, byteorder=end, **options)
        found[label + {'<': '', '>': '-big-endian'}[end]] = Specimen(
          data, pixels, space, alpha
        )
  for pixels in (photo(3), deep(photo(3))):
    planes = np.moveaxis(pixels, -1, 0)
    data = tiff(planes, photometric='rgb', planarconfig='separate')
    found[f'tiff-planes{8 * pixels.itemsize}'] = Specimen(data, pixels, 'rgb')
    data = tiff(pixels, photometric='rgb', compression='zlib', predictor=True)
    found[f'tiff-deflate{8 * pixels.itemsize}'] = Specimen(data, pixels, 'rgb')
    grey = pixels[..., 0]
    data = tiff(grey, photometric='miniswhite')
    inverted = (np.iinfo(grey.dtype).max - grey)[..., None]
    found[f'tiff-white-is-zero{8 * pixels.itemsize}'] = Specimen(data, inverted, 'grey')
  data = saved(Image.fromarray(photo(3)), 'TIFF', compression='tiff_lzw')
  found['tiff-lzw'] = Specimen(data, photo(3), 'rgb')
  bits = photo(1) > 128
  data = saved(Image.fromarray(bits[..., 0]), 'TIFF')
  found['tiff-one-bit'] = Specimen(data, bits * np.uint8(255), 'grey')
  palette = Image.fromarray(photo(3)).quantize(9)
  found['tiff-palette'] = Specimen(
    saved(palette, 'TIFF'), np.asarray(palette.convert('RGB')), 'rgb'
  )
  # Alpha is a fifth, and five divides the colours: they come back whole.
  straight = np.concatenate([photo(3) // 5 * 5, np.full((H, W, 1), 51, np.uint8)], -1)
  for pixels in (straight, straight.astype(np.uint16) * 257):
    multiplied = pixels.copy()
    multiplied[..., :3] //= 5
    data = tiff(multiplied, photometric='rgb', extrasamples=['assocalpha'])
    label = f'tiff-premultiplied{8 * pixels.itemsize}'
    found[label] = Specimen(data, pixels, 'rgb', True)
  return found


def _others():
  found = {}
  modes = {1: ('grey', 'L'), 3: ('rgb', 'RGB'), 4: ('rgba', 'RGBA')}
  for channels, (name, mode) in modes.items():
    pixels = photo(channels)
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)
    formats = {'jpeg': {'quality': 95}, 'avif': {'quality': 90}, 'bmp': {}}
    formats['webp'] = {'lossless': True, 'exact': True}
    for format, options in formats.items():
      if (format, channels) in (('jpeg', 4), ('bmp', 4), ('webp', 1)):
        continue
      data = saved(image, format, **options)
      with Image.open(io.BytesIO(data)) as decoded:
        want = np.asarray(decoded).reshape(H, W, -1)
      space = 'grey' if channels == 1 else 'rgb'
      found[f'{format}-{name}'] = Specimen(data, want, space, channels == 4)
  data = saved(Image.fromarray(photo('cmyk'), 'CMYK'), 'JPEG', quality=95)
  with Image.open(io.BytesIO(data)) as decoded:
    found['jpeg-cmyk'] = Specimen(data, np.asarray(decoded), 'cmyk')
  palette = Image.fromarray(photo(3)).quantize(9)
  want = np.asarray(palette.convert('RGB'))
  found['bmp-palette'] = Specimen(saved(palette, 'BMP'), want, 'rgb')
  found['gif-palette'] = Specimen(saved(palette, 'GIF'), want, 'rgb')
  hole = np.asarray(palette) != 3
  both = np.concatenate([want, hole[..., None] * np.uint8(255)], -1)
  data = saved(palette, 'GIF', transparency=3)
  found['gif-palette-alpha'] = Specimen(data, both, 'rgb', True)
  return found
