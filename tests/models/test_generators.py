"""The contract that every generator keeps; a new file is found by itself."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.models import layers
from jsr.ops import resize
from tests.generators import SMALL

# The parameter count of the paper, at x4 and full size.
PAPER = {
  'anime4k': 0,
  'bicubic': 0,
  'drcn': 1_775_121,
  'edsr': 1_517_571,
  'espcn': 24_752,
  'mdsr': 3_227_203,
  'nearest': 0,
  'rrdb': 16_697_987,
  'rrim': 1_505_187,
  's3gan': 1_341_571,
  'srcnn': 8_129,
  'srgan_tl': 1_518_147,
  'srnet': 9_600_206,
  'srresnet': 1_548_547,
}
NAMES = models.generator_names()


@functools.cache
def built(name: str):
  model = models.build(name, scale=4, **SMALL.get(name, {}))
  channels = 3 if model.color == 'rgb' else 1
  lr = jax.random.uniform(jax.random.key(1), (2, 9, 12, channels))
  # XLA compiles these keys' generator six times as fast as the usual one.
  variables = jax.jit(model.init)(jax.random.key(0, impl='rbg'), lr)
  # Away from zero-initialised layers and unit statistics, where faults could hide.
  # NumPy: JAX would compile a generator for every shape.
  rng = np.random.default_rng(2)
  noisy = jax.tree.map(
    lambda v: v + 0.1 * rng.standard_normal(v.shape).astype(v.dtype), variables
  )
  apply = jax.jit(lambda v, x: model.apply(v, x))
  return model, noisy, lr, apply


def test_all_are_found():
  assert {'nearest', 'bicubic', 'compact', *PAPER} <= set(NAMES)
  assert 'layers' not in NAMES
  assert 'vgg' not in NAMES


@pytest.mark.parametrize('name', NAMES)
def test_shape_type_and_odd_sizes(name):
  model, variables, lr, apply = built(name)
  sr = apply(variables, lr)
  assert model.color in ('rgb', 'y')
  assert sr.shape == (2, 36, 48, lr.shape[-1])
  assert sr.dtype == jnp.float32
  assert bool(jnp.isfinite(sr).all())


@pytest.mark.parametrize('name', NAMES)
def test_examples_do_not_see_each_other(name):
  _, variables, lr, apply = built(name)
  both = apply(variables, lr)
  swapped = apply(variables, lr[::-1])
  np.testing.assert_allclose(both, swapped[::-1], rtol=0, atol=1e-5)


def used(model, name: str) -> bool:
  """Whether a call of the model reads what stands under a top-level name.

  A model with branches says in `belongs` which scale's branch a name belongs to.
  """
  if not hasattr(model, 'belongs'):
    return True
  return model.belongs(name) in (None, model.scale)


@pytest.mark.parametrize('name', NAMES)
def test_init_makes_parameters_and_statistics_only(name):
  """What a model shows to the losses is no state that a checkpoint would keep."""
  _, variables, _, _ = built(name)
  assert set(variables) <= {'params', 'batch_stats'}


@pytest.mark.parametrize('name', NAMES)
def test_gradients_reach_everything(name):
  model, variables, lr, _ = built(name)

  @jax.jit
  def gradients(params, rest, x):
    def total(params, x):
      sr, _ = model.apply({'params': params, **rest}, x, train=True, mutable=list(rest))
      return jnp.sum(jnp.sin(3 * sr))

    return jax.grad(total, argnums=(0, 1))(params, x)

  rest = {k: v for k, v in variables.items() if k != 'params'}
  of_params, of_lr = gradients(variables.get('params', {}), rest, lr)
  assert bool(jnp.isfinite(of_lr).all())
  assert float(jnp.abs(of_lr).max()) > 0
  for path, g in jax.tree_util.tree_leaves_with_path(of_params):
    assert bool(jnp.isfinite(g).all()), jax.tree_util.keystr(path)
    alive = float(jnp.abs(g).max()) > 0
    assert alive == used(model, path[0].key), f'{jax.tree_util.keystr(path)} is dead'


@pytest.mark.parametrize('name', NAMES)
def test_low_precision_keeps_parameters_and_result_in_float32(name):
  _, variables, lr, apply = built(name)
  low = models.build(name, scale=4, dtype=jnp.bfloat16, **SMALL.get(name, {}))
  shapes = jax.eval_shape(low.init, jax.random.key(0), lr)
  assert {x.dtype for x in jax.tree.leaves(shapes)} <= {jnp.dtype('float32')}
  sr = jax.jit(low.apply)(variables, lr)
  assert sr.dtype == jnp.float32
  scale = float(jnp.abs(apply(variables, lr)).max())
  np.testing.assert_allclose(sr, apply(variables, lr), atol=0.05 * scale)


@pytest.mark.parametrize('name', sorted(PAPER))
def test_parameter_count_of_the_paper(name):
  model = models.build(name, scale=4)
  lr = jnp.zeros((1, 8, 8, 3 if model.color == 'rgb' else 1))
  shapes = jax.eval_shape(model.init, jax.random.key(0), lr)
  assert models.parameter_count({'params': {}, **shapes}) == PAPER[name]


@pytest.mark.parametrize(('scale', 'count'), [(2, 1_400_771), (8, 1_696_323)])
def test_srresnet_counts_at_other_scales(scale, count):
  model = models.build('srresnet', scale=scale)
  shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  assert models.parameter_count(shapes) == count
  assert sum(x.size for x in jax.tree.leaves(shapes['batch_stats'])) == 4224


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_untrained_compact_is_bicubic(scale):
  lr = jax.random.uniform(jax.random.key(1), (1, 7, 9, 3))
  compact = models.build('compact', scale=scale, **SMALL['compact'])
  bicubic = models.build('bicubic', scale=scale)
  variables = compact.init(jax.random.key(0), lr)
  np.testing.assert_array_equal(compact.apply(variables, lr), bicubic.apply({}, lr))
  np.testing.assert_allclose(
    bicubic.apply({}, lr), resize.resize(lr, scale), rtol=0, atol=1e-6
  )


def test_names_that_do_not_exist():
  with pytest.raises(UserError, match="did you mean 'srresnet'"):
    models.build('srresnett')
  with pytest.raises(UserError, match="did you mean 'blocks'"):
    models.build('srresnet', block=3)
  with pytest.raises(UserError, match="did you mean 'SRGAN'"):
    models.build_discriminator('SRGAM')


def test_stages_of_scales():
  assert [layers.stages(s) for s in (1, 2, 3, 4, 8)] == [
    [],
    [2],
    [3],
    [2, 2],
    [2, 2, 2],
  ]
  with pytest.raises(UserError, match='neither 3 nor a power of two'):
    layers.stages(6)


def test_wrong_input_is_refused():
  model, variables, lr, _ = built('srresnet')
  with pytest.raises(ValueError, match='expected'):
    model.apply(variables, lr[..., :1])
  with pytest.raises(TypeError, match='floats'):
    model.apply(variables, jnp.zeros((1, 8, 8, 3), jnp.uint8))
