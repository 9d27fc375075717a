"""The contract that every degradation keeps; a new one is found by itself."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr import degradations
from jsr.errors import UserError
from jsr.ops import resize
from tests import images

NAMES = degradations.names()
HR = np.stack([images.smooth(32, 32), images.smooth(32, 32)[::-1], images.rgb(32)])
HR = HR.astype(np.uint8)
KEYS = jax.random.split(jax.random.key(3), 3)
# Smaller kernels and canvases for quick tests.
SMALL = {
  'impulse': {'pepper': (0.0, 0.1)},
  'blur': {'sigma': (0.5, 1.5)},
  'second-order': {'widths': (3, 7), 'factor': (0.5, 1.0)},
}


@functools.cache
def built(name, scale=2):
  made = degradations.make(name, scale=scale, **SMALL.get(name, {}))
  return made, jax.jit(made.draw), jax.jit(made.apply)


def run(name, hr=HR, keys=KEYS):
  _, draw, apply = built(name)
  drawn = draw(keys)
  return drawn, apply(hr, drawn, keys)


def test_all_are_found():
  assert {
    *('bicubic', 'bicubic_cv', 'blur', 'noise', 'poisson', 'jpeg', 'impulse'),
    *('unknown-like', 'mild-like', 'difficult-like', 'wild-like'),
    *('second-order', 'mixed'),
  } <= set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_shape_type_levels_and_line(name):
  made, _, _ = built(name)
  drawn, lr = run(name)
  assert lr.shape == (3, 16, 16, 3)
  assert lr.dtype == jnp.float32
  np.testing.assert_allclose(lr * 255, jnp.round(lr * 255), atol=1e-4)
  assert float(lr.min()) >= 0
  assert float(lr.max()) <= 1
  assert all(v.dtype == jnp.float32 and v.shape[0] == 3 for v in drawn.values())
  assert made.describe().startswith(f'{name} x2')
  assert '\n' not in made.describe()
  # It is the same picture still.
  small = resize.resize_uint8(jnp.asarray(HR), 0.5).astype(jnp.float32) / 255
  assert float(jnp.abs(lr - small)[:2].mean()) < 0.2


@pytest.mark.parametrize('name', NAMES)
def test_an_example_depends_on_its_key_alone(name):
  drawn, lr = run(name)
  again, lr_again = run(name, HR[::-1], KEYS[::-1])
  for key, value in drawn.items():
    np.testing.assert_array_equal(value, again[key][::-1])
  np.testing.assert_allclose(lr, lr_again[::-1], atol=1.01 / 255)
  assert float((lr != lr_again[::-1]).mean()) < 1e-3
  other, lr_other = run(name, keys=jax.random.split(jax.random.key(4), 3))
  if drawn:
    assert any(bool((drawn[k] != other[k]).any()) for k in drawn)
    assert bool((lr != lr_other).any())


def test_a_batch_on_two_devices_is_the_same_batch():
  """Loops and transforms as well: XLA's FFT on CPUs cannot do it."""
  _, draw, apply = built('mixed')
  hr, keys = HR[[0, 1, 2, 0]], jax.random.split(jax.random.key(6), 4)
  whole = apply(hr, draw(keys), keys)
  mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ('batch',))
  spread = jax.NamedSharding(mesh, jax.P('batch'))
  keys = jax.device_put(keys, spread)
  shared_out = apply(jax.device_put(hr, spread), draw(keys), keys)
  assert len(shared_out.sharding.device_set) == 2
  np.testing.assert_allclose(shared_out, whole, atol=1.01 / 255)
  assert float((np.asarray(shared_out) != np.asarray(whole)).mean()) < 1e-3


@pytest.mark.parametrize('name', ['noise', 'unknown-like', 'mixed'])
def test_float_images_are_taken_too(name):
  _, lr = run(name)
  _, same = run(name, HR.astype(np.float32) / 255)
  np.testing.assert_allclose(lr, same, atol=1.01 / 255)
  assert float((lr != same).mean()) < 0.01


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_bicubic_is_the_data_pipelines(scale):
  """Bit for bit what training made before there was a choice."""
  made = degradations.make('bicubic', scale=scale)
  hr = images.smooth(48, 48)[None]
  got = jax.jit(lambda hr, keys: made.apply(hr, made.draw(keys), keys))(hr, KEYS[:1])
  want = jax.jit(lambda x: resize.resize_uint8(x, 1 / scale).astype(jnp.float32) / 255)
  np.testing.assert_array_equal(got, want(hr))


def test_bicubic_is_the_published_lr(shared):
  hr = np.asarray(Image.open(shared / 'data/Set5/HR/butterfly.png'))
  lr = np.asarray(Image.open(shared / 'data/Set5/LRBI_x4/butterfly.png'))
  made = degradations.make('bicubic', scale=4)
  got = made.apply(hr[None, : 4 * lr.shape[0], : 4 * lr.shape[1]], {}, KEYS[:1])
  np.testing.assert_array_equal(np.round(np.asarray(got[0]) * 255), lr)


def test_bicubic_cv_takes_opencvs_numbers():
  t8 = np.repeat(images.T(8)[None, ..., None].astype(np.uint8), 3, -1)
  got = degradations.make('bicubic_cv', scale=2).apply(t8, {}, KEYS[:1])
  np.testing.assert_allclose(got[0, 0, :, 0] * 255, [41, 200, 92, 128], atol=1e-4)


@pytest.mark.parametrize('scale', [2, 3])
@pytest.mark.parametrize('aligned', [True, False])
def test_blur_samples_a_gaussian(scale, aligned):
  made = degradations.make('blur', scale=scale, sigma=1.3, aligned=aligned)
  hr = jax.random.uniform(jax.random.key(0), (1, 24, 24, 3))
  got = jax.jit(made.apply)(hr, made.draw(KEYS[:1]), KEYS[:1])
  # By its definition, at one output pixel well inside.
  phase = (scale - 1) / 2 if aligned else 0
  at = 4 * scale + phase
  y, x = np.mgrid[:24, :24]
  weights = np.exp(-((y - at) ** 2 + (x - at) ** 2) / (2 * 1.3**2))
  want = (np.asarray(hr[0]) * (weights / weights.sum())[..., None]).sum((0, 1))
  np.testing.assert_allclose(got[0, 4, 4], want, atol=0.51 / 255)


def test_blur_of_a_linear_ramp_stays_on_it():
  """Aligned samples lie where bicubic's do; the others lag by (s - 1) / 2 pixels."""
  ramp = jnp.broadcast_to(jnp.arange(64)[None, None, :, None] * 4 / 255, (1, 64, 64, 3))
  for aligned, offset in ((True, 1.5), (False, 0.0)):
    made = degradations.make('blur', scale=4, aligned=aligned)
    got = jax.jit(made.apply)(ramp, made.draw(KEYS[:1]), KEYS[:1])[0, 8, 4:-4, 0] * 255
    np.testing.assert_allclose(got, (np.arange(4, 12) * 4 + offset) * 4, atol=0.51)


def test_stand_in_without_shift_lies_on_the_picture_and_shift_moves_it():
  ramp = jnp.broadcast_to(jnp.arange(64)[None, None, :, None] * 4 / 255, (3, 64, 64, 3))
  still = degradations.make('unknown-like', scale=4)
  got = jax.jit(still.apply)(ramp, still.draw(KEYS), KEYS)[:, 8, 5:-5, 0] * 255
  want = (np.arange(5, 11) * 4 + 1.5) * 4
  np.testing.assert_allclose(got, np.tile(want, (3, 1)), atol=0.6)
  moved = degradations.make('unknown-like', scale=4, shift=2.0)
  drawn = moved.draw(KEYS)
  got = jax.jit(moved.apply)(ramp, drawn, KEYS)[:, 8, 6:-6, 0] * 255
  want = want[None, 1:-1] + 4 * np.asarray(drawn['shift_x'])[:, None]
  np.testing.assert_allclose(got, want, atol=0.6)
  assert float(jnp.abs(drawn['shift_x']).max()) > 0.3


def test_noise_of_scale_one_corrupts_the_image_itself():
  """Report 000's impulses on a whole picture, of which no pixel survives."""
  made = degradations.make('impulse', scale=1, pepper=0.5, salt=0.5)
  got = jax.jit(made.apply)(HR, made.draw(KEYS), KEYS)
  assert set(np.unique(got)) == {0.0, 1.0}


@pytest.mark.parametrize(
  ('name', 'args', 'message'),
  [
    ('bicubik', {}, "did you mean 'bicubic'"),
    ('noise', {'sigm': 3}, "did you mean 'sigma'"),
    ('noise', {'sigma': (30, 1)}, 'sigma=.30, 1. must be a number, or two rising'),
    ('noise', {'sigma': 'much'}, 'must be a number'),
    ('noise', {'grey_probability': 2}, 'must be a probability'),
    ('jpeg', {'quality': 100}, 'from 1 to 99'),
    ('impulse', {'pepper': 0.7, 'salt': (0.1, 0.4)}, 'sum to more than 1'),
    ('second-order', {'families': (0.5, 0.5)}, '6 probabilities that sum to 1'),
    ('second-order', {'widths': (7, 20)}, 'must be odd'),
    ('mixed', {'down': ('bicubic', 'lanczos')}, 'unknown kernel'),
    ('mixed', {'down': ()}, 'at least one'),
    ('mild-like', {'shift': -1}, 'shift=-1'),
  ],
)
def test_mistakes(name, args, message):
  with pytest.raises(UserError, match=message):
    degradations.make(name, scale=2, **args)


def test_scale_must_be_an_integer_and_divide_the_patch():
  with pytest.raises(UserError, match='scale=0'):
    degradations.make('bicubic', scale=0)
  with pytest.raises(ValueError, match='no multiple of scale 5'):
    degradations.make('bicubic', scale=5).apply(HR, {}, KEYS)
  with pytest.raises(ValueError, match='1 keys'):
    degradations.make('bicubic', scale=2).apply(HR, {}, KEYS[:1])
