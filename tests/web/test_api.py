"""The JSON API does what `openapi.json` says, for whom it should."""

import json
import pathlib
import re

import jsonschema
import pytest

from tests.web import pictures, sites

OPENAPI = pathlib.Path(__file__).parents[2] / 'jsr/web/jobs/openapi.json'


@pytest.fixture(scope='module')
def document():
  return json.loads(OPENAPI.read_text())


class Checked:
  """A visitor whose every answer is held against the description."""

  def __init__(self, document, client):
    self.document, self.client = document, client

  def _check(self, method, path, answer):
    template = re.sub(r'/jobs/[^/?]+', '/jobs/{id}', path.partition('?')[0])
    operation = self.document['paths'][template][method]
    told = operation['responses'][str(answer.status_code)]
    if '$ref' in told:
      told = self.document['components']['responses'][told['$ref'].rpartition('/')[2]]
    schema = told.get('content', {}).get('application/json', {}).get('schema')
    if schema is None:
      return None
    schema = {**schema, 'components': self.document['components']}
    body = answer.json()
    jsonschema.Draft202012Validator(schema).validate(body)
    return body

  def __call__(self, method, path, data=None):
    answer = getattr(self.client, method)(path, data)
    return answer.status_code, self._check(method, path, answer)


@pytest.fixture
def api(document, client):
  return Checked(document, client)


def do(token):
  from jsr.web.jobs import tasks

  tasks.upscale.call(token)


def test_the_description_is_sound(document, client):
  assert document['openapi'].startswith('3.1')
  text = json.dumps(document)
  for ref in set(re.findall(r'"#/([^"]+)"', text)):
    found = document
    for part in ref.split('/'):
      found = found[part]
  told = client.get('/api/openapi.json').json()
  assert 'compact' in told['components']['schemas']['Model']['enum']
  assert told['servers'] == [{'url': 'http://localhost'}]
  assert told['paths'] == document['paths']


def test_every_address_is_described(document):
  from jsr.web.jobs.urls import urlpatterns

  described = {path.strip('/') for path in document['paths']}
  for pattern in urlpatterns:
    route = re.sub('<.*?>', '{id}', str(pattern.pattern))
    if route.startswith('api/') and route not in ('api/', 'api/openapi.json'):
      assert route in described, route


def test_a_life(api, client):
  status, job = api('post', '/api/jobs', pictures.upload())
  assert status == 201
  assert job['status'] == 'queued'
  path = f'/api/jobs/{job["id"]}'
  status, told = api('get', path)
  assert (status, told['before'], told['result_url']) == (200, 0, None)
  do(job['id'])
  status, told = api('get', path)
  assert (told['status'], told['progress'], told['error']) == ('done', 1.0, None)
  assert (told['width'], told['height']) == (48, 32)
  answer = client.get(told['result_url'].removeprefix('http://localhost'))
  assert sites.body(answer).startswith(b'\x89PNG')
  assert answer['Content-Disposition'] == 'attachment; filename="cat-espcn-x2.png"'
  assert api('delete', path) == (204, None)
  assert api('get', path)[0] == 404
  assert api('delete', path)[0] == 404


def test_another_of_the_same_upload(api):
  first = api('post', '/api/jobs', pictures.upload())[1]
  wish = {'upload': first['upload']['id'], 'model': 'bicubic', 'scale': '2'}
  status, other = api('post', '/api/jobs', wish)
  assert (status, other['model']) == (201, 'bicubic')
  assert api('post', '/api/jobs', wish) == (200, other)
  # It goes with the first, and not the other way round.
  api('delete', f'/api/jobs/{other["id"]}')
  assert api('get', f'/api/jobs/{first["id"]}')[0] == 200
  other = api('post', '/api/jobs', wish)[1]
  api('delete', f'/api/jobs/{first["id"]}')
  assert api('get', f'/api/jobs/{other["id"]}')[0] == 404


def test_cancel(api):
  job = api('post', '/api/jobs', pictures.upload())[1]
  status, told = api('post', f'/api/jobs/{job["id"]}/cancel')
  assert (status, told['status']) == (200, 'cancelled')
  do(job['id'])
  assert api('get', f'/api/jobs/{job["id"]}')[1]['status'] == 'cancelled'
  assert api('post', '/api/jobs/none/cancel')[0] == 404
  # Not so what is done.
  done = api('post', '/api/jobs', pictures.upload())[1]
  do(done['id'])
  assert api('post', f'/api/jobs/{done["id"]}/cancel')[1]['status'] == 'done'


def test_a_failure_is_told(api):
  data = pictures.encoded('PNG', 64, 64)[:900]
  job = api('post', '/api/jobs', pictures.upload(data))[1]
  do(job['id'])
  told = api('get', f'/api/jobs/{job["id"]}')[1]
  assert (told['status'], told['result_url']) == ('failed', None)
  assert 'cut off' in told['error']


@pytest.mark.parametrize(
  ('fields', 'status'),
  [
    ({'scale': 'x'}, 400),
    ({'data': b''}, 400),
    ({'data': b'text'}, 415),
    ({'data': pictures.bomb}, 413),
  ],
  ids=['scale', 'empty', 'text', 'bomb'],
)
def test_errors(api, fields, status):
  fields = {k: v() if callable(v) else v for k, v in fields.items()}
  got, told = api('post', '/api/jobs', pictures.upload(**fields))
  assert got == status
  assert told['error']


def test_methods(client):
  for path, allowed in (('/api/jobs', 'POST'), ('/api/jobs/x', 'DELETE')):
    answer = client.put(path)
    assert answer.status_code == 405
    assert allowed in answer['Allow']


def test_original_is_described(api):
  job = api('post', '/api/jobs', pictures.upload())[1]
  path = f'/api/jobs/{job["id"]}/original'
  same = {'image': pictures.upload(pictures.encoded('PNG', 48, 32))['image']}
  assert api('post', path, same)[0] == 202
  do(job['id'])
  metrics = api('get', f'/api/jobs/{job["id"]}')[1]['metrics']
  assert 5 < metrics['psnr_y'] < 60
  assert api('post', path, {})[0] == 400


def test_lists(api, document):
  jobs = [
    api('post', '/api/jobs', pictures.upload(name=f'{i}.png'))[1] for i in range(3)
  ]
  own = api('get', '/api/jobs')[1]['jobs']
  assert [job['id'] for job in own] == [job['id'] for job in jobs][::-1]
  stranger = Checked(document, sites.visitor())
  assert stranger('get', '/api/jobs')[1] == {'jobs': []}
  # An id is a key.
  ids = ','.join([jobs[0]['id'], 'none', ''])
  told = stranger('get', f'/api/jobs?ids={ids}')[1]['jobs']
  assert [job['id'] for job in told] == [jobs[0]['id']]


def test_what_is_past_its_time_is_gone(api, client):
  """Whether or not somebody lives who deletes it."""
  from django.utils import timezone

  from jsr.web.jobs.models import Upload

  job = api('post', '/api/jobs', pictures.upload())[1]
  do(job['id'])
  Upload.objects.update(expires=timezone.now())
  assert api('get', f'/api/jobs/{job["id"]}')[0] == 404
  assert api('get', '/api/jobs')[1] == {'jobs': []}
  wish = {'upload': job['upload']['id'], 'model': 'bicubic'}
  assert api('post', '/api/jobs', wish)[0] == 404
  for path in ('', 'file', 'view', 'download'):
    assert client.get(f'/jobs/{job["id"]}/{path}').status_code == 404
  for path in ('view', 'thumb'):
    assert client.get(f'/uploads/{job["upload"]["id"]}/{path}').status_code == 404


@pytest.mark.parametrize('token', ['%00', 'x', 'é' * 22, 'a' * 23])
def test_ids_that_are_none(api, client, token):
  assert api('get', f'/api/jobs/{token}')[0] == 404
  assert client.get(f'/api/jobs?ids={token},').json() == {'jobs': []}
  assert client.get(f'/jobs/{token}/').status_code == 404
  assert api('post', '/api/jobs', {'upload': 'a\x00'})[0] == 404


def test_misspelt_fields(api):
  status, told = api('post', '/api/jobs', pictures.upload(strenght='0.5'))
  assert status == 400
  assert 'strength' in told['error']


def test_faults_are_json(api, monkeypatch):
  from jsr.web.jobs import intake

  def broken(*args):
    raise RuntimeError('secret')

  monkeypatch.setattr(intake, 'upload', broken)
  status, told = api('post', '/api/jobs', pictures.upload())
  assert status == 500
  assert 'secret' not in told['error']


def test_ids_cannot_be_guessed(api):
  jobs = [api('post', '/api/jobs', pictures.upload())[1] for _ in range(5)]
  ids = [job['id'] for job in jobs] + [job['upload']['id'] for job in jobs]
  assert len(set(ids)) == 10
  # 22 characters of 64 kinds: 128 bits, with nothing in common.
  assert all(re.fullmatch(r'[\w-]{22}', each) for each in ids)
  assert len({each[:4] for each in ids}) == 10


def test_strangers_see_nothing(client, site):
  """Without the link there is no way to a picture of another."""
  job = client.post('/api/jobs', pictures.upload(name='secret.png')).json()
  do(job['id'])
  stranger = sites.visitor()
  for path in ('/', '/upscale/', '/pictures/', '/api/jobs', '/api/', '/results/'):
    answer = stranger.get(path)
    assert answer.status_code == 200
    assert b'secret' not in answer.content
    assert job['id'].encode() not in answer.content
  for path in ('/files/', '/media/', '/jobs/', '/uploads/', '/api/jobs/'):
    assert stranger.get(path).status_code == 404
  stored = next(p for p in (site / 'files').rglob('*.png'))
  name = stored.relative_to(site / 'files').as_posix()
  for path in (f'/{name}', f'/static/../files/{name}', f'/jobs/{name}/file'):
    assert stranger.get(path).status_code == 404


def test_results_are_not_for_search_engines_or_shared_caches(client):
  job = client.post('/api/jobs', pictures.upload()).json()
  do(job['id'])
  for path in (f'/jobs/{job["id"]}/', f'/jobs/{job["id"]}/view'):
    answer = client.get(path)
    sites.body(answer)
    assert answer['X-Robots-Tag'] == 'noindex'
    assert 'private' in answer['Cache-Control']
    assert answer['Referrer-Policy'] == 'same-origin'


class TestForgery:
  """Another site cannot act by a visitor's browser."""

  @pytest.fixture
  def browser(self, site):
    """A visitor whom the site knows, who checks tokens as the real site does."""
    client = sites.visitor(enforce_csrf_checks=True)
    page = client.get('/upscale/')
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]
    answer = client.post('/api/jobs', pictures.upload(), headers={'X-CSRFToken': token})
    assert answer.status_code == 201
    assert 'jsr_visitor' in answer.cookies
    client.token, client.job = token, answer.json()['id']
    return client

  @pytest.mark.parametrize(
    'headers',
    [{'Origin': 'http://localhost'}, {'Sec-Fetch-Site': 'same-origin'}],
    ids=str,
  )
  def test_with_the_cookie_a_token_is_needed(self, browser, headers):
    path = f'/api/jobs/{browser.job}'
    assert browser.delete(path, headers=headers).status_code == 403
    assert browser.post(f'{path}/cancel', headers=headers).status_code == 403
    sent = browser.post('/api/jobs', pictures.upload(), headers=headers)
    assert sent.status_code == 403
    assert browser.get(path, headers=headers).status_code == 200
    headers = {**headers, 'X-CSRFToken': browser.token}
    assert browser.delete(path, headers=headers).status_code == 204

  def test_other_sites_are_named_by_the_browser(self, site):
    newcomer = sites.visitor(enforce_csrf_checks=True)
    answer = newcomer.post(
      '/api/jobs', pictures.upload(), headers={'Sec-Fetch-Site': 'cross-site'}
    )
    assert answer.status_code == 403
    assert 'another site' in answer.json()['error']

  def test_programs_need_none(self, site):
    program = sites.visitor(enforce_csrf_checks=True)
    job = program.post('/api/jobs', pictures.upload()).json()
    # Also those that keep cookies.
    assert program.post('/api/jobs', pictures.upload()).status_code == 201
    assert len(program.get('/api/jobs').json()['jobs']) == 2
    other = sites.visitor(enforce_csrf_checks=True)
    assert other.delete(f'/api/jobs/{job["id"]}').status_code == 204

  def test_the_cookie(self, browser):
    cookie = browser.cookies['jsr_visitor']
    assert cookie['httponly']
    assert cookie['samesite'] == 'Lax'
    from jsr.web.jobs.models import Upload

    # The database cannot be used to act for somebody.
    assert cookie.value not in Upload.objects.get().visitor
