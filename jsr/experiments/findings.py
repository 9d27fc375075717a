"""What a study found: claims and verdicts, tables and plots, as JSON and Markdown.

Every study returns `Findings`; `write` turns them into `results.json`, `report.md` and
one SVG file a plot. Numbers in tables are text by then; the JSON has them in full.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jsr.evaluate import comparison, output

Verdict = Literal['confirmed', 'not confirmed', 'not decidable at this size']
CONFIRMED: Verdict = 'confirmed'
NOT_CONFIRMED: Verdict = 'not confirmed'
UNDECIDABLE: Verdict = 'not decidable at this size'


@dataclasses.dataclass(frozen=True)
class Claim:
  """A sentence of a seed document, and what came of it.

  Attributes:
    text: What the document says.
    verdict: What the measurement says to it.
    reason: The figures that decide, in a sentence.
  """

  text: str
  verdict: Verdict
  reason: str


@dataclasses.dataclass(frozen=True)
class Table:
  """A table of the report.

  Attributes:
    title: Its heading.
    header: Names of the columns.
    rows: Cells, formatted; as many as columns.
    note: A paragraph below it; '' for none.
  """

  title: str
  header: Sequence[str]
  rows: Sequence[Sequence[str]]
  note: str = ''


@dataclasses.dataclass(frozen=True)
class Plot:
  """A plot of the report.

  Attributes:
    name: Part of its file's name: small letters and hyphens.
    title: What it shows, for those who cannot see it, too.
    svg: From `jsr.evaluate.svg.render`.
    note: A paragraph below it; '' for none.
  """

  name: str
  title: str
  svg: str
  note: str = ''


@dataclasses.dataclass(frozen=True)
class Findings:
  """What a study found.

  Attributes:
    title: Of the report.
    question: Paragraphs: what the document says, and what is asked.
    claims: With a verdict each.
    setup: Paragraphs: data, networks, budgets, seeds, what differs from the document.
    tables: In order.
    plots: In order.
    remarks: Paragraphs at the end: what the figures do not show, and surprises.
    results: All numbers, ready for JSON.
  """

  title: str
  question: Sequence[str]
  claims: Sequence[Claim]
  setup: Sequence[str]
  tables: Sequence[Table]
  plots: Sequence[Plot]
  results: Mapping[str, Any]
  remarks: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Made:
  """How findings came to be.

  Attributes:
    command: As typed.
    seconds: Of all runs of the command that led here, trainings included.
    machine: See `jsr.evaluate.machine.describe`.
    config: The study's config, nested.
  """

  command: str
  seconds: float
  machine: str
  config: Mapping[str, Any]


def write(
  folder: pathlib.Path,
  findings: Findings,
  made: Made,
  *,
  report: str = 'report',
  results: str = 'results',
  prefix: str = '',
) -> list[pathlib.Path]:
  """Writes the findings' files; each whole or not at all.

  Args:
    folder: Gets them.
    findings: Of a study.
    made: How they came to be.
    report: Name of the Markdown file, without its suffix.
    results: Name of the JSON file, without its suffix.
    prefix: Before the names of plots.

  Returns:
    The files' paths, the report first.

  Raises:
    UserError: One cannot be written.
  """
  paths = [folder / f'{report}.md', folder / f'{results}.json']
  for plot in findings.plots:
    if not re.fullmatch(r'[a-z0-9]+(-[a-z0-9]+)*', plot.name):
      raise ValueError(f"'{plot.name}' is no name for a plot")
    path = folder / f'{prefix}{plot.name}.svg'
    output.write_text(path, plot.svg + '\n')
    paths.append(path)
  comparison.write_json(
    paths[1],
    {
      'title': findings.title,
      'claims': [dataclasses.asdict(claim) for claim in findings.claims],
      'results': findings.results,
      **dataclasses.asdict(made),
    },
  )
  output.write_text(paths[0], markdown(findings, made, prefix=prefix))
  return paths


def markdown(findings: Findings, made: Made, *, prefix: str = '') -> str:
  """Returns the report as Markdown; see `write`."""
  parts = [f'# {findings.title}', *findings.question]
  parts.append(
    _table(
      ('claim', 'verdict', 'what was measured'),
      [(c.text, f'**{c.verdict}**', c.reason) for c in findings.claims],
    )
  )
  for plot in findings.plots:
    parts += [
      f'## {plot.title}',
      f'![{plot.title}]({prefix}{plot.name}.svg)',
      plot.note,
    ]
  for table in findings.tables:
    parts += [f'## {table.title}', _table(table.header, table.rows), table.note]
  parts += ['## How it was measured', *findings.setup]
  parts.append(f'```sh\n{made.command}\n```')
  parts.append(f'{_duration(made.seconds)} on {made.machine}.')
  if findings.remarks:
    parts += ['## What this does not show', *findings.remarks]
  return '\n\n'.join(part for part in parts if part) + '\n'


def summary(findings: Findings) -> str:
  """Returns the claims with their verdicts, for a terminal."""
  lines = [findings.title]
  for claim in findings.claims:
    lines += [f'  {claim.verdict}: {claim.text}', f'    {claim.reason}']
  return '\n'.join(lines)


def relative(path: pathlib.Path) -> str:
  """Returns a path as a person would write it: from here where that is shorter."""
  return min(str(path), os.path.relpath(path), key=len)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
  for row in rows:
    if len(row) != len(header):
      raise ValueError(f'a row of {len(row)} cells under {len(header)} columns: {row}')
  lines = [header, ['---'] * len(header), *rows]
  return '\n'.join('| ' + ' | '.join(_cell(c) for c in line) + ' |' for line in lines)


def _cell(text: str) -> str:
  return text.replace('|', '\\|').replace('\n', ' ')


def _duration(seconds: float) -> str:
  if seconds < 90:
    return f'{seconds:.0f} s'
  if seconds < 5400:
    return f'{seconds / 60:.0f} min'
  return f'{seconds / 3600:.1f} h'
