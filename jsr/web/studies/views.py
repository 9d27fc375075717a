"""The rater's pages: one address, which always shows what comes next.

Nothing that a rater's browser gets names a method: not the page, not an address, not a
file. Each trial has addresses of its own, so that two pictures of one method, or one
picture seen twice, cannot be told by them.
"""

import math
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods

from jsr.web.studies import flow, folders, results
from jsr.web.studies.models import Kind, Mode, Picture, Rater, Trial

# What a trial takes, for a guess of the whole.
SECONDS = 5
# Pages of the past come from the server, not from the browser's memory.
_fresh = cache_control(private=True, no_store=True)


@_fresh
@require_http_methods(['GET', 'HEAD', 'POST'])
def rate(request: HttpRequest, token: str) -> HttpResponse:
  """Shows the welcome, the next trial or the end; takes answers."""
  rater = Rater.objects.select_related('study', 'last').filter(token=token).first()
  if rater is None:
    return lost(request)
  study = rater.study
  if request.method == 'POST':
    return _act(request, rater)
  done, total = flow.progress(rater)
  trials = flow.waiting(rater, 2)
  shared = {
    'rater': rater,
    'study': study,
    'pairs': study.mode == Mode.PAIRS,
    'done': done,
    'total': total,
  }
  if not trials:
    return render(request, 'studies/end.html', shared)
  if not study.open:
    return render(request, 'studies/closed.html', shared)
  if rater.agreed is None:
    return render(request, 'studies/welcome.html', shared | _about(rater, total))
  flow.show(trials[0])
  again = 'again' in request.GET
  return render(
    request, 'studies/trial.html', shared | _trial(trials, rater) | {'again': again}
  )


@_fresh
def lost(request: HttpRequest) -> HttpResponse:
  """Answers 404 where an invitation is mistyped, and says who has the right link."""
  return render(request, 'studies/lost.html', status=404)


def _act(request: HttpRequest, rater: Rater) -> HttpResponse:
  """Does what a form asks for; whatever came of it, the same page says what is next."""
  home = redirect(rater.get_absolute_url())
  if not rater.study.open:
    return home
  action, trial = request.POST.get('action', ''), request.POST.get('trial', '')
  if action == 'begin':
    flow.begin(rater)
  elif action == 'undo' and rater.agreed is not None:
    flow.undo(rater, trial)
  elif action == 'answer' and rater.agreed is not None:
    try:
      score = int(request.POST.get('score', ''))
      counts = flow.answer(rater, trial, score, _zoom(request.POST.get('zoom', '')))
    except ValueError:
      return HttpResponse(status=400)
    if not counts:
      return redirect(f'{rater.get_absolute_url()}?again')
  else:
    return home if action in ('undo', 'answer') else HttpResponse(status=400)
  return home


@require_GET
def picture(request: HttpRequest, token: str, side: str) -> HttpResponse:
  """Sends a picture of a trial: side a (left), b (right) or o (the original)."""
  trial = get_object_or_404(
    Trial.objects.select_related('picture', 'other', 'rater__study'), token=token
  )
  found = {'a': trial.picture, 'b': trial.other}.get(side)
  if side == 'o' and trial.other is not None and trial.rater.study.reference:
    found = _original(trial)
  if found is None:
    raise Http404
  response = FileResponse(found.file.open('rb'), content_type='image/png')
  # The storage's name of the file is not for the browser.
  response.headers.pop('Content-Disposition', None)
  response['Cache-Control'] = 'private, max-age=3600, immutable'
  return response


def _original(trial: Trial) -> Picture | None:
  return Picture.objects.filter(
    scene=trial.picture.scene_id, method__name=folders.ORIGINAL
  ).first()


def _about(rater: Rater, total: int) -> dict[str, Any]:
  examples = rater.trials.filter(kind=Kind.CALIBRATION).count()
  return {
    'examples': examples,
    'trials': total - examples,
    'minutes': math.ceil(total * SECONDS / 60),
    'words': list(enumerate(results.words(), 1)),
  }


def _trial(trials: list[Trial], rater: Rater) -> dict[str, Any]:
  trial = trials[0]
  examples = rater.trials.filter(kind=Kind.CALIBRATION).count()
  words = results.words()
  following = [address for later in trials[1:] for address in _addresses(later, rater)]
  before = 0 if trial.calibrates else examples
  return {
    'trial': trial,
    'scale': [(k, words[k - 1]) for k in range(1, 6)],
    'word': words[trial.score - 1] if trial.calibrates else '',
    'first': examples > 0 and trial.order == examples + 1,
    'number': trial.order - before,
    'count': examples if trial.calibrates else rater.trials.count() - examples,
    'reference': rater.study.reference and trial.other is not None,
    'following': ' '.join(following),
  }


def _addresses(trial: Trial, rater: Rater) -> list[str]:
  """Addresses of all pictures of a trial."""
  sides = 'a' if trial.other is None else 'abo' if rater.study.reference else 'ab'
  return [reverse('studies:picture', args=[trial.token, side]) for side in sides]


def _zoom(text: str) -> float | None:
  try:
    return float(text)
  except ValueError:
    return None
