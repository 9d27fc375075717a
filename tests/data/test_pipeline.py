"""The stream: batch k is the same whoever makes it, however, and from where."""

import itertools
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

from jsr.data import pipeline, sources


@pytest.fixture
def source(folder) -> sources.ImageSource:
  return sources.open_source(str(folder), split='train', min_size=16, progress=False)


def batches(source, count=5, **options) -> list[pipeline.PatchBatch]:
  options = {
    'seed': 3,
    'attempt': 0,
    'batch_size': 4,
    'patch_size': 16,
    'start_step': 0,
    'workers': 0,
    'threads': 0,
    **options,
  }
  stream = pipeline.make_pipeline(source, **options)
  try:
    return list(itertools.islice(stream, count))
  finally:
    stream.close()


def same(left, right) -> bool:
  assert len(left) == len(right)
  return all(
    np.array_equal(a['hr'], b['hr']) and np.array_equal(a['index'], b['index'])
    for a, b in zip(left, right, strict=True)
  )


def test_shapes_and_pixels(source):
  for batch in batches(source):
    assert batch['hr'].shape == (4, 16, 16, 3)
    assert batch['hr'].dtype == np.uint8
    assert batch['index'].dtype == np.int32
    np.testing.assert_array_equal(batch['index'], np.arange(4))
    for patch in batch['hr']:
      assert locate(patch, source) is not None


def locate(patch, source) -> int | None:
  for i in range(len(source)):
    windows = np.lib.stride_tricks.sliding_window_view(source[i], patch.shape)
    if (windows[:, :, 0] == patch).all((2, 3, 4)).any():
      return i
  return None


def test_each_image_once_an_epoch_in_a_new_order(source):
  patches = np.concatenate([batch['hr'] for batch in batches(source, count=14)])
  epochs = np.array([locate(patch, source) for patch in patches]).reshape(-1, 7)
  assert (np.sort(epochs, axis=1) == np.arange(7)).all()
  assert len(np.unique(epochs, axis=0)) == 8


@pytest.mark.parametrize('threads', [0, 3])
@pytest.mark.parametrize('start', [0, 3, 1_000_003])
def test_start_and_threads_change_nothing(source, threads, start):
  wanted = batches(source, count=6, start_step=start // 10 * 10)[start % 10 :]
  assert same(batches(source, len(wanted), start_step=start, threads=threads), wanted)


def test_worker_processes_change_nothing_and_end(source):
  wanted = batches(source)[2:]
  assert same(batches(source, 3, start_step=2, workers=2, threads=1), wanted)
  assert multiprocessing.active_children() == []


def test_seed_and_attempt_change_the_order(source):
  base = batches(source)
  assert same(base, batches(source))
  for other in ({'seed': 4}, {'attempt': 1}, {'seed': 0, 'attempt': 3}):
    assert not same(base, batches(source, **other))


def test_seed_and_attempt_change_the_order_of_the_images(source):
  def order(**options) -> list[int | None]:
    made = batches(source, 4, batch_size=7, **options)
    return [locate(patch, source) for batch in made for patch in batch['hr']]

  base = order()
  assert order(attempt=1) != base
  # A neighbouring seed is not the same order one epoch earlier or later.
  other = order(seed=4)
  assert other[7:] != base[:-7]
  assert other[:-7] != base[7:]


@pytest.mark.parametrize('count', [2, 4])
def test_the_slices_of_all_hosts_are_the_batch(source, count):
  wanted = batches(source, batch_size=8)
  parts = [
    batches(source, batch_size=8, process_index=i, process_count=count)
    for i in range(count)
  ]
  joined = [
    {key: np.concatenate([part[key] for part in step]) for key in ('hr', 'index')}
    for step in zip(*parts, strict=True)
  ]
  assert same(joined, wanted)


def test_a_file_deleted_in_the_middle_does_not_end_the_stream(source, folder):
  stream = pipeline.make_pipeline(
    source,
    seed=3,
    attempt=0,
    batch_size=7,
    patch_size=16,
    start_step=0,
    workers=0,
    threads=0,
  )
  next(stream)
  (folder / '3.png').unlink()
  for _ in range(3):
    assert next(stream)['hr'].shape == (7, 16, 16, 3)
  stream.close()
  assert source.report.replaced == {'3': 3}


def test_impossible_sizes_are_refused(source):
  with pytest.raises(ValueError, match='share'):
    batches(source, process_count=3)
  with pytest.raises(ValueError, match='process_index'):
    batches(source, process_index=2, process_count=2)
  with pytest.raises(ValueError, match='patches of 17'):
    batches(source, patch_size=17)


def test_workers_of_a_program_leave_nothing_behind(folder, tmp_path):
  # A program that stops with batches unread must end clean and without a word.
  script = tmp_path / 'program.py'
  script.write_text(f"""
from jsr.data import pipeline, sources
if __name__ == '__main__':
  source = sources.open_source({str(folder)!r}, split='train', min_size=16)
  stream = pipeline.make_pipeline(source, seed=0, attempt=0, batch_size=4,
    patch_size=16, start_step=0, workers=1, threads=0)
  print(next(stream)['hr'].shape)
  stream.close()
""")
  done = subprocess.run(
    [sys.executable, str(script)],
    capture_output=True,
    text=True,
    env={**os.environ, 'PYTHONWARNINGS': 'default'},
    check=True,
  )
  assert done.stdout == '(4, 16, 16, 3)\n'
  assert 'leaked' not in done.stderr
