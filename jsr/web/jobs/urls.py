"""Addresses of uploads and results."""

from django.urls import path

from jsr.web.jobs import api, files, views

app_name = 'jobs'
urlpatterns = [
  path('upscale/', views.upscale, name='upscale'),
  path('pictures/', views.history, name='history'),
  path('jobs/<str:token>/', views.result, name='result'),
  path('jobs/<str:token>/delete/', views.delete, name='delete'),
  path('jobs/<str:token>/file', files.file, name='file'),
  path('jobs/<str:token>/view', files.view, name='view'),
  path('jobs/<str:token>/download', files.download, name='download'),
  path('uploads/<str:token>/view', files.upload_view, name='upload_view'),
  path('uploads/<str:token>/thumb', files.thumb, name='thumb'),
  path('api/', views.api, name='api'),
  path('api/openapi.json', api.openapi, name='openapi'),
  path('api/jobs', api.jobs, name='api_jobs'),
  path('api/jobs/<str:token>', api.job, name='api_job'),
  path('api/jobs/<str:token>/cancel', api.cancel, name='api_cancel'),
  path('api/jobs/<str:token>/original', api.original, name='api_original'),
]
