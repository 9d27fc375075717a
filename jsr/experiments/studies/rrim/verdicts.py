"""What the figures say to the claims of report 001."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

from jsr.evaluate import protocol as protocols
from jsr.experiments import findings, intervals, quality, stability
from jsr.experiments.findings import Claim
from jsr.experiments.reproduce import quoted
from jsr.experiments.studies.rrim import curves, variants

BASE, WITHOUT, RRIM = 'srgan', 'srgan-nobn', 'rrim'
RULE = protocols.get('report001')
FSIM = 'fsim_bandwise'


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
    plainly: Those of the one training that has the report's gradient descent in its
      first stage, too.
    first: How each variant's first stage ended.
    measured: Figures of each variant's trainings.
    bicubic: Those of bicubic.
    seconds: Of a step of each variant, a round each.
  """

  asked: stability.Rule
  looked: Mapping[str, Sequence[curves.Looked]]
  plainly: Mapping[str, curves.Looked]
  first: Mapping[str, FirstStage]
  measured: Mapping[str, Sequence[quality.Measured]]
  bicubic: quality.Measured
  seconds: Mapping[str, Sequence[float]]


def claims(out: Outcome, sizes: str) -> list[Claim]:
  """Returns report 001's claims with verdicts.

  Args:
    out: What was measured.
    sizes: Those of the trainings, in a few words.
  """
  return [_removal(out, sizes), _cure(out), _speed(out), _better(out)]


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


def _removal(out: Outcome, sizes: str) -> Claim:
  without, base = out.looked[WITHOUT], out.looked[BASE]
  calm = not any(one.unstable for one in without)
  beside = swings_over_srgan(out, WITHOUT)
  # The usual swing is taken early, when losses still move: a calm course alone does not
  # tell, the swings of both at the end must be alike, too.
  alike = calm and all(ratio.high < out.asked.ratio for ratio in beside.values())
  verdict = findings.UNDECIDABLE
  if _most(without) and not _most(base):
    verdict = findings.CONFIRMED
  elif alike or (_most(without) and _most(base)):
    verdict = findings.NOT_CONFIRMED
  ratios = ', '.join(
    f'{ratio.text(2)} ({curves.LOSSES[key]})' for key, ratio in beside.items()
  )
  return Claim(
    'Removing batch norm from the generator destabilises SRGAN: its losses swing ever'
    ' wider (in report 001 from about step 500).',
    verdict,
    f'{_counted(out, WITHOUT)}. {_counted(out, BASE)}. At the end the one without batch'
    f' norm swings by so many times SRGAN’s deviation: {ratios or "not known"}. That is'
    f' at {sizes}.',
  )


def swings_over_srgan(out: Outcome, name: str) -> dict[str, intervals.Interval]:
  """The deviation of each loss at the end over SRGAN's, of the seeds; its interval."""
  found = {}
  for key in curves.LOSSES:
    pairs = [
      (a.swings[key], b.swings[key])
      for a, b in zip(out.looked[name], out.looked[BASE], strict=True)
    ]
    known = [(a.usual * a.last, b.usual * b.last) for a, b in pairs if a and b]
    if known and all(b > 0 for _, b in known):
      found[key] = intervals.of_mean([a / b for a, b in known])
  return found


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
  printed = printed_times()
  return Claim(
    'An epoch of RRIM takes no longer than one of SRGAN'
    f' ({printed[RRIM]} s against {printed[BASE]} s).',
    verdict,
    f'A step of RRIM takes {ratio.text(3)} times one of SRGAN on the machine of this'
    f' report; report 001 prints {float(printed[RRIM]) / float(printed[BASE]):.3f}, of'
    ' a graphics card.',
  )


def printed_times() -> dict[str, str]:
  """Returns mean seconds of an epoch as report 001 prints them."""
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


def seeds_with(out: Outcome, name: str, set_name: str, key: str) -> int:
  """How many of a variant's seeds a figure was measured of."""
  found = [quality.pictures_of(one, set_name, key) for one in out.measured[name]]
  return sum(map(bool, found))


def _better(out: Outcome) -> Claim:
  above, below, total, parts = 0, 0, 0, []
  of = {column.key: column for column in RULE.columns}
  found = differences(out, RRIM)
  for set_name, rows in found.items():
    for key, (interval, higher) in rows.items():
      if key == 'rmse_4095':
        continue  # The same as PSNR in other units; the table has it.
      digits = 2 if key == 'psnr_rgb' else 4
      alone = seeds_with(out, RRIM, set_name, key) < len(out.measured[RRIM])
      parts.append(f'{set_name} {of[key].title} {interval.text(digits)}' + '*' * alone)
      if alone:
        continue
      total += 1
      sure = interval.excludes(0)
      better = (interval.mean > 0) == higher
      above += sure and better
      below += sure and not better
  note = ' * One seed, over its pictures; does not count.' * ('*' in ''.join(parts))
  verdict = findings.UNDECIDABLE
  if total and above == total:
    verdict = findings.CONFIRMED
  elif below and not above:
    verdict = findings.NOT_CONFIRMED
  return Claim(
    "RRIM's pictures are better than SRGAN's in RMSE, PSNR, SSIM and FSIM.",
    verdict,
    f'RRIM less SRGAN: {"; ".join(parts)}. The interval is on the better'
    f' side in {above} of {total} figures, on the worse in {below}.{note}',
  )
