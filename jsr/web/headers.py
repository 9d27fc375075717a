"""Headers of every answer, beside those that Django sets."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_POLICY = 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'


class HeadersMiddleware:
  """Says what no page of the site does, and what no cache may keep."""

  def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
    self._next = get_response

  def __call__(self, request: HttpRequest) -> HttpResponse:
    """Answers a request."""
    response = self._next(request)
    response.setdefault('Permissions-Policy', _POLICY)
    response.setdefault('Cross-Origin-Resource-Policy', 'same-origin')
    # Pages name the visitor's own pictures.
    response.setdefault('Cache-Control', 'private, no-cache')
    return response
