"""JAX's primitives that move pixels, as ONNX operators.

Patterns that ONNX has an operator for are recognised: sub-pixel shuffle, nearest
enlargement, repeated edges.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jsr.upscale import onnx_graph
from jsr.upscale.onnx_graph import NCHW, Graph, Value
from jsr.upscale.onnx_trace import Atom, Call, Program, Slot

_FAR = np.iinfo(np.int64)


class Unsupported(Exception):  # noqa: N818  Turned into a UserError by its callers.
  """A primitive, or a form of it, that has no translation here."""


class Shapes:
  """The half of `onnx_ops.Writer` that is described at the top of the file.

  A method `_on_NAME(call, *values)` writes the primitive NAME.
  """

  def __init__(self, program: Program):
    self._program = program
    self._values: dict[Slot, Value] = {}
    self._makers = program.producers()
    self._readers = program.consumers()
    self._done: set[Call] = set()
    # What convolutions give that nothing has read yet.
    self._open: set[Slot] = set()
    self.graph = Graph()

  def _value(self, atom: Atom) -> Value:
    return self._values[atom] if isinstance(atom, Slot) else onnx_graph.constant(atom)

  def _result(
    self,
    call: Call,
    data: str | np.ndarray,
    axes: Sequence[int] | None = None,
    dims: Sequence[Any] | None = None,
  ) -> Value:
    out = call.outputs[0]
    axes = range(len(out.shape)) if axes is None else axes
    dims = out.shape if dims is None else dims
    return Value(data, out.shape, tuple(axes), tuple(dims), out.dtype)

  # Shapes.

  def _on_dim_as_value(self, call: Call) -> Value:
    size = self.graph.dimension(call.params['dim'])
    scalar = self.graph.node('Squeeze', [size, self.graph.array(np.array([0]))])
    name = self.graph.node('Cast', [scalar], to=call.outputs[0].dtype)
    return self._result(call, name)

  def _on_broadcast_in_dim(self, call: Call, x: Value, *_: Value) -> Value:
    places = call.params['broadcast_dimensions']
    shape = call.outputs[0].shape
    dims: list[Any] = [1] * len(shape)
    for place, dim in zip(places, x.dims, strict=True):
      dims[place] = dim
    if x.constant:
      return self._result(call, x.array.reshape(dims), dims=dims)
    new = [i for i in range(len(shape)) if i not in places]
    if not new:
      return self._result(call, x.name, x.axes, dims)
    name = self.graph.named(x)
    if x.dims or shape:
      name = self.graph.node('Unsqueeze', [name, self.graph.array(np.array(new))])
    return self._result(call, name, dims=dims)

  def _on_transpose(self, call: Call, x: Value) -> Value:
    perm = call.params['permutation']
    dims = [x.dims[axis] for axis in perm]
    if x.constant:
      return self._result(call, x.array.transpose(perm), dims=dims)
    return self._result(call, x.name, [perm.index(axis) for axis in x.axes], dims)

  def _on_reshape(self, call: Call, x: Value) -> Value:
    if self._shuffle(call, x):
      return x  # It stands under the last of the three calls.
    nearest = self._nearest(call, x)
    if nearest is not None:
      return nearest
    out = call.outputs[0].shape
    if x.constant and x.dims == x.shape and all(isinstance(n, int) for n in out):
      return self._result(call, x.array.reshape(out))
    name = self.graph.named(self.graph.full(x))
    return self._result(call, self.graph.node('Reshape', [name, self.graph.shape(out)]))

  def _shuffle(self, call: Call, x: Value) -> bool:
    """Writes reshape, transpose, reshape as DepthToSpace where they are that."""
    turn = self._only_reader(call, 'transpose')
    last = turn and self._only_reader(turn, 'reshape')
    middle = call.outputs[0].shape
    if last is None or turn is None or len(x.shape) != 4 or len(middle) != 6:
      return False
    modes = {(0, 1, 4, 2, 5, 3): ('CRD', 4), (0, 1, 3, 2, 4, 5): ('DCR', 3)}
    mode, place = modes.get(tuple(turn.params['permutation']), ('', 0))
    if not mode or middle[:3] != x.shape[:3] or middle[place] != middle[place + 1]:
      return False
    factor = middle[place]
    n, h, w, c = x.shape
    if last.outputs[0].shape != (n, h * factor, w * factor, c // factor**2):
      return False
    name = self.graph.named(self.graph.full(x), NCHW)
    name = self.graph.node('DepthToSpace', [name], blocksize=factor, mode=mode)
    self._values[last.outputs[0]] = self._result(last, name, NCHW)
    self._done.update((call, turn, last))
    return True

  def _only_reader(self, call: Call, name: str) -> Call | None:
    readers = self._readers.get(call.outputs[0], [])
    return readers[0] if len(readers) == 1 and readers[0].name == name else None

  def _nearest(self, call: Call, x: Value) -> Value | None:
    """Writes copies of rows and columns as Resize."""
    out = call.outputs[0].shape
    if x.constant or len(x.shape) != 6 or len(out) != 4:
      return None
    n, h, sy, w, sx, c = x.shape
    if x.dims != (n, h, 1, w, 1, c) or out != (n, h * sy, w * sx, c):
      return None
    squeezed = self.graph.node(
      'Squeeze', [self.graph.named(x), self.graph.array(np.array([2, 4]))]
    )
    node = self.graph.producer[x.name]
    whole = node.op == 'Unsqueeze' and self.graph.producer.get(node.inputs[0])
    if whole and whole.op == 'Transpose' and whole.attributes['perm'] == [0, 2, 3, 1]:
      source = whole.inputs[0]  # It was NCHW before the rows were set apart.
    else:
      source = self.graph.node('Transpose', [squeezed], perm=list(NCHW))
    factors = self.graph.array(np.array([1, 1, sy, sx], np.float32))
    name = self.graph.node(
      'Resize',
      [source, '', factors],
      mode='nearest',
      coordinate_transformation_mode='asymmetric',
      nearest_mode='floor',
    )
    return self._result(call, name, NCHW)

  def _on_squeeze(self, call: Call, x: Value) -> Value:
    return self._on_reshape(call, x)

  def _on_expand_dims(self, call: Call, x: Value) -> Value:
    return self._on_reshape(call, x)

  # Pieces.

  def _on_concatenate(self, call: Call, *values: Value) -> Value:
    axis = call.params['dimension']
    parts = [
      (atom, v)
      for atom, v in zip(call.inputs, values, strict=True)
      if not (isinstance(v.shape[axis], int) and v.shape[axis] == 0)
    ]
    if len(parts) == 1:
      x = parts[0][1]
      return self._result(call, x.data, x.axes, x.dims)
    edge = self._repeated_edge(call, axis, parts)
    if edge is not None:
      return edge
    leads = [v for _, v in parts if not v.constant]
    axes = leads[0].axes
    names = [self.graph.named(self.graph.full(v), axes) for _, v in parts]
    name = self.graph.node('Concat', names, axis=axes.index(axis))
    return self._result(call, name, axes)

  def _repeated_edge(
    self, call: Call, axis: int, parts: list[tuple[Atom, Value]]
  ) -> Value | None:
    """Writes copies of the first row, x, copies of the last row as Pad."""
    for i, (of, x) in enumerate(parts):
      before, after = parts[:i], parts[i + 1 :]
      if (
        isinstance(of, Slot)
        and not x.constant
        and x.dims == x.shape
        and len(before) <= 1
        and len(after) <= 1
        and all(self._is_edge(atom, of, axis, 0) for atom, _ in before)
        and all(self._is_edge(atom, of, axis, 1) for atom, _ in after)
      ):
        copies = [sum(v.shape[axis] for _, v in side) for side in (before, after)]
        return self._padded(call, x, x.axes.index(axis), copies)
    return None

  def _padded(self, call: Call, x: Value, place: int, copies: list[Any]) -> Value:
    """Writes a Pad that repeats edges at one place of the tensor's axes."""
    rank = len(x.axes)
    amounts: list[Any] = [0] * (2 * rank)
    amounts[place], amounts[rank + place] = copies
    source = x.name
    if not all(isinstance(n, int) for n in copies):
      pads = self.graph.shape(amounts)
      name = self.graph.node('Pad', [source, pads], mode='edge')
      return self._result(call, name, x.axes)
    array = np.array(amounts, np.int64)
    node = self.graph.producer.get(source)
    # Rows were repeated just before: columns go into the same operator. Others that
    # read the rows alone are the edges, which are not needed then.
    if node is not None and node.op == 'Pad' and node.arrays:
      array = array + node.arrays[0]
      source = node.inputs[0]
    name = self.graph.node('Pad', [source], [array], mode='edge')
    return self._result(call, name, x.axes)

  def _is_edge(self, atom: Atom, of: Slot, axis: int, end: int) -> bool:
    """Whether a value is copies of the first (0) or last (1) row of another."""
    maker = self._makers.get(atom) if isinstance(atom, Slot) else None
    while maker is not None and maker.name in ('reshape', 'broadcast_in_dim'):
      source = maker.inputs[0]
      maker = self._makers.get(source) if isinstance(source, Slot) else None
    if maker is None or maker.name != 'slice' or maker.inputs[0] is not of:
      return False
    wanted = [(0, size) for size in of.shape]
    size = of.shape[axis]
    wanted[axis] = (size - 1, size) if end else (0, 1)
    p = maker.params
    cut = zip(p['start_indices'], p['limit_indices'], strict=True)
    return list(cut) == wanted and set(p['strides'] or (1,)) == {1}

  def _on_stack(self, call: Call, *values: Value) -> Value:
    axis = call.params['axis']
    at = self.graph.array(np.array([axis]))
    names = [
      self.graph.node('Unsqueeze', [self.graph.named(self.graph.full(v)), at])
      for v in values
    ]
    return self._result(call, self.graph.node('Concat', names, axis=axis))

  def _cut(
    self, x: Value, starts: Sequence[Any], ends: Sequence[Any], steps: Sequence[int]
  ) -> str:
    """Writes a Slice; starts and ends are sizes, or names of int64 (1,) tensors."""

    def joined(sizes: Sequence[Any]) -> str:
      if all(isinstance(s, int) for s in sizes):
        return self.graph.array(np.array(sizes, np.int64))
      names = [s if isinstance(s, str) else self.graph.dimension(s) for s in sizes]
      return self.graph.node('Concat', names, axis=0)

    name = self.graph.named(self.graph.full(x), x.axes)
    every = self.graph.array(np.arange(len(x.axes)))
    first, last, step = (
      joined([part[a] for a in x.axes]) for part in (starts, ends, steps)
    )
    return self.graph.node('Slice', [name, first, last, every, step])

  def _on_slice(self, call: Call, x: Value) -> Value:
    p = call.params
    steps = p['strides'] or [1] * len(x.shape)
    name = self._cut(x, p['start_indices'], p['limit_indices'], steps)
    return self._result(call, name, x.axes)

  def _on_rev(self, call: Call, x: Value) -> Value:
    turned = call.params['dimensions']
    every = range(len(x.shape))
    starts = [-1 if i in turned else 0 for i in every]
    ends = [int(_FAR.min) if i in turned else int(_FAR.max) for i in every]
    steps = [-1 if i in turned else 1 for i in every]
    return self._result(call, self._cut(x, starts, ends, steps), x.axes)

  def _on_gather(self, call: Call, x: Value, index: Value) -> Value:
    """Rows by a list of indices, or a window that starts at an index."""
    numbers, sizes = call.params['dimension_numbers'], call.params['slice_sizes']
    axes, gone = numbers.start_index_map, numbers.collapsed_slice_dims
    if numbers.operand_batching_dims:
      raise Unsupported("'gather' with batches")
    if not gone and len(index.shape) == 1:
      return self._window(call, x, index, axes, sizes)
    whole = all(sizes[i] == (1 if i in gone else n) for i, n in enumerate(x.shape))
    if len(axes) != 1 or axes != gone or len(index.shape) > 2 or not whole:
      raise Unsupported("this form of 'gather'")
    (axis,) = axes
    rest = [i for i in range(len(call.outputs[0].shape)) if i != axis]
    flat = self.graph.array(np.array([-1]))
    if len(index.shape) == 1:
      raise Unsupported("'gather' of one row")
    if list(numbers.offset_dims) != rest:
      raise Unsupported("'gather' that moves axes")
    rows = self.graph.node('Reshape', [self.graph.named(index), flat])
    name = self.graph.named(self.graph.full(x), x.axes)
    name = self.graph.node('Gather', [name, rows], axis=x.axes.index(axis))
    return self._result(call, name, x.axes)

  def _window(
    self, call: Call, x: Value, index: Value, axes: Sequence[int], sizes: Sequence[Any]
  ) -> Value:
    starts: list[Any] = [0] * len(x.shape)
    ends: list[Any] = list(sizes)
    for place, axis in enumerate(axes):
      if index.constant:
        starts[axis] = int(index.array[place])
        ends[axis] = starts[axis] + sizes[axis]
        continue
      at = self.graph.array(np.array([place]))
      start = self.graph.node('Gather', [self.graph.named(index), at], axis=0)
      starts[axis] = self.graph.node('Cast', [start], to=np.dtype(np.int64))
      size = self.graph.dimension(sizes[axis])
      ends[axis] = self.graph.node('Add', [starts[axis], size])
    return self._result(call, self._cut(x, starts, ends, [1] * len(starts)), x.axes)

  def _on_pad(self, call: Call, x: Value, fill: Value) -> Value:
    config = call.params['padding_config']
    for before, after, inside in config:
      if inside or any(isinstance(n, int) and n < 0 for n in (before, after)):
        raise Unsupported("this form of 'pad'")
    amounts = [config[a][side] for side in (0, 1) for a in x.axes]
    name = self.graph.named(self.graph.full(x), x.axes)
    inputs = [name, self.graph.shape(amounts), self.graph.named(fill)]
    return self._result(call, self.graph.node('Pad', inputs), x.axes)

  def _on_iota(self, call: Call) -> Value:
    out = call.outputs[0]
    if len(out.shape) != 1:
      raise Unsupported("this form of 'iota'")
    size = self.graph.dimension(out.shape[0])
    end = self.graph.node('Squeeze', [size, self.graph.array(np.array([0]))])
    zero, one = (self.graph.array(np.array(n)) for n in (0, 1))
    name = self.graph.node('Range', [zero, end, one])
    return self._result(call, self.graph.node('Cast', [name], to=out.dtype))
