"""Runs a design over any config: a training a row and seed, one after the other."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from jsr import errors
from jsr.evaluate import conversion, output
from jsr.experiments.doe import arrays, ratios, table
from jsr.experiments.study import FILE, Study, check_kept
from jsr.train import evaluator, guard, logs, opening, recipe, settings

# Says of a run that it diverged, and holds what was measured.
_DIVERGED = 'diverged.json'


@dataclasses.dataclass(frozen=True)
class Factor:
  """Something to vary.

  Attributes:
    key: Of the config, in full.
    values: As on the command line.
  """

  key: str
  values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Outcome:
  """A finished run.

  Attributes:
    values: By full name: figures of the last evaluation, last lines of the log.
    diverged: Why training gave up, or ''; the values are then of the last state that
      was finite.
  """

  values: Mapping[str, float]
  diverged: str


def parse_factor(text: str) -> tuple[str, tuple[str, ...]]:
  """Reads 'KEY=V1,V2,V3'.

  Raises:
    UserError: It is not that.
  """
  key, _, rest = text.removeprefix('config.').partition('=')
  values = tuple(v.strip() for v in rest.split(','))
  if not key or len(values) < 2 or '' in values or len(set(values)) < len(values):
    raise errors.UserError(
      f"cannot read --factor '{text}'; a factor looks like KEY=V1,V2,V3 with two values"
      ' or more, all different'
    )
  return key, values


def resolve(key: str, config: ConfigDict) -> str:
  """Returns the full key that a user means by a key with parts left out.

  'optim.learning_rate' means 'optim.generator.learning_rate' where there is no
  discriminator. A key that is complete, or that nothing completes, stays.

  Raises:
    UserError: It may mean several.
  """
  known = settings.flatten(config)
  if key in known:
    return key
  parts = key.split('.')
  found = [full for full in known if _completes(full.split('.'), parts)]
  if not config.discriminator.name:
    idle = ('discriminator.', 'optim.discriminator.')
    found = [full for full in found if not full.startswith(idle)]
  if len(found) > 1:
    raise errors.UserError(
      f"'{key}' may be {' or '.join(sorted(found))}; write the one that you mean"
    )
  return found[0] if found else key


def _completes(full: Sequence[str], parts: Sequence[str]) -> bool:
  """Whether parts are what is left of a key when some in its middle are left out."""
  if len(parts) < 2 or (full[0], full[-1]) != (parts[0], parts[-1]):
    return False
  rest = iter(full)
  return all(part in rest for part in parts)


def figures(config: ConfigDict) -> list[str]:
  """Returns the full names of what the last evaluation of a run measures."""
  return [
    settings.figure(name, config.scale, metric)
    for name in config.eval.sets
    for metric in settings.FIGURES
  ]


def full_name(response: str, config: ConfigDict) -> str:
  """Returns the full name of a response: 'psnr_y' of the only set, or 'g/total'.

  Raises:
    UserError: No run measures it, or it may be several.
  """
  known = figures(config)
  found = [n for n in known if response == n or n.endswith(f'/{response}')]
  if len(found) == 1:
    return found[0]
  if response.startswith(('g/', 'd/')):
    return response
  if found:
    raise errors.UserError(
      f"response '{response}' may be {' or '.join(found)}; write the one that you mean"
    )
  raise errors.UserError(
    f"no run measures '{response}'; there are"
    f' {", ".join(dict.fromkeys(n.rpartition("/")[2] for n in known)) or "no sets"}'
    f'{" (in full " + ", ".join(known) + ")" if known else ""}, and what the log calls'
    ' g/total and the like'
  )


class Experiment:
  """A design and its runs.

  Args:
    spec: 'FILE.py' or 'FILE.py:ARGUMENT'.
    overrides: '--config.key=value', for all runs.
    design: Name of an orthogonal array.
    factors: (key, values), from `parse_factor`.
    responses: (name, kind).
    folder: Gets a workdir a run, table.csv, results.json and main-effects.svg.
    seeds: Trainings of each row, with seeds from the config's on.

  Raises:
    UserError: Anything of it that cannot be.
  """

  def __init__(
    self,
    spec: str,
    overrides: Sequence[str],
    design: str,
    factors: Sequence[tuple[str, tuple[str, ...]]],
    responses: Sequence[tuple[str, str]],
    folder: pathlib.Path,
    seeds: int,
  ):
    self._spec, self._overrides, self._seeds = spec, list(overrides), seeds
    base = settings.load(spec, overrides)
    self.factors = [Factor(resolve(key, base), values) for key, values in factors]
    keys = [factor.key for factor in self.factors]
    if len(set(keys)) < len(keys):
      raise errors.UserError(f'two factors vary one key: {", ".join(sorted(keys))}')
    for _, kind in responses:
      ratios.check(kind)
    self._responses = {name: full_name(name, base) for name, _ in responses}
    self.array = arrays.choose(design, [len(f.values) for f in self.factors])
    self._first_seed = base.seed
    output.check_folder(folder)
    check_own(folder)
    self._study = Study('doe', base, pathlib.Path(), folder, None, None)
    # Each value is tried on the config before anything is trained.
    for row in range(len(self.array.levels)):
      recipe.make(self._config(self.setting(row), base.seed))

  def setting(self, row: int) -> dict[str, str]:
    """Returns the values of the factors in a row of the array."""
    levels = self.array.levels[row].tolist()
    return {f.key: f.values[i] for f, i in zip(self.factors, levels, strict=True)}

  def _config(self, setting: Mapping[str, str], seed: int) -> ConfigDict:
    chosen = {**setting} if 'seed' in setting else {**setting, 'seed': str(seed)}
    more = [f'--config.{key}={value}' for key, value in chosen.items()]
    return settings.load(self._spec, [*self._overrides, *more])

  def run(self) -> tuple[table.Table, list[str]]:
    """Trains every row with every seed, or takes what is trained already.

    Returns:
      The table, and a sentence on each run that diverged.
    """
    rows = [self.setting(row) for row in range(len(self.array.levels))]
    values: dict[str, list[list[float]]] = {name: [] for name in self._responses}
    said = []
    for i, setting in enumerate(rows, 1):
      got, told = self.train(f'run{i:02d}', setting)
      said += told
      for name in values:
        values[name].append(got[name])
    return table.make(rows, values), said

  def train(
    self, name: str, setting: Mapping[str, str]
  ) -> tuple[dict[str, list[float]], list[str]]:
    """Trains one row with every seed.

    Returns:
      The values of each response, and a sentence on each run that diverged.
    """
    outcomes = []
    for seed in range(self._first_seed, self._first_seed + self._seeds):
      outcomes.append((seed, self._one(f'{name}-seed{seed}', setting, seed)))
    values = {
      response: [out.values[full] if full in out.values else float('nan')
                 for _, out in outcomes]
      for response, full in self._responses.items()
    }  # fmt: skip
    said = [
      f'{name} diverged with seed {seed}, and was measured at its last finite state:'
      f' {out.diverged}'
      for seed, out in outcomes
      if out.diverged
    ]
    return values, said

  def _one(self, name: str, setting: Mapping[str, str], seed: int) -> Outcome:
    config = self._config(setting, seed)
    asked = settings.as_kept(config)
    workdir = self._study.output / 'runs' / name
    mark = workdir / _DIVERGED
    if mark.is_file():
      kept = json.loads(mark.read_text(encoding='utf-8'))
      check_kept(workdir, kept.get('config', {}), asked)
      return Outcome(kept['values'], kept['reason'])
    try:
      self._study.train(name, config)
    except guard.TrainingStoppedError as error:
      print(f'{name} diverged; the design goes on', flush=True)
      values = _last_finite(config, workdir)
      kept = {'reason': str(error), 'values': values, 'config': asked}
      output.write_text(mark, json.dumps(kept, indent=1) + '\n')
      return Outcome(values, str(error))
    result = json.loads((workdir / 'done.json').read_text(encoding='utf-8'))
    logged = {k: v for line in logs.read(workdir / logs.FILE) for k, v in line.items()}
    return Outcome(_numbers({**logged, **result}), '')


def check_own(folder: pathlib.Path) -> None:
  """Refuses a folder of somebody else's results.

  Raises:
    UserError: It is not empty, and no design has been there.
  """
  if not folder.is_dir() or not any(folder.iterdir()):
    return
  if (folder / FILE).exists() or not (folder / 'runs').is_dir():
    raise errors.UserError(f'{folder} holds something else; choose another --output')


def _last_finite(config: ConfigDict, workdir: pathlib.Path) -> dict[str, float]:
  """Evaluates the latest checkpoint, or the first state where there is none."""
  state = opening.state(config, recipe.make(config), config.init_from)
  try:
    model = conversion.read_workdir(workdir, 'latest')
  except errors.UserError:
    pass  # It diverged before its first checkpoint.
  else:
    network = dataclasses.replace(state.generator, variables=model.variables)
    state = dataclasses.replace(state, generator=network, ema=None)
  return evaluator.Evaluator(config)(state)


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
  return {k: float(v) for k, v in values.items() if isinstance(v, int | float)}
