"""The whole site on one machine: a server, and the workers beside it."""

import logging
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time

from jsr import errors
from jsr.web import environment, setup

_LOCAL = ('127.0.0.1', 'localhost', '::1')
_THREADS = 8
# A worker that dies at its start is not started again at once.
_PAUSE = 3.0
_YOUNG = 30.0
_HOPELESS = 3
# As many connections may be open, most of them idle; for so many seconds.
_CONNECTIONS, _IDLE = 1000, 30
_KEY = 50
# Of a request beside its file.
_FORM_BYTES = 2**20
log = logging.getLogger(__name__)


class Workers:
  """Keeps a number of worker processes alive, and buries those that die.

  Args:
    count: How many.
    site: The folder.
  """

  def __init__(self, count: int, site: pathlib.Path):
    self._count, self._site = count, site
    self._started: dict[str, float] = {}
    self._running: dict[str, subprocess.Popen[bytes]] = {}
    self._ended = threading.Event()
    for _ in range(count):
      self._start()
    self._thread = threading.Thread(target=self._watch, daemon=True)
    self._thread.start()

  def _start(self) -> None:
    name = f'{socket.gethostname()[:40]}-{secrets.token_hex(6)}'
    process = subprocess.Popen(self._command(name), stdin=subprocess.DEVNULL)
    self._running[name] = process
    self._started[name] = time.monotonic()

  def _command(self, name: str) -> list[str]:
    # Not from a folder `jsr` where the user happens to be.
    command = [sys.executable, '-P', '-m', 'jsr.cli', 'worker', '--supervised', name]
    command += ['--site', str(self._site)]
    return command

  def _watch(self) -> None:
    from django.db import DatabaseError, InterfaceError, connection

    from jsr.web.jobs import queue

    dead: set[str] = set()
    failures, again = 0, 0.0
    while not self._ended.wait(0.2):
      for name, process in list(self._running.items()):
        if process.poll() is None:
          continue
        dead.add(name)
        del self._running[name]
        # Killed is one thing; to end by itself soon after the start is another.
        young = time.monotonic() - self._started.pop(name) < _YOUNG
        failures = failures + 1 if young and process.returncode > 0 else 0
        pause = min(60.0, _PAUSE * failures)
        again = time.monotonic() + pause
        log.warning(
          'worker %s died (%s); another starts in %.0f s',
          name,
          process.returncode,
          pause,
        )
        if failures >= _HOPELESS:
          log.error('workers die at their start: nothing is enlarged')
      if dead:
        try:
          queue.bury(dead)
          dead.clear()
        except (DatabaseError, InterfaceError):
          connection.close()  # Later, then.
      while len(self._running) < self._count and time.monotonic() >= again:
        try:
          self._start()
        except OSError as error:
          log.error('no worker can be started: %s', error)
          again = time.monotonic() + 60

  def end(self) -> None:
    """Asks the workers to end, gives them a while, and ends them."""
    self._ended.set()
    self._thread.join()
    for process in self._running.values():
      process.terminate()
    end = time.monotonic() + 10
    for process in self._running.values():
      try:
        process.wait(max(0.1, end - time.monotonic()))
      except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def check_address(host: str) -> None:
  """Sees to it that an address is served as safely as it must be.

  Raises:
    UserError: Other machines can reach it, and nobody said how.
  """
  if host in _LOCAL:
    os.environ.setdefault('JSR_HTTPS', '0')
  if environment.text('HTTPS') == '1' and environment.text('PROXIES', '0') == '0':
    raise errors.UserError(
      'JSR_HTTPS=1 needs a proxy in front that speaks it: say how many there are by'
      ' JSR_PROXIES=1, or set JSR_HTTPS=0'
    )
  if host in _LOCAL:
    return
  if not environment.text('HTTPS'):
    raise errors.UserError(
      f'--host {host} is open to other machines: set JSR_HTTPS=1 and put a proxy with'
      ' HTTPS in front, or JSR_HTTPS=0 for a network that you trust'
    )
  if not environment.text('HOSTS'):
    raise errors.UserError(
      f'--host {host} is open to other machines: say in JSR_HOSTS which names they use,'
      ' such as JSR_HOSTS=sr.example.org'
    )


def run(host: str, port: int, workers: int, folder: pathlib.Path | None) -> int:
  """Serves until SIGINT or SIGTERM.

  Args:
    host: Address to listen at.
    port: Its port; 0: any that is free.
    workers: How many processes enlarge pictures; 0: others do, by `jsr worker`.
    folder: Of the site; None: see `environment.folder`.

  Returns:
    0.

  Raises:
    UserError: The address is taken or unsafe, a package is missing, or the environment
      says what cannot be.
  """
  check_address(host)
  # Workers do without, but all parts of one run agree.
  os.environ.setdefault('JSR_SECRET_KEY', environment.secret_key())
  if len(environment.secret_key()) < _KEY:
    raise errors.UserError(f'JSR_SECRET_KEY must have {_KEY} characters or more')
  site = setup.open_site(folder, what='jsr serve')
  try:
    import waitress
  except ImportError as error:
    raise errors.UserError(
      f'jsr serve needs waitress: {errors.install("web")}'
    ) from error
  from django.conf import settings

  from jsr.web.wsgi import application

  try:
    server = waitress.create_server(
      application,
      host=host,
      port=port,
      threads=_THREADS,
      connection_limit=_CONNECTIONS,
      channel_timeout=_IDLE,
      max_request_body_size=settings.MAX_BYTES + _FORM_BYTES,
      ident='jsr',
      # The proxies that may say so are counted by jsr itself.
      clear_untrusted_proxy_headers=False,
    )
  except OSError as error:
    raise errors.UserError(
      f'cannot listen at {host}:{port}: {error.strerror or error}; choose another'
      ' --port'
    ) from error
  port = int(getattr(server, 'effective_port', port) or port)
  from jsr.web.jobs import housekeeping

  crew = Workers(workers, site)
  # What has expired goes also while no worker lives.
  keeper = housekeeping.Keeper()
  keeper.start()

  def stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt

  before = signal.signal(signal.SIGTERM, stop)
  print(
    f'jsr is at http://{host}:{port}/  (Ctrl-C ends it; files in {site})', flush=True
  )
  try:
    server.run()
  except KeyboardInterrupt:
    pass
  finally:
    signal.signal(signal.SIGTERM, before)
    crew.end()
    keeper.end()
    server.close()
  return 0
