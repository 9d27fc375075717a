"""Held-out pictures, degraded with fixed seeds: there is a truth to compare with."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jsr import degradations
from jsr.evaluate import benchmark, columns, extra, methods, protocol, sets
from jsr.evaluate.network import Network
from jsr.experiments import looks
from jsr.experiments.study import Study
from jsr.metrics import registry
from jsr.types import Variables

SCALE = 4
RULE = 'rgb8'


class Judges(NamedTuple):
  """What the networks are measured with.

  Attributes:
    sets: By degradation: the same pictures with other LR.
    perceptual: A measure of looks that has the truth, with its column.
    lpips: Whether that is LPIPS.
  """

  sets: Mapping[str, sets.PictureSet]
  perceptual: extra.Extra
  lpips: bool


def open_judges(study: Study) -> Judges:
  """Reads the pictures, and makes their LR.

  Raises:
    UserError: There are none, or a degradation is unknown.
  """
  c = study.config.synthetic
  data = None if c.set == sets.EMBEDDED else str(study.data_folder('.'))
  (opened,) = sets.open_sets([c.set], data=data, limit=c.limit)
  opened = sets.centre_crop(opened, c.size)
  perceptual, lpips = _perceptual()
  degraded = {name: degrade(opened, name, c.seed) for name in c.degradations}
  return Judges(degraded, perceptual, lpips)


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
  judges: Judges, network: Network, trained: Mapping[str, Sequence[Variables]]
) -> dict[str, Any]:
  """Measures every network on every degradation.

  Returns:
    {degradation: {kind: {column: [[a value each picture] each seed]}}}, with 'bicubic
    enlargement' as a kind of its own.
  """
  result: dict[str, Any] = {}
  for name, pictures in judges.sets.items():
    rows: dict[str, Any] = {}
    plain = methods.resolve('bicubic')
    rows['enlarged by bicubic'] = _columns([_row(judges, plain, pictures)])
    for kind, seeds in trained.items():
      of_seeds = []
      for variables in seeds:
        network.load(variables)
        of_seeds.append(_row(judges, network, pictures))
      rows[kind] = _columns(of_seeds)
    result[name] = rows
  return result


def _row(judges: Judges, method: Any, pictures: sets.PictureSet) -> dict[str, Any]:
  rule = protocol.get(RULE)
  return benchmark.measure(
    method, pictures, SCALE, rule, timed=False, extra=[judges.perceptual]
  )


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
  first = next(iter(rows[0]['per_image'].values()))
  keys = [key for key in first if key != 'seconds']
  return {
    key: [[each[key] for each in row['per_image'].values()] for row in rows]
    for key in keys
  }


def _perceptual() -> tuple[extra.Extra, bool]:
  """LPIPS where its weights are at hand, else FSIM; nothing is downloaded."""
  found = looks.find('auto', scale=SCALE)
  name = 'lpips_alex'
  if found.name == name:
    metric = registry.METRICS[name]
    column = columns.Column(name, metric.title, 4, metric.better)
    return extra.Extra(column, metric, found.fn), True
  (substitute,) = extra.open_metrics(['fsim'], protocol.get(RULE))
  return substitute, False
