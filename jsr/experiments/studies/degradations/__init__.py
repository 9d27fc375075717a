"""Report 003's future work: one model for mixed degradations, against bicubic alone.

Trainings of one network, alike in everything but the degradation that makes their LR,
judged on synthetic LR with a truth and on photographs without one.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from jsr.evaluate import conversion
from jsr.experiments.findings import Findings
from jsr.experiments.studies.degradations import photographs, report, synthetic
from jsr.experiments.study import Study
from jsr.types import Variables
from jsr.weights import embedded

# {kind: variables of each seed}
Trained = Mapping[str, list[Variables]]


def run(study: Study) -> Findings:
  """Trains, measures and judges."""
  c = study.config
  kinds = list(dict.fromkeys((c.control, c.judged, *c.others)))
  # What is missing is told before the first training.
  judges = synthetic.open_judges(study)
  photos = photographs.open_photographs(study)
  trained: dict[str, list[Variables]] = {}
  logs: dict[str, Any] = {}
  for kind in kinds:
    workdirs = [_train(study, kind, seed) for seed in range(c.seeds)]
    models = [conversion.read_workdir(workdir, 'latest') for workdir in workdirs]
    trained[kind] = [model.variables for model in models]
    logs[kind] = [workdir.name for workdir in workdirs]
  network = photographs.network(models[0])
  if c.start:
    start = conversion.load(embedded.path(c.start))
    trained['start'] = [start.variables]
  measured = {
    'synthetic': synthetic.measure(study, judges, network, trained),
    'photographs': photographs.measure(study, photos, network, trained),
    'runs': logs,
  }
  return report.findings_of(study, measured, judges.perceptual)


def _train(study: Study, kind: str, seed: int) -> pathlib.Path:
  c = study.config
  changes: dict[str, Any] = {
    'seed': seed,
    'degradation.name': kind,
    'data.source': str(study.data_folder(c.source)) if c.source else 'photographs',
    'data.batch_size': c.batch_size,
    'data.patch_size': c.patch_size,
    'optim.generator.learning_rate': c.learning_rate,
    'optim.generator.warmup': min(20, c.steps),
    'optim.ema_decay': 0.0,  # The run is short.
    'train.max_steps': c.steps,
    'eval.every': 0,
    'eval.limit': 1,
    'eval.size': 64,
    'checkpoint.every': 50,
    'log.every': min(25, c.steps),
    'log.progress': False,
  }
  if c.start:
    changes['init_from'] = str(embedded.path(c.start))
  return study.train(f'{kind}-{seed}', study.recipe(c.recipe, changes))
