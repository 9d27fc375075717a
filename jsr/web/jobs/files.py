"""Sending stored files: by type, to whoever knows the job's token."""

import pathlib
import shutil
import tempfile
import threading

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from jsr.web.jobs import api, choices, converting, queue
from jsr.web.jobs.choices import RefusedError
from jsr.web.jobs.models import Job, State, Upload, result_place

TYPES = {
  **{
    'png': 'image/png',
    'tif': 'image/tiff',
    'tiff': 'image/tiff',
    'jpg': 'image/jpeg',
  },
  **{'jpeg': 'image/jpeg', 'webp': 'image/webp', 'avif': 'image/avif'},
  **{'gif': 'image/gif', 'bmp': 'image/bmp'},
}
# Conversions take a processor and much memory each, and a thread of the server.
_CONVERTING = threading.BoundedSemaphore(2)
# Encoders that take minutes for what others do in a second.
_SLOW, _SLOW_PIXELS = ('.avif', '.webp'), 20_000_000
_QUALITIES = range(1, 101)


def _send(name: str, filename: str, *, attach: bool) -> HttpResponse:
  try:
    stream = default_storage.open(name)
  except FileNotFoundError:
    raise Http404 from None
  kind = TYPES.get(name.rpartition('.')[2], 'application/octet-stream')
  response = FileResponse(
    stream,
    as_attachment=attach or kind == 'application/octet-stream',
    filename=filename,
    content_type=kind,
  )
  # What lies at a random name never changes.
  response['Cache-Control'] = 'private, max-age=3600, immutable'
  response['X-Robots-Tag'] = 'noindex'
  # Should a browser take a picture for a page after all, that page can do nothing.
  response['Content-Security-Policy'] = "default-src 'none'; sandbox"
  return response


def _done(token: str) -> Job:
  return get_object_or_404(Job.objects.alive(), pk=token, state=State.DONE)


def file(request: HttpRequest, token: str) -> HttpResponse:
  """Sends a result as it is: without loss, with metadata."""
  job = _done(token)
  suffix = '.' + job.file.name.rpartition('.')[2]
  return _send(job.file.name, choices.download_name(job, suffix), attach=True)


def view(request: HttpRequest, token: str) -> HttpResponse:
  """Sends what browsers can show of a result."""
  job = _done(token)
  return _send((job.view or job.file).name, 'result.png', attach=False)


def upload_view(request: HttpRequest, token: str) -> HttpResponse:
  """Sends what browsers can show of an upload."""
  upload = get_object_or_404(Upload.objects.alive(), pk=token)
  response = _send((upload.view or upload.file).name, 'upload', attach=False)
  if not upload.thumb:
    # A view that browsers can show may come yet.
    response['Cache-Control'] = 'private, no-cache'
  return response


def thumb(request: HttpRequest, token: str) -> HttpResponse:
  """Sends an upload, small."""
  upload = get_object_or_404(Upload.objects.alive(), pk=token)
  if not upload.thumb:
    raise Http404
  return _send(upload.thumb.name, 'thumb.webp', attach=False)


@api.endpoint('GET', 'HEAD')
def download(request: HttpRequest, token: str) -> HttpResponse:
  """Sends a result in a format and quality, with metadata."""
  job = api.find(token)
  if job.state != State.DONE:
    raise RefusedError(_('This picture is not ready.'), 409)
  wanted = request.GET.get('format', 'png').lower()
  if wanted not in choices.DOWNLOADS:
    raise RefusedError(
      _('The formats are: %(formats)s.') % {'formats': ', '.join(choices.DOWNLOADS)}
    )
  text = request.GET.get('quality', '')
  if text and not (text.isdecimal() and len(text) < 4 and int(text) in _QUALITIES):
    raise RefusedError(_('The quality is a whole number from 1 to 100.'))
  suffix = choices.suffix(wanted)
  name = choices.download_name(job, suffix)
  if job.file.name.endswith(suffix):
    return _send(job.file.name, name, attach=True)
  key = f'{wanted}-{text or "default"}'
  if key not in job.converted:
    if request.method == 'HEAD':
      return HttpResponse(content_type=TYPES[suffix[1:]])
    _convert(job, key, suffix, int(text) if text else None)
  return _send(job.converted[key], name, attach=True)


def _convert(job: Job, key: str, suffix: str, quality: int | None) -> None:
  """Makes a file in another format, and keeps it with the job."""
  if suffix in _SLOW and job.width * job.height > _SLOW_PIXELS:
    raise RefusedError(
      _('So large a picture can be had as %(formats)s.')
      % {'formats': 'PNG, JPEG, TIFF'},
      409,
    )
  if not _CONVERTING.acquire(blocking=False):
    raise RefusedError(
      _('Another picture is being converted: try again in some seconds.'), 503
    )
  try:
    with tempfile.TemporaryDirectory(prefix='jsr-') as folder:
      source = pathlib.Path(folder) / ('in.' + job.file.name.rpartition('.')[2])
      with default_storage.open(job.file.name) as stream, source.open('wb') as copy:
        shutil.copyfileobj(stream, copy)
      target = source.with_name(f'out{suffix}')
      try:
        converting.convert(source, target, quality)
      except converting.FailedError as error:
        text = str(error) or _('The picture could not be converted.')
        raise RefusedError(text[:1].upper() + text[1:].rstrip('.') + '.', 409) from None
      with target.open('rb') as stream:
        stored = default_storage.save(result_place(None, target.name), File(stream))
  finally:
    _CONVERTING.release()
  with transaction.atomic():
    now = Job.objects.select_for_update().filter(pk=job.pk).first()
    kept = now is not None and key not in now.converted
    if now is not None:
      now.converted.setdefault(key, stored)
      now.save(update_fields=['converted'])
      job.converted = now.converted
  if not kept:
    queue.delete_files([stored])
  if now is None:
    raise Http404
