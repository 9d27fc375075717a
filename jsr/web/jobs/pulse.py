"""A worker's heart: a thread that tells the database that it lives, and how far."""

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from jsr.web.jobs import queue
from jsr.web.jobs.models import State

# Seconds.
_TICK, _BEAT = 0.4, 2.0
# A job that gets no farther for so long never will.
STALL = 900.0
TOO_LONG = _('This picture takes too long: try a smaller scale, or another file.')
log = logging.getLogger(__name__)


def new_name() -> str:
  """Returns a name that no other worker has."""
  return f'{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}'


class Pulse(threading.Thread):
  """Beats, reports progress, notices a lost job, and one that stands still.

  Attributes:
    name: Of the worker.
    progress: Of the job in work, 0 to 1; set by it.
    lost: The job in work is no longer this worker's.
    stopping: The worker is asked to end.
    parent: The process that started it, if its end should be this worker's.
  """

  def __init__(self, name: str | None = None, parent: int | None = None):
    super().__init__(name=name or new_name(), daemon=True)
    self.progress = 0.0
    self.lost = False
    self.stopping = False
    self.parent = parent
    self._job: tuple[str, str] | None = None
    self._seen: tuple[object, float] = (None, 0.0)
    self._lock = threading.Lock()
    self._ended = threading.Event()

  @contextlib.contextmanager
  def working(self, token: str, word: str) -> Iterator[None]:
    """Reports on a job while the body does it."""
    with self._lock:
      self.progress, self.lost, self._job = 0.0, False, (token, word)
    try:
      yield
    finally:
      with self._lock:
        self._job = None

  def run(self) -> None:
    """Goes on until `end`."""
    due = 0.0
    told: tuple[object, float] = (None, 0.0)
    while not self._ended.wait(_TICK):
      if self.parent is not None and os.getppid() != self.parent:
        self.stopping = True
      now = time.monotonic()
      self._watch(now)
      try:
        if now >= due:
          queue.beat(self.name)
          due = now + _BEAT
        told = self._report(told, now)
      except (DatabaseError, InterfaceError) as error:
        # It may be locked, or away for a moment; jobs wait for it themselves.
        log.debug('the database does not answer: %s', error)
        connection.close()
      except Exception:  # A heart that stops for a small thing kills the worker.
        log.exception('a worker cannot tell how far it is')
    connection.close()

  def _watch(self, now: float) -> None:
    """Ends a worker that stands still: no exception reaches into a decoder."""
    with self._lock:
      job, state = self._job, (self._job, self.progress)
    if job is None or state != self._seen[0]:
      self._seen = (state, now)
    elif now - self._seen[1] > STALL:
      log.error('job %s stands still: the worker ends', job[0][:6])
      try:
        queue.held(*job).update(
          state=State.FAILED, error=TOO_LONG, claim='', finished=timezone.now()
        )
      finally:
        os._exit(70)

  def _report(self, told: tuple[object, float], now: float) -> tuple[object, float]:
    with self._lock:
      job, progress = self._job, self.progress
    # A job that gets no farther may still be lost: every fifth time it is looked at.
    if job is None or ((job, progress) == told and int(now / _TICK) % 5):
      return told
    kept = queue.held(*job).update(progress=min(1.0, progress))
    with self._lock:
      if self._job == job and not kept:
        self.lost = True
    return job, progress

  def end(self) -> None:
    """Stops the thread."""
    self._ended.set()
    self.join(timeout=10)


# The heart of this process; a worker puts its own here.
current = Pulse('none')
