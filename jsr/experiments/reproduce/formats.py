"""A report as Markdown, CSV, JSON and LaTeX.

In every format a quoted line looks different from a measured one: italic against
upright in Markdown and LaTeX, a column `kind` in CSV and JSON.
"""

import csv as csv_format
import io
import json
import math
import re
from collections.abc import Sequence
from typing import Any

from jsr.experiments.reproduce.report import DASH, Block, Cell, Line, Report

SUFFIXES = {'markdown': '.md', 'csv': '.csv', 'json': '.json', 'latex': '.tex'}


def render(report: Report, form: str) -> str:
  """Returns a report as text; `form` is a key of SUFFIXES."""
  return {'markdown': markdown, 'csv': csv, 'json': to_json, 'latex': latex}[form](
    report
  )


def _from(line: Line, report: Report) -> str:
  """Says where a line comes from, in its second column."""
  if line.kind == 'quoted':
    only = ', published only' if line.note else ''
    return f'quoted [{report.number(line.source)}]{only}'
  return 'jsr' if line.kind == 'measured' else f'jsr: {line.note}'


def _measured_by(header: dict[str, Any]) -> list[str]:
  parts = []
  if protocol := header.get('protocol'):
    parts.append(f'protocol {protocol["name"]}: {protocol["description"]}')
  if timing := header.get('timing'):
    parts.append(
      f'times on {timing["device"]}, {timing["precision"]}, load {timing["load"]}'
    )
  versions = header.get('versions', {})
  facts = [f'{name} {versions[name]}' for name in ('jsr', 'jax') if name in versions]
  facts += [str(header[k]) for k in ('machine', 'date') if header.get(k)]
  return parts + ([', '.join(facts)] if facts else [])


def _notes(blocks: Sequence[Block]) -> list[str]:
  """What the lines with figures say of themselves, each thing once."""
  notes: dict[str, list[str]] = {}
  for line in (line for block in blocks for line in block.lines):
    if line.kind != 'missing' and line.note:
      names = notes.setdefault(line.note, [])
      names += [line.method] if line.method not in names else []
  return [f'{", ".join(names)}: {note}' for note, names in notes.items()]


def _end(text: str) -> str:
  return text.rstrip('.') + '.'


def _key(blocks: Sequence[Block]) -> str:
  """Says what upright figures are."""
  cells = [cell for b in blocks for line in b.lines for cell in line.cells]
  behind = ', in brackets the difference from the quoted figure'
  return 'measured by jsr' + behind * any(cell.difference for cell in cells)


def markdown(report: Report) -> str:
  """As Markdown: quoted lines in italics, the difference behind our figure."""
  parts = [
    f'## {report.name}: {_md(report.title)}',
    f'{_md(report.origin[0].upper() + report.origin[1:])}. *Italic*: quoted, with the'
    f' number of its source. Upright: {_key(report.blocks)}.',
  ]
  for block in report.blocks:
    lines = [
      f'### {_md(block.heading)}',
      '',
      '| method | row | ' + ' | '.join(map(_md, block.columns)) + ' |',
      '| --- | --- |' + ' ---: |' * len(block.columns),
    ]
    last = ''
    for line in block.lines:
      wrap = '*' if line.kind == 'quoted' else ''
      name = '' if line.method == last else _md(line.method)
      last = line.method
      cells = [_md_cell(cell, wrap) for cell in line.cells]
      row = wrap + _md(_from(line, report)) + wrap
      lines.append('| ' + ' | '.join([name, row, *cells]) + ' |')
    for text in block.words:
      lines += ['', _end(_md(text))]
    parts.append('\n'.join(lines))
  ends = [
    f'- [{i}] {_md(text)}. Protocol: {_md(protocol)}.'
    for i, (text, protocol) in enumerate(report.sources.values(), 1)
  ]
  ends += [f'- {_end(_md(text))}' for text in _notes(report.blocks)]
  ends += [f'- jsr: {_end(_md(text))}' for text in _measured_by(report.header)]
  ends += [f'- {_md(text)}' for text in report.remarks]
  return '\n\n'.join([*parts, '\n'.join(ends)]) + '\n'


def _md_cell(cell: Cell, wrap: str) -> str:
  if not cell.text:
    return DASH
  text = _md(cell.text)
  return f'{wrap}{text}{wrap}' + (f' ({cell.difference})' if cell.difference else '')


def _md(text: str) -> str:
  return re.sub(r'([\\`*_|<>#~])', r'\\\1', text).replace('\n', ' ')


def csv(report: Report) -> str:
  """As CSV, a line a figure: quoted text as printed, ours in full."""
  out = io.StringIO()
  writer = csv_format.writer(out, lineterminator='\n')
  writer.writerow(
    [
      *('table', 'block', 'method', 'kind', 'column', 'value', 'difference'),
      *('source', 'protocol', 'note'),
    ]
  )
  for block in report.blocks:
    for line in block.lines:
      origin = report.sources.get(line.source, ('', ''))
      if line.kind != 'quoted' and report.header.get('protocol'):
        origin = ('jsr', report.header['protocol']['name'])
      shared = (report.name, block.heading, line.method, line.kind)
      if line.kind == 'missing':
        writer.writerow([*shared, '', '', '', *origin, line.note])
      for title, cell in zip(block.columns, line.cells, strict=True):
        if cell.value is not None:
          shown = cell.text if line.kind == 'quoted' else repr(cell.value)
          difference = cell.difference.replace('−', '-').replace('±', '')
          writer.writerow([*shared, title, shown, difference, *origin, line.note])
  return out.getvalue()


def to_json(report: Report) -> str:
  """As JSON; see docs/reproduce.md for its keys. Infinity is the text 'inf'."""
  content = {
    'table': report.name,
    'title': report.title,
    'origin': report.origin,
    'sources': {
      key: {'text': text, 'protocol': protocol}
      for key, (text, protocol) in report.sources.items()
    },
    'blocks': [
      {
        'heading': block.heading,
        'columns': list(block.columns),
        'lines': [_json_line(block, line) for line in block.lines],
        'words': list(block.words),
      }
      for block in report.blocks
    ],
    'remarks': list(report.remarks),
    'measured': report.header,
  }
  return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + '\n'


def _json_line(block: Block, line: Line) -> dict[str, Any]:
  figures = {
    title: {
      'printed': cell.text,
      'value': 'inf' if math.isinf(cell.value) else cell.value,
      **({'difference': cell.difference} if cell.difference else {}),
    }
    for title, cell in zip(block.columns, line.cells, strict=True)
    if cell.value is not None
  }
  return {
    'method': line.method,
    'kind': line.kind,
    'source': line.source or 'jsr',
    'figures': figures,
    'note': line.note,
  }


def latex(report: Report) -> str:
  r"""As LaTeX tables for \usepackage{booktabs}; plain ASCII, any engine compiles it."""
  parts = [
    f'% jsr reproduce {report.name}',
    r'% needs \usepackage{booktabs}; italic: quoted, upright: measured by jsr',
  ]
  sources = [
    f'[{i}] {_tex(text)} ({_tex(protocol)}).'
    for i, (text, protocol) in enumerate(report.sources.values(), 1)
  ]
  measured = [f'jsr: {_end(_tex(text))}' for text in _measured_by(report.header)]
  for block in report.blocks:
    n = len(block.columns)
    lines = [
      r'\begin{table}',
      r'\centering\footnotesize\setlength{\tabcolsep}{3pt}',
      rf'\caption{{{_tex(report.title)}: {_tex(block.heading)}. Italic: quoted;'
      f' upright: {_key([block])}.}}',
      rf'\begin{{tabular}}{{ll{"r" * n}}}',
      r'\toprule',
      ' & '.join(['method', 'row', *map(_tex, block.columns)]) + r' \\',
      r'\midrule',
    ]
    last = ''
    for line in block.lines:
      name = '' if line.method == last else _tex(line.method)
      last = line.method
      # Narrow, so that a table fits a page: the number of a source says 'quoted'.
      row = _from(line, report).removeprefix('quoted ').replace(', published', '')
      start = f'{name} & {_tex_italic(_tex(row), line)}'
      if line.kind == 'missing':
        start = rf'{name} & \multicolumn{{{n + 1}}}{{l}}{{{_tex(_from(line, report))}}}'
        lines.append(start + r' \\')
        continue
      lines.append(' & '.join([start, *(_tex_cell(c, line) for c in line.cells)]))
      lines[-1] += r' \\'
    lines += [r'\bottomrule', r'\end{tabular}']
    words = [*sources, *measured]
    words += [_end(_tex(text)) for text in (*_notes([block]), *block.words)]
    lines += [r'\par\medskip\raggedright\footnotesize', *words, r'\end{table}']
    parts.append('\n'.join(lines))
  if report.remarks:
    parts.append(
      '\n'.join(['{\\footnotesize', *(f'{_tex(r)}\\par' for r in report.remarks), '}'])
    )
  return '\n\n'.join(parts) + '\n'


def _tex_cell(cell: Cell, line: Line) -> str:
  if not cell.text:
    return '--'
  text = _tex_italic(_tex(cell.text), line)
  if cell.difference:
    text += rf' {{\scriptsize({_tex(cell.difference)})}}'
  return text


def _tex_italic(text: str, line: Line) -> str:
  return rf'\textit{{{text}}}' if line.kind == 'quoted' else text


_TEX = {
  '\\': r'\textbackslash{}',
  '~': r'\textasciitilde{}',
  '^': r'\textasciicircum{}',
  '−': '$-$',
  '±': r'$\pm$',
  '×': r'$\times$',
  '∞': r'$\infty$',
  'Δ': r'$\Delta$',
  '°': r'$^\circ$',
  **{c: '\\' + c for c in '&%$#_{}'},
}


def _tex(text: str) -> str:
  """Escapes text; a letter that ASCII lacks and LaTeX may not know becomes '?'."""
  escaped = ''.join(_TEX.get(c, c) for c in text.replace('\n', ' '))
  # Two hyphens would become a dash.
  escaped = escaped.replace('--', '-{}-').replace('–', '--')
  return escaped.encode('ascii', 'replace').decode('ascii')
