"""The queue: delivering jobs to workers, and taking them back from dead ones.

A task of django-tasks carries a job's token to a worker; the row of the job says the
truth. A worker *claims* a queued job by writing a random word into it, and whatever it
writes later holds only while the word is still there. So a job that was given to
another worker, cancelled or deleted cannot be ended by the first, however long that one
was away. Workers show that they live by a beat; whose beat stopped loses its jobs.
"""

import datetime
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django_tasks_db.models import DBTaskResult

from jsr.web.jobs import limits
from jsr.web.jobs.models import ENDED, Job, State, Upload, Worker

T = TypeVar('T')

# Without a beat for so long a worker counts as dead; it beats every two seconds.
LEASE = datetime.timedelta(seconds=20)
# A job that was with so many workers as they died is what kills them.
ATTEMPTS = 5
GAVE_UP = _('The program that enlarges stopped at this picture several times.')
_ACTIVE = ('READY', 'RUNNING')
# How long a step waits for a database that answers nobody.
_PATIENCE = 120.0
log = logging.getLogger(__name__)


def persist(step: Callable[[], T]) -> T:
  """Does a step of the database, again while it is locked or away.

  Raises:
    OperationalError: It stayed away for two minutes.
  """
  end = time.monotonic() + _PATIENCE
  while True:
    try:
      return step()
    except (OperationalError, InterfaceError):
      if time.monotonic() > end or connection.in_atomic_block:
        raise
      # A server that was started again does not know the old connection.
      connection.close()
      time.sleep(0.2)


def enqueue(job: Job) -> None:
  """Puts a queued job into the queue; to be called in the transaction that makes it.

  A visitor with many waiting jobs lets those with few pass; so do jobs that killed a
  worker, and those for a page that compares.
  """
  from jsr.web.jobs import tasks

  before = limits.unfinished(job.upload.visitor, job.upload.address)
  priority = (
    -min(50, before) - (10 if job.companion else 0) - (30 if job.attempts else 0)
  )
  tasks.upscale.using(priority=priority).enqueue(job.token)


def measure_later(upload: str) -> None:
  """Queues the measuring of an upload's results against its original."""
  from jsr.web.jobs import tasks

  tasks.measure.using(priority=10).enqueue(upload)


def claim(token: str, worker: str, word: str) -> Job | None:
  """Takes a queued job; None if it is not there to be taken."""
  Job.objects.filter(pk=token, state=State.QUEUED).update(
    state=State.RUNNING,
    claim=word,
    worker=worker,
    attempts=F('attempts') + 1,
    started=timezone.now(),
    progress=0,
  )
  # Asked for, not concluded from the count: the step may be one that is done again.
  return held(token, word).select_related('upload').first()


def held(token: str, word: str) -> Any:
  """Returns the query for a job that is still of the one who claimed it."""
  return Job.objects.filter(pk=token, claim=word, state=State.RUNNING)


def release(token: str, word: str) -> None:
  """Gives a job back that was not worked at to the end; the attempt does not count."""
  with transaction.atomic():
    given = held(token, word).update(
      state=State.QUEUED, claim='', worker='', attempts=F('attempts') - 1, progress=0
    )
    if given:
      enqueue(Job.objects.select_related('upload').get(pk=token))


def cancel(job: Job) -> bool:
  """Cancels a job that has not ended; returns whether it was so."""
  return bool(
    Job.objects.filter(pk=job.pk)
    .exclude(state__in=ENDED)
    .update(state=State.CANCELLED, claim='', finished=timezone.now())
  )


def delete(job: Job) -> None:
  """Deletes a job, with the upload if nothing else was asked of that."""
  upload = job.upload
  if not upload.jobs.filter(companion=False).exclude(pk=job.pk).exists() and (
    not job.companion
  ):
    delete_uploads([upload])
    return
  with transaction.atomic():
    now = Job.objects.select_for_update().filter(pk=job.pk).first()
    names = now.files if now else []
    Job.objects.filter(pk=job.pk).delete()
  delete_files(names)


def delete_uploads(uploads: Iterable[Upload]) -> None:
  """Deletes uploads with their jobs and files; workers notice and stop."""
  for token in [upload.token for upload in uploads]:
    with transaction.atomic():
      # As it is now: a worker may have added a view since it was read.
      upload = Upload.objects.select_for_update().filter(pk=token).first()
      if upload is None:
        continue
      names = [upload.file.name, upload.view.name, upload.thumb.name]
      names.append(upload.original.name)
      for job in upload.jobs.select_for_update():
        names += job.files
      upload.delete()
    delete_files(names)


def delete_files(names: Iterable[str]) -> None:
  """Deletes stored files; '' and those that are gone already are passed over."""
  for name in names:
    if name:
      default_storage.delete(name)


def beat(worker: str) -> None:
  """Notes that a worker lives."""
  Worker.objects.update_or_create(name=worker, defaults={'beat': Now()})


def bury(names: Iterable[str] | None = None, *, alive: bool = False) -> int:
  """Takes the jobs of dead workers back.

  Args:
    names: Workers known to be dead; None: those without a beat.
    alive: They live, but know that they have nothing in work.

  Returns:
    How many jobs were given back.
  """
  names = set(names) if names is not None else _silent()
  if not names:
    return 0
  with transaction.atomic():
    given = 0
    for job in Job.objects.filter(state=State.RUNNING, worker__in=names):
      hopeless = job.attempts >= ATTEMPTS
      given += held(job.token, job.claim).update(
        state=State.FAILED if hopeless else State.QUEUED,
        error=GAVE_UP if hopeless else '',
        finished=timezone.now() if hopeless else None,
        claim='',
        worker='',
        progress=0,
      )
    # Also what a worker had taken from the queue but not begun, or ended but not told.
    for task in DBTaskResult.objects.filter(status='RUNNING'):
      if names.intersection(task.worker_ids[-1:]):
        task.delete()
    if not alive:
      Worker.objects.filter(name__in=names).delete()
    _deliver()
  if given:
    log.warning('%d jobs given back', given)
  return given


def _silent() -> set[str]:
  """Names workers that beat no longer, or that nobody has heard of."""
  late = Worker.objects.filter(beat__lt=Now() - LEASE).values_list('name', flat=True)
  known = set(Worker.objects.values_list('name', flat=True))
  busy = set(Job.objects.filter(state=State.RUNNING).values_list('worker', flat=True))
  for task in DBTaskResult.objects.filter(status='RUNNING'):
    busy.update(task.worker_ids[-1:])
  return {*late, *(busy - known)}


def _deliver() -> None:
  """Queues a task for every queued job, and every measuring, that has none."""
  queued = list(Job.objects.filter(state=State.QUEUED).select_related('upload'))
  carried = set()
  for task in DBTaskResult.objects.filter(status__in=_ACTIVE):
    carried.update(task.args_kwargs['args'])
  for job in queued:
    if job.token not in carried:
      enqueue(job)
  waiting = Q(metrics__isnull=True, state=State.DONE, kind='result') & ~Q(
    upload__original=''
  )
  for upload in set(Job.objects.filter(waiting).values_list('upload', flat=True)):
    if upload not in carried:
      measure_later(upload)


def tidy() -> None:
  """Deletes what has expired, and finds jobs that nobody would deliver."""
  now = timezone.now()
  delete_uploads(Upload.objects.filter(expires__lt=now))
  limits.forget()
  done = ('SUCCESSFUL', 'FAILED')
  old = now - datetime.timedelta(minutes=10)
  DBTaskResult.objects.filter(status__in=done, finished_at__lt=old).delete()
  with transaction.atomic():
    _deliver()
