"""Study `rrim`: does removing batch norm destabilise SRGAN, and does RRIM cure it?"""

import dataclasses

from jsr.evaluate import protocol as protocols
from jsr.experiments import kept, quality, step_time
from jsr.experiments.findings import Findings
from jsr.experiments.studies.rrim import curves, report, variants, verdicts
from jsr.experiments.study import Study

SCALE = 4
RULE = verdicts.RULE


def run(study: Study) -> Findings:
  """Trains, measures and times; see configs/studies/rrim.py.

  Raises:
    UserError: A config that does not fit, or missing data.
  """
  c = study.config
  asked = curves.rule(c)
  pictures = quality.open_checked(study, c.sets, SCALE, RULE)
  plain = variants.train_plainly(study)
  runs = variants.train(study)
  plainly = {
    name: curves.look(second, c.steps, asked) for name, (_, second) in plain.items()
  }
  looked = {
    name: [curves.look(each, c.steps, asked) for each in workdirs]
    for name, workdirs in runs.items()
  }
  quick = dataclasses.replace(
    RULE, columns=tuple(x for x in RULE.columns if x.key != verdicts.FSIM)
  )
  slow = dict(zip(c.sets, c.fsim_seeds, strict=True))

  def rule(seed: int, set_name: str) -> protocols.Protocol:
    return RULE if seed < slow[set_name] else quick

  measured = {
    name: quality.of_seeds(study, workdirs, pictures, SCALE, rule)
    for name, workdirs in runs.items()
  }
  bicubic = quality.bicubic(pictures, SCALE, RULE)
  configs = {name: variants.timed(study, name) for name in variants.VARIANTS}
  seconds = kept.once(
    study.output / 'measured' / 'timing.json',
    [c.timing.to_dict(), c.blocks, c.features, c.discriminator.to_dict()],
    lambda: step_time.alternate(configs, c.timing.rounds),
  )
  first = {
    name: verdicts.FirstStage(
      [curves.last_error(variants.first_stage(study, name, s)) for s in range(c.seeds)],
      curves.last_error(plain[name][0]),
    )
    for name in variants.VARIANTS
  }
  return report.make(
    study, verdicts.Outcome(asked, looked, plainly, first, measured, bicubic, seconds)
  )
