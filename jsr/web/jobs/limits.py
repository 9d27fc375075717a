"""How much one visitor may ask for, and how much all of them."""

import datetime

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from jsr.web import visitors
from jsr.web.jobs.choices import RefusedError
from jsr.web.jobs.models import ENDED, Job, Upload, Visit

_HOUR = datetime.timedelta(hours=1)
# Many may share an address, and cookies can be thrown away.
_BY_ADDRESS = 3
# Every method, and some strengths: who tries all strengths is a program.
_OF_UPLOAD = 60


def check_queue(visitor: str) -> None:
  """Raises RefusedError where a visitor, or all, wait for too much already."""
  waiting = Job.objects.exclude(state__in=ENDED)
  if visitor and waiting.filter(upload__visitor=visitor).count() >= settings.ACTIVE:
    raise RefusedError(
      _('%(most)d of your pictures are waiting already: try again when some are done.')
      % {'most': settings.ACTIVE},
      429,
    )
  if waiting.count() >= settings.QUEUE:
    raise RefusedError(_('The site is busy: try again in some minutes.'), 503)


def check_upload(sent: Upload) -> None:
  """Raises RefusedError where enough was made of one picture."""
  if sent.jobs.count() >= _OF_UPLOAD:
    raise RefusedError(
      _('%(most)d results of one picture are enough: delete some, or send it again.')
      % {'most': _OF_UPLOAD},
      429,
    )


def check_rate(request: HttpRequest) -> None:
  """Raises RefusedError for an upload that is one too many in an hour."""
  since = timezone.now() - _HOUR
  for who, most in _counted(request):
    if Visit.objects.filter(who=who, at__gte=since).count() >= most:
      raise RefusedError(
        _('That is more than %(most)d pictures in an hour: try again later.')
        % {'most': most},
        429,
      )


def count(request: HttpRequest) -> None:
  """Counts an upload, under the visitor's name and under the address."""
  Visit.objects.bulk_create([Visit(who=who) for who, _most in _counted(request)])


def _counted(request: HttpRequest) -> list[tuple[str, int]]:
  by_address = [(visitors.address(request), settings.RATE * _BY_ADDRESS)]
  return by_address + ([(request.visitor, settings.RATE)] if request.visitor else [])


def forget() -> None:
  """Deletes visits that count no longer."""
  Visit.objects.filter(at__lt=timezone.now() - _HOUR).delete()
