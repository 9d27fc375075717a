"""All answers of a study as rows, as CSV and as arrays."""

import csv
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jsr.web.studies.models import Kind, Study, Trial

COLUMNS = (
  *('rater', 'order', 'kind', 'set', 'image', 'method', 'other', 'score'),
  *('preferred', 'seconds', 'zoom', 'revised', 'answered'),
)


class Answers(NamedTuple):
  """What was answered so far, without the examples.

  Attributes:
    methods: M names, in the order of tables.
    images: I names of (set, image).
    raters: R numbers, of all with an answer.
    scores: (R, I, M), NaN where there is none; see `jsr.experiments.opinion`.
    retest: (N, 3): index of the rater, first and second score of one picture.
    wins: (R, M, M); see `jsr.experiments.opinion_pairs`.
    same: (N,): whether a rater preferred the same method the second time.
  """

  methods: list[str]
  images: list[tuple[str, str]]
  raters: list[int]
  scores: np.ndarray
  retest: np.ndarray
  wins: np.ndarray
  same: np.ndarray


def rows(study: Study) -> Iterator[dict[str, Any]]:
  """Goes through all answers, one row a trial; `COLUMNS` says what it holds.

  `method` is what was shown, on the left of a pair, `other` on the right. `score` is 1
  to 5, of a pair 1 for the left and 2 for the right; `preferred` then is the method.
  """
  trials = _answered(study).select_related(
    'rater', 'picture__scene', 'picture__method', 'other__method'
  )
  for trial in trials.iterator(chunk_size=2000):
    left, right = trial.picture, trial.other
    pair = right is not None
    preferred = (left if trial.score == 1 else right) if pair else None
    yield {
      'rater': trial.rater.number,
      'order': trial.order,
      'kind': trial.kind,
      'set': left.scene.set,
      'image': left.scene.image,
      'method': left.method.name,
      'other': right.method.name if pair else '',
      'score': trial.score,
      'preferred': preferred.method.name if preferred else '',
      'seconds': '' if trial.seconds is None else f'{trial.seconds:.2f}',
      'zoom': '' if trial.zoom is None else f'{trial.zoom:g}',
      'revised': trial.revised,
      'answered': trial.answered.isoformat(timespec='seconds'),
    }


def text(study: Study) -> str:
  """Returns all answers as CSV (RFC 4180), with a line of names."""
  out = io.StringIO()
  writer = csv.DictWriter(out, COLUMNS, lineterminator='\r\n')
  writer.writeheader()
  writer.writerows(rows(study))
  return out.getvalue()


def answers(study: Study) -> Answers:
  """Returns all answers as arrays."""
  methods = list(study.methods.filter(rated=True))
  scenes = list(study.scenes.filter(rated=True))
  # Plain values: a study has tens of thousands of trials.
  trials = list(
    _answered(study)
    .exclude(kind=Kind.CALIBRATION)
    .values_list(
      *('rater__number', 'kind', 'score', 'picture__scene_id'),
      *('picture__method_id', 'other__method_id'),
    )
  )
  raters = sorted({trial[0] for trial in trials})
  place = {method.pk: k for k, method in enumerate(methods)}
  row = {scene.pk: k for k, scene in enumerate(scenes)}
  who = {number: k for k, number in enumerate(raters)}
  scores = np.full((len(raters), len(scenes), len(methods)), np.nan)
  wins = np.zeros((len(raters), len(methods), len(methods)))
  first: dict[Any, int] = {}
  retest, same = [], []
  # A repeat comes after its first time.
  for number, kind, score, scene, method, other in trials:
    r, left = who[number], place[method]
    if other is None:
      key: Any = (r, row[scene], left)
      value = score
    else:
      right = place[other]
      key = (r, row[scene], frozenset((left, right)))
      value = left if score == 1 else right
    if kind != Kind.REPEAT:
      first[key] = value
      if other is None:
        scores[key] = value
      else:
        wins[r, value, left + right - value] += 1
    elif key in first and other is None:
      retest.append((r, first[key], value))
    elif key in first:
      same.append(first[key] == value)
  return Answers(
    methods=[method.name for method in methods],
    images=[(scene.set, scene.image) for scene in scenes],
    raters=raters,
    scores=scores,
    retest=np.array(retest, float).reshape(-1, 3),
    wins=wins,
    same=np.array(same, bool),
  )


def _answered(study: Study) -> Any:
  trials = Trial.objects.filter(rater__study=study).exclude(answered=None)
  return trials.order_by('rater__number', 'order')
