"""A process of its own that is asked a line at a time and answers in JSON.

Frameworks read their settings once and keep their memory, so each contender of a race
is such a process; the race asks them by turns.
"""

import contextlib
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Worker:
  """The side that asks.

  Args:
    script: A Python file that calls `serve`.
    arguments: Of it.
    env: Variables beside those of this process.
    limit: Seconds that it has to get ready; None for no limit.
  """

  def __init__(
    self,
    script: pathlib.Path,
    arguments: Sequence[str],
    env: Mapping[str, str] | None = None,
    limit: float | None = None,
  ):
    self._errors = tempfile.TemporaryFile('w+')  # noqa: SIM115  `close` closes it.
    self._process = subprocess.Popen(
      [sys.executable, str(script), *arguments],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._errors,
      text=True,
      env={**os.environ, **(env or {})},
    )
    self._late = threading.Event()
    self._timer = threading.Timer(limit, self._too_late) if limit else None
    if self._timer:
      self._timer.daemon = True
      self._timer.start()
    self._limit = limit

  @functools.cached_property
  def facts(self) -> dict[str, Any]:
    """Its first answer, waited for; 'ready' is true, or 'why' says why it is not."""
    facts = self._answer()
    if self._timer:
      self._timer.cancel()
    if self._late.is_set():
      facts = {'ready': False, 'why': f'not ready within {self._limit:.0f} s'}
    elif not facts:
      facts = {'ready': False, 'why': self._last_words()}
    if not facts['ready']:
      self.close()
    return facts

  def ask(self, word: str, *values: int) -> dict[str, Any]:
    """Sends a line and returns the answer; {} if the process is no more."""
    with contextlib.suppress(BrokenPipeError):
      self._process.stdin.write(' '.join([word, *map(str, values)]) + '\n')
      self._process.stdin.flush()
    return self._answer()

  def close(self) -> None:
    """Lets the process end, and ends it if it does not."""
    with contextlib.suppress(BrokenPipeError):
      self._process.stdin.close()
    try:
      self._process.wait(timeout=30)
    except subprocess.TimeoutExpired:
      self._process.kill()
      self._process.wait()
    self._process.stdout.close()
    self._errors.close()

  def _answer(self) -> dict[str, Any]:
    for line in self._process.stdout:
      with contextlib.suppress(json.JSONDecodeError):
        answer = json.loads(line)
        if isinstance(answer, dict):
          return answer
    return {}

  def _too_late(self) -> None:
    self._late.set()
    self._process.kill()

  def _last_words(self) -> str:
    status = self._process.wait()
    self._errors.seek(0)
    lines = self._errors.read().strip().splitlines() or ['it said nothing']
    return f'ended with status {status}: {lines[-1][:160]}'


def serve(start: Callable[[], tuple[dict[str, Any], dict[str, Callable]]]) -> None:
  """The side that answers: commands from standard input, a line each.

  Args:
    start: Makes everything ready; returns the facts to tell, and a function for each
      word, which takes the line's numbers and returns the answer.
  """
  # Libraries may print; what they print must not come between the answers.
  out = os.fdopen(os.dup(1), 'w')
  os.dup2(2, 1)

  def say(**facts: Any) -> None:
    print(json.dumps(facts), file=out, flush=True)

  try:
    facts, functions = start()
  except Exception as error:  # Whatever a framework raises becomes the reason.
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    say(ready=False, why=text[:200])
    return
  say(ready=True, **facts)
  for line in sys.stdin:
    word, *values = line.split()
    say(**functions[word](*map(int, values)))


def timed(run: Callable[[], Any]) -> float:
  """Returns the seconds of one call; `run` waits for its results itself."""
  begun = time.perf_counter()
  run()
  return time.perf_counter() - begun


def forget_resident() -> None:
  """Forgets the most memory held so far, where Linux lets a program do so."""
  with contextlib.suppress(OSError):
    pathlib.Path('/proc/self/clear_refs').write_text('5')


def peak_resident() -> int:
  """The most memory that this program held since; its libraries included."""
  status = pathlib.Path('/proc/self/status')
  if status.is_file():
    for line in status.read_text().splitlines():
      if line.startswith('VmHWM'):
        return 1024 * int(line.split()[1])
  import resource

  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
