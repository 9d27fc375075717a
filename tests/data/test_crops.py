"""Raw crops: the pixels of the pictures, whole shards or none, whatever is killed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from array_record.python import array_record_module
from PIL import Image

from jsr import cli
from jsr.data import crops, cutting, images
from jsr.errors import UserError
from tests.conftest import ROOT

# Seconds until a process hangs rather than waits for its turn.
LIMIT = 180
OPTIONS = {'split': 'train', 'size': 16, 'overlap': 0, 'shard_count': 3, 'workers': 2}


def prepare(source, target, **options) -> crops.Manifest:
  return cutting.prepare(str(source), target, **{**OPTIONS, **options}, progress=False)


def read_all(folder: pathlib.Path) -> list[crops.Crop]:
  found = []
  for name in crops.read_manifest(folder).file_names:
    reader = array_record_module.ArrayRecordReader(str(folder / name))
    found += [crops.decode(record) for record in reader.read_all()]
    reader.close()
  return found


def contents(folder: pathlib.Path) -> dict[str, bytes]:
  return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope='module')
def made(tmp_path_factory) -> tuple[pathlib.Path, pathlib.Path]:
  """A folder of seven pictures of different sizes and its crops; tests only read."""
  root = tmp_path_factory.mktemp('made')
  source, target = root / 'pictures', root / 'crops'
  source.mkdir()
  for i in range(7):
    rng = np.random.default_rng(i)
    pixels = rng.integers(0, 256, (24 + 3 * i, 40 - 2 * i, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(source / f'{i}.png')
  prepare(source, target)
  return source, target


@pytest.fixture
def copy(made, tmp_path) -> tuple[pathlib.Path, pathlib.Path]:
  """The same folders, the crops copied, so that a test may break them."""
  source, target = made
  twin = tmp_path / 'twin'
  twin.mkdir()
  for name, data in contents(target).items():
    (twin / name).write_bytes(data)
  return source, twin


@pytest.mark.parametrize('size', [2, 7, 16, 50])
@pytest.mark.parametrize('overlap', [0, 1, 5])
def test_places_cover_a_side_with_as_few_crops_as_can_be(size, overlap):
  if overlap >= size:
    return
  for length in range(1, 120):
    starts = crops.places(length, size, overlap)
    if length <= size:
      assert starts == [0]
      continue
    assert starts[0] == 0
    assert starts[-1] == length - size
    steps = np.diff(starts)
    assert steps.min() > 0
    assert steps.max() <= size - overlap
    # One crop fewer could not reach.
    assert size + (len(starts) - 2) * (size - overlap) < length


def test_a_record_keeps_everything_and_says_when_it_does_not():
  pixels = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)
  record = crops.encode(crops.Crop(pixels, 'ordner/käse', 7, 70_000))
  got = crops.decode(record)
  assert got[1:] == ('ordner/käse', 7, 70_000)
  np.testing.assert_array_equal(got.pixels, pixels)
  assert not got.pixels.flags.writeable
  for broken in (record[:-1], record + b'x', record[1:], b'', b'JSRC'):
    with pytest.raises(ValueError, match=r'it is no crop|length does not fit'):
      crops.decode(broken)


def test_crops_are_the_pictures(made):
  source, target = made
  pictures = {path.stem: images.read_rgb(path) for path in source.iterdir()}
  seen = {name: np.zeros(p.shape[:2], bool) for name, p in pictures.items()}
  for crop in read_all(target):
    h, w = crop.pixels.shape[:2]
    assert (h, w) == (16, 16)
    place = np.s_[crop.top : crop.top + h, crop.left : crop.left + w]
    np.testing.assert_array_equal(crop.pixels, pictures[crop.name][place])
    seen[crop.name][place] = True
  assert all(mask.all() for mask in seen.values())


def test_the_manifest_says_what_is_there(made):
  source, target = made
  manifest = crops.read_manifest(target)
  found = read_all(target)
  assert manifest.source == str(source)
  assert (manifest.split, manifest.size, manifest.images) == ('train', 16, 7)
  assert len(manifest.files) == manifest.shards == 3
  assert sum(shard.images for shard in manifest.files.values()) == 7
  assert manifest.crops == len(found)
  assert manifest.pixel_bytes == sum(crop.pixels.nbytes for crop in found)
  assert {shard.smallest for shard in manifest.files.values()} == {16}
  assert manifest.all_skipped == []
  assert sorted(contents(target)) == sorted([crops.MANIFEST, *manifest.file_names])


def test_small_pictures_are_kept_whole_and_bad_ones_named(folder, noise, tmp_path):
  Image.fromarray(noise(9, 5, 90)).save(folder / 'flat.png')
  Image.fromarray(noise(9, 30, 30)[..., 0]).save(folder / 'grey.png')
  good = (folder / '6.png').read_bytes()
  (folder / 'half.png').write_bytes(good[: len(good) // 2])  # The header is whole.
  (folder / 'none.png').write_bytes(b'no picture')
  manifest = prepare(folder, tmp_path / 'crops', size=32, shard_count=2)
  reasons = dict(manifest.all_skipped)
  assert set(reasons) == {'half', 'none'}
  assert 'truncated' in reasons['half']
  flat = [c for c in read_all(tmp_path / 'crops') if c.name == 'flat']
  assert [(c.top, c.left, *c.pixels.shape) for c in flat] == [
    (0, 0, 5, 32, 3),
    (0, 29, 5, 32, 3),
    (0, 58, 5, 32, 3),
  ]
  assert min(shard.smallest for shard in manifest.files.values()) == 5
  converted = [shard.converted for shard in manifest.files.values()]
  assert {'grey': 1} in converted


def test_workers_do_not_change_a_byte_of_the_shards(made, tmp_path):
  source, target = made
  prepare(source, tmp_path / 'crops', workers=1)
  assert contents(tmp_path / 'crops') == contents(target)


def test_a_second_start_writes_only_what_is_missing_or_damaged(copy, made, caplog):
  source, twin = copy
  names = crops.read_manifest(twin).file_names
  (twin / names[0]).unlink()
  whole = (twin / names[1]).read_bytes()
  (twin / names[1]).write_bytes(whole[: len(whole) // 2])
  (twin / '.crops-00000-of-00003.array_record.77').write_bytes(b'left by a kill')
  (twin / '.manifest.json.77').write_bytes(b'left by a kill')
  untouched = (twin / names[2]).stat()
  prepare(source, twin)
  assert contents(twin) == contents(made[1])
  after = (twin / names[2]).stat()
  assert (after.st_ino, after.st_mtime_ns) == (untouched.st_ino, untouched.st_mtime_ns)
  said = [record.getMessage() for record in caplog.records]
  assert sum('is damaged and is written again' in text for text in said) == 2


def flip(path: pathlib.Path, place: int) -> None:
  data = bytearray(path.read_bytes())
  data[place] ^= 1
  path.write_bytes(data)


@pytest.mark.parametrize(
  ('share', 'told'),
  [(0.1, 'its SHA-256'), (0.5, 'Corrupted'), (0.9, 'its SHA-256')],
  ids=['a record', 'the index', 'padding'],
)
def test_one_bit_is_found_by_verify_and_mended_by_prepare(copy, made, share, told):
  source, twin = copy
  assert cutting.verify(twin, progress=False).crops == len(read_all(twin))
  name = crops.read_manifest(twin).file_names[1]
  flip(twin / name, int((twin / name).stat().st_size * share))
  with pytest.raises(UserError, match=rf'1 of 3 shards.*{name}: {told}'):
    cutting.verify(twin, progress=False)
  prepare(source, twin)
  assert contents(twin) == contents(made[1])


def test_verify_counts(copy):
  _, twin = copy
  manifest = crops.read_manifest(twin)
  name = manifest.file_names[0]
  manifest.files[name].crops += 1
  manifest.write(twin)
  with pytest.raises(UserError, match=r'crops, not'):
    cutting.verify(twin, progress=False)
  del manifest.files[name]
  manifest.write(twin)
  with pytest.raises(UserError, match=r'1 of 3 shards.*not complete.*again'):
    cutting.verify(twin, progress=False)


def test_other_arguments_are_refused_and_change_nothing(copy, tmp_path):
  source, twin = copy
  before = contents(twin)
  for other, told in (
    ({'size': 20}, 'size was 16 and is 20'),
    ({'overlap': 3}, 'overlap was 0 and is 3'),
    ({'shard_count': 2}, 'shards was 3 and is 2'),
    ({'split': 'test'}, "split was 'train' and is 'test'"),
  ):
    with pytest.raises(UserError, match=told):
      prepare(source, twin, **other)
  fewer = tmp_path / 'fewer'
  fewer.mkdir()
  for path in sorted(source.iterdir())[:5]:
    (fewer / path.name).write_bytes(path.read_bytes())
  with pytest.raises(UserError, match=r'source was.*images was 7 and is 5'):
    prepare(fewer, twin)
  assert contents(twin) == before


def test_mistakes_leave_nothing(folder, tmp_path):
  target = tmp_path / 'crops'
  with pytest.raises(UserError, match='cannot overlap by 16'):
    prepare(folder, target, overlap=16)
  with pytest.raises(UserError, match='does not exist'):
    prepare(tmp_path / 'nowhere', target)
  broken = tmp_path / 'broken'
  broken.mkdir()
  good = (folder / '6.png').read_bytes()
  (broken / 'a.png').write_bytes(good[: len(good) // 2])
  with pytest.raises(UserError, match=r'none of the 1 images.*truncated'):
    prepare(broken, target)
  assert not target.exists()
  with pytest.raises(UserError, match='holds other files'):
    prepare(folder, folder)
  assert len(list(folder.iterdir())) == 7


def test_two_at_once_are_refused(folder, tmp_path):
  with (
    cutting._claim(tmp_path / 'crops'),
    pytest.raises(UserError, match='another jsr prepare'),
  ):
    prepare(folder, tmp_path / 'crops')


def test_a_damaged_manifest_is_one_sentence(copy):
  _, twin = copy
  path = twin / crops.MANIFEST
  fields = json.loads(path.read_text())
  for text in ('{', '[]', '{}', json.dumps({**fields, 'format': 'x'})):
    path.write_text(text)
    with pytest.raises(UserError, match='not a manifest of crops'):
      crops.read_manifest(twin)


def test_a_full_disk_is_one_sentence(folder, tmp_path, monkeypatch):
  target = tmp_path / 'crops'
  original = pathlib.Path.replace

  def full(self, other):
    if self.name.startswith('.manifest'):
      raise OSError(28, 'No space left on device')
    return original(self, other)

  monkeypatch.setattr(pathlib.Path, 'replace', full)
  with pytest.raises(UserError, match=r'cannot write .*No space left'):
    prepare(folder, target)
  assert not target.exists()


@pytest.fixture
def many(tmp_path, noise) -> pathlib.Path:
  """Enough work that a kill comes in the middle of it, however busy the machine."""
  path = tmp_path / 'many'
  path.mkdir()
  Image.fromarray(noise(0, 1400, 1400)).save(path / '00.png', compress_level=1)
  for i in range(1, 24):
    os.link(path / '00.png', path / f'{i:02}.png')
  return path


def command(source, target) -> subprocess.Popen:
  return subprocess.Popen(
    [
      *(sys.executable, '-m', 'jsr.cli', 'prepare', str(source), '-o', str(target)),
      *('--size', '400', '--shards', '12', '--workers', '2'),
    ],
    cwd=ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
  )


def wait_for_shards(
  process: subprocess.Popen, target: pathlib.Path, count: int
) -> None:
  deadline = time.monotonic() + LIMIT
  while len(list(target.glob('crops-*'))) < count:
    assert process.poll() is None, process.communicate()
    assert time.monotonic() < deadline
    time.sleep(0.002)


def members(group: int) -> list[int]:
  """The living processes of a session."""
  found = []
  for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
    try:
      fields = path.read_text().rpartition(')')[2].split()
    except OSError:
      continue
    if int(fields[3]) == group and fields[0] != 'Z':
      found.append(int(path.parent.name))
  return found


def wait_until_alone(group: int) -> None:
  deadline = time.monotonic() + LIMIT
  while members(group):
    assert time.monotonic() < deadline, f'processes {members(group)} live on'
    time.sleep(0.05)


@pytest.mark.skipif(not pathlib.Path('/proc').is_dir(), reason='needs /proc')
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_and_started_again_equals_unbroken(many, tmp_path, number):
  target = tmp_path / 'crops'
  process = command(many, target)
  try:
    wait_for_shards(process, target, 2)
    if number == signal.SIGINT:
      os.killpg(process.pid, number)  # As a terminal does it.
    else:
      process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT)
    wait_until_alone(process.pid)
  finally:
    for left in members(process.pid):
      os.kill(left, signal.SIGKILL)
  if number == signal.SIGKILL:
    assert process.returncode == -signal.SIGKILL
  else:
    assert process.returncode == 128 + number
    assert 'Traceback' not in err
    assert list(target.glob('.*')) == []
  done = crops.read_manifest(target)
  assert 0 < len(done.files) < 12, 'it was not killed in the middle'
  kept = {name: (target / name).stat().st_ino for name in done.files}

  options = {'size': 400, 'shard_count': 12}
  prepare(many, target, **options)
  assert {name: (target / name).stat().st_ino for name in kept} == kept
  if number == signal.SIGKILL:  # Once is enough for what does not depend on it.
    prepare(many, tmp_path / 'unbroken', **options)
    assert contents(target) == contents(tmp_path / 'unbroken')
  assert list(target.glob('.*')) == []


def status(line: str) -> int:
  try:
    return cli.main(line.split())
  except SystemExit as left:
    return left.code


def test_the_command(folder, tmp_path, capsys, monkeypatch):
  monkeypatch.chdir(tmp_path)
  line = 'prepare pictures -o crops --size 16 --overlap 4 --shards 2 --workers 1'
  assert status(line) == 0
  out = capsys.readouterr().out
  count = crops.read_manifest(tmp_path / 'crops').crops
  assert out.startswith(f'crops: 7 pictures of {folder}, {count} crops of up to 16')
  assert status('prepare --verify crops') == 0
  assert capsys.readouterr().out == out
  name = crops.read_manifest(tmp_path / 'crops').file_names[0]
  flip(tmp_path / 'crops' / name, 70_000)
  assert status('prepare --verify crops') == 2
  err = capsys.readouterr().err
  assert err.startswith("jsr prepare: 1 of 2 shards of 'crops' cannot be used")
  assert err.count('\n') == 1
  assert status(line) == 0
  assert capsys.readouterr().out == out


@pytest.mark.parametrize(
  ('line', 'told'),
  [
    ('prepare', 'name a SOURCE and -o DIR'),
    ('prepare pictures', 'name a SOURCE and -o DIR'),
    ('prepare -o crops', 'name a SOURCE and -o DIR'),
    ('prepare pictures --verify crops', '--verify only verifies'),
    ('prepare --verify crops --size 9', '--verify only verifies'),
    ('prepare --verify pictures', "the folder 'pictures' holds no crops"),
    ('prepare nowhere -o crops', "images 'nowhere' does not exist"),
    ('prepare pictures -o pictures', 'holds other files'),
    ('prepare pictures -o pictures/0.png/x', 'Not a directory'),
    ('prepare pictures -o crops --size 0', "'0' is no whole number from 1"),
    ('prepare pictures -o crops --overlap 480', 'choose less'),
    ('prepare photographs -o crops --split trian', "did you mean 'train'?"),
  ],
)
def test_mistakes_of_the_command(folder, tmp_path, capsys, monkeypatch, line, told):
  monkeypatch.chdir(tmp_path)
  before = sorted(tmp_path.rglob('*'))
  assert status(line) == 2
  out, err = capsys.readouterr()
  assert told in err
  assert err.count('\n') == 1, err
  assert out == ''
  assert sorted(tmp_path.rglob('*')) == before
