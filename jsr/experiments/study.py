"""What a study is given: its config, its folders, and trainings that resume."""

import dataclasses
import json
import os
import pathlib
import shlex
import time
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from jsr import errors
from jsr.evaluate import machine, output
from jsr.experiments import findings
from jsr.train import loop, settings

# Which study a folder holds, by which config, and how long its command has run.
FILE = 'study.json'
# More seeds are more trainings beside those that there are.
_MAY_CHANGE = ('seeds',)


@dataclasses.dataclass(frozen=True)
class Study:
  """What a study is given.

  Attributes:
    name: Of `jsr.experiments.studies.STUDIES`.
    config: See configs/studies/NAME.py; locked.
    configs: The folder of configs that trainings start from.
    output: Folder of trainings, pictures and the report.
    data: Folder of picture sets and training pictures; None where none was given.
    weights: Folder of published weights; None where none was given.
  """

  name: str
  config: ConfigDict
  configs: pathlib.Path
  output: pathlib.Path
  data: pathlib.Path | None
  weights: pathlib.Path | None

  def data_folder(self, part: str) -> pathlib.Path:
    """Returns a folder below `data`.

    Raises:
      UserError: There is none.
    """
    return _existing(self.data, '--data', part)

  def weights_file(self, part: str) -> pathlib.Path:
    """Returns a file or folder below `weights`.

    Raises:
      UserError: There is none.
    """
    return _existing(self.weights, '--weights', part)

  def recipe(self, spec: str, changes: Mapping[str, Any]) -> ConfigDict:
    """Loads the config of a training.

    Args:
      spec: 'srgan.py:mse', a file of `configs` with its argument.
      changes: {'data.batch_size': 4, ...}: keys that differ from it.

    Raises:
      UserError: There is no such config or key.
    """
    overrides = [f'--config.{key}={value}' for key, value in changes.items()]
    return settings.load(str(self.configs / spec), overrides)

  def train(self, name: str, config: ConfigDict) -> pathlib.Path:
    """Trains in `output`/runs/name, or goes on there; returns that workdir.

    A run that is done is left alone. `jsr.train.logs.read(workdir / logs.FILE)` has its
    curves, and its path is a method for `jsr.evaluate.methods.resolve`.

    Raises:
      KeyboardInterrupt: It was asked to stop; the same command resumes.
      UserError: A config that cannot be trained.
    """
    workdir = self.output / 'runs' / name
    done = workdir / 'done.json'
    asked = settings.as_kept(config)
    if done.is_file():
      before = json.loads(done.read_text(encoding='utf-8'))
      check_kept(workdir, before.get('config', {}), asked)
      return workdir
    print(f'training {name}: {config.train.max_steps} steps', flush=True)
    result = loop.train(config, workdir)
    if result['reason'] == 'signal':
      print(f'interrupted at step {result["step"]}; the same command resumes')
      raise KeyboardInterrupt
    output.write_text(done, json.dumps({**result, 'config': asked}, indent=1) + '\n')
    return workdir


def check_kept(
  path: pathlib.Path, was: Mapping[str, Any], asked: Mapping[str, Any]
) -> None:
  """Refuses what was finished by another config, be it by a shorter training alone.

  Args:
    path: What was finished.
    was: Its config, as JSON holds it.
    asked: The config that is asked for, likewise.

  Raises:
    UserError: They differ.
  """
  old, new = (settings.flatten(each) for each in (was, asked))
  if changed := settings.differences(old, new):
    raise errors.UserError(
      f'{path} was made by another config ({changed}); choose a new --output, or the'
      ' old values'
    )


def open_study(
  name: str,
  spec: str,
  overrides: list[str],
  folder: pathlib.Path,
  data: pathlib.Path | None,
  weights: pathlib.Path | None,
) -> Study:
  """Opens a study.

  Args:
    name: Of `jsr.experiments.studies.STUDIES`.
    spec: 'FILE.py' or 'FILE.py:ARGUMENT' of its config.
    overrides: '--config.key=value'.
    folder: For its trainings, pictures and report.
    data: Folder of picture sets and training pictures, or None.
    weights: Folder of published weights, or None.

  Raises:
    UserError: No such config or folder, or a folder that holds another study, or this
      one by another config: what is kept there would be taken for what is asked for.
  """
  config = settings.load(spec, overrides)
  for option, given in (('--data', data), ('--weights', weights)):
    if given is not None and not given.is_dir():
      raise errors.UserError(f'{option}: there is no folder {given}')
  output.check_folder(folder)
  _check_same(folder, name, config)
  configs = pathlib.Path(spec.partition(':')[0]).resolve().parent.parent
  return Study(name, config, configs, folder, data, weights)


def _check_same(folder: pathlib.Path, name: str, config: ConfigDict) -> None:
  path = folder / FILE
  if not path.is_file():
    if folder.is_dir() and any(folder.iterdir()):
      raise errors.UserError(f'{folder} holds something else; choose another --output')
    return
  was = json.loads(path.read_text(encoding='utf-8'))
  if was['study'] != name:
    raise errors.UserError(
      f'{folder} holds study-{was["study"]}; choose another --output'
    )
  now = settings.as_kept(config)
  old, new = (settings.flatten(each) for each in (was['config'], now))
  if changed := settings.differences(old, new, _MAY_CHANGE):
    raise errors.UserError(
      f'{folder} holds this study by another config ({changed}); choose a new'
      ' --output, or the old values to resume'
    )


class Record:
  """What a study's folder says of it; adds up the time of all starts."""

  def __init__(self, study: Study):
    self._study = study
    self._path = study.output / FILE
    self._new = not study.output.exists()
    self._before = 0.0
    if self._path.is_file():
      kept = json.loads(self._path.read_text(encoding='utf-8'))
      self._before = float(kept['seconds'])
    self._start = time.monotonic()
    self._write()

  def seconds(self) -> float:
    """Returns the time so far."""
    return self._before + time.monotonic() - self._start

  def close(self) -> None:
    """Writes the time so far; leaves nothing where nothing was made."""
    if any(path != self._path for path in self._study.output.iterdir()):
      self._write()
    else:
      self._path.unlink()
      if self._new:
        self._study.output.rmdir()

  def _write(self) -> None:
    values = {
      'study': self._study.name,
      'config': self._study.config.to_dict(),
      'seconds': self.seconds(),
    }
    output.write_text(self._path, json.dumps(values, indent=1) + '\n')


def finish(
  study: Study,
  found: findings.Findings,
  argv: list[str],
  seconds: float,
  report: pathlib.Path | None,
) -> list[pathlib.Path]:
  """Writes what a study found.

  Args:
    study: Whose it is.
    found: What it found.
    argv: The command, word by word.
    seconds: All the time that it took.
    report: Folder for NAME.md, NAME.json and plots beside those in the study's own
      folder, or None.

  Returns:
    The files, the report first.
  """
  made = findings.Made(shlex.join(argv), seconds, _machine(), study.config.to_dict())
  paths = findings.write(study.output, found, made)
  if report is not None:
    name = study.name
    paths = findings.write(
      report, found, made, report=name, results=name, prefix=f'{name}-'
    )
  return paths


def _machine() -> str:
  """The machine, and how busy it was: every busy program counts as one."""
  if not hasattr(os, 'getloadavg'):
    return machine.describe()
  return f'{machine.describe()}; load of the last quarter hour {os.getloadavg()[2]:.1f}'


def _existing(root: pathlib.Path | None, option: str, part: str) -> pathlib.Path:
  if root is None:
    raise errors.UserError(f'this study needs {part}; name its folder with {option}')
  if not (root / part).exists():
    raise errors.UserError(f'{option}: there is no {part} in {root}')
  return root / part
