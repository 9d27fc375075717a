"""A network as an ONNX model, any number of pictures of any size."""

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
  onnx = engines.optional('onnx', 'onnx')
  channels = layers.channels(network.color)
  program = engines.with_dtype(network, None).program(scale)
  try:
    traced = onnx_trace.trace(
      lambda x: program(network.variables, x), onnx_trace.symbols(channels)
    )
    writer = onnx_ops.Writer(traced)
    result = writer.write(INPUT)
  except (onnx_ops.Unsupported, TypeError, ValueError) as error:
    raise errors.UserError(
      f'{network.label} cannot be written as ONNX for any height and width:'
      f' {errors.first_line(error)}'
    ) from error
  graph = writer.graph
  nodes = graph.finish({result: OUTPUT})
  types = onnx.helper.np_dtype_to_tensor_dtype

  def attribute(value: Any) -> Any:
    return types(value) if isinstance(value, np.dtype) else value

  helper = onnx.helper
  floats = onnx.TensorProto.FLOAT
  proto = helper.make_graph(
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
    [helper.make_tensor_value_info(INPUT, floats, ['n', channels, 'h', 'w'])],
    [
      helper.make_tensor_value_info(
        OUTPUT, floats, ['n', channels, f'{scale}*h', f'{scale}*w']
      )
    ],
    [onnx.numpy_helper.from_array(v, k) for k, v in graph.arrays.items()],
  )
  model = helper.make_model(
    proto,
    producer_name='jsr',
    opset_imports=[helper.make_opsetid('', onnx_graph.OPSET)],
    # What onnxruntime has read since 2023.
    ir_version=8,
  )
  helper.set_model_props(
    model,
    {
      'generator': network.generator,
      'scale': str(scale),
      'color': network.color,
      'range': '0..1, not clipped',
      'smallest': str(onnx_trace.SMALLEST),
      'note': network.note,
    },
  )
  onnx.checker.check_model(model)
  return model
