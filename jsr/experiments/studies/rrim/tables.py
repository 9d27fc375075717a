"""The tables of the study."""

import math
import statistics
from collections.abc import Mapping, Sequence

from jsr.experiments import intervals, quality
from jsr.experiments.findings import Table
from jsr.experiments.reproduce import quoted
from jsr.experiments.studies.rrim import curves, verdicts
from jsr.experiments.studies.rrim.verdicts import BASE, FSIM, RULE, Outcome
from jsr.experiments.study import Study

# Steps of an epoch in report 001 [our reading]: DIV2K's 800 pictures, four at a time.
EPOCH = 200


def swings(out: Outcome, titles: Mapping[str, str]) -> Table:
  """Returns the statistics of the losses, by variant and loss."""
  rows = []
  shown = [(titles[name], looked) for name, looked in out.looked.items()]
  shown += [(f'{titles[name]} *', [one]) for name, one in out.plainly.items()]
  for title, looked in shown:
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
          title,
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
    f' chance has a loss of log 4 = {math.log(4):.3f}. * One training, seed 0, whose'
    ' first stage has the gradient descent of the second, as in the code of the report'
    ' (its code base); no verdict rests on it.',
  )


def _span(values: Sequence[float]) -> str:
  low, high = min(values), max(values)
  return f'{low:.3g}' if f'{low:.3g}' == f'{high:.3g}' else f'{low:.3g} to {high:.3g}'


def figures(out: Outcome, titles: Mapping[str, str]) -> Table:
  """Returns the four figures of each set, printed and measured."""
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
  seeds = len(out.measured[BASE])
  slow = [
    f'{verdicts.seeds_with(out, BASE, name, FSIM)} on {name}' for name in out.bicubic
  ]
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


def time(out: Outcome, titles: Mapping[str, str]) -> Table:
  """Returns the time of a step of each variant, and of an epoch in print."""
  printed = verdicts.printed_times()
  rows = []
  for name, seconds in out.seconds.items():
    step = statistics.median(seconds)
    rows.append(
      (
        titles[name],
        f'{1000 * step:.0f} ms',
        f'{EPOCH * step:.0f} s',
        '1' if name == BASE else verdicts.ratio_of_time(out, name).text(3),
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


def first(study: Study, out: Outcome, titles: Mapping[str, str]) -> Table:
  """Returns how far the first stage gets by either optimizer."""
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
    ' its code base uses gradient descent with momentum 0.9, and the two'
    ' columns tell how far each gets in this time (a likely reason, not tested: without'
    ' batch norm little signal comes through the small first kernels). The first stage'
    ' is by Adam here, for all.',
  )
