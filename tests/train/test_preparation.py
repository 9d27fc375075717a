"""The pair that a step trains on."""

import jax
import jax.numpy as jnp
import numpy as np

from jsr import degradations
from jsr.data import pairs
from jsr.ops import color
from jsr.train import preparation

KEYS = jax.random.split(jax.random.key(0), 4)


def pictures(size: int = 24):
  return np.random.default_rng(0).integers(0, 256, (4, size, size, 3), np.uint8)


def prepare(batch, scale=2, **options):
  options = {'augment': False, 'degradation': None, **options}
  return preparation.prepare_batch(batch, KEYS, scale=scale, **options)


def test_given_pairs_turn_together():
  lr = pictures(12)
  packed = np.stack([pairs.pack(x, x.repeat(2, 0).repeat(2, 1), 2) for x in lr])
  batch = {'pair': jnp.asarray(packed)}
  plain, turned = prepare(batch), prepare(batch, augment=True)
  np.testing.assert_allclose(plain.lr * 255, lr, atol=1e-4)
  assert not np.array_equal(plain.lr, turned.lr)
  np.testing.assert_array_equal(turned.hr, turned.lr.repeat(2, 1).repeat(2, 2))


def test_luma_is_that_of_the_protocol():
  batch = {'hr': jnp.asarray(pictures())}
  bicubic = degradations.make('bicubic', scale=2)
  rgb = prepare(batch, degradation=bicubic)
  y = prepare(batch, degradation=bicubic, luma=True)
  assert y.lr.shape == (4, 12, 12, 1)
  np.testing.assert_allclose(y.hr * 255, color.luma(rgb.hr), atol=1e-4)
  np.testing.assert_allclose(y.lr * 255, color.luma(rgb.lr), atol=1e-4)


def test_hr_is_cut_for_smaller_factors():
  batch = {'hr': jnp.asarray(pictures())}
  bicubic = degradations.make('bicubic', scale=2)
  pair = prepare(batch, degradation=bicubic, size=16)
  assert pair.lr.shape == (4, 8, 8, 3)
  np.testing.assert_array_equal(
    np.rint(np.asarray(pair.hr) * 255), pictures()[:, :16, :16]
  )


def test_what_is_drawn_is_shown():
  noise = degradations.make('noise', scale=2, sigma=(1.0, 20.0))
  pair = prepare({'hr': jnp.asarray(pictures())}, degradation=noise)
  assert pair.drawn
  assert all(len(value) == 4 for value in pair.drawn.values())
