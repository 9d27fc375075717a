"""The second-order degradation: its order of work, canvases and draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import degradations
from jsr.degradations import base, blur, noise, resample, second_order
from tests import images
from tests.degradations import twins

torch = pytest.importorskip('torch')
HR = np.stack([images.smooth(32, 48), images.smooth(32, 48)[:, ::-1]] * 2)
KEYS = jax.random.split(jax.random.key(11), 4)


def one_by_one(made, x, d, kernel, u, u2):
  """A single image at its true size, step by step in the authors' order.

  Args:
    made: The degradation.
    x: Sharpened HR.
    d: Drawn parameters, floats.
    kernel: Its kernels by the name of the stage.
    u: Uniform numbers for the first noise.
    u2: For the second.
  """

  def resized(x, mode, **how):
    image = torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float32).copy())
    mode = resample.MODES[round(mode)]
    y = torch.nn.functional.interpolate(image, mode=mode, **how)
    return y.numpy()[0].transpose(1, 2, 0)

  def noisy(x, u, end):
    u, grey = u[: x.shape[0], : x.shape[1]], d['grey' + end]
    if d['gaussian' + end]:
      made = twins.gaussian(u, d['noise' + end] / 255, grey)
    else:
      made = twins.poisson(x, u, d['poisson' + end], grey)
    return np.clip(x + made, 0, 1)

  h, w = x.shape[0] // made.scale, x.shape[1] // made.scale
  x = twins.correlate(x, kernel[''])
  x = noisy(resized(x, d['mode'], scale_factor=d['factor']), u, '')
  x = twins.compress(x, d['quality'])
  if d['blur2']:
    x = twins.correlate(x, kernel['2'])
  small = (int(h * d['factor2']), int(w * d['factor2']))
  x = noisy(resized(x, d['mode2'], size=small), u2, '2')
  if d['jpeg_first']:
    x = twins.compress(x, d['quality2'])
  x = resized(x, d['final_mode'], size=(h, w))
  if d['final_sinc']:
    x = twins.correlate(x, kernel['final'])
  if not d['jpeg_first']:
    x = twins.compress(np.clip(x, 0, 1), d['quality2'])
  return twins.quantised(x)


def test_the_program_for_all_sizes_does_what_each_image_asks_for():
  """Many steps later, a rare pixel may lie on the other side of a rounding."""
  made = degradations.make('second-order', scale=2)
  drawn = jax.jit(made.draw)(KEYS)
  # Every branch once: both noises, both places of JPEG, a sinc, no blur.
  drawn['gaussian'] = jnp.array([1.0, 0.0, 0.0, 1.0])
  drawn['gaussian2'] = jnp.array([0.0, 1.0, 0.0, 1.0])
  drawn['jpeg_first'] = jnp.array([1.0, 0.0, 0.0, 1.0])
  drawn['family'] = jnp.array([6.0, 1.0, 3.0, 5.0])
  drawn['blur2'] = jnp.array([1.0, 0.0, 1.0, 1.0])
  drawn['final_sinc'] = jnp.array([1.0, 1.0, 0.0, 0.0])
  drawn['factor'] = jnp.array([1.37, 0.61, 1.0, 0.8])
  drawn['mode'] = jnp.array([2.0, 1.0, 0.0, 2.0])
  got = np.asarray(jax.jit(made.apply)(HR, drawn, KEYS))

  @jax.jit
  def ingredients(hr, drawn, keys):
    canvases = [
      second_order._grown(size, drawn[name], span)[0]
      for size, name, span in (
        ((32, 48), 'factor', made.factor),
        ((16, 24), 'factor2', made.factor2),
      )
    ]
    fields = noise.fields(base.stream(keys, 1), *((*size, 3) for size in canvases))
    stages = {end: made._kernels(drawn, end) for end in ('', '2', 'final')}
    return blur.sharpen(hr / jnp.float32(255)), stages, fields

  sharp, stages, (u, u2) = ingredients(HR, drawn, KEYS)
  for i in range(4):
    own = {name: float(value[i]) for name, value in drawn.items()}
    kernel = {end: value[i] for end, value in stages.items()}
    want = one_by_one(made, np.asarray(sharp[i]), own, kernel, u[i], u2[i])
    error = np.abs(got[i] - want) * 255
    assert np.quantile(error, 0.97) < 1.01, i
    assert error.mean() < 0.2, (i, error.mean())


def test_draws_follow_the_table():
  made = degradations.make('second-order', scale=4)
  drawn = jax.jit(made.draw)(jax.random.split(jax.random.key(0), 8000))
  drawn = {name: np.asarray(value) for name, value in drawn.items()}

  def share(mask):
    return pytest.approx(mask.mean(), abs=0.02)

  for end, blurred, up, down, sigma, factor, noise_top, strength in (
    ('', 1.0, 0.2, 0.7, 3.0, (0.15, 1.5), 30, 3.0),
    ('2', 0.8, 0.3, 0.4, 1.5, (0.3, 1.2), 25, 2.5),
  ):
    d = {n: drawn[n + end] for n in ('blur', 'family', 'factor', 'width', 'beta')}
    assert blurred == share(d['blur'])
    assert share(d['family'] == 6) == 0.1
    wanted = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
    for family, wanted_share in enumerate(wanted):
      assert 0.9 * wanted_share == share(d['family'] == family)
    assert up == share(d['factor'] > 1)
    assert down == share(d['factor'] < 1)
    assert d['factor'].min() == pytest.approx(factor[0], abs=0.01)
    assert d['factor'].max() == pytest.approx(factor[1], abs=0.01)
    assert set(d['width']) == {7, 9, 11, 13, 15, 17, 19, 21}
    for name, least, most in (
      ('sigma_x', 0.2, sigma),
      ('sigma_y', 0.2, sigma),
      ('angle', -np.pi, np.pi),
      ('noise', 1, noise_top),
      ('poisson', 0.05, strength),
      ('quality', 30, 95),
    ):
      values = drawn[name + end]
      assert values.min() >= least - 1e-5
      assert values.max() <= most + 1e-4
      assert values.mean() == pytest.approx(
        (least + most) / 2, abs=0.03 * (most - least)
      )
    plateau = d['beta'][(d['family'] >= 4) & (d['family'] < 6)]
    assert (plateau == 1).mean() == pytest.approx(0.5, abs=0.06)
    generalised = d['beta'][(d['family'] >= 2) & (d['family'] < 4)]
    assert (generalised < 1).mean() == pytest.approx(0.5, abs=0.06)
    assert generalised.max() == pytest.approx(4, abs=0.05)
    assert share(drawn['gaussian' + end]) == 0.5
    assert share(drawn['grey' + end]) == 0.4
    narrow = d['width'] < 13
    assert drawn['cutoff' + end][narrow].min() == pytest.approx(np.pi / 3, abs=0.01)
    assert drawn['cutoff' + end][~narrow].min() == pytest.approx(np.pi / 5, abs=0.01)
  assert share(drawn['final_sinc']) == 0.8
  assert share(drawn['jpeg_first']) == 0.5
  # Draws of different kinds know nothing of each other.
  together = np.corrcoef([drawn[n] for n in ('factor', 'factor2', 'noise', 'quality2')])
  assert np.abs(together - np.eye(4)).max() < 0.05
