"""What a command does when it is asked to end."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def terminable() -> Iterator[None]:
  """Lets SIGTERM clean up as Ctrl-C does; Python by itself would just be gone."""
  if threading.current_thread() is not threading.main_thread():
    yield  # Only the main thread may set handlers.
    return

  def leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)

  before = signal.signal(signal.SIGTERM, leave)
  try:
    yield
  finally:
    signal.signal(signal.SIGTERM, before)
