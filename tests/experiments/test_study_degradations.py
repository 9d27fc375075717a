"""Study `degradations`: fixed LR, paired differences, verdicts, a small run."""

import json

import numpy as np
import pytest

from jsr import cli
from jsr.evaluate import sets
from jsr.experiments import findings, intervals, kept
from jsr.experiments.studies.degradations import photographs, report, synthetic
from tests.workdirs import save


def pictures(n, size=32):
  rng = np.random.default_rng(0)
  made = [
    sets.Picture(str(i), rng.integers(0, 256, (size, size, 3), np.uint8))
    for i in range(n)
  ]
  return sets.PictureSet('noise', made, '')


def test_lr_is_drawn_by_seed_and_place():
  lr = [
    [p.lr for p in synthetic.degrade(opened, 'noise', seed).pictures]
    for opened, seed in ((pictures(3), 7), (pictures(2), 7), (pictures(2), 8))
  ]
  np.testing.assert_array_equal(lr[0][:2], lr[1])
  assert (np.array(lr[1]) != lr[2]).any()
  assert lr[0][0].shape == (8, 8, 3)
  assert lr[0][0].dtype == np.uint8


def test_differences_are_paired():
  ours = [[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]]
  theirs = [[0.5, 1.0, 9.0], [2.0, 3.0, 9.0]]
  both = report.change(ours, theirs)
  # The third picture has no figure in one training: it is left out everywhere.
  assert both['seeds'] == intervals.of_difference([1.5, 3.5], [0.75, 2.5])
  assert both['pictures'] == intervals.bootstrap([0.75, 1.0])


def interval(low, high):
  return intervals.Interval((low + high) / 2, low, high, 3)


@pytest.mark.parametrize(
  ('seeds', 'pictures', 'verdict'),
  [
    ((0.1, 0.3), (0.1, 0.4), findings.CONFIRMED),
    ((-0.3, -0.1), (-0.4, -0.1), findings.NOT_CONFIRMED),
    ((-0.1, 0.3), (0.1, 0.4), findings.UNDECIDABLE),
    ((0.1, 0.3), (-0.1, 0.4), findings.UNDECIDABLE),
    ((0.1, 0.3), (-0.4, -0.1), findings.UNDECIDABLE),
  ],
)
def test_verdict(seeds, pictures, verdict):
  assert report.verdict(interval(*seeds), interval(*pictures), 1) == verdict
  swapped = {
    findings.CONFIRMED: findings.NOT_CONFIRMED,
    findings.NOT_CONFIRMED: findings.CONFIRMED,
  }
  got = report.verdict(interval(*seeds), interval(*pictures), -1)
  assert got == swapped.get(verdict, verdict)


def test_one_seed_decides_nothing():
  one = intervals.of_mean([5.0])
  assert report.verdict(one, interval(1, 2), 1) == findings.UNDECIDABLE


def test_consistency_and_cut():
  flat = np.full((6, 6, 3), 77, np.uint8)
  large = np.full((24, 24, 3), 77, np.uint8)
  assert photographs.consistency(large, flat) == np.inf
  # One level off everywhere.
  assert photographs.consistency(large + 1, flat) == pytest.approx(48.13, abs=0.01)
  rows = np.arange(10 * 7 * 3).reshape(10, 7, 3)
  np.testing.assert_array_equal(photographs.cut(rows, 8), rows[1:9])


def test_clean_lr_is_no_degradation():
  rows = {'bicubic': {'a': {'k': [[1.0]]}}, 'jpeg': {'a': {'k': [[2.0, 4.0]]}}}
  assert report.degraded(rows, 'a', 'k') == [[2.0, 4.0]]


@pytest.mark.usefixtures('one_device')
def test_smoke_run(tmp_path):
  """With photographs of our own, on a degradation that compiles in a moment."""
  rng = np.random.default_rng(0)
  for name in ('a', 'b'):
    save(
      tmp_path / 'data' / 'real' / f'{name}.png',
      rng.integers(0, 256, (20, 16, 3), 'u1'),
    )
  words = ['study-degradations', '--config', 'configs/studies/degradations.py:smoke']
  words += ['-o', str(tmp_path / 'out'), '--data', str(tmp_path / 'data')]
  words += ['--config.judged=noise', "--config.real.folders=('real',)"]
  assert cli.main(words) == 0
  found = json.loads((tmp_path / 'out' / 'results.json').read_text())
  assert set(found['results']['synthetic']) == {'bicubic', 'noise'}
  kinds = {'enlarged by bicubic', 'start', 'bicubic', 'noise'}
  assert set(found['results']['synthetic']['noise']) == kinds
  assert found['results']['photographs']['names'] == ['real/a', 'real/b']
  # No weights: no NIQE, and no verdict by it.
  assert set(found['results']['photographs']['noise']) == {'lr_psnr'}
  assert found['claims'][0]['verdict'] == findings.UNDECIDABLE
  assert (tmp_path / 'out' / photographs.SHEET).is_file()
  # Both kinds of training differ from what they began with, and from each other.
  values = [found['results']['synthetic']['noise'][k]['psnr_y'] for k in sorted(kinds)]
  assert len({v[0] for v in values}) == 4


def test_results_are_kept_by_key(tmp_path):
  made = []

  def compute():
    made.append(1)
    return {'psnr': (1.5, float('inf'))}

  path = tmp_path / 'measured' / 'a.json'
  for key in ([1, 'a'], (1, 'a'), [2, 'a']):
    got = kept.once(path, key, compute)
    assert got == {'psnr': [1.5, float('inf')]}
  # Anew for another key alone.
  assert len(made) == 2
