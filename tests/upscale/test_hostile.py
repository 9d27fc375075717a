"""Thousands of broken files: each is decoded whole, or refused in one sentence."""

import collections
import time

import numpy as np
import pytest

from jsr.upscale import image_io
from tests.upscale import hostile

# Seconds of processor time for one small file; most take a thousandth.
LIMIT = 5
MAX_PIXELS = 2**20
TARGETS = ('.jpg', '.webp', '.tif', '.avif', '.gif')


def through(path, target):
  """What a command does with a file."""
  animation = image_io.open_animation(path, max_pixels=MAX_PIXELS)
  if animation is not None:
    whole = ((np.concatenate(_arrays(p), -1), ms) for p, ms in animation)
    image_io.write_animation(target, whole, picture=animation, loop=animation.loop)
    return
  picture = image_io.read(path, max_pixels=MAX_PIXELS)
  whole = np.concatenate(_arrays(picture), -1)
  peak = np.iinfo(whole.dtype).max
  height, width = whole.shape[:2]
  assert 0 < height * width <= MAX_PIXELS
  rows = ((band / np.float64(peak)).astype(np.float32) for band in (whole,))
  image_io.write(target, rows, height=height, width=width, picture=picture)
  if picture.space != 'cmyk':
    again = image_io.read(target)
    np.testing.assert_array_equal(np.concatenate(_arrays(again), -1), whole)


def _arrays(picture):
  return [picture.color] + ([] if picture.alpha is None else [picture.alpha])


def one_sentence(message):
  return '\n' not in message and 5 < len(message) < 200 and 'Traceback' not in message


def test_no_file_crashes_hangs_or_leaves_half_a_picture(tmp_path, capfd):
  out = tmp_path / 'out'
  out.mkdir()
  counts = collections.Counter()
  wrong = []
  for case in hostile.cases():
    path, target = tmp_path / f'in{case.suffix}', out / 'x.png'
    path.write_bytes(case.data)
    start = time.process_time()
    try:
      through(path, target)
    except image_io.BadImage as error:
      counts['refused'] += 1
      if not one_sentence(str(error)):
        wrong.append((case.name, f'no sentence: {error}'))
      if list(out.iterdir()):
        wrong.append((case.name, 'something was left'))
    except Exception as error:
      wrong.append((case.name, repr(error)))
    else:
      counts['decoded'] += 1
      if case.bad:
        wrong.append((case.name, 'something was made of it'))
      if [p.name for p in out.iterdir()] != ['x.png']:
        wrong.append((case.name, 'not one file'))
    if time.process_time() - start > LIMIT:
      wrong.append((case.name, 'too slow'))
    for left in out.iterdir():
      left.unlink()
  assert wrong == []
  assert counts['refused'] > 2000
  assert counts['decoded'] > 1000  # Else a good file would be refused too.
  assert capfd.readouterr().err == ''  # Some decoders have words of their own.


def test_no_metadata_breaks_a_format(tmp_path, capfd):
  """What a broken file brings along must go into any other format, or be dropped."""
  out = tmp_path / 'out'
  out.mkdir()
  counts = collections.Counter()
  wrong = []
  told = [case for case in hostile.cases() if '-told-' in case.name and not case.bad]
  for i, case in enumerate([*told, *hostile.long_texts()]):
    try:
      picture = image_io.read(case.data, max_pixels=MAX_PIXELS)
    except image_io.BadImage:
      continue
    # All formats for each would take a minute: they take turns.
    for suffix in TARGETS if case.name.startswith('long') else [TARGETS[i % 5]]:
      target = out / f'x{suffix}'
      try:
        small = np.zeros((8, 8, sum(a.shape[-1] for a in _arrays(picture))), np.float32)
        image_io.write(target, [small], height=8, width=8, picture=picture)
        image_io.read(target)
      except Exception as error:
        wrong.append((case.name, suffix, repr(error)))
      counts[suffix] += 1
  assert wrong == []
  assert min(counts[suffix] for suffix in TARGETS) > 60
  assert capfd.readouterr().err == ''


def test_the_files_are_many_and_the_same_every_time():
  first, second = list(hostile.cases()), list(hostile.cases())
  assert first == second
  assert len({case.name for case in first}) == len(first)
  assert len({case.data for case in first}) > 4000
  kinds = collections.Counter(case.name.split('-')[0] for case in first)
  for kind in ('png', 'jpeg', 'webp', 'tiff', 'avif', 'gif', 'bmp'):
    assert kinds[kind] > 100, kind
  assert sum(case.bad for case in first) > 300


@pytest.mark.parametrize('name', hostile.seeds())
def test_the_good_ones_are_good(name, tmp_path):
  data = hostile.seeds()[name]
  path = tmp_path / 'in'
  path.write_bytes(data)
  through(path, tmp_path / 'x.png')
  assert (image_io.open_animation(path) is not None) == ('frames' in name)
