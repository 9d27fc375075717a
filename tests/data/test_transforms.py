"""Augmentation: the eight symmetries, by example, independent of the batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.data import transforms

dihedral = jax.jit(transforms.dihedral)


def symmetries(patch: np.ndarray) -> list[np.ndarray]:
  turned = [np.rot90(patch, k) for k in range(4)]
  return turned + [t[::-1] for t in turned]


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_all_eight_symmetries_and_nothing_else(dtype):
  patch = np.arange(5 * 5 * 3).reshape(5, 5, 3).astype(dtype)
  batch = np.stack([patch] * 256)
  keys = jax.random.split(jax.random.key(0), 256)
  out = np.asarray(dihedral(batch, keys))
  assert out.dtype == dtype
  wanted = symmetries(patch)
  which = [
    next(i for i, w in enumerate(wanted) if np.array_equal(one, w)) for one in out
  ]
  counts = np.bincount(which, minlength=8)
  assert (counts > 12).all()  # 32 expected, standard deviation 5.3.


def test_an_example_depends_on_its_own_key_alone():
  batch = np.random.default_rng(0).random((8, 4, 4, 3)).astype(np.float32)
  keys = jax.random.split(jax.random.key(1), 8)
  whole = dihedral(batch, keys)
  halves = [dihedral(batch[s], keys[s]) for s in (slice(0, 4), slice(4, 8))]
  np.testing.assert_array_equal(whole, jnp.concatenate(halves))


def test_wrong_shapes_are_refused():
  keys = jax.random.split(jax.random.key(0), 2)
  with pytest.raises(ValueError, match='square'):
    transforms.dihedral(jnp.zeros((2, 4, 5, 3)), keys)
  with pytest.raises(ValueError, match='keys'):
    transforms.dihedral(jnp.zeros((3, 4, 4, 3)), keys)
