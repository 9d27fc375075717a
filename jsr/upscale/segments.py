"""The pieces of an unfinished video, in a folder beside it, so that work can go on.

A piece is the packets of some frames that were encoded on their own. It appears under
its name when it is complete; a folder belongs to one input and one set of options.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jsr import errors
from jsr.data import images

# Bytes of the input that tell it from another of the same size and time.
HEAD = 1 << 20


class Packet(NamedTuple):
  """One encoded frame.

  Attributes:
    pts: When it is shown, in ticks.
    duration: In ticks; 0: unknown.
    key: Whether decoding can start here.
    data: H.264 in Annex B form.
  """

  pts: int
  duration: int
  key: bool
  data: bytes


def identity(path: pathlib.Path, options: Mapping[str, Any]) -> dict[str, Any]:
  """Returns what must be the same for work to go on: the input and the options.

  Args:
    path: The input.
    options: Everything that the pixels depend on; JSON values.
  """
  status = path.stat()
  with path.open('rb') as f:
    head = hashlib.sha256(f.read(HEAD)).hexdigest()
  return {
    'size': status.st_size,
    'mtime': status.st_mtime_ns,
    'head': head,
    'options': dict(options),
  }


class Folder:
  """The pieces of one video."""

  def __init__(self, target: pathlib.Path):
    """Names the folder; nothing is made yet.

    Args:
      target: The video that is being made.
    """
    self.path = target.with_name(f'.{target.name}.parts')
    self._target = target

  @contextlib.contextmanager
  def opened(self, identity: Mapping[str, Any]) -> Iterator[None]:
    """Makes the folder, or takes it up when it holds the same work.

    An exception leaves the complete pieces, if there are any; BadImage leaves nothing.

    Raises:
      UserError: Another process works on it.
    """
    self.path.mkdir(parents=True, exist_ok=True)
    with _alone(self.path / 'lock', self._target):
      job = self.path / 'job.json'
      # Through JSON, so that tuples and lists compare equal.
      wanted = json.loads(json.dumps(identity))
      if _read_json(job) != wanted:
        for piece in self._pieces():
          piece.unlink()
        _write(job, json.dumps(wanted).encode())
      for left in self.path.glob('*.tmp'):
        left.unlink()
      try:
        yield
      except images.BadImage:
        # It will not be better the next time.
        self.remove()
        raise
      except BaseException:
        if not self.complete():
          self.remove()
        raise

  def complete(self) -> int:
    """Returns how many pieces are there, from the first on without a gap."""
    count = 0
    while self._piece(count).exists():
      count += 1
    return count

  def save(
    self, index: int, header: Mapping[str, Any], packets: Sequence[Packet]
  ) -> None:
    """Keeps a piece, whole or not at all.

    Args:
      index: From 0.
      header: JSON values that `header` gives back.
      packets: In the order of decoding.
    """
    table = [[p.pts, p.duration, int(p.key), len(p.data)] for p in packets]
    line = json.dumps({**header, 'packets': table})
    content = [line.encode(), b'\n', *(p.data for p in packets)]
    _write(self._piece(index), b''.join(content))

  def header(self, index: int) -> dict[str, Any]:
    """Returns the header of a piece; 'packets' holds (pts, duration, key, bytes)."""
    with self._piece(index).open('rb') as f:
      return json.loads(f.readline())

  def packets(self, count: int) -> Iterator[Packet]:
    """Yields the packets of the first `count` pieces, in the order of decoding."""
    for index in range(count):
      with self._piece(index).open('rb') as f:
        for pts, duration, key, size in json.loads(f.readline())['packets']:
          yield Packet(pts, duration, bool(key), f.read(size))

  def clear(self) -> None:
    """Drops all pieces: they were made by another encoder."""
    for piece in self._pieces():
      piece.unlink()

  def remove(self) -> None:
    """Removes the folder with all that is in it."""
    shutil.rmtree(self.path, ignore_errors=True)

  def _piece(self, index: int) -> pathlib.Path:
    return self.path / f'{index:06d}.piece'

  def _pieces(self) -> list[pathlib.Path]:
    return sorted(self.path.glob('*.piece'))


def _read_json(path: pathlib.Path) -> Any:
  try:
    return json.loads(path.read_text())
  except (OSError, ValueError):
    return None


def _write(path: pathlib.Path, content: bytes) -> None:
  temporary = path.with_name(f'{path.name}.tmp')
  temporary.write_bytes(content)
  os.replace(temporary, path)


@contextlib.contextmanager
def _alone(path: pathlib.Path, target: pathlib.Path) -> Iterator[None]:
  """Holds a lock file where the system has such locks."""
  try:
    import fcntl
  except ImportError:  # Windows.
    yield
    return
  with path.open('w') as f:
    try:
      fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      raise errors.UserError(
        f'another process is making {target}: wait for it, or end it'
      ) from None
    yield
