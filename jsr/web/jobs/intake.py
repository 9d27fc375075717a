"""Taking pictures in: what they are is decided by their contents, never by a name."""

import pathlib
import unicodedata
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from jsr.upscale import image_io
from jsr.web import visitors
from jsr.web.jobs import choices, limits, queue
from jsr.web.jobs.choices import RefusedError, Wish
from jsr.web.jobs.models import Job, State, Upload


def upload(request: HttpRequest, file: UploadedFile, wish: Wish) -> Job:
  """Takes a picture in and queues its enlargement.

  Raises:
    RefusedError: The file is no picture, or too large, or one too many.
  """
  found = inspect(file)
  choices.check_size(found.width, found.height, wish.scale)
  limits.check_queue(request.visitor)
  limits.check_rate(request)
  visitor = visitors.remember(request)
  limits.count(request)
  suffix = image_io.format_of('', found.format).suffixes[0] if _known(found) else '.bin'
  sent = Upload(
    visitor=visitor,
    name=clean(file.name or ''),
    format=found.format,
    width=found.width,
    height=found.height,
  )
  file.seek(0)
  # The file comes first: a row without one would be a job that cannot be done.
  sent.file.save(f'x{suffix}', file, save=False)
  with transaction.atomic():
    sent.save(force_insert=True)
    return _create(sent, wish, companion=False)


def again(request: HttpRequest, sent: Upload, wish: Wish) -> tuple[Job, bool]:
  """Queues another enlargement of an upload, unless there is one like it.

  Returns:
    The job, and whether it is new.

  Raises:
    RefusedError: The result would be too large, or it is one too many.
  """
  choices.check_size(sent.width, sent.height, wish.scale)
  alive = sent.jobs.exclude(state__in=(State.FAILED, State.CANCELLED))
  found = alive.filter(**choices.same(wish)).first()
  if found is not None:
    return found, False
  limits.check_queue(sent.visitor)
  limits.check_upload(sent)
  with transaction.atomic():
    return _create(sent, wish, companion=True), True


def original(request: HttpRequest, sent: Upload, file: UploadedFile) -> None:
  """Takes the truth in, and queues the measuring of all that is made.

  Raises:
    RefusedError: The file is no picture, or one too many.
  """
  inspect(file, most=settings.MAX_RESULT)
  limits.check_rate(request)
  limits.count(request)
  before = sent.original.name
  file.seek(0)
  sent.original.save('x.bin', file, save=False)
  with transaction.atomic():
    Upload.objects.filter(pk=sent.pk).update(original=sent.original.name)
    sent.jobs.update(metrics=None)
    queue.measure_later(sent.token)
  if before:
    queue.delete_files([before])


def inspect(file: UploadedFile, most: int | None = None) -> image_io.Header:
  """Reads the header of an upload.

  Args:
    file: It.
    most: Pixels; None: of an upload.

  Raises:
    RefusedError: It is no picture, or too large.
  """
  if not file.size:
    raise RefusedError(_('The file is empty.'))
  if file.size > settings.MAX_BYTES:
    raise RefusedError(
      _('The file has %(size)d MB, and this site takes at most %(most)d.')
      % {'size': -(-file.size // 2**20), 'most': settings.MAX_BYTES // 2**20},
      413,
    )
  most = most or settings.MAX_PIXELS
  try:
    if hasattr(file, 'temporary_file_path'):
      source: Any = pathlib.Path(file.temporary_file_path())
    else:
      source = file.read()
    # The size is judged here, in the visitor's language; no limit hides it.
    found = image_io.header(source, max_pixels=2**40)
  except image_io.BadImage as error:
    text = str(error)
    if 'not an image' in text:
      text = _('This is no picture in a format that the site knows.')
    raise RefusedError(text[0].upper() + text[1:].rstrip('.') + '.', 415) from None
  if found.width * found.height > most:
    raise RefusedError(
      _('The picture has %(w)d × %(h)d pixels, and this site takes at most %(most)d'
        ' million.') % {'w': found.width, 'h': found.height, 'most': most // 10**6},
      413,
    )  # fmt: skip
  return found


def clean(name: str) -> str:
  """Returns a file name for people: its last part, without what is not printed."""
  last = name.replace('\\', '/').rpartition('/')[2]
  printed = (c for c in last if unicodedata.category(c)[0] != 'C')
  return ''.join(printed).strip()[-200:] or _('picture')


def _known(found: image_io.Header) -> bool:
  return any(found.format == kind.name for kind in image_io.formats())


def _create(sent: Upload, wish: Wish, *, companion: bool) -> Job:
  job = Job.objects.create(upload=sent, companion=companion, **choices.same(wish))
  queue.enqueue(job)
  return job
