"""Curation: fingerprints, low information, tiles, the folder and the command.

The numbers are those of jsr's design, from an independent computation.
"""

import json
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from jsr import cli
from jsr.data import curate, fingerprint, information, sheet, sources, tile_folder
from jsr.errors import UserError
from tests import images

i, j = np.mgrid[:128, :128]
U = 127.5 + 60 * np.sin(2 * np.pi * i / 37) + 50 * np.cos(2 * np.pi * j / 53)


def levels(x):
  return np.floor(x + 0.5).astype(np.uint8)


def grey(x):
  return np.repeat(levels(x)[..., None], 3, -1)


def test_area():
  got = fingerprint.area(16)
  np.testing.assert_allclose(got[0, :3], [0.8125, 0.1875, 0])
  np.testing.assert_allclose(got[1, :4], [0, 0.625, 0.375, 0])
  np.testing.assert_allclose(got.sum(1), 1)
  np.testing.assert_allclose(fingerprint.area(26)[3, 6:8], 0.5)


def test_features():
  got = fingerprint.features(images.T(16))
  np.testing.assert_allclose(
    (got[0, 0], got[6, 6], np.median(got)), (18.386719, 122.75, 125.253906), rtol=1e-7
  )
  assert fingerprint.bits(got[None]).sum() == 84
  got = fingerprint.features(U)
  places = got[0, 0], got[6, 6], got[12, 12], np.median(got)
  np.testing.assert_allclose(
    places, (204.742282, 90.554009, 158.567450, 134.239608), rtol=1e-7
  )
  row = ''.join(str(int(b)) for b in fingerprint.bits(got[None])[0, :13])
  assert row == '1100111001111'


def prints(*tiles):
  return fingerprint.Prints(
    np.stack([fingerprint.features(fingerprint.luma(t)) for t in tiles]),
    np.stack([t.reshape(-1, 3).mean(0) for t in tiles]),
  )


NOISY = U + (37 * i + 59 * j) % 17 - 8


@pytest.mark.parametrize(
  ('other', 'bits', 'product'),
  [
    (levels(NOISY), 0, 0.999998),
    (np.roll(U, 8, 1), 38, 0.771319),
    (U[:, ::-1], 70, 0.229559),
  ],
  ids=['noisy', 'rolled', 'mirrored'],
)
def test_distances(other, bits, product):
  values = np.stack([fingerprint.features(U), fingerprint.features(other)])
  a, b = fingerprint.bits(values)
  assert fingerprint.hamming(a[None], b[None]).item() == bits
  one, two = fingerprint.units(values)
  np.testing.assert_allclose(one @ two, product, atol=5e-7)


def test_duplicates():
  tiles = [grey(U), grey(NOISY), np.roll(grey(NOISY), 8, 1), grey(NOISY)[:, ::-1]]
  got = fingerprint.duplicates(prints(*tiles))
  assert got.of.tolist() == [-1, 0, -1, -1]
  assert got.distance.tolist() == [-1, 0, -1, -1]
  got = fingerprint.duplicates(prints(*tiles), dihedral=True)
  assert got.of.tolist() == [-1, 0, -1, 0]
  got = fingerprint.duplicates(prints(*tiles), most=38, similarity=0.77)
  assert got.of.tolist() == [-1, 0, 0, -1]


def test_bits_alone_do_not_decide():
  """A tint, and a picture that only its bits share, are no duplicates."""
  tinted = grey(U) + np.array([0, 0, 13], np.uint8)
  bits = fingerprint.bits(fingerprint.features(U)[None])[0].reshape(13, 13)
  signs = np.kron(np.where(bits, 150, 110), np.ones((10, 10)))[:128, :128]
  got = fingerprint.duplicates(prints(grey(U), tinted, grey(signs)), most=30)
  assert got.of.tolist() == [-1, -1, -1]
  assert fingerprint.duplicates(prints(grey(U), tinted), colour=14).of[1] == 0


def test_blocks_agree(monkeypatch):
  """Whatever the blocks, the same tiles stay; flat ones are compared with nothing."""
  rng = np.random.default_rng(0)
  first = rng.integers(0, 256, (12, 26, 26, 3)).astype(np.uint8)
  again = np.clip(first.astype(int) + rng.integers(-2, 3, first.shape), 0, 255)
  flat = np.full((2, 26, 26, 3), 90, np.uint8)
  both = prints(*np.concatenate([first, flat, again.astype(np.uint8)]))
  whole, near = fingerprint.duplicates(both), fingerprint.nearest(both)
  assert whole.of.tolist() == [-1] * 14 + list(range(12))
  assert near[12:14].tolist() == [-1, -1]
  assert near[:12].tolist() == whole.distance[14:].tolist()
  monkeypatch.setattr(fingerprint, '_BLOCK', 5)
  assert fingerprint.duplicates(both).of.tolist() == whole.of.tolist()
  assert fingerprint.nearest(both).tolist() == near.tolist()


def constant(value):
  return np.full((128, 128), float(value))


def with_columns():
  y = constant(200)
  y[:, 60:64] = 20
  return y


def with_rows():
  y = constant(200)
  y[::8] = 20
  return y


GRADIENTS = np.stack([U, np.roll(U, 9, 0), np.roll(U, 21, 1)], -1)


@pytest.mark.parametrize(
  ('tile', 'shown', 'why'),
  [
    (grey(constant(200)), (1, 0, 0), information.ONE_COLOUR),
    (grey(with_columns()), (0.96875, 0.03125, 0.015748), information.ONE_COLOUR),
    (grey(with_rows()), (0.875, 0.125, 0.244094), ''),
    (levels(images.rgb(128)), (0.069824, 0.056946, 0.989336), ''),
    (levels(GRADIENTS), (0.026917, 0.024048, 0.007874), information.NO_EDGES),
  ],
  ids=['constant', 'columns', 'rows', 'busy', 'gradients'],
)
def test_information(tile, shown, why):
  got = information.measure(tile)
  np.testing.assert_allclose(got, shown, atol=5e-7)
  assert information.verdict(got) == why


def test_two_colours():
  half = constant(200)
  half[:, 60:] = 20
  got = information.measure(grey(half))
  assert information.verdict(got) == information.TWO_COLOURS
  assert not information.verdict(got, information.Limits(few=0.001, none=0))


def drawing(seed, height=70, width=100):
  """Uneven stripes and blots, so that no part is like another."""
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (height // 5, width // 5, 3)).astype(np.uint8)
  return np.kron(small, np.ones((5, 5, 1), np.uint8))


@pytest.fixture
def folder(tmp_path):
  """Two drawings, one of them twice, a flat picture, a small one and a broken one."""
  root = tmp_path / 'in'
  (root / 'sub').mkdir(parents=True)
  Image.fromarray(drawing(0)).save(root / 'a.png')
  Image.fromarray(drawing(1)).save(root / 'sub' / 'b.png')
  Image.fromarray(drawing(0)).save(root / 'sub' / 'c.jpg', quality=95)
  Image.fromarray(np.full((40, 40, 3), 99, np.uint8)).save(root / 'flat.png')
  Image.fromarray(drawing(2, 20, 90)).save(root / 'small.png')
  (root / 'broken.png').write_bytes(b'no picture')
  return root


def run(*words):
  return cli.main(['curate', *map(str, words)])


def test_command(folder, tmp_path, capsys):
  out = tmp_path / 'new' / 'out'
  assert run(folder, '-o', out, '--size', 32, '--sheet') == 0
  said = capsys.readouterr().out
  made = json.loads((out / 'manifest.json').read_text())
  assert made['counts'] == {
    **{'pictures': 5, 'unreadable': 1, 'too small': 1, 'tiles': 19},
    **{'one colour': 1, 'two colours': 0, 'no edges': 0},
    **{'after low information': 18, 'duplicate': 6, 'kept': 12},
  }
  assert 'after duplicates        12 (dropped: 6)' in said
  kept = [t for t in made['tiles'] if 'file' in t]
  assert {t['source'] for t in kept} == {'a', 'sub/b'}
  twice = next(t for t in made['tiles'] if t.get('of'))
  assert (twice['source'], twice['of']) == ('sub/c', 'train/a_y0000_x0000.png')
  source = sources.open_source(str(out), split='train', min_size=32, progress=False)
  assert len(source) == 12
  assert source[3].shape == (32, 32, 3)
  np.testing.assert_array_equal(
    sources.images.read_rgb(out / 'train' / 'a_y0032_x0064.png'),
    drawing(0)[32:64, 64:96],
  )
  height, width, _ = sources.images.read_rgb(out / 'dropped.png').shape
  assert width == 1200
  assert height > 4 * 32
  assert not [p for p in out.parent.iterdir() if p != out]


def test_again(folder, tmp_path, capsys):
  """The same pictures change nothing; a file that is gone comes back."""
  out = tmp_path / 'out'
  assert run(folder, '-o', out, '--size', 32) == 0
  files = {p: p.stat().st_mtime_ns for p in out.rglob('*')}
  text = (out / 'manifest.json').read_bytes()
  assert run(folder, '-o', out, '--size', 32) == 0
  assert {p: p.stat().st_mtime_ns for p in out.rglob('*')} == files
  gone = next(out.rglob('*.png'))
  gone.unlink()
  assert run(folder, '-o', out, '--size', 32) == 0
  assert gone.is_file()
  assert (out / 'manifest.json').read_bytes() == text
  assert run(folder, '-o', out, '--size', 32, '--hamming', 9) == 2
  assert 'of other pictures or rules' in capsys.readouterr().err
  assert (out / 'manifest.json').read_bytes() == text


@pytest.mark.parametrize('place', ['notes.txt', 'train/mine.png', '.hidden/x'])
@pytest.mark.parametrize('gone', [False, True])
def test_what_a_user_put_there_stays(folder, tmp_path, capsys, place, gone):
  """Whether the folder is complete, lacks a tile, or is to get its first sheet."""
  out = tmp_path / 'out'
  assert run(folder, '-o', out, '--size', 32) == 0
  (out / place).parent.mkdir(exist_ok=True)
  (out / place).write_text('mine')
  if gone:
    next(p for p in out.rglob('*_x*.png')).unlink()
  before = {p: p.read_bytes() for p in out.rglob('*') if p.is_file()}
  for words in ([], ['--sheet']):
    capsys.readouterr()
    assert run(folder, '-o', out, '--size', 32, *words) == 2
    err = capsys.readouterr().err
    assert f"not in its manifest.json, such as '{place}'" in err
    assert err.count('\n') == 1
  assert {p: p.read_bytes() for p in out.rglob('*') if p.is_file()} == before


def test_a_sheet_is_added(folder, tmp_path):
  out = tmp_path / 'out'
  assert run(folder, '-o', out, '--size', 32) == 0
  files = {p: p.stat().st_mtime_ns for p in out.rglob('*') if p.is_file()}
  assert run(folder, '-o', out, '--size', 32, '--sheet') == 0
  assert (out / 'dropped.png').is_file()
  now = {p: p.stat().st_mtime_ns for p in out.rglob('*') if p.is_file()}
  assert now.items() >= files.items()
  assert len(now) == len(files) + 1


def test_the_folder_one_is_in(folder, tmp_path, monkeypatch):
  (tmp_path / 'here').mkdir()
  monkeypatch.chdir(tmp_path / 'here')
  assert run(folder, '-o', '.', '--size', 32) == 0
  assert sorted(p.name for p in pathlib.Path().iterdir()) == ['manifest.json', 'train']
  assert pathlib.Path.cwd() == tmp_path / 'here'


def test_a_kill_while_files_move_loses_none(folder, tmp_path, monkeypatch):
  out = tmp_path / 'out'
  rules = curate.Rules(size=32)
  tile_folder.write(str(folder), out, rules, progress=False)
  whole = {p: p.read_bytes() for p in out.rglob('*') if p.is_file()}
  gone = sorted(out.rglob('*_x*.png'))[:3]
  for path in gone:
    path.unlink()
  move, left = pathlib.Path.replace, [1]

  def stop(self, target):
    if not left[0]:
      raise KeyboardInterrupt
    left[0] -= 1
    return move(self, target)

  monkeypatch.setattr(pathlib.Path, 'replace', stop)
  with pytest.raises(KeyboardInterrupt):
    tile_folder.write(str(folder), out, rules, progress=False)
  assert {*out.rglob('*.*')} >= {p for p in whole if p not in gone}
  monkeypatch.undo()
  # As if it had been killed for good.
  (out / '.out.partial').mkdir(exist_ok=True)
  (out / '.out.partial' / 'x').touch()
  tile_folder.write(str(folder), out, rules, progress=False)
  assert {p: p.read_bytes() for p in out.rglob('*') if p.is_file()} == whole


def test_splits_are_of_pictures():
  rules = curate.Rules(validation=0.2, test=0.3)
  names = [f'picture{k}' for k in range(2000)]
  splits = [curate.split_of(name, rules) for name in names]
  assert 0.17 < splits.count('validation') / 2000 < 0.23
  assert 0.27 < splits.count('test') / 2000 < 0.33
  # Which one does not depend on the other pictures, nor test on validation's share.
  again = [curate.split_of(n, curate.Rules(test=0.3)) == 'test' for n in names]
  assert again == [split == 'test' for split in splits]


@pytest.mark.parametrize(
  ('words', 'message'),
  [
    (['--size', '12'], 'choose a --size from 13'),
    (
      ['--size', '300'],
      r'no picture of .* holds a tile of 300 x 300: 5 are smaller, 1',
    ),
    (['--hamming', '170'], 'none of the 169 bits'),
    (['--test', '0.6', '--validation', '0.4'], 'leave nothing to train on'),
    (['--validation', 'nan'], 'choose shares from 0'),
    (['--test', 'nan'], 'choose shares from 0'),
    (['--validation=-inf'], 'choose shares from 0'),
  ],
)
def test_mistakes(folder, tmp_path, capsys, words, message):
  assert run(folder, '-o', tmp_path / 'out', *words) == 2
  err = capsys.readouterr().err.splitlines()[-1]
  assert err.startswith('jsr curate: ')

  assert re.search(message, err)
  assert not (tmp_path / 'out').exists()


def test_other_folders_are_left_alone(folder, tmp_path):
  with pytest.raises(UserError, match='holds other files'):
    tile_folder.write(str(folder), folder, curate.Rules(size=32), progress=False)
  with pytest.raises(UserError, match='is a file'):
    tile_folder.write(str(folder), folder / 'a.png', curate.Rules(size=32))


def test_a_kill_leaves_nothing(folder, tmp_path, monkeypatch):
  def stop(*_, **__):
    raise KeyboardInterrupt

  monkeypatch.setattr(tile_folder, 'manifest', stop)
  with pytest.raises(KeyboardInterrupt):
    tile_folder.write(
      str(folder), tmp_path / 'out', curate.Rules(size=32), progress=False
    )
  assert [p.name for p in tmp_path.iterdir()] == ['in']


def test_sheet_holds_every_cell():
  cells = [sheet.Cell([np.full((10, 20, 3), k, np.uint8)], str(k)) for k in range(9)]
  got = np.asarray(sheet.draw([sheet.Section('nine', cells)], width=60))
  assert got.shape[1] == 60
  for k in range(9):
    assert (got == k).all(-1).sum() >= 200


def test_areas_of_one_colour_have_equal_bits():
  """Sums of a product differ in their last digits, from place to place and from
  processor to processor: none of that may decide a bit."""
  tile = np.full((64, 64, 3), 251, np.uint8)
  tile[20:40, 24:50] = 17
  values = fingerprint.features(fingerprint.luma(tile))
  assert len(np.unique(values[:, -1])) == 1
  # More than half of the areas are the paper, which is then the median itself.
  assert not fingerprint.bits(values[None])[0].any()
