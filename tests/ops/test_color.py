"""Colour against the specification's numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr.ops import color


@pytest.fixture(autouse=True)
def _float64():
  with jax.enable_x64(True):
    yield


@pytest.mark.parametrize(
  ('rgb', 'want'),
  [
    ((255, 0, 0), (81.481, 90.203, 240.0)),
    ((0, 255, 0), (144.553, 53.797, 34.214)),
    ((255, 255, 255), (235, 128, 128)),
    ((12, 200, 77), (127.446094, 101.842494, 54.213027)),
  ],
)
def test_studio_range(rgb, want):
  got = color.rgb_to_ycbcr(jnp.asarray(rgb) / 255)
  np.testing.assert_allclose(got, want, atol=1e-6)
  assert float(color.luma(jnp.asarray(rgb) / 255)[0]) == pytest.approx(want[0])


def test_full_range():
  got = color.rgb_to_ycbcr(jnp.asarray((12, 200, 77)) / 255, full_range=True)
  np.testing.assert_allclose(got, (129.766, 98.222368, 44.001376), atol=1e-4)


def test_back_from_uint8():
  got = color.ycbcr_to_rgb(jnp.asarray([127.0, 102.0, 54.0])) * 255
  np.testing.assert_allclose(got, (11.140578, 199.592055, 76.798301), atol=1e-5)


@pytest.mark.parametrize('full_range', [False, True])
def test_there_and_back(full_range):
  rgb = jnp.asarray(np.random.default_rng(0).random((4, 5, 3)))
  there = color.rgb_to_ycbcr(rgb, full_range=full_range)
  np.testing.assert_allclose(
    color.ycbcr_to_rgb(there, full_range=full_range), rgb, atol=1e-12
  )
