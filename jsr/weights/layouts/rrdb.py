"""RRDBNet (ESRGAN, Real-ESRGAN) under its three sets of names."""

from typing import NamedTuple

from jsr.weights.layouts import rules
from jsr.weights.layouts.rules import Layout, Plan, Stranger, Tensors


class _Names(NamedTuple):
  """How one program names the convolutions; {} stand for numbers."""

  head: str
  dense: str  # Block, dense block, convolution; numbered by their bases below.
  body: str
  ups: tuple[str, str]
  hr: str
  tail: str


_BASICSR = _Names(
  'conv_first',
  'body.{}.rdb{}.conv{}',
  'conv_body',
  ('conv_up1', 'conv_up2'),
  'conv_hr',
  'conv_last',
)
_ESRGAN = _Names(
  'conv_first',
  'RRDB_trunk.{}.RDB{}.conv{}',
  'trunk_conv',
  ('upconv1', 'upconv2'),
  'HRconv',
  'conv_last',
)
_OLD = _Names(
  'model.0',
  'model.1.sub.{}.RDB{}.conv{}.0',
  'model.1.sub.{}',
  ('model.3', 'model.6'),
  'model.8',
  'model.10',
)


def _plan(tensors: Tensors, names: _Names) -> Plan:
  counted = names.dense.replace('.', r'\.').format(r'(\d+)', 1, 1) + r'\.weight'
  blocks = max(rules.largest(tensors, counted), 1)
  first = names.dense.format(0, 1, 1)
  f = rules.side(tensors, 0, (f'{names.head}.weight', f'{names.hr}.weight'), 64)
  growth = rules.side(tensors, 0, (f'{first}.weight', f'{first}.bias'), 32)
  result = rules.torch_conv(names.head, 'head', f, 3)
  for i in range(blocks):
    for j in range(3):
      for k in range(5):
        name, out = names.dense.format(i, j + 1, k + 1), growth if k < 4 else f
        to = f'block{i}/dense{j}/conv{k}'
        result += rules.torch_conv(name, to, out, f + k * growth)
  # The old names count the convolution after the blocks as one more block.
  result += rules.torch_conv(names.body.format(blocks), 'body', f, f)
  for i, name in enumerate(names.ups):
    result += rules.torch_conv(name, f'up{i}', f, f)
  result += rules.torch_conv(names.hr, 'hr', f, f)
  result += rules.torch_conv(names.tail, 'tail', 3, f)
  return Plan(4, {'blocks': blocks, 'features': f, 'growth': growth}, result)


LAYOUTS = (
  Layout('rrdb', 'RRDBNet of BasicSR', lambda tensors: _plan(tensors, _BASICSR)),
  Layout('rrdb', 'RRDBNet of ESRGAN', lambda tensors: _plan(tensors, _ESRGAN)),
  Layout('rrdb', 'RRDBNet of ESRGAN, old names', lambda tensors: _plan(tensors, _OLD)),
)
STRANGERS = (
  Stranger(
    'SRVGGNetCompact of Real-ESRGAN',
    (r'body\.0\.weight', r'body\.1\.weight', r'body\.2\.weight', r'body\.2\.bias'),
    'it adds what it computes to the nearest-pixel enlargement',
  ),
)
