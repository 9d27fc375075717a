"""The comparison of methods, as the command line runs it."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from jsr import errors
from jsr.evaluate import (
  benchmark,
  conventions,
  extra,
  gate,
  methods,
  output,
  page,
  speed,
  table,
)
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
  metrics: Sequence[str] = (),
  matrix: bool = False,
  speed_size: tuple[int, int] | None = None,
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
    metrics: Names of metrics beside the protocol's; see `jsr.metrics.registry`.
    matrix: Also measure under every convention; the results then hold 'conventions'.
    speed_size: (width, height) of a picture to time each method on; the results then
      hold 'speed'.
    keep_pictures: Also return all pictures, for a page.
    progress: Show a bar.

  Returns:
    The results, and the pictures (empty unless asked for).

  Raises:
    UserError: Bad input, or the gate: a standard set's bicubic row is wrong.
  """
  rule = protocols.get(protocol)
  added = extra.open_metrics(metrics, rule)
  compared = [methods.resolve(spec, bicubic=rule.bicubic) for spec in specs]
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
  rows, pictures, found = [], {}, []
  all_sets = picture_sets.open_sets(sets, data=data, lr=lr, limit=limit)
  # Before any model is measured: a number is worth what its baseline is worth.
  references = {opened.name: gate.check(opened, scale, rule) for opened in all_sets}
  for opened in all_sets:
    shown = benchmark.shown(opened, scale, rule) if keep_pictures else None
    for method in compared:
      entries: list[conventions.Entries] = []
      row = benchmark.measure(
        method,
        opened,
        scale,
        rule,
        keep=shown,
        progress=progress,
        extra=added,
        matrix=entries if matrix else None,
      )
      rows.append(row)
      if matrix:
        found.append(conventions.describe(row, entries))
    if shown is not None:
      pictures[opened.name] = shown
  results = {
    'rows': rows,
    'references': references,
    **benchmark.header(rule, scale, added),
  }
  if matrix:
    results['conventions'] = found
  if speed_size is not None:
    results['speed'] = [
      speed.measure(method, scale, speed_size)
      for method in compared
      if not isinstance(method, methods.Pictures)
    ]
  return results, pictures


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
  metrics: Sequence[str] = (),
  matrix: bool = False,
  locate: Sequence[str] = (),
  speed_size: tuple[int, int] | None = None,
) -> int:
  """Compares, prints the table, and writes the files that were asked for.

  Args:
    specs: See `compare`, as all that is not here.
    sets: Names of sets.
    scale: The factor.
    data: Folder of the sets.
    lr: Folder beside HR/ with LR pictures.
    limit: First pictures of each set only.
    protocol: Name of the protocol.
    json_path: Gets the results.
    html_path: Gets the page.
    metrics: Names of further metrics.
    matrix: Also print the convention matrices.
    locate: Numbers, as papers print them, to find there; asks for the matrices.
    speed_size: (width, height) to time methods on.

  Returns:
    0.

  Raises:
    UserError: See `compare`; or a file cannot be written.
  """
  # Before the long measuring, not after it.
  for path in (json_path, html_path):
    if path is not None:
      output.check_file(path)
  for text in locate:
    conventions.check_number(text)
  results, pictures = compare(
    specs,
    sets=sets,
    scale=scale,
    data=data,
    lr=lr,
    limit=limit,
    protocol=protocol,
    metrics=metrics,
    matrix=matrix or bool(locate),
    speed_size=speed_size,
    keep_pictures=html_path is not None,
  )
  print(table.text_table(results))
  appendix = []
  if matrix or locate:
    found = results['conventions']
    results['located'] = [x for text in locate for x in conventions.locate(found, text)]
    text = conventions.text(found, results['located'])
    appendix.append(page.Section(title='Every convention', code=text))
    print(text)
  if speed_size is not None:
    text = speed.text(results['speed'])
    appendix.append(page.Section(title='Speed', code=text))
    print(text)
  if json_path is not None:
    write_json(json_path, results)
  if html_path is not None:
    title = f'{", ".join(sets)} ×{scale}'
    output.write_page(html_path, results, pictures, title=title, appendix=appendix)
  return 0
