"""The three networks in whose features LPIPS measures, as torchvision built them.

AlexNet ("one weird trick", not the grouped Caffe net), VGG-16 and SqueezeNet 1.1, each
cut after its last tapped ReLU. Convolutions are named by their place in torchvision's
`features`: '0', '3', ...; of a Fire block '3.squeeze', '3.expand1x1', '3.expand3x3'.

Source: torchvision's alexnet, vgg16 and squeezenet1_1; which activations are tapped:
Zhang et al. 2018, appendix, and the authors' `pretrained_networks.py`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jsr.errors import unknown
from jsr.types import Array, Params


class Conv(NamedTuple):
  """A convolution with ReLU."""

  name: str
  stride: int = 1
  padding: int = 0


class Fire(NamedTuple):
  """SqueezeNet's block: 1x1 down, then 1x1 beside 3x3, each with ReLU."""

  name: str


class Pool(NamedTuple):
  """Max pooling of stride 2; `ceil` keeps the window that hangs over the edge."""

  size: int
  ceil: bool = False


class Tap(NamedTuple):
  """The result so far is one of the features."""


Step = Conv | Fire | Pool | Tap


def _vgg16() -> list[Step]:
  steps: list[Step] = []
  place = 0
  for group, count in enumerate((2, 2, 3, 3, 3)):
    if group:
      steps.append(Pool(2))
      place += 1
    for _ in range(count):
      steps.append(Conv(str(place), padding=1))
      place += 2
    steps.append(Tap())
  return steps


NETS: Mapping[str, Sequence[Step]] = {
  'alex': [
    *(Conv('0', 4, 2), Tap(), Pool(3)),
    *(Conv('3', 1, 2), Tap(), Pool(3)),
    *(Conv('6', 1, 1), Tap(), Conv('8', 1, 1), Tap(), Conv('10', 1, 1), Tap()),
  ],
  'vgg': _vgg16(),
  'squeeze': [
    *(Conv('0', 2), Tap(), Pool(3, ceil=True)),
    *(Fire('3'), Fire('4'), Tap(), Pool(3, ceil=True)),
    *(Fire('6'), Fire('7'), Tap(), Pool(3, ceil=True)),
    *(Fire('9'), Tap(), Fire('10'), Tap(), Fire('11'), Tap(), Fire('12'), Tap()),
  ],
}
# The least height and width from which every feature has a pixel.
SMALLEST = {'alex': 31, 'vgg': 16, 'squeeze': 17}


def features(net: str, params: Params, images: Array) -> list[Array]:
  """Returns the tapped activations, from fine to coarse.

  Args:
    net: 'alex', 'vgg' or 'squeeze'.
    params: {'0': {'kernel': HWIO, 'bias': (O,)}, ...}.
    images: (N, H, W, 3), normalised as ImageNet's.

  Returns:
    5, 5 or 7 arrays (N, h, w, C) of images' dtype.

  Raises:
    UserError: Unknown net.
    ValueError: The images are too small for it.
  """
  if net not in NETS:
    raise unknown('LPIPS network', net, NETS)
  if min(images.shape[1:3]) < SMALLEST[net]:
    raise ValueError(
      f'an image of {images.shape[1]} x {images.shape[2]} is smaller than the'
      f' {SMALLEST[net]} x {SMALLEST[net]} pixels of LPIPS with {net}'
    )
  x, found = images, []
  for step in NETS[net]:
    if isinstance(step, Conv):
      x = _conv(params[step.name], x, step.stride, step.padding)
    elif isinstance(step, Fire):
      x = _conv(params[f'{step.name}.squeeze'], x)
      small = _conv(params[f'{step.name}.expand1x1'], x)
      large = _conv(params[f'{step.name}.expand3x3'], x, 1, 1)
      x = jnp.concatenate([small, large], axis=-1)
    elif isinstance(step, Pool):
      x = _max_pool(x, step.size, step.ceil)
    else:
      found.append(x)
  return found


def _conv(layer: Params, x: Array, stride: int = 1, padding: int = 0) -> Array:
  y = jax.lax.conv_general_dilated(
    x,
    jnp.asarray(layer['kernel'], x.dtype),
    (stride, stride),
    ((padding, padding), (padding, padding)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    # A GPU's TF32 would change the third digit.
    precision=jax.lax.Precision.HIGHEST,
  )
  return jax.nn.relu(y + jnp.asarray(layer['bias'], x.dtype).reshape(1, 1, 1, -1))


def _max_pool(x: Array, size: int, ceil: bool) -> Array:
  """Max pooling of stride 2 with PyTorch's two ways to end a row."""
  over = [(-(length - size) % 2 if ceil else 0) for length in x.shape[1:3]]
  return jax.lax.reduce_window(
    x,
    -jnp.inf,
    jax.lax.max,
    (1, size, size, 1),
    (1, 2, 2, 1),
    ((0, 0), (0, over[0]), (0, over[1]), (0, 0)),
  )
