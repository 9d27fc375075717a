"""TensorBoard's event files.

tensorboardX's own writer hands events to a thread through a short queue. When the disk
is full the thread dies, the queue fills up, and the next event waits for ever. Here
they are written where they arise, a few a second, and a failure is an exception.
"""

import pathlib
import time

from tensorboardX import event_file_writer, summary
from tensorboardX.proto import event_pb2

# Seconds between two writes to the disk.
_FLUSH = 30.0


class Events:
  """Writes one event file.

  Args:
    folder: Where; it is made.
    purge_step: Events of files before this one, from this step on, are hidden.

  Raises:
    OSError: By every method, where the disk does not take it.
  """

  def __init__(self, folder: pathlib.Path, purge_step: int):
    folder.mkdir(parents=True, exist_ok=True)
    self._writer = event_file_writer.EventsWriter(str(folder / 'events'))
    self._flushed = time.monotonic()
    self._write(
      purge_step, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    )

  def scalar(self, name: str, value: float, step: int) -> None:
    """Writes one number."""
    self._write(step, summary=summary.scalar(name, value))

  def text(self, name: str, text: str, step: int) -> None:
    """Writes one text."""
    self._write(step, summary=summary.text(name, text))

  def _write(self, step: int, **what: object) -> None:
    self._writer.write_event(event_pb2.Event(wall_time=time.time(), step=step, **what))
    if time.monotonic() - self._flushed > _FLUSH:
      self.flush()

  def flush(self) -> None:
    """Hands everything to the system."""
    self._flushed = time.monotonic()
    self._writer.flush()

  def close(self) -> None:
    """Flushes and closes."""
    self._writer.close()
