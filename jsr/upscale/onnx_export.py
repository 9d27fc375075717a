"""A network as an ONNX model, any number of pictures of any size."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jsr import errors
from jsr.evaluate.network import Network
from jsr.models import layers
from jsr.upscale import engines, onnx_graph, onnx_ops, onnx_trace

INPUT, OUTPUT = 'lr', 'sr'


def to_onnx(network: Network, scale: int) -> Any:
  """Returns an ONNX model, float32 (n, C, h, w) in [0, 1] to (n, C, h * s, w * s).

  Args:
    network: What to write.
    scale: A factor that it serves.

  Returns:
    `onnx.ModelProto`.

  Raises:
    UserError: The package onnx is missing, or the network has an operation that cannot
      be written.
  """
  engines.optional('onnx', 'onnx')
  program = engines.with_dtype(network, None).program(scale)
  channels = layers.channels(network.color)
  facts = {
    'generator': network.generator,
    'scale': scale,
    'color': network.color,
    'channels': channels,
    'range': '0..1, not clipped',
    'smallest': onnx_trace.SMALLEST,
    'note': network.note,
  }
  try:
    traced = onnx_trace.trace(
      lambda x: program(network.variables, x), onnx_trace.symbols(channels)
    )
    return model(traced, facts)
  except (onnx_ops.Unsupported, TypeError, ValueError) as error:
    raise errors.UserError(
      f'{network.label} cannot be written as ONNX for any height and width:'
      f' {errors.first_line(error)}'
    ) from error


def model(program: onnx_trace.Program, facts: Mapping[str, Any]) -> Any:
  """Returns an ONNX model of a function of pictures.

  Args:
    program: The function, NHWC to NHWC; the model is NCHW.
    facts: What the file says of itself; 'channels' of input and output, and 'scale' if
      it is not 1, have to be there.

  Raises:
    Unsupported: An operation cannot be written.
  """
  onnx = engines.optional('onnx', 'onnx')
  helper = onnx.helper
  writer = onnx_ops.Writer(program)
  result = writer.write(INPUT)
  nodes = writer.graph.finish({result: OUTPUT})

  def attribute(value: Any) -> Any:
    is_type = isinstance(value, np.dtype)
    return helper.np_dtype_to_tensor_dtype(value) if is_type else value

  def pictures(name: str, sides: list[str]) -> Any:
    shape = ['n', facts['channels'], *sides]
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

  scale = f'{facts["scale"]}*' if 'scale' in facts else ''
  graph = helper.make_graph(
    [
      helper.make_node(
        node.op,
        node.inputs,
        node.outputs,
        name=node.outputs[0],
        **{k: attribute(v) for k, v in node.attributes.items()},
      )
      for node in nodes
    ],
    'jsr',
    [pictures(INPUT, ['h', 'w'])],
    [pictures(OUTPUT, [f'{scale}h', f'{scale}w'])],
    [onnx.numpy_helper.from_array(v, k) for k, v in writer.graph.arrays.items()],
  )
  made = helper.make_model(
    graph,
    producer_name='jsr',
    opset_imports=[helper.make_opsetid('', onnx_graph.OPSET)],
    # What onnxruntime has read since 2023.
    ir_version=8,
  )
  helper.set_model_props(made, {key: str(value) for key, value in facts.items()})
  onnx.checker.check_model(made)
  return made
