"""Addresses of the pages that tell."""

from django.urls import path

from jsr.web.pages import views

app_name = 'pages'
urlpatterns = [
  path('', views.home, name='home'),
  path('methods/', views.methods, name='methods'),
  path('results/', views.results, name='results'),
  path('references/', views.references, name='references'),
]
