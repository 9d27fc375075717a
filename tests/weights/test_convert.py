"""Weights of other programs: converted they compute the same; faults are all named."""

import re

import h5py
import jax
import numpy as np
import pytest
import safetensors.numpy
import scipy.io

from jsr import cli, models
from jsr.errors import UserError
from jsr.evaluate import conversion, fit
from jsr.weights import convert, layouts, model_file, tensors
from tests.weights import programs

torch = pytest.importorskip('torch')


def made(kind, *args):
  """A network with noise in every parameter and statistic."""
  torch.manual_seed(0)
  twin = kind(*args).eval()
  for name, value in twin.state_dict().items():
    if value.dtype.is_floating_point and 'mean.' not in name:
      noise = 0.3 * torch.randn(value.shape)
      value.copy_(noise.abs() + 0.5 if name.endswith('running_var') else noise)
  return twin


def state(twin):
  return {k: v.detach().numpy().copy() for k, v in twin.state_dict().items()}


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
  'srgan leftthomas': ('srresnet', lambda: made(programs.Leftthomas), None),
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


def test_fit_names_every_difference():
  got = convert.convert(state(made(programs.EDSR, 2)), 'edsr', origin='x')
  variables = model_file.flatten(got.variables)
  variables['params/more'] = variables.pop('params/tail/conv/bias')
  variables['params/head/conv/bias'] = np.zeros(5, np.float32)
  with pytest.raises(UserError) as error:
    fit.check('edsr', 2, got.args, model_file.nest(variables), 'x')
  text = str(error.value)
  assert text.startswith('x does not fit the network edsr x2 blocks=2 features=4')
  assert 'missing: params/tail/conv/bias; unexpected: params/more; misshapen:' in text
  assert 'params/head/conv/bias (5,) instead of (4,)' in text


# The files and the command.


def write_h5(path, content):
  with h5py.File(path, 'w') as f:
    layers = list(dict.fromkeys(name.split('/')[0] for name in content))
    f.attrs['layer_names'] = [name.encode() for name in layers]
    for layer in layers:
      own = [name for name in content if name.startswith(f'{layer}/')]
      f.create_group(layer).attrs['weight_names'] = [f'{n}:0'.encode() for n in own]
      for name in own:
        f[f'{layer}/{name}:0'] = content[name]


def test_every_kind_of_file(tmp_path):
  content = state(made(programs.ESPCN))
  np.savez(tmp_path / 'npz', **content)
  scipy.io.savemat(tmp_path / 'mat', {'a': np.eye(2), 'text': 'x'}, appendmat=False)
  safetensors.numpy.save_file(content, tmp_path / 'safe')
  keras = made(programs.KrassermEDSR, 2).tensors()
  write_h5(tmp_path / 'h5', keras)
  pth = {f'module.{k}': torch.tensor(v) for k, v in content.items()}
  torch.save({'params': {}, 'params_ema': pth, 'epoch': 3}, tmp_path / 'pth')
  torch.save(pth, tmp_path / 'old', _use_new_zipfile_serialization=False)
  for kind in ('npz.npz', 'safe', 'pth', 'old'):
    got = tensors.read(tmp_path / kind)
    assert got.keys() == content.keys(), kind
    for name, array in content.items():
      np.testing.assert_array_equal(got[name], array)
  np.testing.assert_array_equal(tensors.read(tmp_path / 'mat')['a'], np.eye(2))
  assert list(tensors.read(tmp_path / 'mat')) == ['a']
  assert list(tensors.read(tmp_path / 'h5')) == list(keras)
  explicit = tensors.read(tmp_path / 'pth', 'params_ema')
  assert explicit.keys() == content.keys()


def test_files_that_are_none(tmp_path):
  path = tmp_path / 'x'
  with pytest.raises(UserError, match='there is no weights file'):
    tensors.read(path)
  for head, match in (
    (b'hello', 'not a PyTorch checkpoint'),
    (b'MATLAB 5.0 MAT-file' + b' ' * 200, 'as a MATLAB file'),
    (b'PK\3\4', 'damaged'),
    (b'\x08' + b'\0' * 7 + b'{' + b'\0' * 20, 'as safetensors'),
    (b'\x89HDF\r\n\x1a\n', 'Keras'),
  ):
    path.write_bytes(head)
    with pytest.raises(UserError, match=match) as error:
      tensors.read(path)
    assert '\n' not in str(error.value)
  np.savez(tmp_path / 'y', a=np.zeros(2))
  with pytest.raises(UserError, match='drop --key'):
    tensors.read(tmp_path / 'y.npz', 'params')
  torch.save({'weird': {'a': torch.zeros(2)}}, path)
  with pytest.raises(UserError, match='name one of its entries as the key: weird'):
    tensors.read(path)
  scipy.io.savemat(path, {'text': 'x'}, appendmat=False)
  with pytest.raises(UserError, match='no numeric arrays'):
    tensors.read(path)


class Bomb:
  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return (open, (str(self.path), 'w'))


def test_nothing_that_is_pickled_runs(tmp_path):
  torch.save({'params': Bomb(tmp_path / 'boom')}, tmp_path / 'x.pth')
  with pytest.raises(UserError, match='refused'):
    tensors.read(tmp_path / 'x.pth')
  np.save(tmp_path / 'x.npy', np.zeros(2))
  np.savez(tmp_path / 'y', a=np.array([Bomb(tmp_path / 'boom')], object))
  with pytest.raises(UserError, match=r'as \.npz'):
    tensors.read(tmp_path / 'y.npz')
  assert not (tmp_path / 'boom').exists()


@pytest.fixture
def here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  torch.save(made(programs.EDSR, 2).state_dict(), 'edsr.pth')
  srcnn = {
    'weights_conv1': np.ones((81, 8)),
    'biases_conv1': np.ones((8, 1)),
    'weights_conv2': np.ones((8, 1, 4)),
    'biases_conv2': np.ones((4, 1)),
    'weights_conv3': np.ones((4, 25)),
    'biases_conv3': np.ones((1, 1)),
  }
  scipy.io.savemat('srcnn.mat', srcnn)
  return tmp_path


def status(line):
  try:
    return cli.main(line.split())
  except SystemExit as left:
    return left.code


def test_the_command(here, capsys):
  line = 'convert edsr.pth --as edsr -o out/edsr.safetensors --set residual_scale=0.5'
  assert status(line) == 0
  out = capsys.readouterr().out
  assert out.startswith('out/edsr.safetensors: edsr x2, blocks 2, features 4,')
  assert 'EDSR-PyTorch of its authors, edsr.pth' in out
  got = conversion.load(here / 'out' / 'edsr.safetensors')
  assert got.args['residual_scale'] == 0.5
  assert status('convert srcnn.mat --as srcnn --scale 3 -o s.safetensors') == 0
  assert model_file.load('s.safetensors').scale == 3


def test_mistakes(here, capsys):
  (here / 'folder').mkdir()
  before = sorted(here.iterdir())
  mistakes = {
    'edsr.pth -o x.safetensors': 'with --as',
    'edsr.pth --as edsr -o x.npz': 'must end in .safetensors',
    'none.pth --as edsr -o x.safetensors': 'there is no weights file none.pth',
    'edsr.pth --as rrdb -o x.safetensors': '--as edsr',
    'edsr.pth --as edsr --scale 3 -o x.safetensors': 'drop --scale 3',
    'srcnn.mat --as srcnn -o x.safetensors': 'give it with --scale',
    'edsr.pth --as edsr --set blocks=3 -o x.safetensors': 'missing: params/block2/',
    'edsr.pth --as edsr --set block=3 -o x.safetensors': "did you mean 'blocks'",
    'edsr.pth --as edsr --set =3 -o x.safetensors': 'is not FIELD=VALUE',
    'edsr.pth --as edsr --key nets -o x.safetensors': "has no entry 'nets'",
    'folder -o x.safetensors': 'config.json',
    'folder --as edsr -o x.safetensors': 'only -o goes with it',
  }
  for options, match in mistakes.items():
    assert status(f'convert {options}') == 2, options
    err = capsys.readouterr().err
    assert match in err, (options, err)
    assert err.count('\n') == 1, err
    assert sorted(here.iterdir()) == before, options


def test_a_workdir_becomes_a_file(tmp_path, capsys):
  from tests import workdirs

  workdir = workdirs.make(tmp_path / 'run', steps=((1, 1.0), (2, 3.0), (3, 2.0)))
  path = tmp_path / 'run.safetensors'
  assert cli.main(['convert', str(workdir), '-o', str(path)]) == 0
  assert 'best checkpoint, step 2' in capsys.readouterr().out
  one, other = conversion.load(workdir), conversion.load(path)
  assert one._replace(variables=None) == other._replace(variables=None)
  first, second = (model_file.flatten(m.variables) for m in (one, other))
  assert first.keys() == second.keys()
  for name, array in first.items():
    assert array.tobytes() == second[name].tobytes()
