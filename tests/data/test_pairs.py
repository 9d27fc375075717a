"""Pairs keep their halves together, whatever moves them."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr.data import pairs, pipeline, resident, sources
from jsr.errors import UserError


def pair(h: int = 20, w: int = 24, scale: int = 2, seed: int = 0):
  lr = np.random.default_rng(seed).integers(0, 256, (h, w, 3), np.uint8)
  # HR shows its LR, so that a patch can be checked wherever it was cut.
  return lr, lr.repeat(scale, 0).repeat(scale, 1)


def write(folder, images):
  folder.mkdir(parents=True)
  for name, image in images.items():
    Image.fromarray(image).save(folder / f'{name}.png')
  return folder


@pytest.fixture
def folders(tmp_path):
  made = {f'000{i}': pair(seed=i) for i in range(1, 4)}
  hr = write(tmp_path / 'hr', {name: hr for name, (_, hr) in made.items()})
  lr = write(tmp_path / 'lr', {f'{name}x2m': lr for name, (lr, _) in made.items()})
  return hr, lr


def opened(hr, lr, **changes):
  options = {'scale': 2, 'split': 'train', 'min_size': 8, 'progress': False}
  return sources.open_pairs(str(hr), lr=str(lr), **{**options, **changes})


def test_unpack_undoes_pack():
  rng = np.random.default_rng(0)
  lr = rng.integers(0, 256, (5, 7, 3), np.uint8)
  hr = rng.integers(0, 256, (15, 23, 3), np.uint8)  # Two columns too many.
  got_lr, got_hr = pairs.unpack(jnp.asarray(pairs.pack(lr, hr, 3))[None], 3)
  np.testing.assert_array_equal(got_lr[0], lr)
  np.testing.assert_array_equal(got_hr[0], hr[:, :21])
  with pytest.raises(ValueError, match='not 3 times'):
    pairs.pack(lr, hr[:14], 3)


def batches(kind, source):
  if kind == 'resident':
    import jax

    data = resident.load_resident(source, progress=False)
    return resident.sample(
      data,
      seed_key=jax.random.key(0),
      step=3,
      batch_size=6,
      patch_size=8,
      element=source.element,
      channels=source.channels,
    )
  stream = pipeline.make_pipeline(
    source,
    seed=0,
    attempt=0,
    batch_size=6,
    patch_size=8,
    start_step=3,
    workers=0,
    threads=0,
  )
  return next(stream)


@pytest.mark.parametrize('kind', ['resident', 'grain'])
def test_patches_of_both_halves_show_the_same(folders, kind):
  source = opened(*folders)
  assert list(source.keys) == ['0001', '0002', '0003']
  batch = batches(kind, source)
  lr, hr = pairs.unpack(jnp.asarray(batch[pairs.ELEMENT]), 2)
  assert lr.shape == (6, 8, 8, 3)
  assert hr.shape == (6, 16, 16, 3)
  np.testing.assert_array_equal(hr, lr.repeat(2, 1).repeat(2, 2))
  assert len({x.tobytes() for x in np.asarray(lr)}) > 3


def test_several_lr_of_one_hr_are_pairs_each(tmp_path):
  lr, hr = pair()
  hr_folder = write(tmp_path / 'hr', {'0001': hr})
  lr_folder = write(tmp_path / 'lr', {f'0001x4w{i}': lr for i in (1, 2, 3, 4)})
  source = opened(hr_folder, lr_folder)
  assert list(source.keys) == ['0001x4w1', '0001x4w2', '0001x4w3', '0001x4w4']


def test_a_pair_of_other_sizes_is_left_out(folders, caplog):
  hr, lr = folders
  Image.fromarray(pair(h=19)[1]).save(hr / '0002.png')
  source = opened(hr, lr)
  assert list(source.keys) == ['0001', '0003']
  assert 'is not 2 times' in source.report.skipped[0][1]


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (lambda hr, lr: (lr / '0001x2m.png').unlink(), 'no partner'),
    (lambda hr, lr: (hr / '0003.png').unlink(), 'no partner'),
    (lambda hr, lr: [f.unlink() for f in lr.iterdir()], 'no image files'),
  ],
)
def test_what_is_no_pair_is_said(folders, change, message):
  change(*folders)
  with pytest.raises(UserError, match=message):
    opened(*folders)


def test_lr_has_to_be_given(folders):
  with pytest.raises(UserError, match=r'config\.data\.lr'):
    opened(folders[0], '')
  with pytest.raises(UserError, match='LR of its own'):
    opened('tfds:div2k/unknown_x4', folders[1])
