"""Weights of face networks, from the files in which others published them.

MobileFaceNet is read under insightface's MXNet names, FaceNet under those of the
PyTorch package facenet-pytorch, which holds the published TensorFlow models (files
20180402-114759-vggface2.pt and 20180408-102900-casia-webface.pt). Nothing is
downloaded: neither publisher gives a checksum.
"""

import os
from collections.abc import Callable

from jsr.errors import unknown
from jsr.types import Variables
from jsr.weights import convert, tensors
from jsr.weights.layouts import rules
from jsr.weights.layouts.rules import Plan, Rule, Tensors

# A convolution: (out, in, height, width).
_Shape = tuple[int, int, int, int]
_MOBILE = (*(('res_3', 4, 128, 64), ('res_4', 6, 256, 128), ('res_5', 2, 256, 128)),)
_MOBILE_DOWN = (
  *(('dconv_23', 128, 64), ('dconv_34', 256, 64), ('dconv_45', 512, 128)),
)
# Branches of FaceNet's blocks: (features, height, width of the kernel) in a row; the
# same facts as in `jsr.models.faces`.
_Branches = tuple[tuple[tuple[int, int, int], ...], ...]
_BLOCK35: _Branches = (
  ((32, 1, 1),),
  ((32, 1, 1), (32, 3, 3)),
  ((32, 1, 1), (32, 3, 3), (32, 3, 3)),
)
_BLOCK17: _Branches = (((128, 1, 1),), ((128, 1, 1), (128, 1, 7), (128, 7, 1)))
_BLOCK8: _Branches = (((192, 1, 1),), ((192, 1, 1), (192, 1, 3), (192, 3, 1)))
_MIXED_6A: _Branches = (((384, 3, 3),), ((192, 1, 1), (192, 3, 3), (256, 3, 3)))
_MIXED_7A: _Branches = (
  ((256, 1, 1), (384, 3, 3)),
  ((256, 1, 1), (256, 3, 3)),
  ((256, 1, 1), (256, 3, 3), (256, 3, 3)),
)
_STEM = (
  *(('1a', 32, 3, 3), ('2a', 32, 32, 3), ('2b', 64, 32, 3)),
  *(('3b', 80, 64, 1), ('4a', 192, 80, 3), ('4b', 256, 192, 3)),
)
# The last name of each, and its blocks, width and branches.
_TRUNKS = (
  *(('repeat_1', 5, 256, _BLOCK35), ('repeat_2', 10, 896, _BLOCK17)),
  ('repeat_3', 5, 1792, _BLOCK8),
)


def load(path: str | os.PathLike[str], network: str) -> Variables:
  """Reads the weights of a face network.

  Args:
    path: Any file of tensors; see `jsr.weights.tensors.read`.
    network: 'mobilefacenet' or 'facenet'.

  Returns:
    {'params': ..., 'batch_stats': ...} for `jsr.models.faces`, float32.

  Raises:
    UserError: No such network or file, or one that does not fit it.
  """
  if network not in NETWORKS:
    raise unknown('face network', network, NETWORKS)
  return from_tensors(tensors.read(path), network, str(path))


def from_tensors(content: Tensors, network: str, origin: str = 'the file') -> Variables:
  """Converts tensors by name; see `load`."""
  title, plan = NETWORKS[network]
  return convert.variables(plan(content), content, origin=origin, title=title)


def _unit(
  names: tuple[str, str, str, str, str], target: str, shape: _Shape
) -> list[Rule]:
  """A convolution without bias and its batch norm.

  Args:
    names: Of kernel, factor, offset, mean and variance in the file.
    target: Path of the unit.
    shape: Of the kernel in the file.
  """
  kernel, *norm = names
  paths = (
    *('params/{}/bn/scale', 'params/{}/bn/bias'),
    *('batch_stats/{}/bn/mean', 'batch_stats/{}/bn/var'),
  )
  result = [Rule(f'params/{target}/conv/kernel', rules.one(kernel, shape), rules.oihw)]
  for name, path in zip(norm, paths, strict=True):
    source = rules.one(name, shape[:1])
    result.append(Rule(path.format(target), source, rules.copy))
  return result


def _insightface(name: str, target: str, shape: _Shape, *, prelu: bool) -> list[Rule]:
  names = (
    f'arg:{name}_conv2d_weight',
    f'arg:{name}_batchnorm_gamma',
    f'arg:{name}_batchnorm_beta',
    f'aux:{name}_batchnorm_moving_mean',
    f'aux:{name}_batchnorm_moving_var',
  )
  result = _unit(names, target, shape)
  if prelu:
    slope = rules.one(f'arg:{name}_relu_gamma', shape[:1])
    result.append(Rule(f'params/{target}/prelu/slope', slope, rules.copy))
  return result


def _bottleneck(name: str, to: str, into: int, width: int, out: int) -> list[Rule]:
  """The three convolutions of a block of MobileFaceNet."""
  shapes = ((width, into, 1, 1), (width, 1, 3, 3), (out, width, 1, 1))
  parts = (('sep', 'expand'), ('dw', 'depthwise'), ('proj', 'project'))
  result = []
  for (theirs, ours), shape in zip(parts, shapes, strict=True):
    source, prelu = f'{name}_conv_{theirs}', theirs != 'proj'
    result += _insightface(source, f'{to}/{ours}', shape, prelu=prelu)
  return result


def _mobilefacenet(_: Tensors) -> Plan:
  result = [
    *_insightface('conv_1', 'stem', (64, 3, 3, 3), prelu=True),
    *_insightface('conv_2_dw', 'stem_depthwise', (64, 1, 3, 3), prelu=True),
  ]
  for i, (name, blocks, width, out) in enumerate(_MOBILE):
    down, strided, into = _MOBILE_DOWN[i]
    result += _bottleneck(down, f'down{i}', into, strided, out)
    for j in range(blocks):
      to = f'stage{i}_block{j}'
      result += _bottleneck(f'{name}_block{j}', to, out, width, out)
  result += _insightface('conv_6sep', 'last', (512, 128, 1, 1), prelu=True)
  last = (512, 1, 7, 7)
  result += _insightface('conv_6dw7_7', 'last_depthwise', last, prelu=False)
  for name, path, shape in (
    ('arg:fc1_weight', 'params/embed/kernel', (128, 512)),
    ('arg:pre_fc1_bias', 'params/embed/bias', (128,)),
    ('arg:fc1_beta', 'params/embed_bn/bias', (128,)),
    ('aux:fc1_moving_mean', 'batch_stats/embed_bn/mean', (128,)),
    ('aux:fc1_moving_var', 'batch_stats/embed_bn/var', (128,)),
  ):
    # A vector transposed is the vector.
    result.append(Rule(path, rules.one(name, shape), lambda x: x.T))
  # MXNet keeps a factor that its batch norm is told not to use.
  return Plan(None, {}, result, ignored=(r'arg:fc1_gamma',))


def _torch_unit(name: str, target: str, shape: _Shape) -> list[Rule]:
  parts = ('conv.weight', 'bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var')
  kernel, factor, offset, mean, var = (f'{name}.{part}' for part in parts)
  return _unit((kernel, factor, offset, mean, var), target, shape)


def _torch_branches(name: str, to: str, into: int, branches: _Branches) -> list[Rule]:
  """Branches of FaceNet; one of a single convolution has no number for it."""
  result = []
  for i, chain in enumerate(branches):
    before = into
    for j, (out, height, width) in enumerate(chain):
      source = f'{name}.branch{i}' + (f'.{j}' if len(chain) > 1 else '')
      shape = (out, before, height, width)
      result += _torch_unit(source, f'{to}branch{i}_{j}', shape)
      before = out
  return result


def _residual(name: str, to: str, into: int, branches: _Branches) -> list[Rule]:
  result = _torch_branches(name, f'{to}/branches/', into, branches)
  width = sum(chain[-1][0] for chain in branches)
  kernel = rules.one(f'{name}.conv2d.weight', (into, width, 1, 1))
  bias = rules.one(f'{name}.conv2d.bias', (into,))
  return [
    *result,
    Rule(f'params/{to}/project/kernel', kernel, rules.oihw),
    Rule(f'params/{to}/project/bias', bias, rules.copy),
  ]


def _facenet(content: Tensors) -> Plan:
  result = []
  for name, out, into, k in _STEM:
    result += _torch_unit(f'conv2d_{name}', f'conv{name}', (out, into, k, k))
  for name, blocks, width, branches in _TRUNKS:
    for j in range(blocks):
      to = f'{name.replace("_", "")}_{j}'
      result += _residual(f'{name}.{j}', to, width, branches)
  result += _torch_branches('mixed_6a', 'reduction0/', 256, _MIXED_6A)
  result += _torch_branches('mixed_7a', 'reduction1/', 896, _MIXED_7A)
  result += _residual('block8', 'block8', 1792, _BLOCK8)
  n = rules.side(content, 0, ('last_linear.weight', 'last_bn.weight'), 512)
  for source, path, shape in (
    ('last_linear.weight', 'params/embed/kernel', (n, 1792)),
    ('last_bn.weight', 'params/embed_bn/scale', (n,)),
    ('last_bn.bias', 'params/embed_bn/bias', (n,)),
    ('last_bn.running_mean', 'batch_stats/embed_bn/mean', (n,)),
    ('last_bn.running_var', 'batch_stats/embed_bn/var', (n,)),
  ):
    result.append(Rule(path, rules.one(source, shape), lambda x: x.T))
  # The classifier served its training alone.
  unused = (r'.*\.num_batches_tracked', r'logits\.(weight|bias)')
  return Plan(None, {'features': n}, result, ignored=unused)


# Whose layout, and its plan.
NETWORKS: dict[str, tuple[str, Callable[[Tensors], Plan]]] = {
  'facenet': ('FaceNet of facenet-pytorch', _facenet),
  'mobilefacenet': ('MobileFaceNet of insightface (MXNet names)', _mobilefacenet),
}
