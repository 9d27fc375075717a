"""The figures of the trained networks of study `edsr`, by jsr's protocol."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jsr.evaluate import benchmark, conversion, methods, protocol
from jsr.evaluate import sets as sets_of
from jsr.evaluate.network import Network
from jsr.experiments import kept, looks
from jsr.experiments.study import Study
from jsr.metrics import fidelity
from jsr.ops import resize
from jsr.weights.model_file import ModelFile

SCALE = 4
BICUBIC = 'bicubic'
RULE = 'rgb8'
# EDSR's rows of DIV2K are of RGB, with this much more than the scale cut off.
WIDER = 6


class Sets(NamedTuple):
  """Pictures.

  Attributes:
    watched: Validation, as it is watched in training.
    final: Validation, larger, and the whole sets.
  """

  watched: sets_of.PictureSet
  final: Sequence[sets_of.PictureSet]


def open_sets(study: Study) -> Sets:
  """Opens the sets that the config names.

  Raises:
    UserError: One is missing.
  """
  c = study.config
  names = [c.validation, *c.sets]
  own = names == [sets_of.EMBEDDED]
  data = None if own else str(study.data_folder('.'))
  (validation,) = sets_of.open_sets(names[:1], data=data, limit=c.limit)
  whole = sets_of.open_sets(names[1:], data=data)
  cut = [sets_of.centre_crop(validation, size) for size in (c.watched, c.final)]
  return Sets(cut[0], [cut[1], *whole])


def final(
  study: Study, sets: Sets, runs: Mapping[str, Sequence[pathlib.Path]]
) -> list[dict[str, Any]]:
  """Measures bicubic, published networks and all runs.

  Returns:
    Rows: 'method', 'set', 'scale', 'n', means of the protocol's columns, 'psnr_wide'
    and 'ssim_wide' (RGB, scale + 6 cut), and 'detail' (see `jsr.metrics.frequency`).
  """
  programs: dict[Any, Network] = {}
  rows: list[dict[str, Any]] = []

  def add(name: str, seed: int | None, method: Any, scale: int = SCALE) -> None:
    for opened in sets.final if scale == SCALE else sets.final[:1]:
      file = f'{name}-{seed}-{opened.name}-x{scale}.json'.replace(' ', '-')
      row = kept.once(
        study.output / 'measured' / file,
        [study.config.final, *_budget(study)],
        functools.partial(_measure, method, opened, scale),
      )
      rows.append({'method': name, 'seed': seed, **row})

  plain = methods.resolve(BICUBIC)
  add(BICUBIC, None, plain)
  for name, model, seed in _models(study, runs):
    # One network, one set of compiled programs: only parameters differ.
    key = (model.generator, repr(sorted(model.args.items())))
    if key not in programs:
      programs[key] = Network('model', model.generator, SCALE, model.args)
    programs[key].load(model.variables)
    add(name, seed, programs[key])
    if model.generator == 'mdsr':
      for scale in (2, 3):
        add(name, seed, programs[key], scale)
        if not seed:
          add(BICUBIC, None, plain, scale)
  return rows


def _budget(study: Study) -> list[float]:
  """What the parameters of the networks depend on."""
  c = study.config
  return [c.steps, c.batch_size, c.patch_size, c.learning_rate, c.gan.steps]


def start(
  study: Study, sets: Sets, files: Mapping[str, pathlib.Path]
) -> dict[str, float]:
  """Measures bicubic and what the networks grow from on the watched crops: PSNR on Y.

  All grown networks begin as the same function, so one of them stands for all.
  """
  rule = protocol.get(RULE)

  def psnr(method: Any) -> float:
    row = benchmark.measure(method, sets.watched, SCALE, rule, timed=False)
    return float(row['psnr_y'])

  found = {BICUBIC: psnr(methods.resolve(BICUBIC))}
  for path in list(files.values())[:1]:
    found['start'] = psnr(methods.resolve(str(path)))
  return found


def _models(
  study: Study, runs: Mapping[str, Sequence[pathlib.Path]]
) -> Iterator[tuple[str, ModelFile, int | None]]:
  for generator, part in study.config.published.items():
    path = study.weights_file(part)
    model = conversion.from_file(path, generator=generator)
    yield f'{path.parent.name}, published', model, None
  for name, workdirs in runs.items():
    for seed, workdir in enumerate(workdirs):
      yield name, conversion.read_workdir(workdir, 'latest'), seed


def _measure(method: Any, opened: sets_of.PictureSet, scale: int) -> dict[str, Any]:
  rule = protocol.get(RULE)
  made: dict[str, dict[str, np.ndarray]] = {}
  row = benchmark.measure(method, opened, scale, rule, keep=made, timed=False)
  wide = dataclasses.replace(rule, crop=scale + WIDER)
  detail = looks.high_frequency(scale)
  extra = []
  for picture in opened.pictures:
    hr = resize.modcrop(picture.hr, scale)
    sr = made[picture.name][method.label]
    got = protocol.score(sr, hr, scale, wide)
    with protocol.in_double():
      x, y = (
        fidelity.prepare(jnp.asarray(_rgb(v)[None], jnp.float64), plane='y', crop=scale)
        for v in (sr, hr)
      )
      extra.append((got['psnr_rgb'], got['ssim_rgb'], float(detail.fn(x, y)[0])))
  names = ('psnr_wide', 'ssim_wide', 'detail')
  means = np.mean(np.array(extra, np.float64), axis=0)
  return {
    **{key: row[key] for key in ('set', 'scale', 'n', *protocol.METRICS)},
    **dict(zip(names, map(float, means), strict=True)),
  }


def _rgb(image: np.ndarray) -> np.ndarray:
  """Grey beside colour must be of its kind."""
  return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
