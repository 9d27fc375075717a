"""Pages of uploads and results."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
  require_http_methods,
  require_POST,
  require_safe,
)

from jsr.web.jobs import api as json_api
from jsr.web.jobs import choices, intake, phrases, queue
from jsr.web.jobs.choices import RefusedError
from jsr.web.jobs.models import ENDED, Job, Kind, State

# On one page of the history.
_MOST = 100


@require_http_methods(['GET', 'HEAD', 'POST'])
def upscale(request: HttpRequest) -> HttpResponse:
  """The form; what it sends where a browser runs no script."""
  made: list[Job] = []
  problems: list[str] = []
  if request.method == 'POST':
    made, problems = _send(request)
    if made and not problems:
      return redirect(made[0] if len(made) == 1 else 'jobs:history')
  context = {
    'problems': problems,
    'made': made,
    'models': [(name, choices.label(name)) for name in choices.models()],
    **_asked(request),
    'scales': choices.SCALES,
    'max_pixels': settings.MAX_PIXELS,
    'max_bytes': settings.MAX_BYTES,
    'max_result': settings.MAX_RESULT,
    'max_megabytes': settings.MAX_BYTES // 2**20,
    'partners': [m for m in choices.models() if choices.with_partner(m)],
    'networks': [m for m in choices.models() if choices.is_network(m)],
    'words': words(),
  }
  return render(request, 'jobs/upscale.html', context, status=400 if problems else 200)


def _asked(request: HttpRequest) -> dict[str, Any]:
  """Returns what a link to the form chooses, as far as it makes sense."""
  asked = {name: request.GET.get(name, '') for name in ('model', 'scale', 'strength')}
  try:
    wish = choices.parse(asked)
  except RefusedError:
    wish = choices.Wish()
  return {
    'model': wish.model,
    'chosen_scale': wish.scale,
    'strength': wish.strength,
  }


def _send(request: HttpRequest) -> tuple[list[Job], list[str]]:
  files = request.FILES.getlist('image')
  made, problems = [], []
  try:
    wish = choices.parse(request.POST)
  except RefusedError as refused:
    return [], [refused.message]
  if not files:
    problems.append(_('Choose a picture first.'))
  for file in files:
    try:
      made.append(intake.upload(request, file, wish))
    except RefusedError as refused:
      problems.append(f'{intake.clean(file.name or "")}: {refused.message}')
  return made, problems


@require_safe
def history(request: HttpRequest) -> HttpResponse:
  """The visitor's own jobs, the newest first."""
  jobs = Job.objects.alive().filter(upload__visitor=request.visitor, companion=False)
  found = jobs.order_by('-created')[:_MOST] if request.visitor else []
  return render(request, 'jobs/history.html', {'jobs': found, 'words': words()})


@require_safe
def result(request: HttpRequest, token: str) -> HttpResponse:
  """One job: how far it is, and what it made beside the others."""
  job = get_object_or_404(Job.objects.alive(), pk=token)
  siblings = [
    each
    for each in job.upload.jobs.all()
    if each.state not in (State.FAILED, State.CANCELLED)
  ]
  context = {
    'job': job,
    'label': choices.label(job.model),
    'ended': job.state in ENDED,
    'error': _(job.error) if job.error else '',
    'notes': phrases.notes(job.notes),
    'downloads': choices.DOWNLOADS,
    'data': {
      'job': json_api.describe(job, request),
      'jobs': [json_api.describe(each, request) for each in siblings],
      'methods': [
        {
          'name': name,
          'label': choices.label(name),
          'partner': choices.with_partner(name) is not None,
        }
        for name in choices.models()
        if name != 'nearest'
      ],
    },
    'partner': choices.with_partner(job.model) is not None and job.kind == Kind.RESULT,
    'words': words(),
  }
  response = render(request, 'jobs/result.html', context)
  response['X-Robots-Tag'] = 'noindex'
  return response


@require_POST
def delete(request: HttpRequest, token: str) -> HttpResponse:
  """Deletes a job where a browser runs no script."""
  job = get_object_or_404(Job.objects.alive(), pk=token)
  queue.delete(job)
  return redirect('jobs:history')


@require_safe
def api(request: HttpRequest) -> HttpResponse:
  """How to use the JSON API."""
  address = request.build_absolute_uri('/').rstrip('/')
  return render(request, 'jobs/api.html', {'address': address, 'words': words()})


def words() -> dict[str, Any]:
  """Returns what scripts say, in the visitor's language."""
  return {
    'queued': _('waiting'),
    'queued_behind': _('waiting; pictures before it: {n}'),
    'running': _('{percent} % done'),
    'done': _('done'),
    'failed': _('failed'),
    'cancelled': _('cancelled'),
    'sending': _('sending, {percent} %'),
    # No word, but every page with a form that sends a file has the words.
    'max_bytes': settings.MAX_BYTES,
    'empty': _('The file is empty.'),
    'too_heavy': _('The file is larger than {most} MB.'),
    'too_heavy_here': _('The file is larger than this site takes.'),
    'broke_off': _(
      'The connection broke while the file was sent: it may be larger than the site'
      ' takes, or the site is gone.'
    ),
    'too_large': _('The picture has more than {most} pixels.'),
    'result_too_large': _('The result would have more than {most} pixels.'),
    'offline': _('The site does not answer. Is it still there?'),
    'size': _('{w} × {h} pixels become {W} × {H}'),
    'no_preview': _('Your browser shows no preview of this format.'),
    'remove': _('Remove {name}'),
    'deleted': _('{name} is deleted.'),
    'making': _('{method} is being made: {percent} %'),
    'not_there': _('This picture is not there any more: load the page again.'),
    'making_failed': _('{method} failed: {error}'),
    'zoom': _('{percent} %'),
    'nearest': _('Nearest (pixels repeated)'),
    'this': _('This result: {method}'),
    # Translators: between the options of a job.
    'comma': _(', '),
    'strength': _('strength {strength}'),
    'self_ensemble': _('self-ensemble'),
    'seamless': _('seamless'),
    'consistent': _('consistent'),
    'blend': _('Preview of strength {strength}'),
    'measuring': _('It is being measured.'),
    'equal': _('equal'),
    'trust': _('Trust map'),
    'confirm_delete': _('Delete this picture and all that was made of it?'),
  }
