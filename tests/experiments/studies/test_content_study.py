"""Study `content`: verdicts from figures, the distance of looks, one small run."""

import json

import jax
import numpy as np
import PIL.Image
import pytest
import skimage.data

from jsr import cli, models
from jsr.errors import UserError
from jsr.experiments import feature_distance, findings
from jsr.experiments.studies.content import claims, measures, variants
from jsr.metrics import lpips
from jsr.train import features, settings
from jsr.weights import model_file


def measured(psnr, niqe=(5.0, 6.0, 7.0), distance=(0.2, 0.3, 0.4)):
  keys = ('psnr_y', 'niqe', measures.DISTANCE)
  values = zip('abc', psnr, niqe, distance, strict=True)
  return {'Set5': {name: dict(zip(keys, v, strict=True)) for name, *v in values}}


def rows(high, low):
  return {'srresnet-mse': high, 'srgan-mse': low}


HIGH, LOW = measured((32.0, 33.0, 34.0)), measured((31.0, 32.1, 32.9))
PAIR = [('srresnet-mse', 'srgan-mse')]


def test_verdicts_of_psnr():
  claim = claims.of_psnr(rows([HIGH] * 2, [LOW] * 2), 'x', PAIR)
  assert claim.verdict == findings.CONFIRMED
  assert 'SRResNet-MSE − SRGAN-MSE +1.00 [+0.75, +1.25] dB' in claim.reason
  claim = claims.of_psnr(rows([LOW] * 2, [HIGH] * 2), 'x', PAIR)
  assert claim.verdict == findings.NOT_CONFIRMED
  mixed = measured((31.0, 33.5, 34.2))
  claim = claims.of_psnr(rows([HIGH] * 2, [mixed] * 2), 'x', PAIR)
  assert claim.verdict == findings.UNDECIDABLE
  # One training each is no evidence of what another seed would give.
  claim = claims.of_psnr(rows([HIGH], [LOW]), 'x', PAIR)
  assert claim.verdict == findings.UNDECIDABLE
  assert claim.reason.endswith('dB; one training each')
  # A second training that says the opposite, though the mean still stands.
  other = measured((32.05, 33.05, 34.05))
  claim = claims.of_psnr(rows([HIGH, HIGH], [LOW, other]), 'x', PAIR)
  assert claim.verdict == findings.UNDECIDABLE


def test_looks_must_agree():
  psnr = (31.0, 32.0, 33.0)
  better = measured(psnr, (4.0, 5.1, 5.9), (0.1, 0.21, 0.29))
  torn = measured(psnr, (4.0, 5.1, 5.9), (0.3, 0.41, 0.49))
  pair = [('srgan-mse', 'srresnet-mse')]

  def judge(one):
    return claims.of_looks(rows([HIGH] * 2, [one] * 2), 'x', pair).verdict

  assert judge(better) == findings.CONFIRMED
  assert judge(torn) == findings.UNDECIDABLE
  assert judge(measured(psnr)) == findings.UNDECIDABLE
  worse = measured(psnr, (6.0, 7.1, 7.9), (0.3, 0.41, 0.49))
  assert judge(worse) == findings.NOT_CONFIRMED


def test_verdicts_of_the_way_between():
  better = measured((31.0, 32.1, 32.9), (4.0, 5.1, 5.9), (0.1, 0.21, 0.29))

  def judge(*runs):
    between = list(zip(np.linspace(0, 1, len(runs)), runs, strict=True))
    return claims.of_interpolation(between, 'srresnet-mse', 'srgan-mse')

  claim = judge(HIGH, better)
  assert claim.verdict == findings.CONFIRMED
  assert 'PSNR −1.00 [−1.25, −0.75] dB (lower at 1 of 1 steps)' in claim.reason
  assert judge(better, HIGH).verdict == findings.NOT_CONFIRMED
  assert judge(HIGH, HIGH, HIGH).verdict == findings.UNDECIDABLE


def test_distance_is_a_mean_of_unit_features(monkeypatch):
  """Two layers, of which one is equal up to its length; NumPy says the other."""
  rng = np.random.default_rng(0)
  a, b = rng.random((2, 1, 3, 4, 5)).astype('f')
  layers = [np.concatenate([a, b]), np.concatenate([a, 3 * a])]
  monkeypatch.setattr(features, 'of_squeezenet', lambda *_, **__: layers)
  monkeypatch.setattr(features, 'SQUEEZENET', ('conv1', 'fire3'))
  grey = np.zeros((1, 8, 8, 1))
  got = feature_distance.distance({}, grey, grey, preprocess='caffe')
  one, other = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
  want = np.square(one - other).sum(-1).mean() / 2
  np.testing.assert_allclose(got, [want], rtol=1e-5)
  assert lpips.unit(a).shape == a.shape


def test_grid_is_what_repeats():
  rng = np.random.default_rng(1)
  hr = rng.integers(0, 200, (1, 40, 43, 1)).astype(float)
  pattern = np.zeros((4, 4))
  pattern[0, 0] = 8.0
  sr = hr + 3 + np.tile(pattern, (10, 11))[None, :, :43, None]
  np.testing.assert_allclose(measures.grid(sr, hr, period=4), [8 * 15**0.5 / 16])
  assert measures.grid(hr + 3, hr, period=4)[0] < 1e-9


def test_mistakes_of_the_config():
  config = settings.load('configs/studies/content.py', ['--config.between=srgan-vgg54'])
  with pytest.raises(UserError, match=r'between=srgan-vgg54 must be one of'):
    variants.check(config)
  config = settings.load('configs/studies/content.py', ["--config.variants=('vgg',)"])
  with pytest.raises(UserError, match=r"unknown variant 'vgg'"):
    variants.check(config)


@pytest.fixture
def small(tmp_path):
  """A folder of pictures, and a tiny SRResNet to start from."""
  cat = skimage.data.chelsea()
  for i, folder in enumerate(('train', 'Mine/HR')):
    (tmp_path / folder).mkdir(parents=True)
    crop = cat[40 : 40 + 208, 100 * i : 100 * i + 208]
    PIL.Image.fromarray(crop).save(tmp_path / folder / 'cat.png')
  args = {'blocks': 1, 'features': 4}
  network = models.build('srresnet', scale=4, **args)
  variables = network.init(jax.random.key(0), np.zeros((1, 8, 8, 3), np.float32))
  start = tmp_path / 'tiny.safetensors'
  model_file.save(start, generator='srresnet', scale=4, args=args, variables=variables)
  return tmp_path


def test_smoke(small, shared, capsys, one_device):
  words = [
    *('study-content', '--config', 'configs/studies/content.py:smoke'),
    *('--data', str(small), '--weights', str(shared / 'weights')),
    *('-o', str(small / 'out'), f'--config.start={small / "tiny.safetensors"}'),
    "--config.sets=('Mine',)",
    "--config.between_sets=('Mine',)",
  ]
  assert cli.main(words) == 0
  assert 'Five content losses' in capsys.readouterr().out
  results = json.loads((small / 'out' / 'results.json').read_text())['results']
  assert [point['alpha'] for point in results['between']] == [0.0, 0.5, 1.0]
  assert set(results['sets']) == {'bicubic', 'start', 'srresnet-mse', 'srgan-vgg22'}
  # The loss in features pulls as the paper's MSE does.
  losses = results['losses']
  pull = losses['srgan-vgg22']['weight'] * losses['srgan-vgg22']['gradient']
  np.testing.assert_allclose(pull, losses['srresnet-mse']['gradient'], rtol=0.01)
  (share,) = results['adversarial_share']['srgan-vgg22']
  assert 0 < share < 1
  # The second time nothing is trained or measured again.
  assert cli.main(words) == 0
  said = capsys.readouterr().out.splitlines()
  assert not [line for line in said if line.startswith(('training', 'measuring'))]
