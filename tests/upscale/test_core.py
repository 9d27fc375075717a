"""What happens between a picture and a larger picture."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jsr
from jsr.errors import UserError
from jsr.evaluate import conversion, methods
from jsr.ops import resize
from jsr.upscale import model as models
from jsr.upscale import planes, trust, upscaler
from jsr.upscale.picture import Picture
from jsr.upscale.upscaler import Options, Upscaler
from jsr.weights import embedded, model_file
from tests import generators, images

RNG = np.random.default_rng(0)
A = images.smooth(21, 26)  # uint8 RGB.


def save(path, name='compact', scale=2, change=0.0):
  network = generators.network(name, scale)
  variables = model_file.nest(
    {k: v + change for k, v in model_file.flatten(network.variables).items()}
  )
  args = generators.SMALL[name]
  model_file.save(path, generator=name, scale=scale, args=args, variables=variables)
  return str(path)


@pytest.fixture(scope='module')
def compact(tmp_path_factory):
  return save(tmp_path_factory.mktemp('models') / 'compact.safetensors')


@pytest.fixture(scope='module')
def luma(tmp_path_factory):
  return save(tmp_path_factory.mktemp('models') / 'espcn.safetensors', 'espcn')


def rows(up, picture):
  return np.concatenate(list(up.rows(picture)))


def test_a_network_gives_what_evaluation_gives(compact, luma):
  for path in (compact, luma):
    expected = methods.resolve(path).upscale_uint8(A, 2).astype(int)
    got = jsr.load(path, engine='jax', tile=40).upscale(A)
    assert got.dtype == np.uint8
    # Float32 here, and float64 there where planes are mixed: a tie may fall.
    assert np.abs(got - expected).max() <= 1
    assert (got != expected).mean() < 1e-3


@pytest.mark.parametrize('name', ['nearest', 'bilinear', 'bicubic', 'bicubic_cv'])
def test_interpolations(name):
  expected = methods.resolve(name).upscale(A.astype(np.float64), 3)
  got = jsr.load(name, scale=3).upscale(A)
  assert np.abs(got - np.clip(expected, 0, 255)).max() <= 0.5 + 1e-3


def test_nearest_and_bilinear_of_any_size():
  x = np.zeros((1, 10, 1), np.uint8)
  x[:, 5:] = 255
  for options in ({'scale': 2.5}, {'width': 25, 'height': 3}, {'width': 30}):
    assert set(np.unique(jsr.load('nearest', **options).upscale(x))) == {0, 255}
  got = jsr.load('bilinear', width=15, height=1).upscale(x)[0, :, 0]
  want = np.interp((np.arange(15) + 0.5) / 1.5 - 0.5, np.arange(10), x[0, :, 0])
  assert np.abs(got - want).max() <= 0.51
  # One rounding of sizes, whichever option names them.
  assert jsr.load('bicubic', width=25).size(1, 10) == (3, 25)
  assert jsr.load('bicubic', scale=2.5).size(1, 10) == (3, 25)


def test_any_size(compact):
  for options, size in [
    ({}, (42, 52)),
    ({'scale': 1.5}, (32, 39)),
    ({'scale': 3.3}, (69, 86)),
    ({'width': 100}, (81, 100)),
    ({'height': 5}, (5, 6)),
    ({'width': 31, 'height': 77}, (77, 31)),
  ]:
    up = jsr.load(compact, engine='jax', **options)
    assert up.size(21, 26) == size
    got = up.upscale(A)
    assert got.shape == (*size, 3)
    # One float resize of what the network made, before the single quantisation.
    sr = methods.resolve(compact).upscale(A.astype(np.float64), 2)
    expected = np.clip(resize.resize(sr, size=size), 0, 255)
    assert np.abs(got - expected).max() <= 0.5 + 1e-2


def test_arrays_keep_their_kind(compact):
  up = jsr.load(compact, engine='jax')
  eight = up.upscale(A)
  deep = up.upscale(A.astype(np.uint16) * 257)
  assert deep.dtype == np.uint16
  assert np.abs(deep / 257 - eight).max() <= 0.51
  real = up.upscale(A.astype(np.float64) / 255)
  assert real.dtype == np.float64
  assert np.abs(real * 255 - eight).max() <= 0.51
  grey = up.upscale(A[..., 0])
  assert grey.shape == (42, 52)
  np.testing.assert_array_equal(grey, up.upscale(A[..., :1])[..., 0])
  with pytest.raises(UserError, match='int32 is no picture'):
    up.upscale(A.astype(np.int32))
  with pytest.raises(UserError, match=r'shape \(2, 21, 26, 3\) is no picture'):
    up.upscale(np.stack([A, A]))


def test_other_arrays(compact):
  up = jsr.load(compact, engine='jax')
  np.testing.assert_array_equal(up.upscale(jnp.asarray(A)), up.upscale(A))
  hole = (A / 255).astype(np.float32)
  hole[3, 4] = np.nan
  for x, words in (
    (A.tolist(), 'a list is no picture: give a path, a Pillow image or an array'),
    (A.astype(np.float32), 'floats from .* are no picture: give floats in'),
    (hole, 'floats from nan to nan are no picture'),
  ):
    with pytest.raises(UserError, match=words):
      up.upscale(x)


def test_paths_and_pillow(compact, tmp_path):
  up = jsr.load(compact, engine='jax')
  Image.fromarray(A).save(tmp_path / 'a.png')
  expected = up.upscale(A)
  for x in (tmp_path / 'a.png', str(tmp_path / 'a.png'), Image.fromarray(A)):
    got = up.upscale(x)
    assert isinstance(got, Image.Image)
    np.testing.assert_array_equal(np.asarray(got), expected)


def test_sixteen_bits_are_not_eight():
  """A ramp within one level of 8 bits comes out as a ramp."""
  ramp = (30000 + np.arange(64)).astype(np.uint16)
  x = np.broadcast_to(ramp[None, :, None], (16, 64, 3))
  got = jsr.load('bicubic', scale=2).upscale(np.ascontiguousarray(x))
  assert len(np.unique(got[8])) > 60


def test_alpha_has_its_own_rule(compact):
  """Colour is enlarged as if there were no outline, alpha by bicubic."""
  alpha = np.zeros((21, 26, 1), np.uint8)
  alpha[5:15, 6:20] = 255
  hidden = np.where(alpha > 0, A, RNG.integers(0, 256, A.shape)).astype(np.uint8)
  up = jsr.load(compact, engine='jax')
  got = rows(up, Picture(hidden, alpha))
  assert got.shape == (42, 52, 4)
  expected = np.clip(resize.resize(alpha / 255.0, 2.0), 0, 1)
  np.testing.assert_allclose(got[..., 3:], expected, atol=1e-5)
  # What lies under full transparency is never seen.
  other = np.where(alpha > 0, A, 0).astype(np.uint8)
  np.testing.assert_array_equal(got, rows(up, Picture(other, alpha)))
  # Well inside, the outline leaves no trace.
  plain = rows(up, Picture(A))
  flat = np.full_like(A, 200)
  edge = rows(up, Picture(np.where(alpha > 0, flat, 0).astype(np.uint8), alpha))
  np.testing.assert_allclose(edge[..., :3], rows(up, Picture(flat)), atol=1e-6)
  assert plain.shape == (42, 52, 3)


def test_opaque_and_empty_alpha(compact):
  up = jsr.load(compact, engine='jax')
  for value in (0, 255):
    alpha = np.full((21, 26, 1), value, np.uint8)
    got = rows(up, Picture(A, alpha))
    np.testing.assert_array_equal(got[..., :3], rows(up, Picture(A)))
    np.testing.assert_allclose(got[..., 3], value / 255, atol=1e-6)


def test_cmyk_is_inks_and_black(compact):
  up = jsr.load(compact, engine='jax')
  inks = np.concatenate([255 - A, A[..., :1]], -1)
  got = rows(up, Picture(inks, None, 'cmyk'))
  assert got.shape == (42, 52, 4)
  np.testing.assert_allclose(1 - got[..., :3], rows(up, Picture(A)), atol=1e-5)
  black = rows(up, Picture(255 - A[..., :1], None, 'grey'))
  np.testing.assert_allclose(1 - got[..., 3:], black, atol=1e-5)


def test_wrap_knows_no_edge(compact):
  """A rolled texture gives the rolled result."""
  for options in ({}, {'scale': 3, 'consistent': True}):
    up = jsr.load(compact, engine='jax', wrap=True, tile=32, **options)
    factor = up.size(1, 1)[0]
    rolled = up.upscale(np.roll(A, (4, 7), (0, 1)) / 255)
    expected = np.roll(up.upscale(A / 255), (4 * factor, 7 * factor), (0, 1))
    np.testing.assert_allclose(rolled, expected, atol=2e-5)


def test_self_ensemble(compact):
  """Turning the input turns the result, which the network alone does not do."""
  x = A[:20, :20] / 255.0
  for ensemble in (False, True):
    up = jsr.load(compact, engine='jax', self_ensemble=ensemble)
    turned = np.rot90(
      up.upscale(np.ascontiguousarray(np.rot90(x)[:, ::-1]))[:, ::-1], -1
    )
    same = np.abs(turned - up.upscale(x)).max() < 1e-5
    assert same == ensemble


def test_strength(compact, tmp_path):
  gan = save(tmp_path / 'gan.safetensors', change=0.02)
  a = jsr.load(compact, engine='jax').upscale(A / 255)
  b = jsr.load(gan, engine='jax').upscale(A / 255)
  between = []
  for strength in (0, 0.5, 1):
    options = {'strength': strength, 'perceptual': gan, 'engine': 'jax'}
    between.append(jsr.load(compact, **options).upscale(A / 255))
  np.testing.assert_array_equal(between[0], a)
  np.testing.assert_array_equal(between[2], b)
  assert np.abs(between[1] - a).max() > 1e-3 < np.abs(between[1] - b).max()
  # Strength 0 is the model itself.
  np.testing.assert_array_equal(
    jsr.load(compact, strength=0, engine='jax').upscale(A / 255), a
  )
  with pytest.raises(UserError, match='without a GAN-trained partner'):
    jsr.load(compact, strength=0.5)
  with pytest.raises(UserError, match=r'--strength 1.5 lies outside'):
    jsr.load(compact, strength=1.5, perceptual=gan)


def test_trust_map(compact, tmp_path):
  gan = save(tmp_path / 'gan.safetensors', change=0.02)
  told = []
  up = Upscaler(compact, Options(perceptual=gan, strength=0.3, engine='jax'))
  got = np.concatenate(list(up.trust(Picture(A), told.append)))
  assert got.shape == (42 + trust.LEGEND, 52, 3)
  assert 0 <= got.min() <= got.max() <= 1
  ends = [jsr.load(path, engine='jax').upscale(A / 255) for path in (compact, gan)]
  np.testing.assert_allclose(got[:42], trust.heat(*ends), atol=1e-6)
  assert told[-1] == pytest.approx(1)
  same = np.concatenate(
    list(Upscaler(compact, Options(perceptual=compact, strength=1)).trust(Picture(A)))
  )
  assert len(np.unique(same[:42].reshape(-1, 3), axis=0)) == 1  # Nothing invented.


def test_consistent_reports_its_residual(compact):
  up = jsr.load(compact, engine='jax', consistent=True)
  assert up.residual is None
  sr = up.upscale(A)
  shrunk = resize.resize(sr.astype(np.float64), 0.5)
  difference = np.abs(shrunk - A)
  assert up.residual['mean'] == pytest.approx(difference.mean(), abs=1e-3)
  assert up.residual['max'] == pytest.approx(difference.max(), abs=1e-2)
  plain = jsr.load(compact, engine='jax').upscale(A).astype(np.float64)
  assert up.residual['mean'] < 0.2 * np.abs(resize.resize(plain, 0.5) - A).mean()
  with pytest.raises(UserError, match='--consistent is for enlargements'):
    jsr.load(compact, consistent=True, width=10).upscale(A)


def test_consistent_keeps_the_mean_colour():
  up = jsr.load('bicubic', scale=3, consistent=True)
  for x in (A, A[..., :1], 255 - A):
    away = np.abs(up.upscale(x).mean((0, 1)) - x.mean((0, 1)))
    assert away.max() < 0.2


def test_never_black(compact, caplog):
  """Tiles that a fast engine spoils are computed again; the rest is left alone."""
  up = jsr.load(compact, engine='jax', tile=16)
  expected = up.upscale(A / 255)
  engine, calls = up._model._engine, []

  class Spoiled:
    name, precision = 'fast', 'bfloat16'

    def __call__(self, tiles):
      calls.append(tiles.shape)
      return engine(tiles) * (np.nan if len(calls) == 1 else 1)

  up._model._engine, up._model.engine = Spoiled(), 'fast bfloat16'
  for _ in range(2):  # Each picture is told.
    calls.clear()
    caplog.clear()
    np.testing.assert_array_equal(up.upscale(A / 255), expected)
    assert len(calls) > 1
    assert up.warnings == caplog.messages
    assert [w.startswith('fast bfloat16 gave values') for w in up.warnings] == [True]
  np.testing.assert_array_equal(up.upscale(A / 255), expected)
  assert up.warnings == []


def test_damaged_weights(tmp_path):
  bad = save(tmp_path / 'bad.safetensors', change=np.inf)
  with pytest.raises(UserError, match='its weights are damaged'):
    jsr.load(bad, engine='jax').upscale(A)


def test_options_that_contradict():
  for options, words in [
    ({'scale': 2, 'width': 5}, 'not both'),
    ({'scale': 0}, 'a number above 0'),
    ({'scale': float('nan')}, 'a number above 0'),
    ({'scale': '2'}, 'a number above 0'),
    ({'scale': 1e300}, r'1e\+302 x 1e\+302 pixels would be too many'),
    ({'width': 0}, '--width 0 must be'),
    ({'width': 20.5}, '--width 20.5 must be'),
    ({'halo': 0}, '--halo needs a network'),
    ({'engine': 'onnx'}, '--engine needs a network'),
    ({'halo': -1}, '--halo -1 must be'),
    ({'tile': 5}, '--tile 5 has no room for the halo of 3'),
    ({'self_ensemble': True}, '--self-ensemble needs a network'),
    ({'scale': 1e6}, 'would be too many'),
  ]:
    with pytest.raises(UserError, match=words):
      jsr.load('bicubic', **options).size(100, 100)
  with pytest.raises(UserError, match="unknown model or file 'bicubik'; did you mean"):
    jsr.load('bicubik')
  with pytest.raises(UserError, match="'drcn' comes without weights"):
    jsr.load('drcn')


def test_families_choose_by_scale(tmp_path, monkeypatch):
  for factor in (2, 4):
    save(tmp_path / f'compact-x{factor}.safetensors', scale=factor)
  save(tmp_path / 'compact-x4-gan.safetensors', scale=4, change=0.1)
  for path in list(tmp_path.iterdir()):
    path.with_suffix('.json').touch()  # Their records are not looked into.
  monkeypatch.setattr(embedded, 'FOLDER', tmp_path)
  assert embedded.names() == ['compact-x2', 'compact-x4', 'compact-x4-gan']
  assert embedded.family('compact') == {2: 'compact-x2', 4: 'compact-x4'}
  for scale, name in [(None, 4), (1.5, 2), (2, 2), (2.01, 4), (4, 4), (9, 4)]:
    assert embedded.choose('compact', scale) == f'compact-x{name}'
  assert embedded.choose('nearest', 3) == 'nearest'
  assert methods.resolve('compact').label == 'compact-x4'
  assert conversion.find('compact').scale == 4
  assert models.partner('compact-x4') == 'compact-x4-gan'
  up = jsr.load(scale=3, engine='jax', strength=0.5)
  assert (up.name, up.factor, up.size(10, 10)) == ('compact-x4', 4, (30, 30))
  assert up.upscale(A[:9, :9]).shape == (27, 27, 3)
  assert upscaler.DEFAULT == 'compact'


def test_a_network_with_several_factors(tmp_path):
  path = save(tmp_path / 'm.safetensors', 'mdsr', scale=2)
  for scale, factor in [(2, 2), (3, 3), (2.5, 3), (7, 4)]:
    assert jsr.load(path, scale=scale, engine='jax').factor == factor


def test_hidden_colours_of_a_seamless_texture_come_from_round_the_corner():
  color = np.full((4, 9, 3), 200, np.uint8)
  color[:, 0], color[:, 1:4] = 10, 99
  alpha = np.full((4, 9, 1), 255, np.uint8)
  alpha[:, 1:4], alpha[:, 6:] = 0, 0
  plain = planes.revealed(color, alpha)
  assert plain[0, :, 0].tolist() == [10, 10, 10, 200, 200, 200, 200, 200, 200]
  ring = planes.revealed(color, alpha, wrap=True)
  # Column 8 is next to column 0.
  assert ring[0, :, 0].tolist()[:4] == [10, 10, 10, 200]
  assert ring[0, 8].tolist() == [10, 10, 10]
  np.testing.assert_array_equal(planes.revealed(color, None, wrap=True), color)
