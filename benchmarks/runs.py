"""Programs of this checkout that a benchmark starts and waits for."""

import os
import pathlib
import subprocess
from collections.abc import Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[1]


def start(
  command: Sequence[str], env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
  """Starts a program whose output and errors are read as one text.

  Args:
    command: The program and its arguments.
    env: Variables beside those of this process.
  """
  return subprocess.Popen(
    command,
    cwd=ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    env={**os.environ, **(env or {})},
    # A group of its own, so that all of it can be killed.
    start_new_session=True,
  )
