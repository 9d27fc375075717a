"""Addresses of the rating studies: each is a secret that was handed to somebody."""

from django.urls import path, re_path

from jsr.web import converters
from jsr.web.studies import research, views

app_name = 'studies'
urlpatterns = [
  path('r/<token:token>/', views.rate, name='rate'),
  # Cut off or mistyped; where only the last slash is missing, Django adds it.
  re_path(rf'^r/(?!{converters.TokenConverter.regex}$)', views.lost),
  path('p/<token:token>/<str:side>/', views.picture, name='picture'),
  path('a/<token:token>/', research.page, name='research'),
  path('a/<token:token>/progress.json', research.progress, name='progress'),
  path('a/<token:token>/ratings.csv', research.ratings, name='ratings'),
  path('a/<token:token>/summary.json', research.summary, name='summary'),
  path('a/<token:token>/<str:name>.svg', research.plot, name='plot'),
]
