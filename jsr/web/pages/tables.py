"""Comparisons as the results page shows them."""

import dataclasses
import re

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jsr.evaluate import table
from jsr.web.pages import drawing, files
from jsr.web.pages.files import Comparison

# Times belong to one machine and its other work: `jsr compare --speed` measures them.
_LEFT_OUT = ('s/image',)


@dataclasses.dataclass(frozen=True)
class Row:
  """A method and its cells."""

  method: str
  cells: tuple[table.Cell, ...]


@dataclasses.dataclass(frozen=True)
class Table:
  """All methods on one set."""

  caption: str
  titles: tuple[str, ...]
  rows: tuple[Row, ...]
  plot: SafeString | None
  plot_text: str


@dataclasses.dataclass(frozen=True)
class Shown:
  """A results file."""

  key: str
  title: str
  about: tuple[str, ...]
  command: str
  tables: tuple[Table, ...]
  notes: tuple[str, ...]


def shown() -> tuple[list[Shown], list[str]]:
  """Returns all comparisons in the visitor's language, and what cannot be shown."""
  found, broken = files.load_all()
  return [_shown(each, i) for i, each in enumerate(found)], broken


def _shown(comparison: Comparison, position: int) -> Shown:
  scales = sorted({block.scale for block in comparison.blocks})
  factors = ', '.join(f'×{scale}' for scale in scales)
  ours = comparison.folder == files.OURS
  notes = dict.fromkeys(
    f'{line.method}: {line.note}'
    for block in comparison.blocks
    for line in block.lines
    if line.note
  )
  return Shown(
    key=f'results-{position}',
    title=_('Enlarged %(factors)s') % {'factors': factors} if ours else comparison.name,
    about=tuple(_about(comparison)),
    command=comparison.command,
    tables=tuple(_table(comparison, i) for i in range(len(comparison.blocks))),
    notes=tuple(notes),
  )


def _about(comparison: Comparison) -> list[str]:
  results = comparison.results
  versions = results.get('versions') or {}
  parts = []
  if results.get('date'):
    parts.append(_('Measured on %(date)s.') % {'date': results['date']})
  if isinstance(versions, dict) and versions.get('jsr'):
    parts.append(
      _('jsr %(jsr)s, JAX %(jax)s, %(machine)s.')
      % {
        'jsr': versions['jsr'],
        'jax': versions.get('jax', '?'),
        'machine': _machine(str(results.get('machine', '?'))),
      }
    )
  return parts


def _machine(text: str) -> str:
  """Returns what `jsr compare` wrote, translated where it counts cores."""
  found = re.fullmatch(r'(\w+), (\d+) cores?', text)
  if not found:
    return text
  n = int(found[2])
  said = ngettext('%(device)s, %(n)s core', '%(device)s, %(n)s cores', n)
  return said % {'device': found[1].upper(), 'n': n}


def _table(comparison: Comparison, position: int) -> Table:
  block = comparison.blocks[position]
  kept = [i for i, title in enumerate(block.titles) if title not in _LEFT_OUT]
  counted = block.n.isdigit()
  pictures = ngettext('%(n)s picture', '%(n)s pictures', int(block.n) if counted else 2)
  caption = f'{block.set} ×{block.scale}' + _(', ') + pictures % {'n': block.n}
  if block.reference == 'no reference':
    caption += _(', ') + _('no published bicubic row to check it by')
  return Table(
    caption=caption,
    titles=tuple(_title(block.titles[i]) for i in kept),
    rows=tuple(
      Row(line.method, tuple(line.cells[i] for i in kept)) for line in block.lines
    ),
    plot=drawing.plot(comparison, position),
    plot_text=_('PSNR of each picture of %(set)s at ×%(scale)s, a dot a method')
    % {'set': block.set, 'scale': block.scale},
  )


def _title(title: str) -> str:
  return _('images') if title == 'images' else title
