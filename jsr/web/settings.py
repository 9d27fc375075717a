"""The Django project. What may differ stands in `environment.py`."""

import pathlib
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from jsr import errors
from jsr.web import environment

HERE = pathlib.Path(__file__).parent
SITE = environment.folder()

DEBUG = False
SECRET_KEY = environment.secret_key()
ALLOWED_HOSTS = environment.names('HOSTS', 'localhost,127.0.0.1,[::1]')
HTTPS = environment.switch('HTTPS', default=True)
PROXIES = environment.number('PROXIES', 0, least=0)

INSTALLED_APPS = [
  'django.contrib.staticfiles',
  'csp',
  'django_tasks',
  'django_tasks_db',
  'jsr.web.jobs',
  'jsr.web.studies',
  'jsr.web.pages',
]
MIDDLEWARE = [
  'django.middleware.security.SecurityMiddleware',
  'whitenoise.middleware.WhiteNoiseMiddleware',
  'csp.middleware.CSPMiddleware',
  'jsr.web.headers.HeadersMiddleware',
  'django.middleware.locale.LocaleMiddleware',
  'django.middleware.common.CommonMiddleware',
  'django.middleware.csrf.CsrfViewMiddleware',
  'django.middleware.clickjacking.XFrameOptionsMiddleware',
  'jsr.web.visitors.VisitorMiddleware',
]
ROOT_URLCONF = 'jsr.web.urls'
WSGI_APPLICATION = 'jsr.web.wsgi.application'
TEMPLATES = [
  {
    'BACKEND': 'django.template.backends.django.DjangoTemplates',
    'DIRS': [HERE / 'templates'],
    'OPTIONS': {
      'context_processors': [
        'django.template.context_processors.request',
        'django.template.context_processors.i18n',
        'jsr.web.visitors.context',
      ],
    },
  }
]

DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'


def _database() -> dict[str, Any]:
  url = environment.text('DATABASE')
  if url:
    if not url.startswith(('postgresql://', 'postgres://')):
      raise errors.UserError(
        'JSR_DATABASE must be the address of a PostgreSQL: write'
        ' postgresql://user:password@host/name, or leave it out for SQLite'
      )
    try:
      return dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except ValueError as error:
      raise errors.UserError(
        'JSR_DATABASE is no address of a database: write'
        ' postgresql://user:password@host/name'
      ) from error
  return {
    'ENGINE': 'django.db.backends.sqlite3',
    'NAME': SITE / 'jsr.sqlite3',
    'CONN_MAX_AGE': 60,
    'OPTIONS': {
      # A transaction that will write says so at its start: it waits there for others,
      # and cannot fail in the middle.
      'transaction_mode': 'IMMEDIATE',
      'timeout': 20,
      'init_command': 'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;',
    },
  }


DATABASES = {'default': _database()}


def _files() -> dict[str, Any]:
  bucket = environment.text('S3_BUCKET')
  if not bucket:
    return {
      'BACKEND': 'django.core.files.storage.FileSystemStorage',
      'OPTIONS': {
        'location': SITE / 'files',
        'file_permissions_mode': 0o600,
        'directory_permissions_mode': 0o700,
      },
    }
  return {
    'BACKEND': 'storages.backends.s3.S3Storage',
    'OPTIONS': {
      'bucket_name': bucket,
      'endpoint_url': environment.text('S3_ENDPOINT') or None,
      'location': environment.text('S3_PREFIX', 'jsr'),
      'default_acl': None,
      # What is sent to visitors goes through a file, not through memory.
      'max_memory_size': 2**20,
      'file_overwrite': False,
    },
  }


S3 = bool(environment.text('S3_BUCKET'))
STORAGES = {
  'default': _files(),
  'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'},
}
STATIC_URL = 'static/'
STATICFILES_DIRS = [HERE / 'static']
# Served from where they lie: nothing is to be collected first.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
TASKS = {'default': {'BACKEND': 'django_tasks_db.DatabaseBackend'}}

# Uploads above a megabyte go to a temporary file, and are checked there.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 50

USE_TZ = True
TIME_ZONE = 'UTC'
USE_I18N = True
LANGUAGE_CODE = 'en'
LANGUAGES = [
  ('en', _('English')),
  ('zh-hant', _('Traditional Chinese')),
  ('ko', _('Korean')),
]
LOCALE_PATHS = [HERE / 'locale']
LANGUAGE_COOKIE_SAMESITE = 'Lax'
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True

CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = 'Lax'
CSRF_FAILURE_VIEW = 'jsr.web.pages.views.csrf_failure'
SESSION_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
# Links to results are secrets: no other site hears of them.
SECURE_REFERRER_POLICY = 'same-origin'
X_FRAME_OPTIONS = 'DENY'
if PROXIES:
  SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')
CONTENT_SECURITY_POLICY = {
  'DIRECTIVES': {
    'default-src': [NONE],
    'script-src': [SELF],
    'style-src': [SELF],
    # A chosen file is shown before it is sent.
    'img-src': [SELF, 'blob:'],
    'connect-src': [SELF],
    'font-src': [SELF],
    'form-action': [SELF],
    'base-uri': [NONE],
    'frame-ancestors': [NONE],
    'manifest-src': [SELF],
  }
}

# jsr's own limits.
MAX_BYTES = environment.number('MAX_BYTES', 50 * 2**20)
MAX_PIXELS = environment.number('MAX_PIXELS', 25_000_000)
MAX_RESULT = environment.number('MAX_RESULT', 100_000_000)
RATE = environment.number('RATE', 120)
ACTIVE = environment.number('ACTIVE', 40)
QUEUE = environment.number('QUEUE', 2000)
KEEP_HOURS = environment.number('KEEP_HOURS', 24)
NICE = environment.number('NICE', 10, least=0)

LOGGING = {
  'version': 1,
  'disable_existing_loggers': False,
  'handlers': {'err': {'class': 'logging.StreamHandler', 'formatter': 'line'}},
  'formatters': {'line': {'format': '%(asctime)s %(levelname)s %(name)s: %(message)s'}},
  'root': {'handlers': ['err'], 'level': 'WARNING'},
  'loggers': {
    'jsr': {'level': 'INFO'},
    # A visitor's mistake is answered, not logged.
    'django.request': {'level': 'ERROR'},
    'django.security.DisallowedHost': {'level': 'CRITICAL', 'propagate': False},
  },
}
