"""A site in a temporary folder: set up once a process, empty for every test."""

import os
import pathlib

import pytest


@pytest.fixture(scope='session')
def opened(tmp_path_factory) -> pathlib.Path:
  """The folder of the one site that Django can have in a process."""
  pytest.importorskip('django')
  os.environ['JSR_SITE'] = str(tmp_path_factory.mktemp('site'))
  os.environ['JSR_HTTPS'] = '0'
  from jsr.web import setup

  folder = setup.open_site()
  from django.db import connections
  from django.test.utils import setup_test_environment, teardown_test_environment

  setup_test_environment()
  yield folder
  teardown_test_environment()
  connections.close_all()


@pytest.fixture
def site(opened) -> pathlib.Path:
  """The site's folder, with nothing in the database."""
  from django.core.management import call_command
  from django.utils import translation

  with translation.override('en'):
    yield opened
  call_command('flush', verbosity=0, interactive=False)
