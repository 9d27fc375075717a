"""Batches of files: what goes where, and what one bad file does to the others."""

import dataclasses
import json
import os
import re
import shutil
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr import cli, models
from jsr.errors import UserError
from jsr.evaluate import methods
from jsr.ops import resize
from jsr.upscale import batch, engines, files, image_io, plan, progress, upscaler
from jsr.weights import model_file
from tests import generators, images, workdirs
from tests.conftest import ROOT

A = images.smooth(12, 14)
BIG = A.repeat(4, 0).repeat(4, 1)


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return workdirs.make(tmp_path_factory.mktemp('runs') / 'run')


@pytest.fixture
def picture(tmp_path):
  workdirs.save(tmp_path / 'in' / 'a.png', A)
  return tmp_path / 'in' / 'a.png'


def upscale(inputs, out, model='nearest', *, options=None, show=False, **settings):
  return files.run(
    [str(each) for each in inputs],
    out,
    model=model,
    options=upscaler.Options(**(options or {})),
    settings=files.Settings(**settings),
    show=show,
  )


def load(path, format='PNG', mode='RGB'):
  with Image.open(path) as image:
    assert image.format == format
    assert image.mode == mode
    return np.asarray(image)


def everything(folder):
  return sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*'))


def save_model(path, change=0.0):
  network = generators.network('compact', 2)
  flat = model_file.flatten(network.variables)
  model_file.save(
    path,
    generator='compact',
    scale=2,
    args=generators.SMALL['compact'],
    variables=model_file.nest({k: v + change for k, v in flat.items()}),
  )


def gif(path, count=3, size=(12, 14)):
  path.parent.mkdir(parents=True, exist_ok=True)
  frames = [
    Image.fromarray(np.full((*size, 3), 40 * i, np.uint8)) for i in range(1, count + 1)
  ]
  more = {'append_images': frames[1:], 'duration': [100, 200, 300]} if count > 1 else {}
  frames[0].save(path, save_all=count > 1, loop=2, **more)


def test_interpolations(picture, tmp_path, capsys):
  out = tmp_path / 'new' / 'out'
  assert upscale([picture], out) == 0
  np.testing.assert_array_equal(load(out / 'a.png'), BIG)
  assert capsys.readouterr().out == f'{picture} (14x12) -> {out / "a.png"} (56x48)\n'
  assert upscale([picture], out, 'bicubic', options={'scale': 3}, overwrite=True) == 0
  want = np.clip(resize.resize(A.astype(np.float64), 3), 0, 255)
  # Rounded once; half a level, and what single precision adds.
  np.testing.assert_allclose(load(out / 'a.png'), want, rtol=0, atol=0.501)
  assert everything(out) == ['a.png']


def test_a_workdir(picture, tmp_path, workdir):
  assert upscale([picture], tmp_path / 'out', str(workdir)) == 0
  want = methods.from_workdir(workdir, 'x').upscale_uint8(A, 4).astype(int)
  got = load(tmp_path / 'out' / 'a.png').astype(int)
  # Tiles and rounding have their own tests.
  assert abs(got - want).max() <= 1


def test_a_model_file(picture, tmp_path):
  path = tmp_path / 'mine.safetensors'
  args = {'middle': 1, 'features': (4, 2)}
  model = models.build('srcnn', scale=2, **args)
  variables = model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 1)))
  model_file.save(path, generator='srcnn', scale=2, args=args, variables=variables)
  grey = tmp_path / 'in' / 'grey.png'
  workdirs.save(grey, A[..., :1])
  out = tmp_path / 'out'
  assert upscale([picture, grey], out, str(path)) == 0
  method = methods.resolve(str(path))
  want = method.upscale_uint8(A, 2).astype(int)
  assert abs(load(out / 'a.png') - want).max() <= 1
  # Grey values are luma, and a grey picture stays one.
  want = method.upscale_uint8(A[..., :1], 2)[..., 0].astype(int)
  assert abs(load(out / 'grey.png', mode='L') - want).max() <= 1


def test_bad_files_do_not_stop_the_others(picture, tmp_path, capsys):
  bad = tmp_path / 'in' / 'bad.png'
  bad.write_bytes(b'no picture')
  short = tmp_path / 'in' / 'short.png'
  short.write_bytes(picture.read_bytes()[:60])
  missing = tmp_path / 'in' / 'missing.png'
  (tmp_path / 'none').mkdir()
  out = tmp_path / 'out'
  pattern = f'{tmp_path}/in/*.webp'
  given = [bad, short, missing, tmp_path / 'none', pattern, picture]
  assert upscale(given, out) == 2
  assert everything(out) == ['a.png']
  told = capsys.readouterr()
  assert str(picture) in told.out
  lines = told.err.splitlines()
  assert len(lines) == 5
  assert lines[0] == f'jsr upscale: {bad}: not an image in a known format'
  assert lines[1].startswith(f'jsr upscale: {short}: ')
  assert lines[2] == f'jsr upscale: {missing}: the file does not exist'
  assert lines[3] == (
    f'jsr upscale: {tmp_path / "none"}: no pictures or videos in this folder'
  )
  assert lines[4] == f'jsr upscale: {pattern}: no picture or video matches'


def test_trees_and_what_they_hide(tmp_path, capsys):
  root = tmp_path / 'in'
  for name in ('a.png', 'sub/deep/b.png', 'sub/c.jpg', '.hidden.png', '.git/d.png'):
    workdirs.save(root / name, A)
  (root / 'notes.txt').write_text('')
  (root / 'code.ts').write_text('let a = 1')
  (root / 'loop').symlink_to(root, target_is_directory=True)
  (root / 'link.png').symlink_to(root / 'sub' / 'deep' / 'b.png')
  (root / 'broken.png').symlink_to(root / 'nowhere.png')
  out = root / 'out'
  assert upscale([root], out) == 0
  made = ['a.png', 'link.png', 'sub', 'sub/c.jpg', 'sub/deep', 'sub/deep/b.png']
  assert everything(out) == made
  # What is in the output folder is no input.
  capsys.readouterr()
  assert upscale([root], out, overwrite=True) == 0
  assert everything(out) == made
  assert len(capsys.readouterr().out.splitlines()) == 4
  # The tree below the fixed part of a pattern stays.
  shutil.rmtree(out)
  for pattern, names in (
    ('in/**/*.png', ['a.png', 'link.png', 'sub', 'sub/deep', 'sub/deep/b.png']),
    ('in/sub/*', ['c.jpg', 'deep', 'deep/b.png']),
    ('in/*', ['a.png', 'link.png', 'sub', 'sub/c.jpg', 'sub/deep', 'sub/deep/b.png']),
    ('in/[a-c].*', ['a.png']),
  ):
    other = tmp_path / f'for {len(pattern)} letters'
    assert upscale([tmp_path / pattern], other) == 0
    assert everything(other) == names, pattern
  # Also for a pattern, what is in the output folder is no input.
  for _ in range(2):
    assert upscale([root / '**' / '*.jpg'], out, overwrite=True) == 0
    assert everything(out) == ['sub', 'sub/c.jpg']
  # A link that is named is followed, and a name that looks like a pattern is one file.
  workdirs.save(tmp_path / 'a[1].png', A)
  (tmp_path / 'linked').symlink_to(root / 'sub', target_is_directory=True)
  assert upscale([tmp_path / 'linked', tmp_path / 'a[1].png'], tmp_path / 'o') == 0
  assert everything(tmp_path / 'o') == ['a[1].png', 'c.jpg', 'deep', 'deep/b.png']


def test_one_file_and_formats(picture, tmp_path):
  for out, format in (('x.webp', 'WEBP'), ('x.JPG', 'JPEG'), ('x.tif', 'TIFF')):
    assert upscale([picture], tmp_path / 'new' / out) == 0
    load(tmp_path / 'new' / out, format)
  bmp, odd = picture.with_suffix('.bmp'), picture.with_name('scan.001')
  Image.fromarray(A).save(bmp)
  Image.fromarray(A).save(odd, 'PNG')
  jpeg = picture.with_suffix('.JPEG')
  Image.fromarray(A).save(jpeg)
  assert upscale([bmp, odd, jpeg], tmp_path / 'out') == 0
  assert everything(tmp_path / 'out') == ['a.JPEG', 'a.png', 'scan.001.png']
  load(tmp_path / 'out' / 'a.JPEG', 'JPEG')
  np.testing.assert_array_equal(load(tmp_path / 'out' / 'a.png'), BIG)
  assert upscale([picture], tmp_path / 'f', format='WebP', lossless=True) == 0
  np.testing.assert_array_equal(load(tmp_path / 'f' / 'a.webp', 'WEBP'), BIG)
  sizes = []
  for quality in (10, 95):
    assert upscale([jpeg], tmp_path / f'{quality}.jpg', quality=quality) == 0
    sizes.append((tmp_path / f'{quality}.jpg').stat().st_size)
  assert sizes[0] < sizes[1]


def test_results_that_are_there_are_kept(picture, tmp_path, capsys):
  out = tmp_path / 'out'
  out.mkdir()
  (out / 'a.png').write_text('mine')
  assert upscale([picture], out) == 0
  assert (out / 'a.png').read_text() == 'mine'
  assert capsys.readouterr() == (
    f'{picture}: {out / "a.png"} is there and kept; --overwrite replaces it\n',
    '',
  )
  assert upscale([picture], out, overwrite=True) == 0
  np.testing.assert_array_equal(load(out / 'a.png'), BIG)


def test_two_names_of_one_result(tmp_path, capsys):
  """The second would replace the first by way of a link."""
  for name in ('a', 'b'):
    workdirs.save(tmp_path / 'in' / f'{name}.png', A)
  out = tmp_path / 'out'
  out.mkdir()
  (out / 'a.png').write_text('')
  os.link(out / 'a.png', out / 'b.png')
  # Files are replaced by renaming, so hard links part; a linked folder does not.
  assert upscale([tmp_path / 'in'], out, overwrite=True) == 0
  (tmp_path / 'in' / 'x').mkdir()
  (tmp_path / 'in' / 'a.png').rename(tmp_path / 'in' / 'x' / 'b.png')
  (out / 'x').symlink_to(out, target_is_directory=True)
  capsys.readouterr()
  assert upscale([tmp_path / 'in'], out, overwrite=True) == 2
  assert 'is the result of' in capsys.readouterr().err


def test_animations(tmp_path, capsys):
  root = tmp_path / 'in'
  gif(root / 'moves.gif')
  gif(root / 'stands.gif', count=1)
  out = tmp_path / 'out'
  assert upscale([root], out) == 0
  assert everything(out) == ['moves.gif', 'stands.png']
  lines = capsys.readouterr().out.splitlines()
  assert lines[0].startswith(f'{root / "moves.gif"} (14x12) -> ')
  assert '(56x48): 3 frames' in lines[0]
  with Image.open(out / 'moves.gif') as image:
    assert (image.size, image.n_frames, image.info['loop']) == ((56, 48), 3, 2)
    durations, levels = [], []
    for i in range(3):
      image.seek(i)
      durations.append(image.info['duration'])
      levels.append(np.asarray(image.convert('RGB')).mean())
  assert durations == [100, 200, 300]
  np.testing.assert_allclose(levels, [40, 80, 120], atol=2)
  for name in ('webp', 'png'):
    assert upscale([root / 'moves.gif'], tmp_path / f'x.{name}') == 0
    with Image.open(tmp_path / f'x.{name}') as image:
      assert image.n_frames == 3
  capsys.readouterr()
  assert upscale([root / 'moves.gif'], tmp_path / 'x.jpg') == 2
  assert 'JPEG holds no frames' in capsys.readouterr().err
  assert upscale([root / 'moves.gif'], tmp_path / 'o', max_pixels=100) == 2
  assert 'more than 100 pixels' in capsys.readouterr().err


def test_nothing_half_written_stays(picture, tmp_path, monkeypatch, capsys):
  out = tmp_path / 'out'
  upscale([picture], out)
  before = (out / 'a.png').read_bytes()
  rows = upscaler.Upscaler.rows

  def stopped(error):
    def some(self, *args):
      yield next(rows(self, *args))[:3]
      raise error

    return some

  for error in (
    OSError(28, 'No space left on device'),
    MemoryError(),
    KeyboardInterrupt,
  ):
    monkeypatch.setattr(upscaler.Upscaler, 'rows', stopped(error))
    for folder in (out, tmp_path / 'fresh' / 'folder'):
      if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
          upscale([picture], folder, overwrite=True)
      else:
        assert upscale([picture], folder, overwrite=True) == 2
    assert everything(out) == ['a.png']
    assert (out / 'a.png').read_bytes() == before
    assert not (tmp_path / 'fresh').exists()
  told = capsys.readouterr().err.splitlines()
  assert len(told) == 4
  assert 'No space left' in told[0]
  assert 'not enough memory' in told[2]


def test_sigterm_cleans_up(picture, tmp_path, monkeypatch):
  rows = upscaler.Upscaler.rows

  def ended(self, *args):
    for band in rows(self, *args):
      yield band[:3]
      os.kill(os.getpid(), signal.SIGTERM)
      time.sleep(10)

  monkeypatch.setattr(upscaler.Upscaler, 'rows', ended)
  out, report = tmp_path / 'out', tmp_path / 'r.json'
  line = ['upscale', picture, '-o', out, '--model', 'nearest', '--report', report]
  with pytest.raises(SystemExit) as left:
    cli.main([str(word) for word in line])
  assert left.value.code == 128 + signal.SIGTERM
  assert not out.exists()
  assert not json.loads(report.read_text())['complete']


def test_out_of_memory_of_an_engine(picture, tmp_path, monkeypatch, capsys):
  def full(*_):
    raise engines.OutOfMemory('9 GB')

  monkeypatch.setattr(upscaler.Upscaler, 'rows', full)
  assert upscale([picture], tmp_path / 'out') == 2
  assert 'not enough memory: use a smaller --tile' in capsys.readouterr().err


def test_too_large(picture, tmp_path, capsys):
  assert upscale([picture], tmp_path / 'out', options={'scale': 10000}) == 2
  told = capsys.readouterr().err
  assert '140000 x 120000 pixels would be too many' in told
  assert upscale([picture], tmp_path / 'out', max_pixels=100) == 2
  assert 'is more than 100 pixels' in capsys.readouterr().err
  assert not (tmp_path / 'out').exists()


def test_mistakes_are_told_before_anything_is_made(picture, tmp_path):
  twin = tmp_path / 'other' / 'a.png'
  workdirs.save(twin, A)
  jpeg = tmp_path / 'other' / 'a.jpg'
  workdirs.save(jpeg, A)
  gif(tmp_path / 'moves.gif')
  clip = tmp_path / 'clip.mp4'
  clip.write_bytes(b'no video')
  out = tmp_path / 'out'
  (tmp_path / 'file').write_text('')
  (tmp_path / 'near').mkdir()
  os.link(picture, tmp_path / 'near' / 'a.png')
  for inputs, folder, more, message in (
    ([picture, twin], out, {}, r'in/a\.png and .*other/a\.png would both become'),
    ([twin.parent], out, {'format': 'png'}, r'a\.jpg and .*a\.png would both become'),
    ([picture], out, {'model': 'bicubc'}, "unknown model or file 'bicubc'"),
    ([picture], tmp_path / 'file', {}, 'cannot write into the folder'),
    ([picture], tmp_path / 'file' / 'x', {}, 'cannot write into the folder'),
    ([picture], picture.parent, {}, 'is an input and would be replaced'),
    ([picture], tmp_path / 'near', {}, 'is an input and would be replaced'),
    ([tmp_path / 'other' / '..' / 'in' / 'a.png'], picture.parent, {}, 'is an input'),
    ([picture.parent], picture.parent, {}, 'is also the input'),
    ([picture, twin], tmp_path / 'x.png', {}, 'looks like a file'),
    ([picture.parent], tmp_path / 'x.png', {}, 'looks like a file'),
    ([f'{twin.parent}/*'], tmp_path / 'x.png', {}, 'there are 2 inputs'),
    ([picture], tmp_path / 'x.bmp', {}, 'no suffix of a format that can be written'),
    ([picture], tmp_path / 'x.mp4', {}, 'is a picture and cannot become the video'),
    ([clip], tmp_path / 'x.webm', {}, "cannot be written as '.webm': use .mp4, .mov"),
    ([clip], tmp_path / 'x.png', {}, 'is a video and cannot become the picture'),
    ([picture], out, {'format': 'mkv'}, '--format mkv is for videos'),
    ([clip], out, {'format': 'png'}, '--format png is for pictures'),
    ([picture], out, {'format': 'pgn'}, "unknown format 'pgn'; did you mean 'png'"),
    ([picture], tmp_path / 'x.png', {'format': 'webp'}, 'contradicts the suffix'),
    ([clip], out, {'trust_map': True}, '--trust-map is for pictures'),
    ([clip], out, {'lossless': True}, '--lossless is for pictures'),
    ([picture], out, {'quality': 0}, 'not within 1 to 100'),
    ([picture], out, {'report': tmp_path / 'in'}, 'it is a folder'),
    ([picture], out, {'report': picture}, 'is an input or a result'),
    ([picture], out, {'options': {'scale': 2, 'width': 9}}, 'not both'),
    ([picture], out, {'options': {'engine': 'onnx'}}, '--engine needs a network'),
  ):
    before = everything(tmp_path)
    with pytest.raises(UserError, match=message):
      upscale(inputs, folder, **more)
    assert everything(tmp_path) == before
  np.testing.assert_array_equal(load(picture), A)


def test_the_contents_tell_a_video(tmp_path):
  for head, video in (
    (b'\x00\x00\x00\x18ftypisom', True),
    (b'\x00\x00\x00\x18ftypavif', False),
    (b'\x00\x00\x00\x18ftypheic', False),
    (b'RIFF1234AVI LIST', True),
    (b'RIFF1234WEBPVP8 ', False),
    (b'\x1a\x45\xdf\xa3', True),
    (b'\x89PNG\r\n', False),
    (b'', False),
  ):
    for name in ('recording', 'recording.vob'):
      (tmp_path / name).write_bytes(head)
      (item,) = plan.make([str(tmp_path / name)], tmp_path / 'out')
      assert item.video is video
      assert item.target.suffix == ('.mkv' if video else '.png')


def test_formats_of_both_kinds():
  """In a mixed batch a format is for its own kind."""
  items = plan.make(['a.jpg', 'b.avi', 'c.mov'], plan.pathlib.Path('o'), format='webp')
  assert [item.target.name for item in items] == ['a.webp', 'b.mkv', 'c.mov']
  items = plan.make(['a.jpg', 'b.avi', 'c.mov'], plan.pathlib.Path('o'), format='mp4')
  assert [item.target.name for item in items] == ['a.jpg', 'b.mp4', 'c.mp4']
  # Said twice is said once.
  assert len(plan.make(['a.jpg', 'a.jpg'], plan.pathlib.Path('o'))) == 1


def test_the_report(picture, tmp_path, monkeypatch):
  bad = tmp_path / 'in' / 'bad.png'
  bad.write_bytes(b'no picture')
  path = tmp_path / 'new' / 'r.json'
  options = {'scale': 2, 'consistent': True}
  out = tmp_path / 'out'
  assert upscale([picture, bad], out, 'bicubic', options=options, report=path) == 2
  report = json.loads(path.read_text())
  assert {'jsr', 'python', 'jax', 'numpy', 'pillow'} <= {*report['versions']}
  assert (report['model'], report['options']['scale']) == ('bicubic', 2)
  assert (report['done'], report['skipped'], report['failed']) == (1, 0, 1)
  assert report['complete']
  good, failed = report['files']
  assert good['input'] == str(picture)
  assert good['output'] == str(out / 'a.png')
  assert (good['input_size'], good['output_size']) == ([14, 12], [28, 24])
  assert good['seconds'] > 0
  assert 0 <= good['residual']['mean'] <= good['residual']['max']
  assert (failed['status'], failed['output']) == ('failed', None)
  assert failed['error'] == 'not an image in a known format'
  assert upscale([picture, bad], out, 'bicubic', report=path) == 2
  assert json.loads(path.read_text())['skipped'] == 1

  # What was done before an interruption is in it.
  def interrupted(self, item, entry):
    if item.source == bad:
      raise KeyboardInterrupt
    return do(self, item, entry)

  do = batch.Batch._do
  monkeypatch.setattr(batch.Batch, '_do', interrupted)
  with pytest.raises(KeyboardInterrupt):
    upscale([picture, bad], out, 'bicubic', overwrite=True, report=path)
  report = json.loads(path.read_text())
  assert (report['complete'], report['done']) == (False, 1)


def test_residuals_and_notes_are_told(tmp_path, capsys):
  clear = np.dstack([A, np.full(A.shape[:2], 128, np.uint8)])
  workdirs.save(tmp_path / 'a.png', clear)
  options = {'consistent': True}
  assert upscale([tmp_path / 'a.png'], tmp_path / 'a.jpg', options=options) == 0
  line = capsys.readouterr().out
  found = re.search(
    r'a\.jpg \(56x48\): residual ([\d.]+) levels, largest ([\d.]+); ', line
  )
  assert 0 < float(found[1]) < 0.3 < float(found[2]) < 1
  assert 'JPEG has no alpha: laid over white' in line
  assert 'the residual is that before the compression' in line
  assert upscale([tmp_path / 'a.png'], tmp_path / 'b.png', options=options) == 0
  assert 'before the compression' not in capsys.readouterr().out


def test_warnings_are_told(picture, tmp_path, monkeypatch, capsys):
  warnings = []
  rows = upscaler.Upscaler.rows

  def warning(self, *args):
    warnings.append('2 tiles were computed again in float32')
    return rows(self, *args)

  monkeypatch.setattr(upscaler.Upscaler, 'warnings', warnings)
  monkeypatch.setattr(upscaler.Upscaler, 'forget_warnings', lambda _: None)
  monkeypatch.setattr(upscaler.Upscaler, 'rows', warning)
  report = tmp_path / 'r.json'
  assert upscale([picture], tmp_path / 'out', report=report) == 0
  assert capsys.readouterr().err == (
    f'jsr upscale: {picture}: warning: 2 tiles were computed again in float32\n'
  )
  assert json.loads(report.read_text())['files'][0]['warnings'] == warnings


def test_warnings_of_each_file(picture, tmp_path, monkeypatch, capsys):
  """A low precision that spoils every file is told with every file, once."""
  path = tmp_path / 'm.safetensors'
  save_model(path)
  make = engines.make

  class Spoiled:
    name, precision = 'fast', 'bfloat16'

    def __call__(self, x):
      return np.full((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], 3), np.nan, 'f4')

  monkeypatch.setattr(
    engines, 'make', lambda n, f, k, p: Spoiled() if k == 'auto' else make(n, f, k, p)
  )
  twin = picture.with_name('b.png')
  shutil.copy(picture, twin)
  assert upscale([picture, twin], tmp_path / 'out', str(path)) == 0
  assert capsys.readouterr().err.splitlines() == [
    f'jsr upscale: {name}: warning: fast bfloat16 gave values that are no numbers; such'
    ' tiles were computed again in float32 by JAX'
    for name in (picture, twin)
  ]


def test_faults_of_jsr_do_not_stop_the_others(picture, tmp_path, monkeypatch, capsys):
  rows = upscaler.Upscaler.rows

  def fault(self, given, *args):
    if given.width == 9:
      raise ZeroDivisionError('nobody saw this coming')
    return rows(self, given, *args)

  monkeypatch.setattr(upscaler.Upscaler, 'rows', fault)
  odd = tmp_path / 'odd.png'
  workdirs.save(odd, A[:, :9])
  report = tmp_path / 'r.json'
  assert upscale([odd, picture], tmp_path / 'out', report=report) == 2
  assert everything(tmp_path / 'out') == ['a.png']
  said = 'ZeroDivisionError: nobody saw this coming; this is a fault of jsr'
  assert f'{odd}: {said}' in capsys.readouterr().err
  entries = json.loads(report.read_text())['files']
  assert [entry['status'] for entry in entries] == ['failed', 'done']
  assert entries[0]['error'].startswith(said)


def test_a_result_without_its_map_is_there(picture, tmp_path, monkeypatch):
  monkeypatch.setattr(files, 'load', lambda *_: None)

  def trust(self, picture, progress=None):
    raise MemoryError
    yield

  monkeypatch.setattr(upscaler.Upscaler, 'trust', trust)
  out, report = tmp_path / 'out', tmp_path / 'r.json'
  assert upscale([picture], out, trust_map=True, report=report) == 2
  (entry,) = json.loads(report.read_text())['files']
  assert (entry['status'], entry['output']) == ('failed', str(out / 'a.png'))
  assert everything(out) == ['a.png']


def test_tiles_that_are_too_small_are_told(picture, tmp_path, capsys):
  save_model(tmp_path / 'm.safetensors')
  for options, told in (
    ({'tile': 13, 'halo': 1}, True),
    ({'halo': 1}, False),
    ({}, False),
  ):
    model, more = str(tmp_path / 'm.safetensors'), {'engine': 'jax', **options}
    assert upscale([picture], tmp_path / 'o', model, options=more, overwrite=True) == 0
    said = 'looks farther than its tiles do' in capsys.readouterr().out
    assert said is told


def test_real_trust_maps(picture, tmp_path):
  save_model(tmp_path / 'm.safetensors')
  save_model(tmp_path / 'gan.safetensors', change=0.02)
  options = {'perceptual': str(tmp_path / 'gan.safetensors'), 'engine': 'jax'}
  out, model = tmp_path / 'out', str(tmp_path / 'm.safetensors')
  assert upscale([picture], out, model, options=options, trust_map=True) == 0
  assert everything(out) == ['a-trust.png', 'a.png']
  up = upscaler.Upscaler(model, upscaler.Options(**options))
  expected = np.concatenate(list(up.trust(image_io.Picture(A))))
  got = load(out / 'a-trust.png').astype(float) / 255
  np.testing.assert_allclose(got, expected, atol=0.51 / 255)


def test_trust_maps(picture, tmp_path, monkeypatch, capsys):
  """Only what is missing is made."""
  calls = []
  init, rows = upscaler.Upscaler.__init__, upscaler.Upscaler.rows

  def without(self, name, options):
    init(self, name, dataclasses.replace(options, strength=None))

  def trust(self, picture, progress=None):
    calls.append('trust')
    yield np.zeros((4 * picture.height + 48, 4 * picture.width, 3), np.float32)

  def counted(self, *args):
    calls.append('rows')
    return rows(self, *args)

  monkeypatch.setattr(upscaler.Upscaler, '__init__', without)
  monkeypatch.setattr(files, 'load', lambda *_: None)
  monkeypatch.setattr(upscaler.Upscaler, 'trust', trust)
  monkeypatch.setattr(upscaler.Upscaler, 'rows', counted)
  out = tmp_path / 'out'
  assert upscale([picture], out, trust_map=True, show=True) == 0
  assert everything(out) == ['a-trust.png', 'a.png']
  assert load(out / 'a-trust.png').shape == (96, 56, 3)
  assert calls == ['rows', 'trust']
  (out / 'a-trust.png').unlink()
  before = (out / 'a.png').stat().st_mtime_ns
  assert upscale([picture], out, trust_map=True) == 0
  assert calls == ['rows', 'trust', 'trust']
  assert (out / 'a.png').stat().st_mtime_ns == before
  workdirs.save(picture.with_name('a-trust.png'), A)
  with pytest.raises(UserError, match=r'would both become .*a-trust\.png'):
    upscale([picture.parent], out, trust_map=True)
  gif(tmp_path / 'moves.gif')
  assert upscale([tmp_path / 'moves.gif'], out, trust_map=True) == 2
  assert '--trust-map is for still pictures' in capsys.readouterr().err


def test_a_model_without_a_partner(picture, tmp_path, workdir):
  for model in ('bicubic', str(workdir)):
    with pytest.raises(
      UserError, match=f"'{model}' comes without a GAN-trained partner"
    ):
      upscale([picture], tmp_path / 'out', model, trust_map=True)
  assert not (tmp_path / 'out').exists()


def test_the_bar(tmp_path, capsys):
  """On request; time left follows pixels, and lines of results stand above it."""
  for name, size in (('a', (12, 14)), ('b', (24, 28))):
    workdirs.save(tmp_path / 'in' / f'{name}.png', images.smooth(*size))
  (tmp_path / 'in' / 'bad.png').write_bytes(b'')
  gif(tmp_path / 'in' / 'moves.gif')
  assert upscale([tmp_path / 'in'], tmp_path / 'out', show=True) == 2
  told = capsys.readouterr()
  assert len(told.out.splitlines()) == 3
  assert '4/4 moves.gif' in told.err
  assert '100%' in told.err
  assert upscale([tmp_path / 'in'], tmp_path / 'other', show=False) == 2
  assert '%|' not in capsys.readouterr().err
  items = plan.make([str(tmp_path / 'in')], tmp_path / 'third')
  bar = progress.Bar(items, show=True)
  assert bar._weights == [168, 672, 1, 168]
  bar.begin(1)
  bar.share(0.5)
  bar.share(0.25)
  assert bar._bar.n == 336
  bar.end()
  assert bar._bar.n == 672
  bar.close()


def test_the_table_of_formats_in_the_docs():
  text = (ROOT / 'docs' / 'upscale.md').read_text()
  lines = text.split('| format | suffixes |')[1].split('\n\n')[0].splitlines()[2:]
  words = {'icc': 'profile', 'exif': 'EXIF', 'xmp': 'XMP', 'dpi': 'resolution'}
  words['text'] = 'texts'
  colors = {'grey': 'grey', 'rgb': 'RGB', 'cmyk': 'CMYK'}
  rows = [
    (
      *(kind.name, ' '.join(kind.suffixes), 'yes' * kind.has_alpha),
      *(', '.join(map(str, kind.depths)), ', '.join(colors[s] for s in kind.spaces)),
      *(str(kind.side), ', '.join(words[w] for w in words if w in kind.keeps)),
      *('yes' * kind.streams, 'yes' * kind.animated, 'yes' * kind.lossy),
    )
    for kind in image_io.formats()
  ]
  got = [tuple(cell.strip() for cell in line.split('|')[1:-1]) for line in lines]
  assert got == rows
