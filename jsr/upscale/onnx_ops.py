"""JAX's primitives as ONNX operators: those that the generators of this project use.

Arithmetic and convolutions; what only moves pixels is in `onnx_shapes`. Leaky ReLU,
with one or many slopes, is recognised. What a trained batch norm or a residual factor
does to each channel goes into the convolution before it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jsr.upscale import onnx_graph
from jsr.upscale.onnx_graph import NCHW, Value
from jsr.upscale.onnx_shapes import Shapes, Unsupported
from jsr.upscale.onnx_trace import Call, Slot

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


class Writer(Shapes):
  """Writes a traced function into a graph.

  Args:
    program: The function, of one argument, pictures NHWC, and one result, the same.
  """

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

  def _call(self, call: Call) -> None:
    values = [self._value(atom) for atom in call.inputs]
    special = getattr(self, f'_on_{call.name}', None)
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
    zero = values[-1].constant and not np.any(values[-1].array)
    if op == 'Max' and zero and np.issubdtype(values[0].dtype, np.floating):
      return self._result(call, self.graph.node('Relu', names[:1]), axes, dims)
    return self._result(call, self.graph.node(op, names), axes, dims)

  def _fold(self, call: Call, values: list[Value]) -> Value | None:
    """Puts a factor or an offset of each channel into the convolution before it."""
    if call.name not in ('add', 'sub', 'mul', 'div') or len(values) != 2:
      return None
    flip = call.name in ('add', 'mul') and values[0].constant
    x, c = reversed(values) if flip else values
    slot = call.inputs[1 if flip else 0]
    if not isinstance(slot, Slot) or slot not in self._open or not c.constant:
      return None
    if len(self._readers[slot]) != 1:
      return None
    node = self.graph.producer[x.name]
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
    self._open.add(call.outputs[0])
    return self._result(call, x.name, x.axes, x.dims)

  def _on_square(self, call: Call, x: Value) -> Value:
    return self._elementwise(call, [x, x], 'Mul')

  def _on_integer_pow(self, call: Call, x: Value) -> Value:
    power = np.asarray(call.params['y'], x.dtype)
    return self._elementwise(call, [x, onnx_graph.constant(power)], 'Pow')

  def _on_rsqrt(self, call: Call, x: Value) -> Value:
    root = self.graph.node('Sqrt', [self.graph.named(x, x.axes)])
    return self._result(call, self.graph.node('Reciprocal', [root]), x.axes, x.dims)

  def _on_expm1(self, call: Call, x: Value) -> Value:
    power = self.graph.node('Exp', [self.graph.named(x, x.axes)])
    one = self.graph.array(np.ones((), x.dtype))
    return self._result(call, self.graph.node('Sub', [power, one]), x.axes, x.dims)

  def _on_clamp(self, call: Call, low: Value, x: Value, high: Value) -> Value:
    name = self.graph.node('Max', [self.graph.named(x, x.axes), self.graph.named(low)])
    name = self.graph.node('Min', [name, self.graph.named(high)])
    return self._result(call, name, x.axes, x.dims)

  def _on_convert_element_type(self, call: Call, x: Value) -> Value:
    dtype = call.outputs[0].dtype
    if x.constant:
      return self._result(call, x.array.astype(dtype), x.axes, x.dims)
    if dtype == x.dtype:
      return self._result(call, x.name, x.axes, x.dims)
    name = self.graph.node('Cast', [x.name], to=dtype)
    return self._result(call, name, x.axes, x.dims)

  def _on_select_n(self, call: Call, which: Value, no: Value, yes: Value) -> Value:
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

  # Sums.

  def _reduce(self, call: Call, x: Value) -> Value:
    axes = np.array(call.params['axes'])
    name = self.graph.named(self.graph.full(x))
    if call.name == 'reduce_sum':
      inputs = [name, self.graph.array(axes)]
      return self._result(call, self.graph.node('ReduceSum', inputs, keepdims=0))
    name = self.graph.node(_REDUCE[call.name], [name], axes=axes.tolist(), keepdims=0)
    return self._result(call, name)

  def _on_dot_general(self, call: Call, a: Value, b: Value) -> Value:
    (contract_a, contract_b), (batch_a, _) = call.params['dimension_numbers']
    last, matrix = len(a.shape) - 1, len(b.shape) == 2 and not batch_a
    if not matrix or tuple(contract_a) != (last,) or tuple(contract_b) != (0,):
      raise Unsupported("this form of 'dot_general'")
    if b.constant and np.array_equal(b.array, np.eye(b.shape[0])):
      return self._result(call, self.graph.named(a, a.axes), a.axes, a.dims)
    names = [self.graph.named(self.graph.full(v)) for v in (a, b)]
    return self._result(call, self.graph.node('MatMul', names))

  def _on_conv_general_dilated(self, call: Call, x: Value, kernel: Value) -> Value:
    p = call.params
    numbers = p['dimension_numbers']
    if not kernel.constant or len(x.shape) != 4 or p['batch_group_count'] != 1:
      raise Unsupported('a convolution with a computed kernel, or not of pictures')
    name = self.graph.named(self.graph.full(x), numbers.lhs_spec)
    padding = p['padding']
    if any(not isinstance(n, int) for pair in padding for n in pair):
      if max(p['lhs_dilation']) > 1:
        raise Unsupported('a transposed convolution whose padding depends on the size')
      before, after = ([0, 0, *side] for side in zip(*padding, strict=True))
      name = self.graph.node('Pad', [name, self.graph.shape(before + after)])
      padding = ((0, 0), (0, 0))
    weights = kernel.array.transpose(numbers.rhs_spec)
    pads, strides = np.array(padding), p['window_strides']
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
    if max(spread) == 1 and numbers.out_spec == NCHW:
      self._open.add(call.outputs[0])
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
