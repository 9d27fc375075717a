"""Every command that a document prints is true: it parses, and what can run does.

Here commands are parsed and looked at; `test_documented_runs.py` runs them.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

from jsr import cli, errors
from jsr.experiments.doe import experiment, ratios
from jsr.experiments.studies import STUDIES
from jsr.train import parallel, settings
from tests import documents
from tests.conftest import ROOT
from tests.documents import COMMANDS, NOT_RUN, NOT_RUN_PYTHON, OURS, Command, reason

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
}


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
    titles = [
      block.title for path in documents.DOCUMENTS for block in documents.blocks(path)
    ]
    assert spec in titles, f'{spec} does not exist, and no reader writes it'
    return
  spec = str(ROOT / spec)
  settings.load(f'{spec}:{words}' if words else spec, args.overrides)
  if 'smoke' not in words:
    settings.load(f'{spec}:{words},smoke' if words else f'{spec}:smoke', args.overrides)


def check_study(args: argparse.Namespace) -> None:
  """The config exists, takes its argument and knows the keys."""
  settings.load(str(ROOT / args.config), args.overrides)


def check_design(args: argparse.Namespace, folder: pathlib.Path) -> None:
  """Every row of the design is a config that can be trained."""
  factors = [experiment.parse_factor(text) for text in args.factor]
  experiment.Experiment(
    str(ROOT / args.config),
    args.overrides,
    args.design,
    factors,
    ratios.parse(args.response),
    folder,
    args.seeds,
  )


def text_of(commands: list[Command]) -> list[str]:
  return [f'{c.document}: {c.text}' for c in commands]


@pytest.mark.parametrize('path', documents.DOCUMENTS, ids=documents.name)
def test_every_command_parses(path, monkeypatch, tmp_path):
  monkeypatch.setattr(parallel, 'configure_for_training', lambda **_: None)
  for command in OURS:
    if command.document != documents.name(path):
      continue
    args = parse(list(command.words[1:]))
    if command.program == 'jsr train':
      check_training(args)
    elif documents.STUDY.fullmatch(command.program):
      check_study(args)
    elif command.program == 'jsr doe':
      check_design(args, tmp_path / 'doe')


def test_the_checker_can_fail(tmp_path):
  for words in (['compare', '--method', 'bicubic'], ['no-such-command']):
    with pytest.raises(AssertionError, match='does not parse'):
      parse(words)
  with pytest.raises(AssertionError, match='unrecognized'):
    parse(['upscale', 'a.png', '-o', 'b', '--no-such-option'])
  with pytest.raises(AssertionError, match='does not exist'):
    check_training(argparse.Namespace(config='configs/none.py', overrides=[]))
  for words, said in (
    (['study-faces', '--config.sises=(16,)'], "'sises'"),
    (['study-faces', '--config', 'configs/studies/faces.py:lwf'], "'lwf'"),
  ):
    with pytest.raises(errors.UserError, match=said):
      check_study(parse(words))
  design = ['doe', '--design', 'L4', '--config', 'configs/srnet.py', '-o', 'x']
  design += ['--response', 'psnr_y:larger', '--factor', 'optim.name=rmsprop,adam']
  check_design(parse(design), tmp_path / 'doe')
  for factor, said in (
    ('optim.nome=rmsprop,adam', 'nome'),
    ('generator.name=edsr,edrs', 'edrs'),
  ):
    with pytest.raises(errors.UserError, match=said):
      check_design(parse([*design, '--factor', factor]), tmp_path / 'doe')


def test_languages_of_blocks():
  """A block of a language that nobody knows would be looked at by nobody."""
  found = {b.language for path in documents.DOCUMENTS for b in documents.blocks(path)}
  assert found == documents.LANGUAGES


def test_what_is_typed():
  """Of a console, what stands behind `$ `; `sh` is typed as it stands."""
  text = '$ jsr a \\\n    --b\nprinted\n$ jsr c\n'
  console = documents.Block('x.md', 'console', '', text)
  assert [c.words for c in documents.commands(console)] == [
    ('jsr', 'a', '--b'),
    ('jsr', 'c'),
  ]
  script = documents.Block('x.md', 'sh', '', 'jsr a | jsr c d\n')
  assert [c.words for c in documents.commands(script)] == [
    ('jsr', 'a'),
    ('jsr', 'c', 'd'),
  ]
  assert not [*documents.commands(documents.Block('x.md', '', '', text))]


def test_subcommands_are_told_apart():
  def program(text: str) -> str:
    return documents.Command('x.md', text, tuple(text.split())).program

  assert program('jsr zoo card compact-x4') == 'jsr zoo card'
  assert program('jsr doe analyse table.csv') == 'jsr doe analyse'
  assert program('jsr doe --design L9') == 'jsr doe'
  assert program('jsr study status looks') == 'jsr study status'
  assert program('jsr upscale a.png') == 'jsr upscale'


def test_every_study_has_a_test():
  """That is why the documented runs leave studies out."""
  tests = {path.stem for path in (ROOT / 'tests' / 'experiments').rglob('test_*.py')}
  assert STUDIES
  for name in STUDIES:
    assert tests & {f'test_study_{name}', f'test_{name}_study'}, name


def test_exceptions_are_needed():
  """What is excused is printed somewhere, so the lists do not outlive their cause."""
  reasons = {reason(command) for command in OURS}
  assert set(NOT_RUN.values()) <= reasons
  others = {c.words[0] for c in COMMANDS} - {'jsr'}
  assert others == set(OTHERS), 'programs that nobody looks at, or that nobody prints'
  first = {
    block.text.split('\n')[0]
    for path in documents.DOCUMENTS
    for block in documents.blocks(path)
    if block.language == 'python'
  }
  assert set(NOT_RUN_PYTHON) <= first


def test_shell_blocks_are_shell(tmp_path):
  """As shellcheck sees them; what the reader fills in stands in capitals or dots."""
  files = []
  for path in documents.DOCUMENTS:
    for block in documents.blocks(path):
      if block.typed:
        files.append(tmp_path / f'{path.stem}-{len(files)}.sh')
        files[-1].write_text(block.typed)
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
