"""A site for tests: one in this process, one that really serves, and a browser.

JSR_TEST_DATABASE=postgresql runs them on a PostgreSQL of their own, all but those of
`ANYWHERE` (with JSR_TEST_ALL=1 these, too); the default is SQLite. `make test` does
both.
"""

import os
import shutil

import pytest

from tests.web import pictures, postgresql, results, sites, studies

DATABASE = os.environ.get('JSR_TEST_DATABASE', 'sqlite')
# What pages look like, say and do in a browser, and settings: no database has a part in
# it.
ANYWHERE = {
  *('test_access', 'test_browser_pages', 'test_facts', 'test_site_settings'),
  *('test_translations', 'test_browser_upload', 'test_browser_result'),
  *('test_browser_files', 'test_browser_study'),
}


def pytest_collection_modifyitems(config, items):
  """Leaves out of the second run what it would only repeat."""
  if DATABASE == 'sqlite' or os.environ.get('JSR_TEST_ALL') == '1':
    return
  again = [item for item in items if item.path.stem in ANYWHERE]
  config.hook.pytest_deselected(items=again)
  items[:] = [item for item in items if item not in again]


@pytest.fixture(scope='session')
def databases(tmp_path_factory):
  """A function that makes an empty database and returns its JSR_DATABASE."""
  if DATABASE == 'sqlite':
    yield lambda name: ''
    return
  assert DATABASE == 'postgresql', f'JSR_TEST_DATABASE={DATABASE} is not known'
  with postgresql.cluster() as cluster:
    yield cluster


@pytest.fixture(scope='session')
def _django(tmp_path_factory, databases):
  pytest.importorskip('django')
  folder = tmp_path_factory.mktemp('site')
  os.environ |= {'JSR_SITE': str(folder), 'JSR_HTTPS': '0'}
  url = databases('tests')
  if url:
    os.environ['JSR_DATABASE'] = url
  from jsr.web import setup

  setup.open_site(folder)
  from django.db import connections
  from django.test.utils import setup_test_environment, teardown_test_environment

  setup_test_environment()
  yield folder
  teardown_test_environment()
  connections.close_all()


@pytest.fixture
def site(_django):
  """The folder of an empty site in this process."""
  from django.core.management import call_command
  from django.utils import translation

  call_command('flush', interactive=False, verbosity=0)
  shutil.rmtree(_django / 'files', ignore_errors=True)
  with translation.override('en'):
    yield _django


@pytest.fixture
def settings(site):
  """A function that changes settings until the test's end."""
  from django.test import override_settings

  changes = []

  def change(**values):
    changes.append(override_settings(**values))
    changes[-1].enable()

  yield change
  for each in reversed(changes):
    each.disable()


@pytest.fixture
def client(site):
  """A visitor of the site in this process."""
  return sites.visitor()


@pytest.fixture(scope='session')
def compared(tmp_path_factory):
  """A folder as jsr compare writes it, for studies."""
  folder = tmp_path_factory.mktemp('made') / 'page_pictures'
  studies.write_pictures(folder)
  return folder


@pytest.fixture
def make(site, compared):
  """A function that makes a study and returns it."""

  def call(*options, name='secretstudy'):
    assert studies.run('create', name, '--from', compared, *options) == 0
    from jsr.web.studies.models import Study

    return Study.objects.get(name=name)

  return call


@pytest.fixture(scope='session')
def server(tmp_path_factory, databases):
  """A site that really serves, with one worker."""
  url = databases('served')
  running = sites.Server(tmp_path_factory.mktemp('served'), env={'JSR_DATABASE': url})
  yield running
  running.end()


# Not of the session: Playwright leaves an event loop running in the main thread, where
# neither Django's database nor asyncio.run of other tests works.
@pytest.fixture(scope='module')
def browser():
  """Debian's Chromium."""
  if sites.CHROMIUM is None:
    pytest.skip('chromium is not installed')
  playwright = pytest.importorskip('playwright.sync_api')
  with playwright.sync_playwright() as started:
    running = started.chromium.launch(
      executable_path=sites.CHROMIUM, args=sites.CHROMIUM_ARGUMENTS
    )
    yield running
    running.close()


@pytest.fixture
def page(browser, server):
  """A new visitor's page; the test fails if the browser's console has an error."""
  with sites.opened(browser, server.url) as page:
    yield page


@pytest.fixture
def made(client):
  """A function that sends a picture, does its job, and returns the job."""

  def make(data=None, name='cat.png', **fields):
    from jsr.web.jobs.models import Job

    answer = client.post('/api/jobs', pictures.upload(data, name, **fields))
    assert answer.status_code in (200, 201), answer.content
    return results.work(Job.objects.get(pk=answer.json()['id']))

  return make
