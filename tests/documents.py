"""What the documents print: commands, Python, and files that readers write."""

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterator

from tests.conftest import ROOT

# Documents whose commands are looked at.
CARDS = sorted((ROOT / 'jsr' / 'weights' / 'embedded').glob('*.md'))
DOCUMENTS = [
  ROOT / 'README.md',
  *sorted((ROOT / 'docs').rglob('*.md')),
  ROOT / 'launch' / 'README.md',
  *CARDS,
]
# What the reader fills in, where any text will not do.
FILLED_IN = {'MINUTES': '1', 'STEPS': '2'}
# Options that name files, pictures and lengths.
NAMING = {
  *('-o', '--output', '--json', '--data', '--sets', '--scale', '--workdir', '--config'),
}
# Languages of fenced blocks: what a reader types, reads, or has printed.
SHELL = {'sh', 'console'}
LANGUAGES = SHELL | {'python', ''}
# Programs whose subcommands do different things.
GROUPS = {'study', 'zoo', 'doe'}
_BLOCK = re.compile(r'^( *)```(\w*)([^\n]*)\n(.*?)^\1```', re.M | re.S)
_ASSIGNMENT = re.compile(r'\w+=')


@dataclasses.dataclass(frozen=True)
class Block:
  """A fenced block: its language, the file that it belongs into ('' for none)."""

  document: str
  language: str
  title: str
  text: str

  @property
  def typed(self) -> str:
    """What a reader types into a shell: of a console, what stands behind `$ `."""
    if self.language not in SHELL:
      return ''
    text = re.sub(r'\\\n\s*', ' ', self.text)
    if self.language == 'sh':
      return text
    lines = text.splitlines(keepends=True)
    return ''.join(x.removeprefix('$ ') for x in lines if x.startswith('$ '))


@dataclasses.dataclass(frozen=True)
class Command:
  """A line of a shell block, its words as the shell would split them."""

  document: str
  text: str
  words: tuple[str, ...]

  @property
  def program(self) -> str:
    """'jsr train' and 'jsr study create' of jsr, else the first word."""
    if self.words[0] != 'jsr':
      return self.words[0]
    grouped = self.words[1] in GROUPS and not self.words[2].startswith('-')
    return ' '.join(self.words[: 3 if grouped else 2])

  @property
  def options(self) -> dict[str, str]:
    """Options and their values; '' for a switch, the last of several."""
    found = {}
    for word, after in zip(self.words, (*self.words[1:], ''), strict=True):
      if word.startswith('-') and word != '-':
        name, equals, value = word.partition('=')
        found[name] = value if equals else '' if after.startswith('-') else after
    return found

  @property
  def pattern(self) -> tuple[object, ...]:
    """Commands of one pattern do the same with other names, for another time."""
    kinds = ()
    if self.program == 'jsr upscale':
      plain = (w for w in self.words if not w.startswith('-'))
      kinds = tuple(sorted({pathlib.PurePath(w).suffix for w in plain}))
    # Keys of a config are independent of each other.
    options = {x for x in self.options if not x.startswith('--config.')}
    return self.program, frozenset(options - NAMING), kinds


def launched(command: Command) -> Command | None:
  """Returns the `jsr train` that a launcher's command starts; None of any other."""
  words = command.words
  if words[0] == 'launch/local.sh':
    words = words[3:] if words[1] == '-n' else words[1:]
  elif words[0] == 'sbatch':
    words = words[words.index('launch/slurm.sbatch') + 1 :]
  else:
    return None
  config, workdir, *more = words
  train = ('jsr', 'train', '--config', config, '--workdir', workdir, *more)
  return dataclasses.replace(command, words=train)


def name(path: pathlib.Path) -> str:
  """Returns the path of a document in the repository."""
  return path.relative_to(ROOT).as_posix()


def blocks(path: pathlib.Path) -> Iterator[Block]:
  """Yields the fenced blocks of a document, in order."""
  for indent, language, rest, text in _BLOCK.findall(path.read_text(encoding='utf-8')):
    title = re.search(r'title="([^"]*)"', rest)
    inner = re.sub(rf'^{indent}', '', text, flags=re.M)
    yield Block(name(path), language, title[1] if title else '', inner)


def commands(block: Block) -> Iterator[Command]:
  """Yields the commands of a shell block; a pipe or && makes two of a line."""
  for line in block.typed.splitlines():
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), '&&']:
      if word not in ('|', '&&', '&'):
        words.append(re.sub(r'[A-Z]+$', lambda m: FILLED_IN.get(m[0], m[0]), word))
        continue
      while words and words[0] != 'export' and _ASSIGNMENT.match(words[0]):
        del words[0]
      if words:
        yield Command(block.document, line, tuple(words))
      words = []


def all_commands() -> list[Command]:
  """Returns every command of every document."""
  return [
    command
    for path in DOCUMENTS
    for block in blocks(path)
    for command in commands(block)
  ]


COMMANDS = all_commands()
OURS = [command for command in COMMANDS if command.words[0] == 'jsr']
# Documents whose readers write files.
TITLED = {
  name(path) for path in DOCUMENTS if any(block.title for block in blocks(path))
}
# Documents that people start with: all of their commands are run.
FOLLOWED = {
  name(path)
  for path in DOCUMENTS
  if (path.name == 'README.md' and path.parent == ROOT)
  or path.parent.name == 'tutorials'
}
# What is not run, and why; it is parsed all the same, its config and keys included.
NOT_RUN = {
  'jsr serve': 'serves until it is stopped; tests/web runs it',
  'jsr worker': 'works until it is stopped; tests/web runs it',
  'jsr export --to int8': 'needs nncf, which is no part of `dev`',
  'jsr doe': 'dozens of trainings; tests/experiments/doe runs a small one',
}
# Python that is not run, by its first line.
NOT_RUN_PYTHON = {
  'from jsr.data.builders import div2k, paired_folder': 'downloads DIV2K',
}
# Studies train for minutes; each has a test of its small form.
STUDY = re.compile(r'jsr study-(\w+)')


# Its recipe is built all the same: tests/weights/test_embedded.py.
CARD = 'a card: hours of training'


def reason(command: Command) -> str:
  """Why a command is not run; '' where it is."""
  if STUDY.fullmatch(command.program):
    return 'its study has a test'
  if command.document.startswith('jsr/') and command.program == 'jsr train':
    return CARD
  options = command.options
  for key, why in NOT_RUN.items():
    program, _, more = key.partition(' --')
    name, _, value = more.partition(' ')
    fits = not more or options.get(f'--{name}') == value
    if command.program == program and fits:
      return why
  return ''


def owners() -> list[Command]:
  """The commands that are run: of documents that people start with, all; of the others
  the first of each pattern and of each option that none of those has."""
  able = [command for command in OURS if not reason(command)]
  found = [command for command in able if command.document in FOLLOWED]
  seen = {part for command in found for part in _parts(command)}
  for command in able:
    new = _parts(command)
    if command.document not in FOLLOWED and new - seen:
      found.append(command)
      seen |= new
  return found


def _parts(command: Command) -> set[object]:
  return {command.pattern, *((command.program, x) for x in command.options)}


OWNERS = owners()
