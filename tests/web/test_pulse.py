"""A worker's heart, and what the site does beside enlarging."""

import time

import pytest

from tests.web import pictures, sites


@pytest.fixture
def job(client):
  """A job in work, claimed by a worker 'w' with the word 'word'."""
  from jsr.web.jobs import queue

  told = client.post('/api/jobs', pictures.upload()).json()
  return queue.claim(told['id'], 'w', 'word')


class Exited(Exception):
  """The process would have ended."""


def test_a_job_that_stands_still(job, monkeypatch):
  """A decoder hears nobody: the process ends, and the job with it, in words."""
  from jsr.web.jobs import pulse

  def leave(status):
    raise Exited(status)

  monkeypatch.setattr(pulse.os, '_exit', leave)
  heart = pulse.Pulse('w')
  with heart.working(job.token, 'word'):
    heart._watch(0.0)
    heart.progress = 0.5
    # It got farther, so the clock starts anew.
    heart._watch(pulse.STALL + 1)
    heart._watch(2 * pulse.STALL)
    with pytest.raises(Exited, match='70'):
      heart._watch(2 * pulse.STALL + 2)
  job.refresh_from_db()
  assert (job.state, job.error) == ('failed', pulse.TOO_LONG)


def test_no_job_never_stands_still(site, monkeypatch):
  from jsr.web.jobs import pulse

  left = []
  monkeypatch.setattr(pulse.os, '_exit', left.append)
  heart = pulse.Pulse('w')
  for now in (0.0, 10 * pulse.STALL):
    heart._watch(now)
  assert not left


def test_the_heart_notices_a_lost_job(job):
  from jsr.web.jobs import pulse, queue
  from jsr.web.jobs.models import Worker

  heart = pulse.Pulse('w')
  heart.start()
  try:
    with heart.working(job.token, 'word'):
      heart.progress = 0.25
      sites.until(lambda: reloaded(job).progress == 0.25, 10)
      assert Worker.objects.filter(name='w').exists()
      assert not heart.lost
      queue.cancel(job)
      sites.until(lambda: heart.lost, 10)
  finally:
    heart.end()
  assert not heart.is_alive()


def reloaded(job):
  job.refresh_from_db()
  return job


def test_housekeeping_goes_on(site, monkeypatch):
  """A duty that fails is not done over and over, and stops none of the others."""
  from jsr.web.jobs import housekeeping

  done = []

  def broken():
    done.append('broken')
    raise OSError('the bucket is away')

  duties = {broken: 0.6, lambda: done.append('sound'): 0.1}
  monkeypatch.setattr(housekeeping, '_DUTIES', duties)
  monkeypatch.setattr(housekeeping, '_TICK', 0.02)
  keeper = housekeeping.Keeper()
  keeper.start()
  time.sleep(1.5)
  keeper.end()
  assert not keeper.is_alive()
  assert 1 <= done.count('broken') <= 3
  assert done.count('sound') >= 5


def test_scans_without_end(client):
  """A JPEG of a few kB can ask for hours of decoding."""
  from jsr.upscale import image_io

  data = pictures.encoded('JPEG', 64, 64, progressive=True)
  assert image_io.read(data).width == 64
  start = data.rindex(b'\xff\xda')
  scan = data[start:-2]
  many = data[:-2] + scan * 300 + data[-2:]
  with pytest.raises(image_io.BadImage, match='scans'):
    image_io.read(many)


def test_workers_that_die_at_their_start(site, monkeypatch, caplog):
  """They are not started without a pause, and the log says what that means."""
  import sys

  from jsr.web import serve

  monkeypatch.setattr(serve, '_PAUSE', 0.2)
  monkeypatch.setattr(
    serve.Workers, '_command', lambda self, name: [sys.executable, '-c', 'exit(3)']
  )
  crew = serve.Workers(1, site)
  try:
    sites.until(lambda: 'nothing is enlarged' in caplog.text, 20)
    assert caplog.text.count('another starts') < 8
  finally:
    crew.end()
