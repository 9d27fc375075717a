"""Batches cut on the device: exact pixels, fair order, pure in (key, step)."""

import functools

import jax
import numpy as np
import pytest

from jsr.data import resident as resident_lib
from jsr.data import sources
from jsr.errors import UserError

SAMPLE = jax.jit(resident_lib.sample, static_argnames=('batch_size', 'patch_size'))


@pytest.fixture
def source(folder) -> sources.ImageSource:
  return sources.open_source(str(folder), split='train', min_size=16, progress=False)


@pytest.fixture
def resident(source) -> resident_lib.Resident:
  return resident_lib.load_resident(source, progress=False)


@pytest.fixture
def sample(resident):
  """step -> batch of 16 patches of 16."""
  return functools.partial(
    lambda step, key=0: SAMPLE(
      resident,
      seed_key=jax.random.key(key),
      step=step,
      batch_size=16,
      patch_size=16,
    )
  )


def find(patch: np.ndarray, source: sources.ImageSource) -> list[tuple[int, int, int]]:
  """Returns every (image, top, left) where the patch is found."""
  size, found = len(patch), []
  for i in range(len(source)):
    windows = np.lib.stride_tricks.sliding_window_view(source[i], (size, size, 3))
    equal = (windows[:, :, 0] == patch).all((2, 3, 4))
    found += [(i, int(y), int(x)) for y, x in np.argwhere(equal)]
  return found


def test_canvas_holds_every_pixel(resident, source):
  for i, (top, left, height, width) in enumerate(np.asarray(resident.boxes)):
    image = np.asarray(resident.pixels)[top : top + height, 3 * left :][:, : 3 * width]
    np.testing.assert_array_equal(image.reshape(height, width, 3), source[i])


def test_canvas_of_a_large_set_is_dense_and_nothing_overlaps():
  rng = np.random.default_rng(0)
  sides = rng.integers(1100, 2041, 200)
  turned = rng.random(200) < 0.3
  sizes = [
    (2040, int(s)) if t else (int(s), 2040) for s, t in zip(sides, turned, strict=True)
  ]
  boxes, rows, columns = resident_lib._pack(sizes)
  assert rows * columns < 1.15 * sum(h * w for h, w in sizes)
  covered = np.zeros((rows // 20, columns // 20), int)
  for top, left, height, width in boxes // 20:
    assert top + height <= rows
    covered[top + 1 : top + height - 1, left + 1 : left + width - 1] += 1
  assert covered.max() == 1
  np.testing.assert_array_equal(boxes[:, 2:], sizes)


def test_crops_are_the_pixels_of_the_source(sample, source):
  for step in range(3):
    batch = sample(step)
    assert batch['hr'].dtype == np.uint8
    np.testing.assert_array_equal(batch['index'], np.arange(16))
    for patch in np.asarray(batch['hr']):
      assert len(find(patch, source)) == 1


def test_sample_is_pure(sample):
  first, again, other, key = sample(5), sample(5), sample(6), sample(5, key=1)
  np.testing.assert_array_equal(first['hr'], again['hr'])
  assert not np.array_equal(first['hr'], other['hr'])
  assert not np.array_equal(first['hr'], key['hr'])


def test_each_image_once_an_epoch_and_positions_reach_every_edge(sample, source):
  seen = [
    find(p, source)[0] for step in range(28) for p in np.asarray(sample(step)['hr'])
  ]
  visits = np.array([image for image, _, _ in seen])
  epochs = visits.reshape(-1, 7)  # 28 batches of 16 are 64 epochs of 7.
  assert (np.sort(epochs, axis=1) == np.arange(7)).all()
  assert len(np.unique(epochs, axis=0)) > 60  # 64 of 5040 orders.
  # Image 6 is 42x28: 27 x 13 positions; the extremes must occur in 448 / 7 draws.
  tops = [top for image, top, _ in seen if image == 6]
  lefts = [left for image, _, left in seen if image == 6]
  assert (min(lefts), max(lefts)) == (0, 12)
  assert min(tops) <= 2
  assert max(tops) >= 24


def test_order_is_right_where_visits_pass_32_bits():
  visited = jax.jit(resident_lib._visited, static_argnums=(2, 3))
  key, step, batch, count = jax.random.key(0), 10**9, 256, 1000
  visits = [step * batch + i for i in range(batch)]
  orders = {
    epoch: jax.random.permutation(jax.random.fold_in(key, epoch), count)
    for epoch in {visit // count for visit in visits}
  }
  wanted = [int(orders[visit // count][visit % count]) for visit in visits]
  np.testing.assert_array_equal(visited(key, step, batch, count), wanted)


def test_a_set_that_is_too_large_is_refused(source):
  with pytest.raises(UserError, match=r'grain'):
    resident_lib.load_resident(source, max_bytes=10_000, progress=False)
