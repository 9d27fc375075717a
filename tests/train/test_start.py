"""Starting from another run's generator, wholly or but for some modules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.train import recipe, start
from tests.train import small

pytestmark = pytest.mark.usefixtures('one_device')


def state(scale: int = 4):
  plan = recipe.make(small.config(gan=False, scale=scale))
  return jax.jit(plan.init)(jax.random.key(scale))


def test_everything_is_taken():
  fresh, other = state(), state(2)
  variables = jax.tree.map(lambda x: x + 1, fresh.generator.variables)
  got = start.start_from(fresh, variables)
  for a, b in zip(
    jax.tree.leaves(got.generator.variables), jax.tree.leaves(variables), strict=True
  ):
    np.testing.assert_array_equal(a, b)
  np.testing.assert_array_equal(
    got.ema['head']['conv']['kernel'], variables['params']['head']['conv']['kernel']
  )
  with pytest.raises(UserError, match='init_skip'):
    start.start_from(fresh, other.generator.variables)


def test_skipped_modules_stay_fresh():
  """EDSR's way from x2 to x4: the body is taken, the tail starts afresh."""
  fresh, other = state(4), state(2)
  variables = jax.tree.map(lambda x: x + 1, other.generator.variables)
  skip = ('up0', 'up0_prelu', 'up1', 'up1_prelu', 'tail')
  got = start.start_from(fresh, variables, skip).generator.variables
  for name, tree in got['params'].items():
    source = fresh.generator.variables if name in skip else variables
    want = source['params'][name]
    jax.tree.map(np.testing.assert_array_equal, tree, want)
  jax.tree.map(
    np.testing.assert_array_equal, got['batch_stats'], variables['batch_stats']
  )


def test_a_module_that_does_not_exist():
  fresh = state()
  with pytest.raises(UserError, match="did you mean 'tail'"):
    start.start_from(fresh, fresh.generator.variables, ('tial',))


def test_another_scale_needs_modules_that_start_afresh(tmp_path):
  from jsr.train import loop

  config = small.config(gan=False, scale=2, train__max_steps=1, eval__every=0)
  loop.train(config, tmp_path / 'x2')
  again = small.config(gan=False, train__max_steps=1, init_from=str(tmp_path / 'x2'))
  with pytest.raises(UserError, match='init_skip'):
    loop.train(again, tmp_path / 'x4')
  again.init_skip = ('up0', 'up0_prelu', 'up1', 'up1_prelu', 'tail')
  assert loop.train(again, tmp_path / 'x4')['step'] == 1


def test_a_model_file_is_a_start(tmp_path):
  from jsr.train import loop
  from jsr.weights import model_file

  variables = jax.tree.map(
    lambda x: jnp.full_like(x, 0.01), state().generator.variables
  )
  path = tmp_path / 'one.safetensors'
  model_file.save(
    path,
    generator='srresnet',
    scale=4,
    args={'blocks': 1, 'features': 8},
    variables=variables,
  )
  config = small.config(
    gan=False,
    init_from=str(path),
    train__max_steps=1,
    optim__generator__learning_rate=0.0,
    optim__ema_decay=0.0,
  )
  loop.train(config, tmp_path / 'run')
  from jsr.train import checkpoint

  _, got = checkpoint.load_variables(tmp_path / 'run', best_metric='')
  jax.tree.map(np.testing.assert_array_equal, got['params'], variables['params'])


def test_equal_shapes_are_not_enough(tmp_path):
  """EDSR from Keras reads numbers 127 times as small."""
  mine, theirs = (
    models.build('edsr', scale=2, blocks=1, internal_range=r) for r in (255.0, 2.0)
  )
  start.check_same(mine, mine.clone(scale=4, remat=True), tmp_path)
  with pytest.raises(UserError, match=r'internal_range is 2\.0'):
    start.check_same(mine, theirs, tmp_path)
  with pytest.raises(UserError, match='a generator edsr, this run trains compact'):
    start.check_same(models.build('compact', scale=2), theirs, tmp_path)
