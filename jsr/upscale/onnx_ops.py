"""JAX's primitives as ONNX operators: those that the generators of this project use.

Patterns that ONNX has an operator for are recognised: sub-pixel shuffle, nearest
enlargement, leaky ReLU with one or many slopes, repeated edges. What a trained batch
norm or a residual factor does to each channel goes into the convolution before it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jsr.upscale import onnx_graph, onnx_trace
from jsr.upscale.onnx_graph import NCHW, Graph, Value
from jsr.upscale.onnx_trace import Atom, Call, Program, Slot

_FAR = np.iinfo(np.int64)
_ONE_TO_ONE = {
  'abs': 'Abs',
  'add': 'Add',
  'add_any': 'Add',
  'and': 'And',
  'ceil': 'Ceil',
  'cos': 'Cos',
  'div': 'Div',
  'eq': 'Equal',
  'exp': 'Exp',
  'floor': 'Floor',
  'ge': 'GreaterOrEqual',
  'gt': 'Greater',
  'le': 'LessOrEqual',
  'log': 'Log',
  'logistic': 'Sigmoid',
  'lt': 'Less',
  'max': 'Max',
  'min': 'Min',
  'mul': 'Mul',
  'neg': 'Neg',
  'not': 'Not',
  'or': 'Or',
  'pow': 'Pow',
  'sign': 'Sign',
  'sin': 'Sin',
  'sqrt': 'Sqrt',
  'sub': 'Sub',
  'tanh': 'Tanh',
}
_REDUCE = {'reduce_sum': 'ReduceSum', 'reduce_max': 'ReduceMax'}


class Unsupported(Exception):  # noqa: N818  Turned into a UserError by its callers.
  """A primitive, or a form of it, that has no translation here."""


class Writer:
  """Writes a traced function into a graph.

  Args:
    program: The function, of one argument, pictures NHWC, and one result, the same.
  """

  def __init__(self, program: Program):
    self._program = program
    self._values: dict[Slot, Value] = {}
    self._makers = program.producers()
    self._readers = program.consumers()
    self._done: set[Call] = set()
    self.graph = Graph()

  def write(self, source: str) -> str:
    """Writes all calls.

    Args:
      source: Name of the input, which is NCHW.

    Returns:
      Name of the result's tensor, NCHW.

    Raises:
      Unsupported: There is no translation.
    """
    slot = self._program.inputs[0]
    self._values[slot] = self.graph.input(source, slot)
    for call in self._program.calls:
      if call not in self._done:
        self._call(call)
    (result,) = self._program.outputs
    return self.graph.named(self.graph.full(self._value(result)), NCHW)

  def _value(self, atom: Atom) -> Value:
    return self._values[atom] if isinstance(atom, Slot) else onnx_graph.constant(atom)

  def _call(self, call: Call) -> None:
    values = [self._value(atom) for atom in call.inputs]
    special = getattr(self, f'_{call.name}', None)
    if special:
      result = special(call, *values)
    elif call.name in _ONE_TO_ONE:
      result = self._elementwise(call, values)
    elif call.name in _REDUCE:
      result = self._reduce(call, values[0])
    else:
      raise Unsupported(f"the operation '{call.name}'")
    if call not in self._done:
      self._values[call.outputs[0]] = result

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

  # One element at a time.

  def _elementwise(self, call: Call, values: list[Value], op: str = '') -> Value:
    dims = _joined([v.dims for v in values])
    if all(v.constant for v in values) and not op:
      return self._result(call, _computed(call, values), dims=dims)
    folded = self._fold(call, values)
    if folded is not None:
      return folded
    rank = len(call.outputs[0].shape)
    leads = [v for v in values if not v.constant and len(v.dims) == rank]
    axes = leads[0].axes if leads else tuple(range(rank))
    names = [self.graph.named(v, axes if len(v.dims) == rank else None) for v in values]
    op = op or _ONE_TO_ONE[call.name]
    if op == 'Max' and values[1].constant and not np.any(values[1].array):
      return self._result(call, self.graph.node('Relu', names[:1]), axes, dims)
    if op == 'Div' and np.issubdtype(values[0].dtype, np.integer):
      pass  # Both divide towards zero.
    return self._result(call, self.graph.node(op, names), axes, dims)

  def _fold(self, call: Call, values: list[Value]) -> Value | None:
    """Puts a factor or an offset of each channel into the convolution before it."""
    if call.name not in ('add', 'sub', 'mul', 'div') or len(values) != 2:
      return None
    flip = call.name in ('add', 'mul') and values[0].constant
    x, c = reversed(values) if flip else values
    slot = call.inputs[1 if flip else 0]
    if x.constant or not c.constant or len(self._readers[slot]) != 1:  # type: ignore[index]
      return None
    node = self.graph.producer.get(x.name)
    if node is None or node.op != 'Conv' or x.axes != NCHW:
      return None
    if c.array.size != 1 and c.dims != (1, 1, 1, x.shape[3]):
      return None
    kernel, bias = (a.astype(np.float64) for a in node.arrays)
    by = np.broadcast_to(c.array.astype(np.float64).reshape(-1), bias.shape)
    if call.name in ('add', 'sub'):
      bias = bias + by if call.name == 'add' else bias - by
    else:
      by = by if call.name == 'mul' else 1 / by
      kernel, bias = kernel * by[:, None, None, None], bias * by
    node.arrays = [kernel.astype(np.float32), bias.astype(np.float32)]
    return self._result(call, x.name, x.axes, x.dims)

  def _square(self, call: Call, x: Value) -> Value:
    return self._elementwise(call, [x, x], 'Mul')

  def _integer_pow(self, call: Call, x: Value) -> Value:
    power = np.asarray(call.params['y'], x.dtype)
    return self._elementwise(call, [x, onnx_graph.constant(power)], 'Pow')

  def _rsqrt(self, call: Call, x: Value) -> Value:
    root = self.graph.node('Sqrt', [self.graph.named(x, x.axes)])
    return self._result(call, self.graph.node('Reciprocal', [root]), x.axes, x.dims)

  def _expm1(self, call: Call, x: Value) -> Value:
    power = self.graph.node('Exp', [self.graph.named(x, x.axes)])
    one = self.graph.array(np.ones((), x.dtype))
    return self._result(call, self.graph.node('Sub', [power, one]), x.axes, x.dims)

  def _clamp(self, call: Call, low: Value, x: Value, high: Value) -> Value:
    name = self.graph.node('Max', [self.graph.named(x, x.axes), self.graph.named(low)])
    name = self.graph.node('Min', [name, self.graph.named(high)])
    return self._result(call, name, x.axes, x.dims)

  def _convert_element_type(self, call: Call, x: Value) -> Value:
    dtype = call.outputs[0].dtype
    if x.constant:
      return self._result(call, x.array.astype(dtype), x.axes, x.dims)
    if dtype == x.dtype:
      return self._result(call, x.name, x.axes, x.dims)
    name = self.graph.node('Cast', [x.name], to=dtype)
    return self._result(call, name, x.axes, x.dims)

  def _select_n(self, call: Call, which: Value, no: Value, yes: Value) -> Value:
    slope = self._slope(call)
    if slope is not None:
      if slope.array.size == 1:
        alpha = float(slope.array.reshape(()))
        name = self.graph.node('LeakyRelu', [yes.name], alpha=alpha)
      else:
        steep = self.graph.array(slope.array.transpose(yes.axes)[0])
        name = self.graph.node('PRelu', [yes.name, steep])
      return self._result(call, name, yes.axes, yes.dims)
    # JAX names the case of False first.
    return self._elementwise(call, [which, yes, no], 'Where')

  def _slope(self, call: Call) -> Value | None:
    """Returns s of `where(x >= 0, x, s * x)`, where a call is that."""
    which, no, yes = call.inputs
    test = self._makers.get(which) if isinstance(which, Slot) else None
    product = self._makers.get(no) if isinstance(no, Slot) else None
    if test is None or product is None or product.name != 'mul':
      return None
    level = test.inputs[1]
    if test.name not in ('ge', 'gt') or test.inputs[0] is not yes:
      return None
    if isinstance(level, Slot) or np.any(level) or yes not in product.inputs:
      return None
    slope = self._value(product.inputs[1 if product.inputs[0] is yes else 0])
    return slope if slope.constant else None

  # Shapes.

  def _dim_as_value(self, call: Call) -> Value:
    size = self.graph.dimension(call.params['dim'])
    scalar = self.graph.node('Squeeze', [size, self.graph.array(np.array([0]))])
    name = self.graph.node('Cast', [scalar], to=call.outputs[0].dtype)
    return self._result(call, name)

  def _broadcast_in_dim(self, call: Call, x: Value, *_: Value) -> Value:
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

  def _transpose(self, call: Call, x: Value) -> Value:
    perm = call.params['permutation']
    dims = [x.dims[axis] for axis in perm]
    if x.constant:
      return self._result(call, x.array.transpose(perm), dims=dims)
    return self._result(call, x.name, [perm.index(axis) for axis in x.axes], dims)

  def _reshape(self, call: Call, x: Value) -> Value:
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

  def _squeeze(self, call: Call, x: Value) -> Value:
    return self._reshape(call, x)

  def _expand_dims(self, call: Call, x: Value) -> Value:
    return self._reshape(call, x)

  # Pieces.

  def _concatenate(self, call: Call, *values: Value) -> Value:
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
    if len(parts) != 3:
      return None
    (before, first), (of, x), (after, last) = parts
    if x.constant or not isinstance(of, Slot) or x.dims != x.shape:
      return None
    if not (self._is_edge(before, of, axis, 0) and self._is_edge(after, of, axis, 1)):
      return None
    copies = first.shape[axis], last.shape[axis]
    if not all(isinstance(n, int) for n in copies):
      return None
    pads = np.zeros((2, len(x.axes)), np.int64)
    pads[:, x.axes.index(axis)] = copies
    source = x.name
    node = self.graph.producer.get(source)
    # Rows were repeated just before: columns go into the same operator. Others that
    # read the rows alone are the edges, which are not needed then.
    if node is not None and node.op == 'Pad' and node.attributes == {'mode': 'edge'}:
      pads += node.arrays[0].reshape(pads.shape)
      source = node.inputs[0]
    name = self.graph.node('Pad', [source], [pads.reshape(-1)], mode='edge')
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

  def _stack(self, call: Call, *values: Value) -> Value:
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

  def _slice(self, call: Call, x: Value) -> Value:
    p = call.params
    steps = p['strides'] or [1] * len(x.shape)
    name = self._cut(x, p['start_indices'], p['limit_indices'], steps)
    return self._result(call, name, x.axes)

  def _rev(self, call: Call, x: Value) -> Value:
    turned = call.params['dimensions']
    every = range(len(x.shape))
    starts = [-1 if i in turned else 0 for i in every]
    ends = [int(_FAR.min) if i in turned else int(_FAR.max) for i in every]
    steps = [-1 if i in turned else 1 for i in every]
    return self._result(call, self._cut(x, starts, ends, steps), x.axes)

  def _gather(self, call: Call, x: Value, index: Value) -> Value:
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

  def _pad(self, call: Call, x: Value, fill: Value) -> Value:
    config = call.params['padding_config']
    if any(
      not isinstance(n, int) or n < 0 or inside for *n2, inside in config for n in n2
    ):
      raise Unsupported("this form of 'pad'")
    pads = [config[a][0] for a in x.axes] + [config[a][1] for a in x.axes]
    name = self.graph.named(self.graph.full(x), x.axes)
    amounts = self.graph.array(np.array(pads, np.int64))
    name = self.graph.node('Pad', [name, amounts, self.graph.named(fill)])
    return self._result(call, name, x.axes)

  # Sums.

  def _reduce(self, call: Call, x: Value) -> Value:
    axes = np.array(call.params['axes'])
    name = self.graph.named(self.graph.full(x))
    if call.name == 'reduce_sum':
      inputs = [name, self.graph.array(axes)]
      return self._result(call, self.graph.node('ReduceSum', inputs, keepdims=0))
    name = self.graph.node(_REDUCE[call.name], [name], axes=axes.tolist(), keepdims=0)
    return self._result(call, name)

  def _dot_general(self, call: Call, a: Value, b: Value) -> Value:
    (contract_a, contract_b), (batch_a, _) = call.params['dimension_numbers']
    last, matrix = len(a.shape) - 1, len(b.shape) == 2 and not batch_a
    if not matrix or tuple(contract_a) != (last,) or tuple(contract_b) != (0,):
      raise Unsupported("this form of 'dot_general'")
    if b.constant and np.array_equal(b.array, np.eye(b.shape[0])):
      return self._result(call, self.graph.named(a, a.axes), a.axes, a.dims)
    names = [self.graph.named(self.graph.full(v)) for v in (a, b)]
    return self._result(call, self.graph.node('MatMul', names))

  def _conv_general_dilated(self, call: Call, x: Value, kernel: Value) -> Value:
    p = call.params
    numbers = p['dimension_numbers']
    if not kernel.constant or len(x.shape) != 4 or p['batch_group_count'] != 1:
      raise Unsupported('a convolution with a computed kernel, or not of pictures')
    if any(not isinstance(n, int) for pair in p['padding'] for n in pair):
      raise Unsupported('a convolution whose padding depends on the size')
    name = self.graph.named(self.graph.full(x), numbers.lhs_spec)
    weights = kernel.array.transpose(numbers.rhs_spec)
    pads, strides = np.array(p['padding']), p['window_strides']
    spread = p['lhs_dilation']
    attributes: dict[str, Any] = {
      'kernel_shape': weights.shape[2:],
      'dilations': p['rhs_dilation'],
    }
    if max(spread) > 1:
      if max(strides) > 1 or p['feature_group_count'] != 1:
        raise Unsupported('a strided transposed convolution')
      extent = (np.array(weights.shape[2:]) - 1) * p['rhs_dilation']
      weights = weights[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
      pads, strides = extent[:, None] - pads, spread
    bias = np.zeros(call.outputs[0].shape[numbers.out_spec[1]], np.float32)
    if pads.min() < 0:
      raise Unsupported('a convolution that cuts its input')
    name = self.graph.node(
      'ConvTranspose' if max(spread) > 1 else 'Conv',
      [name],
      [weights, bias],
      strides=strides,
      pads=pads.T.reshape(-1).tolist(),
      group=p['feature_group_count'],
      **attributes,
    )
    return self._result(call, name, numbers.out_spec)


def _joined(shapes: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
  """The shape that arrays of these shapes broadcast to; scalars have no axes."""
  shapes = [s for s in shapes if s]
  if not shapes:
    return ()
  return tuple(
    next((n for n in sizes if not (isinstance(n, int) and n == 1)), 1)
    for sizes in zip(*shapes, strict=True)
  )


def _computed(call: Call, values: Sequence[Value]) -> np.ndarray:
  """What elementwise arithmetic on constants gives; they may be broadcast later."""
  functions: dict[str, Callable[..., Any]] = {
    'add': jnp.add,
    'add_any': jnp.add,
    'div': jnp.divide,
    'max': jnp.maximum,
    'min': jnp.minimum,
    'mul': jnp.multiply,
    'sub': jnp.subtract,
  }
  if call.name not in functions:
    raise Unsupported(f"the operation '{call.name}' of constants")
  result = functions[call.name](*(v.array for v in values))
  return np.asarray(result, call.outputs[0].dtype)


__all__ = ['Unsupported', 'Writer', 'onnx_trace']
