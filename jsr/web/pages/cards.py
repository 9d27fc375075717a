"""Systems as the methods page shows them."""

import dataclasses
from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _

from jsr import errors
from jsr.evaluate import table
from jsr.web.pages import files
from jsr.web.pages.facts import catalogue
from jsr.web.pages.facts.system import Count, Figure, System
from jsr.web.pages.facts.work import Work


@dataclasses.dataclass(frozen=True)
class Card:
  """A system, what it comes from, its table, and where to try it ('' if nowhere)."""

  system: System
  works: tuple[Work, ...]
  facts: tuple[tuple[str, tuple[str, ...]], ...]
  link: str


@dataclasses.dataclass(frozen=True)
class Group:
  """Systems that have something in common."""

  key: str
  title: str
  text: str
  cards: tuple[Card, ...]


def groups() -> list[Group]:
  """Returns all systems in the visitor's language."""
  works, scores = catalogue.works(), _scores()
  return [
    Group(key, title, text, tuple(_card(system, works, scores) for system in systems))
    for key, title, text, systems in catalogue.SYSTEMS
  ]


def _card(system: System, works: dict[str, Work], scores: dict[str, str]) -> Card:
  judge = [f'{system.discriminator} {line}' for line in _counts(system.judges)]
  if system.discriminator and not judge:
    judge = [system.discriminator]
  facts = (
    (_('Parameters'), tuple(_counts(system.counts)) or (_('none'),)),
    (_('Discriminator'), tuple(judge)),
    (_('PSNR in dB, as printed'), tuple(_figures(system.printed))),
    (_('PSNR in dB, weights of others in jsr'), tuple(_figures(system.measured))),
    (
      _('PSNR in dB, as it comes with jsr'),
      tuple(scores[name] for name in system.shipped if name in scores),
    ),
  )
  link = ''
  if system.model:
    query = f'model={system.model}' + (f'&{system.query}' if system.query else '')
    link = f'{reverse("jobs:upscale")}?{query}'
  shown = tuple((title, lines) for title, lines in facts if lines)
  return Card(system, tuple(works[key] for key in system.works), shown, link)


def _counts(counts: Iterable[Count]) -> list[str]:
  return [f'{c.label}: {c.parameters:,}'.removeprefix(': ') for c in counts]


def _figures(figures: Iterable[Figure]) -> list[str]:
  return [f'{each.label}: {each.psnr}' for each in figures]


def _scores() -> dict[str, str]:
  """Returns the line of each method in our tables; of those at several factors, ×4."""
  lines: dict[str, str] = {}
  for path in sorted(files.OURS.glob('*.json')):
    try:
      rows = files.load(path).results['rows']
    except errors.UserError:
      continue  # The page of results says so.
    for method in dict.fromkeys(row['method'] for row in rows):
      found = [row for row in rows if row['method'] == method]
      # A no-break space keeps a number at its set.
      parts = [
        f'{r["set"]}\N{NO-BREAK SPACE}{table.number(table.value(r, "psnr_y"), 2)}'
        for r in found
      ]
      factor = f'×{found[0]["scale"]}'
      # A network's name has its factor.
      known = factor.replace('×', '-x') in method
      title = method if known else f'{method} {factor}'
      lines[method] = f'{title}: {" · ".join(parts)}'
  return lines
