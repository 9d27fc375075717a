"""Held-out pictures, degraded with fixed seeds: there is a truth to compare with."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jsr import degradations
from jsr.evaluate import benchmark, columns, extra, methods, protocol, sets
from jsr.evaluate.network import Network
from jsr.experiments import feature_distance, kept, looks
from jsr.experiments.study import Study
from jsr.metrics import registry
from jsr.types import Variables

SCALE = 4
RULE = 'rgb8'
PLAIN = 'enlarged by bicubic'
LPIPS = 'lpips_alex'


class Judges(NamedTuple):
  """What the networks are measured with.

  Attributes:
    sets: By degradation: the same pictures with other LR.
    perceptual: A measure of looks that has the truth, with its column.
  """

  sets: Mapping[str, sets.PictureSet]
  perceptual: extra.Extra


def open_judges(study: Study) -> Judges:
  """Reads the pictures, and makes their LR.

  Raises:
    UserError: There are none, or a degradation is unknown.
  """
  c = study.config.synthetic
  data = None if c.set == sets.EMBEDDED else str(study.data_folder('.'))
  (opened,) = sets.open_sets([c.set], data=data, limit=c.limit)
  opened = sets.centre_crop(opened, c.size)
  degraded = {name: degrade(opened, name, c.seed) for name in c.degradations}
  return Judges(degraded, _perceptual(study))


def degrade(opened: sets.PictureSet, name: str, seed: int) -> sets.PictureSet:
  """Gives each picture the LR that a degradation makes of it.

  Args:
    opened: Pictures of one size, a multiple of `SCALE`.
    name: Of `jsr.degradations`.
    seed: Of what it draws; a picture's draws depend on its place in the set alone.
  """
  degradation = degradations.make(name, scale=SCALE)
  hr = [np.repeat(p.hr, 3 // p.hr.shape[-1], axis=-1) for p in opened.pictures]
  key = jax.random.key(seed)
  keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(len(hr)))

  @jax.jit
  def make(batch: jax.Array) -> jax.Array:
    return degradation.apply(batch, degradation.draw(keys), keys)

  lr = np.asarray(make(jnp.asarray(np.stack(hr))))
  pictures = [
    sets.Picture(p.name, truth, np.round(low * 255).astype(np.uint8))
    for p, truth, low in zip(opened.pictures, hr, lr, strict=True)
  ]
  return sets.PictureSet(f'{opened.name}, {name}', pictures, opened.origin)


def measure(
  study: Study,
  judges: Judges,
  network: Network,
  trained: Mapping[str, Sequence[Variables]],
) -> dict[str, Any]:
  """Measures bicubic and every network on every degradation.

  Returns:
    {degradation: {kind: {column: [[a value each picture] each seed]}}}, where bicubic
    enlargement, `PLAIN`, is a kind of its own.
  """
  c = study.config
  plain = methods.resolve('bicubic')

  def of(name: str, method: Any) -> Any:
    path = study.output / 'measured' / f'synthetic-{name}.json'
    key = [c.to_dict(), judges.perceptual.column.key]
    return kept.once(path, key, functools.partial(_all, judges, method))

  found = {PLAIN: [of('plain', plain)]}
  for kind, seeds in trained.items():
    found[kind] = []
    for seed, variables in enumerate(seeds):
      network.load(variables)
      found[kind].append(of(f'{kind}-{seed}', network))
  return {
    name: {
      kind: {key: [row[name][key] for row in rows] for key in rows[0][name]}
      for kind, rows in found.items()
    }
    for name in judges.sets
  }


def _all(judges: Judges, method: Any) -> dict[str, dict[str, list[float]]]:
  """Measures a method: {degradation: {column: [a value each picture]}}."""
  rule = protocol.get(RULE)
  result = {}
  for name, pictures in judges.sets.items():
    images = benchmark.measure(
      method, pictures, SCALE, rule, timed=False, extra=[judges.perceptual]
    )['per_image'].values()
    columns = [key for key in next(iter(images)) if key != 'seconds']
    result[name] = {key: [image[key] for image in images] for key in columns}
  return result


def _perceptual(study: Study) -> extra.Extra:
  """LPIPS where its weights are at hand, else a distance in SqueezeNet, else FSIM.

  Nothing is downloaded.
  """
  found = looks.find('auto', scale=SCALE)
  if found.name == LPIPS:
    metric = registry.METRICS[LPIPS]
    column = columns.Column(LPIPS, metric.title, 4, metric.better)
    return extra.Extra(column, metric, found.fn)
  if not study.config.synthetic.squeezenet:
    (substitute,) = extra.open_metrics(['fsim'], protocol.get(RULE))
    return substitute
  path = study.weights_file(study.config.synthetic.squeezenet)
  return feature_distance.load(path)
