"""The comparison of methods, as the command line runs it."""

import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from jsr import errors
from jsr.evaluate import benchmark, gate, methods, page, table
from jsr.evaluate import protocol as protocols
from jsr.evaluate import sets as picture_sets


def compare(
  specs: Sequence[str],
  *,
  sets: Sequence[str],
  scale: int,
  data: str | None = None,
  lr: str | None = None,
  limit: int | None = None,
  protocol: str = 'rgb8',
  keep_pictures: bool = False,
  progress: bool = True,
) -> tuple[dict[str, Any], benchmark.Shown]:
  """Measures methods on sets.

  Args:
    specs: Methods; see `methods.resolve`.
    sets: Names of sets; see `sets.open_sets`.
    scale: The factor.
    data: Folder of the sets.
    lr: Folder beside HR/ with LR pictures.
    limit: First pictures of each set only.
    protocol: Name of the protocol.
    keep_pictures: Also return all pictures, for a page.
    progress: Show a bar.

  Returns:
    The results, and the pictures (empty unless asked for).

  Raises:
    UserError: Bad input, or the gate: a standard set's bicubic row is wrong.
  """
  rule = protocols.get(protocol)
  compared = [methods.resolve(spec) for spec in specs]
  labels = [method.label for method in compared]
  twice = sorted({label for label in labels if labels.count(label) > 1})
  if twice:
    raise errors.UserError(
      f"two methods are called '{twice[0]}'; name them with LABEL=..."
    )
  rows, pictures = [], {}
  for opened in picture_sets.open_sets(sets, data=data, lr=lr, limit=limit):
    # Before any model is measured: a number is worth what its baseline is worth.
    gate.check(opened, scale, rule)
    shown = benchmark.shown(opened, scale) if keep_pictures else None
    for method in compared:
      rows.append(
        benchmark.measure(method, opened, scale, rule, keep=shown, progress=progress)
      )
    if shown is not None:
      pictures[opened.name] = shown
  return {'rows': rows, **benchmark.header(rule, scale)}, pictures


def _write(path: pathlib.Path, text: str) -> None:
  """Writes a file, whole or not at all."""
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    temporary.write_text(text)
    temporary.replace(path)
  except OSError as error:
    raise errors.UserError(f'cannot write {path}: {error.strerror}') from error


def write_json(path: pathlib.Path, results: dict[str, Any]) -> None:
  """Writes a results file."""
  text = json.dumps(benchmark.to_json(results), indent=1, allow_nan=False)
  _write(path, text + '\n')


def run(
  specs: Sequence[str],
  *,
  sets: Sequence[str],
  scale: int,
  data: str | None,
  lr: str | None,
  limit: int | None,
  protocol: str,
  json_path: pathlib.Path | None,
  html_path: pathlib.Path | None,
) -> int:
  """Compares, prints the table, and writes the files that were asked for."""
  results, pictures = compare(
    specs,
    sets=sets,
    scale=scale,
    data=data,
    lr=lr,
    limit=limit,
    protocol=protocol,
    keep_pictures=html_path is not None,
  )
  print(table.text_table(results))
  if json_path is not None:
    write_json(json_path, results)
  if html_path is not None:
    title = f'{", ".join(sets)} ×{scale}'
    _write(html_path, page.comparison_page(results, pictures, title=title))
  return 0
