"""Runs trained together are the runs that the loop trains alone."""

import jax
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.evaluate import conversion
from jsr.experiments.doe import choice, together
from jsr.models import srnet
from jsr.train import loop, optim, settings
from tests.conftest import ROOT

RUNS = (('rmsprop', 1e-2, 0), ('adam', 1e-3, 1))


def config(optimizer, learning_rate, seed, *, name='espcn', **more):
  changes = {
    'optim.generator.name': optimizer,
    'optim.generator.learning_rate': learning_rate,
    'optim.generator.b2': 0.9,
    'optim.ema_decay': 0.0,
    'seed': seed,
    'data.batch_size': 2,
    'data.verify': False,
    'train.max_steps': 2,
    'eval.sets': '()',
    'checkpoint.best_metric': '',
    'log.progress': False,
    **more,
  }
  words = [f'--config.{key}={value}' for key, value in changes.items()]
  return settings.load(f'{ROOT}/configs/{name}.py:smoke', words)


@pytest.fixture(scope='module')
def data():
  return together.load(config(*RUNS[0]))


@pytest.mark.usefixtures('one_device')
def test_each_run_is_the_same_as_alone(tmp_path, data):
  """With a network that compiles quickly; of SR-NET only the activation is more."""
  configs = [config(*run) for run in RUNS]
  assert together.groups(configs) == [[0, 1]]
  group = together.Group(configs, data)
  in_turn = dict(group.train(vmapped=False))
  side_by_side = dict(group.train(vmapped=True))
  for i, run in enumerate(configs):
    loop.train(run, tmp_path / str(i))
    alone = conversion.read_workdir(tmp_path / str(i), 'latest').variables
    for trained in (in_turn[i], side_by_side[i]):
      jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5),
        dict(trained.variables),
        dict(alone),
      )
      assert trained.losses.shape == (2,)
      assert trained.skipped == 0
    # It is no comparison of two that stood still.
    first = group.first_state(i).generator.variables['params']
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), first, alone['params'])
    assert max(jax.tree.leaves(moved)) > 5e-4


def test_an_activation_is_told():
  images = np.linspace(-2, 2, 5, dtype='f')
  names = ('tanh', 'sigmoid', 'relu')
  functions = [srnet.ACTIVATIONS[name] for name in names]
  for i, function in enumerate(functions):
    chosen = choice.activation(functions, np.int32(i))
    np.testing.assert_allclose(chosen(images), function(images))
  runs = [
    config('adam', 1e-3, 0, name='srnet', **{'generator.args.activation': name})
    for name in names
  ]
  group = together.Group(runs, None)
  assert [int(group.told(i).activation) for i in range(3)] == [2, 1, 0]
  # In the order of their names, which no other start changes.
  again = together.Group(runs[:1], None, among=runs)
  assert int(again.told(0).activation) == 2


def test_what_a_program_cannot_be_told():
  one = config(*RUNS[0])
  other = config(*RUNS[1], **{'data.patch_size': 64})
  assert together.groups([one, other, one]) == [[0, 2], [1]]
  with pytest.raises(ValueError, match='part of their program'):
    together.Group([one, other], None)
  with pytest.raises(UserError, match="did you mean 'vmap'"):
    together.side_by_side('vmaps')
  assert not together.side_by_side('auto')
  assert together.side_by_side('vmap')


def test_optimizers_share_their_state():
  """Each steps as it does alone, and Adam's two copies are room enough for all."""
  rules = []
  for name in ('adadelta', 'adagrad', 'adam', 'rmsprop'):
    rule = config(*RUNS[0], name='srnet').optim.generator
    rule.name, rule.learning_rate = name, 1.0
    rules.append(rule)
  txs = [optim.make_optimizer(rule, 5) for rule in rules]
  params = {'a': np.linspace(1, 2, 6, dtype='f').reshape(2, 3), 'b': np.ones(2, 'f')}
  shared = choice.Optimizers(txs, params)
  update = jax.jit(
    lambda i, g, s: shared.chosen(i, np.float32(0.1)).update(g, s, params)
  )
  for i, tx in enumerate(txs):
    state = tx.init(params)
    slots = shared.pack(i, state)
    assert sum(slot.shape == (2, 3) for slot in slots) == 2
    for grads in (params, jax.tree.map(np.negative, params)):
      want, state = tx.update(grads, state, params)
      got, slots = update(i, grads, slots)
      jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, 0.1 * b, rtol=1e-5), got, want
      )
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
      shared.unpack(i, slots),
      state,
    )
