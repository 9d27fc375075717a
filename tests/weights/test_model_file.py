"""Model files: what goes in comes out, and nothing else is taken for one."""

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from jsr.errors import UserError
from jsr.weights import model_file

VARIABLES = {
  'params': {
    'head': {'conv': {'kernel': np.arange(6, dtype=np.float32).reshape(2, 3).T}},
    'weight': np.float32(2.5),
  },
  'batch_stats': {'bn': {'mean': jnp.arange(3.0), 'count': np.int32(7)}},
}
ARGS = {
  'scales': (2, 3, 4),
  'nested': ((1, 2), 'x'),
  'tanh': True,
  'top': None,
  'a': 1.5,
}


def saved(path, **changes):
  model = {'generator': 'mdsr', 'scale': 2, 'args': ARGS, 'variables': VARIABLES}
  model_file.save(path, **{**model, 'note': 'of a friend, ×2', **changes})
  return path


def test_round_trip(tmp_path):
  got = model_file.load(saved(tmp_path / 'new' / 'x.safetensors'))
  assert got[:3] == ('mdsr', 2, ARGS)
  assert got.note == 'of a friend, ×2'
  want, flat = model_file.flatten(VARIABLES), model_file.flatten(got.variables)
  assert flat.keys() == want.keys()
  assert 'params/head/conv/kernel' in flat
  for name, array in want.items():
    assert flat[name].dtype == array.dtype
    assert flat[name].shape == array.shape
    assert flat[name].tobytes() == array.tobytes()


def test_the_same_model_makes_the_same_bytes(tmp_path):
  texts = {saved(tmp_path / f'{i}.safetensors').read_bytes() for i in range(8)}
  assert len(texts) == 1
  assert len(list(tmp_path.iterdir())) == 8  # No temporary file is left.


def test_a_network_without_parameters(tmp_path):
  path = saved(tmp_path / 'x.safetensors', generator='bicubic', variables={}, args={})
  assert model_file.load(path).variables == {'params': {}}


def test_sequences_come_back_as_tuples(tmp_path):
  path = saved(tmp_path / 'x.safetensors', args={'scales': [2, [3]]})
  assert model_file.load(path).args == {'scales': (2, (3,))}


def test_what_a_file_cannot_hold(tmp_path):
  path = tmp_path / 'x.safetensors'
  with pytest.raises(UserError, match=r"argument 'dtype'.*cannot hold"):
    saved(path, args={'dtype': jnp.bfloat16})
  with pytest.raises(ValueError, match='slash'):
    saved(path, variables={'params': {'a/b': np.zeros(1)}})
  assert not path.exists()


def test_a_failed_write_leaves_the_old_file(tmp_path):
  path = saved(tmp_path / 'x.safetensors')
  before = path.read_bytes()
  with pytest.raises(UserError, match='argument'):
    saved(path, args={'f': print})
  assert path.read_bytes() == before
  (tmp_path / 'file').touch()
  with pytest.raises(UserError, match=r'cannot write .*file.y'):
    saved(tmp_path / 'file' / 'y')


def test_other_files_are_refused(tmp_path):
  path = tmp_path / 'x.safetensors'
  with pytest.raises(UserError, match='there is no model file'):
    model_file.load(path)
  path.write_bytes(b'hello')
  with pytest.raises(UserError, match='no model file of jsr'):
    model_file.load(path)
  safetensors.numpy.save_file({'a': np.zeros(2)}, path)
  with pytest.raises(UserError, match='does not say which network'):
    model_file.load(path)
  saved(path)
  path.write_bytes(path.read_bytes()[:-3])
  with pytest.raises(UserError, match='no model file of jsr'):
    model_file.load(path)


@pytest.mark.parametrize(
  ('entry', 'match'),
  [
    ('{', 'damaged header'),
    ('3', 'damaged header'),
    ('{"version": 1}', 'damaged header'),
    ('{"version": 2}', 'version 2'),
  ],
)
def test_damaged_headers(tmp_path, entry, match):
  path = tmp_path / 'x.safetensors'
  safetensors.numpy.save_file({'a': np.zeros(2)}, path, {'jsr': entry})
  with pytest.raises(UserError, match=match) as error:
    model_file.load(path)
  assert '\n' not in str(error.value)


def test_half_of_the_size(tmp_path):
  """Kernels lose bits, the rest none; what is read is float32."""
  rng = np.random.default_rng(0)
  kernel = rng.normal(size=(3, 3, 8, 8)).astype('f')
  small = np.full(8, 1e-9, 'f')  # A variance that float16 would make zero.
  variables = {
    'params': {'conv': {'kernel': kernel, 'bias': small}},
    'batch_stats': {'norm': {'var': small}},
  }
  sizes = []
  for half in (False, True):
    path = tmp_path / f'{half}.safetensors'
    model_file.save(
      path, generator='edsr', scale=2, args={}, variables=variables, half=half
    )
    sizes.append(path.stat().st_size)
    found = model_file.load(path).variables
    assert {a.dtype for a in model_file.flatten(found).values()} == {np.dtype('f4')}
    got = found['params']['conv']['kernel']
    assert np.array_equal(got, kernel) == (not half)
    np.testing.assert_allclose(got, kernel, rtol=5e-4)
    np.testing.assert_array_equal(found['batch_stats']['norm']['var'], small)
    np.testing.assert_array_equal(found['params']['conv']['bias'], small)
  assert sizes[0] - sizes[1] == kernel.nbytes // 2


def test_a_kernel_too_large_for_half(tmp_path):
  variables = {'params': {'conv': {'kernel': np.full((2, 2), 1e5, 'f')}}}
  with pytest.raises(UserError, match='params/conv/kernel has values'):
    model_file.save(
      tmp_path / 'm.safetensors',
      generator='edsr',
      scale=2,
      args={},
      variables=variables,
      half=True,
    )
  assert list(tmp_path.iterdir()) == []
