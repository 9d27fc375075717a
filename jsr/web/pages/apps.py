"""The app of pages that tell."""

from django.apps import AppConfig


class PagesConfig(AppConfig):
  """Its name and label."""

  name = 'jsr.web.pages'
  label = 'pages'
