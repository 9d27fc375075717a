"""A JAX function as a flat list of primitive calls, with what is constant computed.

The first half of the way to ONNX; `onnx_graph` writes the second. Height, width and
batch stay symbols.
"""

import ast
import dataclasses
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

# The smallest picture that an exported program takes: bicubic mirrors two pixels, and
# JAX wants to know that they are there.
SMALLEST = 4
# Calls whose insides are taken in place of them, and where those are.
_CALLS = {
  'jit': 'jaxpr',
  'pjit': 'jaxpr',
  'closed_call': 'call_jaxpr',
  'core_call': 'call_jaxpr',
  'custom_jvp_call': 'call_jaxpr',
  'custom_vjp_call': 'call_jaxpr',
  'remat2': 'jaxpr',
  'checkpoint': 'jaxpr',
}


class Slot:
  """A value that is not known before the program runs.

  Attributes:
    shape: Numbers, and symbolic dimensions as JAX writes them.
    dtype: Of the value.
  """

  def __init__(self, aval: Any):
    self.shape: tuple[Any, ...] = tuple(aval.shape)
    self.dtype = np.dtype(aval.dtype)


Atom = Slot | np.ndarray


@dataclasses.dataclass(eq=False)
class Call:
  """One primitive, its operands and results."""

  name: str
  params: Mapping[str, Any]
  inputs: Sequence[Atom]
  outputs: Sequence[Slot]


@dataclasses.dataclass
class Program:
  """What a function does.

  Attributes:
    calls: In order.
    inputs: One a argument.
    outputs: One a result.
  """

  calls: list[Call]
  inputs: list[Slot]
  outputs: list[Atom]

  def producers(self) -> dict[Slot, Call]:
    """Returns the call that makes each value."""
    return {slot: call for call in self.calls for slot in call.outputs}

  def consumers(self) -> dict[Slot, list[Call]]:
    """Returns the calls that read each value, once for each time that they do."""
    found: dict[Slot, list[Call]] = {}
    for call in self.calls:
      for atom in call.inputs:
        if isinstance(atom, Slot):
          found.setdefault(atom, []).append(call)
    return found


def symbols(channels: int) -> jax.ShapeDtypeStruct:
  """Returns the shape (n, h, w, channels) of pictures of any number and size."""
  n, h, w = export.symbolic_shape(
    'n, h, w', constraints=[f'h >= {SMALLEST}', f'w >= {SMALLEST}']
  )
  return jax.ShapeDtypeStruct((n, h, w, channels), jnp.float32)


def trace(apply: Callable[[jax.Array], jax.Array], x: jax.ShapeDtypeStruct) -> Program:
  """Returns what a function of one array does; arrays that it closes over are constant.

  Args:
    apply: The function.
    x: Its argument; `symbols` gives one.
  """
  closed = jax.make_jaxpr(apply)(x)
  flat = _Flat()
  inputs = [Slot(v.aval) for v in closed.jaxpr.invars]
  consts = [np.asarray(c) for c in closed.consts]
  outputs = flat.run(closed.jaxpr, consts, inputs)
  program = Program(flat.calls, inputs, outputs)
  _prune(program)
  return program


class _Flat:
  def __init__(self) -> None:
    self.calls: list[Call] = []

  def run(
    self, jaxpr: Any, consts: Sequence[Atom], inputs: Sequence[Atom]
  ) -> list[Atom]:
    """Takes in a jaxpr; returns its results."""
    known: dict[Any, Atom] = {}
    known.update(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, inputs, strict=True))

    def read(v: Any) -> Atom:
      # A literal has a value; the same variable may stand in several jaxprs.
      return np.asarray(v.val, v.aval.dtype) if hasattr(v, 'val') else known[v]

    for eqn in jaxpr.eqns:
      atoms = [read(v) for v in eqn.invars]
      results = self._call(eqn, atoms)
      known.update(zip(eqn.outvars, results, strict=True))
    return [read(v) for v in jaxpr.outvars]

  def _call(self, eqn: Any, atoms: list[Atom]) -> Sequence[Atom]:
    name = eqn.primitive.name
    if name in _CALLS:
      inner = eqn.params[_CALLS[name]]
      if hasattr(inner, 'consts'):
        return self.run(inner.jaxpr, [np.asarray(c) for c in inner.consts], atoms)
      return self.run(inner, [], atoms)
    if name in ('copy', 'copy_p', 'stop_gradient'):
      return atoms
    fixed = all(
      isinstance(n, int) for v in (*eqn.invars, *eqn.outvars) for n in v.aval.shape
    )
    if name != 'dim_as_value' and fixed and not any(isinstance(a, Slot) for a in atoms):
      values = eqn.primitive.bind(*map(jnp.asarray, atoms), **eqn.params)
      many = eqn.primitive.multiple_results
      return [np.asarray(v) for v in (values if many else [values])]
    outputs = [Slot(v.aval) for v in eqn.outvars]
    self.calls.append(Call(name, eqn.params, atoms, outputs))
    return outputs


def _prune(program: Program) -> None:
  """Drops what no result needs."""
  needed = {atom for atom in program.outputs if isinstance(atom, Slot)}
  kept = []
  for call in reversed(program.calls):
    if needed.isdisjoint(call.outputs):
      continue
    needed.update(atom for atom in call.inputs if isinstance(atom, Slot))
    kept.append(call)
  program.calls = kept[::-1]


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
  ast.Add: operator.add,
  ast.Sub: operator.sub,
  ast.Mult: operator.mul,
}


def evaluate(
  dimension: Any,
  names: Mapping[str, Any],
  functions: Mapping[str, Callable[[Any, Any], Any]],
) -> Any:
  """Works out a symbolic dimension from its text, such as '4*h - mod(w, 2)'.

  Args:
    dimension: A number, or a dimension as JAX writes it.
    names: Values of the symbols: whatever has +, - and *.
    functions: 'floordiv', 'mod', 'max' and 'min'.

  Raises:
    ValueError: The text says something else.
  """

  text = str(dimension).replace('^', '**')  # JAX writes powers so.

  def value(node: ast.expr) -> Any:
    match node:
      case ast.Constant():
        return node.value
      case ast.Name():
        return names[node.id]
      case ast.UnaryOp(op=ast.USub()):
        return -1 * value(node.operand)
      case ast.BinOp() if type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](value(node.left), value(node.right))
      case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int(power))):
        result = base = value(node.left)
        for _ in range(power - 1):
          result = result * base
        return result
      case ast.Call(func=ast.Name(id=name)) if name in functions:
        return functions[name](*map(value, node.args))
    raise ValueError(f'cannot read the dimension {dimension}')

  return value(ast.parse(text, mode='eval').body)
