"""Pages that tell: nothing here changes anything."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def home(request: HttpRequest) -> HttpResponse:
  """Background, purpose, and a gallery."""
  return render(request, 'pages/home.html')


def methods(request: HttpRequest) -> HttpResponse:
  """One card a system."""
  return render(request, 'pages/methods.html')


def results(request: HttpRequest) -> HttpResponse:
  """Tables and plots of comparisons."""
  return render(request, 'pages/results.html')


def references(request: HttpRequest) -> HttpResponse:
  """Papers and programs."""
  return render(request, 'pages/references.html')


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
  """Answers 400."""
  return _error(request, 400, _('This request makes no sense to the site.'))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
  """Answers 403."""
  return _error(request, 403, _('This is not open to you.'))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
  """Answers 404."""
  return _error(
    request,
    404,
    _('There is nothing here. Results are deleted after a while, so it may have been.'),
  )


def broken(request: HttpRequest) -> HttpResponse:
  """Answers 500."""
  return _error(request, 500, _('Something broke. It is our fault; try again later.'))


def _error(request: HttpRequest, status: int, message: str) -> HttpResponse:
  return render(request, 'error.html', {'message': message}, status=status)
