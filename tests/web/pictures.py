"""Pictures to upload, good and bad."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def array(width=24, height=16, channels=3, seed=0):
  """Smooth colours with some noise, uint8."""
  rng = np.random.default_rng(seed)
  y, x = np.mgrid[:height, :width]
  base = np.stack([(x * 7 + y * k * 5) % 256 for k in range(1, channels + 1)], -1)
  return (base // 2 + rng.integers(0, 64, base.shape)).astype(np.uint8)


def encoded(format='PNG', width=24, height=16, seed=0, **options):
  """A small picture as bytes of a file."""
  stream = io.BytesIO()
  Image.fromarray(array(width, height, seed=seed)).save(stream, format, **options)
  return stream.getvalue()


def bomb(width=30_000, height=30_000):
  """A PNG of a few hundred kB that would take gigabytes."""

  def chunk(kind, data):
    body = kind + data
    return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))

  packer = zlib.compressobj(9)
  row = bytes(1 + width // 8)
  rows = b''.join(packer.compress(row) for _ in range(height)) + packer.flush()
  header = struct.pack('>IIBBBBB', width, height, 1, 0, 0, 0, 0)
  return (
    b'\x89PNG\r\n\x1a\n'
    + chunk(b'IHDR', header)
    + chunk(b'IDAT', rows)
    + chunk(b'IEND', b'')
  )


def upload(data=None, name='cat.png', **fields):
  """The form of an upload by the test client."""
  from django.core.files.uploadedfile import SimpleUploadedFile

  file = SimpleUploadedFile(name, encoded() if data is None else data)
  return {'image': file, 'model': 'espcn', 'scale': '2', **fields}
