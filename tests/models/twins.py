"""PyTorch twins: the same weights in both frameworks must give the same numbers.

A test file writes its network a second time in PyTorch, fills it with `randomise`,
turns its modules into a Flax tree with the functions below, and calls `compare`.
"""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models

torch = pytest.importorskip('torch')


def randomise(twin, scale=0.1):
  """Fills parameters and running statistics with noise, the same in every run."""
  generator = torch.Generator().manual_seed(0)
  for name, value in twin.state_dict().items():
    if value.dtype.is_floating_point:
      noise = torch.randn(value.shape, generator=generator) * scale
      value.copy_(noise.abs() + 0.5 if name.endswith('running_var') else noise)
  return twin


def flat_conv(m):
  """Of a bare nn.Conv of Flax."""
  tree = {'kernel': m.weight.detach().numpy().transpose(2, 3, 1, 0)}
  if m.bias is not None:
    tree['bias'] = m.bias.detach().numpy()
  return tree


def conv(m):
  """Of layers.Conv."""
  return {'conv': flat_conv(m)}


def up(m):
  """Of layers.ShuffleUp."""
  return {'conv': conv(m)}


def bn(m):
  return {'scale': m.weight.detach().numpy(), 'bias': m.bias.detach().numpy()}


def stats(m):
  # Copies: the twin changes its own in training mode.
  return {'mean': m.running_mean.numpy().copy(), 'var': m.running_var.numpy().copy()}


def prelu(m):
  return {'slope': m.weight.detach().numpy()}


def dense(m):
  return {'kernel': m.weight.detach().numpy().T, 'bias': m.bias.detach().numpy()}


def gradients(twin):
  """A copy of the twin that holds the gradients in place of the parameters.

  The function that makes a Flax tree of a twin makes the tree of its gradients of it.
  """
  result = copy.deepcopy(twin)
  for to, source in zip(result.parameters(), twin.parameters(), strict=True):
    to.data = source.grad
  return result


def to_torch(image):
  """NHWC NumPy to an NCHW tensor that collects gradients."""
  return torch.tensor(np.asarray(image).transpose(0, 3, 1, 2), requires_grad=True)


def to_numpy(x):
  """NCHW tensor to NHWC NumPy; other ranks as they are."""
  x = x.detach().numpy()
  return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def relative_error(got, want):
  """Largest absolute difference over the largest absolute value wanted."""
  got, want = np.asarray(got), np.asarray(want)
  assert got.shape == want.shape
  return float(np.abs(got - want).max() / np.abs(want).max())


def tree_error(got, want):
  """Largest `relative_error` over the leaves; the trees must be alike."""
  assert jax.tree.structure(got) == jax.tree.structure(want)
  return max(jax.tree.leaves(jax.tree.map(relative_error, got, want)))


def residuals(model, variables, image):
  """How many numbers the backward pass of a model keeps of the forward pass."""

  def backward(variables):
    return jax.vjp(lambda v: model.apply(v, image), variables)[1]

  return sum(x.size for x in jax.tree.leaves(jax.eval_shape(backward, variables)))


def count(model):
  """Counts a generator's parameters without making them."""
  image = jnp.zeros((1, 8, 8, 3 if model.color == 'rgb' else 1))
  return models.parameter_count(jax.eval_shape(model.init, jax.random.key(0), image))


def compare(model, variables, twin, image, *, train, enlarge=None, parameters=False):
  """Compares outputs and the gradients of sum(sin(output)).

  Args:
    model: The Flax module.
    variables: The twin's weights as its variables.
    twin: The PyTorch module.
    image: (N, H, W, C) float32.
    train: Training mode of both.
    enlarge: For networks that enlarge their input themselves: a function from `image`
      to what the twin reads, or None. Input gradients are taken through it.

  Returns:
    (largest relative error of outputs and input gradients, changed collections,
    gradients of our parameters or None).
  """
  twin.train(train)
  seen, back = (image, None) if enlarge is None else jax.vjp(enlarge, image)
  x = to_torch(seen)
  want = twin(x)
  torch.sin(want).sum().backward()
  want_gradient = to_numpy(x.grad)
  if back is not None:
    (want_gradient,) = back(jnp.asarray(want_gradient))
  rest = {k: v for k, v in variables.items() if k != 'params'}

  @jax.jit
  def ours(params, image):
    def total(params, image):
      out, changed = model.apply(
        {'params': params, **rest}, image, train=train, mutable=['batch_stats']
      )
      return jnp.sum(jnp.sin(out)), (out, changed)

    which = (1, 0) if parameters else (1,)
    return jax.grad(total, argnums=which, has_aux=True)(params, image)

  (of_image, *of_params), (out, changed) = ours(variables['params'], image)
  error = max(
    relative_error(out, to_numpy(want)), relative_error(of_image, want_gradient)
  )
  return error, changed, of_params[0] if parameters else None
