"""Files from the network: cached, resumed when cut, never used unchecked."""

import contextlib
import hashlib
import http.client
import os
import pathlib
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from tqdm import tqdm

from jsr.errors import UserError

Opener = Callable[..., Any]
CHUNK = 1 << 20
# A cut connection is taken up again this many times before the user is asked to.
ATTEMPTS = 3


def cache_dir() -> pathlib.Path:
  """Returns the folder of downloaded files: `$JSR_CACHE`, or `~/.cache/jsr`.

  Raises:
    UserError: It is that of a user who does not exist.
  """
  name = os.environ.get('JSR_CACHE') or '~/.cache/jsr'
  try:
    return pathlib.Path(name).expanduser()
  except RuntimeError as error:
    raise UserError(
      f'there is no folder {name} for downloads, as there is no such user: name another'
      ' one with the variable JSR_CACHE'
    ) from error


def fetch(
  url: str,
  checksum: str,
  name: str,
  cache: str | os.PathLike[str] | None = None,
  *,
  option: str = '',
  opener: Opener = urllib.request.urlopen,
  progress: bool | None = None,
  timeout: float = 30,
) -> pathlib.Path:
  """Returns the local path of a file, downloading it on the first call.

  A file that arrives is checked, then renamed into place, so the cache never holds half
  a file under its name. A partial download waits as `name.part` and is continued by the
  next call. Processes that want a file of one cache at once wait for each other.

  Args:
    url: Where it lies.
    checksum: SHA-256 in hexadecimal, or its first 8 or more digits as in torchvision's
      file names; 'md5:...' where the publisher gives only that.
    name: File name in the cache.
    cache: Folder; None for `cache_dir()`.
    option: Name of the option by which the user can give a file instead; error texts
      mention it.
    opener: Stands in for `urllib.request.urlopen`.
    progress: Whether to draw a bar; None draws it on a terminal.
    timeout: Seconds without an answer.

  Raises:
    UserError: No connection, or a file that is not the expected one (it is deleted).
  """
  digest = _Digest(checksum)
  folder = pathlib.Path(cache) if cache is not None else cache_dir()
  target = folder / name
  if target.exists():
    return target
  by_hand = f'put the file at {target} by hand'
  if option:
    by_hand += f' or name your copy with {option}'
  show = sys.stderr.isatty() if progress is None else progress
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder / '.lock'):
      if target.exists():
        return target
      part = _Part(folder / f'{name}.part')
      resumed = _download(url, part, opener, show, timeout, by_hand)
      if resumed and not digest.fits(part.path):
        # The earlier piece may stem from another version of the file.
        part.clear()
        _download(url, part, opener, show, timeout, by_hand)
      if not digest.fits(part.path):
        part.clear()
        raise UserError(
          f'{url} did not give the expected file (its checksum is not {checksum}) and '
          f'was deleted: try again, or {by_hand}'
        )
      os.replace(part.path, target)
      part.clear()
  except OSError as error:
    raise UserError(f'cannot write {target}: {error}') from error
  return target


class _BrokenError(Exception):
  """The network failed, as against the disk."""


class _Digest:
  """The checksum that a file must have."""

  def __init__(self, text: str):
    kind, _, value = text.lower().rpartition(':')
    self.kind, self.value = kind or 'sha256', value
    sizes = {'sha256': range(8, 65), 'md5': range(32, 33)}
    if self.kind not in sizes or len(value) not in sizes[self.kind]:
      raise ValueError(f'not a SHA-256, a prefix of one, or md5:<32 digits>: {text}')
    if not re.fullmatch('[0-9a-f]+', value):
      raise ValueError(f'not hexadecimal: {text}')

  def fits(self, path: pathlib.Path) -> bool:
    with path.open('rb') as f:
      return hashlib.file_digest(f, self.kind).hexdigest().startswith(self.value)


class _Part:
  """A partial download, and beside it the mark of the version that it belongs to."""

  def __init__(self, path: pathlib.Path):
    self.path = path
    self.mark_path = path.with_name(path.name + '.version')

  @property
  def size(self) -> int:
    return self.path.stat().st_size if self.path.exists() else 0

  @property
  def mark(self) -> str:
    return self.mark_path.read_text() if self.mark_path.exists() else ''

  def start(self, mark: str) -> None:
    self.path.write_bytes(b'')
    self.mark_path.write_text(mark)

  def clear(self) -> None:
    self.path.unlink(missing_ok=True)
    self.mark_path.unlink(missing_ok=True)


def _download(
  url: str, part: _Part, opener: Opener, show: bool, timeout: float, by_hand: str
) -> bool:
  """Completes `part`; returns whether it continued a piece that was there before."""
  kept = part.size > 0
  for _ in range(ATTEMPTS):
    before = part.size
    try:
      fresh, complete = _transfer(url, part, opener, show, timeout)
      kept = kept and not fresh
      if complete:
        return kept
    except urllib.error.HTTPError as error:
      error.close()
      if error.code == 416 and part.size:
        # Nothing lies behind our last byte: whole, or another version; the checksum
        # knows.
        return True
      raise UserError(
        f'{url} answered {error.code} ({error.reason}): {by_hand}'
      ) from error
    except _BrokenError as error:
      if part.size == before:
        raise UserError(f'cannot reach {url} ({error}): {by_hand}') from error
  raise UserError(
    f'the connection to {url} broke after {part.size / 1e6:.1f} MB: run again to '
    f'continue, or {by_hand}'
  )


def _transfer(
  url: str, part: _Part, opener: Opener, show: bool, timeout: float
) -> tuple[bool, bool]:
  """One request; returns whether it began anew, and whether the file is complete."""
  offset = part.size
  request = urllib.request.Request(url, headers={'User-Agent': 'jsr'})
  if offset:
    request.add_header('Range', f'bytes={offset}-')
    if part.mark:
      # A server with another version then sends all of it.
      request.add_header('If-Range', part.mark)
  with contextlib.ExitStack() as stack:
    with _network():
      answer = stack.enter_context(opener(request, timeout=timeout))
    fresh = not (offset and answer.status == 206 and _start_of(answer) == offset)
    if fresh:
      if answer.status == 206 and _start_of(answer) != 0:
        part.clear()
        return True, False
      part.start(_version_of(answer))
      offset = 0
    length = answer.headers.get('Content-Length')
    total = offset + int(length) if length else None
    with (
      part.path.open('ab') as out,
      tqdm(
        total=total,
        initial=offset,
        unit='B',
        unit_scale=True,
        desc=part.path.stem,
        disable=not show,
      ) as bar,
    ):
      while True:
        with _network():
          piece = answer.read(CHUNK)
        if not piece:
          break
        out.write(piece)
        bar.update(len(piece))
  return fresh, total is None or part.size == total


@contextlib.contextmanager
def _network() -> Iterator[None]:
  try:
    yield
  except urllib.error.HTTPError:
    raise
  except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
    raise _BrokenError(str(getattr(error, 'reason', '') or error)) from error


def _start_of(answer: Any) -> int | None:
  match = re.match(r'bytes (\d+)-', answer.headers.get('Content-Range', ''))
  return int(match[1]) if match else None


def _version_of(answer: Any) -> str:
  etag = answer.headers.get('ETag', '')
  # HTTP allows only strong tags in If-Range.
  weak = etag.startswith('W/')
  return (etag if not weak else '') or answer.headers.get('Last-Modified', '')


@contextlib.contextmanager
def _only_one(path: pathlib.Path) -> Iterator[None]:
  """Holds a lock file where the system has such locks."""
  try:
    import fcntl
  except ImportError:  # Windows: the checksum still guards the result.
    yield
    return
  with path.open('w') as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    yield
