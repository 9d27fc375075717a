"""What a layout is made of: rules from the tensors of a file to parameters of ours.

A layout never looks at values except where a rule says so: it states, for each of our
parameters, which tensors of which shapes it is made from. So everything that a file
lacks, has too much, or has in another shape can be told at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

Tensors = Mapping[str, np.ndarray]
Shape = tuple[int, ...]
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class Source(NamedTuple):
  """A tensor of the file.

  Attributes:
    name: In the file.
    shapes: Those it may have.
  """

  name: str
  shapes: tuple[Shape, ...]


class Rule(NamedTuple):
  """How one parameter of ours is made.

  Attributes:
    target: Its path, such as 'params/head/conv/kernel'.
    sources: The tensors it is made from.
    transform: From their arrays to the parameter.
  """

  target: str
  sources: tuple[Source, ...]
  transform: Callable[..., np.ndarray]


class Fixed(NamedTuple):
  """A tensor of the file that our network has built in.

  Attributes:
    name: In the file; it may be absent.
    value: What it has to be, to 1e-4 of its largest value.
  """

  name: str
  value: np.ndarray


class Plan(NamedTuple):
  """A layout for one file.

  Attributes:
    scale: The factor, or None where tensors do not tell it.
    args: Fields of the generator.
    rules: One for each parameter.
    fixed: Tensors that must have known values.
    ignored: Expressions for names of tensors that do not matter.
    note: An assumption that the user should know; '' for none.
  """

  scale: int | None
  args: dict[str, Any]
  rules: list[Rule]
  fixed: tuple[Fixed, ...] = ()
  ignored: tuple[str, ...] = ()
  note: str = ''


class Layout(NamedTuple):
  """How some program names and arranges the weights of a network.

  Attributes:
    generator: Name in `jsr.models`.
    title: Whose layout it is.
    plan: Makes the plan from the tensors; must cope with absent ones.
  """

  generator: str
  title: str
  plan: Callable[[Tensors], Plan]


class Stranger(NamedTuple):
  """A network that looks like one of ours and is another.

  Attributes:
    title: Its name.
    marks: Names of tensors that only it has together.
    why: What is different.
  """

  title: str
  marks: tuple[str, ...]
  why: str


def copy(x: np.ndarray) -> np.ndarray:
  """The tensor as it is."""
  return x


def flat(x: np.ndarray) -> np.ndarray:
  """The tensor as one row."""
  return x.reshape(-1)


def oihw(x: np.ndarray) -> np.ndarray:
  """A kernel (out, in, height, width) as (height, width, in, out)."""
  return x.transpose(2, 3, 1, 0)


def hwio(x: np.ndarray) -> np.ndarray:
  """A kernel that has our order already."""
  return x


def spread(features: int) -> Callable[[np.ndarray], np.ndarray]:
  """One value for all features, or one for each, as one for each."""
  return lambda x: np.broadcast_to(x.reshape(-1), (features,))


def minus(mean: np.ndarray, bias: np.ndarray) -> np.ndarray:
  """A running mean that takes the bias before batch norm with it.

  (x + bias) - mean = x - (mean - bias).
  """
  return mean - bias


def channel_slowest(factor: int) -> Callable[[np.ndarray], np.ndarray]:
  """Output channels from TensorFlow's order of depth-to-space to PyTorch's.

  The last axis goes from (dy * factor + dx) * C + c to c * factor^2 + dy * factor + dx.
  """

  def reorder(x: np.ndarray) -> np.ndarray:
    *rest, n = x.shape
    c = n // factor**2
    return x.reshape(*rest, factor**2, c).swapaxes(-1, -2).reshape(*rest, n)

  return reorder


def one(name: str, *shapes: Shape) -> tuple[Source, ...]:
  """The only source of a rule."""
  return (Source(name, shapes),)


def torch_conv(
  source: str, target: str, out: int, into: int, kernel: int = 3, *, bias: bool = True
) -> list[Rule]:
  """Rules of a PyTorch convolution for a `layers.Conv`.

  Args:
    source: Its name, to which '.weight' and '.bias' belong.
    target: Path of the `layers.Conv` below 'params'.
    out: Output channels.
    into: Input channels.
    kernel: Its side.
    bias: Whether there is one.
  """
  shape = (out, into, kernel, kernel)
  rules = [
    Rule(f'params/{target}/conv/kernel', one(f'{source}.weight', shape), oihw),
  ]
  if bias:
    rules.append(
      Rule(f'params/{target}/conv/bias', one(f'{source}.bias', (out,)), copy)
    )
  return rules


def largest(tensors: Tensors, pattern: str) -> int:
  """One more than the largest number that an expression's group finds, or 0.

  A gap in the middle still counts, so that it can be told. No file has more layers than
  tensors: a number beyond that is a fault, and its tensor will be unexpected.
  """
  found = (re.fullmatch(pattern, name) for name in tensors)
  numbers = (int(match[1]) for match in found if match)
  return 1 + max((n for n in numbers if n < len(tensors)), default=-1)


def side(tensors: Tensors, axis: int, names: Iterable[str], default: int) -> int:
  """Length along an axis of the first of some tensors that is there and has one."""
  for name in names:
    if name in tensors and tensors[name].ndim > axis and tensors[name].shape[axis]:
      return tensors[name].shape[axis]
  return default


def outputs(tensors: Tensors, names: Iterable[str]) -> list[int]:
  """Lengths of those of some biases that are there."""
  return [tensors[n].size for n in names if n in tensors and tensors[n].ndim == 1]


def keras_layers(tensors: Tensors, *parts: str) -> list[str]:
  """Names of the Keras layers that have any of some weights, in the file's order.

  Keras numbers layers anew in each process, so their order is what counts.
  """
  split = (name.rpartition('/') for name in tensors)
  return list(dict.fromkeys(layer for layer, _, part in split if part in parts))
