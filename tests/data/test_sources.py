"""Sets of images: what is used, what is left out and said so, what is survived."""

import logging
import os
import pathlib
import pickle
import socket

import numpy as np
import pytest
from PIL import Image

from jsr.data import images, sources
from jsr.errors import UserError


def open_folder(path, **options) -> sources.ImageSource:
  options = {'split': 'train', 'min_size': 1, 'progress': False, **options}
  return sources.open_source(str(path), **options)


@pytest.fixture
def no_network(monkeypatch):
  def refuse(*args, **kwargs):
    raise AssertionError(f'the network was touched: {args}')

  for name in ('connect', 'connect_ex', 'sendto', 'bind'):
    monkeypatch.setattr(socket.socket, name, refuse)
  monkeypatch.setattr(socket, 'getaddrinfo', refuse)


def test_photographs_come_from_the_package(no_network):
  parts = {
    split: sources.open_source('photographs', split=split, min_size=256, progress=False)
    for split in ('train', 'test')
  }
  for split, source in parts.items():
    assert len(source) == len(sources.PHOTOGRAPHS[split]) == len(source.keys)
    assert source.report.skipped == []
    assert source.report.converted == {}
    for i in range(len(source)):
      assert source[i].dtype == np.uint8
      assert min(source[i].shape[:2]) >= 256
  assert len(parts['test']) >= 4
  # No scene in both halves; the two views of the motorcycle count as one.
  scenes = [{key.split('_')[0] for key in source.keys} for source in parts.values()]
  assert not scenes[0] & scenes[1]


def test_photographs_have_two_splits():
  with pytest.raises(UserError, match="'validation'"):
    sources.open_source('photographs', split='validation', min_size=1)


def test_folder_is_sorted_recursive_and_exact(folder, noise):
  (folder / 'deep').mkdir()
  Image.fromarray(noise(9, 30, 30)).save(folder / 'deep' / 'x.JPG', quality=90)
  Image.fromarray(noise(9, 30, 30)).save(folder / '3.bmp')
  Image.fromarray(noise(9, 30, 30)).save(folder / '.hidden.png')
  (folder / 'notes.txt').write_text('not an image')
  source = open_folder(folder)
  assert source.keys == (*'012', '3.bmp', '3.png', *'456', 'deep/x')
  np.testing.assert_array_equal(source[1], noise(1, 27, 38))
  with pytest.raises(IndexError):
    source[9]


def test_a_link_that_leads_back_does_not_loop(folder):
  os.symlink(folder, folder / 'again')
  assert len(open_folder(folder)) == 7


def test_unusable_files_are_named_counted_and_skipped(folder, noise, caplog):
  good = (folder / '6.png').read_bytes()
  (folder / 'broken.png').write_bytes(good[: len(good) // 2])
  (folder / 'empty.jpg').write_bytes(b'')
  Image.fromarray(noise(0, 50, 23)).save(folder / 'tiny.png')
  Image.fromarray(noise(0, 30, 30)[..., 0]).save(folder / 'grey.png')
  Image.fromarray(noise(0, 30, 30, 4)).save(folder / 'alpha.png')
  with caplog.at_level(logging.INFO, logger='jsr'):
    source = open_folder(folder, min_size=24)
  assert source.keys == (*'0123456', 'alpha', 'grey')
  reasons = dict(source.report.skipped)
  assert set(reasons) == {'broken', 'empty', 'tiny'}
  assert '23x50 is smaller than 24' in reasons['tiny']
  assert source.report.converted == {'alpha': 1, 'grey': 1}
  assert source.report.used == 9
  for name in reasons:
    assert any(name in record.getMessage() for record in caplog.records)
  assert '9 images; converted: 1 alpha, 1 grey; 3 skipped' in caplog.text
  # Skipping moves nothing: each name still shows its own picture.
  np.testing.assert_array_equal(source[2], noise(2, 30, 36))
  np.testing.assert_array_equal(source[8][..., 0], noise(0, 30, 30)[..., 0])


def test_headers_alone_show_size_but_not_damage(folder):
  good = (folder / '5.png').read_bytes()
  (folder / 'broken.png').write_bytes(good[: len(good) // 2])
  source = open_folder(folder, min_size=30, verify=False)
  assert source.keys == ('2', '3', '4', '5', 'broken')
  np.testing.assert_array_equal(source[4], source[0])  # Found bad when read.
  assert source.report.replaced == {'broken': 1}


def test_all_skipped_is_an_error(folder):
  with pytest.raises(UserError, match=r'none of the 7 images.*smaller than 99'):
    open_folder(folder, min_size=99)


def test_wrong_folders_are_one_sentence(tmp_path):
  with pytest.raises(UserError, match='does not exist'):
    open_folder(tmp_path / 'nowhere')
  (tmp_path / 'a.png').write_bytes(b'')
  with pytest.raises(UserError, match='is a file'):
    open_folder(tmp_path / 'a.png')
  (tmp_path / 'void').mkdir()
  with pytest.raises(UserError, match='no image files'):
    open_folder(tmp_path / 'void')
  with pytest.raises(UserError, match="'train'"):
    open_folder(tmp_path, split='trian')


def test_splits_of_a_folder(folder, noise):
  assert open_folder(folder, split='test').keys == open_folder(folder).keys
  (folder / 'train').mkdir()
  Image.fromarray(noise(9, 30, 30)).save(folder / 'train' / 'x.png')
  assert open_folder(folder).keys == ('x',)
  # Everything would hold the training images.
  with pytest.raises(UserError, match="no 'test'"):
    open_folder(folder, split='test')


def test_a_file_that_vanishes_is_replaced_by_the_next_good_one(folder, caplog):
  source = open_folder(folder)
  wanted = source[5]
  (folder / '3.png').unlink()
  (folder / '4.png').write_bytes(b'overwritten')
  for _ in range(2):
    np.testing.assert_array_equal(source[3], wanted)
  np.testing.assert_array_equal(source[4], wanted)
  assert source.report.replaced == {'3': 2, '4': 3}
  said = [record.getMessage() for record in caplog.records]
  assert len(said) == 2  # Each bad file is told once, however often it is met.
  assert '3 went bad' in said[0]
  # Every good index is untouched.
  assert source[2].shape == (30, 36, 3)


def test_a_file_that_shrinks_is_replaced(folder, noise):
  source = open_folder(folder, min_size=24)
  wanted = source[1]
  Image.fromarray(noise(0, 8, 8)).save(folder / '0.png')
  np.testing.assert_array_equal(source[0], wanted)


def test_a_set_that_vanishes_whole_is_an_error(folder):
  source = open_folder(folder)
  for path in folder.iterdir():
    path.unlink()
  with pytest.raises(UserError, match='still there'):
    source[0]


def test_sources_travel_to_other_processes(folder):
  source = open_folder(folder)
  twin = pickle.loads(pickle.dumps(source))
  assert twin.keys == source.keys
  np.testing.assert_array_equal(twin[3], source[3])


def test_real_training_folder(shared: pathlib.Path):
  source = open_folder(shared / 'data/train/T91', min_size=96, verify=False)
  assert len(source) + len(source.report.skipped) == 91
  np.testing.assert_array_equal(
    source[0], images.read_rgb(shared / f'data/train/T91/{source.keys[0]}.png')
  )
