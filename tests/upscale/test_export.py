"""Exports: every generator, run again elsewhere; nothing is left where they differ."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax

from jsr import cli, models
from jsr.errors import UserError
from jsr.evaluate import conversion, methods
from jsr.evaluate.network import Network
from jsr.models import layers
from jsr.ops import resize
from jsr.upscale import export, onnx_engine, onnx_export, onnx_ops, onnx_trace
from tests import images, workdirs
from tests.models.test_generators import NAMES
from tests.upscale.test_engines import needs, network

# Every generator at x2; the rest of each is as small as the contract's tests have it.
needs_onnx = pytest.mark.skipif(
  onnx_engine.installed() == '', reason='needs onnxruntime or OpenVINO'
)


@functools.cache
def made(name, **fields):
  if jax.tree.leaves(network_shapes(name)):
    return network(name, **fields)
  return Network(name, name, None, fields, {})


def network_shapes(name):
  model = models.build(name, scale=2)
  x = jnp.zeros((1, 8, 8, 3 if model.color == 'rgb' else 1))
  return jax.eval_shape(model.init, jax.random.key(0), x)


@functools.cache
def as_onnx(name, **fields):
  return onnx_export.to_onnx(made(name, **fields), 2)


def kinds(model):
  return [node.op_type for node in model.graph.node]


@needs_onnx
@pytest.mark.parametrize('name', NAMES)
def test_every_generator_as_onnx(name):
  needs('onnx')
  content = as_onnx(name).SerializeToString()
  programs = list(export.onnx_programs(made(name), 2, content))
  assert programs
  for program, enlarge in programs:
    told = export.compare(made(name), 2, program, enlarge)
    assert told.count(' at ') == 3
    assert '17x23' in told


# Batch norm, edges, bicubic and symbolic padding; each of them is compiled for long.
@pytest.mark.parametrize('name', ['compact', 'srresnet', 'srcnn', 'srnet'])
def test_stablehlo(name, tmp_path):
  needs('flatbuffers')
  path = tmp_path / 'model.stablehlo'
  path.write_bytes(export.to_stablehlo(made(name), 2))
  told = export.compare(made(name), 2, 'jax', export.from_stablehlo(path))
  assert told.count(' at ') == 3


@pytest.mark.parametrize('name', ['compact', 'edsr', 'rrdb', 'srresnet', 's3gan'])
def test_the_graph_is_one_that_engines_know(name):
  """No transposition, and nothing that a convolution could do itself."""
  needs('onnx')
  found = kinds(as_onnx(name))
  slow = {'Transpose', 'Reshape', 'Expand', 'Where', 'Div'}
  # S3GAN divides its result, once.
  assert slow & {*found} == ({'Div'} if name == 's3gan' else set())
  shuffles = {'compact': 1, 'rrdb': 0}
  assert found.count('DepthToSpace') == shuffles.get(name, 1)
  assert found.count('Resize') == (1 if name == 'rrdb' else 0)
  assert ('PRelu' in found) == (name in ('srresnet', 's3gan'))
  assert ('LeakyRelu' in found) == (name == 'rrdb')
  if name == 'srresnet':
    assert {*found} == {'Conv', 'PRelu', 'Add', 'DepthToSpace', 'Identity'}


def test_what_an_onnx_file_says_of_itself():
  needs('onnx')
  model = as_onnx('espcn')
  facts = {entry.key: entry.value for entry in model.metadata_props}
  assert (facts['generator'], facts['scale'], facts['color']) == ('espcn', '2', 'y')
  (given,), (result,) = model.graph.input, model.graph.output
  sizes = [
    [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
    for value in (given, result)
  ]
  assert sizes == [['n', 1, 'h', 'w'], ['n', 1, '2*h', '2*w']]


# What other functions need: (name, function of (n, h, w, 3)).
FUNCTIONS = {
  'elu and sigmoid': lambda x: nn.elu(x - 0.5) + nn.sigmoid(x),
  'tanh, abs, sign': lambda x: jnp.tanh(x) * jnp.sign(x - 0.5) + jnp.abs(x - 0.3),
  'clip and powers': lambda x: jnp.clip(x, 0.2, 0.7) ** 3 + jnp.square(x),
  'a leaky slope': lambda x: nn.leaky_relu(x - 0.5, 0.1),
  'no leaky slope': lambda x: jnp.where(x >= 0.5, x, 0.1 * x),
  'sums': lambda x: x - jnp.sum(x, axis=-1, keepdims=True) / 3,
  'a constant on the left': lambda x: 1 - 2 * x / (3 + x),
  'flips': lambda x: x[:, ::-1] + jnp.flip(x, 2),
  'strides': lambda x: jnp.repeat(x[:, :, :1], 2, axis=1)[:, ::2] + x,
  'zeros around': lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0)))[:, :-3, 3:],
  'edges around': lambda x: jnp.pad(x, ((0, 0), (2, 1), (0, 3), (0, 0)), mode='edge')[
    :, 3:, :-3
  ],
  'an edge that is none': lambda x: jnp.concatenate(
    [lax.slice_in_dim(x, 1, 2, axis=1), x], axis=1
  )[:, :-1],
  'nearest': lambda x: resize.nearest(x, 3),
  'bicubic': lambda x: resize.enlarge(x, 2),
  'stacks': lambda x: jnp.stack([x, 2 * x, x * x]).sum(0),
  'to a multiple of eight': lambda x: jnp.pad(
    x, ((0, 0), (0, 8 * ((x.shape[1] + 7) // 8) - x.shape[1]), (0, 0), (0, 0))
  )[:, : x.shape[1]],
  'the size itself': lambda x: x / x.shape[1] + -x.shape[2] // 3 + -x.shape[1] % 5,
  'conditions': lambda x: jnp.where((x > 0.2) & ~(x > 0.6) | (x == 0.5), 1 - x, x),
  'a product of channels': lambda x: x @ np.arange(9, dtype=np.float32).reshape(3, 3),
}


SCALES = {'nearest': 3, 'bicubic': 2}


@needs_onnx
@pytest.mark.parametrize('name', FUNCTIONS)
def test_pieces(name):
  onnx = needs('onnx')
  traced = onnx_trace.trace(FUNCTIONS[name], onnx_trace.symbols(3))
  model = onnx_export.model(traced, {'channels': 3, 'scale': SCALES.get(name, 1)})
  onnx.checker.check_model(model, full_check=True)
  for _, enlarge in export.onnx_programs(made('nearest'), 1, model.SerializeToString()):
    for shape in ((1, 8, 9, 3), (2, 13, 5, 3)):
      x = np.random.default_rng(0).random(shape, np.float32)
      np.testing.assert_allclose(
        enlarge(x), FUNCTIONS[name](jnp.asarray(x)), rtol=0, atol=1e-6
      )


class Odd(nn.Module):
  """Convolutions of other kinds, and one whose result has two readers."""

  @nn.compact
  def __call__(self, x):
    x = nn.Conv(6, (3, 3), (2, 2), padding='SAME', name='down')(x)
    x = nn.Conv(6, (3, 1), feature_group_count=3, kernel_dilation=(2, 1))(x)
    y = layers.Conv(6, use_bias=False, name='shared')(x)
    x = 2 * y + jnp.tanh(y)
    x = nn.ConvTranspose(3, (3, 3), (2, 2), padding='SAME', transpose_kernel=True)(x)
    return x


@needs_onnx
def test_other_convolutions():
  needs('onnx')
  x = np.random.default_rng(0).random((2, 9, 13, 3), np.float32)
  variables = Odd().init(jax.random.key(0), x)
  traced = onnx_trace.trace(
    lambda x: Odd().apply(variables, x)[:, :4, :4], onnx_trace.symbols(3)
  )
  model = onnx_export.model(traced, {'channels': 3})
  want = Odd().apply(variables, x)[:, :4, :4]
  for _, enlarge in export.onnx_programs(made('nearest'), 1, model.SerializeToString()):
    np.testing.assert_allclose(enlarge(x), want, rtol=0, atol=1e-5)


def test_what_cannot_be_written():
  needs('onnx')
  traced = onnx_trace.trace(lambda x: lax.cumsum(x, 1), onnx_trace.symbols(3))
  with pytest.raises(onnx_ops.Unsupported, match='cumsum'):
    onnx_export.model(traced, {'channels': 3})
  odd = Network('odd', 'anime4k', None, {'variant': 'rc10'}, {})
  with pytest.raises(UserError, match='odd cannot be written as ONNX for any height'):
    onnx_export.to_onnx(odd, 2)
  needs('flatbuffers')
  with pytest.raises(UserError, match='odd cannot be written as StableHLO'):
    export.to_stablehlo(odd, 2)


def test_dimensions():
  functions = {'floordiv': operator.floordiv, 'mod': operator.mod, 'max': max}
  h, w = jax.export.symbolic_shape('h, w')
  for dimension, wanted in (
    (h, 13),
    (4 * h - 3, 49),
    (-h % 32, 19),
    ((h + 7) // 8 * w, 12),
    (h * h - w, 163),
    (jax.core.max_dim(h - 20, 0), 0),
    (5, 5),
  ):
    assert onnx_trace.evaluate(dimension, {'h': 13, 'w': 6}, functions) == wanted
  with pytest.raises(ValueError, match='cannot read'):
    onnx_trace.evaluate('h if h else w', {'h': 1, 'w': 2}, functions)


# The command.


@pytest.fixture
def here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv('JSR_CACHE', str(tmp_path / 'cache'))
  conversion.save(tmp_path / 'mine.safetensors', export.to_model_file(made('compact')))
  return tmp_path


def status(line):
  try:
    return cli.main(line.split())
  except SystemExit as left:
    return left.code


def files(folder):
  return sorted(p.name for p in folder.rglob('*') if p.is_file())


@pytest.mark.parametrize('to', ['onnx', 'stablehlo', 'safetensors'])
def test_command(here, capsys, to):
  if to != 'safetensors':
    needs('onnx' if to == 'onnx' else 'flatbuffers')
  assert status(f'export mine.safetensors --to {to} -o out/again.{to}') == 0
  out, err = capsys.readouterr()
  assert err == ''
  assert out.startswith(f'out/again.{to}: compact x2')
  assert 'largest difference from the network: ' in out
  assert files(here / 'out') == [f'again.{to}']


def test_default_name(here):
  assert status('export mine.safetensors --to safetensors') == 0
  assert files(here) == ['mine-x2.safetensors', 'mine.safetensors']
  # A name that tells the factor does not tell it twice.
  assert status('export mine-x2.safetensors --to safetensors') == 0
  assert files(here) == ['mine-x2.safetensors', 'mine.safetensors']
  again = methods.resolve('mine-x2.safetensors')
  jax.tree.map(
    np.testing.assert_array_equal, again.variables, made('compact').variables
  )


def test_a_generator_without_parameters(here, capsys):
  needs('onnx')
  assert status('export anime4k --to onnx --scale 3') == 0
  assert capsys.readouterr().out.startswith('anime4k-x3.onnx: anime4k x3')


def test_a_file_that_differs_is_not_left(here, capsys, monkeypatch):
  onnx = needs('onnx')
  right = onnx_export.to_onnx

  def wrong(*args):
    model = right(*args)
    weights = max(model.graph.initializer, key=lambda t: len(t.raw_data))
    array = onnx.numpy_helper.to_array(weights) * 1.01
    weights.CopyFrom(onnx.numpy_helper.from_array(array, weights.name))
    return model

  monkeypatch.setattr(onnx_export, 'to_onnx', wrong)
  before = files(here)
  assert status('export mine.safetensors --to onnx -o out/mine.onnx') == 2
  assert 'differs from the network by' in capsys.readouterr().err
  assert files(here) == before


def test_not_a_number_is_a_difference():
  with pytest.raises(UserError, match='differs from the network'):
    export.compare(
      made('nearest'), 2, 'x', lambda x: np.nan * resize.nearest(jnp.asarray(x), 2)
    )


@pytest.mark.parametrize(
  ('line', 'said'),
  [
    ('bicubic --to onnx', 'is no network and has nothing to export'),
    ('nothing --to onnx', "there is no method or folder 'nothing'"),
    ('mine.safetensors --to onnx --scale 3', 'cannot be asked for 3'),
    ('mine.safetensors --to int8', '--to int8 needs --calibrate FOLDER'),
    ('mine.safetensors --to onnx --calibrate .', '--calibrate goes with --to int8'),
    ('anime4k --to safetensors', 'has no parameters'),
    ('mine.safetensors --to onnx -o .', 'it is a folder'),
    ('mine.safetensors --to tflite', 'invalid choice'),
  ],
)
def test_mistakes(here, capsys, line, said):
  before = files(here)
  assert status(f'export {line}') == 2
  err = capsys.readouterr().err
  assert said in err
  assert 'Traceback' not in err
  assert files(here) == before


def test_int8(here, capsys):
  needs('nncf')
  for i in range(3):
    workdirs.save(here / 'pictures' / f'{i}.png', images.smooth(64, 72 + i))
  line = 'export mine.safetensors --to int8 --calibrate pictures -o out/mine.int8.onnx'
  assert status(line) == 0
  out = capsys.readouterr().out
  assert 'PSNR against the network in float32: ' in out
  assert files(here / 'out') == ['mine.int8.onnx']
  assert len(files(here / 'cache')) == 1
  engine = export.onnx_engine.make(made('compact'), 2, 'onnx', 'int8')
  assert engine(np.zeros((1, 8, 8, 3), np.float32)).shape == (1, 16, 16, 3)
