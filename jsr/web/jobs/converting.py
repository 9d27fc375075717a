"""A result in another format, by a process of its own.

    python -m jsr.web.jobs.converting FROM TO [QUALITY]

Encoding takes a processor, the decoders' lock and much memory for as long as it takes;
the server has better things to do with each of them.
"""

import os
import pathlib
import subprocess
import sys

from jsr import errors

_SECONDS = 180
_NICE = 10


class FailedError(Exception):
  """The format cannot hold the picture, in one sentence; or it took too long."""


def convert(source: pathlib.Path, target: pathlib.Path, quality: int | None) -> None:
  """Writes a picture in the format of the target's suffix, with its metadata.

  Raises:
    FailedError: It cannot be done.
  """
  command = [sys.executable, '-P', '-m', __name__, str(source), str(target)]
  if quality is not None:
    command.append(str(quality))
  try:
    done = subprocess.run(
      command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
  except subprocess.TimeoutExpired:
    raise FailedError('') from None
  if done.returncode:
    lines = done.stderr.strip().splitlines() if done.returncode == 2 else []
    raise FailedError(lines[-1] if lines else '')


def main(source: str, target: str, quality: str = '') -> int:
  """Converts; returns 0, or 2 after a sentence."""
  from jsr.upscale import image_io
  from jsr.web.jobs import shown

  os.nice(_NICE)
  try:
    picture = image_io.read(pathlib.Path(source))
    shown.convert(picture, pathlib.Path(target), int(quality) if quality else None)
  except errors.UserError as error:
    # The name that a visitor never chose says nothing to them.
    print(str(error).removeprefix(f'{target}: '), file=sys.stderr)
    return 2
  return 0


if __name__ == '__main__':
  sys.exit(main(*sys.argv[1:]))
