"""The researcher's pages: progress, invitations, results. The address is the key."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods

from jsr.evaluate import table
from jsr.web.studies import export, results
from jsr.web.studies.models import Mode, Study

_fresh = cache_control(private=True, no_store=True)


@_fresh
@require_http_methods(['GET', 'HEAD', 'POST'])
def page(request: HttpRequest, token: str) -> HttpResponse:
  """Shows everything of a study; opens and closes it."""
  study = get_object_or_404(Study, admin=token)
  if request.method == 'POST':
    action = request.POST.get('action', '')
    if action not in ('open', 'close'):
      return HttpResponse(status=400)
    Study.objects.filter(pk=study.pk).update(open=action == 'open')
    return redirect(study.get_absolute_url())
  raters = results.progress(study)
  for rater in raters:
    address = reverse('studies:rate', args=[rater['token']])
    rater['link'] = request.build_absolute_uri(address)
  found = results.find(study)
  plain = results.plain({k: x for k, x in found.items() if k != 'answers'})
  for rater in raters:
    rater['agreement'] = plain.get('agreement', {}).get(str(rater['number']))
  return render(
    request,
    'studies/research.html',
    {
      'study': study,
      'pairs': study.mode == Mode.PAIRS,
      'raters': raters,
      'methods': found['answers'].methods,
      'found': plain,
      'matrix': results.plain(_matrix(found)),
      'totals': _totals(raters),
      'plots': ['preferences'] if study.mode == Mode.PAIRS else ['boxes', 'histograms'],
    },
  )


@_fresh
@require_GET
def progress(request: HttpRequest, token: str) -> JsonResponse:
  """Says how far raters are, for the page that is open."""
  study = get_object_or_404(Study, admin=token)
  raters = results.progress(study)
  return JsonResponse(
    {
      'open': study.open,
      **_totals(raters),
      'raters': [
        {key: rater[key] for key in ('number', 'done', 'total', 'begun')}
        for rater in raters
      ],
    }
  )


@_fresh
@require_GET
def ratings(request: HttpRequest, token: str) -> HttpResponse:
  """Sends all answers as CSV."""
  study = get_object_or_404(Study, admin=token)
  response = HttpResponse(export.text(study), content_type='text/csv; charset=utf-8')
  response['Content-Disposition'] = f'attachment; filename="{_ascii(study.name)}.csv"'
  return response


@_fresh
@require_GET
def summary(request: HttpRequest, token: str) -> JsonResponse:
  """Sends all figures as JSON."""
  study = get_object_or_404(Study, admin=token)
  return JsonResponse(results.summary(study, results.find(study)))


@_fresh
@require_GET
def plot(request: HttpRequest, token: str, name: str) -> HttpResponse:
  """Sends a plot."""
  study = get_object_or_404(Study, admin=token)
  drawn = results.plots(study, results.find(study))
  if name not in drawn:
    raise Http404
  return HttpResponse(drawn[name], content_type='image/svg+xml')


def _totals(raters: list[dict[str, Any]]) -> dict[str, int]:
  return {
    'answers': sum(rater['done'] for rater in raters),
    'asked': sum(rater['total'] for rater in raters),
    'finished': sum(rater['done'] == rater['total'] for rater in raters),
    'invited': len(raters),
  }


def _matrix(found: Mapping[str, Any]) -> list[dict[str, Any]]:
  """Rows of the table of all pairs: what the row's method has against the column's."""
  methods = found['answers'].methods
  cells: dict[tuple[str, str], dict[str, Any]] = {}
  for one in found.get('contrasts', []):
    for a, b, sign in ((one.a, one.b, 1), (one.b, one.a, -1)):
      value = sign * one.difference
      text = table.number(value, 2, sign=True)
      cells[a, b] = {'text': text, 'better': value > 0, 'test': one}
  for one in found.get('duels', []):
    for a, b, value in ((one.a, one.b, one.rate), (one.b, one.a, 1 - one.rate)):
      cells[a, b] = {'text': results.share(value), 'better': value > 0.5, 'test': one}
  for cell in cells.values():
    cell['chance'] = results.chance(cell['test'].p_holm)
  return [{'method': a, 'cells': [cells.get((a, b)) for b in methods]} for a in methods]


def _ascii(name: str) -> str:
  return name.encode('ascii', 'replace').decode().replace('?', '_')
