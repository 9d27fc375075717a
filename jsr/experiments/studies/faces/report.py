"""The report of the study of faces: texts, tables and plots of its figures."""

from collections.abc import Mapping

import numpy as np
from ml_collections import ConfigDict

from jsr.data import faces as data
from jsr.experiments.findings import Findings, Plot, Table
from jsr.experiments.intervals import Interval
from jsr.experiments.studies.faces import drawing, verdicts
from jsr.experiments.studies.faces.embeddings import (
  BICUBIC,
  HR,
  Condition,
  Enlarger,
)
from jsr.experiments.studies.faces.scores import FIGURES, Scores
from jsr.experiments.studies.faces.verdicts import NAMES, REPORT_002, percent

# Folders of faces that are known to be of LFW: ten people of it, and all.
SHARED, ALL = 'faces/LFW100', 'lfw'
_THEY = ' They are well-known men photographed at press conferences, sharp and frontal.'


def make(
  config: ConfigDict,
  pairs: data.FacePairs,
  crop: tuple[int, int],
  methods: Mapping[str, Enlarger],
  scores: Scores,
) -> Findings:
  """Writes the report.

  Args:
    config: Of the study.
    pairs: That the protocol asks about.
    crop: (height, width) of a face before it is reduced.
    methods: By label, bicubic first.
    scores: Their figures.
  """
  c = config
  name = {'mobilefacenet': 'MobileFaceNet', 'facenet': 'FaceNet'}[c.network]
  same = int(pairs.same.sum())
  count = len(pairs.fold)
  return Findings(
    title='Faces: does super-resolution help to verify who is who?',
    question=[
      'Report 002 reduces faces of LFW to n x n pixels, enlarges them by bicubic or by'
      ' SRGAN x4, and asks FaceNet whether pairs show one person. Its table has SRGAN'
      ' hurt at 20 pixels, help from 30 on, and help less the larger the faces are.'
      f' Here {name} answers, on {count:,} pairs of {scores.people:,} people: the'
      ' pattern can be compared with the report, the numbers cannot.'
    ],
    claims=verdicts.claims(c, scores),
    setup=_setup(c, name, pairs, crop, methods, scores, same),
    tables=[
      _beside(c, name, scores),
      _gains(c, methods, scores),
      _all(c, methods, scores),
    ],
    plots=_plots(c, name, methods, scores),
    remarks=_remarks(c, pairs, methods, scores),
    results=_results(c, pairs, methods, scores),
  )


def _setup(
  c: ConfigDict,
  name: str,
  pairs: data.FacePairs,
  crop: tuple[int, int],
  methods: Mapping[str, Enlarger],
  scores: Scores,
  same: int,
) -> list[str]:
  count = len(pairs.fold)
  folds = int(pairs.fold.max()) + 1
  where = (
    f'the pairs of the list {c.pairs}'
    if c.pairs
    else f'all {same} same pairs and as many different ones, made by a rule'
    f' (`jsr.data.faces`): fold k has the same pairs of person k and {same // folds}'
    ' different pairs of person k with about half of the others, so that no two people'
    ' meet in two folds; with as many people as folds, a person is still among the'
    ' different pairs of other folds'
  )
  every = sum(scores.all_pairs)
  finer = (
    f' Equal error rate, area under the ROC and the acceptance at a false one of'
    f' {c.far:g} are of all {every:,} pairs that the pictures have'
    f' ({scores.all_pairs[0]:,} same).'
    if every != count
    else ''
  )
  of_lfw = ' of LFW' if c.faces in (SHARED, ALL) else ''
  box = f'the box {tuple(c.box)}' if len(c.box) else 'the whole picture'
  notes = '; '.join(f'{label}: {m.note}' for label, m in methods.items())
  options = [
    word
    for word, on in (
      ('embeddings joined with those of the mirrored face', c.flip),
      ('the mean of the other folds taken off', c.subtract_mean),
      ('faces whitened', c.whitened),
    )
    if on
  ]
  return [
    f'{len(pairs.files):,} pictures of {scores.people:,} people{of_lfw} ({c.faces}),'
    f' {count:,} pairs in {folds} folds: {where}.',
    f'Each face is {box} of its picture, {crop[1]}x{crop[0]} pixels; it is reduced to'
    f' n x n by MATLAB bicubic, enlarged (bicubic straight to the side that {name}'
    f' wants; a network {c.scale} times and from there to that side by bicubic) and'
    ' rounded to 8 bits after every step. Both faces of a pair are treated alike. HR is'
    ' the face that was never reduced, the upper bound. The report reduces crops of'
    f' 160x160: the same n is {160 / crop[0]:.2g} times as strong a reduction there.',
    'Protocol: squared distance of embeddings of length 1; of 400 thresholds in 0..4'
    ' the best on the other nine folds is scored on the tenth; mean and standard'
    f' deviation over folds.{finer}'
    + (f' Options: {", ".join(options)}.' if options else ''),
    f'Intervals: 95 %, {c.draws:,} samples of people drawn with replacement, with all'
    ' their pictures, the same samples for all methods, the threshold chosen anew in'
    ' each. Pairs share pictures and people, so that drawing pairs would give intervals'
    ' much too short. A verdict takes the first of accuracy, equal error rate and area'
    ' under the ROC whose interval of the difference excludes 0; three looks, not'
    ' corrected for.',
    f'Methods: {notes}. The study trains and chooses nothing on these pairs.',
    'The time below is by the clock, over all starts, with whatever else ran beside.',
  ]


def _beside(c: ConfigDict, name: str, scores: Scores) -> Table:
  rows = []
  for n in c.sizes:
    report = [f'{x:g}' for x in REPORT_002[n]] if n in REPORT_002 else ['', '']
    ours = [
      percent(scores.interval(Condition(m, n), 'accuracy'))
      for m in (BICUBIC, c.claimed)
    ]
    gain = scores.gain(Condition(c.claimed, n), Condition(BICUBIC, n), 'accuracy')
    said = ''
    if n in REPORT_002:
      without, given = REPORT_002[n]
      said = f'{given - without:+.2f}'
    rows.append([f'{n}x{n}', *report, said, *ours, percent(gain)])
  hr = percent(scores.interval(Condition(HR, 0), 'accuracy'))
  rows.append(['HR', '', '', '', hr, '', ''])
  return Table(
    'Accuracy in per cent, beside the table of report 002',
    (
      'face',
      'report: without',
      'report: with SRGAN',
      'report: gain',
      f'{name}: bicubic',
      f'{name}: {c.claimed}',
      'gain',
    ),
    rows,
    'Report: FaceNet, 6,000 pairs. Another network of faces, other faces and another'
    ' SRGAN: compare how the columns change, not their numbers.',
  )


def _gains(c: ConfigDict, methods: Mapping[str, Enlarger], scores: Scores) -> Table:
  rows = []
  for method in methods:
    if method == BICUBIC:
      continue
    for n in c.sizes:
      a, b = Condition(method, n), Condition(BICUBIC, n)
      sign, _ = verdicts.at(scores, n, method)
      figure, _ = verdicts.decided(scores, n, method)
      verdict = {1: 'helps', -1: 'hurts', 0: 'not decidable'}[sign]
      if figure:
        verdict += f' ({NAMES[figure]})'
      told = [percent(scores.gain(a, b, f)) for f in FIGURES]
      cosine = scores.gain(a, b, 'cosine').text(3)
      rows.append([method, f'{n}x{n}', *told, cosine, verdict])
  return Table(
    'Each method against bicubic',
    (
      'method',
      'face',
      'gain in accuracy, points',
      'gain in equal error rate, points',
      'gain in area under the ROC, points',
      'gain in cosine to HR',
      'verdict',
    ),
    rows,
    'Positive is better than bicubic. The cosine is that between the embeddings of a'
    ' face so treated and of the same face in HR: how much of an identity is kept. It'
    ' decides nothing about telling people apart.',
  )


def _all(c: ConfigDict, methods: Mapping[str, Enlarger], scores: Scores) -> Table:
  conditions = [Condition(m, n) for n in c.sizes for m in methods]
  rows = []
  for condition in (Condition(HR, 0), *conditions):
    score = scores.of[condition]
    rates, far = score.validation
    deviation = 100 * float(score.accuracy.values.std())
    rows.append(
      [
        f'{condition.size}x{condition.size}' if condition.size else HR,
        condition.method if condition.size else '',
        f'{percent(scores.interval(condition, "accuracy"))} ± {deviation:.2f}',
        percent(scores.interval(condition, 'eer')),
        scores.interval(condition, 'auc').text(4),
        f'{100 * score.tar:.1f}',
        f'{100 * float(rates.values.mean()):.1f} at {100 * far:.2f}',
        f'{float(score.accuracy.thresholds.mean()):.2f}',
        scores.interval(condition, 'cosine').text(3),
      ]
    )
  return Table(
    'All figures',
    (
      'face',
      'method',
      'accuracy, % ± deviation over folds',
      'equal error rate, %',
      'area under the ROC',
      f'same accepted at {100 * c.far:g} % different, %',
      'validation rate by folds, % at % different',
      'threshold',
      'cosine to HR',
    ),
    rows,
    'The validation rate by folds is of the pairs of the protocol; with few different'
    ' pairs in a fold, the share accepted there is far from the one aimed at.',
  )


def _plots(
  c: ConfigDict, name: str, methods: Mapping[str, Enlarger], scores: Scores
) -> list[Plot]:
  labels = list(methods)
  note = (
    f'Bars: 95 % intervals over people, of bicubic and {c.claimed}. Dashed: HR. {name}.'
  )
  plots = [
    Plot(
      figure,
      title,
      drawing.over_sizes(scores, figure, c.sizes, labels, c.claimed, title, y),
      note,
    )
    for figure, title, y in (
      ('accuracy', 'Accuracy over the size of the face', 'accuracy (%)'),
      ('eer', 'Equal error rate over the size of the face', 'equal error rate (%)'),
      ('cosine', 'How much of an identity is kept', 'mean cosine to HR'),
    )
  ]
  shown = list(c.sizes)[:2]
  title = 'ROC at ' + ' and '.join(f'{n}x{n}' for n in shown)
  drawn = drawing.roc(scores, shown, labels, title)
  plots.append(Plot('roc', title, drawn, 'The smallest faces; dashed: HR.'))
  return plots


def _remarks(
  c: ConfigDict,
  pairs: data.FacePairs,
  methods: Mapping[str, Enlarger],
  scores: Scores,
) -> list[str]:
  remarks = []
  hr = scores.of[Condition(HR, 0)].values['accuracy']
  near = [
    n
    for n in c.sizes
    if scores.gain(Condition(HR, 0), Condition(BICUBIC, n), 'accuracy').low <= 0
  ]
  if near:
    sizes = ', '.join(map(str, near))
    remarks.append(
      f'At {sizes} pixels the accuracy of bicubic cannot be told from that of HR'
      f' ({100 * hr:.2f} %): there is nothing left to gain that {len(pairs.fold):,}'
      ' pairs could show. The equal error rate and the area under the ROC see a little'
      ' further, as they use the order of all distances.'
    )
  others = [m for m in methods if m not in (BICUBIC, c.claimed)]
  for word, wanted in (('help', 1), ('hurt', -1)):
    where = [
      f'{m} at {n}'
      for m in others
      for n in c.sizes
      if verdicts.at(scores, n, m)[0] == wanted
    ]
    if where:
      remarks.append(
        f'Of the methods that the report gave no faces, these {word}:'
        f' {", ".join(where)}.'
      )
  best = {
    n: max(methods, key=lambda m: scores.of[Condition(m, n)].values['cosine'])
    for n in c.sizes
  }
  told = ', '.join(f'{m} at {n}' for n, m in best.items())
  remarks.append(f'Nearest to the embeddings of HR is {told}.')
  if not c.pairs:
    remarks.append(
      f'{scores.people} people are few: the intervals say how much the outcome hangs on'
      ' which of them are drawn, and with so few they tend to be too short.'
      + (_THEY if c.faces == SHARED else '')
    )
  remarks.append(
    'What a network invents is plausible detail, not evidence: a face that verifies'
    ' better after super-resolution is no more certain to be that person than the'
    ' pixels of the small one allow.'
  )
  return remarks


def _results(
  c: ConfigDict,
  pairs: data.FacePairs,
  methods: Mapping[str, Enlarger],
  scores: Scores,
) -> dict[str, object]:
  conditions = {}
  for condition, score in scores.of.items():
    rates, far = score.validation
    curve = drawing.thinned(score.curve, 60)
    entry: dict[str, object] = {
      figure: _numbers(scores.interval(condition, figure)) for figure in score.values
    }
    entry |= {
      'accuracy_of_folds': np.round(score.accuracy.values, 5).tolist(),
      'thresholds': score.accuracy.thresholds.tolist(),
      'validation_rate': float(rates.values.mean()),
      'validation_far': far,
      'tar': score.tar,
    }
    if condition.size == min(c.sizes) or condition.method == HR:
      entry['roc'] = {
        'far': np.round(curve.far, 5).tolist(),
        'tar': np.round(curve.tar, 5).tolist(),
      }
    if condition.method not in (HR, BICUBIC):
      entry['gains'] = {
        f: _numbers(scores.gain(condition, Condition(BICUBIC, condition.size), f))
        for f in (*FIGURES, 'cosine')
      }
    conditions[f'{condition.method} {condition.size}'] = entry
  return {
    'people': scores.people,
    'pictures': len(pairs.files),
    'pairs': len(pairs.fold),
    'all_pairs': scores.all_pairs,
    'report_002': {str(n): list(values) for n, values in REPORT_002.items()},
    'methods': {label: method.note for label, method in methods.items()},
    'conditions': conditions,
  }


def _numbers(interval: Interval) -> list[float]:
  return [round(x, 6) for x in (interval.mean, interval.low, interval.high)]
