"""Tiles that give what the whole picture gives, for every generator."""

import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.upscale import field, tiles
from jsr.upscale.engines import OutOfMemory
from jsr.upscale.model import Tiled
from tests import generators

# Found by hand: 3x3 convolutions count one each, others half their width; what works on
# enlarged pictures counts by its factor, 2 here.
REACH = {'nearest': 0, 'bicubic': 2, 'compact': 5, 'espcn': 4, 'edsr': 8}


def tiled(model, x, tile):
  made = tiles.bands(
    x, model, factor=2, tile=tile, halo=model.halo, stride=model.stride
  )
  return np.concatenate(list(made))


@pytest.mark.parametrize('name', models.generator_names())
def test_tiles_are_exact(name):
  """At sizes that nothing divides, from a tile that only just has room."""
  model = Tiled(generators.network(name), 2, engine='jax')
  assert model.exact
  if name in REACH:
    assert model.halo == max(2, REACH[name])
  step = max(16, model.stride)
  halo = -(-model.halo // model.stride) * model.stride
  tile = 2 * halo + step
  size = (tile + step + 7, tile + 5)
  x = np.random.default_rng(3).random((*size, 3)).astype(np.float32)
  whole = model(x)
  got = tiled(model, x, tile)
  assert got.shape == whole.shape
  np.testing.assert_allclose(got, whole, rtol=0, atol=2e-6 * np.abs(whole).max())


def test_a_smaller_halo_shows():
  """The halo that is found is needed: with less, the seams are there."""
  x = np.random.default_rng(3).random((40, 40, 3)).astype(np.float32)
  model = Tiled(generators.network('compact'), 2, engine='jax', halo=4)
  assert not model.exact
  assert np.abs(tiled(model, x, 24) - model(x)).max() > 1e-4


@pytest.mark.parametrize('stride', [1, 4])
@pytest.mark.parametrize('n', [1, 20, 21, 37, 64, 100])
def test_a_plan_covers_once(n, stride):
  spans = tiles.plan(n, 20, 3, stride)
  assert [s.keep_from for s in spans] == [0, *(s.keep_to for s in spans[:-1])]
  assert spans[-1].keep_to == n
  for span in spans:
    assert span.start % stride == 0
    assert 0 <= span.start <= span.keep_from < span.keep_to <= span.stop <= n
    assert span.start == 0 or span.keep_from - span.start >= 3
    assert span.stop == n or span.stop - span.keep_to >= 3
  if stride == 1:
    assert len({s.stop - s.start for s in spans}) == 1


@pytest.mark.parametrize(('n', 'count', 'most'), [(256, 2, 139), (640, 4, 177)])
def test_tiles_are_no_larger_than_their_number_asks(n, count, most):
  spans = tiles.plan(n, 214, 11)
  assert len(spans) == count
  assert {s.stop - s.start for s in spans} == {most}


def test_no_room_for_the_halo():
  with pytest.raises(ValueError, match='no room for a halo of 10'):
    tiles.plan(100, 20, 10)


def test_tiles_are_halved_when_memory_is_short(caplog):
  asked = []

  def compute(tile):
    asked.append(tile.shape[0])
    if tile.shape[0] > 20:
      raise OutOfMemory('too large')
    return tile

  x = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
  got = np.concatenate(list(tiles.bands(x, compute, factor=1, tile=64, halo=2)))
  np.testing.assert_array_equal(np.round(got * 255), x)
  sizes = list(dict.fromkeys(asked))
  assert [size > 20 for size in sizes] == [True, True, False]
  assert all(size <= most for size, most in zip(sizes, (64, 32, 16), strict=True))
  assert 'going on with 16' in caplog.text


def test_memory_too_small_for_any_tile():
  def compute(tile):
    raise OutOfMemory('too large')

  x = np.zeros((90, 70, 3), np.uint8)
  with pytest.raises(UserError, match='memory of the device is too small for a tile'):
    list(tiles.bands(x, compute, factor=1, tile=64, halo=9))


def test_progress_rises_to_one():
  told = []
  x = np.zeros((50, 50, 1), np.uint8)
  list(tiles.bands(x, lambda t: t, factor=1, tile=20, halo=2, progress=told.append))
  assert told == sorted(told)
  assert told[-1] == pytest.approx(1)
  assert len(told) > 4


def test_unlimited_reach_gets_a_fixed_halo(monkeypatch):
  network = generators.network('compact')
  monkeypatch.setattr(field, 'LIMIT', 3)
  assert field.probe(network, 2).reach is None
  model = Tiled(network, 2, engine='jax')
  assert (model.halo, model.exact) == (field.FAR, False)
