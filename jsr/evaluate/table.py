"""Results as text: for the terminal, as Markdown, as CSV.

Contract: `results` is what a comparison measured, a mapping

  {'rows': [{'method', 'set', 'scale', 'n', 'psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb',
             'seconds_per_image', 'per_image': {image: {...}}, 'note', more}, ...],
   'columns': [{'key', 'title', 'digits', 'better'}, ...],
   'references': {set: 'published' or 'no reference'},
   'protocol': {'name', 'description', ...}, 'versions', 'machine', 'date'}

`columns` names the metrics of the table in order; without it they are the four above.

PSNR is in dB, SSIM in [-1, 1], time in seconds. None stands for "not measured" and is
shown as a dash. A PSNR may be infinite (equal images). JSON has no infinity, so three
spellings of it are read: the float, the text 'inf', and None beside an SSIM of 1.
"""

import csv as csv_format
import dataclasses
import io
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jsr.errors import UserError
from jsr.evaluate import columns
from jsr.evaluate.columns import Better, Column

Results = Mapping[str, Any]
Mark = Literal['', 'best', 'second']

BASELINE = 'bicubic'
DASH = '–'
METRICS = columns.BASE
# Behind the heading of a metric that is better when it is small.
LOWER = ' ↓'


@dataclasses.dataclass(frozen=True)
class Cell:
  """A number as it is printed, and whether it is the best of its column."""

  text: str
  mark: Mark = ''


@dataclasses.dataclass(frozen=True)
class Line:
  """One method on one set."""

  method: str
  cells: tuple[Cell, ...]
  note: str


@dataclasses.dataclass(frozen=True)
class Block:
  """All methods on one set at one scale; `titles` heads the cells of each line."""

  set: str
  scale: int
  n: str
  titles: tuple[str, ...]
  lines: tuple[Line, ...]
  reference: str = ''

  @property
  def heading(self) -> str:
    """Such as 'Set5 ×4, 5 images'; says so where nothing vouches for the set."""
    count = f'{self.n} image{"" if self.n == "1" else "s"}'
    known = ', no reference' if self.reference == 'no reference' else ''
    return f'{self.set} ×{self.scale}, {count}{known}'


def value(entry: Mapping[str, Any], key: str) -> float | None:
  """Reads a metric of a row or of one of its images; None if not measured."""
  found = entry.get(key)
  if found is not None:
    return float(found)
  if not key.startswith('psnr_'):
    return None
  similarity = entry.get(key.replace('psnr', 'ssim', 1))
  # float32 may put the mean of a map of ones an ulp below one.
  equal = similarity is not None and similarity >= 1 - 1e-6
  images = entry.get('per_image') or {}
  if equal or any(value(image, key) == math.inf for image in images.values()):
    return math.inf
  return None


def number(x: float | None, digits: int, *, sign: bool = False) -> str:
  """Prints a number: '∞' for infinity, a dash for None, '−' before negatives.

  Args:
    x: The number.
    digits: Decimals.
    sign: Whether a positive number gets its '+'.
  """
  if x is None:
    return DASH
  if math.isnan(x):
    return 'NaN'
  x = round(x, digits)
  prefix = '−' if x < 0 else '+' if sign and x > 0 else ''
  return prefix + ('∞' if math.isinf(x) else f'{abs(x):.{digits}f}')


def seconds(x: float | None) -> str:
  """Prints a time in seconds with as many decimals as it is worth."""
  if x is not None and 0 < x < 0.001:
    return '<0.001'
  return number(x, 3 if x is None or x < 10 else 1)


def marks(
  values: Sequence[float | None], digits: int, better: Better = 'higher'
) -> list[Mark]:
  """Marks the best and the second best of more than two values.

  Values are compared as printed, so equal print means equal mark. If all are equal
  there is nothing to mark.
  """
  printed = [None if x is None or math.isnan(x) else round(x, digits) for x in values]
  ranking = sorted({x for x in printed if x is not None}, reverse=better == 'higher')
  if sum(x is not None for x in printed) <= 2 or len(ranking) < 2:
    return [''] * len(printed)
  names: dict[float | None, Mark] = {ranking[0]: 'best', ranking[1]: 'second'}
  return [names.get(x, '') for x in printed]


def blocks(results: Results) -> list[Block]:
  """Arranges results for printing: a block a set and scale, in order of appearance.

  A metric that no row of the results has gets no column; the difference to bicubic is
  a column where the block holds a bicubic row.

  Raises:
    UserError: The results hold no list of rows.
  """
  rows = results.get('rows')
  if not isinstance(rows, list):
    raise UserError("these results hold no list 'rows'; write them with jsr compare")
  groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
  for row in rows:
    groups.setdefault((row['set'], row['scale']), []).append(row)
  metrics = [
    m for m in columns.of(results) if any(value(row, m.key) is not None for row in rows)
  ]
  references = results.get('references') or {}
  return [
    _block(name, scale, group, metrics, references.get(name) or '')
    for (name, scale), group in groups.items()
  ]


def _block(
  name: str,
  scale: int,
  rows: list[Mapping[str, Any]],
  metrics: list[Column],
  reference: str,
) -> Block:
  cells: dict[str, list[Cell]] = {}
  for metric in metrics:
    values = [value(row, metric.key) for row in rows]
    found = marks(values, metric.digits, metric.better)
    title = metric.title + (LOWER if metric.better == 'lower' else '')
    cells[title] = [
      Cell(number(x, metric.digits), mark)
      for x, mark in zip(values, found, strict=True)
    ]
  base = next((row for row in rows if row['method'] == BASELINE), None)
  if base is not None and len(rows) > 1:
    gains = [_gain(row, base) for row in rows]
    cells[f'Δ {BASELINE}'] = [Cell(number(x, 2, sign=True)) for x in gains]
  times = [value(row, 'seconds_per_image') for row in rows]
  if any(x is not None for x in times):
    cells['s/image'] = [Cell(seconds(x)) for x in times]
  counts = sorted({int(row['n']) for row in rows})
  if len(counts) > 1:
    cells['images'] = [Cell(str(row['n'])) for row in rows]
  lines = tuple(
    Line(row['method'], line, row.get('note') or '')
    for row, line in zip(rows, zip(*cells.values(), strict=True), strict=True)
  )
  shown = '–'.join(map(str, counts[:1] + counts[1:][-1:]))
  return Block(name, scale, shown, tuple(cells), lines, reference)


def _gain(row: Mapping[str, Any], base: Mapping[str, Any]) -> float | None:
  for key in ('psnr_y', 'psnr_rgb'):
    x, y = value(row, key), value(base, key)
    if x is not None and y is not None:
      # Two infinities have no difference.
      return None if math.isinf(x) and x == y else x - y
  return None


def legend(found: Sequence[Block], best: str, second: str) -> list[str]:
  """Says in words what the marks and the difference of these blocks mean."""
  cells = [cell for b in found for line in b.lines for cell in line.cells]
  parts = []
  if any(cell.mark for cell in cells):
    parts.append(f'{best} best, {second} second best')
  if any(title.endswith(LOWER) for b in found for title in b.titles):
    parts.append(f'{LOWER.strip()} lower is better')
  if any(f'Δ {BASELINE}' in b.titles for b in found):
    parts.append(f'Δ {BASELINE}: PSNR minus that of {BASELINE}, in dB')
  if any(cell.text == DASH for cell in cells):
    parts.append(f'{DASH} not measured')
  return parts


def text_table(results: Results) -> str:
  """The results for a terminal: aligned columns, a block a set; ends in a newline."""
  found = blocks(results)
  if not found:
    return 'no results\n'
  signs = {'': ' ', 'best': '*', 'second': '+'}
  parts = [_protocol(results)] if results.get('protocol') else []
  width = max(_width(line.method) for b in found for line in b.lines)
  for block in found:
    table = [['', *(title + ' ' for title in block.titles)]]
    for line in block.lines:
      table.append([line.method, *(c.text + signs[c.mark] for c in line.cells)])
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    widths[0] = width
    lines = [block.heading]
    for first, *rest in table:
      right = [_pad(cell, w) + cell for cell, w in zip(rest, widths[1:], strict=True)]
      lines.append('  '.join(['', first + _pad(first, width), *right]).rstrip())
    lines += [f'  {line.method}: {line.note}' for line in block.lines if line.note]
    parts.append('\n'.join(lines))
  if words := legend(found, '*', '+'):
    parts.append('; '.join(words))
  return '\n\n'.join(parts) + '\n'


def markdown(results: Results) -> str:
  """The results as Markdown tables: best bold, second best in italics."""
  found = blocks(results)
  wraps = {'': '', 'best': '**', 'second': '*'}
  parts = [_escape(_protocol(results))] if results.get('protocol') else []
  for block in found:
    lines = [
      f'### {_escape(block.heading)}',
      '',
      '| ' + ' | '.join(['Method', *block.titles]) + ' |',
      '| ' + ' | '.join(['---', *('---:' for _ in block.titles)]) + ' |',
    ]
    for line in block.lines:
      cells = [wraps[c.mark] + c.text + wraps[c.mark] for c in line.cells]
      lines.append('| ' + ' | '.join([_escape(line.method), *cells]) + ' |')
    notes = [f'{_escape(x.method)}: {_escape(x.note)}' for x in block.lines if x.note]
    if notes:
      lines += ['', '  \n'.join(notes)]
    parts.append('\n'.join(lines))
  if words := legend(found, '**bold**', '*italic*'):
    parts.append('; '.join(words) + '.')
  return '\n\n'.join(parts) + '\n'


def csv(results: Results) -> str:
  """The results as CSV at full precision, a line a row: 'inf', and '' for None."""
  keys = ['method', 'set', 'scale', 'n']
  blocks(results)  # Tells the user about a file of another kind.
  numbers = [*(column.key for column in columns.of(results)), 'seconds_per_image']
  out = io.StringIO()
  writer = csv_format.writer(out, lineterminator='\n')
  writer.writerow([*keys, *numbers, 'note'])
  for row in results['rows']:
    values = [value(row, key) for key in numbers]
    writer.writerow([*(row[key] for key in keys), *values, row.get('note') or ''])
  return out.getvalue()


def _protocol(results: Results) -> str:
  protocol = results['protocol']
  return f'protocol {protocol["name"]}: {protocol.get("description", "")}'.rstrip(': ')


def _width(text: str) -> int:
  """Columns of a terminal that a text takes: East Asian letters take two."""
  return sum(
    0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in 'WF')
    for c in text
  )


def _pad(text: str, width: int) -> str:
  return ' ' * (width - _width(text))


def _escape(text: str) -> str:
  return re.sub(r'([\\`*_\[\]|<>#~])', r'\\\1', text).replace('\n', ' ')
