"""Doing a job: what a worker does between taking it and ending it."""

import functools
import io
import logging
import pathlib
import secrets
import tempfile
import time
from collections.abc import Iterator

import numpy as np
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from PIL import Image

from jsr.upscale import image_io
from jsr.upscale.picture import Picture
from jsr.upscale.upscaler import Options, Upscaler
from jsr.web.jobs import choices, phrases, pulse, queue, shown
from jsr.web.jobs.models import Job, Kind, State, Upload, result_place

# Told in the language of whoever reads them.
BROKE = _('Something broke while this picture was enlarged. It is our fault.')
NO_MEMORY = _('There was not enough memory for this picture: try a smaller scale.')
_THUMB = 320
log = logging.getLogger(__name__)


class Lost(Exception):  # noqa: N818  It is no error.
  """The job is no longer this worker's: cancelled, deleted, or given to another."""


class Stopped(Exception):  # noqa: N818  It is no error.
  """The worker is asked to end."""


def upscale(token: str) -> None:
  """Does a job, if it is there to be done."""
  word = secrets.token_hex(16)
  name = pulse.current.name
  job = queue.persist(lambda: queue.claim(token, name, word))
  if job is None:
    return
  with pulse.current.working(token, word):
    try:
      made = _make(job)
    except Lost:
      return
    except Stopped:
      queue.persist(lambda: queue.release(token, word))
      return
    except image_io.BadImage as error:
      _end(job, state=State.FAILED, error=phrases.of_file(str(error)))
      return
    except MemoryError:
      _end(job, state=State.FAILED, error=NO_MEMORY)
      return
    except Exception:  # Whatever it is, the job ends, and others follow.
      # A UserError, too: it speaks of paths and options, which visitors have not.
      log.exception('job failed')
      _end(job, state=State.FAILED, error=BROKE)
      return
    if not _end(job, state=State.DONE, progress=1, **made) and not _is_mine(job, made):
      queue.delete_files(str(made[key]) for key in ('file', 'view'))
      return
  measure(job.upload_id)


def _end(job: Job, **fields: object) -> bool:
  """Writes the end of a job, if it is still this worker's; returns whether it is."""
  ended = queue.persist(
    lambda: queue.held(job.token, job.claim).update(
      finished=timezone.now(), claim='', **fields
    )
  )
  return bool(ended)


def _is_mine(job: Job, made: dict[str, object]) -> bool:
  """Whether the end was written after all, and only the answer was lost."""
  found = Job.objects.filter(pk=job.pk, state=State.DONE, file=made['file'])
  return queue.persist(found.exists)


def _make(job: Job) -> dict[str, object]:
  """Enlarges; returns the fields of the job that tell the result."""
  with default_storage.open(job.upload.file.name) as stream:
    picture = image_io.read(stream.read())
  _show(job.upload, picture)
  upscaler = _upscaler(job)
  upscaler.forget_warnings()
  start = time.monotonic()
  height, width = upscaler.size(picture.height, picture.width)
  rows: Iterator[np.ndarray]
  if job.kind == Kind.TRUST:
    of = Picture(np.zeros((1, 1, 3), np.uint8))
    rows = _without_legend(upscaler.trust(picture, _told), height)
  else:
    of, rows = picture, upscaler.rows(picture, _told)
  # CMYK has no other lossless format.
  suffix = '.tif' if of.space == 'cmyk' else '.png'
  with tempfile.TemporaryDirectory(prefix='jsr-') as folder:
    path = pathlib.Path(folder) / f'result{suffix}'
    notes = image_io.write(path, rows, height=height, width=width, picture=of)
    seconds = time.monotonic() - start
    _told(1.0)
    view = ''
    if suffix != '.png':
      other = path.with_suffix('.png')
      shown.convert(image_io.read(path), other)
      view = _store(other)
    file = _store(path)
  return {
    'file': file,
    'view': view,
    'width': width,
    'height': height,
    'seconds': round(seconds, 3),
    'notes': [*picture.notes, *notes, *upscaler.warnings],
    'residual': upscaler.residual if job.consistent else None,
  }


def _told(share: float) -> None:
  """Notes progress, and ends work that is for nothing."""
  pulse.current.progress = share
  if pulse.current.lost:
    raise Lost
  if pulse.current.stopping:
    raise Stopped


def _upscaler(job: Job) -> Upscaler:
  model = choices.own().get(job.model, job.model)
  if job.strength is not None or job.kind == Kind.TRUST:
    model = choices.with_partner(job.model) or model
  return cached(
    model,
    Options(
      scale=job.scale,
      strength=job.strength,
      self_ensemble=job.self_ensemble,
      wrap=job.wrap,
      consistent=job.consistent,
    ),
  )


@functools.lru_cache(maxsize=8)
def cached(model: str, options: Options) -> Upscaler:
  """Loads a model once."""
  return Upscaler(model, options)


def _without_legend(rows: Iterator[np.ndarray], height: int) -> Iterator[np.ndarray]:
  """Leaves the map's legend to the page, which has words for it in any language."""
  at = 0
  for band in rows:
    if at < height:
      yield band[: height - at]
    at += band.shape[0]


def _show(upload: Upload, picture: Picture) -> None:
  """Makes what browsers can show of an upload, once."""
  if upload.thumb:
    return
  with tempfile.TemporaryDirectory(prefix='jsr-') as folder:
    view = ''
    if upload.format not in choices.SHOWN or picture.space == 'cmyk':
      path = pathlib.Path(folder) / 'view.png'
      shown.convert(picture, path)
      view = _store(path)
    small = image_io.to_pil(shown.eight_bits(picture), picture).convert('RGBA')
    small.thumbnail((_THUMB, _THUMB), Image.Resampling.LANCZOS, reducing_gap=2.0)
    encoded = io.BytesIO()
    small.save(encoded, 'WEBP', quality=80)
    encoded.seek(0)
    thumb = default_storage.save(result_place(None, 'x.webp'), File(encoded))
  made = queue.persist(
    lambda: Upload.objects.filter(pk=upload.pk, thumb='').update(view=view, thumb=thumb)
  )
  if not made:
    queue.delete_files([view, thumb])


def _store(path: pathlib.Path) -> str:
  with path.open('rb') as stream:
    return default_storage.save(result_place(None, path.name), File(stream))


def measure(token: str) -> None:
  """Measures what is made of an upload against its original, if there is one."""
  upload = queue.persist(lambda: Upload.objects.filter(pk=token).first())
  if upload is None or not upload.original:
    return
  from jsr.web.jobs import measuring

  done = upload.jobs.filter(state=State.DONE, kind=Kind.RESULT, metrics__isnull=True)
  for job in queue.persist(lambda: list(done)):
    metrics = measuring.measure(job, upload.original.name)
    # Not if there is another original by now: its own task measures against that.
    kept = Job.objects.filter(pk=job.pk, upload__original=upload.original.name)
    queue.persist(functools.partial(kept.update, metrics=metrics))
