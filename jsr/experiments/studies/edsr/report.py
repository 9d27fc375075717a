"""What the figures of study `edsr` say, as claims, tables and sentences."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from jsr.evaluate import plots
from jsr.experiments import findings, intervals
from jsr.experiments.findings import Claim, Findings, Plot
from jsr.experiments.intervals import Interval
from jsr.experiments.studies.edsr import memory, tables
from jsr.experiments.studies.edsr.measuring import BICUBIC, SCALE
from jsr.experiments.study import Study

# "Approximately 40 %".
_ABOUT = (0.3, 0.5)
# dB within which two networks are "comparable" [our reading]: ten times the difference
# that the paper prints, a fifth of that between EDSR's baseline and its large network.
_ALIKE = 0.1


def findings_of(study: Study, found: Mapping[str, Any]) -> Findings:
  """Judges.

  Args:
    study: Its config names the budgets.
    found: 'curves', 'final', 'start' and 'memory', see the package.
  """
  c = study.config
  claims = [
    _on_memory(found['memory'], c),
    _on_rivals(found['final'], c),
    _on_scales(found['final'], c),
    _on_gan(found['final'], c),
  ]
  shown = [tables.of_networks(found['final'], c)]
  if any(row['scale'] != SCALE for row in found['final']):
    shown.append(tables.of_scales(found['final']))
  shown.append(tables.of_memory(found['memory'], c))
  if found['memory']['processes']:
    shown.append(tables.of_processes(found['memory']))
  return Findings(
    title='EDSR, EDSR-GAN and MDSR, and the memory of batch norm',
    question=_question(),
    claims=claims,
    setup=_setup(c),
    tables=shown,
    plots=[_plot(found, c)],
    remarks=_remarks(found, c),
    results=found,
  )


def about_forty(savings: Sequence[float]) -> findings.Verdict:
  """Judges whether all shares that are saved are "approximately 40 %": 30 to 50 %."""
  inside = all(_ABOUT[0] <= x <= _ABOUT[1] for x in savings)
  return findings.CONFIRMED if inside else findings.NOT_CONFIRMED


def _beside(savings: Sequence[float]) -> str:
  """Where the shares lie that are not "approximately 40 %", in words."""
  if max(savings) > _ABOUT[1]:
    return 'more is saved than is claimed'
  return 'less is saved' if min(savings) < _ABOUT[0] else 'so it is'


def _on_memory(found: Mapping[str, Any], c: Any) -> Claim:
  steps, sizes = found['steps'], c.memory.patch_sizes
  savings = [memory.saving(steps, size) for size in sizes]
  alone = [
    f'{100 * memory.saving(steps, size, memory.UNNORMED):.0f} %' for size in sizes
  ]
  where = [
    f'{100 * x:.0f} % with HR patches of {size}'
    for x, size in zip(savings, sizes, strict=True)
  ]
  reason = (
    f'A compiled training step of EDSR needs less than one of SRResNet by'
    f' {", ".join(where)} ({c.memory.blocks} blocks, batch {c.memory.batch_size});'
    f' SRResNet without its batch norms by {" and ".join(alone)}.'
    ' "Approximately 40 %" is read as 30 to 50 %;'
    f' {_beside(savings)}.'
  )
  return Claim(
    'EDSR without batch norm saves approximately 40 % of the memory in training,'
    ' compared to SRResNet.',
    about_forty(savings),
    reason,
  )


def _difference(
  final: Sequence[Mapping[str, Any]], a: str, b: str, key: str
) -> Interval:
  return intervals.of_difference(
    tables.values_of(final, a, key), tables.values_of(final, b, key)
  )


def _on_rivals(final: Sequence[Mapping[str, Any]], c: Any) -> Claim:
  text = 'EDSR performs better than SRResNet, whose batch norms it removes.'
  rivals = sorted({r['method'] for r in final if 'published' in r['method']})
  if not rivals:
    return Claim(text, findings.UNDECIDABLE, 'No published SRResNet was measured.')
  ours = intervals.of_mean(tables.values_of(final, tables.SMALL, 'psnr_y'))
  theirs = tables.values_of(final, rivals[0], 'psnr_y')[0]
  # A shorter training that wins settles it; one that does not tells of its length.
  won = ours.excludes(theirs) and ours.mean > theirs
  bicubic = tables.values_of(final, BICUBIC, 'psnr_y')[0]
  return Claim(
    text,
    findings.CONFIRMED if won else findings.UNDECIDABLE,
    f'After {c.steps} steps EDSR with {c.small} blocks has {ours.text()} dB on Y of the'
    f' validation pictures, {rivals[0]} {theirs:.2f} dB and bicubic {bicubic:.2f} dB:'
    ' the two were trained by different people for different lengths, and the paper’s'
    ' own lead is 0.02 dB.',
  )


def _on_scales(final: Sequence[Mapping[str, Any]], c: Any) -> Claim:
  change = _difference(final, tables.MULTI, tables.BASE, 'psnr_wide')
  verdict = findings.UNDECIDABLE
  if change.low >= -_ALIKE and change.high <= _ALIKE:
    verdict = findings.CONFIRMED
  elif change.low > _ALIKE or change.high < -_ALIKE:
    verdict = findings.NOT_CONFIRMED
  reason = (
    f'MDSR {change.text()} dB of RGB against EDSR at x{SCALE} on the validation'
    f' pictures, with {change.n} seed(s) of {c.steps} steps, of which MDSR spends one'
    ' in three at x4.'
  )
  return Claim(
    'MDSR, one network for x2, x3 and x4, performs comparably to single-scale EDSR.',
    verdict,
    f'{reason} Comparable is within {_ALIKE:g} dB; the paper’s difference is +0.01 dB.',
  )


def _on_gan(final: Sequence[Mapping[str, Any]], c: Any) -> Claim:
  psnr = _difference(final, tables.GAN, tables.BASE, 'psnr_y')
  detail = _difference(final, tables.GAN, tables.BASE, 'detail')
  before = intervals.of_mean(tables.values_of(final, tables.BASE, 'detail')).mean
  traded = psnr.mean < 0 < detail.mean
  verdict = findings.UNDECIDABLE
  if psnr.excludes(0) and detail.excludes(0):
    verdict = findings.CONFIRMED if traded else findings.NOT_CONFIRMED
  return Claim(
    'EDSR-GAN has more detail than EDSR, at a lower PSNR (the aim of a GAN stage;'
    ' report 003 prints no figure of it).',
    verdict,
    f'{c.gan.steps} steps of it change PSNR on Y by {psnr.text()} dB and the'
    f' high-frequency energy, {before:.2f} of HR’s before, by {detail.text()}, with'
    f' {psnr.n} seed(s).',
  )


def _plot(found: Mapping[str, Any], c: Any) -> Plot:
  title = 'PSNR on Y of the validation pictures in the course of training'
  start, runs = found['start'], {}
  for name, curves in found['curves'].items():
    whole = []
    for seed, curve in enumerate(curves):
      before = _before(found, name, seed)
      first = [] if before is None else [{'step': 0, 'psnr_y': before}]
      whole.append([*first, *curve])
    runs[name] = [
      {
        'step': points[0]['step'],
        'psnr_y': statistics.fmean(point['psnr_y'] for point in points),
      }
      for points in zip(*whole, strict=True)
    ]
  drawn = plots.curves(
    runs,
    'psnr_y',
    title=title,
    y_label='PSNR Y (dB)',
    references={BICUBIC: start[BICUBIC]},
    size=(7.2, 3.6),
  )
  note = (
    f'Centre crops of {c.watched} x {c.watched}, every {c.eval_every} steps, mean of'
    f' {c.seeds} seed(s). EDSR-GAN'
    ' goes on from the baseline’s last step.'
  )
  return Plot('curves', title, drawn, note)


def _before(found: Mapping[str, Any], name: str, seed: int) -> float | None:
  """What a network had at step 0, as far as that was measured."""
  if name == tables.GAN:
    last: float = found['curves'][tables.BASE][seed][-1]['psnr_y']
    return last
  if 'nothing' in name:
    return None
  value: float | None = found['start'].get('start')
  return value


def _question() -> list[str]:
  return [
    'Report 003 builds EDSR with 8 blocks after Lim et al., 2017, evaluates it every'
    ' 1,000 steps on the first ten validation pictures of DIV2K, and quotes the paper:'
    ' without batch norm about 40 % of the memory is saved in training, EDSR exceeds'
    ' SRResNet, and MDSR serves several factors with one network. It prints no figure.'
    ' What of this holds here, and how far are networks of jsr from the paper?'
  ]


def _setup(c: Any) -> list[str]:
  source = f'DATA/{c.source}' if c.source else 'the photographs of jsr'
  grown = (
    f'From random parameters so few steps lead nowhere near the paper (the rows "from'
    f' nothing" show it), so the others grow from a trained 8-block EDSR x2 of others,'
    f' WEIGHTS/{c.start}: its layers are kept, a second upsampler repeats pixels,'
    ' blocks that are added begin as identities. The paper starts x4 from its x2, too,'
    ' but with a fresh tail, and each network from its own.'
    if c.start
    else 'All networks start from random parameters.'
  )
  return [
    f'Architectures as published ({c.small}, {c.large} and {c.large} blocks of'
    f' {c.features} maps, x{SCALE}); {c.steps} steps of {c.batch_size} HR patches of'
    f' {c.patch_size} x {c.patch_size} from {source}, L1, Adam at {c.learning_rate:g},'
    f' {c.seeds} seed(s), one process on one core. {grown}',
    f'EDSR-GAN: {c.gan.steps} steps from the baseline by `configs/edsr_gan.py`, with'
    f' its discriminator and weights of losses, but VGG19 at {c.gan.layer}, as deep as'
    ' the weights at hand go, in place of conv5_4.',
    f'Evaluation: every {c.eval_every} steps (report 003: 1,000) on the first'
    f' {c.limit} pictures of {c.validation}, or as many as it has: `DIV2K_valid_subset`'
    ' has eight, chosen for being hard, and not the first ten of DIV2K, so its figures'
    f' cannot be compared with the paper’s. In training, centre crops of {c.watched}'
    f' pixels are measured, at the end of {c.final}; whole pictures of'
    f' {", ".join(c.sets) or "no other set"}.'
    ' The last step is measured, and goes on as EDSR-GAN, not the best one.',
    'Memory: training steps of SRResNet (MSE) and EDSR’s baseline (L1), both with Adam'
    ' and jsr’s in-step bicubic, compiled for this machine and not run. XLA fuses'
    ' element-wise operations and computes some again in the backward pass; a framework'
    ' that runs layer by layer, as the paper’s did, keeps more around a batch norm.',
  ]


def _remarks(found: Mapping[str, Any], c: Any) -> list[str]:
  steps = found['memory']['steps']
  size = c.memory.patch_sizes[-1]
  again = memory.saving(steps, size, memory.RECOMPUTED)
  plain = memory.saving(steps, size)
  remarks = [
    f'Computing the blocks again in the backward pass (`generator.args.remat`) saves'
    f' {100 * again:.0f} % against SRResNet at HR {size}, where EDSR alone saves'
    f' {100 * plain:.0f} %: since then memory has had other ways out than leaving batch'
    ' norm away.'
    if again > plain
    else f'Computing the blocks again in the backward pass does not help here:'
    f' {100 * again:.0f} % against {100 * plain:.0f} % saved at HR {size}.'
  ]
  remarks.append(
    'Nothing here tells which network is better when all are trained to the end: the'
    f' paper’s differences are hundredths of a dB, and {c.steps} steps are'
    f' {100 * c.steps / 300_000:.2g} % of its.'
  )
  return remarks
