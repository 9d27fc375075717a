"""Engines: the same network computed by others, and what they say when they cannot."""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import models
from jsr.errors import UserError
from jsr.evaluate.network import Network
from jsr.upscale import choice, engines, onnx_engine, quantize
from tests.models.test_generators import SMALL

ONNX = ('onnxruntime', 'openvino')


def network(name, scale=2, **fields):
  fields = {**SMALL.get(name, {}), **fields}
  model = models.build(name, scale=scale, **fields)
  x = jnp.zeros((1, 8, 8, 3 if model.color == 'rgb' else 1))
  variables = jax.jit(model.init)(jax.random.key(0, impl='rbg'), x)
  rng = np.random.default_rng(1)
  noisy = jax.tree.map(
    lambda v: v + 0.1 * rng.standard_normal(v.shape).astype(v.dtype), variables
  )
  return Network(name, name, scale, fields, noisy)


def needs(package):
  """Skips without a package; imports it as the engines do, without its telemetry."""
  try:
    return engines.optional(package, 'onnx')
  except UserError as error:
    pytest.skip(str(error))


def tiles(*shape):
  return np.random.default_rng(2).random(shape, np.float32)


@pytest.fixture(scope='module')
def compact():
  return network('compact')


def exact(net, x, scale=2):
  return np.asarray(net.program(scale)(net.variables, x))


def test_jax_is_the_network(compact):
  engine = engines.make(compact, 2, 'jax')
  x = tiles(2, 9, 12, 3)
  assert (engine.name, engine.precision) == ('jax', 'float32')
  np.testing.assert_array_equal(engine(x), exact(compact, x))


@pytest.mark.parametrize('kind', ONNX)
def test_others_equal_the_network(compact, kind):
  needs(kind)
  engine = engines.make(compact, 2, kind)
  assert (engine.name, engine.precision) == (kind, 'float32')
  # Also shapes that follow one another, and the first one again.
  for shape in ((2, 9, 12, 3), (1, 20, 7, 3), (2, 9, 12, 3)):
    x = tiles(*shape)
    got = engine(x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, exact(compact, x), rtol=0, atol=2e-6)


@pytest.mark.parametrize('kind', ONNX)
def test_a_network_on_luma(kind):
  needs(kind)
  net = network('espcn', 3)
  x = tiles(1, 8, 9, 1)
  got = engines.make(net, 3, kind)(x)
  np.testing.assert_allclose(got, exact(net, x, 3), rtol=0, atol=2e-6)


@pytest.mark.parametrize('kind', ONNX)
def test_pictures_of_a_pixel(compact, kind):
  """Smaller than an exported program takes."""
  needs(kind)
  engine = engines.make(compact, 2, kind)
  for shape in ((1, 1, 1, 3), (1, 2, 30, 3), (1, 30, 3, 3)):
    x = tiles(*shape)
    np.testing.assert_allclose(engine(x), exact(compact, x), rtol=0, atol=2e-6)


@pytest.mark.parametrize('kind', ONNX)
def test_results_stay(compact, kind):
  needs(kind)
  engine = engines.make(compact, 2, kind)
  first = engine(tiles(1, 8, 8, 3))
  kept = first.copy()
  engine(np.zeros((1, 8, 8, 3), np.float32))
  np.testing.assert_array_equal(first, kept)


def test_automatic(compact):
  engine = engines.make(compact, 2)
  installed = onnx_engine.installed()
  on_cpu = jax.default_backend() == 'cpu'
  assert engine.name == (installed if installed and on_cpu else 'jax')
  assert engine.precision == 'float32'
  # Without parameters there are no convolutions that another would do faster.
  assert engines.make(Network('nearest', 'nearest', None, {}, {}), 3).name == 'jax'


def test_automatic_without_openvino(compact, monkeypatch):
  needs('onnxruntime')
  monkeypatch.setattr(onnx_engine, 'installed', lambda: 'onnxruntime')
  monkeypatch.setattr(jax, 'default_backend', lambda: 'cpu')
  assert engines.make(compact, 2).name == 'onnxruntime'
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  assert engines.make(compact, 2).name == 'jax'


class Slow:
  """An engine that takes a given time, and counts."""

  precision = 'float32'

  def __init__(self, name, seconds):
    self.name, self.seconds, self.calls = name, seconds, 0

  def __call__(self, x):
    self.calls += 1
    time.sleep(self.seconds)


def test_large_networks_are_measured_once(compact, monkeypatch, cache, caplog):
  caplog.set_level('INFO')
  monkeypatch.setattr(choice, 'SIDE', 8)
  for quick in ('jax', 'openvino'):
    pair = [
      Slow(name, 0.001 if name == quick else 0.03) for name in ('openvino', 'jax')
    ]
    for scale, calls in ((2, 4), (2, 4), (4, 8)):
      assert choice.faster(compact, scale, *pair).name == quick
      assert [engine.calls for engine in pair] == [calls, calls]
    assert len(caplog.messages) == 2
    assert 'whether openvino or jax is the faster' in caplog.messages[0]
    caplog.clear()
    # Damaged, it is measured anew; what cannot be kept is no fault.
    (cache / choice.FILE).write_text('{')
  (cache / choice.FILE).unlink()
  (cache / choice.FILE).mkdir()
  assert choice.faster(compact, 2, *pair).name == 'openvino'


def test_automatic_asks_for_large_networks(compact, monkeypatch):
  needs('openvino')
  asked = []

  def faster(network, scale, other, ours):
    asked.append((scale, other.name, ours.name))
    return ours

  monkeypatch.setattr(jax, 'default_backend', lambda: 'cpu')
  monkeypatch.setattr(choice, 'faster', faster)
  assert engines.make(compact, 2).name == 'openvino'
  assert not asked
  monkeypatch.setattr(choice, 'SMALL', 10)
  assert engines.make(compact, 2).name == 'jax'
  assert asked == [(2, 'openvino', 'jax')]


@pytest.fixture
def nothing_installed(monkeypatch):
  for package in ('onnx', 'onnxruntime', 'openvino', 'nncf', 'flatbuffers'):
    monkeypatch.setitem(sys.modules, package, None)
  onnx_engine.core.cache_clear()
  yield
  onnx_engine.core.cache_clear()


def test_without_the_packages(compact, nothing_installed):
  assert engines.make(compact, 2).name == 'jax'
  for kind in ('onnx', 'openvino', 'onnxruntime'):
    with pytest.raises(UserError, match=r"pip install -e '\.\[onnx\]'"):
      engines.make(compact, 2, kind)
  with pytest.raises(UserError, match=r"pip install -e '\.\[int8\]'"):
    quantize.quantise(compact, 2, [tiles(1, 8, 8, 3)])


def test_bfloat16_of_jax(compact):
  engine = engines.make(compact, 2, 'jax', 'bfloat16')
  x = tiles(1, 9, 12, 3)
  difference = np.abs(engine(x) - exact(compact, x)).max()
  assert engine.precision == 'bfloat16'
  assert 1e-5 < difference < 0.05


def test_bfloat16_needs_a_cpu_that_has_it(compact, monkeypatch):
  needs('openvino')
  monkeypatch.setattr(onnx_engine, 'has_bfloat16', lambda: False)
  with pytest.raises(UserError, match='no bfloat16 arithmetic'):
    engines.make(compact, 2, 'openvino', 'bfloat16')
  assert engines.make(compact, 2, 'auto', 'bfloat16').name == 'jax'


def test_what_is_not_there(compact):
  with pytest.raises(UserError, match="unknown engine 'jaxx'; did you mean 'jax'"):
    engines.make(compact, 2, 'jaxx')
  with pytest.raises(UserError, match="unknown precision 'float16'"):
    engines.make(compact, 2, 'jax', 'float16')
  with pytest.raises(UserError, match='enlarges 2 times'):
    engines.make(compact, 3)
  with pytest.raises(UserError, match='no 8-bit arithmetic'):
    engines.make(compact, 2, 'jax', 'int8')
  needs('onnxruntime')
  with pytest.raises(UserError, match='onnxruntime has no bfloat16'):
    engines.make(compact, 2, 'onnxruntime', 'bfloat16')


@pytest.mark.parametrize(
  'error',
  [
    MemoryError(),
    RuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes'),
    RuntimeError('Exception from src/core: std::bad_alloc'),
    ValueError('Failed to allocate memory for requested buffer of size 8'),
  ],
)
def test_complaints_about_memory(error):
  with pytest.raises(engines.OutOfMemory), engines.memory_errors():
    raise error


def test_other_complaints_pass():
  with pytest.raises(ValueError, match='shape'), engines.memory_errors():
    raise ValueError('a wrong shape')


@pytest.fixture
def cache(tmp_path, monkeypatch):
  monkeypatch.setenv('JSR_CACHE', str(tmp_path))
  return tmp_path


def test_8_bit_forms_are_found_by_content(compact, cache):
  with pytest.raises(UserError, match='no 8-bit form of compact-x2 yet'):
    quantize.find(compact, 2)
  path = quantize.keep(compact, 2, b'form')
  assert cache in path.parents
  assert [p.name for p in path.parent.iterdir()] == [path.name]
  assert quantize.find(compact, 2) == b'form'
  same = Network('other name', 'compact', 2, compact.args, compact.variables)
  assert quantize.find(same, 2) == b'form'
  changed = jax.tree.map(lambda v: v + 1e-6, compact.variables)
  with pytest.raises(UserError, match='no 8-bit form'):
    quantize.find(Network('compact', 'compact', 2, compact.args, changed), 2)
  low = engines.with_dtype(compact, jnp.bfloat16)
  assert quantize.fingerprint(low, 2) == quantize.fingerprint(compact, 2)


def test_calibration_pictures(compact, tmp_path):
  from tests import images, workdirs

  with pytest.raises(UserError, match='no readable picture'):
    quantize.calibration(tmp_path, compact, 2)
  for i in range(5):
    workdirs.save(tmp_path / 'deep' / f'{i}.png', images.smooth(250, 40 + i))
  workdirs.save(tmp_path / 'tiny.png', images.smooth(12, 12))
  (tmp_path / 'bad.png').write_bytes(b'no picture')
  found = quantize.calibration(tmp_path, compact, 2)
  assert [x.shape for x in found] == [(1, 96, (40 + i) // 2, 3) for i in range(5)]
  assert all(x.dtype == np.float32 and 0 <= x.min() < x.max() <= 1 for x in found)
  luma = quantize.calibration(tmp_path, network('espcn'), 2)
  assert luma[0].shape == (1, 96, 20, 1)
  assert len(quantize.calibration(tmp_path, compact, 2, count=2)) <= 2


@pytest.mark.parametrize('kind', ONNX)
def test_8_bits(compact, cache, kind):
  needs('nncf')
  needs(kind)
  x = tiles(1, 24, 20, 3)
  quantize.keep(compact, 2, quantize.quantise(compact, 2, [x]))
  engine = engines.make(compact, 2, kind, 'int8')
  assert (engine.name, engine.precision) == (kind, 'int8')
  want = exact(compact, x)
  difference = np.abs(engine(x) - want).mean()
  assert 1e-5 < difference < 0.02 * np.abs(want).max()


def test_what_8_bits_leave_alone(compact):
  """Rounding the picture itself to 8 bits twice would cost the most."""
  needs('nncf')
  onnx = needs('onnx')

  def rounded(**options):
    """The convolutions that read 8 bits, and whether the last sum does."""
    content = quantize.quantise(compact, 2, [tiles(1, 24, 20, 3)], **options)
    nodes = onnx.load_from_string(content).graph.node
    maker = {name: node.op_type for node in nodes for name in node.output}
    low = [
      node
      for node in nodes
      if any(maker.get(name) == 'DequantizeLinear' for name in node.input)
    ]
    last = [node for node in nodes if node.op_type == 'DepthToSpace'][-1].input[0]
    return (
      len([node for node in low if node.op_type == 'Conv']),
      any(last in node.output for node in low),
    )

  # A head, a block of two, the body's, a tail; the bicubic skip never.
  assert rounded() == (4, False)
  assert rounded(float_first=False) == (5, False)
  assert rounded(float_last=True) == (3, False)


def test_openvino_does_not_phone_home():
  needs('openvino')
  onnx_engine.core()
  assert sys.modules['openvino_telemetry'] is None
