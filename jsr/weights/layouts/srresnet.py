"""SRResNet and SRGAN's generator as published by others.

All of them batch-normalise as we do; what differs is names, whether slopes are shared
by all channels, whether a bias stands before batch norm (where it is dead: it goes into
the running mean), the range of the output, and TensorFlow's order of depth-to-space.
"""

import numpy as np

from jsr.weights.layouts import rules
from jsr.weights.layouts.rules import Layout, Plan, Rule, Source, Stranger, Tensors

_COUNTERS = r'.*\.num_batches_tracked'


def _batch_norm(
  names: tuple[str, str, str, str], target: str, features: int, *, bias: str = ''
) -> list[Rule]:
  """Rules of a batch norm.

  Args:
    names: Of scale, offset, mean and variance in the file.
    target: Path below a collection.
    features: How many.
    bias: Name of the bias of the convolution before it; '' for none.
  """
  shape = (features,)
  scale, offset, mean, var = (rules.one(name, shape) for name in names)
  result = [
    Rule(f'params/{target}/scale', scale, rules.copy),
    Rule(f'params/{target}/bias', offset, rules.copy),
    Rule(f'batch_stats/{target}/var', var, rules.copy),
  ]
  path = f'batch_stats/{target}/mean'
  if bias:
    mean = (*mean, Source(bias, (shape,)))
    return [*result, Rule(path, mean, rules.minus)]
  return [*result, Rule(path, mean, rules.copy)]


def _prelu(name: str, target: str, features: int) -> Rule:
  """A slope for all channels, or one a channel."""
  shapes = ((1,), (features,))
  return Rule(f'params/{target}/slope', (Source(name, shapes),), rules.spread(features))


def _torch_bn(name: str) -> tuple[str, str, str, str]:
  return (
    f'{name}.weight',
    f'{name}.bias',
    f'{name}.running_mean',
    f'{name}.running_var',
  )


def _torch_normed(
  conv: str, bn: str, target: str, target_bn: str, f: int, *, bias: bool
) -> list[Rule]:
  """A PyTorch convolution and the batch norm after it."""
  return [
    *rules.torch_conv(conv, target, f, f, bias=False),
    *_batch_norm(_torch_bn(bn), target_bn, f, bias=f'{conv}.bias' if bias else ''),
  ]


def _leftthomas(tensors: Tensors) -> Plan:
  blocks = max(rules.largest(tensors, r'block(\d+)\.conv1\.weight') - 2, 1)
  ups = max(rules.largest(tensors, r'block\d+\.(\d+)\.conv\.weight'), 1)
  body, tail = f'block{blocks + 2}', f'block{blocks + 3}'
  f = rules.side(tensors, 0, ('block1.0.weight', 'block2.conv1.weight'), 64)
  result = [
    *rules.torch_conv('block1.0', 'head', f, 3, 9),
    _prelu('block1.1.weight', 'head_prelu', f),
  ]
  for i in range(blocks):
    name, to = f'block{i + 2}', f'block{i}'
    for j in ('1', '2'):
      conv, bn = f'{name}.conv{j}', f'{name}.bn{j}'
      result += _torch_normed(conv, bn, f'{to}/conv{j}', f'{to}/bn{j}', f, bias=True)
    result.append(_prelu(f'{name}.prelu.weight', f'{to}/prelu', f))
  normed = f'{body}.1.running_mean' in tensors
  if normed:  # The later version.
    result += _torch_normed(f'{body}.0', f'{body}.1', 'body', 'body_bn', f, bias=True)
  else:
    result += rules.torch_conv(f'{body}.0', 'body', f, f)
    result.append(_prelu(f'{body}.1.weight', 'body_prelu', f))
  for i in range(ups):
    result += rules.torch_conv(f'{tail}.{i}.conv', f'up{i}/conv', 4 * f, f)
    result.append(_prelu(f'{tail}.{i}.prelu.weight', f'up{i}_prelu', f))
  result += rules.torch_conv(f'{tail}.{ups}', 'tail', 3, f, 9)
  args = {
    'blocks': blocks,
    'features': f,
    'tanh': True,
    'after_body': 'bn' if normed else 'prelu',
  }
  return Plan(2**ups, args, result, ignored=(_COUNTERS,))


def _lornatang(tensors: Tensors) -> Plan:
  # An earlier and a later set of names for the same network.
  early = 'conv_block1.0.weight' in tensors
  head, body, tail = (
    ('conv_block1', 'conv_block2', 'conv_block3')
    if early
    else ('conv1', 'conv2', 'conv3')
  )
  blocks = max(rules.largest(tensors, r'trunk\.(\d+)\.rcb\.0\.weight'), 1)
  ups = max(rules.largest(tensors, r'upsampling\.(\d+)\.upsample_block\.0\.weight'), 1)
  f = rules.side(tensors, 0, (f'{head}.0.weight', 'trunk.0.rcb.0.weight'), 64)
  result = [
    *rules.torch_conv(f'{head}.0', 'head', f, 3, 9),
    _prelu(f'{head}.1.weight', 'head_prelu', f),
  ]
  for i in range(blocks):
    name, to = f'trunk.{i}.rcb', f'block{i}'
    for j, (conv, bn) in enumerate(((0, 1), (3, 4)), 1):
      result += _torch_normed(
        f'{name}.{conv}', f'{name}.{bn}', f'{to}/conv{j}', f'{to}/bn{j}', f, bias=False
      )
    result.append(_prelu(f'{name}.2.weight', f'{to}/prelu', f))
  result += _torch_normed(f'{body}.0', f'{body}.1', 'body', 'body_bn', f, bias=False)
  for i in range(ups):
    name = f'upsampling.{i}.upsample_block'
    result += rules.torch_conv(f'{name}.0', f'up{i}/conv', 4 * f, f)
    result.append(_prelu(f'{name}.2.weight', f'up{i}_prelu', f))
  # Its last convolution makes [0, 1] itself; ours is followed by (y + 1) / 2.
  last = rules.torch_conv(tail, 'tail', 3, f, 9)
  result.append(last[0]._replace(transform=lambda x: 2 * rules.oihw(x)))
  result.append(last[1]._replace(transform=lambda x: 2 * x - 1))
  args = {'blocks': blocks, 'features': f}
  return Plan(2**ups, args, result, ignored=(_COUNTERS,))


def _mxnet(tensors: Tensors) -> Plan:
  convs = rules.largest(tensors, r'arg:convolution(\d+)_weight')
  norms = max(rules.largest(tensors, r'arg:batchnorm(\d+)_gamma'), 3)
  blocks = (norms - 1) // 2
  ups = max(convs - 2 * blocks - 3, 1)
  f = rules.side(tensors, 0, ('arg:convolution0_weight', 'arg:convolution1_weight'), 64)

  def conv(i: int, to: str, out: int, into: int, k: int, *, bias: bool) -> list[Rule]:
    name = f'arg:convolution{i}'
    kernel = rules.one(f'{name}_weight', (out, into, k, k))
    made = [Rule(f'params/{to}/conv/kernel', kernel, rules.oihw)]
    if bias:
      source = rules.one(f'{name}_bias', (out,))
      made.append(Rule(f'params/{to}/conv/bias', source, rules.copy))
    return made

  def norm(i: int, to: str) -> list[Rule]:
    arg, aux = f'arg:batchnorm{i}', f'aux:batchnorm{i}'
    names = f'{arg}_gamma', f'{arg}_beta', f'{aux}_moving_mean', f'{aux}_moving_var'
    return _batch_norm(names, to, f)

  def slope(i: int, to: str) -> Rule:
    return _prelu(f'arg:leakyrelu{i}_weight', to, f)

  result = [*conv(0, 'head', f, 3, 9, bias=True), slope(0, 'head_prelu')]
  for b in range(blocks):
    to = f'block{b}'
    result += conv(2 * b + 1, f'{to}/conv1', f, f, 3, bias=False)
    result += [*norm(2 * b, f'{to}/bn1'), slope(b + 1, f'{to}/prelu')]
    result += conv(2 * b + 2, f'{to}/conv2', f, f, 3, bias=False)
    result += norm(2 * b + 1, f'{to}/bn2')
  result += conv(2 * blocks + 1, 'body', f, f, 3, bias=False)
  result += norm(2 * blocks, 'body_bn')
  for i in range(ups):
    result += conv(2 * blocks + 2 + i, f'up{i}/conv', 4 * f, f, 3, bias=True)
    result.append(slope(blocks + 1 + i, f'up{i}_prelu'))
  result += conv(2 * blocks + 2 + ups, 'tail', 3, f, 9, bias=True)
  return Plan(2**ups, {'blocks': blocks, 'features': f}, result)


def _keras_variance(x: np.ndarray) -> np.ndarray:
  """Keras adds 1e-3 to a variance where we add 1e-5."""
  return x + np.float32(1e-3 - 1e-5)


def _krasserm(tensors: Tensors) -> Plan:
  convs = rules.keras_layers(tensors, 'kernel', 'bias')
  moments = ('moving_mean', 'moving_variance')
  norms = rules.keras_layers(tensors, 'gamma', 'beta', *moments)
  slopes = rules.keras_layers(tensors, 'alpha')
  blocks = max((len(norms) - 1) // 2, 1)
  ups = max(len(convs) - 2 * blocks - 3, 1)
  convs += [f'convolution {i}' for i in range(len(convs), 2 * blocks + 3 + ups)]
  norms += [f'batch norm {i}' for i in range(len(norms), 2 * blocks + 1)]
  slopes += [f'PReLU {i}' for i in range(len(slopes), blocks + 1 + ups)]
  f = rules.side(tensors, 3, (f'{convs[0]}/kernel', f'{convs[1]}/kernel'), 64)

  def conv(i: int, to: str, out: int, into: int, k: int) -> list[Rule]:
    kernel = rules.one(f'{convs[i]}/kernel', (k, k, into, out))
    bias = rules.one(f'{convs[i]}/bias', (out,))
    return [
      Rule(f'params/{to}/conv/kernel', kernel, rules.hwio),
      Rule(f'params/{to}/conv/bias', bias, rules.copy),
    ]

  def normed(i: int, n: int, to: str, to_bn: str) -> list[Rule]:
    bn = norms[n]
    names = f'{bn}/gamma', f'{bn}/beta', f'{bn}/moving_mean', f'{bn}/moving_variance'
    made = _batch_norm(names, to_bn, f, bias=f'{convs[i]}/bias')
    return [
      conv(i, to, f, f, 3)[0],
      *(
        rule._replace(transform=_keras_variance)
        if rule.target.endswith('/var')
        else rule
        for rule in made
      ),
    ]

  def slope(i: int, to: str) -> Rule:
    source = rules.one(f'{slopes[i]}/alpha', (1, 1, f))
    return Rule(f'params/{to}/slope', source, rules.flat)

  result = [*conv(0, 'head', f, 3, 9), slope(0, 'head_prelu')]
  for b in range(blocks):
    to = f'block{b}'
    result += normed(2 * b + 1, 2 * b, f'{to}/conv1', f'{to}/bn1')
    result.append(slope(b + 1, f'{to}/prelu'))
    result += normed(2 * b + 2, 2 * b + 1, f'{to}/conv2', f'{to}/bn2')
  result += normed(2 * blocks + 1, 2 * blocks, 'body', 'body_bn')
  for i in range(ups):
    made = conv(2 * blocks + 2 + i, f'up{i}/conv', 4 * f, f, 3)
    result += [rule._replace(transform=rules.channel_slowest(2)) for rule in made]
    result.append(slope(blocks + 1 + i, f'up{i}_prelu'))
  result += conv(2 * blocks + 2 + ups, 'tail', 3, f, 9)
  return Plan(2**ups, {'blocks': blocks, 'features': f, 'tanh': True}, result)


LAYOUTS = (
  Layout('srresnet', 'SRGAN of leftthomas', _leftthomas),
  Layout('srresnet', 'SRGAN-PyTorch of Lornatang', _lornatang),
  Layout('srresnet', 'SRResNet in MXNet names', _mxnet),
  Layout('srresnet', 'SRGAN of krasserm (Keras)', _krasserm),
)
STRANGERS = (
  Stranger(
    'MSRResNet of BasicSR',
    (
      r'conv_first\.weight',
      r'upconv1\.weight',
      r'conv_hr\.weight',
      r'body\.0\.conv1\.weight',
    ),
    'it is SRResNet without batch norm, with leaky ReLUs and a bilinear skip',
  ),
)
