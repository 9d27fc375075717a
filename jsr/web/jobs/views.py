"""Pages of uploads and results."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def upscale(request: HttpRequest) -> HttpResponse:
  """Upload form."""
  return render(request, 'error.html', {'message': ''})


history = api = upscale


def result(request: HttpRequest, token: str) -> HttpResponse:
  """Result page."""
  return render(request, 'error.html', {'message': ''})
