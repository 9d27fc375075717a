"""The study of drawings: planted copies, samples of noise, verdicts, one smoke run."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from jsr import cli
from jsr.experiments import findings, gan_samples, study
from jsr.experiments.studies.illustrations import claims, comparing, curating, spectra
from jsr.weights import model_file
from tests import workdirs
from tests.conftest import ROOT

CONFIG = f'{ROOT}/configs/studies/illustrations.py:smoke'


def drawing(seed):
  """Patches of colour with lines, 128 x 160."""
  rng = np.random.default_rng(seed)
  picture = np.kron(
    rng.integers(0, 256, (16, 20, 3)).astype(np.uint8), np.ones((8, 8, 1), np.uint8)
  )
  picture[::11] = 20
  return picture


@pytest.fixture(scope='module')
def data(tmp_path_factory):
  root = tmp_path_factory.mktemp('drawings')
  (root / 'anime' / 'CC99').mkdir(parents=True)
  # By their names, 'c' and 'f' are held out.
  for seed, name in enumerate('abcefg'):
    Image.fromarray(drawing(seed)).save(root / 'anime' / 'CC99' / f'{name}.png')
  return root


def test_planted_copies(data, tmp_path):
  opened = study.open_study('illustrations', CONFIG, [], tmp_path, data, None)
  got = curating.run(opened)
  counts = got['tiles']['128']
  assert (counts['tiles'], counts['kept'], counts['duplicate']) == (6, 6, 0)
  assert got['planted'] == 4
  assert got['found']['six levels brighter'] == dict.fromkeys(
    ['4', '6', '8', '10', '14', '10 and turns'], 1.0
  )
  assert got['found']['mirrored']['10'] == 0
  assert got['found']['mirrored']['10 and turns'] == 1
  assert got['copies']['six levels brighter'] == [0] * 4
  assert [name for name, _ in curating.tiles(opened, 'test')] == ['c', 'f']
  assert [name for name, _ in curating.tiles(opened, 'train')] == ['a', 'b', 'e', 'g']
  assert '<svg' in curating.plot(got)


def test_canvas_keeps_pixels():
  picture = np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3)
  got = gan_samples.canvas(picture, 12)
  assert got.shape == (12, 12, 3)
  np.testing.assert_array_equal(got[3:8, 2:10], picture)
  np.testing.assert_array_equal(got[2, 2:10], picture[0])


def test_real_pictures_are_squares_of_the_canvas():
  rng = np.random.default_rng(0)
  canvases = rng.integers(0, 256, (2, 260, 260, 3)).astype(np.uint8)
  keys = jax.random.split(jax.random.key(0), 2)
  make = jax.jit(lambda hr, keys: gan_samples.prepare({'hr': hr}, keys, size=256))
  pair = make(canvases, keys)
  assert pair.lr.shape == (2, *gan_samples.NOISE)
  assert not np.allclose(pair.lr[0], pair.lr[1])
  got = np.asarray(np.round(255 * pair.hr[1])).astype(np.uint8)
  squares = [canvases[1, y : y + 256, x : x + 256] for y in range(5) for x in range(5)]
  assert any((got == s).all() or (got == s[:, ::-1]).all() for s in squares)


def test_stacked_is_the_chain_of_its_parts():
  widths = (4, 4, 4, 4, 4)
  sampler = gan_samples.Sampler(widths=widths)
  noise = gan_samples.draw_noise(0, 2)
  stack = gan_samples.Stacked(widths=widths, blocks=1, features=4)
  variables = stack.init(jax.random.key(0), noise)
  large, sown = stack.apply(variables, noise, mutable=['outputs'])
  small = sampler.apply({'params': variables['params']['sampler']}, noise)
  assert small.shape == (2, 64, 64, 3)
  assert not np.allclose(small[0], small[1])
  np.testing.assert_array_equal(sown['outputs']['small'][0], small)
  assert large.shape == (2, 256, 256, 3)
  # An untrained compact generator is bicubic, which shrinks to nearly its input.
  assert gan_samples.shrinks_to(large, small) < 0.02


def test_spectra():
  i = np.mgrid[:64, :64][0]
  waves = 128 + 100 * np.sin(2 * np.pi * i * 16 / 64)
  pictures = np.repeat(waves[None, ..., None], 3, -1).astype(np.uint8)
  curve = spectra.curve(pictures)
  assert abs(spectra.frequencies()[curve.argmax()] - 16 / 64) < 1 / 64
  assert spectra.distance(curve, curve, 0.1) == 0
  np.testing.assert_allclose(spectra.distance(curve, curve + 3, 0.1), 3)


def quality(**psnr):
  """Results of methods with the same figures on three pictures, jittered."""
  jitter = {'a': 0.01, 'b': -0.01, 'c': 0.0}
  return {
    label: {
      'detail': value,
      'by picture': {
        n: dict.fromkeys((*comparing.QUALITY, 'detail'), value * (1 + d))
        for n, d in jitter.items()
      },
    }
    for label, value in psnr.items()
  }


def test_order_of_quality():
  of = quality(nearest=24, bicubic=25, SRCNN=27, SRGAN=26)
  holds, wrong, undecided = claims.quality_order(of, 'psnr_y')
  assert (holds, wrong, undecided) == (4, ['SRCNN above SRGAN'], 0)
  assert claims._quality(of).verdict == findings.NOT_CONFIRMED
  assert claims._quality(quality(bicubic=24, SRGAN=26)).verdict == findings.CONFIRMED
  same = quality(bicubic=26, SRGAN=26)
  assert claims._quality(same).verdict == findings.UNDECIDABLE


def test_order_of_speed():
  times = {'bicubic': 1.0, 'Anime4K 0.9': 2.0, 'SRCNN': 30.0, 'SRGAN': 40.0}
  assert claims._speed({'8 x 8': times}).verdict == findings.CONFIRMED
  assert claims._times({'8 x 8': times}).verdict == findings.CONFIRMED
  times['SRCNN'] = 1.5
  got = claims._speed({'8 x 8': times})
  assert got.verdict == findings.NOT_CONFIRMED
  assert 'SRCNN faster than Anime4K 0.9' in got.reason
  assert claims._times({'8 x 8': times}).verdict == findings.NOT_CONFIRMED


def test_verdict_on_the_stacked_gan():
  one = {'niqe': [9.0, 9.1], 'spectrum': [8.0, 8.1], 'lr_psnr': [40.0, 40.1]}
  two = {'niqe': [7.0, 7.1], 'spectrum': [5.0, 5.1], 'lr_psnr': [45.0, 45.1]}
  judge = claims._joint
  assert judge({'head': one, 'stacked': two}).verdict == findings.CONFIRMED
  assert judge({'head': two, 'stacked': one}).verdict == findings.NOT_CONFIRMED
  mixed = {**two, 'lr_psnr': [30.0, 30.1]}
  assert judge({'head': one, 'stacked': mixed}).verdict == findings.UNDECIDABLE


def test_smoke(data, tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(study.loop, 'train', workdirs.begun)
  words = ['study-illustrations', '--config', CONFIG, '--data', str(data)]
  words += ['-o', str(tmp_path / 'out'), '--report', str(tmp_path / 'docs')]
  assert cli.main(words) == 0
  said = capsys.readouterr().out
  assert 'An enlarger that is trained as a part of the GAN' in said
  made = {p.name for p in (tmp_path / 'docs').iterdir()}
  assert made == {
    *('illustrations.md', 'illustrations.json', 'illustrations-spectra.svg'),
    *('illustrations-quality-speed.svg', 'illustrations-fingerprints.svg'),
  }
  text = (tmp_path / 'docs' / 'illustrations.md').read_text()
  assert 'nan' not in text.replace('| nan', '')
  results = json.loads((tmp_path / 'docs' / 'illustrations.json').read_text())
  assert set(results['results']['enhancing']['samples']) == {
    *('bicubic', 'compact', 'compact, tuned', 'ESRGAN, small', 'head', 'stacked')
  }
  assert (tmp_path / 'out' / 'samples-0.png').is_file()
  folder = tmp_path / 'out' / 'runs' / 'gan-0'
  log = json.loads((folder / 'log.json').read_text())['log']
  assert [line['step'] for line in log['alone']] == [1, 2]
  assert not any(line['skipped'] for line in (*log['alone'], *log['stacked']))
  # The stack began with the sampler as it was a step before its end.
  alone, stacked = (
    model_file.load(folder / f'{name}.safetensors').variables['params']
    for name in ('alone', 'stacked')
  )
  a, b = alone['tail']['conv']['bias'], stacked['sampler']['tail']['conv']['bias']
  assert not np.array_equal(a, b)
  assert np.abs(a - b).max() < 2e-3
