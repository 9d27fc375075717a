"""Report 003: EDSR, EDSR-GAN and MDSR trained, and the memory that batch norm takes."""

import pathlib
from collections.abc import Mapping
from typing import Any

from jsr.errors import UserError
from jsr.evaluate import conversion
from jsr.experiments.findings import Findings
from jsr.experiments.studies.edsr import growth, measuring, memory, report
from jsr.experiments.study import Study
from jsr.train import logs, settings
from jsr.weights import model_file

# {network: workdirs of each seed}
Runs = Mapping[str, list[pathlib.Path]]
RECIPES = {
  'EDSR, 8 blocks, from nothing': 'edsr.py:x4,8',
  'EDSR, 8 blocks': 'edsr.py:x4,8',
  'EDSR baseline': 'edsr.py:x4',
  'MDSR baseline': 'mdsr.py',
}
GAN = 'EDSR-GAN'
FROM = 'EDSR baseline'  # What the GAN starts from.


def run(study: Study) -> Findings:
  """Trains, measures and judges."""
  if not study.config.memory.patch_sizes:
    raise UserError('config.memory.patch_sizes is empty; name a size of HR patches')
  # What is missing is told before the first training.
  sets = measuring.open_sets(study)
  runs = {name: _trained(study, name) for name in _names(study)}
  runs[GAN] = [
    _train_gan(study, seed, workdir) for seed, workdir in enumerate(runs[FROM])
  ]
  found = {
    'curves': {name: [_curve(study, w) for w in ws] for name, ws in runs.items()},
    'final': measuring.final(study, sets, runs),
    'start': measuring.start(study, sets, _start_files(study)),
    'memory': memory.measure(study),
  }
  return report.findings_of(study, found)


def _names(study: Study) -> list[str]:
  """The networks of the first stage: without something to grow from, all are fresh."""
  return [name for name in RECIPES if study.config.start or 'nothing' not in name]


def _trained(study: Study, name: str) -> list[pathlib.Path]:
  c = study.config
  fresh = not c.start or 'nothing' in name
  workdirs = []
  for seed in range(c.seeds):
    changes = {
      **_common(study, seed),
      'generator.args.blocks': _blocks(study, name),
      'generator.args.features': c.features,
      'train.max_steps': c.steps,
    }
    if not fresh:
      path = _start_files(study)[name]
      changes['init_from'] = str(path)
      changes['generator.args.internal_range'] = model_file.load(path).args[
        'internal_range'
      ]
    config = study.recipe(RECIPES[name], changes)
    workdirs.append(study.train(f'{_slug(name)}-{seed}', config))
  return workdirs


def _train_gan(study: Study, seed: int, baseline: pathlib.Path) -> pathlib.Path:
  c = study.config
  args = settings.read(baseline).generator.args.to_dict()
  narrow = c.gan.vgg == 'narrow'
  changes = {
    **_common(study, seed),
    **{f'generator.args.{name}': value for name, value in args.items()},
    'init_from': str(baseline),
    'train.max_steps': c.gan.steps,
    'losses.vgg': c.gan.vgg if narrow else str(study.weights_file(c.gan.vgg)),
    'losses.perceptual_layers': (c.gan.layer,),
    'discriminator.args.features': c.gan.features,
    'discriminator.args.hidden': c.gan.hidden,
  }
  # Both players keep the recipe's own rate.
  del changes['optim.generator.learning_rate']
  return study.train(f'{_slug(GAN)}-{seed}', study.recipe('edsr_gan.py', changes))


def _common(study: Study, seed: int) -> dict[str, Any]:
  c = study.config
  own = c.validation == 'photographs'
  return {
    'seed': seed,
    'data.source': str(study.data_folder(c.source)) if c.source else 'photographs',
    'data.batch_size': c.batch_size,
    'data.patch_size': c.patch_size,
    'optim.generator.learning_rate': c.learning_rate,
    'eval.every': c.eval_every,
    'eval.sets': (c.validation,),
    'eval.data': '' if own else str(study.data_folder('.')),
    'eval.limit': c.limit,
    'eval.size': c.watched,
    'checkpoint.every': max(25, c.steps // 8),
    'checkpoint.best_metric': '',  # The last step is measured and goes on.
    'log.every': 10,
    'log.progress': False,
  }


def _blocks(study: Study, name: str) -> int:
  c = study.config
  return int(c.small if '8 blocks' in name else c.large)


def _start_files(study: Study) -> dict[str, pathlib.Path]:
  """Model files that the networks of the first stage start from, by name."""
  c = study.config
  if not c.start:
    return {}
  files = {}
  small = conversion.from_file(study.weights_file(c.start), generator='edsr')
  for name, recipe in RECIPES.items():
    if 'nothing' in name:
      continue
    path = study.output / 'starts' / f'{_slug(name)}.safetensors'
    if not path.is_file():
      generator = recipe.partition('.')[0]
      model = growth.grow(small, generator, _blocks(study, name))
      model_file.save(path, **model._asdict())
    files[name] = path
  return files


def _curve(study: Study, workdir: pathlib.Path) -> list[dict[str, float]]:
  """PSNR on Y in the course of a training: [{'step', 'psnr_y'}, ...]."""
  key = settings.figure(study.config.validation, 4, 'psnr_y')
  records = logs.read(workdir / logs.FILE)
  return [{'step': r['step'], 'psnr_y': r[key]} for r in records if key in r]


def _slug(name: str) -> str:
  return name.lower().replace(',', '').replace(' ', '-')
