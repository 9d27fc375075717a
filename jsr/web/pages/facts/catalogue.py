"""All systems and all works, and how to find one."""

from django.utils.translation import gettext_lazy as _

from jsr.web.pages.facts.fixed import RULES
from jsr.web.pages.facts.games import GAMES
from jsr.web.pages.facts.networks import NETWORKS
from jsr.web.pages.facts.papers import MEASURES, PAPERS
from jsr.web.pages.facts.sources import DATA_SETS, PROGRAMS, REPORTS
from jsr.web.pages.facts.system import System
from jsr.web.pages.facts.work import Work

# Anchor, heading, what the group has in common, members.
SYSTEMS: tuple[tuple[str, str, str, tuple[System, ...]], ...] = (
  (
    'rules',
    _('Fixed rules'),
    _('Nothing is learned: the new pixels follow from their neighbours.'),
    RULES,
  ),
  (
    'networks',
    _('Networks trained to be true'),
    _(
      'They learned from pairs of small and large pictures to be wrong by little on'
      ' average. Where several originals are possible they give the mean of them, which'
      ' is smooth.'
    ),
    NETWORKS,
  ),
  (
    'games',
    _('Networks trained by a game'),
    _(
      'A second network, the discriminator, learns to tell enlarged pictures from real'
      ' ones, and the first learns to deceive it. The result is sharp; its details are'
      ' likely, not known.'
    ),
    GAMES,
  ),
)
WORKS: tuple[tuple[str, str, tuple[Work, ...]], ...] = (
  ('reports', _('The reports that jsr grew out of'), REPORTS),
  ('papers', _('Papers on enlarging pictures'), PAPERS),
  ('measures', _('Papers on measuring pictures'), MEASURES),
  ('data', _('Data sets'), DATA_SETS),
  ('programs', _('Programs'), PROGRAMS),
)


def systems() -> list[System]:
  """Returns all systems in the order of the page."""
  return [system for *_heading, group in SYSTEMS for system in group]


def works() -> dict[str, Work]:
  """Returns {key: work} of all works."""
  return {work.key: work for *_heading, group in WORKS for work in group}
