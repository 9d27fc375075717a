"""The contract of discriminators."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.losses import adversarial
from jsr.models.discriminators import unet
from jsr.train import recipe
from tests.models import mirror
from tests.train import small

NAMES = models.discriminator_names()
SMALL = {
  'Inception': {'features': 16, 'hidden': 8},
  'TensorLayer': {'features': 2},
  'UNetSN': {'features': 4},
}
# Those that judge every pixel.
MAPS = ('UNetSN',)
ANY_SIZE = ('SRGANPool', 'UNetSN')


@functools.cache
def built(name: str, **changes):
  args = {**SMALL.get(name, {'features': 4, 'hidden': 8}), **changes}
  model = models.build_discriminator(name, **args)
  image = np.random.default_rng(1).random((3, 64, 64, 3), 'f')
  return model, mirror.filled(model, image), image


def sizes(model, size):
  """(trainable parameters, running statistics)."""
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, *size, 3)))
  statistics = jax.tree.leaves(shapes.get('batch_stats', {}))
  return models.parameter_count(shapes), sum(x.size for x in statistics)


def test_all_are_found():
  assert NAMES == [
    'Inception',
    'S3GAN',
    'SRGAN',
    'SRGANPool',
    'TensorLayer',
    'UNetSN',
    'VGG128',
  ]


@pytest.mark.parametrize('name', NAMES)
def test_logits(name):
  model, variables, image = built(name)
  logits, changed = jax.jit(
    lambda v, x: model.apply(v, x, train=True, mutable=['batch_stats'])
  )(variables, image)
  assert logits.shape == ((3, 64, 64, 1) if name in MAPS else (3,))
  assert logits.dtype == jnp.float32
  before, after = variables['batch_stats'], changed['batch_stats']
  moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), before, after)
  assert min(jax.tree.leaves(moved)) > 0
  # In use, an example's logit is its own.
  apply = jax.jit(model.apply)
  want = apply(variables, image)
  swapped = apply(variables, image[::-1])[::-1]
  np.testing.assert_allclose(swapped, want, atol=1e-5 * float(jnp.abs(want).max()))


@pytest.mark.parametrize('name', NAMES)
def test_low_precision_keeps_parameters_and_logits_in_float32(name):
  _, variables, image = built(name)
  model = models.build_discriminator(
    name, dtype=jnp.bfloat16, **SMALL.get(name, {'features': 4, 'hidden': 8})
  )
  made = jax.eval_shape(model.init, jax.random.key(0), image)
  assert {x.dtype for x in jax.tree.leaves(made)} == {jnp.dtype('float32')}
  traced = jax.make_jaxpr(model.apply)(variables, image)
  assert {x.dtype for x in traced.out_avals} == {jnp.dtype('float32')}
  convolutions = [e for e in traced.eqns if e.primitive.name == 'conv_general_dilated']
  assert convolutions
  assert {e.outvars[0].aval.dtype for e in convolutions} == {jnp.dtype('bfloat16')}


@pytest.mark.parametrize('name', [n for n in NAMES if n not in MAPS])
def test_without_batch_norm_nothing_is_mixed(name):
  args = SMALL.get(name, {'features': 4, 'hidden': 8})
  model = models.build_discriminator(name, batch_norm=False, **args)
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
  assert set(shapes) == {'params'}


@pytest.mark.parametrize(
  ('name', 'args', 'size', 'count', 'statistics'),
  [
    ('SRGAN', {}, 96, 23_563_649, 3_712),
    ('SRGAN', {}, 128, 38_243_713, 3_712),
    ('SRGAN', {}, 384, 306_679_169, 3_712),
    ('SRGAN', {'norm_first': True}, 96, 23_563_713, 3_840),
    ('TensorLayer', {}, 384, 48_153_921, 12_544),
    ('TensorLayer', {}, 256, 48_143_681, 12_544),
    ('TensorLayer', {}, 128, 48_137_537, 12_544),
    ('S3GAN', {}, 128, 17_953_377, 1_856),
    ('VGG128', {}, 128, 14_499_401, 5_760),
    # Singular vectors: outputs and inputs of eight kernels.
    ('UNetSN', {}, 128, 4_376_897, 17_856),
    ('Inception', {}, 96, 22_415_753, 3_712),
  ],
)
def test_counts(name, args, size, count, statistics):
  model = models.build_discriminator(name, **args)
  assert sizes(model, (size, size)) == (count, statistics)


@pytest.mark.parametrize('size', [(96, 96), (128, 128), (100, 140)])
@pytest.mark.parametrize('name', NAMES)
def test_any_size(name, size):
  pooled = {} if name in ANY_SIZE else {'pool': True}
  model, variables, _ = built(name, **pooled)
  images = jnp.zeros((2, *size, 3))
  # Tracing meets every shape; two are computed too.
  if name in ANY_SIZE:
    logits = jax.jit(model.apply)(variables, images)
    assert bool(jnp.isfinite(logits).all())
  else:
    logits = jax.eval_shape(model.apply, variables, images)
  assert logits.shape == ((2, *size, 1) if name in MAPS else (2,))


@pytest.mark.parametrize('name', [n for n in NAMES if n not in ANY_SIZE])
def test_a_fixed_size_is_told_in_words(name):
  model, variables, _ = built(name)
  images = jnp.zeros((1, 128, 192, 3))
  with pytest.raises(UserError, match=rf'{name} is bound .* 128 x 192 is another'):
    jax.eval_shape(model.apply, variables, images)


def test_spectral_norm_is_one():
  """Against the singular values themselves, when the vectors have settled."""
  conv = unet._SpectralConv(6, 3, 1, None)
  x = jax.random.normal(jax.random.key(0), (1, 8, 8, 5))
  variables = jax.jit(conv.init, static_argnames='train')(
    jax.random.key(1), x, train=False
  )
  update = jax.jit(lambda v, x: conv.apply(v, x, train=True, mutable=['batch_stats']))
  for _ in range(60):
    _, changed = update(variables, x)
    variables = {**variables, **changed}
  kernel = np.asarray(variables['params']['kernel'])
  norm = np.linalg.svd(kernel.reshape(-1, 6), compute_uv=False)[0]
  want = jax.lax.conv_general_dilated(
    x, kernel / norm, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  got = conv.apply(variables, x, train=False)
  np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize('game', sorted(adversarial.ADVERSARIAL))
def test_games_take_maps_of_logits(game):
  """A map's loss is the loss of its pixels as examples of their own."""
  rng = np.random.default_rng(0)
  real, fake = rng.standard_normal((2, 2, 4, 4, 1)).astype('f')
  play = adversarial.get(game)
  for loss in (play.discriminator, play.generator):
    got = loss(real, fake, jnp.mean)
    np.testing.assert_allclose(
      got, loss(real.ravel(), fake.ravel(), jnp.mean), rtol=1e-6
    )
    assert got.shape == ()


def test_training_carries_singular_vectors():
  """Two GAN steps: maps of logits train, and the vectors follow the kernels."""
  config = small.config(
    generator__name='compact',
    generator__args={'blocks': 1, 'features': 4},
    discriminator__name='UNetSN',
    discriminator__args={'features': 2},
    losses__adversarial='relativistic',
  )
  plan = recipe.make(config)
  state = plan.init(jax.random.key(0))
  step = jax.jit(plan.make_step(axis_name=None))
  hr = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
  batch = {'hr': hr, 'index': np.arange(2, dtype=np.int32)}
  seen = []
  for _ in range(2):
    variables = state.discriminator.variables
    seen.append(np.asarray(variables['batch_stats']['conv4']['singular']['u']))
    state, metrics = step(state, batch, jax.random.key(1))
    assert float(metrics['skipped']) == 0
  assert np.abs(seen[1] - seen[0]).max() > 0
  np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1, rtol=1e-5)
