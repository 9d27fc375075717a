"""The process that does jobs: `jsr worker`."""

import logging
import os
import signal
import time
from types import FrameType

import numpy as np
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult

from jsr.upscale.upscaler import Options
from jsr.web.jobs import housekeeping, pulse, queue, work
from jsr.weights import embedded

# Seconds between looks into an empty queue.
_INTERVAL = 0.25
log = logging.getLogger(__name__)


def run(name: str | None = None, *, supervised: bool = False) -> int:
  """Does jobs until asked to end by SIGTERM or SIGINT.

  A job in work is then given back, and begins anew with another worker.

  Args:
    name: Of the worker; no other may have it.
    supervised: Whether to end with the process that started this one.

  Returns:
    0.
  """
  heart = pulse.Pulse(name, parent=os.getppid() if supervised else None)
  pulse.current = heart
  worker = db_worker.Worker(
    queue_names=['*'],
    interval=0,
    batch=True,
    backend_name='default',
    startup_delay=False,
    # `run` returns after each: the heart may have been told to end.
    max_tasks=1,
    worker_id=heart.name,
    excluded_queue_names=[],
  )

  def stop(number: int, frame: FrameType | None) -> None:
    heart.stopping = True
    worker.running = False

  for each in (signal.SIGTERM, signal.SIGINT):
    signal.signal(each, stop)
  os.nice(settings.NICE)
  queue.persist(lambda: queue.beat(heart.name))
  heart.start()
  keeper = housekeeping.Keeper()
  keeper.start()
  _warm()
  log.info('worker %s waits for jobs', heart.name)
  uncertain = False
  while not heart.stopping:
    try:
      if DBTaskResult.objects.ready().exists():
        worker.run()
      else:
        time.sleep(_INTERVAL)
      if uncertain:
        queue.bury([heart.name], alive=True)
        uncertain = False
    except (DatabaseError, InterfaceError) as error:
      # Locked, away, or the task was taken from a worker that seemed dead. What was in
      # work may still be noted as this worker's.
      log.warning('the database refused: %s', error)
      uncertain = True
      connection.close()
      time.sleep(_INTERVAL)
  heart.end()
  keeper.end()
  queue.persist(lambda: queue.bury([heart.name]))
  log.info('worker %s ends', heart.name)
  return 0


def _warm() -> None:
  """Loads what the first visitor would wait for."""
  sample = np.zeros((16, 16, 3), np.uint8)
  work.cached(embedded.DEFAULT, Options(scale=4.0)).upscale(sample)
