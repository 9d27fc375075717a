"""`jsr convert`: what it writes, what it says, and what it refuses."""

import numpy as np
import pytest
import scipy.io

from jsr import cli
from jsr.errors import UserError
from jsr.evaluate import conversion, fit
from jsr.weights import convert, model_file
from tests import workdirs
from tests.weights import programs
from tests.weights.programs import made, state

torch = pytest.importorskip('torch')


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


@pytest.mark.parametrize(
  ('generator', 'key', 'good', 'bad'),
  [
    ('srresnet', 'tanh', [True, False], [7, 1, 'yes']),
    ('srresnet', 'blocks', [3], [True, 3.0, 'many']),
    ('edsr', 'residual_scale', [0.1, 1], [True, 'small']),
    ('espcn', 'activation', ['relu'], [1]),
    ('espcn', 'features', [(8, 4)], [8, (8, 'x')]),
    ('drcn', 'unroll', [True, None], []),
  ],
)
def test_kinds_of_fields(generator, key, good, bad):
  for value in good:
    fit.check_fields(generator, {key: value})
  for value in bad:
    with pytest.raises(UserError, match=f'does not fit {generator}: {key} is '):
      fit.check_fields(generator, {key: value})


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
    'edsr.pth --as edsr --set features=0 -o x.safetensors': 'no network edsr x2',
    'edsr.pth --as edsr --set features=wide -o x.safetensors': 'a whole number such as',
    'edsr.pth --as edsr --set remat=7 -o x.safetensors': 'remat=7 does not fit edsr:',
    'edsr.pth --as edsr --set scale=3 -o x.safetensors': 'give it with --scale',
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
