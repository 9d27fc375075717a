"""The app of rating studies."""

from django.apps import AppConfig


class StudiesConfig(AppConfig):
  """Its name and label."""

  name = 'jsr.web.studies'
  label = 'studies'
