"""A small world in which the documents' commands run: what they name is there.

Whatever a command names is made when it is needed: by the command of the document that
writes it, or else as a tiny stand-in, chosen by the name. Networks train for two steps
in their `:smoke` form, and sets have one small picture, all of one size, so that each
network is compiled once.
"""

import pathlib
import re
import shutil
from collections.abc import Callable, Iterable

import numpy as np
from ml_collections import ConfigDict
from PIL import Image

from tests import images, workdirs
from tests.conftest import ROOT
from tests.documents import Command

# Folders of photographs, and of the low-resolution halves of pairs.
FOLDERS = (
  *('FOLDER_OF_PHOTOGRAPHS', 'FOLDER', 'PHOTOGRAPHS', 'DIV2K_train_HR', 'T91'),
  *('scans', 'holiday', 'album'),
)
LR_FOLDERS = {'DIV2K_train_LR_unknown/X2': 2, 'DIV2K_train_LR_unknown/X4': 4}
# Folders of sets. They have the names of the standard ones, whose figures these do not
# have: the gate is open here. A folder's own photographs stand for the embedded ones.
DATA = ('DATA', 'data', 'DIR')
SETS = ('Set5', 'Set14', 'BSD100', 'Urban100', 'photographs')
PICTURES = ('.jpg', '.png', '.tif', '.webp')
# Network of a workdir that no document trains, by the name of the folder.
NETWORKS = {'esrgan': 'rrdb'}
# Values of options that would take long.
VALUES = {'--config.data.workers': '1', '--raters': '1', '--sweep': '0,1'}
MAX_STEPS = 40  # What `--profile` needs, of the smallest network.


def outputs(command: Command) -> list[str]:
  """The files and folders that a command writes, and 'study:NAME'."""
  options, program = command.options, command.program
  found = [
    options[name]
    for name in ('-o', '--output', '--workdir', '--json', '--html', '--report')
    if name in options and not (name == '--workdir' and program == 'jsr evaluate')
  ]
  if '--sweep' in options:
    found = [f'{path}{suffix}' for path in found for suffix in ('.json', '.svg')]
  if '--html' in options:
    found.append(options['--html'].removesuffix('.html') + '_pictures')
  if program == 'jsr export' and '-o' not in options:
    found.append(f'{command.words[2]}.{options["--to"]}')
  if program == 'jsr study create':
    found.append(f'study:{command.words[3]}')
  return [path.rstrip('/') for path in found]


def names(words: Iterable[str]) -> list[str]:
  """Everything in words that may be the name of a file."""
  parts = (part for word in words for part in re.split(r'[=,]', word))
  return [re.sub(r'^(records|images):', '', part).rstrip('/') for part in parts]


class World:
  """A folder, and what has been run in it."""

  def __init__(
    self,
    folder: pathlib.Path,
    commands: list[Command],
    start: Callable[[Command, list[str]], int],
  ):
    self.folder, self._start = folder, start
    self.ran: dict[tuple[str, ...], Command] = {}
    self._makers: dict[str, Command] = {}
    for command in commands:
      for path in outputs(command):
        self._makers.setdefault(path, command)
    if not (folder / 'configs').exists():
      (folder / 'configs').symlink_to(ROOT / 'configs')

  def run(self, command: Command) -> None:
    """Runs a command, and those before it that it needs.

    Raises:
      AssertionError: It failed.
    """
    if command.words in self.ran:
      return
    self.ran[command.words] = command
    mine = outputs(command)
    wanted = names(command.words[1:])
    if command.program.startswith('jsr study '):
      wanted = [
        f'study:{name}' if name == command.words[3] else name for name in wanted
      ]
    for name in wanted:
      if name and name not in mine:
        self.need(name)
    status = self._start(command, self.arguments(command))
    assert status == 0, f'{command.document}: status {status} of {command.text}'

  def missing(self) -> list[str]:
    """What commands that ran should have written, and have not."""
    return [
      f'{command.document}: {path} of {command.text}'
      for command in self.ran.values()
      for path in outputs(command)
      if not path.startswith('study:') and not (self.folder / path).exists()
    ]

  def need(self, name: str) -> None:
    """Makes what a name stands for, if anything; in a folder, that folder."""
    if name in self._makers:
      self.run(self._makers[name])
      return
    path = self.folder / name
    if path.exists():
      return
    top, _, below = name.partition('/')
    if top in DATA and below:
      self.need(top)
      drawings(path)
      return
    for parent in pathlib.PurePosixPath(name).parents:
      if str(parent) in self._makers or parent.name in FOLDERS:
        self.need(str(parent))
        return
    make(path, name)

  def arguments(self, command: Command) -> list[str]:
    """What is run in a command's place."""
    words, options = list(command.words[1:]), command.options
    for i, word in enumerate(words):
      name, equals, value = word.partition('=')
      if equals and name in VALUES:
        words[i] = f'{name}={VALUES[name]}'
      elif i and words[i - 1] in VALUES and not word.startswith('-'):
        words[i] = VALUES[words[i - 1]]
      elif name == '--config.train.max_steps' and int(value) > MAX_STEPS:
        words[i] = f'{name}=2'
      elif name == '--config.init_from' and 'from-x' in options['--config']:
        words[i] = '--config.init_from='  # The small form of `from-x2` starts afresh.
      elif i and words[i - 1] == '--config' and 'smoke' not in word:
        words[i] = f'{word}{"," if ":" in word else ":"}smoke'
    if 'photographs' in options.get('--sets', '') and '--data' not in options:
      self.need('DATA')  # The embedded ones are whole pictures.
      words += ['--data', 'DATA']
    if command.program == 'jsr train':
      if '--config.train.max_steps' not in options:
        words.append('--config.train.max_steps=2')
      words.append('--config.log.progress=False')
    if command.program == 'jsr prepare' and '--verify' not in options:
      words += ['--workers', '1']
    return words


def make(path: pathlib.Path, name: str) -> None:
  """Makes a tiny stand-in, by the name of what is wanted; of other names nothing."""
  if name in FOLDERS:
    for i, suffix in enumerate(('.png', '.tif', '.jpg')):
      save(path / f'{i}{suffix}', images.smooth(96, 96 + 8 * i))
  elif name in LR_FOLDERS:
    scale = LR_FOLDERS[name]
    for i in range(3):
      save(path / f'{i}x{scale}.png', images.smooth(96 // scale, (96 + 8 * i) // scale))
  elif name == 'out':
    workdirs.make(path / 'srresnet')
  elif name in DATA:
    for each in SETS:
      save(path / each / 'HR' / 'a.png', images.smooth(72, 72))
  elif name == 'RESULTS':
    for each in SETS:
      save(path / each / 'a_mine.png', images.smooth(72, 72))
  elif path.suffix in PICTURES and path.parent.is_dir():
    save(path, images.smooth(18, 24))
  elif path.suffix == '.mp4':
    from tests.upscale.test_video import film

    film(path, count=2, size=(16, 24))
  elif name.startswith('out/'):
    network = next((x for key, x in NETWORKS.items() if key in name), '')
    workdirs.make(path, **fields(network))
  elif path.suffix in ('.pth', '.pt', '.safetensors'):
    weights(path, name)
  elif name.startswith('jsr/'):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / name, path)


def drawings(path: pathlib.Path) -> None:
  """Makes a folder of pictures that are unlike each other."""
  random = np.random.default_rng(0)
  for i in range(6):
    blocks = random.integers(0, 256, (16, 16, 3), np.uint8)
    save(path / f'{i}.png', np.kron(blocks, np.ones((8, 8, 1), np.uint8)))


def fields(network: str) -> dict[str, object]:
  """What a workdir of a network is made with, beside the small SRResNet of tests."""
  if not network:
    return {}
  # The size of RRDBNet in tests/weights/programs.py.
  args = ConfigDict({'features': 4, 'growth': 3, 'blocks': 2})
  return {'generator__name': network, 'generator__args': args}


def weights(path: pathlib.Path, name: str) -> None:
  """Writes a small file of weights: of another program, or of jsr."""
  if path.suffix == '.safetensors':
    workdirs.make(path.with_suffix(''))
    from jsr.evaluate import conversion

    conversion.save(path, conversion.from_workdir(path.with_suffix('')))
    shutil.rmtree(path.with_suffix(''))
    return
  from tests.weights import programs

  scale = int(found[1]) if (found := re.search(r'x(\d)', name)) else 4
  twin = (programs.EDSR, scale) if 'edsr' in name.lower() else (programs.RRDBNet,)
  programs.torch.save(programs.made(*twin).state_dict(), path)


def save(path: pathlib.Path, array: np.ndarray) -> None:
  """Writes a picture, and the folders around it."""
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(array).save(path)
