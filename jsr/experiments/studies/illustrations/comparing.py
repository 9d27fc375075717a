"""The methods of report 004 on held-out tiles: quality and speed."""

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from jsr import models
from jsr.evaluate import (
  benchmark,
  conversion,
  extra,
  methods,
  plots,
  protocol,
  sets,
  svg,
)
from jsr.experiments import looks
from jsr.experiments.studies.illustrations import curating
from jsr.experiments.study import Study
from jsr.metrics import fidelity

SCALE = 4
# {family of report 004: its methods here}; '' stand in no order of the report's. The
# small ESRGAN is there, too: it cannot speak for the published one.
FAMILIES = {
  'interpolation': ('nearest', 'bicubic'),
  'Anime4K': ('Anime4K 0.9', 'Anime4K 1.0RC'),
  'SRCNN, ESPCN': ('SRCNN', 'ESPCN'),
  'SRGAN, ESRGAN': ('SRGAN',),
  '': (
    *('SRResNet', 'RRDB, small', 'ESRGAN, small'),
    *('compact', 'compact, tuned', 'head'),
  ),
}
QUALITY = ('psnr_y', 'ssim_y', 'ssim_global')


def train(study: Study) -> dict[str, Any]:
  """Trains what is trained on the tiles; returns {label: workdir}."""
  c = study.config
  compact = 'compact.py:x4'
  rrdb = {f'generator.args.{k}': c.rrdb[k] for k in ('blocks', 'features', 'growth')}
  head = {f'generator.args.{k}': c.head[k] for k in ('blocks', 'features')}
  tuned = _train(
    study, 'tuned', compact, c.tuned, {'init_from': _embedded('compact-x4')}
  )
  first = _train(study, 'rrdb', 'rrdb.py', c.rrdb, {**rrdb, **_COOLED})
  game = {
    **rrdb,
    'init_from': str(first),
    'discriminator.name': 'SRGANPool',
    'discriminator.args.depth': 4,
    'discriminator.args.features': 16,
    'discriminator.args.hidden': 64,
    'discriminator.args.batch_norm': False,
    'losses.adversarial': 'relativistic',
    'losses.adversarial_weight': c.esrgan.weight,
    'optim.discriminator.learning_rate': 4 * c.esrgan.learning_rate,
  }
  return {
    'compact, tuned': tuned,
    'head': _train(study, 'head', compact, c.head, {**head, **_COOLED}),
    'RRDB, small': first,
    'ESRGAN, small': _train(study, 'esrgan', 'rrdb.py', c.esrgan, game),
  }


# From scratch in a few hundred steps.
_COOLED = {
  'optim.generator.schedule': 'cooldown',
  'optim.generator.warmup': 50,
  'optim.generator.clip_norm': 1.0,
}


def _embedded(name: str) -> str:
  from jsr.weights import embedded

  return str(embedded.path(name))


def _train(
  study: Study, name: str, spec: str, part: Any, changes: Mapping[str, Any]
) -> Any:
  """Trains one network on the tiles' training split."""
  config = study.recipe(
    spec,
    {
      'data.source': study.output / f'tiles-{study.config.size}',
      'data.batch_size': part.batch_size,
      'data.patch_size': part.patch_size,
      'optim.generator.learning_rate': part.learning_rate,
      'optim.ema_decay': 0.98,  # The runs are short.
      'train.max_steps': part.steps,
      'eval.every': 0,
      'eval.limit': 1,
      'eval.size': 64,
      'checkpoint.every': 100,
      'checkpoint.best_metric': '',
      'log.every': 50,
      'log.progress': False,
      **changes,
    },
  )
  return study.train(name, config)


def find(study: Study, trained: Mapping[str, Any]) -> dict[str, methods.Method]:
  """Returns every method by label, in the order of the tables."""
  c = study.config
  found: dict[str, Any] = {
    'nearest': methods.resolve('nearest'),
    'bicubic': methods.resolve('bicubic'),
    'Anime4K 0.9': methods.Network(
      'Anime4K 0.9', 'anime4k', None, {'variant': 'glsl09'}, {}
    ),
    'Anime4K 1.0RC': methods.Network(
      'Anime4K 1.0RC', 'anime4k', None, {'variant': 'rc10'}, {}
    ),
    'ESPCN': methods.resolve('ESPCN=espcn-x4'),
    'compact': methods.resolve('compact=compact-x4'),
  }
  for label, key, generator in (
    ('SRCNN', 'srcnn', 'srcnn'),
    ('SRResNet', 'srresnet', 'srresnet'),
    ('SRGAN', 'srgan', 'srresnet'),
  ):
    if not c[key]:
      continue
    file = study.weights_file(c[key])
    model = conversion.from_file(file, generator=generator, scale=SCALE)
    found[label] = methods.of_model(label, model)
  for label, workdir in trained.items():
    found[label] = methods.from_workdir(workdir, label, 'latest')
  order = [label for family in FAMILIES.values() for label in family]
  return {label: found[label] for label in order if label in found}


def measure(
  found: Mapping[str, methods.Method], pictures: Sequence[tuple[str, np.ndarray]]
) -> dict[str, Any]:
  """Measures every method on tiles of (picture's name, uint8 pixels).

  Returns:
    {label: {figure: mean, 'detail': share of the detail of the truth, 'by picture':
    {name: {figure: mean over its tiles}}}}.
  """
  rule = protocol.get('rgb8')
  opened = sets.PictureSet(
    'tiles', [sets.Picture(f'{i:03}', p) for i, (_, p) in enumerate(pictures)], 'tiles'
  )
  more = extra.open_metrics(['ssim_global'], rule)
  detail = looks.high_frequency(SCALE)
  results = {}
  for label, method in found.items():
    kept: dict[str, dict[str, np.ndarray]] = {}
    row = benchmark.measure(
      method, opened, SCALE, rule, keep=kept, timed=False, extra=more
    )
    by: dict[str, list[list[float]]] = {}
    for (name, hr), (key, scores) in zip(
      pictures, row['per_image'].items(), strict=True
    ):
      with protocol.in_double():
        x, y = (
          fidelity.prepare(jnp.asarray(p[None], jnp.float64), plane='y', crop=SCALE)
          for p in (kept[key][label], hr)
        )
        ratio = float(detail.fn(x, y)[0])
      by.setdefault(name, []).append([*(scores[q] for q in QUALITY), ratio])
    keys = (*QUALITY, 'detail')
    means = {
      name: dict(zip(keys, np.mean(rows, 0).tolist(), strict=True))
      for name, rows in by.items()
    }
    results[label] = {
      **{q: row[q] for q in QUALITY},
      'detail': float(np.median([m['detail'] for m in means.values()])),
      'by picture': means,
    }
  return results


def time_all(
  study: Study, found: Mapping[str, methods.Method]
) -> dict[str, dict[str, float]]:
  """Times the methods in turn.

  Returns:
    {'128 x 128': {label: seconds of one picture, the median}}, from a uint8 picture of
    that size to the enlarged one, on the host. The seconds are the processor's, of all
    threads: those of the clock count what else runs on the machine.
  """
  results = {}
  for (width, height), calls in zip(
    study.config.speed_sizes, study.config.speed_calls, strict=True
  ):
    lr = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    seconds: dict[str, list[float]] = {label: [] for label in found}
    for call in range(1 + calls):
      for label, method in found.items():
        start = time.process_time()
        method.upscale_uint8(lr, SCALE)
        if call:  # The first compiles.
          seconds[label].append(time.process_time() - start)
    results[f'{width} x {height}'] = {
      label: statistics.median(times) for label, times in seconds.items()
    }
  return results


def parameters(found: Mapping[str, methods.Method]) -> dict[str, int]:
  """Counts the parameters of each method."""
  return {
    label: models.parameter_count({'params': {}, **(method.variables or {})})
    if isinstance(method, methods.Network)
    else 0
    for label, method in found.items()
  }


def held_out(study: Study) -> list[tuple[str, np.ndarray]]:
  """Returns the tiles that nothing was trained on."""
  return curating.tiles(study, 'test')


def plot(quality: Mapping[str, Any], seconds: Mapping[str, float], size: str) -> str:
  """Draws PSNR over speed, a dot a method."""
  with svg.style():
    figure = Figure(figsize=(7.2, 3.8), layout='constrained')
    axes = figure.add_subplot()
    handles, names = [], []
    for i, (family, labels) in enumerate(FAMILIES.items()):
      for j, label in enumerate(label for label in labels if label in seconds):
        handles += axes.plot(
          [1 / seconds[label]],
          [quality[label]['psnr_y']],
          color=plots.PALETTE[i % len(plots.PALETTE)],
          marker=plots.MARKERS[j % len(plots.MARKERS)],
          markersize=8,
          linestyle='none',
          markerfacecolor='none' if not family else None,
        )
        names.append(label)
    axes.set_xscale('log')
    axes.margins(0.08)
    axes.grid(color=svg.INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, which='both')
    axes.set_xlabel(f'pictures of {size} in a second, logarithmic')
    axes.set_ylabel('PSNR Y of the held-out tiles (dB)')
    figure.legend(handles, names, loc='outside right center', frameon=False)
    return svg.render(figure, 'PSNR over speed of every method')
