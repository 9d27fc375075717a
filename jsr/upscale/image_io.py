"""Picture files, read and written honestly.

| in the file | what happens |
|---|---|
| EXIF orientation | applied, and noted as 1 from then on |
| ICC profile, EXIF, XMP, resolution, texts | kept where the new format has a place |
| gamma and colour space of a PNG | kept in PNG; elsewhere told unless it is sRGB |
| grey, grey with alpha, RGB, RGBA, 8 or 16 bits | kept as they are |
| CMYK | kept in JPEG and TIFF; converted to sRGB for the others, through its profile |
| palette, 1-bit | become RGB, grey |
| transparent colour, premultiplied alpha | become straight alpha |
| several pages | the first |
| several frames of GIF, WebP, APNG, AVIF | one after the other, composited |
| 32-bit, floating point, Lab | refused: their range is not defined |
| HEIC | refused, and told what to do |
| truncated, corrupt, more pixels than allowed | refused in one sentence |

A JPEG that is damaged in the middle but has its full length decodes without an
error; nothing here can tell. AVIF of more than 8 bits, and JPEG 2000 but grey, are
read with 8, which is noted. PPM and PGM of 9 to 16 bits become 16-bit.
"""

from jsr.data.images import BadImage
from jsr.upscale.animation import Animation, open_animation, write_animation
from jsr.upscale.formats import Format, format_of, formats
from jsr.upscale.metadata import Metadata
from jsr.upscale.picture import Picture, to_pil
from jsr.upscale.reading import (
  FORMATS,
  MAX_PIXELS,
  SUFFIXES,
  Header,
  from_pil,
  header,
  read,
)
from jsr.upscale.writers import QUALITY, write

__all__ = [
  'FORMATS',
  'MAX_PIXELS',
  'QUALITY',
  'SUFFIXES',
  'Animation',
  'BadImage',
  'Format',
  'Header',
  'Metadata',
  'Picture',
  'format_of',
  'formats',
  'from_pil',
  'header',
  'open_animation',
  'read',
  'to_pil',
  'write',
  'write_animation',
]
