"""A result against the original that the visitor has: the numbers of `jsr compare`."""

import logging
import math
from typing import Any

import numpy as np
from django.core.files.storage import default_storage
from django.utils.translation import gettext_noop as _

from jsr import errors
from jsr.evaluate import protocol
from jsr.upscale import image_io
from jsr.upscale.picture import Picture
from jsr.web.jobs import phrases
from jsr.web.jobs.models import Job

BROKE = _('The result could not be measured.')
SIZES = _('The original must have as many pixels as the result, in both directions.')
SMALL = _('The picture is too small to be measured.')
_RULE = 'rgb8'
# In dB: a single level of a single sample, of more samples than fit, is less than that.
_EQUAL = 150.0
log = logging.getLogger(__name__)


def measure(job: Job, original: str) -> dict[str, Any]:
  """Measures one result by the protocol rgb8, with a border of the scale left out.

  Args:
    job: Done.
    original: The stored file of the truth.

  Returns:
    PSNR in dB and SSIM by name, None where the pictures are equal; or {'error': a
    sentence}.
  """
  sr = hr = np.zeros((0, 0, 1), np.uint8)
  try:
    sr, hr = (_pixels(name) for name in (job.file.name, original))
    crop = max(1, math.ceil(job.scale))
    found = protocol.score(sr, hr, crop, protocol.get(_RULE))
  except image_io.BadImage as error:
    return {'error': phrases.of_file(str(error))}
  except errors.UserError as error:
    log.info('not measured: %s', error)
    return {'error': SIZES if sr.shape[:2] != hr.shape[:2] else SMALL}
  except Exception:  # Else it would be queued again for ever.
    log.exception('measuring failed')
    return {'error': BROKE}
  return {
    name: value if value is not None and value < _EQUAL else None
    for name, value in found.items()
  }


def _pixels(name: str) -> np.ndarray:
  """Returns uint8 (H, W, 3 or 1) without alpha."""
  with default_storage.open(name) as stream:
    picture = image_io.read(stream.read())
  image = image_io.to_pil(picture.color, _bare(picture))
  grey = picture.space == 'grey'
  if grey and picture.depth == 16:
    return ((picture.color.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
  pixels = np.asarray(image.convert('L' if grey else 'RGB'))
  return pixels[..., None] if grey else pixels


def _bare(picture: Picture) -> Picture:
  return Picture(picture.color, None, picture.space)
