"""The progress bar of a batch: how much is done, and how long the rest takes."""

import contextlib
import pathlib
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from jsr.data import images
from jsr.upscale.plan import Item

_FORMAT = '{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}'
# Pixels of a file whose header tells nothing; any will do.
_UNKNOWN = 1.0


class Bar:
  """A bar on a terminal, nothing elsewhere.

  Time left is reckoned from pixels, so that large files count for more.

  Args:
    items: The batch.
    show: None: if the standard error is a terminal.
  """

  def __init__(self, items: Sequence[Item], show: bool | None = None):
    self._shown = sys.stderr.isatty() if show is None else show
    self._weights = [_pixels(item) for item in items] if self._shown else []
    self._names = [item.source.name for item in items]
    self._bar: Any = tqdm(
      total=sum(self._weights) or None,
      disable=not self._shown,
      bar_format=_FORMAT,
      smoothing=0,
      leave=False,
    )
    self._index = 0
    self._share = 0.0
    self._clock = (time.monotonic(), 0)

  def begin(self, index: int) -> None:
    """Turns to an item."""
    self._index, self._share = index, 0.0
    if self._shown:
      count = f'{index + 1}/{len(self._names)} ' if len(self._names) > 1 else ''
      self._bar.set_description_str(f'{count}{self._names[index][:30]} ')

  def share(self, done: float) -> None:
    """Tells how much of the item is done, 0 to 1."""
    if self._shown and done > self._share:
      self._bar.update((done - self._share) * self._weights[self._index])
      self._share = done

  def frames(self, done: int, resumed: int, total: int) -> None:
    """Tells how many frames of a video are done; see `video.upscale`."""
    if not self._shown:
      return
    now = time.monotonic()
    if self._share == 0.0:
      self._clock = (now, done)
    start, first = self._clock
    rate = f'{(done - first) / (now - start):.2f} ' if now > start else ''
    text = f'frame {done}/{total}' + (f', {rate}frames/s' if rate else '')
    self._bar.set_postfix_str(text, refresh=False)
    self.share(done / total)

  def end(self) -> None:
    """Ends the item, done or not."""
    self.share(1.0)
    if self._shown:
      self._bar.set_postfix_str('', refresh=False)

  def write(self, text: str, *, error: bool = False) -> None:
    """Prints a line above the bar."""
    file = sys.stderr if error else sys.stdout
    if self._shown:
      tqdm.write(text, file=file)
    else:
      print(text, file=file)

  def close(self) -> None:
    """Removes the bar."""
    self._bar.close()


def _pixels(item: Item) -> float:
  if item.problem:
    return 0.0
  with contextlib.suppress(Exception):
    return _frames(item.source) if item.video else _area(item.source)
  return _UNKNOWN


def _area(path: pathlib.Path) -> float:
  # A header that promises too much is told when its turn comes.
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    height, width = images.read_size(path)
  return float(height * width)


def _frames(path: pathlib.Path) -> float:
  import av

  with av.open(str(path)) as container:
    stream = container.streams.video[0]
    count = stream.frames
    if not count:
      seconds = (container.duration or 0) / av.time_base
      count = round(seconds * float(stream.average_rate or 25))
    return float(stream.width * stream.height * max(count, 1))
