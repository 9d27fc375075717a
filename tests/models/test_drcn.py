"""DRCN against a PyTorch twin, written out and scanned, and what it shows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.ops import resize
from tests.models import twins
from tests.models.twins import torch

nn = torch.nn
SMALL = {'scale': 2, 'features': 6, 'recursions': 3}
PORT = {
  'skip': 'concat',
  'reconstruction_relu': True,
  'normalise_weights': True,
  'input_range': 255.0,
}


class DRCN(nn.Module):
  """The paper's network, or the public port's."""

  def __init__(self, f, recursions, port):
    super().__init__()
    self.port = port
    sizes = ((1, f), (f, f), (f, f), (f, f), (f + port, 1))
    self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in sizes)
    self.weights = nn.Parameter(torch.empty(recursions))

  def forward(self, x):
    embed0, embed1, inference, reconstruct0, reconstruct1 = self.convs
    x = 255 * x if self.port else x
    h = torch.relu(embed1(torch.relu(embed0(x))))
    result = 0
    for w in self.weights:
      h = torch.relu(inference(h))
      y = torch.relu(reconstruct0(h))
      if self.port:
        y = torch.relu(reconstruct1(torch.cat([y, x], 1)))
      else:
        y = reconstruct1(y) + x
      result = result + w * y
    return result / self.weights.sum() / 255 if self.port else result


def variables(twin):
  embed0, embed1, inference, reconstruct0, reconstruct1 = map(twins.conv, twin.convs)
  recursion = {
    'inference': inference,
    'reconstruct0': reconstruct0,
    'reconstruct1': reconstruct1,
  }
  return {
    'params': {
      'embed0': embed0,
      'embed1': embed1,
      'recursion': recursion,
      'weights': twin.weights.detach().numpy(),
    }
  }


@pytest.mark.parametrize('size', [(4, 6), (5, 3)])
@pytest.mark.parametrize('unroll', [True, False])
@pytest.mark.parametrize('port', [True, False])
def test_twin(port, unroll, size):
  """Outputs and all gradients, whether XLA sees the recursions or a loop."""
  twin = twins.randomise(DRCN(6, 3, port), 0.2)
  model = models.build('drcn', **SMALL, **(PORT if port else {}), unroll=unroll)
  image = np.random.default_rng(0).random((2, *size, 1), 'f')
  error, _, of_params = twins.compare(
    model,
    variables(twin),
    twin,
    image,
    train=True,
    enlarge=lambda x: resize.resize(x, 2),
    parameters=True,
  )
  assert error < 2e-5
  want = variables(twins.gradients(twin))['params']
  assert twins.tree_error(of_params, want) < 2e-5


def test_both_forms_start_alike():
  image = np.zeros((1, 3, 3, 1), 'f')
  written, scanned = (
    jax.jit(models.build('drcn', **SMALL, unroll=u).init)(
      jax.random.key(0, impl='rbg'), image
    )
    for u in (True, False)
  )
  assert jax.tree.structure(written) == jax.tree.structure(scanned)
  jax.tree.map(np.testing.assert_array_equal, written, scanned)
  params = written['params']
  np.testing.assert_allclose(params['weights'], 1 / 3)
  kernel = params['recursion']['inference']['conv']['kernel']
  assert kernel.sum() == 6
  np.testing.assert_array_equal(kernel[1, 1], np.eye(6))


@pytest.mark.parametrize('unroll', [True, False])
def test_shows_every_prediction(unroll):
  model = models.build('drcn', **SMALL, unroll=unroll, normalise_weights=True)
  image = np.random.default_rng(0).random((2, 3, 4, 1), 'f')
  start = jax.jit(model.init)(jax.random.key(0, impl='rbg'), image)
  start['params']['weights'] = jnp.array([1.0, 2.0, 5.0])
  out, shown = jax.jit(lambda v: model.apply(v, image, mutable=['outputs']))(start)
  ((predictions,),) = shown['outputs'].values()
  assert predictions.shape == (3, 2, 6, 8, 1)
  assert predictions.dtype == jnp.float32
  want = np.tensordot([0.125, 0.25, 0.625], predictions, 1)
  np.testing.assert_allclose(out, want, atol=1e-6)
  # The start: each recursion keeps the state, so each predicts the same.
  np.testing.assert_allclose(predictions[0], predictions[2], atol=1e-6)


@pytest.mark.parametrize('unroll', [True, False])
def test_recomputing_keeps_less(unroll):
  image = np.zeros((1, 8, 8, 1), 'f')
  kept = {}
  for remat in (True, False):
    model = models.build('drcn', scale=2, features=8, unroll=unroll, remat=remat)
    start = jax.eval_shape(model.init, jax.random.key(0), image)
    kept[remat] = twins.residuals(model, start, image)
  # Sixteen recursions keep their state, and their reconstruction no more.
  assert kept[True] < 0.6 * kept[False]


def test_count_of_the_public_file():
  model = models.build('drcn', features=96, recursions=9, **PORT)
  assert twins.count(model) == 250_963


def test_wrong_skip():
  with pytest.raises(UserError, match="did you mean 'concat'"):
    models.build('drcn', skip='concatenate').init(
      jax.random.key(0), np.zeros((1, 4, 4, 1), 'f')
    )
