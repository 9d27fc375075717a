"""SIGTERM and Ctrl-C as something that a loop can look at."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def caught() -> Iterator[threading.Event]:
  """Turns SIGTERM and SIGINT into an event for as long as it is open."""
  stop = threading.Event()
  if threading.current_thread() is not threading.main_thread():
    yield stop  # Only the main thread may set handlers.
    return

  def ask(number: int, frame: object) -> None:
    if stop.is_set() and number == signal.SIGINT:
      raise KeyboardInterrupt  # The second Ctrl-C means now.
    stop.set()

  old = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
  try:
    yield stop
  finally:
    for number, handler in old.items():
      signal.signal(number, handler)
