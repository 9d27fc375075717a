"""Who a visitor is: a random cookie, made when there is something to remember.

The database holds its hash only: who reads the database cannot act for a visitor.
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = 'jsr_visitor'
_FORM = re.compile(r'[\w-]{43}')
_YEAR = 365 * 86400


class VisitorMiddleware:
  """Sets `request.visitor`, '' for a newcomer, and remembers whom `remember` named."""

  def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
    self._next = get_response

  def __call__(self, request: HttpRequest) -> HttpResponse:
    """Answers a request."""
    cookie = request.COOKIES.get(COOKIE, '')
    request.visitor = _hash(cookie) if _FORM.fullmatch(cookie) else ''
    request.new_visitor = ''
    response = self._next(request)
    if request.new_visitor:
      response.set_cookie(
        COOKIE,
        request.new_visitor,
        max_age=_YEAR,
        secure=settings.HTTPS,
        httponly=True,
        samesite='Lax',
      )
    return response


def remember(request: HttpRequest) -> str:
  """Returns the visitor's name in the database; a newcomer gets one and its cookie."""
  if not request.visitor:
    request.new_visitor = secrets.token_urlsafe(32)
    request.visitor = _hash(request.new_visitor)
  return request.visitor


def address(request: HttpRequest) -> str:
  """Returns a keyed hash of the address that a request comes from.

  Behind JSR_PROXIES proxies, each of which adds to X-Forwarded-For, it is the entry
  that the outermost of them wrote; what a visitor wrote before it does not count.
  """
  found = request.META.get('REMOTE_ADDR', '')
  if settings.PROXIES:
    hops = request.META.get('HTTP_X_FORWARDED_FOR', '').split(',')
    if len(hops) >= settings.PROXIES:
      found = hops[-settings.PROXIES].strip() or found
  try:
    parsed = ipaddress.ip_address(found)
    if parsed.version == 6:
      # A household has 2^64 addresses, and is one visitor.
      found = str(ipaddress.ip_network((parsed, 64), strict=False))
  except ValueError:
    pass  # A socket, or a proxy's own name.
  key = settings.SECRET_KEY.encode()
  return hmac.new(key, found.encode(), hashlib.sha256).hexdigest()


def context(request: HttpRequest) -> dict[str, Any]:
  """Gives templates what every page shows."""
  return {'keep_hours': settings.KEEP_HOURS}


def _hash(cookie: str) -> str:
  return hashlib.sha256(cookie.encode()).hexdigest()
