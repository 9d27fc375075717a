"""The report of the study: its texts, and all numbers."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from jsr.experiments import quality
from jsr.experiments.findings import Findings, Plot
from jsr.experiments.reproduce import quoted
from jsr.experiments.studies.rrim import curves, drawing, tables, variants, verdicts
from jsr.experiments.studies.rrim.verdicts import BASE, RRIM, RULE, Outcome
from jsr.experiments.study import Study


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
    claims=verdicts.claims(out, _sizes(study)),
    setup=_setup(study, out),
    tables=[
      tables.swings(out, titles),
      tables.figures(out, titles),
      tables.time(out, titles),
      tables.first(study, out, titles),
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


def _sizes(study: Study) -> str:
  c = study.config
  return (
    f'{c.blocks} blocks of {c.features} maps, patches of {c.patch_size},'
    f' {c.steps} steps'
  )


def _setup(study: Study, out: Outcome) -> list[str]:
  c = study.config
  timing = 'the full networks' if c.timing.full else 'the small networks'
  return [
    f'Trained on DATA/{c.source}, x4, {c.seeds} seeds; all variants of a seed see the'
    f' same {c.batch_size} patches of {c.patch_size} x {c.patch_size} in each step'
    ' (report 001: 4 pictures; its code base: 384 x 384).'
    f' First {c.init_steps} steps by MSE, then {c.steps} against the discriminator;'
    ' steps are counted from there. Report 001 has 10 and 400 epochs: 2,000 and 80,000'
    ' steps, if an epoch is the 800 pictures of DIV2K [our reading].',
    "SRGAN is TensorLayer's generator, the report's code base, with"
    f' {c.blocks} residual blocks of {c.features} maps (16 of 64); RRIM has {c.blocks}'
    f' modules and a trunk of {2 * c.features} (16 and 128). The discriminator is the'
    " one that the report names, SRGAN's, from"
    f' {c.discriminator.features} maps on (64) and with a dense layer of'
    f' {c.discriminator.hidden} (1024).',
    f'The first stage is by Adam at {c.init_rate:g}; why, tells the last table. Then,'
    " as in its code base, gradient descent with momentum 0.9, at the report's rate of"
    ' 0.03, for both players, loss MSE on [-1, 1] + 0.001 adversarial. Left out: the'
    ' perceptual term, 2e-6 of VGG19 features, as no complete public file of them is at'
    ' hand.',
    'Nothing was rolled back: a step with a value that is not finite would be skipped'
    ' and counted.',
    f'Times are of {timing}, batches of {c.timing.batch_size}, patches of'
    f' {c.timing.patch_size} x {c.timing.patch_size}, one step of each in turn,'
    f' {c.timing.rounds} rounds.',
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
    'swings_plain': {k: curves.describe([one]) for k, one in out.plainly.items()},
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
      name: verdicts.ratio_of_time(out, name)._asdict()
      for name in out.seconds
      if name != BASE
    },
  }
