"""Killing workers and servers, and counting how often each job ended."""

import collections
import contextlib
import http.client
import io
import json
import os
import signal
import sqlite3
import threading
import time
import urllib.error
import urllib.request
import uuid

from tests.web import sites

# Every change of a job into an end leaves a row, whoever makes it.
_SQLITE = """
CREATE TABLE ends (token text, state text);
CREATE TRIGGER ended AFTER UPDATE OF state ON jobs_job
WHEN NEW.state IN ('done', 'failed', 'cancelled') AND OLD.state != NEW.state
BEGIN INSERT INTO ends VALUES (NEW.token, NEW.state); END;
"""
_POSTGRESQL = """
CREATE TABLE ends (token text, state text);
CREATE FUNCTION ended() RETURNS trigger AS $$ BEGIN
IF NEW.state IN ('done', 'failed', 'cancelled') AND OLD.state <> NEW.state
THEN INSERT INTO ends VALUES (NEW.token, NEW.state); END IF; RETURN NEW; END $$
LANGUAGE plpgsql;
CREATE TRIGGER ended AFTER UPDATE OF state ON jobs_job
FOR EACH ROW EXECUTE FUNCTION ended();
"""


class Database:
  """A server's database, looked at from outside.

  Args:
    server: A `sites.Server`.
    url: Its JSR_DATABASE; '' for SQLite.
  """

  def __init__(self, server, url=''):
    self._path, self._url = server.folder / 'jsr.sqlite3', url
    with self._open() as connection:
      if url:
        connection.execute(_POSTGRESQL)
      else:
        connection.executescript(_SQLITE)

  @contextlib.contextmanager
  def _open(self):
    if self._url:
      import psycopg

      with psycopg.connect(self._url) as connection:
        yield connection
      return
    connection = sqlite3.connect(self._path, timeout=30)
    try:
      with connection:
        yield connection
    finally:
      connection.close()

  def query(self, sql):
    with self._open() as connection:
      return connection.execute(sql).fetchall()

  def ends(self):
    """How often each job ended, by token and state."""
    return collections.Counter(self.query('SELECT token, state FROM ends'))

  @contextlib.contextmanager
  def locked(self):
    """Nobody else can write, as while a backup runs."""
    with self._open() as connection:
      if self._url:
        connection.execute(
          'LOCK TABLE jobs_job, jobs_worker, django_tasks_database_dbtaskresult'
          ' IN ACCESS EXCLUSIVE MODE'
        )
      else:
        connection.execute('BEGIN EXCLUSIVE')
      yield


def request(url, method='GET', fields=None, file=None, cookie='', timeout=60):
  """(status, headers, body) of a request without a browser."""
  headers, body = {'Accept': 'application/json'}, None
  if fields is not None:
    boundary = uuid.uuid4().hex
    stream = io.BytesIO()
    for name, value in fields.items():
      stream.write(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f'{value}\r\n'.encode()
      )
    if file is not None:
      stream.write(
        f'--{boundary}\r\nContent-Disposition: form-data; name="image";'
        ' filename="cat.png"\r\n\r\n'.encode()
      )
      stream.write(file + b'\r\n')
    stream.write(f'--{boundary}--\r\n'.encode())
    body = stream.getvalue()
    headers['Content-Type'] = f'multipart/form-data; boundary={boundary}'
  if cookie:
    headers['Cookie'] = cookie
  asked = urllib.request.Request(url, data=body, headers=headers, method=method)
  try:
    with urllib.request.urlopen(asked, timeout=timeout) as answer:
      return answer.status, answer.headers, answer.read()
  except urllib.error.HTTPError as error:
    with error:
      return error.code, error.headers, error.read()


def send(server, data, **fields):
  """Sends a picture; returns the job."""
  status, _, body = request(f'{server.url}/api/jobs', 'POST', fields, data)
  assert status == 201, body
  return json.loads(body)


def states(server, ids):
  """What the API says of jobs, by id; {} while it does not answer."""
  found = {}
  for i in range(0, len(ids), 50):
    url = f'{server.url}/api/jobs?ids={",".join(ids[i : i + 50])}'
    try:
      _, _, body = request(url)
      found |= {job['id']: job for job in json.loads(body)['jobs']}
    except (OSError, http.client.HTTPException, ValueError):
      pass
  return found


def running(server, ids):
  """The id of a job that is being done, or None."""
  for token, job in states(server, ids).items():
    if job['status'] == 'running':
      return token
  return None


def kill_worker(server, ids, delay=0.0):
  """Kills the worker, as the kernel does without memory, while it does a job."""
  token = sites.until(lambda: running(server, ids), 120)
  time.sleep(delay)
  for pid in server.workers():
    with contextlib.suppress(ProcessLookupError):
      os.kill(pid, signal.SIGKILL)
  return token


def hold(database, seconds):
  """Locks the database for a while, in a thread."""

  def lock():
    with database.locked():
      time.sleep(seconds)

  thread = threading.Thread(target=lock)
  thread.start()
  return thread


def finished(server, ids, seconds=300):
  """Waits until all jobs have ended; returns them."""

  def all_ended():
    found = states(server, ids)
    ended = [
      j for j in found.values() if j['status'] in ('done', 'failed', 'cancelled')
    ]
    return found if len(ended) == len(ids) else None

  return sites.until(all_ended, seconds, pause=0.25)
