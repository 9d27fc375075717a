"""SRCNN, ESPCN and DRCN, the networks on Y, as published."""

import numpy as np

from jsr.weights.layouts import rules
from jsr.weights.layouts.rules import Layout, Plan, Rule, Tensors


def _columns(x: np.ndarray) -> np.ndarray:
  """(inputs, taps, outputs), taps column by column, to (height, width, in, out)."""
  side = round(x.shape[1] ** 0.5)
  return x.reshape(x.shape[0], side, side, x.shape[2]).transpose(2, 1, 0, 3)


def _srcnn_matlab(tensors: Tensors) -> Plan:
  first = rules.side(tensors, 1, ('weights_conv1',), 64)
  second = rules.side(tensors, 2, ('weights_conv2',), 32)
  taps = rules.side(tensors, 1, ('weights_conv2',), 1)
  middle = {9: 3, 25: 5}.get(taps, 1)
  kernels = (
    ('head', 'weights_conv1', (81, first), lambda x: _columns(x[None])),
    ('middle', 'weights_conv2', (first, middle**2, second), _columns),
    ('tail', 'weights_conv3', (second, 25), lambda x: _columns(x[..., None])),
  )
  result = [
    Rule(f'params/{to}/conv/kernel', rules.one(name, shape), change)
    for to, name, shape, change in kernels
  ]
  for i, (to, n) in enumerate((('head', first), ('middle', second), ('tail', 1)), 1):
    source = rules.one(f'biases_conv{i}', (n, 1), (n,), (1, n))
    result.append(Rule(f'params/{to}/conv/bias', source, rules.flat))
  return Plan(None, {'middle': middle, 'features': (first, second)}, result)


def _espcn_tensorflow(tensors: Tensors) -> Plan:
  first = rules.side(tensors, 3, ('f1',), 64)
  second = rules.side(tensors, 3, ('f2',), 32)
  outs = rules.side(tensors, 3, ('f3',), 9)
  scale = max(round(outs**0.5), 1)
  result = []
  sides = (('head', 5, 1, first), ('middle', 3, first, second))
  for i, (to, k, into, out) in enumerate((*sides, ('tail', 3, second, scale**2)), 1):
    kernel, bias = rules.one(f'f{i}', (k, k, into, out)), rules.one(f'b{i}', (out,))
    result.append(Rule(f'params/{to}/conv/kernel', kernel, rules.hwio))
    result.append(Rule(f'params/{to}/conv/bias', bias, rules.copy))
  args = {'features': (first, second), 'activation': 'relu', 'tanh_output': True}
  return Plan(scale, args, result)


def _espcn_torch(tensors: Tensors) -> Plan:
  first = rules.side(tensors, 0, ('first_part.0.weight',), 64)
  second = rules.side(tensors, 0, ('first_part.2.weight',), 32)
  outs = rules.side(tensors, 0, ('last_part.0.weight',), 9)
  scale = max(round(outs**0.5), 1)
  result = [
    *rules.torch_conv('first_part.0', 'head', first, 1, 5),
    *rules.torch_conv('first_part.2', 'middle', second, first),
    *rules.torch_conv('last_part.0', 'tail', scale**2, second),
  ]
  return Plan(scale, {'features': (first, second)}, result)


def _drcn_tensorflow(tensors: Tensors) -> Plan:
  f = rules.side(tensors, 3, ('W_conv', 'W0_conv/conv_W_1'), 96)
  recursions = rules.side(tensors, 0, ('LayerWeights',), 9)
  convs = (
    ('embed0', 'W-1_conv/conv_W_1', 'W-1_conv/conv_B', 1, f),
    ('embed1', 'W0_conv/conv_W_1', 'W0_conv/conv_B', f, f),
    ('recursion/inference', 'W_conv', 'B', f, f),
    ('recursion/reconstruct0', 'WD1_conv_1', 'BD1', f, f),
    ('recursion/reconstruct1', 'WD2_conv_1', 'BD2', f + 1, 1),
  )
  result = []
  for to, kernel, bias, into, out in convs:
    source = rules.one(kernel, (3, 3, into, out))
    result.append(Rule(f'params/{to}/conv/kernel', source, rules.hwio))
    source = rules.one(bias, (out,))
    result.append(Rule(f'params/{to}/conv/bias', source, rules.copy))
  source = rules.one('LayerWeights', (recursions,))
  result.append(Rule('params/weights', source, rules.copy))
  args = {
    'features': f,
    'recursions': recursions,
    'skip': 'concat',
    'reconstruction_relu': True,
    'normalise_weights': True,
    'input_range': 255.0,
  }
  return Plan(None, args, result)


LAYOUTS = (
  Layout('srcnn', 'SRCNN of its authors (MATLAB)', _srcnn_matlab),
  Layout('espcn', 'TF-ESPCN of fannymonori', _espcn_tensorflow),
  Layout('espcn', 'ESPCN-pytorch of yjn870', _espcn_torch),
  Layout('drcn', 'deeply-recursive-cnn-tf of jiny2001', _drcn_tensorflow),
)
