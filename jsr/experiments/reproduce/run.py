"""The command: what to quote, what to measure, what to print."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from jsr import errors
from jsr.evaluate import output
from jsr.experiments.reproduce import formats, quoted, scores, speed
from jsr.experiments.reproduce.report import Block, Report


def reproduce(
  table: quoted.Published,
  *,
  data: str | None = None,
  set_names: Sequence[str] | None = None,
  weights: Mapping[str, str] | None = None,
  runs: pathlib.Path | None = None,
  limit: int | None = None,
  sizes: Sequence[tuple[int, int]] = speed.SIZES,
  measure: scores.Measure | None = None,
  timer: speed.Timer = speed.time_one,
) -> Report:
  """Lays a published table beside our measurements.

  Args:
    table: See `quoted.load`.
    data: Folder of the sets; None: only what needs no pictures.
    set_names: Some of the table's sets; any, where its pictures are not public. None:
      all of them, or Set5.
    weights: {method: workdir, model file, or images:FOLDER}.
    runs: Folder of workdirs named like the configs.
    limit: First pictures of each set only; then nothing is compared.
    sizes: (width, height) of the inputs whose speed is measured, where a table has
      speeds.
    measure: What measures; None: `comparison.compare` under the table's protocol.
    timer: What takes the time.

  Raises:
    UserError: Bad input, or a set whose bicubic row is wrong.
  """
  ours = scores.find(table, weights=weights or {}, runs=runs)
  blocks: list[Block] = []
  header: dict[str, Any] = {}
  if table.protocol is None or not table.comparable:
    blocks += scores.quoted_blocks(table)
  if table.protocol is not None:
    chosen = _sets(table, data, set_names)
    there = scores.present(chosen, data)
    made, header = scores.blocks(
      table,
      ours,
      measure=measure or scores.measure_with(table, data=data, limit=limit),
      there=there,
      limit=limit,
    )
    blocks += _ranked(table, made)
  if 'speed' in table.rankings and sizes:
    blocks += speed.blocks(table, sizes=sizes, timer=timer)
    header = {**header, 'timing': speed.machine()}
  return Report(
    table.name,
    table.title,
    table.origin,
    {key: (s.text, s.protocol) for key, s in table.sources.items()},
    tuple(blocks),
    table.remarks,
    header,
  )


def _sets(
  table: quoted.Published, data: str | None, names: Sequence[str] | None
) -> list[str]:
  if not table.comparable:
    return list(names or (['Set5'] if data else []))
  for name in names or []:
    if name not in table.sets:
      raise errors.unknown(f'set of {table.name}', name, table.sets)
  return [s for s in table.sets if not names or s in names]


def _ranked(table: quoted.Published, blocks: Sequence[Block]) -> list[Block]:
  """Adds to measured blocks how their order agrees with the quoted one."""
  if 'quality' not in table.rankings:
    return list(blocks)
  keys = {m.title: m.key for m in table.methods}
  made = []
  for block in blocks:
    words = list(block.words)
    for i, title in enumerate(block.columns):
      figures = {
        keys[line.method]: value
        for line in block.lines
        if line.kind == 'measured' and (value := line.cells[i].value) is not None
      }
      order = speed.disagreements(table, table.rankings['quality'], figures, 'better')
      words += [f'By {title}: {text[0].lower()}{text[1:]}' for text in order]
    made.append(dataclasses.replace(block, words=tuple(words)))
  return made


def run(
  names: Sequence[str],
  *,
  form: str = 'markdown',
  folder: pathlib.Path | None = None,
  **options: Any,
) -> int:
  """Prints tables, and writes them in every format if a folder is given.

  Args:
    names: Of the tables; none: prints what there is.
    form: What is printed, a key of `formats.SUFFIXES`.
    folder: Gets NAME.md, NAME.csv, NAME.json and NAME.tex of each table.
    **options: See `reproduce`.

  Returns:
    0.

  Raises:
    UserError: Bad input, or a set whose bicubic row is wrong: nothing of that table is
      printed or written.
  """
  tables = [quoted.load(name) for name in names]
  if not names:
    for name in quoted.names():
      table = quoted.load(name)
      print(f'{name:20} {table.title} ({table.origin})')
    return 0
  if folder is not None:
    # Before the long measuring, not after it.
    output.check_folder(folder)
  for i, table in enumerate(tables):
    made = reproduce(table, **options)
    print(('\n' if i else '') + formats.render(made, form), end='', flush=True)
    for name, suffix in formats.SUFFIXES.items() if folder else ():
      assert folder is not None
      output.write_text(folder / f'{table.name}{suffix}', formats.render(made, name))
  return 0


def parse_weights(texts: Sequence[str]) -> dict[str, str]:
  """Reads 'METHOD=SPEC' texts.

  Raises:
    UserError: One of another form, or a method that is named twice.
  """
  found: dict[str, str] = {}
  for text in texts:
    key, equals, spec = text.partition('=')
    if not (key and equals and spec):
      raise errors.UserError(
        f"--weights '{text}' names no method; write METHOD=WORKDIR,"
        ' METHOD=FILE.safetensors or METHOD=images:FOLDER'
      )
    if key in found:
      raise errors.UserError(f"--weights names '{key}' twice; give it once")
    found[key] = spec
  return found
