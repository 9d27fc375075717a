"""TFDS round trips without TensorFlow: equal pixels, official names, plain errors."""

import functools
import http.server
import pathlib
import pickle
import socket
import sys
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from jsr.data import sources
from jsr.data.builders import div2k, paired_folder, records
from jsr.errors import UserError

FIRST = {'train': 1, 'valid': 801}
HR = {part: [f'{i + k:04}.png' for k in range(5)] for part, i in FIRST.items()}
LR = {part: [f'{i + k:04}x4.png' for k in range(5)] for part, i in FIRST.items()}


@pytest.fixture
def no_network(monkeypatch):
  def refuse(*args, **kwargs):
    raise AssertionError(f'the network was touched: {args}')

  monkeypatch.setattr(socket.socket, 'connect', refuse)
  monkeypatch.setattr(socket, 'getaddrinfo', refuse)


def pixels(noise, file: str, large: bool) -> np.ndarray:
  number = int(file[:4])
  return noise(number, *((32, 40) if large else (8, 10)))


@pytest.fixture
def unpacked(tmp_path, noise) -> pathlib.Path:
  """DIV2K's folders as its archives unpack, with five tiny pictures each."""
  root = tmp_path / 'manual'
  for part in ('train', 'valid'):
    for names, folder in (
      (LR, f'DIV2K_{part}_LR_bicubic/X4'),
      (HR, f'DIV2K_{part}_HR'),
    ):
      (root / folder).mkdir(parents=True)
      for name in names[part]:
        image = Image.fromarray(pixels(noise, name, names is HR))
        image.save(root / folder / name)
  return root


@pytest.fixture
def archives(unpacked, tmp_path) -> pathlib.Path:
  """The same as the official archives."""
  root = tmp_path / 'archives'
  root.mkdir()
  for part in ('train', 'valid'):
    for folder in (f'DIV2K_{part}_LR_bicubic', f'DIV2K_{part}_HR'):
      stem = folder + ('_X4' if 'LR' in folder else '')
      with zipfile.ZipFile(root / f'{stem}.zip', 'w') as archive:
        for path in sorted((unpacked / folder).rglob('*.png')):
          archive.write(path, path.relative_to(unpacked))
  return root


def check_div2k(data_dir: pathlib.Path, noise) -> None:
  for split, part in div2k.SPLITS.items():
    spec = f'tfds:div2k/bicubic_x4:{data_dir}'
    source = sources.open_source(spec, split=split, min_size=32, progress=False)
    assert len(source) == 5
    for i, name in enumerate(HR[part]):
      np.testing.assert_array_equal(source[i], pixels(noise, name, True))
  found = records.open_records('div2k/bicubic_x4', 'validation', str(data_dir))
  ids = [record['id'].decode() for record in found]
  assert ids == [f'080{k}x4' for k in range(1, 6)]
  assert found[0]['lr'].startswith(b'\x89PNG')


@pytest.mark.parametrize('kind', ['unpacked', 'archives'])
def test_div2k_from_files_at_hand(kind, request, tmp_path, noise, no_network):
  manual = request.getfixturevalue(kind)
  where = div2k.prepare('bicubic_x4', data_dir=tmp_path / 'tfds', manual_dir=manual)
  assert where == tmp_path / 'tfds/div2k/bicubic_x4/2.0.0'
  check_div2k(tmp_path / 'tfds', noise)
  assert 'tensorflow' not in sys.modules


def test_div2k_stores_the_published_bytes(unpacked, tmp_path):
  div2k.prepare('bicubic_x4', data_dir=tmp_path / 'tfds', manual_dir=unpacked)
  found = records.open_records('div2k', 'train', str(tmp_path / 'tfds'))
  stored = (unpacked / 'DIV2K_train_HR/0002.png').read_bytes()
  assert found[1]['hr'] == stored


def test_div2k_download(archives, tmp_path, noise, monkeypatch):
  handler = functools.partial(
    http.server.SimpleHTTPRequestHandler, directory=str(archives)
  )
  monkeypatch.setattr(
    http.server.SimpleHTTPRequestHandler, 'log_message', lambda *args: None
  )
  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(div2k, 'URL', f'http://127.0.0.1:{server.server_port}/')
    monkeypatch.setattr(div2k.Div2k, 'url_infos', {})
    div2k.prepare('bicubic_x4', data_dir=tmp_path / 'tfds')
    server.shutdown()
  check_div2k(tmp_path / 'tfds', noise)


def test_div2k_names_are_official():
  urls = {
    f'{div2k.URL}{name}.zip'
    for track in div2k.TRACKS
    for split in div2k.SPLITS
    for name in div2k.archive_names(track, split)
  }
  assert urls == set(div2k.Div2k.url_infos)
  assert len(urls) == 22


def test_div2k_mistakes_are_one_sentence(unpacked, archives, tmp_path):
  def prepare(config='bicubic_x4', manual=unpacked):
    div2k.prepare(config, data_dir=tmp_path / 'tfds', manual_dir=manual)

  with pytest.raises(UserError, match='did you mean'):
    prepare(config='bicubic_x5')
  with pytest.raises(UserError, match='does not exist'):
    prepare(manual=tmp_path / 'nowhere')
  with pytest.raises(UserError, match=r'neither .*unknown_X2\.zip'):
    prepare(config='unknown_x2')
  (unpacked / 'DIV2K_train_HR/0002.png').unlink()
  with pytest.raises(UserError, match=r'0002x4.*no original'):
    prepare()
  broken = archives / 'DIV2K_train_HR.zip'
  broken.write_bytes(broken.read_bytes()[:100])
  with pytest.raises(UserError, match='whole zip'):
    prepare(manual=archives)


@pytest.fixture
def pairs(unpacked) -> dict:
  lr, hr = unpacked / 'DIV2K_train_LR_bicubic/X4', unpacked / 'DIV2K_train_HR'
  return {'train': (lr, hr)}


def test_paired_folder_round_trip(pairs, tmp_path, noise, no_network):
  where = paired_folder.prepare(pairs, data_dir=tmp_path / 'tfds', config='mine')
  assert where == tmp_path / 'tfds/paired_folder/mine/1.0.0'
  source = sources.open_source(
    f'tfds:paired_folder:{tmp_path / "tfds"}', split='train', min_size=8, progress=False
  )
  assert source.keys == tuple('01234')
  np.testing.assert_array_equal(source[1], pixels(noise, '0002.png', True))
  twin = pickle.loads(pickle.dumps(source))
  np.testing.assert_array_equal(twin[1], source[1])


def test_unpaired_files_are_refused(pairs, tmp_path):
  lr, hr = pairs['train']
  (lr / '0002x4.png').unlink()
  with pytest.raises(UserError, match=r'0002\.png.*no partner'):
    paired_folder.prepare(pairs, data_dir=tmp_path / 'tfds')
  with pytest.raises(UserError, match='does not exist'):
    paired_folder.prepare({'train': (lr / 'x', hr)}, data_dir=tmp_path / 'tfds')


def test_a_broken_record_is_skipped(pairs, tmp_path):
  _, hr = pairs['train']
  (hr / '0001.png').write_bytes(b'not a picture')
  paired_folder.prepare(pairs, data_dir=tmp_path / 'tfds')
  source = sources.open_source(
    f'tfds:paired_folder:{tmp_path / "tfds"}', split='train', min_size=8, progress=False
  )
  assert source.keys == tuple('1234')
  assert source.report.skipped[0][0] == '0'


def test_missing_sets_splits_and_configurations(pairs, tmp_path):
  spec = f'tfds:paired_folder:{tmp_path / "tfds"}'
  with pytest.raises(UserError, match='no data set'):
    sources.open_source(spec, split='train', min_size=8)
  for config in ('one', 'two'):
    paired_folder.prepare(pairs, data_dir=tmp_path / 'tfds', config=config)
  with pytest.raises(UserError, match='tfds:paired_folder/one, '):
    sources.open_source(spec, split='train', min_size=8)
  with pytest.raises(UserError, match=r"split.*'test'"):
    sources.open_source(
      spec.replace('folder:', 'folder/two:'), split='test', min_size=8
    )


def test_a_set_in_another_file_format_is_refused(pairs, tmp_path):
  where = paired_folder.prepare(pairs, data_dir=tmp_path / 'tfds')
  info = where / 'dataset_info.json'
  info.write_text(info.read_text().replace('array_record', 'tfrecord'))
  with pytest.raises(UserError, match='only TensorFlow reads'):
    records.open_records('paired_folder', 'train', str(tmp_path / 'tfds'))
