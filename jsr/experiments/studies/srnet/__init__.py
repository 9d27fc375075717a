"""Study `srnet`: SR-NET against ESRGAN on one budget, and impulse noise."""

import functools

import jax

from jsr.evaluate import methods, sets
from jsr.evaluate import protocol as protocols
from jsr.evaluate.columns import Column
from jsr.evaluate.extra import Extra
from jsr.experiments import kept, quality, step_time
from jsr.experiments.findings import Findings
from jsr.experiments.studies.srnet import impulse, report, systems
from jsr.experiments.study import Study
from jsr.metrics import frequency, registry

SCALE = 4
RULE = protocols.get('rgb8')


def run(study: Study) -> Findings:
  """Trains, measures, and looks at impulse noise; see configs/studies/srnet.py.

  Raises:
    UserError: A config that does not fit, or missing data.
  """
  c = study.config
  pictures = quality.open_checked(study, c.sets, SCALE, RULE)
  runs = systems.train(study)
  extra = [_detail()]
  measured = {
    name: quality.of_seeds(study, workdirs, pictures, SCALE, lambda *_: RULE, extra)
    for name, workdirs in runs.items()
  }
  bicubic = quality.of_method(
    methods.Interpolation(RULE.bicubic, 'bicubic'), pictures, SCALE, RULE, extra
  )
  configs = {name: systems.recipe(study, name, 0) for name in systems.TITLES}
  seconds = kept.once(
    study.output / 'measured' / 'timing.json',
    [c.timing_rounds, c.srnet.to_dict(), c.rrdb.to_dict()],
    lambda: step_time.alternate(configs, c.timing_rounds),
  )
  photographs = sets.open_sets([sets.EMBEDDED])[0]
  noisy = impulse.look(photographs, c.noise.hit)
  return report.make(study, report.Outcome(measured, bicubic, seconds, noisy))


def _detail() -> Extra:
  """How much fine detail a result has; see `jsr.metrics.frequency`."""
  title, _ = report.KEYS['high_frequency']
  metric = registry.Metric('high_frequency', title, None, 'y', 'higher', smallest=8)
  function = jax.jit(functools.partial(frequency.high_frequency_ratio, scale=SCALE))
  return Extra(Column(metric.name, title, 2), metric, function)
