"""Study `edsr`: networks that grow, memory with and without batch norm, a small run."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import cli, models
from jsr.errors import UserError
from jsr.experiments import findings, study
from jsr.experiments.studies.edsr import growth, memory, report, tables
from jsr.train import logs, settings
from jsr.weights.model_file import ModelFile
from tests import workdirs


@pytest.fixture(scope='module')
def small():
  """An EDSR x2 of one block with random parameters, in TensorFlow's channel order."""
  args = {'blocks': 1, 'features': 4, 'internal_range': 2.0, 'layout': 'tensorflow'}
  model = models.build('edsr', scale=2, **args)
  variables = jax.device_get(model.init(jax.random.key(1), jnp.zeros((1, 8, 8, 3))))
  bias = variables['params']['up0']['conv']['bias']
  variables['params']['up0']['conv']['bias'] = np.linspace(-1, 1, bias.size, dtype='f4')
  return ModelFile('edsr', 2, args, variables, 'small')


def apply(model, scale, lr):
  built = models.build(model.generator, scale=scale, **model.args)
  return np.asarray(built.apply(model.variables, lr))


@pytest.fixture(scope='module')
def lr():
  return jnp.asarray(np.random.default_rng(0).random((1, 7, 9, 3)), jnp.float32)


def test_grown_mdsr_is_the_small_network_at_x2(small, lr):
  grown = growth.grow(small, 'mdsr', 3)
  np.testing.assert_allclose(
    apply(grown, 2, lr), apply(small, 2, lr), rtol=0, atol=1e-5
  )


def test_grown_edsr_repeats_the_small_network(small, lr):
  # Where the last convolution looks at one pixel only, the repetition is exact.
  kernel = np.array(small.variables['params']['tail']['conv']['kernel'])
  kernel[[0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0
  params = {**small.variables['params']}
  params['tail'] = {'conv': {**params['tail']['conv'], 'kernel': kernel}}
  pointwise = small._replace(variables={'params': params})
  grown = growth.grow(pointwise, 'edsr', 2)
  expected = apply(pointwise, 2, lr).repeat(2, axis=1).repeat(2, axis=2)
  np.testing.assert_allclose(apply(grown, 4, lr), expected, rtol=0, atol=1e-5)


def test_upsampler_by_three_lies_between_the_places_of_two():
  up = {'bias': np.array([0.0, 2.0, 4.0, 6.0], np.float32)}
  got = growth._thirds(up)['bias'].reshape(3, 3)
  np.testing.assert_array_equal(got, [[0, 1, 2], [2, 3, 4], [4, 5, 6]])


def test_what_cannot_grow(small):
  with pytest.raises(UserError, match='has 1 blocks and cannot grow to 0'):
    growth.grow(small, 'edsr', 0)
  with pytest.raises(UserError, match='must be edsr x2, this is edsr x4'):
    growth.grow(small._replace(scale=4), 'edsr', 2)


def test_batch_norm_takes_memory():
  blocks, features = 1, 8
  config = settings.load(
    'configs/srresnet.py',
    [
      f'--config.generator.args.blocks={blocks}',
      f'--config.generator.args.features={features}',
      '--config.data.batch_size=2',
      '--config.data.patch_size=48',
    ],
  )
  normed = memory.of_step(config)
  plain = memory.of_step(config, without_norm=True)
  # Each block has two, and one follows; each keeps a map at LR size at the least.
  one = 2 * 12 * 12 * features * 4
  assert normed.temporary - plain.temporary > blocks * one
  # Factor and offset with two moments of Adam each, and two running statistics.
  values = (2 * blocks + 1) * features * (2 * 3 + 2)
  assert normed.arguments - plain.arguments == pytest.approx(4 * values, abs=512)


def test_about_forty_per_cent():
  assert report.about_forty([0.31, 0.45]) == findings.CONFIRMED
  assert report.about_forty([0.4, 0.2]) == findings.NOT_CONFIRMED
  said = [report._beside(x) for x in ([0.4, 0.51], [0.2, 0.4], [0.4])]
  assert said == ['more is saved than is claimed', 'less is saved', 'so it is']
  steps = {
    memory.NORMED: {'96': {'arguments': 10, 'temporary': 90}},
    memory.PLAIN: {'96': {'arguments': 10, 'temporary': 50}},
  }
  assert memory.saving(steps, 96) == pytest.approx(0.4)


def test_published_figures_have_names_of_networks():
  from jsr.experiments.studies import edsr

  assert set(tables.PAPER) <= set(edsr.RECIPES)
  assert {tables.SMALL, tables.BASE, tables.MULTI} <= set(edsr.RECIPES)
  assert edsr.FROM == tables.BASE
  assert edsr.GAN == tables.GAN


def test_high_water_of_this_process():
  import os

  most = memory._high_water(os.getpid())
  if most is None:
    pytest.skip('this system does not tell')
  assert 10 * 2**20 < most < 2**40
  assert memory._high_water(2**30) is None


@pytest.mark.usefixtures('one_device')
def test_smoke_run(tmp_path, monkeypatch):
  # What it compiles is measured above.
  need = memory.Bytes(1000, 2000)
  monkeypatch.setattr(memory, 'of_step', lambda config, *, without_norm=False: need)

  def train(config, workdir):
    result = workdirs.begun(config, workdir)
    # Evaluated as often as the config says.
    every = config.eval.every
    lines = [
      json.dumps({'step': step, 'eval/photographs_x4/psnr_y': 20.0 + step})
      for step in range(every, config.train.max_steps + 1, every)
    ]
    (workdir / logs.FILE).write_text('\n'.join(lines) + '\n')
    return result

  monkeypatch.setattr(study.loop, 'train', train)
  words = ['study-edsr', '--config', 'configs/studies/edsr.py:smoke']
  assert cli.main([*words, '-o', str(tmp_path / 'out')]) == 0
  found = json.loads((tmp_path / 'out' / 'results.json').read_text())['results']
  names = {tables.SMALL, tables.BASE, tables.MULTI, tables.GAN}
  assert set(found['curves']) == names
  # Evaluated every step, as the config says.
  assert all([p['step'] for p in ps[0]] == [1, 2] for ps in found['curves'].values())
  assert {(r['method'], r['scale']) for r in found['final']} == {
    *((name, 4) for name in (*names, 'bicubic')),
    *((name, scale) for name in (tables.MULTI, 'bicubic') for scale in (2, 3)),
  }
  text = (tmp_path / 'out' / 'report.md').read_text()
  assert 'approximately 40 %' in text
  assert '| EDSR-GAN | photographs |' in text
