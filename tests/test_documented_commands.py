"""Every command that a document prints is true: it parses, and what can run does.

One command of each pattern (program and options, without those that name files) is
really run, in a small world of stand-ins (`printed.py`), and every option of every
command at least once; Python blocks are run as they stand. What cannot run here is
looked at in other ways, or stands in `NOT_RUN` with the reason.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from jsr import cli
from jsr.evaluate import gate
from jsr.train import parallel, settings
from tests import documents, printed
from tests.conftest import QUICK_XLA, ROOT, without_torch
from tests.documents import Block, Command

COMMANDS = documents.all_commands()
OURS = [command for command in COMMANDS if command.words[0] == 'jsr']
# What is not run, and why; it is parsed all the same.
NOT_RUN = {
  'jsr serve': 'serves until it is stopped; tests/web runs it',
  'jsr worker': 'works until it is stopped; tests/web runs it',
  'jsr demo': 'minutes; tests/experiments/test_demo.py runs its small form',
  'jsr export --to int8': 'needs nncf, which is no part of `dev`',
}
# Studies train for minutes; each has a test of its small form.
STUDY = re.compile(r'jsr study-\w+')
# Programs that are not jsr: how each is looked at, or why it is not.
OTHERS = {
  'make': 'the target exists',
  'python3': 'makes an environment',
  'python': 'the script exists and knows the options',
  'pip': 'the extras exist',
  'benchmarks/gpu.sh': 'exists',
  'launch/local.sh': 'the training that it starts parses; tests/test_launch.py runs it',
  'sbatch': 'the same',
  'kubectl': 'the file exists; tests/test_launch.py reads it',
  'curl': 'a server that answers; tests/web/test_api.py asks the same',
  'export': "the reader's own settings",
  '.': "the reader's shell",
  'git': "the reader's clone",
  'cd': "the reader's shell",
}
# Python that is not run, by its first line.
NOT_RUN_PYTHON = {
  'from jsr.data.builders import div2k, paired_folder': 'downloads DIV2K',
}


def reason(command: Command) -> str:
  """Why a command is not run; '' where it is."""
  if STUDY.fullmatch(command.program):
    return 'its study has a test'
  if command.document.startswith('jsr/'):
    return 'a card: hours of training'
  options = command.options
  for key, why in NOT_RUN.items():
    program, _, more = key.partition(' --')
    name, _, value = more.partition(' ')
    fits = not more or options.get(f'--{name}') == value
    if command.program == program and fits:
      return why
  return ''


def owners() -> list[Command]:
  """The commands that are run: of each pattern, and of each option, the first; of
  documents whose readers write files, all."""
  found: list[Command] = []
  seen: set[object] = set()
  for command in OURS:
    new = {command.pattern, *((command.program, x) for x in command.options)}
    if not reason(command) and (new - seen or command.document in TITLED):
      found.append(command)
      seen |= new
  return found


TITLED = {
  documents.name(path)
  for path in documents.DOCUMENTS
  if any(block.title for block in documents.blocks(path))
}
OWNERS = owners()


def parse(words: list[str]) -> argparse.Namespace:
  """Parses as `jsr` does; ends the test where it would end."""
  try:
    args, rest = cli._parser().parse_known_args(words)
  except SystemExit as ended:
    if ended.code == 0:  # It only told something, such as the version.
      return argparse.Namespace()
    raise AssertionError(f'does not parse: {words}') from ended
  overrides = [word for word in rest if word.startswith('--config.')]
  assert rest == overrides, f'unrecognized: {rest}'
  assert not rest or hasattr(args, 'overrides')
  args.overrides = overrides
  return args


def check_training(args: argparse.Namespace) -> None:
  """The config exists, knows the keys and has a small form."""
  spec, _, words = args.config.partition(':')
  if not (ROOT / spec).is_file():
    titles = [block.title for path in documents.DOCUMENTS for block in blocks(path)]
    assert spec in titles, f'{spec} does not exist, and no reader writes it'
    return
  spec = str(ROOT / spec)
  settings.load(f'{spec}:{words}' if words else spec, args.overrides)
  if 'smoke' not in words:
    settings.load(f'{spec}:{words},smoke' if words else f'{spec}:smoke', args.overrides)


def blocks(path: pathlib.Path) -> list[Block]:
  return list(documents.blocks(path))


def text_of(commands: list[Command]) -> list[str]:
  return [f'{c.document}: {c.text}' for c in commands]


@pytest.mark.parametrize('path', documents.DOCUMENTS, ids=documents.name)
def test_every_command_parses(path, monkeypatch):
  monkeypatch.setattr(parallel, 'configure_for_training', lambda **_: None)
  for command in OURS:
    if command.document != documents.name(path):
      continue
    args = parse(list(command.words[1:]))
    if command.program == 'jsr train':
      check_training(args)


def test_the_checker_can_fail():
  for words in (['compare', '--method', 'bicubic'], ['no-such-command']):
    with pytest.raises(AssertionError, match='does not parse'):
      parse(words)
  with pytest.raises(AssertionError, match='unrecognized'):
    parse(['upscale', 'a.png', '-o', 'b', '--no-such-option'])
  with pytest.raises(AssertionError, match='does not exist'):
    check_training(argparse.Namespace(config='configs/none.py', overrides=[]))


def test_exceptions_are_needed():
  """What is excused is printed somewhere, so the lists do not outlive their cause."""
  reasons = {reason(command) for command in OURS}
  assert set(NOT_RUN.values()) - reasons <= {NOT_RUN['jsr demo']}
  others = {c.words[0] for c in COMMANDS} - {'jsr'}
  assert others <= set(OTHERS), 'a program that nobody looks at'
  first = {
    block.text.split('\n')[0]
    for path in documents.DOCUMENTS
    for block in blocks(path)
    if block.language == 'python'
  }
  assert set(NOT_RUN_PYTHON) <= first


def test_shell_blocks_are_shell(tmp_path):
  """As shellcheck sees them; what the reader fills in stands in capitals or dots."""
  files = []
  for path in documents.DOCUMENTS:
    for block in blocks(path):
      if block.language == 'sh':
        files.append(tmp_path / f'{path.stem}-{len(files)}.sh')
        files[-1].write_text(block.text)
  command = [pathlib.Path(sys.executable).parent / 'shellcheck', '-s', 'bash']
  # Cd that may fail, files that are not there, values that look like arrays.
  command += ['-e', 'SC1091,SC2164,SC2102', *files]
  done = subprocess.run(command, capture_output=True, text=True)
  assert done.returncode == 0, done.stdout


def test_makes_and_installs_exist():
  makefile = (ROOT / 'Makefile').read_text()
  project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
  for command in COMMANDS:
    where = text_of([command])
    if command.words[0] == 'make':
      assert re.search(rf'^{command.words[1]}:', makefile, re.M), where
    for extras in re.findall(r'\.\[([\w,]+)\]', command.text):
      assert set(extras.split(',')) <= set(project['optional-dependencies']), where
    if command.words[0] == 'kubectl':
      assert (ROOT / command.words[-1]).is_file(), where


def test_scripts_know_their_options():
  for command in COMMANDS:
    words, where = list(command.words), text_of([command])
    if words[0] == 'python' and words[1] == '-m':
      module = words[2].split('.')
      known = (ROOT.joinpath(*module).with_suffix('.py').is_file(), *module[:1])
      assert known[0] or module[0] in ('pytest', 'mkdocs', 'venv', 'pip'), where
    elif words[0] == 'python' or words[0].startswith('benchmarks/'):
      script = ROOT / words[words[0] == 'python']
      assert script.is_file(), where
      source = script.read_text()
      for option in command.options:
        assert re.search(rf'[\'"]{option}[\'"]', source), f'{where}: {option}'


def test_launched_trainings_parse():
  for command in COMMANDS:
    if train := documents.launched(command):
      check_training(parse(list(train.words[1:])))


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
          world.run(command)
    elif block.language == 'python':
      first = block.text.split('\n')[0]
      if first in NOT_RUN_PYTHON:
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
