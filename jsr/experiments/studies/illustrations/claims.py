"""What report 004 says, sentence by sentence, and what the figures say to it."""

from collections.abc import Callable, Mapping
from typing import Any

from jsr.experiments import findings, intervals
from jsr.experiments.findings import Claim, Verdict
from jsr.experiments.intervals import Interval
from jsr.experiments.studies.illustrations.comparing import FAMILIES
from jsr.experiments.studies.illustrations.enhancing import STACKED

Results = Mapping[str, Any]
# Best first, as the report prints them; within a place nothing is compared.
SPEED = ('interpolation', 'Anime4K', 'SRCNN, ESPCN', 'SRGAN, ESRGAN')
QUALITY = ('SRGAN, ESRGAN', 'SRCNN, ESPCN', 'Anime4K', 'interpolation')
# A ratio of times that says nothing.
SAME_SPEED = 1.1
# Copies that are the same picture to a person.
SAME = ('saved as JPEG 75', 'six levels brighter', 'halved and doubled')
TITLES = {'psnr_y': 'PSNR', 'ssim_y': 'SSIM', 'ssim_global': 'SSIM of the report'}
# Figures of samples: (name, whether more is better).
FIGURES = {'niqe': False, 'spectrum': False, 'lr_psnr': True}
_ALONE = (
  'SRGAN alone stands for the two: the ESRGAN trained here is too small to stand beside'
  ' it.'
)
TUNED, GENERIC = 'compact, tuned', 'compact'


def difference(quality: Results, a: str, b: str, figure: str) -> Interval:
  """The interval of a - b over the held-out pictures, each the mean of its tiles."""
  ours, theirs = quality[a]['by picture'], quality[b]['by picture']
  return intervals.bootstrap([ours[n][figure] - theirs[n][figure] for n in ours])


def pairs(order: tuple[str, ...], present: Mapping[str, Any]) -> list[tuple[str, str]]:
  """Returns (better, worse) for all methods of different places in an order."""
  groups = [[m for m in FAMILIES[family] if m in present] for family in order]
  return [
    (a, b)
    for i, above in enumerate(groups)
    for below in groups[i + 1 :]
    for a in above
    for b in below
  ]


def quality_order(quality: Results, figure: str) -> tuple[int, list[str], int]:
  """Returns how many pairs hold, which are reversed, and how many are undecided."""
  holds, wrong, open_ = 0, [], 0
  for a, b in pairs(QUALITY, quality):
    found = difference(quality, a, b, figure)
    if not found.excludes(0):
      open_ += 1
    elif found.mean > 0:
      holds += 1
    else:
      wrong.append(f'{b} above {a}')
  return holds, wrong, open_


def all_claims(results: Results) -> list[Claim]:
  """Judges every sentence."""
  quality, samples = results['quality'], results['enhancing']['samples']
  makers: list[Callable[[], Claim | None]] = [
    lambda: _fingerprints(results['curation']),
    lambda: _speed(results['seconds']),
    lambda: _times(results['seconds']),
    lambda: _quality(quality),
    lambda: _small(quality),
    lambda: _detail(quality),
    lambda: _target(quality),
    lambda: _remedy(samples, results['enhancing']['real']),
    lambda: _joint(samples),
  ]
  made = [maker() for maker in makers]
  return [claim for claim in made if claim is not None]


def _fingerprints(curation: Results) -> Claim:
  found = {kind: curation['found'][kind]['10'] for kind in SAME}
  good = min(found.values()) >= 0.95
  size, counts = next(iter(curation['tiles'].items()))
  told = ', '.join(f'{kind}: {share:.0%}' for kind, share in found.items())
  return Claim(
    'Fingerprints of 13 × 13 find tiles that repeat.',
    findings.CONFIRMED if good else findings.NOT_CONFIRMED,
    f'Of {curation["planted"]} planted copies found, with the check of values and mean'
    f' colours that follows the fingerprint: {told}. Among the'
    f' {counts["tiles"]} tiles of {size} pixels themselves {counts["duplicate"]} count'
    ' as repeated.',
  )


def _speed(seconds: Results) -> Claim:
  told, bad = [], 0
  for size, times in seconds.items():
    of = pairs(SPEED, times)
    wrong = [f'{b} faster than {a}' for a, b in of if times[a] > SAME_SPEED * times[b]]
    bad += len(wrong)
    told.append(
      f'At {size} {len(of) - len(wrong)} of {len(of)} pairs hold'
      + (f'; not: {", ".join(wrong)}.' if wrong else '.')
    )
  return Claim(
    'By speed: interpolation, then Anime4K, then SRCNN and ESPCN, then SRGAN and'
    ' ESRGAN.',
    findings.NOT_CONFIRMED if bad else findings.CONFIRMED,
    ' '.join([*told, 'Ratios below 1.1 count as equal. All ran on one processor.']),
  )


def _times(seconds: Results) -> Claim:
  told, inside = [], []
  for size, times in seconds.items():
    learned = [m for family in SPEED[2:] for m in FAMILIES[family] if m in times]
    ratios = {m: times[m] / times['Anime4K 0.9'] for m in learned}
    inside += [10 <= ratio <= 20 for ratio in ratios.values()]
    ends = ', '.join(f'{ratio:.1f} times {m}' for m, ratio in ratios.items())
    told.append(f'at {size} {ends}')
  return Claim(
    'Anime4K is 10 to 20 times as fast as the learned models.',
    findings.CONFIRMED if all(inside) else findings.NOT_CONFIRMED,
    f'The speed of Anime4K 0.9 is {"; ".join(told)}; all on one processor, while it is'
    ' made for graphics cards.',
  )


def _quality(quality: Results) -> Claim:
  told, verdicts = [], []
  for figure, title in TITLES.items():
    holds, wrong, open_ = quality_order(quality, figure)
    verdicts.append((len(wrong), open_))
    told.append(f'{title}: {holds} pairs hold, {len(wrong)} are reversed, {open_} open')
  _, wrong, _ = quality_order(quality, 'psnr_y')
  verdict: Verdict = findings.CONFIRMED
  if any(n for n, _ in verdicts):
    verdict = findings.NOT_CONFIRMED
  elif any(n for _, n in verdicts):
    verdict = findings.UNDECIDABLE
  ends = f' By PSNR reversed: {", ".join(wrong)}.' if wrong else ''
  return Claim(
    'By quality: SRGAN and ESRGAN, then SRCNN and ESPCN, then Anime4K, then'
    ' interpolation.',
    verdict,
    f'{"; ".join(told)} (95 % intervals over the held-out pictures).{ends} {_ALONE}',
  )


def _small(quality: Results) -> Claim | None:
  gains = {
    m: difference(quality, m, 'bicubic', 'psnr_y')
    for m in FAMILIES['SRCNN, ESPCN']
    if m in quality
  }
  told = ', '.join(f'{m} {gain.text()} dB' for m, gain in gains.items())
  verdict: Verdict = findings.UNDECIDABLE
  if all(gain.high < 1 for gain in gains.values()):
    verdict = findings.CONFIRMED
  elif all(gain.low > 1 for gain in gains.values()):
    verdict = findings.NOT_CONFIRMED
  return Claim(
    'SRCNN and ESPCN are in substance not much better than interpolation.',
    verdict,
    f'Above bicubic: {told}; less than 1 dB counts as not much.',
  )


def _detail(quality: Results) -> Claim | None:
  gans = [m for m in FAMILIES['SRGAN, ESRGAN'] if m in quality]
  others = [m for m in FAMILIES['SRCNN, ESPCN'] if m in quality]
  if not gans:
    return None
  found = [difference(quality, a, b, 'detail') for a in gans for b in others]
  told = ', '.join(f'{m} {quality[m]["detail"]:.2f}' for m in (*gans, *others))
  verdict: Verdict = findings.UNDECIDABLE
  if all(f.excludes(0) and f.mean > 0 for f in found):
    verdict = findings.CONFIRMED
  elif any(f.excludes(0) and f.mean < 0 for f in found):
    verdict = findings.NOT_CONFIRMED
  return Claim(
    'SRGAN and ESRGAN show more detail, and are sharper, than SRCNN and ESPCN.',
    verdict,
    f'Energy of fine detail over that of the truth, medians: {told}. {_ALONE}',
  )


def _target(quality: Results) -> Claim:
  gain = difference(quality, TUNED, GENERIC, 'psnr_y')
  detail = difference(quality, TUNED, GENERIC, 'detail')
  verdict: Verdict = findings.UNDECIDABLE
  if gain.excludes(0):
    verdict = findings.CONFIRMED if gain.mean > 0 else findings.NOT_CONFIRMED
  return Claim(
    'Without data of the target a network learns ordinary detail only; data of the'
    ' target help.',
    verdict,
    f'The compact network of photographs gains {gain.text(3)} dB PSNR and'
    f' {detail.text(3)} in detail from training on tiles of other drawings.',
  )


def better(samples: Results, a: str, b: str) -> dict[str, Interval]:
  """Intervals over seeds of how much a is better than b; positive is better.

  Figures that were not measured, or not of each seed, are left out.
  """
  return {
    figure: intervals.of_difference(
      samples[a if more else b][figure], samples[b if more else a][figure]
    )
    for figure, more in FIGURES.items()
    if None not in (*samples[a][figure], *samples[b][figure])
  }


def _told(found: Mapping[str, Interval]) -> str:
  names = {'niqe': 'NIQE', 'spectrum': 'spectrum', 'lr_psnr': 'PSNR of the reduced'}
  return ', '.join(
    f'{names[figure]} {interval.text()}{"" if figure == "niqe" else " dB"}'
    for figure, interval in found.items()
  )


def _remedy(samples: Results, real: Results) -> Claim:
  found = better(samples, TUNED, 'bicubic')
  found.pop('lr_psnr', None)
  verdict: Verdict = findings.UNDECIDABLE
  if all(f.excludes(0) and f.mean > 0 for f in found.values()):
    verdict = findings.NOT_CONFIRMED
  elif all(f.excludes(0) and f.mean < 0 for f in found.values()):
    verdict = findings.CONFIRMED
  there = ', '.join(
    f'{name} {real["bicubic"][key] - real[TUNED][key]:.2f}{unit}'
    for key, name, unit in (('niqe', 'NIQE', ''), ('spectrum', 'spectrum', ' dB'))
    if key in found
  )
  return Claim(
    'Super-resolution is not the right way to enlarge what a small GAN makes.',
    verdict,
    f'Better than bicubic on samples by {_told(found)} (intervals over seeds); on real'
    f' pictures shrunk to the same size by {there}.',
  )


def _joint(samples: Results) -> Claim:
  found = better(samples, STACKED, 'head')
  verdict: Verdict = findings.UNDECIDABLE
  if all(f.excludes(0) and f.mean > 0 for f in found.values()):
    verdict = findings.CONFIRMED
  elif all(f.excludes(0) and f.mean < 0 for f in found.values()):
    verdict = findings.NOT_CONFIRMED
  return Claim(
    'An enlarger that is trained as a part of the GAN gives better results.',
    verdict,
    f'The stacked GAN is better than the two stages by {_told(found)}; positive is'
    ' better, intervals over seeds.',
  )
