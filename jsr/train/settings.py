"""The config of a run: from a file and overrides, into a workdir, and back."""

import ast
import difflib
import json
import os
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from jsr import errors

FILE = 'config.json'
# Sections whose keys are the fields of what the config names.
_OPEN = (
  'generator.args',
  'discriminator.args',
  'degradation.args',
  'optim.generator.multipliers',
  'optim.discriminator.multipliers',
)
# Measured at each evaluation.
FIGURES = ('psnr_y', 'ssim_y')

# What may differ when a run is resumed: how long, how often, where; never what.
_MAY_CHANGE: tuple[str, ...] = (
  'checkpoint.',
  'data.threads',
  'data.workers',
  'eval.',
  'guard.',
  'log.',
  'train.deterministic',
  'train.max_minutes',
  'train.max_steps',
  'train.parallel',
  'train.steps_per_dispatch',
)
# Keys that came later, with the value that stands for how it was before.
_ADDED: Mapping[str, Any] = {
  'losses.squeezenet': '',
  'train.accumulate': 1,
  'train.precision': 'float32',
}


def _parse(arguments: Sequence[str]) -> ConfigDict:
  """Lets ml_collections read a config file and its overrides."""
  values = flags.FlagValues()
  argv = ['jsr', *arguments]
  config_flags.DEFINE_config_file(
    'config', flag_values=values, lock_config=True, sys_argv=argv
  )
  values(argv)
  return values.config


def load(spec: str, overrides: Sequence[str] = ()) -> ConfigDict:
  """Loads a config.

  Args:
    spec: 'FILE.py' or 'FILE.py:ARGUMENT'; the argument goes to its `get_config`.
    overrides: '--config.key=value', as on the command line.

  Returns:
    The config, locked.

  Raises:
    UserError: No such file, an argument or key that it does not have, or a value of
      the wrong type.
  """
  path = pathlib.Path(spec.partition(':')[0])
  if not path.is_file():
    raise errors.UserError(f'there is no config file {path}')
  # So that `from configs import default` works whatever the working directory.
  above = path.resolve().parents
  for folder in (pathlib.Path.cwd(), *above[1:3]):
    if str(folder) not in sys.path:
      sys.path.append(str(folder))
  try:
    config = _parse([f'--config={spec}'])
  except Exception as error:  # The file is the user's code: anything can happen.
    # ml_collections puts the whole traceback into the message; the last line says it.
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = lines[-1].removeprefix('ValueError: ')  # What configs raise on purpose.
    raise errors.UserError(f'{spec} cannot be loaded: {said}') from error
  known = flatten(config)
  # Fields that the config leaves at their default; whoever takes them checks the name.
  extra: dict[str, Any] = {}
  for override in overrides:
    key, equals, text = override.removeprefix('--config.').partition('=')
    if not override.startswith('--config.') or not equals:
      raise errors.UserError(
        f"cannot read '{override}'; overrides look like --config.key=value"
      )
    if key not in known and key.rpartition('.')[0] in _OPEN and equals:
      extra[key] = _literal(text)
      continue
    if key not in known:
      near = difflib.get_close_matches(key, known, n=1)
      hint = f"did you mean '{near[0]}'?" if near else f'see {path} for its keys'
      raise errors.UserError(f"config has no key '{key}'; {hint}")
  named = [o for o in overrides if o[len('--config.') :].split('=')[0] not in extra]
  try:
    config = _parse([f'--config={spec}', *named])
  except (flags.Error, TypeError, ValueError) as error:
    reason = str(error).strip().splitlines()[0]
    raise errors.UserError(f'a config value does not fit: {reason}') from error
  with config.unlocked():
    for key, value in extra.items():
      *sections, last = key.split('.')
      node = config
      for section in sections:
        node = node[section]
      node[last] = value
  return config


def _literal(text: str) -> Any:
  """Reads a number, a tuple, True, None; anything else is text."""
  try:
    return ast.literal_eval(text)
  except (SyntaxError, ValueError):
    return text


def flatten(config: Mapping[str, Any] | ConfigDict, prefix: str = '') -> dict[str, Any]:
  """Returns {'a.b': value} of a nested config."""
  flat: dict[str, Any] = {}
  for key, value in config.items():
    if isinstance(value, Mapping | ConfigDict):
      flat.update(flatten(value, f'{prefix}{key}.'))
    else:
      flat[f'{prefix}{key}'] = value
  return flat


def as_kept(config: ConfigDict) -> dict[str, Any]:
  """Returns a config as a JSON file gives it back: tuples are lists."""
  kept: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
  return kept


def write(workdir: pathlib.Path, config: ConfigDict) -> None:
  """Writes the config into the workdir, whole or not at all."""
  temporary = workdir / f'.{FILE}.{os.getpid()}'
  temporary.write_text(json.dumps(config.to_dict(), indent=2, sort_keys=True) + '\n')
  temporary.replace(workdir / FILE)


def read(workdir: pathlib.Path) -> ConfigDict:
  """Reads the config that a run was started with.

  Raises:
    UserError: The folder is no workdir, or the file is damaged.
  """
  path = workdir / FILE
  try:
    tree = json.loads(path.read_text(encoding='utf-8'))
  except (FileNotFoundError, NotADirectoryError):
    raise errors.UserError(f'{workdir} is no workdir: it has no {FILE}') from None
  except (json.JSONDecodeError, UnicodeDecodeError) as error:
    raise errors.UserError(f'{path} is damaged: {error}') from error
  if not isinstance(tree, dict) or 'generator' not in tree:
    raise errors.UserError(f'{path} is no config of a jsr run; choose another workdir')
  return ConfigDict(tree)


def figure(set_name: str, scale: int, metric: str) -> str:
  """Returns what a figure of the evaluation is called: 'eval/set5_x4/psnr_y'."""
  return f'eval/{set_name.lower()}_x{scale}/{metric}'


def best_metric(config: ConfigDict) -> str:
  """Returns the full name of the figure that the best checkpoint is chosen by, or ''.

  Raises:
    UserError: The config names a figure that is not measured.
  """
  metric = config.checkpoint.best_metric
  if not metric:
    return ''
  if metric not in FIGURES:
    raise errors.unknown('config.checkpoint.best_metric', metric, FIGURES)
  if not config.eval.sets:
    raise errors.UserError(
      f"config.checkpoint.best_metric='{metric}' needs a set in config.eval.sets"
    )
  return figure(config.eval.sets[0], config.scale, metric)


def check_resumable(workdir: pathlib.Path, config: ConfigDict) -> None:
  """Refuses to go on in a workdir with another experiment's config.

  Raises:
    UserError: Keys differ that change what is trained; names each.
  """
  if not (workdir / FILE).exists():
    return
  old = {**_ADDED, **flatten(read(workdir))}
  new = flatten(as_kept(config))
  may_change = _MAY_CHANGE
  if 'cosine' in (new['optim.generator.schedule'], new['optim.discriminator.schedule']):
    # The rate of every step depends on the length of the run.
    may_change = tuple(key for key in _MAY_CHANGE if key != 'train.max_steps')
  if changed := differences(old, new, may_change):
    raise errors.UserError(
      f'{workdir} holds a run with another config ({changed}); choose a new'
      ' --workdir, or the old values to resume'
    )


def differences(
  old: Mapping[str, Any], new: Mapping[str, Any], may_change: tuple[str, ...] = ()
) -> str:
  """Returns how two flat configs differ, the first five keys; '' if they do not.

  Args:
    old: See `flatten`.
    new: Likewise.
    may_change: Beginnings of keys that do not count.
  """
  changed = [
    f'{key} was {old.get(key)!r} and is {new.get(key)!r}'
    for key in sorted(old.keys() | new.keys())
    if old.get(key) != new.get(key) and not key.startswith(may_change)
  ]
  more = f' and {len(changed) - 5} more' if len(changed) > 5 else ''
  return '; '.join(changed[:5]) + more
