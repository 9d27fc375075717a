"""Content losses from a config: weights that change, borders, recursions."""

import jax.numpy as jnp
import numpy as np
import pytest

from configs import default
from jsr.errors import UserError
from jsr.train import content, steps


def losses(**changes):
  c = default.get_config().losses
  for key, value in changes.items():
    c[key] = value
  return content.make_losses(c)[0]


def context(step=0, **outputs):
  return steps.Context(None, outputs, jnp.asarray(step, jnp.int32))


def test_border_is_not_looked_at():
  sr = jnp.zeros((1, 8, 8, 3))
  spoiled = sr.at[:, :2].set(9.0).at[:, :, -2:].set(9.0)
  loss = losses(border=2)['pixel'].fn
  assert float(loss(spoiled, sr, context())) == 0
  assert float(loss(spoiled.at[0, 2, 2, 0].set(1.0), sr, context())) == pytest.approx(
    1 / 48
  )


@pytest.mark.parametrize(('step', 'share'), [(0, 1.0), (5, 0.5), (10, 0.0), (99, 0.0)])
def test_recursions_fade_out(step, share):
  """Golden by hand: errors 1 and 3 of two recursions, 2 of their weighted sum."""
  made = losses(pixel='mse', recursion_steps=10)
  hr = jnp.zeros((1, 4, 4, 1))
  each = jnp.stack([hr + 1, hr + 3])
  c = context(step, recursions=each)
  assert float(made['recursions'].fn(hr + 2, hr, c)) == pytest.approx(share * 5.0)
  assert float(made['pixel'].fn(hr + 2, hr, c)) == pytest.approx((1 - share) * 4.0)


def test_recursions_of_a_network_without_any():
  made = losses(recursion_steps=10)
  x = np.zeros((1, 4, 4, 3), np.float32)
  with pytest.raises(UserError, match='such as drcn'):
    made['recursions'].fn(x, x, context())


def test_no_loss_at_all():
  with pytest.raises(UserError, match='no content loss'):
    losses(pixel_weight=0.0)
