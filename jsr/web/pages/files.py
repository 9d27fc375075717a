"""Results of `jsr compare --json`: those that come with the site, and its owner's.

A file that is none is told about in one sentence; nothing in it can break a page.
"""

import dataclasses
import functools
import json
import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from jsr import errors
from jsr.evaluate import table

# Those that come with the site, written by the commands that the page prints.
OURS = pathlib.Path(__file__).parent / 'results'
# A file of a hundred pictures and seven methods has a fifth of a megabyte.
MAX_BYTES = 20 * 2**20
# What reading a file raises that only looks like results.
FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
  """A results file.

  Attributes:
    name: Of the file, without suffix.
    folder: Where it lies.
    results: What it holds.
    blocks: Its tables.
    command: What measures the same again.
  """

  name: str
  folder: pathlib.Path
  results: Mapping[str, Any]
  blocks: tuple[table.Block, ...]
  command: str


def load_all() -> tuple[list[Comparison], list[str]]:
  """Returns the comparisons, ours first, and a sentence for each file that is none."""
  found, broken = [], []
  for folder in (OURS, settings.SITE / 'results'):
    for path in sorted(folder.glob('[!.]*.json')):
      try:
        found.append(load(path))
      except errors.UserError as error:
        broken.append(
          _('The file %(file)s is not shown: %(reason)s.')
          % {'file': path.name, 'reason': error}
        )
  return found, broken


def load(path: pathlib.Path) -> Comparison:
  """Reads a results file, or remembers it from the last time.

  Raises:
    UserError: It is none.
  """
  try:
    stat = path.stat()
    if stat.st_size > MAX_BYTES:
      raise errors.UserError(_('it is larger than 20 MiB'))
    return _load(path, stat.st_mtime_ns, stat.st_size)
  except OSError as error:
    raise errors.UserError(_('it cannot be read')) from error


@functools.lru_cache(maxsize=64)
def _load(path: pathlib.Path, _time: int, _size: int) -> Comparison:
  text = path.read_bytes()
  try:
    results = json.loads(text)
  except (ValueError, RecursionError) as error:
    raise errors.UserError(_('it is no JSON')) from error
  try:
    command = _command(results, path.name)
    blocks = tuple(table.blocks(results))
    for block in blocks:
      str(block.scale + len(block.set))  # A number and a text.
    return Comparison(path.stem, path.parent, results, blocks, command)
  except (*FAULTS, errors.UserError) as error:
    raise errors.UserError(_('it was not written by jsr compare --json')) from error


def _command(results: Mapping[str, Any], file: str) -> str:
  rows = results['rows']
  methods, sets = (dict.fromkeys(row[key] for row in rows) for key in ('method', 'set'))
  protocol = results.get('protocol') or {'name': 'rgb8'}
  words = ['--methods', ','.join(methods), '--data', 'DATA', '--sets', ','.join(sets)]
  words += ['--scale', str(rows[0]['scale']), '--protocol', protocol['name']]
  return shlex.join(['jsr', 'compare', *words, '--json', file])
