"""The report of the Taguchi study."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jsr.experiments import intervals
from jsr.experiments.doe import report as doe_report
from jsr.experiments.doe.analysis import Analysis
from jsr.experiments.findings import Claim, Findings, Plot, Table
from jsr.experiments.studies.taguchi.runs import KERAS, RESPONSES, name
from jsr.experiments.studies.taguchi.verdicts import Measured, named

# Rows of the plot of our runs.
_SHOWN = ('accuracy', 'loss', 'psnr_y')


def findings(config: ConfigDict, m: Measured, claims: Sequence[Claim]) -> Findings:
  """Puts the report together."""
  levels = 'table of results' if config.preset == 'table' else 'slide of factors'
  return Findings(
    title='Report 000: a Taguchi L9 study of SR-NET',
    question=[
      'Report 000 tunes SR-NET by an orthogonal array: nine runs for four factors of'
      ' three levels (learning rate, optimizer, activation, filters), accuracy and loss'
      ' of each. Of an analysis the copy at hand shows nothing. This is the analysis of'
      ' the printed results, and the nine runs made again.',
      'Its two slides disagree: the factors are named with AdaDelta and ELU, the table'
      f' has RMSprop and Sigmoid. These are the levels of its {levels}'
      ' (`--config configs/studies/taguchi.py:slide` takes those of the factors).'
      if config.preset == 'table'
      else f'These are the levels of its {levels}; its table of results has others.',
    ],
    claims=claims,
    setup=_setup(config, m),
    tables=[
      _runs(m, config.preset == 'table'),
      _effects('Our main effects', m.analyses, 'Levels in their order, S/N in dB.'),
      _confirmation(m),
      _effects(
        "The report's own table, analysed",
        m.printed,
        _printed_note(m),
      ),
      *_speed(m),
    ],
    plots=[
      Plot(
        'main-effects',
        'Main effects of our nine runs',
        doe_report.main_effects([m.analyses[name] for name in _SHOWN]),
        'Mean S/N at each level, dB; the larger the better in every row. A ring marks'
        ' the best level, the dashed line is the mean of all runs.',
      ),
      Plot(
        'main-effects-printed',
        "Main effects of the report's table",
        doe_report.main_effects([m.printed[name] for name in ('accuracy', 'loss')]),
        'Two runs at the learning rate 0.01 all but failed; the other three factors'
        ' look alike because each of them has the third run at its third level.',
      ),
    ],
    results=_results(m),
    remarks=_remarks(config, m),
  )


def _setup(config: ConfigDict, m: Measured) -> list[str]:
  source = config.source or "jsr's embedded photographs"
  keras = '; '.join(
    f'{o} ' + ', '.join(f'{k} {v:g}' for k, v in KERAS[o].items())
    for o in config.optimizer
  )
  return [
    f'SR-NET as an enhancer (bicubic x4, then the U-Net), filters'
    f' {", ".join(map(str, config.filters))}; each run {config.steps} steps of'
    f' {config.batch_size} patches of {config.patch_size} x {config.patch_size}, mean'
    f' absolute error, from {source}. Optimizers have the constants of Keras: {keras}.'
    f' {config.seeds} seeds a run; replicates in the S/N are the seeds.',
    f'Measured on centre crops of {config.validation_size} pixels of'
    f' {config.validation}, which no training sees and no published table is made of.'
    ' Accuracy is the share of pixels whose largest channel agrees, what Keras calls'
    ' accuracy for targets of three channels [our reading]; loss the mean absolute'
    ' error in [0, 1]; psnr_y the protocol `rgb8` on these crops.',
    'The report says DIV2K and no length. Public code with this network trains 5,600'
    ' steps of one picture of 256 x 256 (`configs/srnet.py`); these runs are a small'
    ' fraction of that, so they compare settings early in training. For the same reason'
    f' batch norm forgets by {config.momentum:g} a step and not by the 0.99 of Keras:'
    f' after {config.steps} steps {0.99**config.steps:.0%} of its statistics would'
    ' still be their first values.',
  ]


def _runs(m: Measured, table: bool) -> Table:
  printed = m.printed_table.responses
  header = ['run', 'settings', *RESPONSES, 'S/N accuracy', 'S/N loss', 'steps skipped']
  if table:
    header += ['printed accuracy', 'printed loss']
  rows = []
  for i, setting in enumerate(m.nine):
    row = [str(i + 1), named(setting), *_values(m, setting)]
    row += [f'{m.analyses[n].sn[i]:.2f}' for n in ('accuracy', 'loss')]
    row.append(_skipped(m, setting))
    if table:
      row += [f'{printed[n][i][0]:.4f}' for n in ('accuracy', 'loss')]
    rows.append(row)
  blank = [''] * (len(header) - 2 - len(RESPONSES))
  bicubic = [f'{m.bicubic[n]:.{_DIGITS[n]}f}' for n in RESPONSES]
  rows.append(['', 'bicubic', *bicubic, *blank])
  return Table(
    'The nine runs',
    header,
    rows,
    'Means and 95 % intervals over the seeds. A step that is not finite is skipped; its'
    ' run is measured at its last finite state.',
  )


_DIGITS = {'accuracy': 4, 'loss': 4, 'psnr_y': 2}


def _values(m: Measured, setting: Any) -> list[str]:
  return [intervals.of_mean(m.values[n][setting]).text(_DIGITS[n]) for n in RESPONSES]


def _skipped(m: Measured, setting: Any) -> str:
  total = sum(m.values['skipped'][setting])
  return f'{total:.0f}'


def _effects(title: str, analyses: Mapping[str, Analysis], note: str) -> Table:
  rows = []
  seeds = any(a.within is not None for a in analyses.values())
  for label, a in analyses.items():
    for e in a.effects:
      pooled = next((t for t in a.pooled.tests if t.factor == e.factor), None)
      row = [
        f'{label} ({a.kind})' if label in RESPONSES else 'accuracy (omega)',
        e.factor,
        *(f'**{x:.3f}**' if i == e.best else f'{x:.3f}' for i, x in enumerate(e.means)),
        f'{e.delta:.3f}',
        str(e.rank),
        f'{e.share:.1f}',
        f'{pooled.f:.2f}' if pooled else 'pooled',
      ]
      if seeds:
        assert a.within is not None
        of_seeds = next(t for t in a.within.tests if t.factor == e.factor)
        row += [f'{of_seeds.f:.1f}', f'{of_seeds.p:.2g}']
      rows.append(row)
  header = ['response', 'factor', 'level 1', 'level 2', 'level 3', 'delta', 'rank']
  header += ['share %', 'F, pooled'] + ['F, seeds', 'p, seeds'] * seeds
  critical = next(iter(analyses.values())).pooled.tests[0].critical
  said = f'{note} F with the smallest factor pooled must exceed {critical:.1f} at 5 %.'
  if seeds:
    said += ' F of seeds has the spread of seeds within runs as error, each in dB.'
  return Table(title, header, rows, said)


def _confirmation(m: Measured) -> Table:
  found = m.confirmation()
  rows = [
    [
      'pooled',
      f'{found.sn:.3f}',
      f'{found.prediction:.3f} ± {found.half:.3f}',
      'inside' if found.inside else 'outside',
    ]
  ]
  if found.within is not None:
    each = found.within
    rows.append(
      [
        'seeds',
        f'{each.sn:.3f}',
        f'{each.prediction:.3f} ± {each.half:.3f}',
        'inside' if each.inside else 'outside',
      ]
    )
  values = ', '.join(f'{x:.4g}' for x in found.values)
  return Table(
    f'Confirmation: {m.criterion} at {named(m.best)}',
    ['error', 'run, dB', 'predicted, dB', 'the run is'],
    rows,
    f'{m.criterion} of the seeds: {values}. The first row has the S/N of all seeds'
    ' together, the second the mean of theirs. The levels are the best of what was'
    ' seen, so predictions for them tend to be too good.',
  )


def _printed_note(m: Measured) -> str:
  a, loss, omega = (m.printed[n] for n in ('accuracy', 'loss', 'omega'))
  return (
    f'Accuracy at the best levels is predicted as {a.predicted:.3f}, more than there'
    f' is: decibels of a share have no upper end. By omega it is {omega.predicted:.3f};'
    f' loss {loss.predicted:.4f}. With one value a run and a factor pooled, another run'
    f' is expected within {a.pooled.interval():.1f} dB of accuracy: the table cannot'
    ' fail its own test. Its best levels together are none of its runs, and the'
    ' copy at hand shows no confirmation.'
  )


def _speed(m: Measured) -> list[Table]:
  if not m.speed:
    return []
  rows = [
    [
      f'{s["filters"]:.0f}',
      f'{s["runs"]:.0f}',
      f'{1000 * s["sequence"]:.0f}',
      f'{1000 * s["vmap"]:.0f}',
      f'{s["ratio"]:.2f}',
      f'{s["sequence_compile"]:.0f}',
      f'{s["vmap_compile"]:.0f}',
    ]
    for s in m.speed
  ]
  return [
    Table(
      'Training together: side by side or in turn',
      ['filters', 'runs', 'in turn, ms', 'vmap, ms', 'ratio', 'compile, s', 'vmap, s'],
      rows,
      'Time for one step of the runs, medians taken in alternation within one process'
      '. All runs with the same number of filters share a'
      ' program either way: learning rate, optimizer, activation and seed are its'
      ' arguments. Under `vmap` the optimizers and activations are all computed and one'
      ' is kept. A compiled program that was kept from before shows as a short'
      ' compilation.',
    )
  ]


def _results(m: Measured) -> dict[str, Any]:
  found = m.confirmation()
  return {
    'runs': [
      {
        'run': m.nine.index(setting) + 1 if setting in m.nine else None,
        'settings': list(setting),
        **{n: list(m.values[n][setting]) for n in m.values},
        'seconds': [s for (at, _), s in m.seconds.items() if at == setting],
      }
      for setting in m.values['loss']
    ],
    'bicubic': dict(m.bicubic),
    'analyses': {n: a.to_json() for n, a in m.analyses.items()},
    'printed': {n: a.to_json() for n, a in m.printed.items()},
    'confirmation': {
      'settings': list(m.best),
      'criterion': m.criterion,
      'sn': found.sn,
      'prediction': found.prediction,
      'half': found.half,
      'inside': found.inside,
      'within': None if found.within is None else list(found.within),
    },
    'speed': [dict(s) for s in m.speed],
  }


def _remarks(config: ConfigDict, m: Measured) -> list[str]:
  said = []
  worst = [n for n in m.nine if np.mean(m.values['loss'][n]) > m.bicubic['loss']]
  said.append(
    f'{len(worst)} of the 9 settings are still worse than bicubic, what the network'
    f' is given, in mean absolute error after {config.steps} steps. The array compares'
    ' how fast settings learn, which is not how far they get.'
  )
  skipped = [name(s, 0).removesuffix('-seed0') for s in m.nine if _skipped(m, s)]
  said.append(
    f'Steps that were not finite: in {", ".join(skipped)}.'
    if skipped
    else 'No run diverged in the sense of numbers that are not finite.'
  )
  for analysis in (m.analyses['accuracy'], m.analyses['loss']):
    said += [w for w in analysis.warnings if 'confirmation' not in w]
  said.append(
    'The printed numbers of a run and ours are no pair to be compared digit by digit:'
    ' data, length and sizes of the report are not known.'
  )
  return list(dict.fromkeys(said))
