"""Jobs end exactly once, whoever dies when."""

import datetime

import pytest

from tests.web import pictures, sites


@pytest.fixture
def job(client):
  """A queued job."""
  return send(client)


def send(client, **fields):
  from jsr.web.jobs.models import Job

  told = client.post('/api/jobs', pictures.upload(**fields)).json()
  return Job.objects.get(pk=told['id'])


def tasks(status='READY'):
  from django_tasks_db.models import DBTaskResult

  return list(DBTaskResult.objects.filter(status=status))


def take(worker):
  """What a worker does first: takes a task, then claims its job."""
  from django.db import transaction
  from django_tasks_db.models import DBTaskResult

  from jsr.web.jobs import queue

  queue.beat(worker)
  with transaction.atomic():
    task = DBTaskResult.objects.ready().get_locked()
    if task is None:
      return None
    task.claim(worker)
  return queue.claim(task.args_kwargs['args'][0], worker, f'word of {worker}')


def late(worker):
  """Lets a worker's last beat be long ago."""
  from django.utils import timezone

  from jsr.web.jobs.models import Worker

  past = timezone.now() - datetime.timedelta(minutes=1)
  assert Worker.objects.filter(name=worker).update(beat=past)


def test_a_job_and_its_task_come_together(job):
  assert job.state == 'queued'
  assert [task.args_kwargs['args'] for task in tasks()] == [[job.token]]


def test_one_worker_gets_it(job):
  from jsr.web.jobs import queue

  assert queue.claim(job.token, 'a', 'one').token == job.token
  assert queue.claim(job.token, 'b', 'two') is None
  job.refresh_from_db()
  assert (job.state, job.worker, job.attempts) == ('running', 'a', 1)


def test_what_was_given_away_cannot_be_ended(job):
  from jsr.web.jobs import queue

  take('a')
  late('a')
  assert queue.bury() == 1
  second = take('b')
  assert second.token == job.token
  # The first wakes up and would end the job.
  assert queue.held(job.token, 'word of a').update(state='done') == 0
  assert queue.held(job.token, 'word of b').update(state='done') == 1
  job.refresh_from_db()
  assert job.state == 'done'


def test_a_beating_worker_keeps_its_job(job):
  from jsr.web.jobs import queue

  take('a')
  queue.beat('b')
  late('b')
  assert queue.bury() == 0
  job.refresh_from_db()
  assert (job.state, job.worker) == ('running', 'a')


def test_death_between_task_and_job(job):
  """The worker had taken the task, and died before it claimed the job."""
  from django_tasks_db.models import DBTaskResult

  from jsr.web.jobs import queue

  queue.beat('a')
  task = DBTaskResult.objects.ready().first()
  task.claim('a')
  assert not tasks()
  late('a')
  queue.bury()
  assert not tasks('RUNNING')
  assert [task.args_kwargs['args'] for task in tasks()] == [[job.token]]


def test_death_between_the_end_and_its_task(job):
  """The job is done, the task not told: nothing is to be done again."""
  from jsr.web.jobs import queue

  take('a')
  queue.held(job.token, 'word of a').update(state='done')
  late('a')
  assert queue.bury() == 0
  assert not tasks()
  assert not tasks('RUNNING')


def test_a_worker_that_nobody_knows(job):
  from jsr.web.jobs import queue
  from jsr.web.jobs.models import Worker

  take('a')
  Worker.objects.all().delete()
  assert queue.bury() == 1
  job.refresh_from_db()
  assert job.state == 'queued'


def test_what_kills_workers_is_given_up(job):
  from jsr.web.jobs import queue

  for i in range(queue.ATTEMPTS):
    assert take(f'w{i}') is not None
    assert queue.bury([f'w{i}']) == 1
  job.refresh_from_db()
  assert job.state == 'failed'
  assert job.error == queue.GAVE_UP
  assert not tasks()


def test_release_does_not_count(job):
  from jsr.web.jobs import queue

  for _ in range(queue.ATTEMPTS + 2):
    take('a')
    queue.release(job.token, 'word of a')
    tasks('RUNNING')[0].set_successful(None)
  job.refresh_from_db()
  assert (job.state, job.attempts) == ('queued', 0)
  assert len(tasks()) == 1


def test_killers_and_companions_wait(client):
  """Who has few waiting comes first; a job that killed a worker comes last."""
  from jsr.web.jobs import queue

  mine = [send(client, name=f'{i}.png') for i in range(3)]
  killer = take('a')
  assert killer.token == mine[0].token
  queue.bury(['a'])
  other = send(sites.visitor())
  order = [take('b').token for _ in range(4)]
  assert order.index(other.token) == 0
  assert order[-1] == mine[0].token


def test_lost_tasks_are_found(job):
  from django_tasks_db.models import DBTaskResult

  from jsr.web.jobs import queue

  DBTaskResult.objects.all().delete()
  queue.tidy()
  assert [task.args_kwargs['args'] for task in tasks()] == [[job.token]]
  queue.tidy()
  assert len(tasks()) == 1


def test_cancel(job):
  from jsr.web.jobs import queue

  take('a')
  assert queue.cancel(job)
  assert not queue.cancel(job)
  assert queue.held(job.token, 'word of a').update(state='done') == 0
  job.refresh_from_db()
  assert job.state == 'cancelled'


def test_expiry(client, site):
  from django.utils import timezone

  from jsr.web.jobs import queue
  from jsr.web.jobs.models import Job, Upload

  old, new = send(client), send(client, name='new.png')
  Upload.objects.filter(pk=old.upload_id).update(expires=timezone.now())
  queue.tidy()
  assert [job.token for job in Job.objects.all()] == [new.token]
  files = [p for p in (site / 'files').rglob('*') if p.is_file()]
  assert [p.relative_to(site / 'files').as_posix() for p in files] == [
    new.upload.file.name
  ]
  assert client.get(f'/jobs/{old.token}/').status_code == 404
  # A task without a job is nothing to worry about.
  from jsr.web.jobs import tasks as module

  module.upscale.call(old.token)


def test_visits_are_forgotten(job):
  from django.utils import timezone

  from jsr.web.jobs import queue
  from jsr.web.jobs.models import Visit

  assert Visit.objects.count() == 2
  Visit.objects.update(at=timezone.now() - datetime.timedelta(hours=2))
  queue.tidy()
  assert not Visit.objects.exists()


def test_persist(monkeypatch):
  from django.db import OperationalError

  from jsr.web.jobs import queue

  calls = []

  def locked():
    calls.append(1)
    if len(calls) < 3:
      raise OperationalError('database is locked')
    return 'answer'

  assert queue.persist(locked) == 'answer'
  monkeypatch.setattr(queue, '_PATIENCE', 0.0)

  def away():
    raise OperationalError('no such server')

  with pytest.raises(OperationalError, match='no such server'):
    queue.persist(away)


def test_left_over_files(job, site):
  """A file without a row goes after a day; others stay, also those of others."""
  import os
  import time

  from jsr.web.jobs import sweep

  assert sweep.run() == 0
  folder = site / 'files' / 'results' / 'ab'
  folder.mkdir(parents=True)
  old, new = folder / f'{"ab" * 16}.png', folder / f'{"cd" * 16}.png'
  foreign = folder / 'holiday.png'
  for each in (old, new, foreign):
    each.write_bytes(b'x')
  days = time.time() - 2 * 86400
  for each in (old, foreign, site / 'files' / job.upload.file.name):
    os.utime(each, (days, days))
  assert sweep.run() == 1
  assert not old.exists()
  assert new.exists()
  assert foreign.exists()
  assert (site / 'files' / job.upload.file.name).exists()
