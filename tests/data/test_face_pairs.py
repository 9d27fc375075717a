"""Pairs of faces: by rule and by list, and what is said of bad ones."""

import collections

import numpy as np
import pytest
from PIL import Image

from jsr.data import faces
from jsr.errors import UserError


def people(root, counts):
  """Empty files: pairs are made of names."""
  for name, count in counts.items():
    (root / name).mkdir(parents=True)
    for i in range(1, count + 1):
      (root / name / f'{name}_{i:04d}.jpg').touch()
  return root


def meetings(pairs, fold):
  inside = (pairs.fold == fold) & ~pairs.same
  a, b = (pairs.person[x[inside]] for x in (pairs.first, pairs.second))
  return {tuple(sorted(p)) for p in zip(a.tolist(), b.tolist(), strict=True)}


def test_ten_people_in_ten_folds(tmp_path):
  pairs = faces.folder_pairs(people(tmp_path, {f'p{i}': 10 for i in range(10)}))
  assert len(pairs.files) == 100
  assert len(pairs.fold) == 900
  assert pairs.same.sum() == 450
  asked = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
  assert len({tuple(sorted(p)) for p in asked}) == 900
  met = collections.Counter()
  for fold in range(10):
    inside = pairs.fold == fold
    assert (pairs.same & inside).sum() == (~pairs.same & inside).sum() == 45
    assert {*pairs.person[pairs.first[inside]]} == {fold}
    met.update(meetings(pairs, fold))
    # Not always the same picture of a person.
    assert len({*pairs.first[inside & ~pairs.same]}) >= 9
    assert len({*pairs.second[inside & ~pairs.same]}) >= 30
  # Each two people, and in one fold only.
  assert len(met) == 45
  assert set(met.values()) == {1}


def test_the_shared_faces(shared):
  pairs = faces.folder_pairs(shared / 'data' / 'faces' / 'LFW100')
  assert (len(pairs.fold), pairs.same.sum(), len(pairs.people)) == (900, 450, 10)
  again = faces.folder_pairs(shared / 'data' / 'faces' / 'LFW100')
  np.testing.assert_array_equal(pairs.second, again.second)
  assert pairs.people[pairs.person[0]] == 'Ariel_Sharon' == pairs.files[0].parent.name
  first, second = faces.every_pair(pairs)
  assert (pairs.person[first] == pairs.person[second]).sum() == 450
  assert first.size == 4950
  face = faces.read_face(pairs.files[0], (62, 55, 190, 183))
  assert face.shape == (128, 128, 3)


def test_many_people_share_no_fold(tmp_path):
  """Some have one picture; folds are equally large and have people of their own."""
  pairs = faces.folder_pairs(
    people(tmp_path, {f'p{i}': 1 + i // 3 for i in range(9)}), folds=3
  )
  sizes = np.bincount(pairs.fold)
  assert {*sizes} == {sizes[0]}
  assert np.bincount(pairs.fold[pairs.same]).tolist() == [sizes[0] // 2] * 3
  where = collections.defaultdict(set)
  for fold, a, b in zip(pairs.fold, pairs.first, pairs.second, strict=True):
    where[pairs.person[a]].add(fold)
    where[pairs.person[b]].add(fold)
  assert all(len(folds) == 1 for folds in where.values())


def test_folders_without_faces(tmp_path):
  with pytest.raises(UserError, match='no folder of faces'):
    faces.folder_pairs(tmp_path / 'x')
  few = people(tmp_path / 'few', {'a': 2, 'b': 2})
  with pytest.raises(UserError, match='holds 2 people and 10 folds need one each'):
    faces.folder_pairs(few)
  single = people(tmp_path / 'single', {f'p{i}': 1 for i in range(10)})
  with pytest.raises(UserError, match='no person with two pictures'):
    faces.folder_pairs(single)


LISTING = """2\t2
Ann_Ax\t1\t2
Bo\t1\t3
Ann_Ax\t1\tBo\t2
Bo\t3\tCy\t1
Cy\t1\t2
Cy\t2\t1
Cy\t1\tAnn_Ax\t2
Ann_Ax\t3\tBo\t1
"""


@pytest.fixture
def lfw(tmp_path):
  root = people(tmp_path / 'lfw', {'Ann_Ax': 3, 'Bo': 3, 'Cy': 1})
  # Aligned crops may be PNG.
  (root / 'Cy' / 'Cy_0002.png').touch()
  return root


def listed(lfw, text):
  path = lfw.parent / 'pairs.txt'
  path.write_text(text)
  return faces.listed_pairs(lfw, path)


def test_the_list_of_lfw(lfw):
  pairs = listed(lfw, LISTING)
  assert pairs.fold.tolist() == [0] * 4 + [1] * 4
  assert pairs.same.tolist() == 2 * [True, True, False, False]
  assert pairs.people == ('Ann_Ax', 'Bo', 'Cy')
  names = [p.name for p in pairs.files]
  assert len(names) == len({*names}) == 8
  assert names[pairs.first[3]] == 'Bo_0003.jpg'
  assert names[pairs.second[3]] == 'Cy_0001.jpg'
  assert names[pairs.first[5]] == 'Cy_0002.png'


@pytest.mark.parametrize(
  ('old', 'new', 'told'),
  [
    ('2\t2\n', '2200\n', r"line 1: expected the number of folds .* not '2200'"),
    ('2\t2\n', '2\tx\n', r'line 1: expected'),
    ('2\t2\n', '1\t4\n', r'has 1 fold, and a threshold needs another'),
    ('2\t2\n', '2\t3\n', r'has 8 pairs and says 2 x 2 x 3'),
    ('Bo\t1\t3', 'Bo\t1', r"line 3: expected 'NAME 1 4', not 'Bo\t1'"),
    ('Bo\t1\t3', 'Bo\t1\tCy\t1', r"line 3: expected 'NAME 1 4'"),
    ('Bo\t1\t3', 'Bo\t1\t3.5', r'line 3: expected'),
    ('Bo\t3\tCy\t1', 'Bo\t3\tBo\t1', r"line 5: expected 'NAME 1 OTHER 2'"),
    ('Bo\t3\tCy\t1', '', r'line 5: expected'),
    ('Bo\t1\t3', '../Bo\t1\t3', r"line 3: '../Bo' is no name of a person"),
    ('Bo\t3\tCy\t1', 'Bo\t3\tC\\y\t1', r"line 5: 'C\\y' is no name of a person"),
    ('Bo\t3\tCy\t1', '..\t3\tCy\t1', r"line 5: '..' is no name of a person"),
    ('Bo\t1\t3', 'Bo\t1\t4', r'no picture Bo/Bo_0004.jpg in .*lfw'),
  ],
)
def test_bad_lists(lfw, old, new, told):
  with pytest.raises(UserError, match=told) as error:
    listed(lfw, LISTING.replace(old, new, 1))
  assert '\n' not in str(error.value)


def test_no_list(lfw):
  with pytest.raises(UserError, match='cannot read the list of pairs'):
    faces.listed_pairs(lfw, lfw / 'pairs.txt')
  (lfw / 'pairs.txt').write_bytes(b'10 \xff\xfe')
  with pytest.raises(UserError, match='cannot read the list of pairs'):
    faces.listed_pairs(lfw, lfw / 'pairs.txt')


def test_boxes(tmp_path):
  path = tmp_path / 'face.png'
  picture = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
  Image.fromarray(picture).save(path)
  np.testing.assert_array_equal(faces.read_face(path, (1, 2, 5, 6)), picture[2:6, 1:5])
  np.testing.assert_array_equal(faces.read_face(path, ()), picture)
  with pytest.raises(UserError, match=r'8x6 pixels and the box \(1, 2, 5, 7\)'):
    faces.read_face(path, (1, 2, 5, 7))
  path.write_bytes(b'no picture')
  with pytest.raises(UserError, match='not an image'):
    faces.read_face(path, ())
