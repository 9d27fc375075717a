"""Between two networks: exact at the ends, and refused where there is nothing."""

import json
import logging

import jax
import numpy as np
import pytest

from jsr import cli, models
from jsr.errors import UserError
from jsr.evaluate import blend
from jsr.evaluate import sets as picture_sets
from jsr.experiments import looks, tradeoff
from jsr.metrics import frequency
from jsr.ops import resize
from jsr.weights import model_file
from jsr.weights.model_file import ModelFile
from tests import images, workdirs

SMALL = {'blocks': 1, 'features': 4}


def network(seed, generator='srresnet', scale=2, **args):
  args = {**SMALL, **args} if generator == 'srresnet' else args
  model = models.build(generator, scale=scale, **args)
  variables = model.init(jax.random.key(seed), np.zeros((1, 8, 8, 3), np.float32))
  rng = np.random.default_rng(seed)
  flat = {
    name: array + rng.standard_normal(array.shape).astype('f') / 100
    for name, array in model_file.flatten(variables).items()
  }
  return ModelFile(generator, scale, args, model_file.nest(flat), f'seed {seed}')


def save(path, model):
  model_file.save(path, **model._asdict())
  return path


def vector(*values, dtype=np.float32):
  variables = {'params': {'w': np.array(values, dtype)}}
  return ModelFile('bicubic', 2, {}, variables, '')


def test_values_of_the_paper_s_rule():
  got = blend.interpolate(vector(1, 2), vector(3, 6), 0.8)
  np.testing.assert_array_equal(
    got.variables['params']['w'], np.array([2.6, 5.2], np.float32)
  )
  assert got.variables['params']['w'].dtype == np.float32


@pytest.mark.parametrize('alpha', [0, 1, 0.0, 1.0])
def test_the_ends_are_copies_bit_for_bit(alpha):
  odd = np.array([-0.0, np.inf, 1e-45, 3.0000002], np.float32)
  ends = [network(1), network(2)]
  for i, end in enumerate(ends):
    end.variables['params']['head']['conv']['bias'] = odd if i == alpha else odd[::-1]
    end.variables['batch_stats']['count'] = np.int32(i)
  got = model_file.flatten(blend.interpolate(*ends, alpha).variables)
  want = model_file.flatten(ends[int(alpha)].variables)
  assert got.keys() == want.keys()
  for name, array in want.items():
    assert got[name].dtype == array.dtype
    assert got[name].tobytes() == array.tobytes(), name


def test_equal_networks_stay_as_they_are():
  a = network(1)
  got = model_file.flatten(blend.interpolate(a, a, 0.3).variables)
  for name, array in model_file.flatten(a.variables).items():
    assert got[name].tobytes() == array.tobytes(), name


def test_counters_are_copied():
  got = blend.interpolate(vector(3, dtype='i4'), vector(9, dtype='i4'), 0.5)
  np.testing.assert_array_equal(got.variables['params']['w'], np.array([3], np.int32))
  assert got.variables['params']['w'].dtype == np.int32


def test_statistics_are_interpolated_with_a_warning(caplog):
  a, b = network(1), network(2)
  got = blend.interpolate(a, b, 0.25)
  one, other, mixed = (
    m.variables['batch_stats']['body_bn']['var'] for m in (a, b, got)
  )
  np.testing.assert_allclose(mixed, 0.75 * one + 0.25 * other, rtol=1e-6)
  with caplog.at_level(logging.WARNING):
    blend.warn_of_statistics(got, 1)
    blend.warn_of_statistics(vector(1), 0.5)
    assert caplog.text == ''
    blend.warn_of_statistics(got, 0.5)
  assert 'running statistics' in caplog.text


@pytest.mark.parametrize(
  ('other', 'match'),
  [
    (vector(1), 'generator srresnet and bicubic'),
    (network(2, scale=4), 'scale 2 and 4'),
    (network(2, tanh=True), 'tanh False and True$'),
    (network(2, blocks=2), r'blocks 1 and 2; params/block1.* only in B.*and \d+ more'),
    (network(2, features=5), r'params/\S+ \(4,\) and \(5,\)'),
  ],
)
def test_other_networks_are_refused(other, match):
  with pytest.raises(UserError, match=match) as error:
    blend.interpolate(network(1), other, 0.5)
  assert '\n' not in str(error.value)


def test_how_it_computes_may_differ():
  got = blend.interpolate(network(1), network(2, momentum=0.5), 0.5)
  assert got.generator == 'srresnet'


def test_defaults_may_be_left_out():
  a = network(1, blocks=16)
  b = ModelFile('srresnet', 2, {'features': 4}, a.variables, '')
  assert blend.interpolate(a, b, 0.5).scale == 2


def test_alpha_lies_between():
  for alpha in (-0.1, 1.1, float('nan')):
    with pytest.raises(UserError, match='outside of 0 to 1'):
      blend.interpolate(vector(1), vector(2), alpha)


def test_the_command(tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  a, b = network(1), network(2)
  save(tmp_path / 'psnr.safetensors', a)
  save(tmp_path / 'gan.safetensors', b)
  ends = 'interpolate psnr.safetensors gan.safetensors'
  for alpha in ('0.8', '0.85', '1'):
    assert cli.main(f'{ends} --alpha {alpha}'.split()) == 0
  made = {p.name for p in tmp_path.iterdir()} - {'psnr.safetensors', 'gan.safetensors'}
  assert made == {f'psnr_gan_alpha{x}.safetensors' for x in ('0.8', '0.85', '1.0')}
  assert 'alpha 0.85 between [seed 1] and [seed 2]' in capsys.readouterr().out
  end = model_file.load('psnr_gan_alpha1.0.safetensors')
  for name, array in model_file.flatten(b.variables).items():
    assert model_file.flatten(end.variables)[name].tobytes() == array.tobytes()


def test_mistakes(tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  save(tmp_path / 'a.safetensors', network(1))
  mistakes = {
    '--alpha 2': "'2' is no number from 0 to 1",
    '': 'one of the arguments --alpha --sweep is required',
    '--alpha 0.5 -o x.npz': 'must end in .safetensors',
    '--alpha 0.5 --sets S': '--sets belongs to --sweep',
    '--sweep': 'name pictures with --sets',
    '--sweep 0,2 --sets S': "'2' is no number",
    '--sweep --sets photographs --perceptual nice': "unknown perceptual figure 'nice'",
  }
  for options, match in mistakes.items():
    try:
      code = cli.main(f'interpolate a.safetensors a.safetensors {options}'.split())
    except SystemExit as left:
      code = left.code
    err = capsys.readouterr().err
    assert code == 2, options
    assert match in err, options
    assert err.count('\n') == 1, err
  assert [p.name for p in tmp_path.iterdir()] == ['a.safetensors']


def test_sweep(tmp_path, capsys):
  paths = [save(tmp_path / f'{i}.safetensors', network(i)) for i in (1, 2)]
  picture = images.smooth(40, 44)
  workdirs.save(tmp_path / 'data' / 'Mini' / 'HR' / 'a.png', picture)
  line = ['interpolate', *map(str, paths), '--sweep', '1,0,0.5', '--sets', 'Mini']
  line += ['--data', str(tmp_path / 'data'), '-o', str(tmp_path / 'curve')]
  line += ['--perceptual', 'high_frequency']
  assert cli.main(line) == 0
  out = capsys.readouterr().out
  results = json.loads((tmp_path / 'curve.json').read_text())
  assert [row['alpha'] for row in results['rows']] == [0, 0.5, 1]
  assert results['looks']['name'] == 'high_frequency'
  assert results['protocol']['name'] == 'rgb8'
  assert {'set', 'n', 'psnr_y', 'ssim_y', 'high_frequency'} <= {*results['rows'][0]}
  assert f'{results["rows"][1]["psnr_y"]:.3f}' in out
  drawing = (tmp_path / 'curve.svg').read_text()
  assert drawing.startswith('<svg')
  for text in ('Mini', '0.5', 'PSNR Y (dB)', 'high-frequency'):
    assert text in drawing
  # A suffix of what is written is no part of the name.
  line[line.index('-o') + 1] = str(tmp_path / 'other.json')
  assert cli.main([*line, '--limit', '1']) == 0
  assert {p.name for p in tmp_path.glob('other*')} == {'other.json', 'other.svg'}
  # The middle is the network itself, measured as any other.
  middle = blend.interpolate(*map(model_file.load, paths), 0.5)
  line = f'compare --methods m={save(tmp_path / "m.safetensors", middle)} --scale 2'
  line += f' --sets Mini --data {tmp_path / "data"} --json {tmp_path / "m.json"}'
  assert cli.main(line.split()) == 0
  row = json.loads((tmp_path / 'm.json').read_text())['rows'][0]
  assert row['psnr_y'] == pytest.approx(results['rows'][1]['psnr_y'], abs=1e-9)


def test_several_sets_are_drawn():
  rows = [
    {'alpha': alpha, 'set': name, 'n': 1, 'psnr_y': 30 - alpha, 'ssim_y': 1, 'x': alpha}
    for name in ('A', '$B_1$')
    for alpha in (0, 1)
  ]
  results = {'rows': rows, 'looks': {'name': 'x', 'title': 'looks'}}
  drawing = tradeoff.plot(results)
  assert '>A<' in drawing
  assert '>$B_1$<' in drawing
  assert tradeoff.plot(results) == drawing


def test_high_frequency_ratio():
  """Values of an independent computation in NumPy."""
  i, j = np.mgrid[:64, :64]
  smooth = 127.5 + 60 * np.sin(2 * np.pi * i / 17) + 40 * np.cos(2 * np.pi * j / 23)
  hr = np.floor(smooth + 12 * np.sin(2 * np.pi * (3 * i + 5 * j) / 16) + 0.5)
  near = np.floor(hr + 6 * np.sin(2 * np.pi * (i + j) / 40) + 0.5)
  shrink = jax.jit(lambda x: resize.resize_uint8(resize.resize_uint8(x, 0.25), 4))
  blurred = np.asarray(shrink(hr.astype(np.uint8)[..., None]), np.float64)[..., 0]
  with jax.enable_x64(True):
    ratio = jax.jit(lambda x, y: frequency.high_frequency_ratio(x, y, scale=4))
    got = ratio(np.stack([blurred, near, hr])[..., None], np.stack([hr] * 3)[..., None])
  np.testing.assert_allclose(got, [0.063859, 1.000681, 1], atol=1e-6)


def test_names_of_figures(tmp_path, monkeypatch):
  monkeypatch.setenv('JSR_CACHE', str(tmp_path))  # Nothing is at hand.
  assert looks.find('auto', scale=2).name == 'high_frequency'
  with pytest.raises(UserError, match='unknown perceptual figure'):
    looks.find('mos', scale=2)
  with pytest.raises(UserError, match='belongs to --perceptual lpips or niqe'):
    looks.find('auto', scale=2, weights=tmp_path)


def test_niqe_where_its_model_is(shared, tmp_path, monkeypatch):
  model = shared / 'weights' / 'niqe' / 'niqe_pris_params.npz'
  monkeypatch.setenv('JSR_CACHE', str(tmp_path))
  assert looks.find('niqe', scale=2, weights=model).name == 'niqe'
  (tmp_path / model.name).symlink_to(model)
  figure = looks.find('auto', scale=2)
  assert figure.name == 'niqe'
  picture = picture_sets.Picture('a', images.smooth(40, 44))
  tiny = picture_sets.PictureSet('Mini', [picture], '')
  with pytest.raises(UserError, match='Mini/a is too small for niqe'):
    tradeoff.sweep(network(1), network(2), [0.5], [tiny], figure)
