"""The commands: what they print, and one sentence for every mistake."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from jsr import cli
from jsr.evaluate import comparison
from jsr.train import loop
from jsr.weights import embedded
from tests import images, workdirs

OPTIONS = {
  'train': ['--config', '--workdir', '--config.data.batch_size=8'],
  'evaluate': ['--workdir', '--data', '--sets', '--scale', '--json', '--lr', '--limit'],
  'compare': ['--methods', '--data', '--sets', '--scale', '--protocol', '--json'],
  'upscale': ['INPUT', '-o', '--output', '--list', '--model', '--scale', '--width'],
  'export': ['MODEL', '--to', '-o', '--output', '--scale', '--calibrate'],
  'demo': ['-o', '--output', '--config'],
  'convert': ['--as', '-o', '--output', '--scale', '--set', '--key'],
  'interpolate': ['--alpha', '--sweep', '-o', '--perceptual', '--weights', '--sets'],
  'prepare': ['SOURCE', '-o', '--verify', '--split', '--size', '--overlap', '--shards'],
  'serve': ['--host', '--port', '--workers', '--site', 'docs/website.md'],
  'worker': ['--site'],
  'study': ['create', 'status', 'export', 'delete'],
  'reproduce': ['TABLE', '--data', '--weights', '--runs', '-o', '--limit'],
}
OPTIONS['upscale'] += ['--height', '--strength', '--perceptual', '--self-ensemble']
OPTIONS['upscale'] += ['--consistent', '--wrap', '--trust-map', '--tile', '--halo']
OPTIONS['upscale'] += ['--engine', '--precision', '--format', '--quality', '--lossless']
OPTIONS['upscale'] += ['--overwrite', '--max-pixels', '--report']
OPTIONS['compare'] += ['--html', '--lr', '--limit', 'images:DIR', 'y_float']


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return workdirs.make(tmp_path_factory.mktemp('runs') / 'run')


@pytest.fixture
def here(tmp_path, monkeypatch, workdir):
  """A folder with a set, a picture, a workdir and things that are none of them."""
  for stem in ('a', 'b'):
    picture = images.smooth(48, 56)
    workdirs.save(tmp_path / 'data' / 'Mini' / 'HR' / f'{stem}.png', picture)
  workdirs.save(tmp_path / 'small.png', images.smooth(12, 14))
  (tmp_path / 'bad.png').write_bytes(b'no picture')
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'other').mkdir()
  (tmp_path / 'other' / 'config.json').write_text('{"learning_rate": 1}')
  (tmp_path / 'run').symlink_to(workdir)
  (tmp_path / 'configs').symlink_to(pathlib.Path('configs').resolve())
  monkeypatch.chdir(tmp_path)
  # Training in this process must not set what later tests compile with.
  monkeypatch.setenv('JSR_XLA_DEFAULT', '1')
  return tmp_path


def status(line):
  try:
    return cli.main(line.split())
  except SystemExit as left:
    return left.code


def tree(folder):
  return {p: p.is_file() and p.read_bytes() for p in sorted(folder.rglob('*'))}


@pytest.mark.parametrize('command', OPTIONS)
def test_help_names_every_option(command, capsys):
  assert status(f'{command} --help') == 0
  out, err = capsys.readouterr()
  assert err == ''
  for option in OPTIONS[command]:
    assert option in out


def test_help_and_version(capsys):
  assert status('--help') == 0
  out = capsys.readouterr().out
  assert all(command in out for command in OPTIONS)
  assert status('--version') == 0
  assert capsys.readouterr().out.startswith('jsr 0.')


MEASURE = '--sets Mini --data data'
MISTAKES = {
  '': 'required: COMMAND',
  'compere': "invalid choice: 'compere'",
  '--verbose': 'required: COMMAND',
  f'compare --methods bicubic {MEASURE} --html5 x': 'unrecognized arguments: --html5',
  f'compare --meth bicubic {MEASURE}': '--methods',
  f'compare --methods , {MEASURE}': 'argument --methods: an empty list',
  f'compare --methods bicubic {MEASURE} --scale 0': "'0' is no whole number from 1",
  f'compare --methods bicubic {MEASURE} --scale -4': "'-4' is no whole number from 1",
  f'compare --methods bicubic {MEASURE} --scale x': "'x' is no whole number from 1",
  f'compare --methods bicubic {MEASURE} --scale 2.5': "'2.5' is no whole number",
  f'compare --methods bicubic {MEASURE} --scale 100': 'too few for scale 100',
  f'compare --methods bicubic {MEASURE} --limit 0': "'0' is no whole number from 1",
  f'compare --methods bicubic {MEASURE} --protocol rgb': "did you mean 'rgb8'?",
  f'compare --methods bicubic {MEASURE} --lr LR': "LR has no picture for 'a'",
  f'compare --methods bicubic {MEASURE} --json bad.png/x.json': 'Not a directory',
  f'compare --methods bicubic {MEASURE} --json empty': 'it is a folder',
  f'compare --methods bicubic {MEASURE} --html bad.png/x.html': 'Not a directory',
  f'compare --methods bicubc {MEASURE}': "no method or folder 'bicubc'",
  f'compare --methods drcn {MEASURE}': 'comes without weights',
  f'compare --methods bicubic,bicubic {MEASURE}': "two methods are called 'bicubic'",
  f'compare --methods x=images:nowhere {MEASURE}': 'x: there is no folder nowhere',
  f'compare --methods images:empty {MEASURE}': "no picture for 'a' of Mini",
  f'compare --methods other {MEASURE}': 'other/config.json is no config of a jsr run',
  f'compare --methods empty {MEASURE}': 'empty is no workdir',
  'compare --methods bicubic --sets Mini --data nowhere': 'nowhere has no set Mini',
  'compare --methods bicubic --sets Mimi --data data': "did you mean 'Mini'?",
  'compare --methods bicubic --sets Mini': "set 'Mini' needs --data",
  'compare --methods bicubic --sets Mini,Mini --data data': 'asked for twice',
  'compare --methods bicubic': 'required: --sets',
  f'evaluate --workdir nowhere {MEASURE}': 'there is no workdir nowhere',
  f'evaluate --workdir bicubic {MEASURE}': 'there is no workdir bicubic',
  f'evaluate --workdir bad.png {MEASURE}': 'there is no workdir bad.png',
  f'evaluate --workdir empty {MEASURE}': 'empty is no workdir',
  f'evaluate --workdir run {MEASURE} --scale 2': 'run enlarges 4 times',
  'upscale -o out --model bicubic': 'INPUT is missing',
  'upscale small.png --model bicubic': '-o/--output is missing',
  'upscale --list small.png': '--list only lists',
  'upscale small.png -o out --model run --scale 0': "'0' is no number above 0",
  'upscale small.png -o out --model bicubic --scale inf': "'inf' is no number above 0",
  'upscale small.png -o out --scale 2 --width 9': 'not both',
  'upscale small.png -o out --strength 1.5': "'1.5' is no number from 0 to 1",
  'upscale small.png -o out --perceptual run': 'give one of them',
  'upscale small.png -o out --quality 101': "'101' is no whole number from 1 to 100",
  'upscale small.png -o out --lossless --quality 9': '--lossless has no --quality',
  'upscale small.png -o out --halo -1': "'-1' is no whole number from 0",
  'upscale small.png -o out --engine tpu': "invalid choice: 'tpu'",
  'upscale small.png -o out --format pgn': "unknown format 'pgn'; did you mean 'png'?",
  'upscale small.png -o x.png --format gif': 'contradicts the suffix of x.png',
  'upscale small.png bad.png -o x.png': 'looks like a file',
  'upscale small.png -o out --model nearest --report empty': 'it is a folder',
  'upscale small.png -o out --model bicubc': "'bicubc'",
  'upscale small.png -o bad.png/x --model bicubic': 'Not a directory',
  'upscale small.png -o . --model bicubic': 'is an input and would be replaced',
  'upscale bad.png -o out --model bicubic': 'bad.png: not an image',
  'upscale empty -o out --model bicubic': 'empty: no pictures or videos',
  'upscale small.png -o out --model bicubic --scale 10000': 'would be too many',
  'upscale small.png -o out --model bicubic --max-pixels 9': 'more than 9 pixels',
  'train --config configs/none.py --workdir new': 'there is no config file',
  'train --config configs/srresnet.py': 'required: --workdir',
  'train --config bad.png/x.py --workdir new': 'there is no config file',
}
SMOKE = 'train --config configs/srresnet.py:smoke --workdir'
# A picture for each of the eight virtual devices.
EIGHT = '--config.data.batch_size=8'
MISTAKES |= {
  f'{SMOKE} new': 'a batch of 4 cannot be shared evenly by 8 devices',
  f'{SMOKE} new --config.sead=1': "config has no key 'sead'; did you mean 'seed'?",
  f'{SMOKE} new --config.seed=many': 'a config value does not fit',
  f'{SMOKE} new --config.seed': 'overrides look like --config.key=value',
  f'{SMOKE} new --frobnicate': 'unrecognized arguments: --frobnicate',
  f'{SMOKE} new {EIGHT} --config.data.source=nowhere': "images 'nowhere' does not",
  f'{SMOKE} new {EIGHT} --config.data.patch_size=30': 'no multiple of config.scale',
  f'{SMOKE} bad.png': 'Not a directory',
  f'{SMOKE} bad.png/new': 'Not a directory',
  f'{SMOKE} other': 'is no config of a jsr run',
  'demo -o bad.png': 'Not a directory',
  'demo -o out --config nowhere.py': 'there is no config file nowhere.py',
}


@pytest.mark.parametrize('line', MISTAKES)
def test_a_mistake_is_one_sentence(here, line, capsys):
  before = tree(here)
  assert status(line) == 2
  out, err = capsys.readouterr()
  assert MISTAKES[line] in err
  assert err.count('\n') == 1, err
  assert err.startswith('jsr')
  assert 'Traceback' not in err
  assert out == ''
  assert tree(here) == before


def test_a_level_of_logging_that_does_not_exist(here, monkeypatch, capsys):
  monkeypatch.setenv('JSR_LOG', 'LOUD')
  assert status('upscale small.png -o out --model nearest') == 2
  assert capsys.readouterr().err.startswith("jsr: JSR_LOG='LOUD' is no level")


def test_models_that_come_with_jsr(here, capsys):
  assert status('upscale --list') == 0
  out, err = capsys.readouterr()
  assert err == ''
  assert [line.split()[0] for line in out.splitlines()] == embedded.names()


def test_ctrl_c(here, monkeypatch, capsys):
  def interrupted(*_, **__):
    raise KeyboardInterrupt

  monkeypatch.setattr(comparison, 'run', interrupted)
  assert status(f'compare --methods bicubic {MEASURE}') == 130
  assert capsys.readouterr().err == 'jsr compare: interrupted\n'


def test_a_bug_is_no_mistake_of_the_user(here, monkeypatch):
  """Its traceback is worth more than a sentence."""

  def broken(*_, **__):
    raise ZeroDivisionError

  monkeypatch.setattr(comparison, 'run', broken)
  with pytest.raises(ZeroDivisionError):
    status(f'compare --methods bicubic {MEASURE}')


def test_evaluate_prints_a_table(here, capsys):
  assert status(f'evaluate --workdir run {MEASURE} --json out/r.json') == 0
  out, err = capsys.readouterr()
  assert err == ''
  assert 'Mini ×4, 2 images' in out
  lines = [line.split()[:2] for line in out.splitlines()]
  figures = {words[0]: words[1] for words in lines if len(words) == 2}
  rows = json.loads((here / 'out' / 'r.json').read_text())['rows']
  name = (here / 'run').resolve().name
  assert [row['method'] for row in rows] == ['bicubic', name]
  assert figures['bicubic'] == f'{rows[0]["psnr_y"]:.2f}'
  assert figures[name] == f'{rows[1]["psnr_y"]:.2f}'


@pytest.mark.usefixtures('one_device')
def test_train_then_resume(here, capsys):
  line = f'{SMOKE} new --config.train.max_steps=2 --config.log.progress=False'
  assert status(line) == 0
  assert 'new: step 2 (max_steps), 0 steps skipped' in capsys.readouterr().out
  assert (here / 'new' / 'checkpoints' / '2').is_dir()
  assert status(line) == 0
  assert 'new: step 2 (max_steps)' in capsys.readouterr().out
  assert status(f'{line} --config.seed=5') == 2
  assert 'seed was 0 and is 5' in capsys.readouterr().err


def test_what_the_loop_gets(here, monkeypatch):
  got = []
  result = {'step': 1, 'reason': 'signal', 'skipped': 0, 'rollbacks': 0, 'seconds': 1}
  monkeypatch.setattr(loop, 'train', lambda *args, **_: got.append(args) or result)
  assert status(f'{SMOKE} new --config.seed=3 {EIGHT}') == 0
  ((config, workdir),) = got
  assert (config.seed, config.data.batch_size) == (3, 8)
  assert workdir == pathlib.Path('new')


def command(*arguments, **options):
  return subprocess.Popen(
    [sys.executable, '-m', 'jsr.cli', *arguments],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env={**os.environ, 'PYTHONPATH': str(pathlib.Path(__file__).parents[1])},
    **options,
  )


def test_a_process_of_its_own(here):
  """Two pictures of which one is bad: the status, both streams, the file."""
  process = command(
    'upscale', 'small.png', 'bad.png', '-oout', '--model=nearest', '--scale=2'
  )
  out, err = process.communicate(timeout=120)
  assert process.returncode == 2
  assert out == 'small.png (14x12) -> out/small.png (28x24)\n'
  assert err == 'jsr upscale: bad.png: not an image in a known format\n'
  with Image.open(here / 'out' / 'small.png') as image:
    assert np.asarray(image).shape == (24, 28, 3)


def test_ctrl_c_in_a_process_of_its_own(here):
  """While the second file is written: nothing of it is left."""
  workdirs.save(here / 'large.png', images.smooth(900, 900))
  before = sorted(here.iterdir())
  process = command(
    *('upscale', 'small.png', 'large.png', '-o', 'out'),
    *('--model', 'nearest', '--scale', '30'),
  )
  deadline = time.monotonic() + 120
  while not list(here.glob('out/.large.*')):
    assert process.poll() is None
    assert time.monotonic() < deadline
    time.sleep(0.05)
  process.send_signal(signal.SIGINT)
  out, err = process.communicate(timeout=60)
  assert process.returncode == 130
  assert err == 'jsr upscale: interrupted\n'
  assert [p.name for p in (here / 'out').iterdir()] == ['small.png']
  assert sorted(here.iterdir()) == sorted([*before, here / 'out'])
  assert out.startswith('small.png')
