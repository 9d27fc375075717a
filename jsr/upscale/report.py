"""What became of each file of a batch, as JSON."""

import dataclasses
import datetime
import importlib.metadata
import json
import pathlib
import platform
import time
from collections.abc import Mapping, Sequence
from typing import Any

from jsr import __version__
from jsr.evaluate import output

# Where they are installed.
PACKAGES = ('jax', 'numpy', 'pillow', 'av', 'onnxruntime', 'openvino')


@dataclasses.dataclass
class Entry:
  """One input.

  Attributes:
    input: The file.
    output: The result; None: there is none.
    status: 'done', 'skipped' (the result was there) or 'failed'.
    input_size: (width, height) in pixels.
    output_size: The same.
    frames: Of a video or an animation.
    trust_map: The file, if it was made.
    seconds: That it took.
    notes: What was converted or could not be kept, a phrase each.
    warnings: What went wrong and was mended.
    residual: With --consistent, 'mean' and 'max' in levels of 255.
    error: Why it failed.
  """

  input: str
  output: str | None = None
  status: str = 'failed'
  input_size: tuple[int, int] | None = None
  output_size: tuple[int, int] | None = None
  frames: int | None = None
  trust_map: str | None = None
  seconds: float = 0.0
  notes: list[str] = dataclasses.field(default_factory=list)
  warnings: list[str] = dataclasses.field(default_factory=list)
  residual: dict[str, float] | None = None
  error: str | None = None

  @property
  def line(self) -> str:
    """What a user is told of a result."""
    told = [f'{self.frames} frames'] if self.frames is not None else []
    if self.residual is not None:
      mean, most = self.residual['mean'], self.residual['max']
      told.append(f'residual {mean:.3f} levels, largest {most:.2f}')
    told += self.notes
    text = f'{self.input} ({_size(self.input_size)}) -> {self.output}'
    return f'{text} ({_size(self.output_size)})' + (f': {"; ".join(told)}' * bool(told))


def _size(size: tuple[int, int] | None) -> str:
  return 'x'.join(map(str, size or ()))


class Report:
  """The report of a batch.

  Args:
    path: The file; None: it is not written.
    model: Name of the model.
    engine: What computes it.
    options: JSON values.
  """

  def __init__(
    self,
    path: pathlib.Path | None,
    *,
    model: str,
    engine: str,
    options: Mapping[str, Any],
  ):
    self.entries: list[Entry] = []
    self._path = path
    self._start = time.monotonic()
    self._head = {
      'versions': _versions(),
      'started': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
      'model': model,
      'engine': engine,
      'options': dict(options),
    }

  def write(self, *, complete: bool = True) -> None:
    """Writes it.

    Args:
      complete: Whether all inputs were reached.

    Raises:
      UserError: It cannot be written.
    """
    if self._path is None:
      return
    content = {
      **self._head,
      'seconds': round(time.monotonic() - self._start, 3),
      'complete': complete,
      **{status: _count(self.entries, status) for status in _STATUSES},
      'files': [dataclasses.asdict(entry) for entry in self.entries],
    }
    output.write_text(self._path, json.dumps(content, indent=2) + '\n')


_STATUSES = ('done', 'skipped', 'failed')


def _count(entries: Sequence[Entry], status: str) -> int:
  return sum(entry.status == status for entry in entries)


def _versions() -> dict[str, str]:
  versions = {'jsr': __version__, 'python': platform.python_version()}
  for name in PACKAGES:
    try:
      versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return versions
