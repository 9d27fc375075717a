"""What the figures of study `degradations` say, as claims, tables and sentences."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jsr.evaluate.extra import Extra
from jsr.experiments import feature_distance, findings, intervals
from jsr.experiments.findings import Claim, Findings, Table
from jsr.experiments.intervals import Interval
from jsr.experiments.studies.degradations import drawings, photographs, synthetic
from jsr.experiments.study import Study

CLEAN = 'bicubic'


def findings_of(study: Study, measured: Mapping[str, Any], judge: Extra) -> Findings:
  """Judges.

  Args:
    study: Its config names the kinds that are compared.
    measured: 'synthetic' and 'photographs', see there, and 'runs'.
    judge: The measure of looks that has the truth.
  """
  c = study.config
  found, real = measured['synthetic'], measured['photographs']
  changes = {
    name: {key: _change(rows, c, key) for key in rows[c.judged]}
    for name, rows in found.items()
  }
  claims = [_on_photographs(real, c), _on_degraded(found, c)]
  if CLEAN in found:
    claims.append(_on_clean(changes[CLEAN]['psnr_y'], c))
  plots = [drawings.changes(changes, c)]
  tables = [_table(found, judge), _table_of_changes(changes, judge, c)]
  if real['rows']:
    tables.append(_table_of_photographs(real, c))
    if real['rows'][c.judged]['niqe']:
      plots.append(drawings.niqe(real, c))
  return Findings(
    title='Mixed degradations: a model for real photographs?',
    question=_question(c),
    claims=claims,
    setup=_setup(c, judge),
    tables=tables,
    plots=plots,
    remarks=_remarks(found, real, c),
    results=_results(measured, changes),
  )


def verdict(seeds: Interval, pictures: Interval, sign: int) -> findings.Verdict:
  """Judges a difference: over trainings and over pictures, both must agree.

  Args:
    seeds: Of the difference, over seeds.
    pictures: Of the same, over pictures.
    sign: 1 where the claim says that the difference is positive, -1 otherwise.
  """
  if not (seeds.excludes(0) and pictures.excludes(0)):
    return findings.UNDECIDABLE
  if (seeds.mean > 0) != (pictures.mean > 0):
    return findings.UNDECIDABLE
  as_claimed = seeds.mean * sign > 0
  return findings.CONFIRMED if as_claimed else findings.NOT_CONFIRMED


def _change(rows: Mapping[str, Any], c: Any, key: str) -> dict[str, Interval]:
  return change(rows[c.judged][key], rows[c.control][key])


def change(
  ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]
) -> dict[str, Interval]:
  """Compares two kinds of training.

  Args:
    ours: A value each picture, each seed.
    theirs: Of the same pictures and seeds. Pictures without a finite value in any of
      them (flat ones have no NIQE) are left out.

  Returns:
    The mean of ours - theirs, with its interval over 'seeds' and over 'pictures'.
  """
  a, b = np.array(ours, np.float64), np.array(theirs, np.float64)
  whole = np.isfinite(a).all(0) & np.isfinite(b).all(0)
  a, b = a[:, whole], b[:, whole]
  return {
    'seeds': intervals.of_difference(a.mean(1).tolist(), b.mean(1).tolist()),
    'pictures': intervals.bootstrap((a - b).mean(0).tolist()),
  }


def degraded(found: Mapping[str, Any], kind: str, key: str) -> list[list[float]]:
  """The means over all degradations but the clean one, a picture each, each seed.

  One picture degraded five times is one picture: five would make intervals too short.
  """
  names = [name for name in found if name != CLEAN]
  return np.mean([found[name][kind][key] for name in names], axis=0).tolist()


def _said(both: Mapping[str, Interval], digits: int) -> str:
  seeds, pictures = both['seeds'], both['pictures']
  if seeds.n < 2 or pictures.n < 2:
    return f'{seeds.mean:+.{digits}f} ({seeds.n} seed(s), {pictures.n} picture(s))'
  return (
    f'{seeds.mean:+.{digits}f} (95 % interval over {seeds.n} seeds'
    f' [{seeds.low:+.{digits}f}, {seeds.high:+.{digits}f}], over {pictures.n} pictures'
    f' [{pictures.low:+.{digits}f}, {pictures.high:+.{digits}f}])'
  )


def _on_photographs(real: Mapping[str, Any], c: Any) -> Claim:
  text = 'Trained on mixed degradations, the model is better on real photographs.'
  if not real['rows'] or not real['rows'][c.judged]['niqe']:
    return Claim(text, findings.UNDECIDABLE, 'Photographs or NIQE were left out.')
  ours, theirs = (real['rows'][kind]['niqe'] for kind in (c.judged, c.control))
  both = change(ours, theirs)
  lower = sum(x < 0 for x in np.mean(np.subtract(ours, theirs), 0))
  reason = (
    f'NIQE (lower is better) {_said(both, 2)} for {c.judged} against {c.control};'
    f' lower on {lower} of {len(real["names"])} photographs.'
  )
  # Lower is better.
  return Claim(text, verdict(both['seeds'], both['pictures'], -1), reason)


def _on_degraded(found: Mapping[str, Any], c: Any) -> Claim:
  text = 'It is better where LR is degraded, and the truth is known.'
  both = change(*(degraded(found, k, 'psnr_y') for k in (c.judged, c.control)))
  single = [
    f'{name} {_change(rows, c, "psnr_y")["seeds"].mean:+.2f}'
    for name, rows in found.items()
    if name != CLEAN
  ]
  reason = f'PSNR on Y {_said(both, 2)} dB; by degradation: {", ".join(single)} dB.'
  return Claim(text, verdict(both['seeds'], both['pictures'], 1), reason)


def _on_clean(both: Mapping[str, Interval], c: Any) -> Claim:
  return Claim(
    'Its price: it is worse on clean bicubic LR.',
    verdict(both['seeds'], both['pictures'], -1),
    f'PSNR on Y {_said(both, 2)} dB for {c.judged} against {c.control}.',
  )


def _mean(values: Sequence[Sequence[float]], digits: int) -> str:
  """The mean over pictures, with its interval over seeds."""
  per_seed = np.nanmean(np.array(values, np.float64), axis=1)
  if not np.isfinite(per_seed).all():
    return 'inf'
  return intervals.of_mean(per_seed.tolist()).text(digits)


def _table(found: Mapping[str, Any], judge: Extra) -> Table:
  rows = [
    (
      name,
      kind,
      _mean(values['psnr_y'], 2),
      _mean(values['ssim_y'], 4),
      _mean(values[judge.column.key], 4),
    )
    for name, kinds in found.items()
    for kind, values in kinds.items()
  ]
  return Table(
    'Synthetic LR',
    ('LR by', 'network', 'PSNR Y (dB)', 'SSIM Y', judge.column.title),
    rows,
    'A network is named after the degradation it was trained on; `start` is what all of'
    ' them began with. Means over pictures, with 95 % intervals over seeds.',
  )


def _table_of_changes(
  changes: Mapping[str, Mapping[str, Mapping[str, Interval]]], judge: Extra, c: Any
) -> Table:
  columns = [('psnr_y', 2), ('ssim_y', 4), (judge.column.key, 4)]
  return Table(
    f'What training on {c.judged} changes against {c.control}',
    ('LR by', 'PSNR Y (dB)', 'SSIM Y', judge.column.title),
    [
      (name, *(_signed(change[key]['seeds'], digits) for key, digits in columns))
      for name, change in changes.items()
    ],
    'Differences of means over pictures, with 95 % intervals over seeds.',
  )


def _signed(interval: Interval, digits: int) -> str:
  if interval.n < 2:
    return f'{interval.mean:+.{digits}f}'
  low, high = (f'{x:+.{digits}f}' for x in (interval.low, interval.high))
  return f'{interval.mean:+.{digits}f} [{low}, {high}]'


def _table_of_photographs(real: Mapping[str, Any], c: Any) -> Table:
  rows = []
  for kind, values in real['rows'].items():
    niqe = _mean(values['niqe'], 2) if values['niqe'] else 'not measured'
    rows.append((kind, niqe, _mean(values['lr_psnr'], 2)))
  return Table(
    'Real photographs',
    ('network', 'NIQE', 'PSNR of the shrunk result to the input (dB)'),
    rows,
    f'{len(real["names"])} pictures. There is no truth: NIQE compares statistics with'
    ' those of pristine photographs (lower is better), and the last column tells how'
    ' much of the input a network keeps, its noise and blocks included.',
  )


def _question(c: Any) -> list[str]:
  return [
    'Report 003 trained its networks on bicubic LR alone and names as future work to'
    ' train with mixed degradations, "so that our model can predict any real-world'
    ' images". This study trains one network twice, alike in all but the degradation'
    f' that makes its LR: {c.judged} (that of Real-ESRGAN) against {c.control}.'
  ]


def _setup(c: Any, judge: Extra) -> list[str]:
  began = f'from jsr’s {c.start}' if c.start else 'from nothing'
  source = f'DATA/{c.source}' if c.source else 'the photographs of jsr'
  looks = f'{judge.column.title} stands for looks'
  if judge.metric.name != synthetic.LPIPS:
    looks += (
      ', and is not LPIPS: that was unavailable, as the weights of its backbone were'
      ' not at hand; with them in the cache of downloads it takes that place'
    )
  if judge.metric.name == feature_distance.NAME:
    looks += '. Lower is better; it is computed as in study `content`'
  return [
    f'Training: `configs/{c.recipe}` {began}, {c.steps} steps of {c.batch_size} HR'
    f' patches of {c.patch_size} x {c.patch_size} from {source}, Adam at'
    f' {c.learning_rate:g}, L1, {c.seeds} seed(s); with one seed all kinds see the same'
    ' patches in the same order. The target is HR as it is, while second-order LR is'
    ' made of sharpened HR: so a part of what is learnt there is to soften (Real-ESRGAN'
    ' sharpens the target too).',
    f'Synthetic: the first {c.synthetic.limit} pictures of {c.synthetic.set}, centre'
    f' crops of {c.synthetic.size} x {c.synthetic.size}, degraded once with fixed seeds'
    f' by jsr’s degradations with their default ranges; protocol rgb8. {looks}.',
    f'Photographs: {", ".join(c.real.folders) or "none"}; centre crops of at most'
    f' {c.real.size} x {c.real.size} LR pixels. No training has seen any of them. The'
    f' pictures, side by side, are in `{photographs.SHEET}` of the study’s folder.',
    'A claim is judged by two 95 % intervals of the same difference, over seeds (t) and'
    ' over pictures (bootstrap): both must exclude zero.',
  ]


def _remarks(found: Mapping[str, Any], real: Mapping[str, Any], c: Any) -> list[str]:
  remarks = [
    f'{c.steps} steps are a beginning: Real-ESRGAN takes a million of batches of 48.'
    ' The intervals tell that the sign is settled, not where training ends.'
  ]
  below = [
    f'{name} ({np.mean(rows[c.judged]["psnr_y"]):.2f} against'
    f' {np.mean(rows[synthetic.PLAIN]["psnr_y"]):.2f} dB)'
    for name, rows in found.items()
    if np.mean(rows[c.judged]['psnr_y']) < np.mean(rows[synthetic.PLAIN]['psnr_y'])
  ]
  if below:
    remarks.append(
      f'So far the network of {c.judged} is even behind bicubic enlargement, which'
      f' learns nothing, on LR by {", ".join(below)}: it treats all LR as if it were as'
      ' bad as what it was shown.'
    )
  if not real['rows'] or not real['rows'][c.judged]['niqe']:
    return remarks
  niqe = change(*(real['rows'][k]['niqe'] for k in (c.judged, c.control)))['seeds'].mean
  gain = change(*(degraded(found, k, 'psnr_y') for k in (c.judged, c.control)))
  kept = [float(np.mean(real['rows'][k]['lr_psnr'])) for k in (c.judged, c.control)]
  contradict = (niqe > 0) == (gain['seeds'].mean > 0)
  remarks.append(
    f'NIQE and the synthetic truth {"disagree" if contradict else "agree"}: NIQE'
    f' {niqe:+.2f} (lower is better), PSNR {gain["seeds"].mean:+.2f} dB. NIQE rewards'
    ' fine structure of any kind and punishes smoothness; a network trained by L1'
    ' answers what it cannot know by smoothing, and leaves noise only where it was not'
    ' taught to remove it. Read NIQE with the pictures.'
  )
  remarks.append(
    f'On photographs the results, shrunk again, are {kept[0]:.1f} dB from the input for'
    f' {c.judged} and {kept[1]:.1f} dB for {c.control}: '
    + (
      'what was taught to distrust its input changes more of it.'
      if kept[0] < kept[1]
      else 'it keeps as much of the input.'
    )
  )
  return remarks


def _results(
  measured: Mapping[str, Any],
  changes: Mapping[str, Mapping[str, Mapping[str, Interval]]],
) -> dict[str, Any]:
  """Means each seed; of photographs, means over seeds each picture too."""

  def per_seed(values: Sequence[Sequence[float]]) -> list[float]:
    return [round(float(x), 5) for x in np.nanmean(np.array(values), axis=1)]

  real = measured['photographs']
  return {
    'synthetic': {
      name: {
        kind: {key: per_seed(values) for key, values in columns.items()}
        for kind, columns in kinds.items()
      }
      for name, kinds in measured['synthetic'].items()
    },
    'changes': {
      name: {
        key: {over: list(interval) for over, interval in both.items()}
        for key, both in columns.items()
      }
      for name, columns in changes.items()
    },
    'photographs': {
      'names': real['names'],
      **{
        kind: {
          key: [
            None if not math.isfinite(x) else round(float(x), 4)
            for x in np.mean(np.array(values), axis=0)
          ]
          for key, values in columns.items()
          if values
        }
        for kind, columns in real['rows'].items()
      },
    },
  }
