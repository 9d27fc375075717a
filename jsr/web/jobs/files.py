"""Sending stored files: by type, to whoever knows the job's token."""

import pathlib
import tempfile
import threading

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from jsr import errors
from jsr.upscale import image_io
from jsr.web.jobs import api, choices, shown
from jsr.web.jobs.choices import RefusedError
from jsr.web.jobs.models import Job, State, Upload

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
# Conversions take a processor and much memory each: few at a time, others wait.
_CONVERTING = threading.BoundedSemaphore(2)
_QUALITIES = range(1, 101)


def _send(name: str, filename: str, *, attach: bool) -> HttpResponse:
  try:
    stream = default_storage.open(name)
  except FileNotFoundError:
    raise Http404 from None
  return _secured(stream, filename, attach=attach, suffix=name.rpartition('.')[2])


def _secured(stream, filename: str, *, attach: bool, suffix: str) -> HttpResponse:  # type: ignore[no-untyped-def]
  kind = TYPES.get(suffix, 'application/octet-stream')
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
  return get_object_or_404(
    Job.objects.select_related('upload'), pk=token, state=State.DONE
  )


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
  upload = get_object_or_404(Upload, pk=token)
  return _send((upload.view or upload.file).name, 'upload', attach=False)


def thumb(request: HttpRequest, token: str) -> HttpResponse:
  """Sends an upload, small."""
  upload = get_object_or_404(Upload, pk=token)
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
  if text and not (text.isdecimal() and int(text) in _QUALITIES):
    raise RefusedError(_('The quality is a whole number from 1 to 100.'))
  suffix = choices.suffix(wanted)
  name = choices.download_name(job, suffix)
  if job.file.name.endswith(suffix):
    return _send(job.file.name, name, attach=True)
  return _converted(job, suffix, name, int(text) if text else None)


def _converted(job: Job, suffix: str, name: str, quality: int | None) -> HttpResponse:
  with _CONVERTING:
    with default_storage.open(job.file.name) as stream:
      picture = image_io.read(stream.read())
    with tempfile.TemporaryDirectory(prefix='jsr-') as folder:
      path = pathlib.Path(folder) / f'result{suffix}'
      try:
        shown.convert(picture, path, quality)
      except errors.UserError as error:
        # The name that a visitor never chose says nothing to them.
        text = str(error).removeprefix(f'{path}: ')
        raise RefusedError(text[:1].upper() + text[1:].rstrip('.') + '.', 409) from None
      # The open file outlives its name.
      return _secured(path.open('rb'), name, attach=True, suffix=suffix[1:])
