"""Sets of pictures: what is found, what stays grey, what is refused."""

import numpy as np
import pytest
from PIL import Image

from jsr.errors import UserError
from jsr.evaluate import sets
from tests import images
from tests.workdirs import save

A, B = images.smooth(24, 32), images.smooth(28, 20)


@pytest.fixture
def root(tmp_path):
  for stem, picture in (('b', B), ('a', A), ('grey', A[..., :1])):
    save(tmp_path / 'Mini' / 'HR' / f'{stem}.png', picture)
    save(tmp_path / 'Mini' / 'LR_x4' / f'{stem}_x4.png', picture[::4, ::4])
  return tmp_path


def open_one(root, name='Mini', **options):
  (found,) = sets.open_sets([name], data=str(root), **options)
  return found


def test_a_folder(root):
  found = open_one(root)
  assert found.name == 'Mini'
  assert [p.name for p in found.pictures] == ['a', 'b', 'grey']
  for picture, want in zip(found.pictures, (A, B, A[..., :1]), strict=True):
    np.testing.assert_array_equal(picture.hr, want)
    assert picture.hr.dtype == np.uint8
    assert picture.lr is None


def test_lr_beside_hr(root):
  first, _, grey = open_one(root, lr='LR_x4').pictures
  np.testing.assert_array_equal(first.lr, A[::4, ::4])
  np.testing.assert_array_equal(grey.lr, A[::4, ::4, :1])
  (root / 'Mini' / 'LR_x4' / 'b_x4.png').unlink()
  with pytest.raises(UserError, match=r"Mini/LR_x4 has no picture for 'b'"):
    open_one(root, lr='LR_x4')
  with pytest.raises(UserError, match=r"Mini/LR_x3 has no picture for 'a'"):
    open_one(root, lr='LR_x3')


def test_limit(root):
  assert [p.name for p in open_one(root, limit=2).pictures] == ['a', 'b']
  assert len(open_one(root, limit=9).pictures) == 3
  # What the limit leaves out is not read.
  (root / 'Mini' / 'HR' / 'grey.png').write_bytes(b'nothing')
  assert len(open_one(root, limit=2).pictures) == 2


@pytest.mark.parametrize('mode', ['L', 'LA', '1', 'I;16'])
def test_grey_files_keep_one_channel(tmp_path, mode):
  """Their values are luma already; as RGB they would be squeezed to studio range."""
  levels = np.where(A[..., 0] > 127, 255, 0).astype(np.uint8)
  if mode == 'I;16':
    picture = Image.fromarray(levels.astype(np.uint16) * 257)
    assert picture.mode == mode
  else:
    picture = Image.fromarray(levels).convert(mode)
  picture.save(tmp_path / 'x.png')
  got = sets.read(tmp_path / 'x.png')
  np.testing.assert_array_equal(got, levels[..., None])


def test_a_grey_file_is_turned_as_it_says(tmp_path):
  exif = Image.Exif()
  exif[0x0112] = 6
  Image.fromarray(A[..., 0]).save(tmp_path / 'x.png', exif=exif)
  np.testing.assert_array_equal(
    sets.read(tmp_path / 'x.png')[..., 0], np.rot90(A[..., 0], -1)
  )


@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('Mni', r"unknown set in .*: 'Mni'; did you mean 'Mini'\?"),
    ('./Mini', "'./Mini' is no name of a set"),
    ('..', r'has no set|unknown set'),
  ],
)
def test_no_such_set(root, name, message):
  with pytest.raises(UserError, match=message):
    open_one(root, name)


def test_a_folder_without_sets(tmp_path):
  with pytest.raises(UserError, match=r'expected .*Mini/HR'):
    open_one(tmp_path)
  with pytest.raises(UserError, match='needs --data'):
    sets.open_sets(['Mini'])
  (tmp_path / 'Mini' / 'HR').mkdir(parents=True)
  with pytest.raises(UserError, match=r'Mini/HR has no pictures'):
    open_one(tmp_path)


def test_no_set_twice(root):
  with pytest.raises(UserError, match="'Mini' is asked for twice"):
    sets.open_sets(['Mini', 'Mini'], data=str(root))


def test_no_two_pictures_of_one_name(root):
  """One would take the other's place among the figures."""
  save(root / 'Mini' / 'HR' / 'a.bmp', A)
  with pytest.raises(UserError, match="two pictures called 'a'"):
    open_one(root)


def test_broken_and_hidden_files(root):
  (root / 'Mini' / 'HR' / '._a.png').write_bytes(b'what some systems leave')
  (root / 'Mini' / 'HR' / 'readme.txt').write_text('no picture')
  assert len(open_one(root).pictures) == 3
  path = root / 'Mini' / 'HR' / 'b.png'
  path.write_bytes(path.read_bytes()[:80])
  with pytest.raises(UserError, match=r'HR/b\.png cannot be read'):
    open_one(root)


def test_the_rule_for_stems(tmp_path):
  for name in ('baby.png', 'baby_x4.png', 'baby2.png', 'bird_SRF_4.PNG', 'bi.png'):
    save(tmp_path / name, A)
  assert sets.find(tmp_path, 'baby').name == 'baby.png'
  assert sets.find(tmp_path, 'bird').name == 'bird_SRF_4.PNG'
  assert sets.find(tmp_path, 'bab') is None
  assert sets.find(tmp_path / 'none', 'baby') is None
  (tmp_path / 'baby.png').unlink()
  assert sets.find(tmp_path, 'baby').name == 'baby_x4.png'
  save(tmp_path / 'baby-sr.png', A)
  with pytest.raises(UserError, match=r'several .*baby-sr\.png, baby_x4\.png'):
    sets.find(tmp_path, 'baby')


def test_embedded_photographs(tmp_path):
  (found,) = sets.open_sets(['photographs'], limit=2)
  assert [p.name for p in found.pictures] == ['chelsea', 'coffee']
  assert found.pictures[0].hr.shape == (300, 451, 3)
  with pytest.raises(UserError, match='no LR folder'):
    sets.open_sets(['photographs'], lr='LR_x4')
  # A folder of that name is the user's own.
  save(tmp_path / 'photographs' / 'HR' / 'mine.png', A)
  assert open_one(tmp_path, 'photographs').pictures[0].name == 'mine'


def test_centre_crop(root):
  cut = sets.centre_crop(open_one(root, limit=1), 8)
  np.testing.assert_array_equal(cut.pictures[0].hr, A[8:16, 12:20])
  whole = sets.centre_crop(open_one(root, limit=1), 99)
  np.testing.assert_array_equal(whole.pictures[0].hr, A)
