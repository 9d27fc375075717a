"""PyTorch twins whose modules are named as Flax names them.

`variables` then needs no table: the path of a module is the path of its parameters.
"""

import jax
import numpy as np

from tests.models import twins
from tests.models.twins import torch

nn = torch.nn


class Conv(nn.Module):
  """layers.Conv."""

  def __init__(self, before, after, kernel=3, stride=1, bias=True):
    super().__init__()
    self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=bias)

  def forward(self, x):
    return self.conv(x)


class Same(nn.Conv2d):
  """A convolution that pads as TensorFlow does: the odd pixel at bottom and right."""

  def forward(self, x):
    pads = []
    for size, kernel, stride in zip(
      x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
    ):
      total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
      pads += [total // 2, total - total // 2]
    return super().forward(nn.functional.pad(x, pads))


class Up(nn.ConvTranspose2d):
  """Keras' transposed convolution, 3x3 and stride 2: the gradient of `Same`."""

  def __init__(self, before, after):
    super().__init__(before, after, 3, 2)

  def forward(self, x):
    return super().forward(x)[:, :, :-1, :-1]


def _module(m):
  """(parameters, statistics) that a module holds itself."""
  if hasattr(m, 'weight_orig'):  # Spectral norm; ours has kernel and v in HWIO order.
    _, i, h, w = m.weight_orig.shape
    v = m.weight_v.reshape(i, h, w).permute(1, 2, 0).flatten()
    kernel = m.weight_orig.detach().numpy().transpose(2, 3, 1, 0)
    u, v = (x.numpy().copy() for x in (m.weight_u, v))
    return {'kernel': kernel}, {'singular': {'u': u, 'v': v}}
  if isinstance(m, nn.ConvTranspose2d):
    kernel = m.weight.detach().numpy().transpose(2, 3, 1, 0)
    return {'kernel': kernel, 'bias': m.bias.detach().numpy()}, {}
  if isinstance(m, nn.Conv2d):
    return twins.flat_conv(m), {}
  if isinstance(m, nn.BatchNorm2d):
    return twins.bn(m), twins.stats(m)
  if isinstance(m, nn.PReLU):
    return twins.prelu(m), {}
  if isinstance(m, nn.Linear):
    return twins.dense(m), {}
  own = m.named_parameters(recurse=False)
  return {name: value.detach().numpy() for name, value in own}, {}


def variables(twin, model, image):
  """Returns the twin's weights as the Flax model's variables, of the same structure."""
  got = {'params': {}, 'batch_stats': {}}
  for path, module in twin.named_modules():
    for collection, values in zip(got, _module(module), strict=True):
      node = got[collection]
      for name in path.split('.') if values and path else ():
        node = node.setdefault(name, {})
      node.update(values)
  got = {name: tree for name, tree in got.items() if tree}
  want = jax.eval_shape(model.init, jax.random.key(0), image)
  assert jax.tree.map(lambda x: x.shape, got) == jax.tree.map(lambda x: x.shape, want)
  return got


def filled(model, image):
  """Returns random variables of a Flax model, without compiling its initialisation."""
  rng = np.random.default_rng(0)

  def value(path, leaf):
    name = path[-1].key
    x = rng.standard_normal(leaf.shape).astype('f')
    if name in ('u', 'v'):
      return x / np.linalg.norm(x)
    if name == 'kernel':  # He's deviation.
      return x * np.float32(np.sqrt(2 / max(x.size // x.shape[-1], 1)))
    return np.abs(x) + 0.5 if name in ('var', 'scale') else 0.1 * x

  shapes = jax.eval_shape(model.init, jax.random.key(0), image)
  return jax.tree_util.tree_map_with_path(value, shapes)


def compare(model, twin, image, *, train, enlarge=None, parameters=False):
  """Compares outputs and input gradients; see `twins.compare`.

  Returns:
    (largest relative error, statistics that a training pass changed, gradients of our
    parameters where asked for).
  """
  error, changed, gradients = twins.compare(
    model,
    variables(twin, model, image),
    twin,
    image,
    train=train,
    enlarge=enlarge,
    parameters=parameters,
  )
  return error, changed.get('batch_stats'), gradients
