"""What a study has found so far: for the researcher's page and for a file."""

import dataclasses
import datetime
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db.models import Count, Max, Q, Sum
from django.utils.translation import gettext as _

from jsr.evaluate import table
from jsr.experiments import opinion, opinion_pairs, opinion_plots, opinion_raters
from jsr.web.studies import export
from jsr.web.studies.models import Kind, Mode, Study, Trial


def words() -> list[str]:
  """Returns what 1 to 5 mean: the scale of ITU-T P.800 and ITU-R BT.500."""
  return [_('bad'), _('poor'), _('fair'), _('good'), _('excellent')]


def progress(study: Study) -> list[dict[str, Any]]:
  """Returns how far each rater is: number, token, done, total, begun, last answer."""
  raters = study.raters.annotate(
    total=Count('trials'),
    done=Count('trials', filter=Q(trials__answered__isnull=False)),
    latest=Max('trials__answered'),
  )
  return [
    {
      'number': rater.number,
      'token': rater.token,
      'done': rater.done,
      'total': rater.total,
      'begun': rater.agreed is not None,
      'latest': rater.latest,
    }
    for rater in raters.order_by('number')
  ]


def find(study: Study) -> Mapping[str, Any]:
  """Computes all figures of a study, or remembers them if no answer came since.

  Returns:
    'answers' (`export.Answers`), and for ratings 'opinions', 'contrasts',
    'consistency', 'agreement' by rater, for pairs 'strengths', 'duels',
    'consistency'; see `jsr.experiments.opinion`, `opinion_raters`, `opinion_pairs`.
    Not to be changed: others get the same.
  """
  # Taking an answer back and giving another leaves their number as it was.
  state = (
    Trial.objects.filter(rater__study=study)
    .exclude(kind=Kind.CALIBRATION)
    .aggregate(Count('answered'), Max('answered'), Sum('revised'))
  )
  return _compute(study.admin, tuple(state.values()))


# A page asks for its plots one by one, and each needs the figures.
@functools.lru_cache(maxsize=8)
def _compute(admin: str, state: tuple[Any, ...]) -> Mapping[str, Any]:
  study = Study.objects.get(admin=admin)
  answers = export.answers(study)
  if study.mode == Mode.PAIRS:
    return {
      'answers': answers,
      'strengths': opinion_pairs.strengths(
        answers.wins, answers.methods, seed=study.seed
      ),
      'duels': opinion_pairs.duels(answers.wins, answers.methods, seed=study.seed),
      'consistency': opinion_pairs.consistency(answers.same),
    }
  scores = answers.scores
  return {
    'answers': answers,
    'opinions': opinion.means(scores, answers.methods, seed=study.seed),
    'contrasts': opinion.compare(scores, answers.methods),
    'consistency': opinion_raters.consistency(answers.retest),
    'agreement': dict(
      zip(answers.raters, opinion_raters.agreement(scores), strict=True)
    ),
  }


def plots(study: Study, found: Mapping[str, Any]) -> dict[str, str]:
  """Draws the plots of a study: SVG by name."""
  if study.mode == Mode.PAIRS:
    return {
      'preferences': opinion_plots.preferences(
        found['strengths'],
        title=_('Bradley-Terry scores with 95 % intervals'),
        label=_('Bradley-Terry score'),
      )
    }
  opinions = found['opinions']
  return {
    'boxes': opinion_plots.boxes(
      found['answers'].scores,
      opinions,
      title=_('Mean scores of the raters for each method'),
      label=_('mean score of a rater; diamond: of all, with its 95 % interval'),
    ),
    'histograms': opinion_plots.histograms(
      opinions,
      title=_('How often each method was given each score'),
      label=_('share of the ratings (%)'),
      words=words(),
    ),
  }


def summary(study: Study, found: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the figures as plain numbers for JSON; what is not known is None."""
  raters = progress(study)
  answers = found['answers']
  return plain(
    {
      'study': study.name,
      'title': study.title,
      'mode': study.mode,
      'seed': study.seed,
      'created': study.created,
      'open': study.open,
      'raters': {
        'invited': len(raters),
        'begun': sum(rater['begun'] for rater in raters),
        'finished': sum(rater['done'] == rater['total'] for rater in raters),
      },
      'images': len(answers.images),
      'methods': answers.methods,
      **{key: value for key, value in found.items() if key != 'answers'},
    }
  )


def figure(value: float | None, digits: int = 2) -> str:
  """Returns a figure as the page and the commands print it; a dash if unknown."""
  unknown = value is None or math.isnan(value)
  return table.number(None if unknown else value, digits)


def span(low: float | None, high: float | None) -> str:
  """Returns an interval as the page and the commands print it."""
  unknown = low is None or math.isnan(low)
  return table.DASH if unknown else f'{figure(low)} … {figure(high)}'


def share(value: float | None) -> str:
  """Returns a share in whole percent."""
  unknown = value is None or math.isnan(value)
  return table.DASH if value is None or unknown else f'{figure(100 * value, 0)} %'


def chance(p: float | None) -> str:
  """Returns what a test says: 'p 0.012', 'p < 0.001'."""
  if p is not None and p < 0.001:
    return 'p < 0.001'
  return f'p {figure(p, 3)}'


def plain(value: Any) -> Any:
  """Returns a value for JSON and templates: NaN becomes None, dataclasses mappings."""
  if dataclasses.is_dataclass(value) and not isinstance(value, type):
    return plain(dataclasses.asdict(value))
  if isinstance(value, Mapping):
    return {str(key): plain(each) for key, each in value.items()}
  if isinstance(value, (list, tuple)):
    return [plain(each) for each in value]
  if isinstance(value, (float, np.floating)):
    return None if math.isnan(value) else float(value)
  if isinstance(value, datetime.datetime):
    return value.isoformat(timespec='seconds')
  return value
