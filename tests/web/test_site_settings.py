"""How the site is set: safe unless told otherwise, and mistakes told in a sentence."""

import os
import subprocess
import sys

import pytest

pytest.importorskip('django')


def run(*arguments, **environment):
  """Runs Python with a clean environment of the site's."""
  clean = {k: v for k, v in os.environ.items() if not k.startswith('JSR_')}
  return subprocess.run(
    [sys.executable, *arguments],
    env=clean | environment,
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )


def jsr(*arguments, **environment):
  return run('-m', 'jsr.cli', *arguments, **environment)


def test_check_deploy(tmp_path):
  """Django's own audit of a site as it stands on the network."""
  done = run(
    *('-m', 'jsr.web.manage', 'check', '--deploy', '--fail-level', 'WARNING'),
    JSR_SITE=str(tmp_path),
    JSR_HOSTS='sr.example.org',
    JSR_SECRET_KEY='k9-Zq7_b' * 7,
  )
  assert done.returncode == 0, done.stderr
  assert 'no issues' in done.stdout


def test_no_debug():
  code = (
    'import os; os.environ["DJANGO_SETTINGS_MODULE"] = "jsr.web.settings";'
    'from django.conf import settings as s;'
    'print(s.DEBUG, s.SECURE_SSL_REDIRECT, s.CSRF_COOKIE_SECURE, len(s.SECRET_KEY))'
  )
  one, two = (run('-c', code, DEBUG='1', DJANGO_DEBUG='1') for _ in range(2))
  debug, redirect, secure, length = one.stdout.split()
  assert (debug, redirect, secure) == ('False', 'True', 'True')
  assert int(length) >= 50
  assert two.returncode == 0


def test_keys_are_random():
  from jsr.web import environment

  assert environment.secret_key() != environment.secret_key()


@pytest.mark.parametrize(
  ('name', 'value', 'word'),
  [
    ('JSR_MAX_BYTES', 'many', "JSR_MAX_BYTES='many'"),
    ('JSR_RATE', '0', 'whole number from 1'),
    ('JSR_HTTPS', 'yes', "JSR_HTTPS='yes' must be 0 or 1"),
    ('JSR_PROXIES', '-1', 'JSR_PROXIES'),
    ('JSR_SITE', '/dev/null/site', '/dev/null/site'),
    ('JSR_DATABASE', 'nonsense', 'JSR_DATABASE'),
    ('JSR_DATABASE', 'mysql://x', 'must be the address of a PostgreSQL'),
    ('JSR_SECRET_KEY', 'short', 'JSR_SECRET_KEY must have 50'),
    ('JSR_DATABASE', 'postgresql://nobody@localhost:1/none', 'JSR_DATABASE'),
  ],
)
def test_mistakes_in_the_environment(tmp_path, name, value, word):
  done = jsr('serve', '--port', '0', **{'JSR_SITE': str(tmp_path), name: value})
  assert done.returncode == 2
  (line,) = done.stderr.splitlines()
  assert line.startswith('jsr serve: ')
  assert word in line


@pytest.mark.parametrize(
  ('arguments', 'environment', 'word'),
  [
    (['--host', '0.0.0.0'], {}, 'JSR_HTTPS'),
    (['--host', '0.0.0.0'], {'JSR_HTTPS': '1', 'JSR_PROXIES': '1'}, 'JSR_HOSTS'),
    ([], {'JSR_HTTPS': '1'}, 'JSR_PROXIES=1'),
    (['--port', '70000'], {}, 'no port'),
    (['--workers', '-1'], {}, "'-1' is no whole number from 0"),
    (
      ['--host', '192.0.2.1', '--port', '0'],
      {'JSR_HTTPS': '0', 'JSR_HOSTS': 'x'},
      'listen',
    ),
  ],
)
def test_mistakes_of_serve(tmp_path, arguments, environment, word):
  done = jsr('serve', *arguments, '--site', str(tmp_path / 'site'), **environment)
  assert done.returncode == 2
  assert word in done.stderr.splitlines()[-1]


def test_a_worker_of_no_site(tmp_path):
  """A slip of the pen does not make an empty site to wait in."""
  done = jsr('worker', '--site', str(tmp_path / 'typo'))
  assert done.returncode == 2
  assert 'there is no site in' in done.stderr
  assert not (tmp_path / 'typo').exists()


def test_without_django(tmp_path):
  """A laboratory without the website is told how to get it."""
  (tmp_path / 'django').mkdir()
  (tmp_path / 'django' / '__init__.py').write_text('raise ImportError("no Django")')
  (tmp_path / 'site').mkdir()
  (tmp_path / 'site' / 'jsr.sqlite3').touch()
  for command in ('serve', 'worker'):
    done = jsr(command, '--site', str(tmp_path / 'site'), PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert f'jsr {command} needs Django: pip install' in done.stderr


def test_help_needs_no_django(tmp_path):
  (tmp_path / 'django').mkdir()
  (tmp_path / 'django' / '__init__.py').write_text('raise ImportError("no Django")')
  for command in ('serve', 'worker'):
    done = jsr(command, '--help', PYTHONPATH=str(tmp_path))
    assert done.returncode == 0
    assert '--site' in done.stdout


def test_models_of_the_site(client, site, caplog):
  """What an operator puts beside jsr's own; broken ones are not offered."""
  import shutil

  from jsr.weights import embedded

  folder = site / 'models'
  folder.mkdir()
  try:
    shutil.copy(embedded.path('espcn-x2'), folder / 'ours.safetensors')
    (folder / 'junk.safetensors').write_bytes(b'junk')
    page = client.get('/upscale/').content.decode()
    assert '<option value="ours">' in page
    assert 'junk' not in page
    client.get('/upscale/')
    assert caplog.text.count('junk.safetensors') == 1
    from jsr.web.jobs import tasks
    from jsr.web.jobs.models import Job
    from tests.web import pictures

    client.post('/api/jobs', pictures.upload(model='ours'))
    job = Job.objects.get()
    tasks.upscale.call(job.token)
    job.refresh_from_db()
    assert (job.state, job.width) == ('done', 48)
  finally:
    shutil.rmtree(folder)


def test_headers(client):
  for path in ('/', '/upscale/', '/nothing', '/api/jobs', '/static/web/site.css'):
    answer = client.get(path)
    if answer.streaming:
      answer.close()
    assert answer['X-Content-Type-Options'] == 'nosniff'
    if path.startswith('/static'):
      continue
    policy = answer['Content-Security-Policy']
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert 'unsafe' not in policy
    assert 'http' not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer['X-Frame-Options'] == 'DENY'
    assert answer['Referrer-Policy'] == 'same-origin'
    assert answer['Permissions-Policy']


def test_other_names_are_refused(site):
  from tests.web import sites

  assert sites.visitor().get('/', HTTP_HOST='evil.example').status_code == 400


def test_https_is_demanded(site, settings):
  from tests.web import sites

  settings(SECURE_SSL_REDIRECT=True)
  answer = sites.visitor().get('/upscale/')
  assert answer.status_code == 301
  assert answer['Location'].startswith('https://')


def test_s3(tmp_path):
  """Storage elsewhere is chosen by the environment alone."""
  pytest.importorskip('storages')
  code = (
    'import os; os.environ["DJANGO_SETTINGS_MODULE"] = "jsr.web.settings";'
    'import django; django.setup();'
    'from jsr.web.jobs.models import Upload;'
    's = Upload._meta.get_field("file").storage;'
    'print(type(s._wrapped).__name__, s.bucket_name, s.endpoint_url)'
  )
  done = run(
    *('-c', code),
    JSR_SITE=str(tmp_path),
    JSR_S3_BUCKET='pictures',
    JSR_S3_ENDPOINT='http://127.0.0.1:9',
  )
  assert done.stdout.split() == ['S3Storage', 'pictures', 'http://127.0.0.1:9'], (
    done.stderr
  )
