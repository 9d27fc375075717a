"""Upscaling a batch of files: every one on its own, none half-written."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from jsr import errors
from jsr.evaluate import output
from jsr.upscale import plan
from jsr.upscale.batch import Batch, Settings
from jsr.upscale.model import load
from jsr.upscale.plan import Item
from jsr.upscale.progress import Bar
from jsr.upscale.report import Report
from jsr.upscale.upscaler import DEFAULT, Options, Upscaler

__all__ = ['Settings', 'run']


def run(
  inputs: Sequence[str],
  out: pathlib.Path,
  *,
  model: str = DEFAULT,
  options: Options | None = None,
  settings: Settings | None = None,
  show: bool | None = None,
) -> int:
  """Upscales files.

  Args:
    inputs: Files, folders and patterns; see `plan.py`.
    out: A folder, made if need be; or a file, if there is one input.
    model: See `Upscaler`.
    options: See there.
    settings: See there.
    show: Whether to draw a progress bar; None: on a terminal.

  A result that is there already is kept, unless `overwrite`: a batch that was
  interrupted goes on where it was. That is told, and is no failure.

  Returns:
    0, or 2 if any input failed; the others are still done.

  Raises:
    UserError: Before anything is made: a model or an option that does not exist or
      contradicts another, or names that collide; see `plan.make`.
  """
  options, settings = options or Options(), settings or Settings()
  items = plan.make(inputs, out, format=settings.format, trust_map=settings.trust_map)
  _check(items, settings)
  upscaler = Upscaler(model, options)
  if settings.trust_map:
    # Whether there is a partner; it is early to find out.
    load(upscaler.name, 1.0, options.perceptual)
  report = Report(
    settings.report,
    model=upscaler.name,
    engine=upscaler.engine,
    options={**dataclasses.asdict(options), **_described(settings)},
  )
  batch = Batch(upscaler, settings, Bar(items, show), report)
  complete = False
  try:
    for index, item in enumerate(items):
      batch.do(index, item)
    complete = True
  finally:
    batch.bar.close()
    report.write(complete=complete)
  return 2 if any(entry.status == 'failed' for entry in report.entries) else 0


def _check(items: Sequence[Item], settings: Settings) -> None:
  if settings.quality is not None and not 1 <= settings.quality <= 100:
    raise errors.UserError(f'--quality {settings.quality} is not within 1 to 100')
  videos = [item.source for item in items if item.video]
  if settings.lossless and videos:
    raise errors.UserError(
      f'--lossless is for pictures, and {videos[0]} is a video: use --quality 100'
    )
  if videos:
    try:
      import av  # noqa: F401  Only to see that it is there, before any work.
    except ImportError:
      raise errors.UserError(
        f'{videos[0]} is a video, which needs PyAV: {errors.install("video")}'
      ) from None
  if settings.report is not None:
    output.check_file(settings.report)
    names = {p.resolve() for i in items for p in (i.source, i.target, i.trust) if p}
    if settings.report.resolve() in names:
      raise errors.UserError(f'--report {settings.report} is an input or a result')


def _described(settings: Settings) -> dict[str, Any]:
  values = dataclasses.asdict(settings)
  del values['report']
  return values
