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
  verdict = findings.UNDECIDABLE
  if _most(without) and not _most(base):
    verdict = findings.CONFIRMED
  elif not any(one.unstable for one in without) or (_most(without) and _most(base)):
    verdict = findings.NOT_CONFIRMED
  return Claim(
    'Without batch norm in the generator, the losses of SRGAN swing ever wider from'
    ' about step 500.',
    verdict,
    f'{_counted(out, WITHOUT)}. {_counted(out, BASE)}. That is at {sizes}.',
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
  printed = printed_times()
  return Claim(
    'An epoch of RRIM takes no longer than one of SRGAN'
    f' ({printed[RRIM]} s against {printed[BASE]} s).',
    verdict,
    f'A step of RRIM takes {ratio.text(3)} times one of SRGAN; the report prints'
    f' {float(printed[RRIM]) / float(printed[BASE]):.3f}.',
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
  alone = ''
  if any(seeds_with(out, RRIM, name, FSIM) == 1 for name in out.bicubic):
    alone = ' FSIM where one seed has it: over its pictures.'
  verdict = findings.UNDECIDABLE
  if total and above == total:
    verdict = findings.CONFIRMED
  elif below and not above:
    verdict = findings.NOT_CONFIRMED
  return Claim(
    "RRIM's pictures are better than SRGAN's in RMSE, PSNR, SSIM and FSIM.",
    verdict,
    f'RRIM less SRGAN: {"; ".join(parts)}. The interval is on the better'
    f' side in {above} of {total} figures, on the worse in {below}.{alone}',
  )
