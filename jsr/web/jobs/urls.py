"""Addresses of uploads and results."""

from django.urls import path

from jsr.web.jobs import views

app_name = 'jobs'
urlpatterns = [
  path('upscale/', views.upscale, name='upscale'),
  path('pictures/', views.history, name='history'),
  path('api/', views.api, name='api'),
  path('jobs/<str:token>/', views.result, name='result'),
]
