"""Figures on sets of pictures of one network that was trained with several seeds."""

import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jsr.evaluate import benchmark, conversion, gate, methods, sets
from jsr.evaluate.extra import Extra
from jsr.evaluate.protocol import Protocol
from jsr.experiments import kept
from jsr.experiments.study import Study

# {set: {picture: {metric: value}}}
Measured = Mapping[str, Mapping[str, Mapping[str, float]]]


def open_checked(
  study: Study, names: Sequence[str], scale: int, rule: Protocol
) -> list[sets.PictureSet]:
  """Opens sets below the study's data, `config.limit` pictures each, and checks them.

  Raises:
    UserError: One is missing, or its bicubic row is not the published one.
  """
  for name in names:
    study.data_folder(f'{name}/HR')
  limit = study.config.limit or None
  opened = sets.open_sets(names, data=str(study.data), limit=limit)
  for pictures in opened:
    gate.check(pictures, scale, rule)
  return opened


def of_method(
  method: methods.Method,
  pictures: Sequence[sets.PictureSet],
  scale: int,
  rule: Protocol,
  extra: Sequence[Extra] = (),
) -> Measured:
  """Measures a method on sets, picture by picture."""
  keys = [column.key for column in rule.columns] + [e.column.key for e in extra]
  return {
    opened.name: {
      picture: {key: values[key] for key in keys}
      for picture, values in benchmark.measure(
        method, opened, scale, rule, timed=False, extra=extra
      )['per_image'].items()
    }
    for opened in pictures
  }


def bicubic(
  pictures: Sequence[sets.PictureSet], scale: int, rule: Protocol
) -> Measured:
  """Measures what the protocol vouches for of its bicubic.

  What takes seconds a picture is measured on the smallest of a set; on the others it is
  the reference's, where there is one.
  """
  found: dict[str, dict[str, dict[str, float]]] = {}
  for opened in pictures:
    known = gate.reference().get(rule.name, {}).get(opened.name, {}).get(str(scale), {})
    found[opened.name] = {}
    for picture, row in gate.bicubic(opened, scale, rule).items():
      at = known.get(picture, [None] * len(row))
      pairs = zip(rule.gated, row, at, strict=True)
      values = {key: there if x is None else x for key, x, there in pairs}
      found[opened.name][picture] = {k: v for k, v in values.items() if v is not None}
  return found


def of_seeds(
  study: Study,
  workdirs: Sequence[pathlib.Path],
  pictures: Sequence[sets.PictureSet],
  scale: int,
  rule: Callable[[int, str], Protocol],
  extra: Sequence[Extra] = (),
) -> list[Measured]:
  """Measures the last checkpoint of each training.

  What was measured is kept in the study's folder.

  Args:
    study: The study.
    workdirs: Finished trainings of one network, a seed each.
    pictures: The sets.
    scale: The factor.
    rule: The protocol for a seed and a set; columns may differ.
    extra: Metrics beside the protocol's.
  """
  network: methods.Network | None = None

  def measure(
    workdir: pathlib.Path, opened: sets.PictureSet, by: Protocol
  ) -> Mapping[str, Mapping[str, float]]:
    nonlocal network
    print(f'measuring {workdir.name} on {opened.name}', flush=True)
    model = conversion.read_workdir(workdir, 'latest')
    if network is None:
      # One for all seeds: each size of picture is compiled once.
      network = methods.Network('it', model.generator, model.scale, model.args)
    network.load(model.variables)
    return of_method(network, [opened], scale, by, extra)[opened.name]

  measured: list[Measured] = []
  for seed, workdir in enumerate(workdirs):
    rows = {}
    for opened in pictures:
      by = rule(seed, opened.name)
      key = [
        (workdir / 'done.json').read_text(encoding='utf-8'),
        by.name,
        [column.key for column in by.columns],
        [e.column.key for e in extra],
        [picture.name for picture in opened.pictures],
      ]
      path = study.output / 'measured' / f'{workdir.name}-{opened.name}.json'
      make = functools.partial(measure, workdir, opened, by)
      rows[opened.name] = kept.once(path, key, make)
    measured.append(rows)
  return measured


def mean(measured: Measured, set_name: str, key: str) -> float:
  """Returns the mean of a metric over the pictures of a set."""
  return float(np.mean(pictures_of(measured, set_name, key)))


def pictures_of(measured: Measured, set_name: str, key: str) -> list[float]:
  """Returns a metric of each picture of a set; empty where it was not measured."""
  rows = measured[set_name].values()
  return [float(values[key]) for values in rows if values.get(key) is not None]
