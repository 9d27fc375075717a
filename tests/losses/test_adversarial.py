"""Adversarial losses: closed forms, PyTorch's own, extremes, and many devices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jsr.errors import UserError
from jsr.losses import adversarial

NAMES = tuple(adversarial.ADVERSARIAL)
REAL = np.array([0.5, -1.0, 2.0, 3.0], np.float32)
FAKE = np.array([-0.5, 1.0, 0.25, -2.0], np.float32)


def softplus(x):
  return np.log1p(np.exp(x))


WANT = {
  'vanilla': (
    softplus(-REAL).mean() + softplus(FAKE).mean(),
    softplus(-FAKE).mean(),
  ),
  'relativistic': (
    (softplus(FAKE.mean() - REAL).mean() + softplus(FAKE - REAL.mean()).mean()) / 2,
    (softplus(REAL.mean() - FAKE).mean() + softplus(REAL - FAKE.mean()).mean()) / 2,
  ),
  # D: (.25 + 4 + 1 + 4) / 4 / 2 + (.25 + 1 + .0625 + 4) / 4 / 2
  'lsgan': (9.25 / 8 + 5.3125 / 8, (2.25 + 0 + 0.5625 + 9) / 8),
  # D: (.5 + 2 + 0 + 0) / 4 + (.5 + 2 + 1.25 + 0) / 4
  'hinge': (2.5 / 4 + 3.75 / 4, 1.25 / 4),
  'wgan-gp': (-1.25 / 4 - 4.5 / 4, 1.25 / 4),
}


@pytest.mark.parametrize('shape', [(4,), (1, 2, 2, 1)], ids=['logits', 'patches'])
@pytest.mark.parametrize('name', NAMES)
def test_closed_form(name, shape):
  game = adversarial.get(name)
  real, fake = jnp.array(REAL).reshape(shape), jnp.array(FAKE).reshape(shape)
  d = game.discriminator(real, fake, jnp.mean)
  g = game.generator(real, fake, jnp.mean)
  np.testing.assert_allclose((d, g), WANT[name], rtol=1e-6)
  assert d.dtype == g.dtype == jnp.float32
  assert d.shape == g.shape == ()


@pytest.mark.parametrize('name', NAMES)
def test_generator_looks_at_real_only_where_it_says_so(name):
  game = adversarial.get(name)
  grad = jax.grad(lambda r: game.generator(r, jnp.array(FAKE), jnp.mean))
  looks = bool(np.abs(grad(jnp.array(REAL))).max() > 0)
  assert looks == game.generator_needs_real
  assert (game.gradient_penalty > 0) == (name == 'wgan-gp')


def test_relativistic_equals_torch():
  torch = pytest.importorskip('torch')
  rng = np.random.default_rng(0)
  # Probabilities that saturate in float32 are among them.
  real, fake = 30 * rng.standard_normal((2, 16)).astype(np.float32)
  game = adversarial.get('relativistic')
  bce = torch.nn.BCEWithLogitsLoss()

  def torch_loss(r, f, real_target):
    ones = torch.full_like(r, real_target)
    return (bce(r - f.mean(), ones) + bce(f - r.mean(), 1 - ones)) / 2

  for loss, target in ((game.discriminator, 1.0), (game.generator, 0.0)):
    r = torch.tensor(real, requires_grad=True)
    f = torch.tensor(fake, requires_grad=True)
    want = torch_loss(r, f, target)
    want.backward()
    got, grads = jax.value_and_grad(
      lambda r, f, loss=loss: loss(r, f, jnp.mean), argnums=(0, 1)
    )(jnp.array(real), jnp.array(fake))
    np.testing.assert_allclose(got, want.item(), rtol=1e-6)
    np.testing.assert_allclose(grads[0], r.grad.numpy(), atol=1e-7)
    np.testing.assert_allclose(grads[1], f.grad.numpy(), atol=1e-7)


@pytest.mark.parametrize('name', NAMES)
def test_finite_at_extreme_logits(name):
  game = adversarial.get(name)
  real = jnp.array([1e4, -1e4, 1e4, -1e4])
  fake = jnp.array([1e4, 1e4, -1e4, -1e4])
  for loss in (game.discriminator, game.generator):
    value, grads = jax.value_and_grad(
      lambda r, f, loss=loss: loss(r, f, jnp.mean), argnums=(0, 1)
    )(real, fake)
    assert np.isfinite(value)
    assert np.isfinite(grads[0]).all()
    assert np.isfinite(grads[1]).all()


def test_vanilla_generator_still_learns_when_the_discriminator_wins():
  game = adversarial.get('vanilla')
  fake = jnp.array([-1e4, -50.0])
  grad = jax.grad(lambda f: game.generator(f, f, jnp.mean))(fake)
  np.testing.assert_allclose(grad, [-0.5, -0.5], rtol=1e-6)


@pytest.mark.parametrize('name', NAMES)
def test_devices_together_equal_one(name):
  game = adversarial.get(name)
  mesh = jax.make_mesh((4,), ('data',), axis_types=(AxisType.Auto,))
  rng = np.random.default_rng(1)
  x, y = rng.standard_normal((2, 8, 5)).astype(np.float32)
  y = y * np.arange(8, dtype=np.float32)[:, None]  # Devices see different things.
  w = rng.standard_normal(5).astype(np.float32)

  def total(w, x, y, mean):
    real, fake = x @ w, y @ w
    d = game.discriminator(real, fake, mean)
    return d + 3 * game.generator(real, fake, mean)

  def on_each(w, x, y):
    def mean(a):
      return jax.lax.pmean(jnp.mean(a), 'data')

    value, grad = jax.value_and_grad(total)(w, x, y, mean)
    return value, jax.lax.pmean(grad, 'data')

  want = jax.value_and_grad(functools.partial(total, mean=jnp.mean))(w, x, y)
  got = jax.jit(
    jax.shard_map(
      on_each,
      mesh=mesh,
      in_specs=(P(), P('data'), P('data')),
      out_specs=(P(), P()),
      check_vma=False,
    )
  )(w, x, y)
  np.testing.assert_allclose(got[0], want[0], rtol=1e-5)
  np.testing.assert_allclose(got[1], want[1], rtol=1e-5, atol=1e-6)


def test_gradient_penalty_of_a_linear_critic():
  rng = np.random.default_rng(2)
  real, fake = jnp.asarray(rng.random((2, 4, 3, 3, 2), np.float32))
  w = jnp.asarray(rng.standard_normal((3, 3, 2)), jnp.float32)
  keys = jax.random.split(jax.random.key(0), 4)

  def critic(x):
    return jnp.einsum('nhwc,hwc->n', x, w)

  got = adversarial.gradient_penalty(critic, real, fake, keys)
  want = (np.sqrt(np.sum(np.square(w))) - 1) ** 2
  np.testing.assert_allclose(got, want, rtol=1e-5)


def test_gradient_penalty_of_a_quadratic_critic_mixes_by_the_keys():
  real, fake = jnp.ones((4, 2, 2, 1)), jnp.zeros((4, 2, 2, 1))
  keys = jax.random.split(jax.random.key(7), 4)
  share = np.asarray(jax.vmap(jax.random.uniform)(keys))
  assert len(set(share.tolist())) == 4

  def critic(x):
    return 1.5 * jnp.sum(jnp.square(x), axis=(1, 2, 3))

  # At share s the gradient is 3 s in each of 4 pixels: norm 6 s.
  got = adversarial.gradient_penalty(critic, real, fake, keys)
  np.testing.assert_allclose(got, np.mean((6 * share - 1) ** 2), rtol=1e-5)
  one = [
    adversarial.gradient_penalty(critic, real[:1], fake[:1], keys[i : i + 1])
    for i in range(4)
  ]
  np.testing.assert_allclose(np.mean(one), got, rtol=1e-6)


def test_gradient_penalty_of_a_patch_critic_takes_its_mean():
  real = fake = jnp.zeros((2, 4, 4, 1))
  keys = jax.random.split(jax.random.key(0), 2)
  # Each of 16 patches passes its pixel times 8: norm of the mean's gradient is 2.
  got = adversarial.gradient_penalty(lambda x: 8 * x, real, fake, keys)
  np.testing.assert_allclose(got, 1.0, rtol=1e-6)


def test_gradient_penalty_of_a_flat_critic_has_a_finite_gradient():
  x = jnp.ones((2, 4, 4, 1))
  keys = jax.random.split(jax.random.key(0), 2)

  def penalty(w):
    return adversarial.gradient_penalty(lambda x: w * x[:, 0, 0, 0], x, x, keys)

  value, grad = jax.value_and_grad(penalty)(0.0)
  np.testing.assert_allclose(value, 1.0, rtol=1e-5)
  assert np.isfinite(grad)


def test_mistakes():
  with pytest.raises(UserError, match='wgan-gp'):
    adversarial.get('wgan')
  x = jnp.ones((2, 4, 4, 1))
  with pytest.raises(ValueError, match='2 random keys'):
    adversarial.gradient_penalty(lambda x: x, x, x, jax.random.key(0))
