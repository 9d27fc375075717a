"""Mixed degradations: the order that was drawn is the order that happens."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import degradations
from jsr.degradations import base, mixed, noise
from jsr.ops import resize
from tests import images
from tests.degradations import twins

HR = np.stack([images.smooth(32, 32), images.smooth(32, 32)[::-1]] * 3)
KEYS = jax.random.split(jax.random.key(5), 6)
ALL = {f'{name}_probability': 1.0 for name in ('blur', 'noise', 'impulse', 'jpeg')}


def in_order(made, x, d, order, bell, u, u_low):
  fields = u
  for part in order:
    if part == 'down':
      for axis in (0, 1):
        matrix = mixed._down_matrix(made.down[int(d['down'])], 32, 32 // made.scale)
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
      fields = u_low
    elif part == 'blur':
      x = twins.correlate(x, bell)
    elif part == 'noise':
      x = x + twins.gaussian(fields[..., :3], d['noise_sigma'] / 255, d['grey'])
    elif part == 'impulse':
      x = twins.impulse(x, fields[..., 3:], d['pepper'], d['salt'])
    else:
      x = twins.compress(x, d['quality'])
    x = np.clip(x, 0, 1)
  return twins.quantised(x)


@pytest.mark.parametrize('shuffle', [True, False])
def test_order(shuffle):
  made = degradations.make('mixed', scale=2, shuffle=shuffle, **ALL)
  drawn = jax.jit(made.draw)(KEYS)
  got = np.asarray(jax.jit(made.apply)(HR, drawn, KEYS))

  @jax.jit
  def ingredients(drawn, keys):
    fields = noise.fields(base.stream(keys, 1), (32, 32, 4), (16, 16, 4))
    return made._bells(drawn), fields

  bells, fields = ingredients(drawn, KEYS)
  bells, u, u_low = (np.asarray(x) for x in (bells, *fields))
  seen = set()
  for i in range(len(HR)):
    own = {name: float(value[i]) for name, value in drawn.items()}
    order = tuple(sorted(mixed.PARTS, key=lambda part: own[f'{part}_place']))
    seen.add(order)
    ingredient = (bells[i], u[i], u_low[i])
    want = in_order(made, HR[i] / 255, own, order, *ingredient)
    error = np.abs(got[i] - want) * 255
    assert np.quantile(error, 0.97) < 1.01, order
    other = in_order(made, HR[i] / 255, own, order[::-1], *ingredient)
    assert np.abs(got[i] - other).mean() > 4 * error.mean() / 255, order
  assert len(seen) > 3 if shuffle else seen == {mixed.PARTS}


def test_draws():
  made = degradations.make('mixed', scale=4)
  drawn = made.draw(jax.random.split(jax.random.key(0), 6000))
  places = np.stack([drawn[f'{part}_place'] for part in mixed.PARTS], 1)
  orders, counts = np.unique(places, axis=0, return_counts=True)
  assert {tuple(o) for o in orders} == set(itertools.permutations(range(5)))
  assert counts.min() > 20
  for part, share in (('blur', 0.7), ('noise', 0.5), ('impulse', 0.1), ('jpeg', 0.5)):
    assert float(drawn[part].mean()) == pytest.approx(share, abs=0.03)
  assert set(np.unique(drawn['down'])) == {0, 1, 2, 3}


def test_nothing_but_down_scaling():
  none = dict.fromkeys(ALL, 0.0)
  made = degradations.make('mixed', scale=2, down='bicubic', **none)
  got = jax.jit(made.apply)(HR[:1], jax.jit(made.draw)(KEYS[:1]), KEYS[:1])
  want = jnp.clip(resize.resize(HR[:1].astype(np.float32) / 255, 0.5), 0, 1)
  np.testing.assert_allclose(got, want, atol=0.51 / 255)
