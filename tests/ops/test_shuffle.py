"""Pixel shuffle against PyTorch's, and the symmetries of the square."""

import jax.numpy as jnp
import numpy as np
import pytest

from jsr.ops import shuffle


@pytest.mark.parametrize('factor', [2, 3])
def test_shuffle_in_pytorchs_layout(factor):
  torch = pytest.importorskip('torch')
  x = np.random.default_rng(0).random((2, 3, 5, 4 * factor**2)).astype('f')
  want = torch.pixel_shuffle(torch.tensor(x.transpose(0, 3, 1, 2)), factor)
  got = shuffle.pixel_shuffle(x, factor)
  np.testing.assert_array_equal(got, want.numpy().transpose(0, 2, 3, 1))


def test_shuffle_in_tensorflows_layout():
  # Channel (dy * 2 + dx) * C + c of a pixel goes to row dy, column dx, channel c.
  x = jnp.arange(8.0).reshape(1, 1, 1, 8)
  got = shuffle.pixel_shuffle(x, 2, layout='tensorflow')
  np.testing.assert_array_equal(got[0], [[[0, 1], [2, 3]], [[4, 5], [6, 7]]])


@pytest.mark.parametrize('layout', ['torch', 'tensorflow'])
def test_unshuffle_inverts(layout):
  x = np.random.default_rng(0).random((2, 6, 4, 3))
  there = shuffle.pixel_unshuffle(x, 2, layout=layout)
  assert there.shape == (2, 3, 2, 12)
  np.testing.assert_array_equal(shuffle.pixel_shuffle(there, 2, layout=layout), x)


def test_sizes_that_do_not_fit():
  with pytest.raises(ValueError, match='no multiple'):
    shuffle.pixel_shuffle(jnp.zeros((1, 2, 2, 6)), 2)
  with pytest.raises(ValueError, match='no multiple'):
    shuffle.pixel_unshuffle(jnp.zeros((1, 3, 2, 6)), 2)


def test_dihedral_group():
  x = jnp.arange(12.0).reshape(1, 3, 4, 1)
  seen = set()
  for k in range(8):
    there = shuffle.dihedral(x, k)
    assert there.shape == ((1, 3, 4, 1) if k % 2 == 0 else (1, 4, 3, 1))
    np.testing.assert_array_equal(shuffle.dihedral_inverse(there, k), x)
    seen.add(there.tobytes() + bytes(there.shape[1:2]))
  assert len(seen) == 8
