"""Addresses of the rating studies: each is a secret that was handed to somebody."""

from django.urls import path

from jsr.web.studies import research, views

app_name = 'studies'
urlpatterns = [
  path('r/<str:token>/', views.rate, name='rate'),
  path('p/<str:token>/<str:side>/', views.picture, name='picture'),
  path('a/<str:token>/', research.page, name='research'),
  path('a/<str:token>/progress.json', research.progress, name='progress'),
  path('a/<str:token>/ratings.csv', research.ratings, name='ratings'),
  path('a/<str:token>/summary.json', research.summary, name='summary'),
  path('a/<str:token>/<str:name>.svg', research.plot, name='plot'),
]
