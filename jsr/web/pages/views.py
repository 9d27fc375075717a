"""Pages that tell: nothing here changes anything."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jsr.web.pages import cards, gallery, tables
from jsr.web.pages.facts import catalogue

# Set14 ×4 in table 2 of the SRGAN paper, which report 002 prints too: method, PSNR,
# mean opinion.
OPINIONS = (
  ('bicubic', '25.99', '1.80'),
  ('SRResNet', '28.49', '2.98'),
  ('SRGAN', '26.02', '3.72'),
  (gettext_lazy('the original'), '∞', '4.32'),
)


def home(request: HttpRequest) -> HttpResponse:
  """Background, purpose, and a gallery."""
  about = gallery.about()
  context = {
    'gallery': gallery.entries(),
    'width': about['width'],
    'height': about['height'],
    'opinions': OPINIONS,
  }
  return render(request, 'pages/home.html', context)


def methods(request: HttpRequest) -> HttpResponse:
  """One card a system."""
  return render(request, 'pages/methods.html', {'groups': cards.groups()})


def results(request: HttpRequest) -> HttpResponse:
  """Tables and plots of comparisons."""
  comparisons, broken_files = tables.shown()
  context = {'comparisons': comparisons, 'broken': broken_files}
  return render(request, 'pages/results.html', context)


def references(request: HttpRequest) -> HttpResponse:
  """Papers and programs."""
  return render(request, 'pages/references.html', {'groups': catalogue.WORKS})


def csrf_failure(request: HttpRequest, reason: str = '') -> HttpResponse:
  """Answers 403 to a form without the token that its page had."""
  return _error(
    request,
    403,
    _(
      'This form does not come from a page of this site, or the page was open for too'
      ' long. Go back, load it again, and allow cookies.'
    ),
  )


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
