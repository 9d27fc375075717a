"""What a rater does: the next trial, an answer, taking it back.

The server alone decides what comes next. An answer counts once: the first of two that
arrive for one trial stays, and one for another trial than the next changes nothing.
"""

import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from jsr.web.studies.models import Rater, Trial

# What a browser can tell of its screen; anything else is not believed.
MAX_ZOOM = 32.0


def begin(rater: Rater) -> None:
  """Notes that a rater agreed; a second time changes nothing."""
  Rater.objects.filter(pk=rater.pk, agreed=None).update(agreed=timezone.now())


def waiting(rater: Rater, count: int = 1) -> list[Trial]:
  """Returns the next trials of a rater, at most so many, with their pictures."""
  trials = rater.trials.filter(answered=None).order_by('order')
  return list(trials.select_related('picture__scene', 'other')[:count])


def progress(rater: Rater) -> tuple[int, int]:
  """Returns how many trials a rater has done, and of how many."""
  trials = rater.trials
  return trials.exclude(answered=None).count(), trials.count()


def show(trial: Trial) -> None:
  """Starts the clock of a trial, anew each time that its page is sent."""
  Trial.objects.filter(pk=trial.pk, answered=None).update(shown=timezone.now())


@transaction.atomic
def answer(rater: Rater, token: str, score: int, zoom: float | None = None) -> bool:
  """Takes an answer for the next trial.

  Args:
    rater: Whose.
    token: Of the trial that the rater saw.
    score: See `Trial.score`.
    zoom: See `Trial.zoom`.

  Returns:
    Whether it counts: not for a trial that is answered already, or is not the next.

  Raises:
    ValueError: The trial cannot have this score.
  """
  # Two requests of one rater wait for each other here.
  rater = Rater.objects.select_for_update().get(pk=rater.pk)
  following = waiting(rater)
  if not following or following[0].token != token:
    return False
  trial = following[0]
  if score not in trial.choices:
    raise ValueError(f'{score} is no answer')
  now = timezone.now()
  trial.score = score
  trial.answered = now
  trial.seconds = _seconds(trial.shown, now)
  trial.zoom = zoom if zoom is not None and 0 < zoom <= MAX_ZOOM else None
  trial.save(update_fields=['score', 'answered', 'seconds', 'zoom'])
  rater.last = trial
  rater.save(update_fields=['last'])
  return True


@transaction.atomic
def undo(rater: Rater, token: str) -> bool:
  """Takes the last answer back, once: the trial comes again.

  Args:
    rater: Whose.
    token: Of the trial that was answered last.

  Returns:
    Whether it was taken back: not if another trial was answered since.
  """
  rater = Rater.objects.select_for_update().get(pk=rater.pk)
  trial = rater.last
  if trial is None or trial.token != token:
    return False
  changes = {} if trial.calibrates else {'score': None, 'revised': F('revised') + 1}
  Trial.objects.filter(pk=trial.pk).update(
    answered=None, seconds=None, shown=None, **changes
  )
  rater.last = None
  rater.save(update_fields=['last'])
  return True


def _seconds(
  shown: datetime.datetime | None, answered: datetime.datetime
) -> float | None:
  if shown is None:
    return None
  return round(max((answered - shown).total_seconds(), 0.0), 2)
