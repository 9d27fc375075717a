"""Taking pictures in: what they are is decided by their contents, never by a name."""

import pathlib
import unicodedata
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from jsr.upscale import image_io
from jsr.web import visitors
from jsr.web.jobs import choices, limits, phrases, queue
from jsr.web.jobs.choices import RefusedError, Wish
from jsr.web.jobs.models import Job, State, Upload


def upload(request: HttpRequest, file: UploadedFile, wish: Wish) -> Job:
  """Takes a picture in and queues its enlargement.

  Raises:
    RefusedError: The file is no picture, or too large, or one too many.
  """
  limits.check_rate(request)
  found = inspect(file)
  choices.check_size(found.width, found.height, wish.scale)
  address = visitors.address(request)
  limits.check_queue(request.visitor, address)
  newcomer = not request.visitor
  visitor = visitors.remember(request)
  if newcomer:
    limits.count_newcomer(visitor)
  suffix = image_io.format_of('', found.format).suffixes[0] if _known(found) else '.bin'
  sent = Upload(
    visitor=visitor,
    address=address,
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
  limits.check_queue(sent.visitor, sent.address)
  with transaction.atomic():
    # One after the other: the same wish twice at once is one job.
    locked = Upload.objects.select_for_update().filter(pk=sent.pk).first()
    if locked is None:
      raise RefusedError(_('There is no such upload; it may have been deleted.'), 404)
    alive = locked.jobs.exclude(state__in=(State.FAILED, State.CANCELLED))
    found = alive.filter(**choices.same(wish)).first()
    if found is not None:
      return found, False
    limits.check_upload(locked)
    return _create(locked, wish, companion=True), True


def original(request: HttpRequest, sent: Upload, file: UploadedFile) -> None:
  """Takes the truth in, and queues the measuring of all that is made.

  Raises:
    RefusedError: The file is no picture, or one too many.
  """
  limits.check_rate(request)
  inspect(file, most=settings.MAX_RESULT)
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
      _('The file has %(size)s, and this site takes at most %(most)s.')
      % {'size': filesizeformat(file.size), 'most': filesizeformat(settings.MAX_BYTES)},
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
    raise RefusedError(_(phrases.of_file(str(error))), 415) from None
  if found.width * found.height > most:
    raise RefusedError(
      _('The picture has %(w)d × %(h)d pixels, and this site takes at most %(most)s.')
      % {'w': found.width, 'h': found.height, 'most': f'{most:,}'},
      413,
    )
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
