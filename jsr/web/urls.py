"""Addresses of the site."""

from django.urls import include, path
from django.views.i18n import set_language

urlpatterns = [
  path('', include('jsr.web.pages.urls')),
  path('', include('jsr.web.jobs.urls')),
  path('study/', include('jsr.web.studies.urls')),
  path('language/', set_language, name='set_language'),
]
handler400 = 'jsr.web.pages.views.bad_request'
handler403 = 'jsr.web.pages.views.forbidden'
handler404 = 'jsr.web.pages.views.not_found'
handler500 = 'jsr.web.pages.views.broken'
