"""What the figures say to report 000: verdicts, tables, texts."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from jsr.experiments import findings, intervals, quality
from jsr.experiments.findings import Claim, Findings, Plot, Table
from jsr.experiments.studies.srnet import drawing, impulse, systems
from jsr.experiments.study import Study

# Printed in report 000, each of one picture that it does not name.
PRINTED = {'srnet': '19.285225', 'esrgan': '28.029171'}
KEYS = {
  'psnr_y': ('PSNR Y', 2),
  'ssim_y': ('SSIM Y', 4),
  'high_frequency': ('high frequencies over those of HR', 2),
}


@dataclasses.dataclass(frozen=True)
class Outcome:
  """All that was measured.

  Attributes:
    measured: Figures of each system's trainings.
    bicubic: Those of bicubic.
    seconds: Of a step of each system, a round each.
    noisy: Photographs under impulse noise.
  """

  measured: Mapping[str, Sequence[quality.Measured]]
  bicubic: quality.Measured
  seconds: Mapping[str, Sequence[float]]
  noisy: Sequence[impulse.Noisy]


def make(study: Study, out: Outcome) -> Findings:
  """Returns the findings."""
  c = study.config
  return Findings(
    title='SR-NET against ESRGAN, and impulse noise',
    question=[
      'Report 000 trains a U-Net of its own, SR-NET, and ESRGAN on DIV2K, and prints'
      f' PSNR {PRINTED["srnet"]} for a picture of the one and {PRINTED["esrgan"]} for a'
      ' picture of the other. It does not name the pictures, and they differ: the two'
      ' figures can be quoted, and neither compared nor reproduced. To explain PSNR it'
      ' shows a picture under impulse noise with Pa = Pb = 0.5 and prints'
      f' {impulse.PRINTED}.',
      'Which of the two comes nearer to the original on the same data, with the same'
      ' budget, on pictures with names? And what does the figure of the noise mean?',
    ],
    claims=[_nearer(out), _noise(out)],
    setup=_setup(study, out),
    tables=[_quality(out), _budget(study, out), _noise_table(out, c.noise.hit)],
    plots=[
      Plot(
        'systems',
        drawing.SYSTEMS,
        drawing.systems(
          {name: _means(out, name, 'psnr_y') for name in out.bicubic},
          {name: quality.mean(out.bicubic, name, 'psnr_y') for name in out.bicubic},
          systems.TITLES,
        ),
      ),
      Plot(
        'impulse-noise',
        drawing.NOISE,
        drawing.noise(out.noisy, c.noise.hit),
        'Lines: the formula. Dots: measured on the photographs that come with jsr.',
      ),
    ],
    results=results(study, out),
    remarks=_remarks(out),
  )


def _means(out: Outcome, set_name: str, key: str) -> dict[str, list[float]]:
  """{system: the set's mean in each seed}."""
  return {
    name: [quality.mean(one, set_name, key) for one in runs]
    for name, runs in out.measured.items()
  }


def gains(out: Outcome, key: str = 'psnr_y') -> dict[str, intervals.Interval]:
  """{set: ESRGAN less SR-NET, over seeds}."""
  found = {}
  for name in out.bicubic:
    means = _means(out, name, key)
    found[name] = intervals.of_difference(means['esrgan'], means['srnet'])
  return found


def _nearer(out: Outcome) -> Claim:
  found = gains(out)
  verdict = findings.UNDECIDABLE
  if all(x.excludes(0) and x.mean > 0 for x in found.values()):
    verdict = findings.CONFIRMED
  elif all(x.excludes(0) and x.mean < 0 for x in found.values()):
    verdict = findings.NOT_CONFIRMED
  parts = [f'{x.text()} dB on {name}' for name, x in found.items()]
  first = [
    f'{statistics.fmean(_means(out, name, "psnr_y")["rrdb"]):.2f} dB on {name}'
    for name in out.bicubic
  ]
  return Claim(
    "ESRGAN's picture is nearer to the original than SR-NET's"
    f' ({PRINTED["esrgan"]} dB against {PRINTED["srnet"]} dB).',
    verdict,
    f'ESRGAN less SR-NET in PSNR Y: {", ".join(parts)}. Its first stage alone, before'
    f' the adversarial one: {", ".join(first)}.',
  )


# dB between the formula and what noise was drawn, up to which the formula holds.
_CLOSE = 0.5


def _noise(out: Outcome) -> Claim:
  printed = float(impulse.PRINTED)
  grey, half = (impulse.grey_of(printed, hit) for hit in (1.0, 0.5))
  all_hit = sorted(impulse.expected_psnr(one.grey, 1.0) for one in out.noisy)
  around = all_hit[0] <= printed <= all_hit[-1]
  off = max(
    abs(a - b)
    for one in out.noisy
    for a, b in zip(one.expected, one.measured, strict=True)
  )
  verdict = findings.UNDECIDABLE
  if not 0 <= grey <= 0.25 and off < _CLOSE:
    verdict = findings.NOT_CONFIRMED
  elif around and off < _CLOSE:
    verdict = findings.CONFIRMED
  least, most = (impulse.expected_psnr(g, 1.0) for g in (0.0, 0.25))
  return Claim(
    f'Impulse noise with Pa = Pb = 0.5 leaves a picture at PSNR {impulse.PRINTED}.',
    verdict,
    f'Then no pixel survives, and any picture whatever has {least:.2f} to'
    f' {most:.2f} dB: the photographs here {all_hit[0]:.2f} to {all_hit[-1]:.2f} dB, on'
    f' {"both sides" if around else "one side"} of what is printed.'
    f' {impulse.PRINTED} belongs to E[x(1-x)] = {grey:.3f}, {_possible(grey)}; with'
    f' half of the pixels hit it would need {half:.3f}, {_possible(half)}. Formula and'
    f' measurement differ by {off:.2f} dB at most.',
  )


def _possible(grey: float) -> str:
  return 'a possible value' if 0 <= grey <= 0.25 else 'which no picture has'


def _quality(out: Outcome) -> Table:
  rows = []
  for set_name in out.bicubic:
    cells = [
      f'{quality.mean(out.bicubic, set_name, key):.{digits}f}'
      for key, (_, digits) in KEYS.items()
    ]
    rows.append((set_name, 'bicubic', *cells, ''))
    base = quality.mean(out.bicubic, set_name, 'psnr_y')
    for name, title in systems.TITLES.items():
      cells = [
        intervals.of_mean(_means(out, set_name, key)[name]).text(digits)
        for key, (_, digits) in KEYS.items()
      ]
      gain = statistics.fmean(_means(out, set_name, 'psnr_y')[name]) - base
      rows.append((set_name, title, *cells, f'{gain:+.2f}'))
  seeds = len(out.measured['srnet'])
  return Table(
    'Quality, x4',
    ('set', 'method', *(title for title, _ in KEYS.values()), 'PSNR over bicubic'),
    rows,
    f'Means over the pictures of each set; 95 % intervals over {seeds} seeds where'
    ' there are several. The last but one column tells how much fine detail there is'
    ' (1: as much as in the original), and not whether it is right.',
  )


def budget(study: Study, out: Outcome) -> dict[str, tuple[int, float]]:
  """{system: (its steps, seconds that they take)}."""
  c = study.config
  steps = {
    'srnet': c.srnet.steps,
    'rrdb': c.rrdb.psnr_steps,
    'esrgan': c.rrdb.gan_steps,
  }
  return {
    name: (count, count * statistics.median(out.seconds[name]))
    for name, count in steps.items()
  }


def _budget(study: Study, out: Outcome) -> Table:
  c, spent = study.config, budget(study, out)
  whole = spent['rrdb'][1] + spent['esrgan'][1]
  total = {'srnet': spent['srnet'][1], 'esrgan': whole}
  rows = []
  for name, (steps, seconds) in spent.items():
    part = c.srnet if name == 'srnet' else c.rrdb
    rows.append(
      (
        systems.TITLES[name] + (', second stage' if name == 'esrgan' else ''),
        str(steps),
        f'{part.batch_size} of {part.patch_size} x {part.patch_size}',
        f'{1000 * statistics.median(out.seconds[name]):.0f} ms',
        f'{seconds:.0f} s',
        f'{total[name]:.0f} s' if name in total else '',
      )
    )
  share = 100 * (whole / total['srnet'] - 1)
  return Table(
    'The budget',
    ('training', 'steps', 'patches a step', 'a step', 'all steps', 'system'),
    rows,
    'Median time of a step of each in turn, in one process, in seconds of the'
    " processor's own time where steps run on CPUs; reading, compiling and"
    f' checkpoints are not in it. ESRGAN got {share:+.0f} % of the time of SR-NET.',
  )


def _noise_table(out: Outcome, hits: Sequence[float]) -> Table:
  rows = []
  for one in out.noisy:
    pairs = zip(one.expected, one.measured, strict=True)
    rows.append(
      (one.name, f'{one.grey:.4f}', *(f'{a:.2f} / {b:.2f}' for a, b in pairs))
    )
  return Table(
    'PSNR under impulse noise in dB: formula / measured',
    ('photograph', 'E[x(1-x)]', *(f'{100 * hit:g} % hit' for hit in hits)),
    rows,
    'Half of the hits are black, half white; the whole pixel is hit. The mean squared'
    ' error is h (1/2 - E[x(1-x)]) for a share h of the pixels and x in [0, 1].',
  )


def _setup(study: Study, out: Outcome) -> list[str]:
  c = study.config
  spent = budget(study, out)
  return [
    f'Both train on DATA/{c.source}, {c.seeds} seeds, LR by MATLAB bicubic, x4. The'
    ' sets were measured with the last checkpoint of each training.',
    f'SR-NET has {c.srnet.features} filters (128 in the report) and learns at patches'
    f' of {c.srnet.patch_size}, mean absolute error, Adam at {c.srnet.learning_rate:g},'
    f' {c.srnet.steps} steps. The report prints neither patches nor a length; public'
    ' code with this network has pictures of 256 and 5,600 steps.',
    f'ESRGAN has {c.rrdb.blocks} blocks of {c.rrdb.features} maps, growing by'
    f' {c.rrdb.growth} (23, 64 and 32 in the paper): first {c.rrdb.psnr_steps} steps by'
    f' L1 at {c.rrdb.psnr_rate:g}, then {c.rrdb.gan_steps} against the relativistic'
    f' discriminator, from {c.rrdb.discriminator} maps on, at {c.rrdb.gan_rate:g}.',
    'Left out: the perceptual loss, as no complete public file of VGG19 is at hand. In'
    ' its place, and with its weight of 1, stands L1; the adversarial weight is the'
    " paper's 0.005.",
    'The rule of the budget: the same time on the same processor for both systems,'
    f" ESRGAN's two stages together. The config's steps came to"
    f' {spent["srnet"][1]:.0f} s for SR-NET and'
    f' {spent["rrdb"][1] + spent["esrgan"][1]:.0f} s for ESRGAN. How they'
    ' were chosen stands in the config. All rates fall to 0 by a cosine.',
  ]


def _remarks(out: Outcome) -> list[str]:
  behind, second = [], []
  for name in out.bicubic:
    means = {k: statistics.fmean(v) for k, v in _means(out, name, 'psnr_y').items()}
    base = quality.mean(out.bicubic, name, 'psnr_y')
    behind += [f'{systems.TITLES[k]} on {name}' for k, v in means.items() if v < base]
    second.append(f'{means["esrgan"] - means["rrdb"]:+.2f} dB on {name}')
  text = (
    'Networks of this size and training say little of those of the report. SR-NET'
    ' begins with an enlarged picture and hands it on to its last convolution; RRDB has'
    ' to learn to enlarge first.'
  )
  if behind:
    text += f' Below bicubic here: {", ".join(behind)}.'
  return [
    text,
    f'The second stage of ESRGAN changed PSNR by {", ".join(second)}. Papers, which'
    ' train the first to its end, lose by the second.',
    _hard(out),
  ]


def _hard(out: Outcome) -> str:
  """What SR-NET's printed figure says beside bicubic's."""
  every = [
    (values['psnr_y'], picture)
    for rows in out.bicubic.values()
    for picture, values in rows.items()
  ]
  printed = float(PRINTED['srnet'])
  below = sum(value < printed for value, _ in every)
  least, name = min(every)
  return (
    f'Bicubic at x4 is below the {printed:.2f} dB printed for SR-NET on {below} of the'
    f' {len(every)} pictures here (its least: {least:.2f} dB, {name}).'
    + (
      ' So a network may have that figure and enlarge well.'
      if below
      else ' So on any of them a network with that figure would do harm.'
    )
  )


def results(study: Study, out: Outcome) -> dict[str, Any]:
  """All numbers, ready for JSON."""
  return {
    'quality': {
      name: {
        set_name: {
          key: [quality.mean(one, set_name, key) for one in runs] for key in KEYS
        }
        for set_name in out.bicubic
      }
      for name, runs in {'bicubic': [out.bicubic], **out.measured}.items()
    },
    'esrgan_less_srnet': {k: v._asdict() for k, v in gains(out).items()},
    'budget': {
      name: {'steps': steps, 'seconds': seconds}
      for name, (steps, seconds) in budget(study, out).items()
    },
    'seconds_per_step': {name: list(each) for name, each in out.seconds.items()},
    'noise': {
      'hit': list(study.config.noise.hit),
      **{one.name: dataclasses.asdict(one) for one in out.noisy},
    },
  }
