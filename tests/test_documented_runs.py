"""The commands of the documents are run, and what is printed as Python.

One command of each pattern (program and options, without those that name files), in a
small world of stand-ins (`printed.py`), and every option of every command at least
once; Python blocks as they stand. What cannot run stands in `NOT_RUN` and
`NOT_RUN_PYTHON` of `documents.py` with the reason. Where a document has files for its
reader to write, all of it is followed in a copy of the repository.
"""

import json
import os
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
from tests.documents import COMMANDS, OURS, OWNERS, TITLED, Command, blocks, reason


@pytest.fixture
def world(tmp_path, monkeypatch):
  """A function that opens a document's world and goes there: no downloads, a site and
  a cache of its own, and no gate, since sets are not what they are called."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv('JSR_SITE', str(tmp_path / 'site'))
  monkeypatch.setenv('JSR_CACHE', str(tmp_path / 'cache'))
  monkeypatch.setattr(parallel, 'configure_for_training', lambda **_: None)
  monkeypatch.setattr(gate, 'check', lambda *_, **__: 'no reference')

  def make(path, start=start):
    here = [c for c in COMMANDS if c.document == documents.name(path)]
    locally = [documents.launched(c) for c in here if c.words[0] == 'launch/local.sh']
    mine = [c for c in here if c in OURS and not reason(c)]
    return printed.World(tmp_path, [*mine, *filter(None, locally)], start)

  return make


def start(command: Command, argv: list[str]) -> int:
  """Runs jsr: the website's commands in a process of their own, as Django is set up
  once a process."""
  if command.program.startswith('jsr study '):
    return subprocess.run([sys.executable, '-m', 'jsr.cli', *argv]).returncode
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
def test_commands_run(path, world):
  world = world(path)
  for block in blocks(path):
    if block.language == 'sh':
      for command in documents.commands(block):
        if command in OWNERS:
          world.run(command)  # Which asserts that it ends well, and made what it names.
    elif block.language == 'python':
      first = block.text.split('\n')[0]
      if first in documents.NOT_RUN_PYTHON:
        continue
      for literal in re.findall(r"'([^'\n]+)'", block.text):
        world.need(literal)
      exec(compile(block.text, f'{path.name}: {first}', 'exec'), {})


DRIVER = """
import json, sys
from jsr import cli
for argv in json.load(sys.stdin):
  print('jsr', *argv, flush=True)
  if status := cli.main(argv):
    sys.exit(f'status {status} of {argv}')
"""


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
    elif block.language == 'sh':
      for command in documents.commands(block):
        if command in OURS:
          world.run(command)
        elif command.words[0] == 'python':
          scripts.append(command.words[1:])
  assert len(asked) > 3
  flags = ' '.join(
    filter(None, [QUICK_XLA, '--xla_force_host_platform_device_count=1'])
  )
  env = {**without_torch(), 'XLA_FLAGS': flags}
  env['PYTHONPATH'] = os.pathsep.join([str(tmp_path), env['PYTHONPATH']])
  # Strict as here, so that the reader's files are: pytest of the copy.
  for words in [['-c', DRIVER], *scripts]:
    done = subprocess.run(
      [sys.executable, *words],
      input=json.dumps(asked),
      capture_output=True,
      text=True,
      env=env,
      cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_share(capsys):
  """Says how much of what is printed was run."""
  excused = [c for c in OURS if reason(c)]
  same = [c for c in OURS if c not in OWNERS and c not in excused]
  assert {c.pattern for c in same} <= {c.pattern for c in OWNERS}
  share = (len(OWNERS) + len(same)) / len(OURS)
  with capsys.disabled():
    print(
      f'\n{len(COMMANDS)} documented commands, {len(OURS)} of jsr: all parse,'
      f' {len(OWNERS)} are run, {len(same)} have the pattern of one of them,'
      f' {len(excused)} are not run ({share:.0%} run or alike)'
    )
  assert len(OWNERS) > 20
