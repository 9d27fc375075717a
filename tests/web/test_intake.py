"""What the site takes in, and what it says of the rest."""

import pathlib

import pytest

from tests.web import pictures, sites


def refused(client, data, name='cat.png', **fields):
  """(status, sentence) of an upload, which must leave nothing behind."""
  from jsr.web.jobs.models import Job, Upload

  answer = client.post('/api/jobs', pictures.upload(data, name, **fields))
  assert not Upload.objects.exists()
  assert not Job.objects.exists()
  body = answer.json()
  assert set(body) == {'error'}
  sentence = body['error']
  assert sentence == sentence.strip()
  assert sentence[0].isupper() or not sentence[0].isalpha()
  assert sentence.endswith('.')
  assert '\n' not in sentence
  return answer.status_code, sentence


def stored(site):
  return [p for p in pathlib.Path(site, 'files').rglob('*') if p.is_file()]


@pytest.mark.parametrize(
  ('data', 'status', 'word'),
  [
    (b'', 400, 'empty'),
    (b'This is a letter, not a picture.\n' * 50, 415, 'no picture'),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415, 'no picture'),
    (b'%PDF-1.7\n', 415, 'no picture'),
    (b'\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic', 415, 'HEIC'),
    (None, 413, '30000 × 30000 pixels'),
  ],
  ids=['empty', 'text', 'svg', 'pdf', 'heic', 'bomb'],
)
def test_bad_files(client, site, data, status, word):
  got, sentence = refused(client, pictures.bomb() if data is None else data)
  assert got == status
  assert word in sentence
  assert not stored(site)


def test_heavy_file(client, site, settings):
  settings(MAX_BYTES=1000)
  status, sentence = refused(client, b'\x89PNG' + bytes(2000))
  assert status == 413
  assert '2.0\xa0KB' in sentence
  assert '1000\xa0bytes' in sentence
  assert not stored(site)


def test_result_too_large(client, settings):
  settings(MAX_RESULT=3000)
  # 24 x 16 by 2 has 1,536 pixels, by 3 it has 3,456.
  status, sentence = refused(client, None, scale='3')
  assert status == 413
  assert '2.7' in sentence
  assert client.post('/api/jobs', pictures.upload(scale='2')).status_code == 201


@pytest.mark.parametrize(
  ('fields', 'word'),
  [
    ({'model': 'deepest'}, 'deepest'),
    ({'model': '../../etc/passwd'}, 'no model'),
    ({'scale': '0.5'}, 'scale'),
    ({'scale': '17'}, 'scale'),
    ({'scale': 'nan'}, 'scale'),
    ({'scale': 'inf'}, 'scale'),
    ({'scale': 'many'}, 'scale'),
    ({'model': 'compact', 'strength': '1.5'}, 'strength'),
    ({'model': 'espcn', 'strength': '0.5'}, 'partner'),
    ({'model': 'espcn', 'kind': 'trust'}, 'partner'),
    ({'kind': 'everything'}, 'kind'),
    ({'self_ensemble': 'perhaps'}, 'self_ensemble'),
    ({'model': 'bicubic', 'self_ensemble': '1'}, 'self-ensemble'),
    ({'upload': 'abc'}, 'one file'),
  ],
)
def test_bad_choices(client, fields, word):
  status, sentence = refused(client, None, **fields)
  assert status == 400
  assert word in sentence


def test_no_file(client):
  answer = client.post('/api/jobs', {'model': 'espcn'})
  assert answer.status_code == 400
  assert 'image' in answer.json()['error']
  assert client.post('/api/jobs', {'upload': 'gone'}).status_code == 404


@pytest.mark.parametrize(
  ('name', 'shown'),
  [
    ('../../../etc/passwd', 'passwd'),
    ('C:\\pictures\\old photo.jpg', 'old photo.jpg'),
    ('貓 고양이.png', '貓 고양이.png'),
    ('a\x00b\r\n\u202ec.png', 'abc.png'),
    ('x' * 300 + '.png', 'x' * 196 + '.png'),
    ('...', '...'),
    ('/', 'picture'),
  ],
)
def test_names_are_for_people_only(client, site, name, shown):
  from jsr.web.jobs import intake
  from jsr.web.jobs.models import Upload

  assert intake.clean(name) == shown
  # Django itself leaves the path out, and refuses a name that is nothing but one.
  if shown not in ('picture', '...'):
    answer = client.post('/api/jobs', pictures.upload(name=name))
    assert answer.status_code == 201
    sent = Upload.objects.get()
    (file,) = stored(site)
    assert file.relative_to(site / 'files').as_posix() == sent.file.name
    assert shown[:4] not in sent.file.name
    assert file.stat().st_mode & 0o077 == 0


def test_the_contents_decide(client, site):
  """A TIFF by the name of a script is stored as the TIFF that it is."""
  data = pictures.encoded('TIFF')
  answer = client.post('/api/jobs', pictures.upload(data, 'evil.html'))
  assert answer.status_code == 201
  from jsr.web.jobs.models import Upload

  sent = Upload.objects.get()
  assert (sent.format, sent.width, sent.height) == ('TIFF', 24, 16)
  assert sent.file.name.endswith('.tif')
  shown = client.get(f'/uploads/{sent.token}/view')
  assert sites.body(shown) == data
  assert shown['Content-Type'] == 'image/tiff'
  assert shown['X-Content-Type-Options'] == 'nosniff'
  assert 'sandbox' in shown['Content-Security-Policy']


def test_orientation_is_applied_to_the_size(client):
  from PIL import Image

  exif = Image.Exif()
  exif[274] = 6
  data = pictures.encoded('JPEG', exif=exif)
  told = client.post('/api/jobs', pictures.upload(data, 'a.jpg')).json()
  assert (told['upload']['width'], told['upload']['height']) == (16, 24)


def test_rate_of_a_visitor(client, settings):
  settings(RATE=3)
  for seed in range(3):
    data = pictures.encoded(seed=seed)
    assert client.post('/api/jobs', pictures.upload(data)).status_code == 201
  answer = client.post('/api/jobs', pictures.upload())
  assert answer.status_code == 429
  assert answer['Retry-After']
  assert '3' in answer.json()['error']


def test_rate_of_an_address(client, settings):
  """Who throws the cookie away is counted all the same."""
  settings(RATE=2)
  answers = [
    sites.visitor().post('/api/jobs', pictures.upload()).status_code for _ in range(8)
  ]
  assert answers == [201] * 6 + [429] * 2
  other = sites.visitor(REMOTE_ADDR='192.0.2.7')
  assert other.post('/api/jobs', pictures.upload()).status_code == 201


def test_visits_outlive_their_jobs(client, settings):
  """To delete what one sent does not make room for more in the same hour."""
  settings(RATE=1)
  told = client.post('/api/jobs', pictures.upload()).json()
  assert client.delete(f'/api/jobs/{told["id"]}').status_code == 204
  assert client.post('/api/jobs', pictures.upload()).status_code == 429


def test_address_behind_proxies(client, settings):
  from jsr.web import visitors

  class Request:
    META = {  # noqa: RUF012
      'REMOTE_ADDR': '10.0.0.1',
      'HTTP_X_FORWARDED_FOR': '6.6.6.6, 192.0.2.1, 10.0.0.2',
    }

  def of(**meta):
    request = Request()
    request.META = {**Request.META, **meta}
    return visitors.address(request)

  # Without proxies nobody's word counts.
  assert of() == of(HTTP_X_FORWARDED_FOR='7.7.7.7')
  settings(PROXIES=2)
  # The visitor can write what they like before what the outermost proxy saw.
  assert of() == of(HTTP_X_FORWARDED_FOR='1.2.3.4, 192.0.2.1, 10.0.0.2')
  assert of() != of(HTTP_X_FORWARDED_FOR='1.2.3.4, 192.0.2.9, 10.0.0.2')
  assert '192.0.2.1' not in of()


def test_waiting_jobs(client, settings):
  settings(ACTIVE=2)
  for _ in range(2):
    assert client.post('/api/jobs', pictures.upload()).status_code == 201
  answer = client.post('/api/jobs', pictures.upload())
  assert answer.status_code == 429
  settings(QUEUE=2)
  other = sites.visitor().post('/api/jobs', pictures.upload())
  assert other.status_code == 503
  assert other['Retry-After']


def test_plain_form(client):
  """Several files, without a script; what is refused is said with its name."""
  files = [pictures.upload(name=f'{i}.png')['image'] for i in range(2)]
  answer = client.post('/upscale/', {'image': files, 'model': 'espcn', 'scale': '2'})
  assert answer.status_code == 302
  assert answer['Location'] == '/pictures/'
  one = client.post('/upscale/', pictures.upload())
  assert one['Location'].startswith('/jobs/')
  page = client.get('/pictures/').content.decode()
  assert page.count('class="card job"') == 3
  bad = client.post('/upscale/', pictures.upload(b'text', 'cat.png'))
  assert bad.status_code == 400
  assert 'cat.png: This is no picture' in bad.content.decode()
  assert 'Choose a picture first' in client.post('/upscale/', {}).content.decode()


def test_form_needs_its_token(site):
  careful = sites.visitor(enforce_csrf_checks=True)
  assert careful.post('/upscale/', pictures.upload()).status_code == 403


def test_results_of_one_picture(client, monkeypatch):
  from jsr.web.jobs import limits

  monkeypatch.setattr(limits, '_OF_UPLOAD', 3)
  sent = client.post('/api/jobs', pictures.upload()).json()['upload']['id']
  statuses = [
    client.post('/api/jobs', {'upload': sent, 'model': 'bicubic', 'scale': scale})
    for scale in ('2', '3', '4')
  ]
  assert [answer.status_code for answer in statuses] == [201, 201, 429]


def test_header_of_a_tiff_that_pillow_does_not_know(tmp_path):
  """Its size is read without its samples, however many it says there are."""
  import tifffile

  from jsr.upscale import image_io

  path = tmp_path / 'a.tif'
  tifffile.imwrite(path, pictures.array().astype('uint16') * 257, photometric='rgb')
  data = path.read_bytes()
  found = image_io.header(data)
  assert (found.format, found.width, found.height) == ('TIFF', 24, 16)
  with pytest.raises(image_io.BadImage, match='more than 100 pixels'):
    image_io.header(data, max_pixels=100)


def test_a_link_fills_the_form(client):
  page = client.get('/upscale/?model=compact&strength=1&scale=3').content.decode()
  assert '<option value="compact" selected>' in page
  assert '<option value="3" selected>' in page
  assert 'id="use-strength" checked' in page
  assert 'value="1.0"' in page
  # Nonsense is as if nothing were asked.
  page = client.get('/upscale/?model=<script>&strength=9').content.decode()
  assert '<option value="4" selected>' in page
  assert 'id="use-strength">' in page
  assert '<script>&' not in page
