"""Downloads against a server on this machine that can misbehave."""

import hashlib
import http.server
import os
import threading
from concurrent import futures

import pytest

from jsr.errors import UserError
from jsr.weights.fetch import cache_dir, fetch

CONTENT = bytes(range(256)) * 2000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
  """Serves `content`; the switches below spoil it."""

  daemon_threads = True

  def __init__(self):
    super().__init__(('127.0.0.1', 0), Handler)
    self.content = CONTENT
    self.etag = '"one"'
    self.ranges = True
    self.cuts = []  # Bytes after which the next answers break off.
    self.code = None
    self.seen = []  # The Range header of each request.
    self.url = f'http://127.0.0.1:{self.server_port}/weights.bin'


class Handler(http.server.BaseHTTPRequestHandler):
  def log_message(self, *args):
    pass

  def do_GET(self):
    server = self.server
    asked = self.headers.get('Range')
    server.seen.append(asked)
    if server.code:
      self.send_error(server.code)
      return
    start = 0
    same = self.headers.get('If-Range') in (None, server.etag)
    if asked and server.ranges and same:
      start = int(asked.removeprefix('bytes=').removesuffix('-'))
      size = len(server.content)
      if start >= size:
        self.send_response(416)
        self.send_header('Content-Range', f'bytes */{size}')
        self.send_header('Content-Length', '0')
        self.end_headers()
        return
      self.send_response(206)
      self.send_header('Content-Range', f'bytes {start}-{size - 1}/{size}')
    else:
      self.send_response(200)
    body = server.content[start:]
    self.send_header('Content-Length', str(len(body)))
    if server.etag:
      self.send_header('ETag', server.etag)
    self.end_headers()
    if server.cuts:
      body = body[: server.cuts.pop(0)]
    self.wfile.write(body)


@pytest.fixture
def server():
  with Server() as server:
    thread = threading.Thread(
      target=server.serve_forever, kwargs={'poll_interval': 0.01}
    )
    thread.start()
    yield server
    server.shutdown()
    thread.join()


def files(folder):
  return sorted(p.name for p in folder.iterdir() if not p.name.startswith('.'))


def test_downloads_once(server, tmp_path):
  path = fetch(server.url, SHA, 'w.bin', tmp_path / 'new')
  assert path == tmp_path / 'new' / 'w.bin'
  assert path.read_bytes() == CONTENT
  assert files(tmp_path / 'new') == ['w.bin']
  assert fetch(server.url, SHA, 'w.bin', tmp_path / 'new') == path
  assert server.seen == [None]


def test_cache_folder(monkeypatch, tmp_path, server):
  monkeypatch.setenv('JSR_CACHE', str(tmp_path / 'here'))
  assert cache_dir() == tmp_path / 'here'
  assert fetch(server.url, SHA, 'w.bin').parent == tmp_path / 'here'
  monkeypatch.delenv('JSR_CACHE')
  monkeypatch.setenv('HOME', str(tmp_path))
  assert cache_dir() == tmp_path / '.cache' / 'jsr'


@pytest.mark.parametrize(
  'checksum', [SHA[:8], SHA[:16].upper(), 'md5:' + hashlib.md5(CONTENT).hexdigest()]
)
def test_other_forms_of_the_checksum(server, tmp_path, checksum):
  assert fetch(server.url, checksum, 'w.bin', tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
  'checksum', [SHA[:7], '', 'x' * 64, 'md5:abcd', 'crc:12345678']
)
def test_a_checksum_that_proves_nothing_is_an_error(tmp_path, checksum):
  with pytest.raises(ValueError, match=r'SHA-256|hexadecimal'):
    fetch('http://127.0.0.1:9/', checksum, 'w.bin', tmp_path)


def test_a_cut_connection_is_taken_up_where_it_broke(server, tmp_path):
  server.cuts = [200_000]
  path = fetch(server.url, SHA, 'w.bin', tmp_path)
  assert path.read_bytes() == CONTENT
  assert server.seen == [None, 'bytes=200000-']


def test_the_next_call_continues_what_an_earlier_one_left(server, tmp_path):
  server.cuts = [100_000, 50_000, 10_000]
  with pytest.raises(UserError, match=r'broke after 0\.2 MB: run again to continue'):
    fetch(server.url, SHA, 'w.bin', tmp_path)
  assert (tmp_path / 'w.bin.part').stat().st_size == 160_000
  assert not (tmp_path / 'w.bin').exists()
  server.seen.clear()
  assert fetch(server.url, SHA, 'w.bin', tmp_path).read_bytes() == CONTENT
  assert server.seen == ['bytes=160000-']
  assert files(tmp_path) == ['w.bin']


def test_a_server_without_range_starts_again(server, tmp_path):
  server.ranges = False
  server.cuts = [100_000]
  assert fetch(server.url, SHA, 'w.bin', tmp_path).read_bytes() == CONTENT
  assert server.seen == [None, 'bytes=100000-']


def leave_a_part(server, folder):
  """An interrupted download of another version of the file."""
  server.content = CONTENT[::-1]
  server.cuts = [100_000, 0, 0]
  with pytest.raises(UserError):
    fetch(server.url, SHA, 'w.bin', folder)
  server.cuts = []
  server.content = CONTENT
  server.seen.clear()


def test_a_file_that_changed_meanwhile_starts_again(server, tmp_path):
  leave_a_part(server, tmp_path)
  server.etag = '"two"'
  assert fetch(server.url, SHA, 'w.bin', tmp_path).read_bytes() == CONTENT
  assert server.seen == ['bytes=100000-']  # If-Range made the server send all.


def test_a_silent_change_is_caught_by_the_checksum(server, tmp_path):
  server.etag = ''
  leave_a_part(server, tmp_path)
  assert fetch(server.url, SHA, 'w.bin', tmp_path).read_bytes() == CONTENT
  assert server.seen == ['bytes=100000-', None]


@pytest.mark.parametrize('extra', [b'', b'more'])
def test_a_part_that_is_already_whole_or_too_long(server, tmp_path, extra):
  (tmp_path / 'w.bin.part').write_bytes(CONTENT + extra)
  assert fetch(server.url, SHA, 'w.bin', tmp_path).read_bytes() == CONTENT
  assert files(tmp_path) == ['w.bin']


def test_a_wrong_checksum_deletes_the_file_and_says_so(server, tmp_path):
  wrong = '0' * 64
  with pytest.raises(UserError, match=r'checksum is not 0{64}.*--vgg') as error:
    fetch(server.url, wrong, 'w.bin', tmp_path, option='--vgg')
  assert server.url in str(error.value)
  assert files(tmp_path) == []


def test_offline_says_where_to_put_the_file(tmp_path):
  url = 'http://127.0.0.1:9/weights.bin'  # Nobody listens there.
  with pytest.raises(UserError) as error:
    fetch(url, SHA, 'w.bin', tmp_path, option='--config.vgg.path', timeout=5)
  text = str(error.value)
  assert '\n' not in text
  for part in ('cannot reach', url, str(tmp_path / 'w.bin'), '--config.vgg.path'):
    assert part in text


def test_a_refusing_server_is_quoted(server, tmp_path):
  server.code = 404
  with pytest.raises(UserError, match=r'answered 404 \(Not Found\).*w\.bin by hand'):
    fetch(server.url, SHA, 'w.bin', tmp_path)


def test_a_folder_that_cannot_be_written(server, tmp_path):
  (tmp_path / 'file').write_text('in the way')
  with pytest.raises(UserError, match='cannot write'):
    fetch(server.url, SHA, 'w.bin', tmp_path / 'file')
  assert server.seen == []


@pytest.mark.skipif(os.name == 'nt', reason='needs POSIX file locks')
def test_many_at_once_download_once(server, tmp_path):
  with futures.ThreadPoolExecutor(4) as pool:
    calls = [pool.submit(fetch, server.url, SHA, 'w.bin', tmp_path) for _ in range(4)]
    assert all(call.result().read_bytes() == CONTENT for call in calls)
  assert server.seen == [None]


def test_the_bar_shows_the_size(server, tmp_path, capsys):
  fetch(server.url, SHA, 'w.bin', tmp_path, progress=True)
  assert '512k/512k' in capsys.readouterr().err
  fetch(server.url, SHA, 'v.bin', tmp_path, progress=False)
  assert capsys.readouterr().err == ''
