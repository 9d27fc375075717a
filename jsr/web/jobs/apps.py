"""The app of uploads and jobs."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
  """Its name and label."""

  name = 'jsr.web.jobs'
  label = 'jobs'
