"""How much one visitor may ask for, and how much all of them."""

import datetime
import shutil

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
# Bytes of disk that are left for the database and results on their way.
_FREE = 2**30


def unfinished(visitor: str, address: str) -> int:
  """Counts the unfinished jobs of a visitor; without a cookie, of an address."""
  mine = {'upload__visitor': visitor} if visitor else {'upload__address': address}
  return Job.objects.exclude(state__in=ENDED).filter(**mine).count()


def check_queue(visitor: str, address: str) -> None:
  """Raises RefusedError where a visitor, or all, wait for too much already."""
  waiting = Job.objects.exclude(state__in=ENDED)
  at_address = waiting.filter(upload__address=address).count()
  mine = unfinished(visitor, address) if visitor else 0
  if mine >= settings.ACTIVE or at_address >= settings.ACTIVE * _BY_ADDRESS:
    raise RefusedError(
      _('%(most)d of your pictures are waiting already: try again when some are done.')
      % {'most': settings.ACTIVE},
      429,
    )
  if waiting.count() >= settings.QUEUE:
    raise RefusedError(_('The site is busy: try again in some minutes.'), 503)
  if not settings.S3 and shutil.disk_usage(settings.SITE).free < _FREE:
    raise RefusedError(_('The site has no room: try again in some hours.'), 503)


def check_upload(sent: Upload) -> None:
  """Raises RefusedError where enough was made of one picture."""
  if sent.jobs.count() >= _OF_UPLOAD:
    raise RefusedError(
      _('%(most)d results of one picture are enough: delete some, or send it again.')
      % {'most': _OF_UPLOAD},
      429,
    )


def check_rate(request: HttpRequest) -> None:
  """Counts a file that is sent, whatever is in it.

  Raises:
    RefusedError: It is one too many in an hour.
  """
  since = timezone.now() - _HOUR
  counted = [(visitors.address(request), settings.RATE * _BY_ADDRESS)]
  if request.visitor:
    counted.append((request.visitor, settings.RATE))
  for who, most in counted:
    if Visit.objects.filter(who=who, at__gte=since).count() >= most:
      raise RefusedError(
        _('That is more than %(most)d pictures in an hour: try again later.')
        % {'most': most},
        429,
      )
  Visit.objects.bulk_create([Visit(who=who) for who, _most in counted])


def count_newcomer(visitor: str) -> None:
  """Counts the first upload of a visitor, who had no name before it."""
  Visit.objects.create(who=visitor)


def forget() -> None:
  """Deletes visits that count no longer."""
  Visit.objects.filter(at__lt=timezone.now() - _HOUR).delete()
