"""The zoo: networks that jsr has trained, a record, a card and a model file each.

NAME.json is the record: what NAME is, how it was trained, what was measured, and the
size and SHA-256 of its model file. The records of this folder are the list. NAME.md is
the card, the record for people. NAME.safetensors lies here too; where it was left out,
it is fetched from a place that the user names, and checked.

NAME is FAMILY-xFACTOR, or FAMILY-xFACTOR-gan for the partner that was trained with a
GAN. `benchmarks/zoo.py` writes all of it.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
from typing import Any

from jsr import errors
from jsr.weights import fetch
from jsr.weights.model_file import SUFFIX

FOLDER = pathlib.Path(__file__).parent
# What enlarges where the user names nothing.
DEFAULT = 'compact'
PERCEPTUAL = '-gan'
# Names the folder or address where model files lie that are not in the package.
VARIABLE = 'JSR_ZOO'


def names() -> list[str]:
  """Returns the names, sorted."""
  return sorted(path.stem for path in FOLDER.glob('*.json'))


def record(name: str) -> dict[str, Any]:
  """Returns all that is known of a name, as NAME.json has it.

  Raises:
    UserError: No network of that name comes with jsr.
  """
  return json.loads(_file(name, '.json').read_text(encoding='utf-8'))


def card(name: str) -> str:
  """Returns the model card of a name, Markdown.

  Raises:
    UserError: No network of that name comes with jsr.
  """
  return _file(name, '.md').read_text(encoding='utf-8')


def in_package(name: str) -> bool:
  """Tells whether the model file of a name lies in the package."""
  return (FOLDER / f'{name}{SUFFIX}').is_file()


def path(name: str, source: str = '') -> pathlib.Path:
  """Returns the model file of a name: of the package, of the cache, or fetched.

  Args:
    name: One of `names()`.
    source: Folder or address that holds NAME.safetensors; '': what the variable JSR_ZOO
      says. Not looked at where the file is at hand.

  Raises:
    UserError: No network of that name, its file is not at hand and nothing says where
      it lies, or what lies there is another file or cannot be read.
  """
  known = _file(name, '.json')
  if in_package(name):
    return known.with_suffix(SUFFIX)
  checksum = record(name)['sha256']
  # Weights that were trained further have the same name and another checksum.
  cached = fetch.cache_dir() / 'zoo' / f'{name}.{checksum[:16]}{SUFFIX}'
  if cached.is_file():
    if _digest(cached) == checksum:
      return cached
    # Damaged since it came; whoever asks again would only find it again.
    try:
      cached.unlink(missing_ok=True)
    except OSError as error:
      raise errors.UserError(
        f'{cached} is damaged and cannot be removed: {error.strerror}'
      ) from error
  source = source or os.environ.get(VARIABLE, '')
  if not source:
    raise errors.UserError(
      f"the model file of '{name}' is not in this package of jsr: name the folder or"
      f' address that holds {name}{SUFFIX} with `jsr zoo fetch {name} --from` or the'
      f' variable {VARIABLE}'
    )
  if re.match(r'https?://', source):
    url = f'{source.rstrip("/")}/{name}{SUFFIX}'
    return fetch.fetch(url, checksum, cached.name, cached.parent, option='--from')
  try:
    found = pathlib.Path(source).expanduser() / f'{name}{SUFFIX}'
  except RuntimeError as error:
    raise errors.UserError(
      f"{source}: there is no such user: write the folder's whole path"
    ) from error
  if not found.is_file():
    raise errors.UserError(
      f'there is no {found.name} in {source}: name the folder or address that holds it'
    )
  check(name, found)
  return copy(found, cached)


def check(name: str, file: pathlib.Path) -> None:
  """Compares a file with the record of a name.

  Raises:
    UserError: It is another file, a damaged one, or cannot be read.
  """
  found = _digest(file)
  if found != (wanted := record(name)['sha256']):
    raise errors.UserError(
      f'{file} is not the model file of {name} (its SHA-256 is {found}, not {wanted}):'
      ' get it again'
    )


def check_free(name: str, target: pathlib.Path) -> None:
  """Makes sure that a copy of a network would not overwrite something else.

  Raises:
    UserError: It would.
  """
  if target.exists() and _digest(target) != record(name)['sha256']:
    raise errors.UserError(
      f'{target} exists and is not {name}: move it away, or choose another -o'
    )


def copy(file: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
  """Copies a file, whole or not at all, and returns the target.

  Raises:
    UserError: It cannot be written.
  """
  temporary = target.with_name(f'.{target.name}.{os.getpid()}')
  try:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
      shutil.copyfile(file, temporary)
      temporary.replace(target)
    finally:
      temporary.unlink(missing_ok=True)
  except OSError as error:
    raise errors.UserError(f'cannot write {target}: {error.strerror}') from error
  return target


def family(name: str) -> dict[int, str]:
  """Returns {factor: name} of a family such as 'compact'; {} if there is none."""
  members = (re.fullmatch(rf'{re.escape(name)}-x(\d+)', each) for each in names())
  return {int(m[1]): m[0] for m in members if m}


def families() -> list[str]:
  """Returns the names of all families, sorted."""
  found = (re.fullmatch(r'(.+)-x\d+', name) for name in names())
  return sorted({m[1] for m in found if m})


def choose(spec: str, scale: float | None = None) -> str:
  """Resolves a family such as 'compact' to one of its members.

  Args:
    spec: A family; any other name is returned as it is.
    scale: What is wanted; None: 4.

  Returns:
    The member with the smallest factor from `scale`, or else the largest factor.
  """
  members = family(spec)
  if not members:
    return spec
  wanted = 4.0 if scale is None else scale
  enough = [factor for factor in members if factor >= wanted - 1e-9]
  return members[min(enough) if enough else max(members)]


def perceptual(name: str) -> str | None:
  """Returns the name of the GAN-trained partner, or None."""
  partner = name + PERCEPTUAL
  return partner if partner in names() else None


def _digest(file: pathlib.Path) -> str:
  try:
    with file.open('rb') as f:
      return hashlib.file_digest(f, 'sha256').hexdigest()
  except OSError as error:
    raise errors.UserError(f'cannot read {file}: {error.strerror}') from error


def _file(name: str, suffix: str) -> pathlib.Path:
  if name not in names():
    raise errors.unknown('model that comes with jsr:', name, names())
  return FOLDER / f'{name}{suffix}'
