"""Addresses of uploads and results."""

from django.urls import path

import jsr.web.converters  # noqa: F401  It registers `token`.
from jsr.web.jobs import api, files, views

app_name = 'jobs'
# The API tells in its own way that an id is none.
urlpatterns = [
  path('upscale/', views.upscale, name='upscale'),
  path('pictures/', views.history, name='history'),
  path('jobs/<token:token>/', views.result, name='result'),
  path('jobs/<token:token>/delete/', views.delete, name='delete'),
  path('jobs/<token:token>/file', files.file, name='file'),
  path('jobs/<token:token>/view', files.view, name='view'),
  path('jobs/<token:token>/download', files.download, name='download'),
  path('uploads/<token:token>/view', files.upload_view, name='upload_view'),
  path('uploads/<token:token>/thumb', files.thumb, name='thumb'),
  path('api/', views.api, name='api'),
  path('api/openapi.json', api.openapi, name='openapi'),
  path('api/jobs', api.jobs, name='api_jobs'),
  path('api/jobs/<str:token>', api.job, name='api_job'),
  path('api/jobs/<str:token>/cancel', api.cancel, name='api_cancel'),
  path('api/jobs/<str:token>/original', api.original, name='api_original'),
]
