"""What is to be done now and then, by whichever process of the site lives.

It has a thread of its own: deleting takes time where files lie on another machine, and
a worker's heart must beat meanwhile.
"""

import logging
import random
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection

from jsr.web.jobs import queue, sweep

_TICK = 0.5
# Seconds between two times.
_DUTIES: dict[Callable[[], object], float] = {
  queue.bury: 5.0,
  queue.tidy: 60.0,
  sweep.run: 3600.0,
}
log = logging.getLogger(__name__)


class Keeper(threading.Thread):
  """Buries dead workers, deletes what has expired, sweeps what is left over."""

  def __init__(self) -> None:
    super().__init__(name='keeper', daemon=True)
    self._ended = threading.Event()

  def run(self) -> None:
    """Goes on until `end`."""
    # Processes that start together do not all do it at once.
    due = {duty: time.monotonic() + random.random() * s for duty, s in _DUTIES.items()}
    while not self._ended.wait(_TICK):
      for duty, seconds in _DUTIES.items():
        if time.monotonic() < due[duty]:
          continue
        # Also where it fails: a storage that is away is not asked all the time.
        due[duty] = time.monotonic() + seconds
        try:
          duty()
        except (DatabaseError, InterfaceError) as error:
          log.debug('the database does not answer: %s', error)
          connection.close()
        except Exception:  # One duty that fails must not stop the others.
          log.exception('tidying up failed')
    connection.close()

  def end(self) -> None:
    """Stops the thread."""
    self._ended.set()
    self.join(timeout=10)
