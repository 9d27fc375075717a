"""An ONNX graph under construction: values with their layout, dimensions, nodes.

JAX's networks are NHWC, ONNX's convolutions NCHW. A value remembers which of its axes
stands where, and is transposed only where something asks for another order, which in a
network of convolutions is nowhere. A value that was broadcast stays small as long as
operators broadcast by themselves.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jsr.upscale import onnx_trace
from jsr.upscale.onnx_trace import Slot

NCHW = (0, 3, 1, 2)
OPSET = 17


@dataclasses.dataclass(frozen=True)
class Value:
  """An array of the traced function.

  Attributes:
    data: The tensor's name, or the array itself where it is constant.
    shape: As the function has it.
    axes: Which of the function's axes stands at each place of the tensor.
    dims: What the tensor really has, by the function's axes: 1 in place of a dimension
      that it was broadcast to.
    dtype: Of the function's array.
  """

  data: str | np.ndarray
  shape: tuple[Any, ...]
  axes: tuple[int, ...]
  dims: tuple[Any, ...]
  dtype: np.dtype

  @property
  def constant(self) -> bool:
    """Whether its numbers are known."""
    return isinstance(self.data, np.ndarray)

  @property
  def array(self) -> np.ndarray:
    """Those numbers, of shape `dims`."""
    assert isinstance(self.data, np.ndarray)
    return self.data

  @property
  def name(self) -> str:
    """The tensor's name."""
    assert isinstance(self.data, str)
    return self.data


def constant(array: np.ndarray) -> Value:
  """Returns a value that is known."""
  axes = tuple(range(array.ndim))
  return Value(array, array.shape, axes, array.shape, array.dtype)


@dataclasses.dataclass
class Node:
  """One ONNX operator; `arrays` are constant inputs that follow the named ones."""

  op: str
  inputs: list[str]
  outputs: list[str]
  attributes: dict[str, Any]
  arrays: list[np.ndarray] = dataclasses.field(default_factory=list)


class Graph:
  """Collects nodes; see the top of the file."""

  def __init__(self) -> None:
    self.nodes: list[Node] = []
    self.arrays: dict[str, np.ndarray] = {}
    self.producer: dict[str, Node] = {}
    self._known: dict[tuple[Any, ...], str] = {}
    self._count = itertools.count()
    self._symbols: dict[str, str] = {}

  def fresh(self, stem: str) -> str:
    """Returns a name that nothing has."""
    return f'{stem}_{next(self._count)}'

  def node(
    self,
    op: str,
    inputs: Sequence[str],
    arrays: Sequence[np.ndarray] = (),
    **attributes: Any,
  ) -> str:
    """Adds an operator with one result; returns its name."""
    result = self.fresh(op.lower())
    node = Node(op, list(inputs), [result], attributes, list(arrays))
    self.nodes.append(node)
    self.producer[result] = node
    return result

  def array(self, array: np.ndarray) -> str:
    """Adds a constant; equal ones are kept once."""
    array = np.asarray(array, order='C')
    key = (array.shape, array.dtype.str, array.tobytes())
    if key not in self._known:
      self._known[key] = self.fresh('c')
      self.arrays[self._known[key]] = array
    return self._known[key]

  def input(self, name: str, slot: Slot) -> Value:
    """Takes pictures in NCHW; their sizes become known to `dimension`."""
    for axis, dim in zip(NCHW, range(4), strict=True):
      size = slot.shape[axis]
      if not isinstance(size, int):
        shape = self.node('Shape', [name], start=dim, end=dim + 1)
        self._symbols[str(size)] = shape
    return Value(name, slot.shape, NCHW, slot.shape, slot.dtype)

  def order(self, value: Value, axes: Sequence[int]) -> Value:
    """Returns the value with its tensor's axes in another order."""
    axes = tuple(axes)
    if value.constant or value.axes == axes:
      return value
    perm = [value.axes.index(axis) for axis in axes]
    name = self.node('Transpose', [value.name], perm=perm)
    return dataclasses.replace(value, data=name, axes=axes)

  def named(self, value: Value, axes: Sequence[int] | None = None) -> str:
    """Returns the name of a tensor with the value's axes in the order wanted."""
    if axes is None or not value.dims:
      axes = range(len(value.dims))
    if value.constant:
      return self.array(value.array.transpose(tuple(axes)))
    return self.order(value, axes).name

  def full(self, value: Value) -> Value:
    """Returns the value with what was broadcast written out."""
    if value.dims == value.shape:
      return value
    shape = [value.shape[axis] for axis in value.axes]
    name = self.node('Expand', [self.named(value, value.axes), self.shape(shape)])
    return dataclasses.replace(value, data=name, dims=value.shape)

  def dimension(self, dim: Any) -> str:
    """Returns the name of an int64 (1,) tensor with a dimension's size."""
    if isinstance(dim, int | np.integer):
      return self.array(np.array([dim], np.int64))
    key = ('dimension', str(dim))
    if key not in self._known:
      names = {symbol: _Term(self, name) for symbol, name in self._symbols.items()}
      functions = {
        name: lambda a, b, name=name: _Term(self, _term(self, name, a, b))
        for name in ('floordiv', 'mod', 'max', 'min')
      }
      self._known[key] = onnx_trace.evaluate(dim, names, functions).name
    return self._known[key]

  def shape(self, dims: Sequence[Any]) -> str:
    """Returns the name of an int64 tensor with these sizes, for Reshape and Expand."""
    if all(isinstance(dim, int) for dim in dims):
      return self.array(np.array(dims, np.int64))
    return self.node('Concat', [self.dimension(dim) for dim in dims], axis=0)

  def finish(self, outputs: Mapping[str, str]) -> list[Node]:
    """Returns the nodes that are needed, the results under their final names.

    Args:
      outputs: Final name of each result's tensor.
    """
    for tensor, name in outputs.items():
      self.nodes.append(Node('Identity', [tensor], [name], {}))
    needed = set(outputs.values())
    kept = []
    for node in reversed(self.nodes):
      if needed.isdisjoint(node.outputs):
        continue
      node.inputs += [self.array(a) for a in node.arrays]
      node.arrays = []
      needed.update(node.inputs)
      kept.append(node)
    self.arrays = {k: v for k, v in self.arrays.items() if k in needed}
    return kept[::-1]


class _Term:
  """A size that the graph computes, with Python's arithmetic."""

  def __init__(self, graph: Graph, name: str):
    self.graph, self.name = graph, name

  def __add__(self, other: Any) -> '_Term':
    return _Term(self.graph, _term(self.graph, 'Add', self, other))

  def __sub__(self, other: Any) -> '_Term':
    return _Term(self.graph, _term(self.graph, 'Sub', self, other))

  def __mul__(self, other: Any) -> '_Term':
    return _Term(self.graph, _term(self.graph, 'Mul', self, other))

  def __radd__(self, other: Any) -> '_Term':
    return _Term(self.graph, _term(self.graph, 'Add', other, self))

  def __rsub__(self, other: Any) -> '_Term':
    return _Term(self.graph, _term(self.graph, 'Sub', other, self))

  def __rmul__(self, other: Any) -> '_Term':
    return _Term(self.graph, _term(self.graph, 'Mul', other, self))


def _term(graph: Graph, op: str, a: Any, b: Any) -> str:
  def name(x: Any) -> str:
    return x.name if isinstance(x, _Term) else graph.dimension(x)

  match op:
    case 'max' | 'min':
      return graph.node(op.capitalize(), [name(a), name(b)])
    case 'mod':
      # Python's sign, as ONNX has it for integers.
      return graph.node('Mod', [name(a), name(b)])
    case 'floordiv':
      # ONNX divides towards zero.
      rest = graph.node('Mod', [name(a), name(b)])
      return graph.node('Div', [graph.node('Sub', [name(a), rest]), name(b)])
  return graph.node(op, [name(a), name(b)])
