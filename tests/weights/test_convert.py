"""Weights of other programs: converted they compute the same; faults are all named."""

import re

import jax
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.evaluate import fit
from jsr.weights import convert, layouts
from tests.weights import programs
from tests.weights.programs import made, state

torch = pytest.importorskip('torch')


def renamed(content, *rules):
  result = {}
  for name, array in content.items():
    for pattern, text in rules:
      name = re.sub(f'^{pattern}$', text, name)
    result[name] = array
  return result


def edsr_basicsr(scale):
  return {
    name: array
    for name, array in renamed(
      state(made(programs.EDSR, scale)),
      (r'head\.0\.(.*)', r'conv_first.\1'),
      (r'body\.(\d)\.body\.0\.(.*)', r'body.\1.conv1.\2'),
      (r'body\.(\d)\.body\.2\.(.*)', r'body.\1.conv2.\2'),
      (r'body\.2\.([wb].*)', r'conv_after_body.\1'),
      (r'tail\.0\.(.*)', r'upsample.\1'),
      (r'tail\.1\.(.*)', r'conv_last.\1'),
    ).items()
    if '_mean.' not in name
  }


def rrdb_names(tail, block, body, ups, hr):
  """RRDBNet's tensors under other names."""
  return renamed(
    state(made(programs.RRDBNet)),
    (r'body\.(\d)\.rdb(\d)\.conv(\d)\.(.*)', block),
    (r'conv_body\.(.*)', body),
    (r'conv_up1\.(.*)', ups[0]),
    (r'conv_up2\.(.*)', ups[1]),
    (r'conv_hr\.(.*)', hr),
    *tail,
  )


def mxnet_edsr():
  content = {}
  for array in made(programs.KrassermEDSR, 4).tensors().values():
    part, array = (
      ('weight', array.transpose(3, 2, 0, 1)) if array.ndim == 4 else ('bias', array)
    )
    count = sum(part in other for other in content)
    content[f'arg:convolution{count}_{part}'] = array
  mean = np.array(programs.MEAN, np.float32).reshape(1, 3, 1, 1)
  return {**content, 'arg:neg_DIV2K_mean': -mean, 'arg:DIV2K_mean': mean}


def lornatang_early():
  return renamed(
    state(made(programs.Lornatang)), (r'conv(\d)\.(.*)', r'conv_block\1.\2')
  )


# Name -> (generator, the network in PyTorch, its tensors where renamed).
CASES = {
  'edsr x2': ('edsr', lambda: made(programs.EDSR, 2), None),
  'edsr x3': ('edsr', lambda: made(programs.EDSR, 3), None),
  'edsr x4': ('edsr', lambda: made(programs.EDSR, 4), None),
  'edsr BasicSR': ('edsr', lambda: made(programs.EDSR, 4), lambda: edsr_basicsr(4)),
  'edsr Keras x3': ('edsr', lambda: made(programs.KrassermEDSR, 3), None),
  'edsr Keras x4': ('edsr', lambda: made(programs.KrassermEDSR, 4), None),
  'edsr MXNet': ('edsr', lambda: made(programs.KrassermEDSR, 4), mxnet_edsr),
  'mdsr': ('mdsr', lambda: made(programs.MDSR, (2, 3, 4)), None),
  'rrdb': ('rrdb', lambda: made(programs.RRDBNet), None),
  'rrdb ESRGAN': (
    'rrdb',
    lambda: made(programs.RRDBNet),
    lambda: rrdb_names(
      (),
      r'RRDB_trunk.\1.RDB\2.conv\3.\4',
      r'trunk_conv.\1',
      (r'upconv1.\1', r'upconv2.\1'),
      r'HRconv.\1',
    ),
  ),
  'rrdb old': (
    'rrdb',
    lambda: made(programs.RRDBNet),
    lambda: rrdb_names(
      ((r'conv_first\.(.*)', r'model.0.\1'), (r'conv_last\.(.*)', r'model.10.\1')),
      r'model.1.sub.\1.RDB\2.conv\3.0.\4',
      r'model.1.sub.2.\1',
      (r'model.3.\1', r'model.6.\1'),
      r'model.8.\1',
    ),
  ),
  'srgan leftthomas': ('srresnet', lambda: made(programs.Leftthomas, True), None),
  'srgan leftthomas early': (
    'srresnet',
    lambda: made(programs.Leftthomas, False),
    None,
  ),
  'srgan Lornatang': ('srresnet', lambda: made(programs.Lornatang), None),
  'srgan Lornatang early': (
    'srresnet',
    lambda: made(programs.Lornatang),
    lornatang_early,
  ),
  'srgan Keras': ('srresnet', lambda: made(programs.Krasserm), None),
  'espcn': ('espcn', lambda: made(programs.ESPCN), None),
}


def content_of(case):
  generator, build, rename = CASES[case]
  twin = build()
  own = twin.tensors() if hasattr(twin, 'tensors') else state(twin)
  return generator, twin, rename() if rename else own


def outputs(got, twin, scale):
  model = models.build(got.generator, scale=scale, **got.args)
  channels = 1 if model.color == 'y' else 3
  image = np.random.default_rng(0).random((1, 7, 10, channels), np.float32)
  sr = jax.jit(model.apply)(got.variables, image)
  with torch.no_grad():
    want = twin(torch.tensor(image.transpose(0, 3, 1, 2))).numpy()
  return np.asarray(sr), want.transpose(0, 2, 3, 1)


@pytest.mark.parametrize('case', CASES)
def test_converted_networks_compute_the_same(case):
  generator, twin, content = content_of(case)
  got = convert.convert(content, generator, origin='x')
  fit.check(got.generator, got.scale, got.args, got.variables, 'x')
  scales = got.args['scales'] if generator == 'mdsr' else (got.scale,)
  for i, scale in enumerate(scales):
    twin.index = i
    sr, want = outputs(got, twin, scale)
    assert sr.shape == want.shape
    error = float(np.abs(sr - want).max() / np.abs(want).max())
    assert error < 1e-5, error
  # What could hide: a network that ignores its weights.
  assert np.std(sr) > 1e-3


@pytest.mark.parametrize('case', CASES)
def test_every_fault_is_named(case):
  generator, _, content = content_of(case)
  names = [n for n in content if 'num_batches' not in n and 'ean' not in n]
  lost, bent, sick = (names[int(len(names) * at)] for at in (0.3, 0.55, 0.8))
  # A row too many, and not along an axis that tells the number of features.
  content[bent] = np.concatenate([content[bent]] * 2, axis=-1)
  content[sick] = np.full_like(content[sick], np.nan)
  del content[lost]
  content['surplus'] = np.zeros(3, np.float32)
  with pytest.raises(UserError) as error:
    convert.convert(content, generator, origin='file.x')
  text = str(error.value)
  assert text.startswith(f'file.x does not fit {generator} as ')
  assert '\n' not in text
  parts = dict(part.split(': ') for part in text.split(': ', 1)[1].split('; '))
  assert parts['missing'] == lost
  assert parts['unexpected'] == 'surplus'
  assert parts['not finite numbers'] == sick
  shape = ', '.join(map(str, content[bent].shape))
  assert parts['misshapen'].startswith(f'{bent} ({shape}) instead of (')
  assert parts['misshapen'].count(' instead of ') == 1


@pytest.mark.parametrize('case', CASES)
def test_no_shape_is_odd_enough_to_crash(case):
  generator, _, content = content_of(case)
  odd = [
    np.float32(0),
    np.zeros(0, 'f'),
    np.zeros((0, 2), 'f'),
    np.zeros((1,) * 5, 'f'),
  ]
  names = [n for n in content if 'num_batches' not in n]
  for name in names[:3] + names[-3:] + names[:: len(names) // 5]:
    for array in odd:
      broken = {**content, name: np.asarray(array)}
      with pytest.raises(UserError, match=re.escape(name)):
        convert.convert(broken, generator, origin='x')


def test_a_huge_number_in_a_name_costs_nothing():
  content = state(made(programs.EDSR, 2))
  far = 'body.1000000000000.body.0.weight'
  with pytest.raises(UserError, match=f'unexpected: {re.escape(far)}$'):
    convert.convert({**content, far: np.zeros(3, 'f')}, 'edsr', origin='x')


def test_constants_that_are_built_in_are_checked():
  content = state(made(programs.EDSR, 2))
  content['sub_mean.bias'] = content['sub_mean.bias'] / 255
  with pytest.raises(UserError, match=r'built in: sub_mean\.bias$'):
    convert.convert(content, 'edsr', origin='x')
  del content['sub_mean.bias'], content['add_mean.weight']
  convert.convert(content, 'edsr', origin='x')


def test_wide_edsr_gets_the_paper_s_residual_scale():
  content = state(made(programs.EDSR, 2, 256, 1))
  got = convert.convert(content, 'edsr', origin='x')
  assert got.args['residual_scale'] == 0.1
  assert 'residual_scale 0.1' in got.note


@pytest.mark.parametrize(
  ('names', 'match'),
  [
    (
      ('conv_first.weight', 'body.0.conv1.weight', 'upconv1.weight', 'conv_hr.weight'),
      'MSRResNet of BasicSR, which is none of the networks here',
    ),
    (
      ('body.0.weight', 'body.1.weight', 'body.2.weight', 'body.2.bias'),
      'SRVGGNetCompact',
    ),
  ],
)
def test_strangers_are_refused_by_name(names, match):
  content = dict.fromkeys(names, np.zeros(3, np.float32))
  for generator in ('srresnet', 'edsr', 'rrdb', 'compact'):
    with pytest.raises(UserError, match=match):
      convert.convert(content, generator, origin='x')


def test_the_right_network_is_suggested():
  content = state(made(programs.RRDBNet))
  with pytest.raises(UserError, match='--as rrdb'):
    convert.convert(content, 'edsr', origin='x')
  with pytest.raises(UserError, match="did you mean 'srresnet'"):
    convert.convert(content, 'srresnett', origin='x')


def test_every_layout_is_of_a_generator_and_copes_with_nothing():
  for layout in layouts.layouts():
    assert layout.generator in models.generator_names()
    plan = layout.plan({})
    assert plan.rules
    targets = [rule.target for rule in plan.rules]
    assert len(targets) == len({*targets})
