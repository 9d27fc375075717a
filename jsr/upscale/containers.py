"""Which files are videos: by their suffix, or by how they begin."""

import pathlib

# What a result can be, and what else is read.
CONTAINERS = ('mp4', 'm4v', 'mov', 'mkv')
VIDEOS = frozenset(
  f'.{name}'
  for name in (
    *CONTAINERS,
    *('3gp', 'avi', 'flv', 'm2ts', 'mpeg', 'mpg', 'mts', 'ogv', 'ts', 'webm', 'wmv'),
  )
)
# How video files begin: (offset, bytes). AVI and MP4 share their beginning with
# pictures, whose brands come right after.
_MAGIC = (
  (0, b'\x1a\x45\xdf\xa3'),  # Matroska, WebM.
  (0, b'\x00\x00\x01\xba'),  # MPEG program stream, VOB.
  (0, b'\x06\x0e\x2b\x34'),  # MXF.
  (0, b'FLV\x01'),
  (0, b'OggS'),
  (8, b'AVI '),
)
_STILL_BRANDS = (b'avif', b'avis', b'mif1', b'msf1', b'heic', b'heix', b'hevc', b'heim')


def plays(path: pathlib.Path) -> bool:
  """Tells whether a file begins as a video does."""
  try:
    with path.open('rb') as file:
      head = file.read(16)
  except OSError:  # Told when its turn comes.
    return False
  if head[4:8] == b'ftyp':
    return head[8:12] not in _STILL_BRANDS
  return any(head[at : at + len(magic)] == magic for at, magic in _MAGIC)
