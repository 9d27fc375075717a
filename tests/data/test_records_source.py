"""`records:DIR`: crops as a source, as robust as files, from threads and processes."""

import itertools
import logging
import pathlib
import pickle
import shutil

import jax
import numpy as np
import pytest
from array_record.python import array_record_module
from PIL import Image

from jsr.data import crops, cutting, images, pipeline, resident, sources
from jsr.errors import UserError


@pytest.fixture(scope='module')
def made(tmp_path_factory) -> tuple[pathlib.Path, pathlib.Path]:
  """Five pictures, and their crops in two shards; tests only read."""
  root = tmp_path_factory.mktemp('records')
  source, target = root / 'pictures', root / 'crops'
  source.mkdir()
  for i in range(5):
    rng = np.random.default_rng(i)
    pixels = rng.integers(0, 256, (50 + 5 * i, 60 - 4 * i, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(source / f'{i}.png')
  cut(source, target)
  return source, target


def cut(source, target, **options) -> crops.Manifest:
  options = {'size': 32, 'shard_count': 2, 'workers': 1, **options}
  return cutting.prepare(str(source), target, split='train', progress=False, **options)


@pytest.fixture
def copy(made, tmp_path) -> pathlib.Path:
  return pathlib.Path(shutil.copytree(made[1], tmp_path / 'crops'))


def open_crops(folder, **options) -> sources.ImageSource:
  options = {'split': 'train', 'min_size': 32, 'progress': False, **options}
  return sources.open_source(f'records:{folder}', **options)


def test_crops_are_the_records_in_order(made):
  source = open_crops(made[1])
  records = []
  for name in crops.read_manifest(made[1]).file_names:
    reader = array_record_module.ArrayRecordReader(str(made[1] / name))
    records += [crops.decode(record) for record in reader.read_all()]
    reader.close()
  assert len(source) == len(source.keys) == len(records) == source.report.used
  assert len(set(source.keys)) == len(records)
  for i in np.random.default_rng(0).permutation(len(records)):
    np.testing.assert_array_equal(source[i], records[i].pixels)
    assert source[i].dtype == np.uint8
  assert source.nbytes == sum(crop.pixels.nbytes for crop in records)


@pytest.mark.parametrize('verify', [True, False])
def test_crops_that_are_too_small_are_left_out(folder, noise, tmp_path, verify):
  Image.fromarray(noise(9, 20, 90)).save(folder / 'flat.png')
  cut(folder, tmp_path / 'crops')
  everything = open_crops(tmp_path / 'crops', min_size=1)
  source = open_crops(tmp_path / 'crops', min_size=24, verify=verify)
  assert 3 <= len(everything) - len(source) == len(source.report.skipped)
  assert all(min(source[i].shape[:2]) >= 24 for i in range(len(source)))
  assert source.nbytes == sum(source[i].nbytes for i in range(len(source)))
  with pytest.raises(UserError, match='smaller than 99'):
    open_crops(tmp_path / 'crops', min_size=99)


def damage(folder: pathlib.Path, record: int) -> str:
  """Breaks one record of the second shard and returns its name."""
  name = crops.read_manifest(folder).file_names[1]
  reader = array_record_module.ArrayRecordReader(str(folder / name))
  wanted = reader.read([record])[0]
  reader.close()
  data = bytearray((folder / name).read_bytes())
  place = data.find(wanted[-100:])
  assert place > 0
  data[place] ^= 1
  (folder / name).write_bytes(data)
  return name


def test_a_damaged_record_is_named_counted_and_replaced(copy, caplog):
  first = crops.read_manifest(copy)
  before = first.files[first.file_names[0]].crops
  name = damage(copy, 3)
  source = open_crops(copy)
  bad = before + 3
  for _ in range(2):
    np.testing.assert_array_equal(source[bad], source[bad + 1])
  assert source.report.replaced == {source.keys[bad]: 2}
  said = [r.getMessage() for r in caplog.records if 'went bad' in r.getMessage()]
  assert len(said) == 1
  assert f'record 3 of {name} cannot be read' in said[0]
  with pytest.raises(images.BadImage, match='hash mismatch'):
    source.read(bad)
  source.read(bad - 1)


def test_a_folder_that_is_not_complete_is_refused(copy):
  manifest = crops.read_manifest(copy)
  first, second = manifest.file_names
  (copy / first).unlink()
  with pytest.raises(UserError, match=rf'{first}.*No such file.*run jsr prepare'):
    open_crops(copy)
  (copy / first).write_bytes((copy / second).read_bytes()[:1000])
  with pytest.raises(UserError, match=r'1000 bytes.*run jsr prepare'):
    open_crops(copy, verify=False)
  del manifest.files[first]
  manifest.write(copy)
  with pytest.raises(UserError, match=r'not complete \(1 of 2.*run jsr prepare'):
    open_crops(copy)


def test_wrong_specs_are_one_sentence(made, tmp_path):
  with pytest.raises(UserError, match=r"'.*nowhere' holds no crops.*jsr prepare"):
    open_crops(tmp_path / 'nowhere')
  with pytest.raises(UserError, match="holds the split 'train', not 'test'"):
    open_crops(made[1], split='test')
  with pytest.raises(UserError, match='crops of HR only'):
    sources.open_pairs(f'records:{made[1]}', lr='', scale=4, split='train', min_size=8)


def test_a_log_line_says_what_was_opened(made, caplog):
  with caplog.at_level(logging.INFO, logger='jsr'):
    source = open_crops(made[1])
  assert f'records:{made[1]}: {len(source)} images' in caplog.text


def test_opened_crops_travel_to_other_processes(made):
  source = open_crops(made[1])
  source[0]  # With an open reader.
  twin = pickle.loads(pickle.dumps(source))
  assert twin.keys == source.keys
  for i in range(len(source)):
    np.testing.assert_array_equal(twin[i], source[i])


def batches(source, workers, threads, count=6) -> list[pipeline.PatchBatch]:
  stream = pipeline.make_pipeline(
    source,
    seed=3,
    attempt=0,
    batch_size=8,
    patch_size=16,
    start_step=2,
    workers=workers,
    threads=threads,
  )
  try:
    return list(itertools.islice(stream, count))
  finally:
    stream.close()


def comes_from(patch, source) -> bool:
  """Whether a patch is a window of some image of a source."""
  return any(
    (np.lib.stride_tricks.sliding_window_view(source[i], patch.shape)[:, :, 0] == patch)
    .all((2, 3, 4))
    .any()
    for i in range(len(source))
  )


def test_grain_reads_them_with_threads_and_processes(made):
  source = open_crops(made[1])
  wanted = batches(source, workers=0, threads=0)
  for workers, threads in ((0, 4), (2, 1)):
    for got, want in zip(batches(source, workers, threads), wanted, strict=True):
      np.testing.assert_array_equal(got['hr'], want['hr'])
  pictures = sources.open_source(
    str(made[0]), split='train', min_size=16, progress=False
  )
  assert all(comes_from(patch, pictures) for patch in wanted[0]['hr'])


def test_grain_in_processes_survives_a_damaged_record(copy):
  damage(copy, 3)
  source = open_crops(copy)
  for batch in batches(source, workers=2, threads=1, count=2 * len(source) // 8):
    assert batch['hr'].shape == (8, 16, 16, 3)


def test_resident_and_grain_give_batches_of_one_kind(made):
  source = open_crops(made[1])
  streamed = batches(source, workers=0, threads=0, count=1)[0]
  kept = resident.load_resident(source, progress=False)
  drawn = resident.sample(
    kept, seed_key=jax.random.key(0), step=0, batch_size=8, patch_size=16
  )
  assert {k: (v.shape, v.dtype) for k, v in streamed.items()} == {
    k: (v.shape, v.dtype) for k, v in drawn.items()
  }
  np.testing.assert_array_equal(drawn['index'], streamed['index'])
  assert all(comes_from(np.asarray(patch), source) for patch in drawn['hr'])
