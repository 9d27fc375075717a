"""The JSON API; `openapi.json` beside it describes it.

Who knows a job's id may see it, cancel it and delete it: the id is the key. Programs
need no cookie. A browser that has the visitor's cookie must show that the request is
the site's own, as for any form.
"""

import functools
import json
import logging
import pathlib
import re
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.csrf import csrf_exempt
from django_tasks_db.models import DBTaskResult

from jsr.web.jobs import choices, intake, phrases, queue
from jsr.web.jobs.choices import RefusedError
from jsr.web.jobs.models import Job, State, Upload

View = Callable[..., HttpResponse]
# Ids in one question.
_MOST = 100
_SELF = ('same-origin', 'none')
_TOKEN = re.compile(r'[\w-]{22}', re.ASCII)
GONE = gettext_noop('There is no such job; it may have been deleted.')
log = logging.getLogger(__name__)


def _checked(request: HttpRequest) -> HttpResponse | None:
  """Refuses requests that another site made a visitor's browser send."""
  if request.method in ('GET', 'HEAD'):
    return None
  site = request.headers.get('Sec-Fetch-Site', '')
  if not site and 'Origin' not in request.headers and 'Referer' not in request.headers:
    return None  # Every browser names one of them: this is a program.
  foreign = site not in ('', *_SELF)
  if not (request.visitor or foreign):
    return None

  def view(request: HttpRequest) -> None:
    """Stands for one that is not exempt."""

  middleware = CsrfViewMiddleware(lambda request: HttpResponse())
  return middleware.process_view(request, view, (), {})


def endpoint(*methods: str) -> Callable[[View], View]:
  """Makes a view of the API: its methods, its errors as JSON."""

  def wrap(view: View) -> View:
    @csrf_exempt
    @functools.wraps(view)
    def answer(request: HttpRequest, **names: str) -> HttpResponse:
      if request.method not in methods:
        response = error(_('This address does not know that method.'), 405)
        response['Allow'] = ', '.join(methods)
        return response
      if _checked(request) is not None:
        return error(_('The request came from another site: load the page anew.'), 403)
      try:
        return view(request, **names)
      except RefusedError as refused:
        return error(refused.message, refused.status)
      except Http404:
        return error(_(GONE), 404)
      except Exception:  # Programs read JSON, whatever is wrong.
        log.exception('the API failed')
        return error(_('Something broke. It is our fault; try again later.'), 500)

    return answer

  return wrap


def error(message: str, status: int) -> JsonResponse:
  """Answers that something is wrong, in one sentence."""
  response = JsonResponse({'error': message}, status=status)
  if status in (429, 503):
    response['Retry-After'] = '60'
  return response


def find(token: str) -> Job:
  """Returns a job.

  Raises:
    RefusedError: There is none.
  """
  found = Job.objects.alive().filter(pk=token) if _TOKEN.fullmatch(token) else None
  job = found.first() if found is not None else None
  if job is None:
    raise RefusedError(_(GONE), 404)
  return job


def describe(job: Job, request: HttpRequest) -> dict[str, Any]:
  """Returns what the API tells of a job."""
  done = job.state == State.DONE

  def link(name: str, *args: str) -> str:
    return request.build_absolute_uri(reverse(f'jobs:{name}', args=args))

  return {
    'id': job.token,
    'url': request.build_absolute_uri(job.get_absolute_url()),
    'status': job.state,
    'progress': 1.0 if done else round(job.progress, 4),
    'result_url': link('file', job.token) if done else None,
    'view_url': link('view', job.token) if done else None,
    'error': _(job.error) if job.error else None,
    'kind': job.kind,
    'model': job.model,
    'scale': job.scale,
    'strength': job.strength,
    'self_ensemble': job.self_ensemble,
    'seamless': job.wrap,
    'consistent': job.consistent,
    'width': job.width or None,
    'height': job.height or None,
    'seconds': job.seconds,
    'notes': phrases.notes(job.notes),
    'residual': job.residual,
    'metrics': _metrics(job),
    'upload': {
      'id': job.upload.token,
      'name': job.upload.name,
      'width': job.upload.width,
      'height': job.upload.height,
      'expires': job.upload.expires.isoformat(),
    },
  }


def _metrics(job: Job) -> dict[str, Any] | None:
  found = job.metrics
  if found is None or 'error' not in found:
    return found
  sentence = found['error']
  return {'error': _(sentence)}


@endpoint('GET', 'HEAD', 'POST')
def jobs(request: HttpRequest) -> HttpResponse:
  """Makes a job; or tells of those that `ids` names, or of the visitor's own."""
  if request.method == 'POST':
    return _create(request)
  ids = request.GET.get('ids')
  found = Job.objects.alive()
  if ids is not None:
    tokens = [each for each in ids.split(',')[:_MOST] if _TOKEN.fullmatch(each)]
    found = found.filter(pk__in=tokens)
  else:
    found = found.filter(upload__visitor=request.visitor, companion=False)
    found = found.order_by('-created')[:_MOST] if request.visitor else found.none()
  return JsonResponse({'jobs': [describe(job, request) for job in found]})


def _create(request: HttpRequest) -> HttpResponse:
  wish = choices.parse(request.POST)
  sent = request.POST.get('upload', '').strip()
  files = request.FILES.getlist('image')
  if sent and not files:
    upload = (
      Upload.objects.alive().filter(pk=sent).first() if _TOKEN.fullmatch(sent) else None
    )
    if upload is None:
      raise RefusedError(_('There is no such upload; it may have been deleted.'), 404)
    job, new = intake.again(request, upload, wish)
  elif len(files) == 1 and not sent:
    job, new = intake.upload(request, files[0], wish), True
  else:
    raise RefusedError(_('Send one file as “image”, or the id of an “upload”.'))
  response = JsonResponse(describe(job, request), status=201 if new else 200)
  response['Location'] = reverse('jobs:api_job', args=[job.token])
  return response


@endpoint('GET', 'HEAD', 'DELETE')
def job(request: HttpRequest, token: str) -> HttpResponse:
  """Tells of a job, or deletes it."""
  found = find(token)
  if request.method == 'DELETE':
    queue.delete(found)
    return HttpResponse(status=204)
  told = describe(found, request)
  if found.state == State.QUEUED:
    told['before'] = _before(found)
  return JsonResponse(told)


@endpoint('POST')
def cancel(request: HttpRequest, token: str) -> HttpResponse:
  """Cancels a job that has not ended."""
  queue.cancel(find(token))
  return JsonResponse(describe(find(token), request))


@endpoint('POST')
def original(request: HttpRequest, token: str) -> HttpResponse:
  """Takes the original of an upload, to measure results against."""
  files = request.FILES.getlist('image')
  if len(files) != 1:
    raise RefusedError(_('Send one file as “image”.'))
  intake.original(request, find(token).upload, files[0])
  return JsonResponse(describe(find(token), request), status=202)


@functools.cache
def _document() -> dict[str, Any]:
  path = pathlib.Path(__file__).with_name('openapi.json')
  return json.loads(path.read_text(encoding='utf-8'))


@endpoint('GET', 'HEAD')
def openapi(request: HttpRequest) -> HttpResponse:
  """Answers the description of the API, with what this site has to choose from."""
  document = json.loads(json.dumps(_document()))
  document['components']['schemas']['Model']['enum'] = choices.models()
  document['servers'] = [{'url': request.build_absolute_uri('/').rstrip('/')}]
  return JsonResponse(document)


def _before(job: Job) -> int:
  """Returns how many jobs a worker will take before this one."""
  ready = DBTaskResult.objects.ready()
  for i, task in enumerate(ready[:_MOST]):
    if task.args_kwargs['args'] == [job.token]:
      return i
  return min(ready.count(), _MOST)
