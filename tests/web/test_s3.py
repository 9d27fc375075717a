"""Files in a bucket: the same jobs against a small server that speaks S3."""

import http.server
import io
import threading
import urllib.parse
from xml.sax import saxutils

import pytest
from PIL import Image

from tests.web import pictures, sites

pytest.importorskip('storages')
_DATE = 'Sat, 21 Nov 2026 12:00:00 GMT'


class Bucket(http.server.BaseHTTPRequestHandler):
  """Objects in memory, by path; signatures are not looked at."""

  protocol_version = 'HTTP/1.1'
  objects: dict[str, bytes] = {}  # noqa: RUF012  One bucket for all requests.

  def log_message(self, *_):
    pass

  @property
  def key(self):
    return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)

  def answer(self, status, body=b'', kind='binary/octet-stream'):
    self.send_response(status)
    self.send_header('Content-Length', str(len(body)))
    self.send_header('Content-Type', kind)
    self.send_header('ETag', '"x"')
    self.send_header('Last-Modified', _DATE)
    self.end_headers()
    if self.command != 'HEAD':
      self.wfile.write(body)

  def do_PUT(self):
    body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
    if 'aws-chunked' in self.headers.get('Content-Encoding', ''):
      body = unchunked(body)
    self.objects[self.key] = body
    self.answer(200)

  def do_GET(self):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
    if 'list-type' in query or 'prefix' in query:
      return self.list(query)
    if self.key not in self.objects:
      return self.answer(
        404, b'<Error><Code>NoSuchKey</Code></Error>', 'application/xml'
      )
    return self.answer(200, self.objects[self.key])

  do_HEAD = do_GET

  def do_DELETE(self):
    self.objects.pop(self.key, None)
    self.answer(204)

  def list(self, query):
    prefix = query.get('prefix', [''])[0]
    keys = [key.removeprefix('/pictures/') for key in self.objects]
    below = [key for key in keys if key.startswith(prefix)]
    folders = {
      prefix + k[len(prefix) :].split('/')[0] + '/'
      for k in below
      if '/' in k[len(prefix) :]
    }
    files = [k for k in below if '/' not in k[len(prefix) :]]
    body = '<ListBucketResult><IsTruncated>false</IsTruncated>'
    for key in files:
      body += (
        f'<Contents><Key>{saxutils.escape(key)}</Key><Size>1</Size>'
        '<LastModified>2026-11-21T12:00:00.000Z</LastModified></Contents>'
      )
    for folder in sorted(folders):
      body += (
        f'<CommonPrefixes><Prefix>{saxutils.escape(folder)}</Prefix></CommonPrefixes>'
      )
    self.answer(200, (body + '</ListBucketResult>').encode(), 'application/xml')


def unchunked(body):
  """What is in the chunks of a signed upload."""
  stream, whole = io.BytesIO(body), b''
  while size := int(stream.readline().split(b';')[0], 16):
    whole += stream.read(size)
    stream.readline()
  return whole


@pytest.fixture
def bucket(site, settings, monkeypatch):
  """The objects of the site's bucket."""
  monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'key')
  monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'secret')
  monkeypatch.setenv('AWS_DEFAULT_REGION', 'us-east-1')
  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Bucket)
  Bucket.objects = {}
  thread = threading.Thread(target=server.serve_forever)
  thread.start()
  from django.conf import settings as now

  options = {
    **{'bucket_name': 'pictures', 'location': 'jsr', 'file_overwrite': False},
    **{
      'endpoint_url': f'http://127.0.0.1:{server.server_port}',
      'addressing_style': 'path',
    },
    'max_memory_size': 2**20,
  }
  storage = {'BACKEND': 'storages.backends.s3.S3Storage', 'OPTIONS': options}
  settings(STORAGES={**now.STORAGES, 'default': storage}, S3=True)
  yield Bucket.objects
  server.shutdown()
  thread.join()
  server.server_close()


def test_a_life(bucket, client, site):
  from jsr.web.jobs import sweep, tasks

  told = client.post('/api/jobs', pictures.upload()).json()
  assert len(bucket) == 1
  assert all(key.startswith('/pictures/jsr/uploads/') for key in bucket)
  tasks.upscale.call(told['id'])
  path = f'/jobs/{told["id"]}'
  assert client.get(f'/api{path}').json()['status'] == 'done'
  result = sites.body(client.get(f'{path}/file'))
  assert Image.open(io.BytesIO(result)).size == (48, 32)
  shown = sites.body(client.get(f'/uploads/{told["upload"]["id"]}/view'))
  assert shown == pictures.encoded()
  webp = sites.body(client.get(f'{path}/download?format=webp'))
  assert Image.open(io.BytesIO(webp)).format == 'WEBP'
  assert not (site / 'files').exists()
  # The upload, its thumb, the result, the conversion.
  assert len(bucket) == 4
  bucket['/pictures/jsr/uploads/2024/holiday.jpg'] = b'not ours'
  assert sweep.run() == 0
  client.delete(f'/api{path}')
  assert list(bucket) == ['/pictures/jsr/uploads/2024/holiday.jpg']
  assert client.get(f'{path}/file').status_code == 404


def test_a_file_that_is_gone(bucket, client):
  told = client.post('/api/jobs', pictures.upload()).json()
  bucket.clear()
  assert client.get(f'/uploads/{told["upload"]["id"]}/view').status_code == 404
