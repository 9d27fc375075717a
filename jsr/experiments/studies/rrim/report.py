"""What the figures say to report 001: verdicts, tables, texts."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from jsr.evaluate import protocol as protocols
from jsr.experiments import findings, intervals, quality, stability
from jsr.experiments.findings import Claim, Findings, Plot, Table
from jsr.experiments.reproduce import quoted
from jsr.experiments.studies.rrim import curves, drawing, variants
from jsr.experiments.study import Study

BASE, WITHOUT, RRIM = 'srgan', 'srgan-nobn', 'rrim'
RULE = protocols.get('report001')
# Seconds of an epoch in the report's table 1-4, and its steps [our reading].
EPOCH = 200


@dataclasses.dataclass(frozen=True)
class FirstStage:
  """The mean squared error on [0, 1] that a variant's first stage ends with.

  Attributes:
    adam: By Adam, each seed.
    plain: By the report's gradient descent, seed 0.
  """

  adam: Sequence[float]
  plain: float


@dataclasses.dataclass(frozen=True)
class Outcome:
  """All that was measured.

  Attributes:
    asked: What is called a growing swing.
    looked: Losses of each variant's trainings.
    first: How each variant's first stage ended.
    measured: Figures of each variant's trainings.
    bicubic: Those of bicubic.
    seconds: Of a step of each variant, a round each.
  """

  asked: stability.Rule
  looked: Mapping[str, Sequence[curves.Looked]]
  first: Mapping[str, FirstStage]
  measured: Mapping[str, Sequence[quality.Measured]]
  bicubic: quality.Measured
  seconds: Mapping[str, Sequence[float]]


def make(study: Study, out: Outcome) -> Findings:
  """Returns the findings."""
  titles = {name: variants.VARIANTS[name].title for name in out.looked}
  return Findings(
    title='RRIM against SRGAN, with and without batch norm',
    question=[
      'Report 001 takes batch norm out of the generator of SRGAN, sees both losses'
      ' swing ever wider from about step 500, and replaces the residual blocks by'
      ' residual-in-residual inception modules (RRIM), also without batch norm, which'
      ' it finds stable, as fast, and better in RMSE, PSNR, SSIM and FSIM.',
      'Does removing batch norm destabilise the training, and does RRIM cure it? Are'
      ' its pictures better, and its epochs no longer?',
    ],
    claims=claims(out),
    setup=_setup(study, out),
    tables=[
      _swings(out, titles),
      _quality(out, titles),
      _time(out, titles),
      _first(study, out, titles),
    ],
    plots=[
      Plot(
        'swings',
        drawing.title(out.asked),
        drawing.swings(out.looked, titles, out.asked),
        'A line is the median of the seeds, its band reaches from the least to the'
        f' largest. Grey: the steps that count as usual. Dashed: {out.asked.ratio:g}'
        f' times the usual, which {out.asked.length} steps in a row must exceed to be'
        ' called an onset.',
      )
    ],
    results=results(out),
    remarks=_remarks(out),
  )


def claims(out: Outcome) -> list[Claim]:
  """Returns report 001's claims with verdicts."""
  return [_removal(out), _cure(out), _speed(out), _better(out)]


def _most(looked: Sequence[curves.Looked]) -> bool:
  return 2 * sum(one.unstable for one in looked) > len(looked)


def _counted(out: Outcome, name: str) -> str:
  """Such as 'SRGAN: onset in 1 of 3 seeds (step 612)'."""
  looked = out.looked[name]
  onsets = [one.onset for one in looked if one.onset is not None]
  text = f'{variants.VARIANTS[name].title}: onset in {len(onsets)} of {len(looked)}'
  if onsets:
    text += f' (step {", ".join(map(str, onsets))})'
  last = [s.last for one in looked for s in one.swings.values() if s]
  if last:
    text += f', swing at the end {min(last):.2f} to {max(last):.2f} times the usual'
  skipped = sum(one.skipped for one in looked)
  return text + (f', {skipped} steps not finite' if skipped else '')


def _removal(out: Outcome) -> Claim:
  without, base = out.looked[WITHOUT], out.looked[BASE]
  verdict = findings.UNDECIDABLE
  if _most(without) and not _most(base):
    verdict = findings.CONFIRMED
  elif not any(one.unstable for one in without) or (_most(without) and _most(base)):
    verdict = findings.NOT_CONFIRMED
  return Claim(
    'Without batch norm in the generator, the losses of SRGAN swing ever wider from'
    ' about step 500.',
    verdict,
    f'{_counted(out, WITHOUT)}. {_counted(out, BASE)}.',
  )


def _cure(out: Outcome) -> Claim:
  rrim, without = out.looked[RRIM], out.looked[WITHOUT]
  if _most(rrim):
    verdict = findings.NOT_CONFIRMED
  elif _most(without) and not any(one.unstable for one in rrim):
    verdict = findings.CONFIRMED
  else:
    verdict = findings.UNDECIDABLE
  reason = f'{_counted(out, RRIM)}.'
  if not any(one.unstable for one in without):
    reason += ' There was nothing to cure: SRGAN without batch norm did not break here.'
  return Claim(
    'RRIM overcomes the instability that comes from removing batch norm.',
    verdict,
    reason,
  )


def ratio_of_time(out: Outcome, name: str) -> intervals.Interval:
  """A step's time over that of SRGAN, paired by rounds."""
  pairs = zip(out.seconds[name], out.seconds[BASE], strict=True)
  return intervals.of_mean([a / b for a, b in pairs])


def _speed(out: Outcome) -> Claim:
  ratio = ratio_of_time(out, RRIM)
  verdict = findings.UNDECIDABLE
  if ratio.high <= 1:
    verdict = findings.CONFIRMED
  elif ratio.low > 1:
    verdict = findings.NOT_CONFIRMED
  printed = _printed_times()
  return Claim(
    'An epoch of RRIM takes no longer than one of SRGAN'
    f' ({printed[RRIM]} s against {printed[BASE]} s).',
    verdict,
    f'A step of RRIM takes {ratio.text(3)} times one of SRGAN; the report prints'
    f' {float(printed[RRIM]) / float(printed[BASE]):.3f}.',
  )


def _printed_times() -> dict[str, str]:
  table = quoted.load('report001-time')
  return {row.method: row.values['e4'] for row in table.quoted}


def differences(
  out: Outcome, name: str
) -> dict[str, dict[str, tuple[intervals.Interval, bool]]]:
  """RRIM's or another's figures less SRGAN's.

  Returns:
    {set: {metric: (interval over seeds, whether more is better)}}, for what both have.
    Where one seed alone was measured, the interval is over the pictures.
  """
  found: dict[str, dict[str, tuple[intervals.Interval, bool]]] = {}
  for set_name in out.bicubic:
    found[set_name] = {}
    for column in RULE.columns:
      ours, base = (
        [
          got
          for one in out.measured[which]
          if (got := quality.pictures_of(one, set_name, column.key))
        ]
        for which in (name, BASE)
      )
      if not ours:
        continue
      if len(ours) > 1:
        a, b = ([statistics.fmean(x) for x in each] for each in (ours, base))
      else:
        a, b = ours[0], base[0]
      higher = column.better == 'higher'
      found[set_name][column.key] = intervals.of_difference(a, b), higher
  return found


def _better(out: Outcome) -> Claim:
  above, below, parts = 0, 0, []
  of = {column.key: column for column in RULE.columns}
  found = differences(out, RRIM)
  for set_name, rows in found.items():
    for key, (interval, higher) in rows.items():
      sure = interval.excludes(0)
      better = (interval.mean > 0) == higher
      above += sure and better
      below += sure and not better
      digits = 2 if key == 'psnr_rgb' else 4
      if key == 'rmse_4095':
        continue  # The same as PSNR in other units; the table has it.
      parts.append(f'{set_name} {of[key].title} {interval.text(digits)}')
  total = sum(len(rows) for rows in found.values())
  verdict = findings.UNDECIDABLE
  if total and above == total:
    verdict = findings.CONFIRMED
  elif below and not above:
    verdict = findings.NOT_CONFIRMED
  return Claim(
    "RRIM's pictures are better than SRGAN's in RMSE, PSNR, SSIM and FSIM.",
    verdict,
    f'RRIM less SRGAN: {"; ".join(parts)}. Better beyond doubt in {above} of {total}'
    f' figures, worse in {below}.',
  )


def _swings(out: Outcome, titles: Mapping[str, str]) -> Table:
  rows = []
  for name, looked in out.looked.items():
    for key, loss in curves.LOSSES.items():
      swings = [one.swings[key] for one in looked]
      known = [s for s in swings if s]
      onsets = ['none' if s.onset is None else str(s.onset) for s in known]
      onsets += ['not finite'] * (len(swings) - len(known))
      cells = (
        [_span([getattr(s, field) for s in known]) for field in ('usual', 'last')]
        if known
        else ['', '']
      )
      largest = _span([s.largest for s in known]) if known else ''
      skipped = sum(one.skipped for one in looked)
      steps = sum(one.steps for one in looked)
      rows.append(
        (
          titles[name],
          loss,
          ', '.join(onsets),
          cells[0],
          largest,
          cells[1],
          _span([one.levels[key] for one in looked]),
          f'{skipped} of {steps}',
        )
      )
  after, to = out.asked.base
  return Table(
    'Swings of the losses',
    (
      'generator',
      'loss of the',
      'onset, a seed each',
      'usual deviation',
      'largest ratio later',
      'ratio at the end',
      'loss at the end',
      'steps not finite',
    ),
    rows,
    f'Rolling standard deviation of {out.asked.window} steps; usual: its mean over the'
    f' windows within steps {after} to {to}; onset: the first step from which it is'
    f' above {out.asked.ratio:g} times that for {out.asked.length} steps in a row.'
    ' Least to largest of the seeds. A discriminator that gives every picture the same'
    f' chance has a loss of log 4 = {math.log(4):.3f}.',
  )


def _span(values: Sequence[float]) -> str:
  low, high = min(values), max(values)
  return f'{low:.3g}' if f'{low:.3g}' == f'{high:.3g}' else f'{low:.3g} to {high:.3g}'


def _quality(out: Outcome, titles: Mapping[str, str]) -> Table:
  published = quoted.load('report001')
  keys = {c.metric: c.key for c in published.columns}
  rows = []
  for set_name in out.bicubic:
    for row in published.quoted:
      if row.set == set_name:
        cells = [row.values.get(keys[c.key], '') for c in RULE.columns]
        title = published.method(row.method).title
        rows.append((set_name, title, 'printed in report 001', *cells))
    cells = [_cell([out.bicubic], set_name, c.key, c.digits) for c in RULE.columns]
    rows.append((set_name, 'bicubic', 'measured', *cells))
    for name, runs in out.measured.items():
      cells = [_cell(runs, set_name, c.key, c.digits) for c in RULE.columns]
      rows.append((set_name, titles[name], 'measured', *cells))
  first = next(iter(out.measured.values()))
  seeds = len(first)
  slow = []
  for name in out.bicubic:
    has = [quality.pictures_of(one, name, 'fsim_bandwise') for one in first]
    slow.append(f'{sum(map(bool, has))} on {name}')
  return Table(
    'The four figures of report 001, by its protocol',
    ('set', 'method', '', *(c.title for c in RULE.columns)),
    rows,
    f'Means over the pictures of each set, with 95 % intervals over {seeds} seeds where'
    ' there are several. FSIM takes seconds a picture, so fewer seeds have it:'
    f' {", ".join(slow)}. FSIM of bicubic is the reference that the gate keeps.',
  )


def _cell(
  runs: Sequence[quality.Measured], set_name: str, key: str, digits: int
) -> str:
  found = [quality.pictures_of(one, set_name, key) for one in runs]
  means = [statistics.fmean(x) for x in found if x]
  if not means:
    return ''
  return intervals.of_mean(means).text(2 if key == 'psnr_rgb' else digits)


def _time(out: Outcome, titles: Mapping[str, str]) -> Table:
  printed = _printed_times()
  rows = []
  for name, seconds in out.seconds.items():
    step = statistics.median(seconds)
    rows.append(
      (
        titles[name],
        f'{1000 * step:.0f} ms',
        f'{EPOCH * step:.0f} s',
        '1' if name == BASE else ratio_of_time(out, name).text(3),
        f'{printed[name]} s' if name in printed else '',
      )
    )
  return Table(
    'Time of a step, in turn and in one process',
    (
      'generator',
      'a step',
      f'{EPOCH} of them',
      'over SRGAN',
      'an epoch in report 001',
    ),
    rows,
    "Median; the ratio's interval is over rounds. Seconds of the processor's own time"
    ' where steps run on CPUs.',
  )


def _first(study: Study, out: Outcome, titles: Mapping[str, str]) -> Table:
  rows = [
    (titles[name], _span(first.adam), f'{first.plain:.3g}')
    for name, first in out.first.items()
  ]
  c = study.config
  return Table(
    'The first stage: mean squared error at its end',
    ('generator', f'by Adam at {c.init_rate:g}', 'by gradient descent, seed 0'),
    rows,
    f'On [0, 1], over the last steps of {c.init_steps}. The report names no optimizer;'
    ' its code base uses gradient descent with momentum 0.9, by which a generator'
    ' without batch norm has hardly begun by then: the signal through small first'
    ' kernels is too weak. So the first stage is by Adam here, for all.',
  )


def _setup(study: Study, out: Outcome) -> list[str]:
  c = study.config
  timing = 'the full networks' if c.timing.full else 'the small networks'
  return [
    f'Trained on DATA/{c.source}, x4, {c.seeds} seeds; all variants of a seed see the'
    f' same {c.batch_size} patches of {c.patch_size} x {c.patch_size} in each step'
    ' (report 001: 4 of 384 x 384).'
    f' First {c.init_steps} steps by MSE (2000), then {c.steps} against the'
    ' discriminator (80,000); steps are counted from there.',
    "SRGAN is TensorLayer's generator, the report's code base, with"
    f' {c.blocks} residual blocks of {c.features} maps (16 of 64); RRIM has {c.blocks}'
    f' modules and a trunk of {2 * c.features} (16 and 128). The discriminator is the'
    " one that the report names, SRGAN's, from"
    f' {c.discriminator.features} maps on (64) and with a dense layer of'
    f' {c.discriminator.hidden} (1024).',
    f'The first stage is by Adam at {c.init_rate:g}; why, tells the last table. Then,'
    " as in the report's code, gradient descent with momentum 0.9 at the rate 0.03 for"
    ' both players, loss MSE on [-1, 1] + 0.001 adversarial. Left out: the perceptual'
    ' term, 2e-6 of VGG19 features, as no complete public file of them is at hand.',
    'Nothing was rolled back: a step with a value that is not finite would be skipped'
    ' and counted.',
    f'Times are of {timing}, {c.timing.batch_size} patch(es) of {c.timing.patch_size} x'
    f' {c.timing.patch_size}, one step of each in turn, {c.timing.rounds} rounds, on a'
    ' machine where other programs ran beside.',
  ]


def _remarks(out: Outcome) -> list[str]:
  behind = []
  for set_name in out.bicubic:
    base = quality.mean(out.bicubic, set_name, 'psnr_rgb')
    best = max(
      statistics.fmean(quality.mean(one, set_name, 'psnr_rgb') for one in runs)
      for runs in out.measured.values()
    )
    behind.append(f'{best - base:+.2f} dB on {set_name}')
  text = (
    'Networks of this size after so few steps say little of those of the report: the'
    f' best of them is {", ".join(behind)} from bicubic in PSNR.'
  )
  if printed := _printed_gains(list(out.bicubic)):
    text += (
      f' The printed RRIM is hardly above bicubic either: {", ".join(printed)}, which'
      " the report's summary leaves out."
    )
  return [
    text,
    'The report shows one training of each network; whether its instability comes with'
    ' every seed, it cannot say. Norms of gradients were not looked at.',
  ]


def _printed_gains(set_names: Sequence[str]) -> list[str]:
  rows = {(r.method, r.set): r.values['psnr'] for r in quoted.load('report001').quoted}
  return [
    f'{float(rows[RRIM, name]) - float(rows["bicubic", name]):+.2f} dB on {name}'
    for name in set_names
    if (RRIM, name) in rows
  ]


def results(out: Outcome) -> dict[str, Any]:
  """All numbers, ready for JSON."""
  return {
    'swings': {name: curves.describe(looked) for name, looked in out.looked.items()},
    'quality': {
      name: {
        set_name: {
          column.key: [
            statistics.fmean(found)
            for one in runs
            if (found := quality.pictures_of(one, set_name, column.key))
          ]
          for column in RULE.columns
        }
        for set_name in out.bicubic
      }
      for name, runs in {'bicubic': [out.bicubic], **out.measured}.items()
    },
    'first_stage': {k: dataclasses.asdict(v) for k, v in out.first.items()},
    'seconds_per_step': {name: list(each) for name, each in out.seconds.items()},
    'time_over_srgan': {
      name: ratio_of_time(out, name)._asdict() for name in out.seconds if name != BASE
    },
  }
