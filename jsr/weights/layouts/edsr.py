"""EDSR and MDSR as published by others.

The networks agree; what differs is names, the range inside (255 in the authors' release
and in BasicSR, 2 in krasserm's), and the order of depth-to-space.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from jsr.weights.layouts import rules
from jsr.weights.layouts.rules import Fixed, Layout, Plan, Rule, Tensors

# From (convolution, target, out, into) to its rules.
Conv = Callable[[int, str, int, int], list[Rule]]


def _mean_shift(name: str, sign: int) -> tuple[Fixed, ...]:
  """The authors' 1x1 convolution that takes the mean of DIV2K off, or adds it."""
  mean = np.array(rules.DIV2K_MEAN) * 255 * sign
  eye = np.eye(3).reshape(3, 3, 1, 1)
  return Fixed(f'{name}.weight', eye), Fixed(f'{name}.bias', mean)


def _residual_scale(features: int) -> tuple[float, str]:
  """The factor of residuals, which no tensor tells, and a note on it."""
  scale = 0.1 if features >= 256 else 1.0
  return scale, f'residual_scale {scale} taken for {features} features'


def _factors(outs: Sequence[int], features: int) -> list[int]:
  """Factors of the shuffles, from the outputs of the convolutions before them."""
  return [3 if out == 9 * features else 2 for out in outs] or [2]


def _authors(tensors: Tensors) -> Plan:
  blocks = max(rules.largest(tensors, r'body\.(\d+)\.body\.0\.weight'), 1)
  f = rules.side(tensors, 0, ('head.0.weight', 'body.0.body.0.weight'), 64)
  ups = [f'tail.0.{2 * i}' for i in range(3)]
  outs = rules.outputs(tensors, [f'{up}.bias' for up in ups])
  result = rules.torch_conv('head.0', 'head', f, 3)
  for i in range(blocks):
    for j, k in ((1, 0), (2, 2)):
      result += rules.torch_conv(f'body.{i}.body.{k}', f'block{i}/conv{j}', f, f)
  result += rules.torch_conv(f'body.{blocks}', 'body', f, f)
  factors = _factors(outs, f)
  for i, factor in enumerate(factors):
    result += rules.torch_conv(ups[i], f'up{i}', f * factor**2, f)
  result += rules.torch_conv('tail.1', 'tail', 3, f)
  scale, note = _residual_scale(f)
  args = {'blocks': blocks, 'features': f, 'residual_scale': scale}
  fixed = (*_mean_shift('sub_mean', -1), *_mean_shift('add_mean', 1))
  return Plan(math.prod(factors), args, result, fixed, note=note)


def _basicsr(tensors: Tensors) -> Plan:
  blocks = max(rules.largest(tensors, r'body\.(\d+)\.conv1\.weight'), 1)
  f = rules.side(tensors, 0, ('conv_first.weight', 'body.0.conv1.weight'), 64)
  ups = [f'upsample.{2 * i}' for i in range(3)]
  outs = rules.outputs(tensors, [f'{up}.bias' for up in ups])
  result = rules.torch_conv('conv_first', 'head', f, 3)
  for i in range(blocks):
    for j in (1, 2):
      result += rules.torch_conv(f'body.{i}.conv{j}', f'block{i}/conv{j}', f, f)
  result += rules.torch_conv('conv_after_body', 'body', f, f)
  factors = _factors(outs, f)
  for i, factor in enumerate(factors):
    result += rules.torch_conv(ups[i], f'up{i}', f * factor**2, f)
  result += rules.torch_conv('conv_last', 'tail', 3, f)
  scale, note = _residual_scale(f)
  args = {'blocks': blocks, 'features': f, 'residual_scale': scale}
  return Plan(math.prod(factors), args, result, note=note)


def _krasserm_plan(outs: Sequence[int], conv: Conv) -> Plan:
  """The network as a chain of convolutions, from the outputs of each of them."""
  f = outs[0] if outs else 64
  factors = _factors([out for out in outs[1:] if out in (4 * f, 9 * f)], f)
  blocks = max((len(outs) - 3 - len(factors)) // 2, 1)
  result = conv(0, 'head', f, 3)
  for i in range(blocks):
    for j in (1, 2):
      result += conv(2 * i + j, f'block{i}/conv{j}', f, f)
  result += conv(2 * blocks + 1, 'body', f, f)
  for i, factor in enumerate(factors):
    result += conv(2 * blocks + 2 + i, f'up{i}', f * factor**2, f)
  result += conv(2 * blocks + 2 + len(factors), 'tail', 3, f)
  args = {
    'blocks': blocks,
    'features': f,
    'internal_range': 2.0,
    'layout': 'tensorflow',
  }
  return Plan(math.prod(factors), args, result)


def _mxnet(tensors: Tensors) -> Plan:
  def conv(i: int, to: str, out: int, into: int) -> list[Rule]:
    name = f'arg:convolution{i}'
    kernel = rules.one(f'{name}_weight', (out, into, 3, 3))
    bias = rules.one(f'{name}_bias', (out,))
    return [
      Rule(f'params/{to}/conv/kernel', kernel, rules.oihw),
      Rule(f'params/{to}/conv/bias', bias, rules.copy),
    ]

  count = rules.largest(tensors, r'arg:convolution(\d+)_weight')
  names = [f'arg:convolution{i}_weight' for i in range(count)]
  plan = _krasserm_plan([rules.side(tensors, 0, [n], 64) for n in names], conv)
  mean = np.array(rules.DIV2K_MEAN).reshape(1, 3, 1, 1)
  fixed = (Fixed('arg:neg_DIV2K_mean', -mean), Fixed('arg:DIV2K_mean', mean))
  return plan._replace(fixed=fixed)


def _keras(tensors: Tensors) -> Plan:
  found = rules.keras_layers(tensors, 'kernel', 'bias')

  def conv(i: int, to: str, out: int, into: int) -> list[Rule]:
    name = found[i] if i < len(found) else f'convolution {i}'
    kernel = rules.one(f'{name}/kernel', (3, 3, into, out))
    bias = rules.one(f'{name}/bias', (out,))
    return [
      Rule(f'params/{to}/conv/kernel', kernel, rules.hwio),
      Rule(f'params/{to}/conv/bias', bias, rules.copy),
    ]

  outs = []
  for name in found:
    out = rules.side(tensors, 0, [f'{name}/bias'], 64)
    outs.append(rules.side(tensors, 3, [f'{name}/kernel'], out))
  return _krasserm_plan(outs, conv)


def _mdsr(tensors: Tensors) -> Plan:
  blocks = max(rules.largest(tensors, r'body\.(\d+)\.body\.0\.weight'), 1)
  f = rules.side(tensors, 0, ('head.0.weight', 'body.0.body.0.weight'), 64)
  result = rules.torch_conv('head.0', 'head', f, 3)
  for i in range(blocks):
    for j, k in ((1, 0), (2, 2)):
      result += rules.torch_conv(f'body.{i}.body.{k}', f'block{i}/conv{j}', f, f)
  result += rules.torch_conv(f'body.{blocks}', 'body', f, f)
  scales = []
  for branch in range(max(rules.largest(tensors, r'upsample\.(\d+)\..*'), 1)):
    ups = [f'upsample.{branch}.{2 * i}' for i in range(3)]
    outs = rules.outputs(tensors, [f'{up}.bias' for up in ups])
    factors = _factors(outs, f)
    scale = math.prod(factors)
    scales.append(scale)
    for i in (0, 1):
      for j, k in ((1, 0), (2, 2)):
        name = f'pre_process.{branch}.{i}.body.{k}'
        result += rules.torch_conv(name, f'x{scale}_head{i}/conv{j}', f, f, 5)
    for i, factor in enumerate(factors):
      result += rules.torch_conv(ups[i], f'x{scale}_up{i}', f * factor**2, f)
  result += rules.torch_conv('tail.0', 'tail', 3, f)
  args = {'blocks': blocks, 'features': f, 'scales': tuple(scales)}
  fixed = (*_mean_shift('sub_mean', -1), *_mean_shift('add_mean', 1))
  return Plan(max(scales), args, result, fixed)


LAYOUTS = (
  Layout('edsr', 'EDSR-PyTorch of its authors', _authors),
  Layout('edsr', 'EDSR of BasicSR', _basicsr),
  Layout('edsr', 'EDSR of krasserm in MXNet names', _mxnet),
  Layout('edsr', 'EDSR of krasserm (Keras)', _keras),
  Layout('mdsr', 'EDSR-PyTorch of its authors', _mdsr),
)
