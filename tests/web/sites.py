"""Sites that really serve, visitors and browsers, for tests and benchmarks."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
# No word with anybody but the site; root, as in CI, has no sandbox.
CHROMIUM_ARGUMENTS = [
  *('--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'),
  *('--disable-background-networking', '--disable-component-update', '--disable-sync'),
]
# Of one visitor and address; tests are many.
# Beside two busy test processes a polite worker would starve.
NO_LIMITS = {
  'JSR_NICE': '0',
  'JSR_RATE': '100000',
  'JSR_ACTIVE': '1000',
  'JSR_QUEUE': '5000',
}


def visitor(**options):
  """Another visitor, with cookies of their own."""
  from django.test import Client

  return Client(HTTP_HOST='localhost', **options)


def body(answer):
  """The bytes of an answer of the test client, all of them."""
  data = answer.getvalue()
  answer.close()
  return data


class Server:
  """A `jsr serve` with what it wrote."""

  def __init__(self, folder, *, workers=1, port=0, env=None):
    self.folder, self.log = pathlib.Path(folder), pathlib.Path(folder) / 'serve.log'
    self._workers, self._port, self._env = workers, port, env or {}
    self.folder.mkdir(parents=True, exist_ok=True)
    self.start()

  def start(self):
    command = [sys.executable, '-m', 'jsr.cli', 'serve', '--site', str(self.folder)]
    command += ['--port', str(self._port), '--workers', str(self._workers)]
    with self.log.open('ab') as log:
      at = log.tell()
      self.process = subprocess.Popen(
        command,
        stdout=log,
        stderr=log,
        env=os.environ | NO_LIMITS | self._env,
        start_new_session=True,
      )
    end = time.monotonic() + 60
    while time.monotonic() < end:
      found = re.search(rb'http://127.0.0.1:(\d+)/', self.log.read_bytes()[at:])
      if found:
        self._port = int(found[1])
        self.url = f'http://127.0.0.1:{self._port}'
        return
      assert self.process.poll() is None, self.log.read_text()
      time.sleep(0.05)
    raise AssertionError(self.log.read_text())

  def workers(self):
    """Process ids of the workers."""
    found = subprocess.run(
      ['pgrep', '-P', str(self.process.pid)],
      capture_output=True,
      text=True,
      check=False,
    )
    return [int(pid) for pid in found.stdout.split()]

  def kill(self):
    """Ends the server as a power cut does, workers and all."""
    with contextlib.suppress(ProcessLookupError):
      os.killpg(self.process.pid, signal.SIGKILL)
    self.process.wait(30)

  def end(self):
    """Ends it as Ctrl-C does."""
    self.process.send_signal(signal.SIGINT)
    try:
      assert self.process.wait(30) == 0, self.log.read_text()
    finally:
      self.kill()


@contextlib.contextmanager
def opened(browser, url, *, allow=(), **options):
  """Opens a page for a new visitor.

  Args:
    browser: It.
    url: Of the site.
    allow: Patterns of messages that are expected.
    **options: Of the browser's context.
  """
  context = browser.new_context(
    base_url=url, viewport={'width': 1280, 'height': 900}, **options
  )
  context.set_default_timeout(60_000)
  said: list[str] = []  # What the console should not say.
  page = context.new_page()
  page.on(
    'console', lambda m: said.append(m.text) if m.type in ('error', 'warning') else None
  )
  page.on('pageerror', lambda error: said.append(str(error)))
  page.complaints = said
  try:
    yield page
    unexpected = [s for s in said if not any(re.search(a, s) for a in allow)]
    assert not unexpected, unexpected
  finally:
    context.close()


def until(condition, seconds=60, pause=0.05):
  """Waits until a function returns something true, and returns that."""
  end = time.monotonic() + seconds
  while time.monotonic() < end:
    found = condition()
    if found:
      return found
    time.sleep(pause)
  raise AssertionError(f'{condition} was not so within {seconds} s')
