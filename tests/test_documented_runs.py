"""The commands of the documents are run, and what is printed as Python.

In a small world of stand-ins (`printed.py`): of the README and the tutorials all
commands of jsr, of other documents one of each pattern (program and options, without
those that name files) and every option at least once; Python blocks as they stand. What
cannot run stands in `NOT_RUN` and `NOT_RUN_PYTHON` of `documents.py` with the reason.
Where a document has files for its reader to write, that is done in a copy of the
repository.
"""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from jsr import cli
from jsr.evaluate import gate
from jsr.train import parallel
from tests import documents, printed
from tests.conftest import QUICK_XLA, ROOT, without_torch
from tests.documents import (
  COMMANDS,
  FOLLOWED,
  OURS,
  OWNERS,
  TITLED,
  Command,
  blocks,
  reason,
)


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
  """Engines and networks of all documents."""
  return tmp_path_factory.mktemp('cache')


@pytest.fixture
def world(tmp_path, monkeypatch, cache):
  """A function that opens a document's world and goes there: no downloads, a site of
  its own, and no gate, since sets are not what they are called."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv('JSR_SITE', str(tmp_path / 'site'))
  monkeypatch.setenv('JSR_CACHE', str(cache))
  monkeypatch.setattr(parallel, 'configure_for_training', lambda **_: None)
  monkeypatch.setattr(gate, 'check', lambda *_, **__: 'no reference')

  def make(path, start):
    here = [c for c in COMMANDS if c.document == documents.name(path)]
    locally = [documents.launched(c) for c in here if c.words[0] == 'launch/local.sh']
    mine = [c for c in here if c in OURS and not reason(c)]
    return printed.World(tmp_path, [*mine, *filter(None, locally)], start)

  return make


DRIVER = """
import json, sys
from jsr import cli
for argv in json.load(sys.stdin):
  print('jsr', *argv, flush=True)
  if status := cli.main(argv):
    sys.exit(f'status {status} of {argv}')
"""


def python(words: list[str], folder: pathlib.Path, text: str = '', **more: str) -> None:
  """Runs Python in a process of its own that ends well."""
  done = subprocess.run(
    [sys.executable, *words],
    input=text,
    capture_output=True,
    text=True,
    env={**without_torch(), **more},
    cwd=folder,
  )
  assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def start(asked: list[list[str]], command: Command, argv: list[str]) -> int:
  """Runs jsr; the website's commands are only noted, as Django is set up once a process
  and each document has a site of its own. They run together, in one."""
  if command.program.startswith('jsr study '):
    asked.append(argv)
    return 0
  try:
    return cli.main(argv)
  except SystemExit as ended:
    return int(ended.code or 0)


@pytest.mark.parametrize(
  'path',
  [p for p in documents.DOCUMENTS if documents.name(p) not in TITLED],
  ids=documents.name,
)
@pytest.mark.usefixtures('one_device')
def test_commands_run(path, world, tmp_path):
  """They end well, and have written what they name."""
  asked: list[list[str]] = []
  world = world(path, functools.partial(start, asked))

  def site():
    if asked:
      python(['-c', DRIVER], tmp_path, json.dumps(asked))
      asked.clear()

  for block in blocks(path):
    for command in documents.commands(block):
      if command in OWNERS:
        world.run(command)
    if block.language == 'python':
      first = block.text.split('\n')[0]
      if first in documents.NOT_RUN_PYTHON:
        continue
      site()
      for literal in re.findall(r"'([^'\n]+)'", block.text):
        world.need(literal)
      exec(compile(block.text, f'{path.name}: {first}', 'exec'), {})
  site()
  assert world.missing() == []


@pytest.mark.parametrize(
  'path',
  [p for p in documents.DOCUMENTS if documents.name(p) in TITLED],
  ids=documents.name,
)
def test_a_document_with_files_is_followed(path, world, tmp_path):
  """In a copy of the repository: the reader's files are written, and all commands run,
  those of jsr in one process."""
  for folder in ('jsr', 'configs', 'tests'):
    shutil.copytree(
      ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns('__pycache__')
    )
  shutil.copy(ROOT / 'pyproject.toml', tmp_path)
  asked, scripts = [], []
  world = world(path, lambda command, argv: asked.append(argv) or 0)
  for block in blocks(path):
    if block.title:
      target, _, end = block.title.partition(', ')
      before = (tmp_path / target).read_text() + '\n\n' if end else ''
      (tmp_path / target).write_text(before + block.text)
    for command in documents.commands(block):
      if command in OURS:
        world.run(command)
      elif command.words[0] == 'python':
        scripts.append(command.words[1:])
  assert len(asked) > 3
  flags = ' '.join(
    filter(None, [QUICK_XLA, '--xla_force_host_platform_device_count=1'])
  )
  imports = os.pathsep.join([str(tmp_path), without_torch()['PYTHONPATH']])
  # Strict as here, so that the reader's files are: pytest of the copy.
  for words in [['-c', DRIVER], *scripts]:
    python([*words], tmp_path, json.dumps(asked), XLA_FLAGS=flags, PYTHONPATH=imports)
  assert world.missing() == []


def test_the_share(capsys):
  """Says how much of what is printed was run."""
  excused = [c for c in OURS if reason(c)]
  built = [c for c in excused if reason(c) == documents.CARD]
  same = [c for c in OURS if c not in OWNERS and c not in excused]
  with capsys.disabled():
    print(
      f'\n{len(COMMANDS)} documented commands, {len(OURS)} of jsr: all parse,'
      f' {len(OWNERS)} are run, {len(same)} have the pattern of one of them,'
      f' {len(excused)} are not run, {len(built)} of which are built'
    )
  # Each network of the zoo prints one to build, and one of a pattern that is run.
  assert len(OWNERS) >= 2 / 3 * (len(OWNERS) + len(excused) - len(built))
  assert len(OWNERS) + len(same) + len(built) >= 0.7 * len(OURS)


def test_what_people_start_with_is_run():
  """As the README and the tutorials say of themselves."""
  assert len(FOLLOWED) == 5
  assert [c.text for c in OURS if c.document in FOLLOWED and c not in OWNERS] == []
