"""The comparison of methods, as the command line runs it."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from jsr import errors
from jsr.evaluate import benchmark, gate, methods, output, table
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
  if keep_pictures and (taken := {'hr', 'lr'} & {*labels}):
    raise errors.UserError(
      f"no method can be called '{taken.pop()}': the page has such pictures already"
    )
  for method in compared:
    if isinstance(method, methods.Network):
      method.check_scale(scale)
  rows, pictures = [], {}
  all_sets = picture_sets.open_sets(sets, data=data, lr=lr, limit=limit)
  for opened in all_sets:
    # Before any model is measured: a number is worth what its baseline is worth.
    gate.check(opened, scale, rule)
  for opened in all_sets:
    shown = benchmark.shown(opened, scale) if keep_pictures else None
    for method in compared:
      rows.append(
        benchmark.measure(method, opened, scale, rule, keep=shown, progress=progress)
      )
    if shown is not None:
      pictures[opened.name] = shown
  return {'rows': rows, **benchmark.header(rule, scale)}, pictures


def write_json(path: pathlib.Path, results: dict[str, Any]) -> None:
  """Writes a results file."""
  text = json.dumps(benchmark.to_json(results), indent=1, allow_nan=False)
  output.write_text(path, text + '\n')


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
  # Before the long measuring, not after it.
  for path in (json_path, html_path):
    if path is not None:
      output.check_file(path)
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
    output.write_page(html_path, results, pictures, title=title)
  return 0
