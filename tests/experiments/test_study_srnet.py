"""The study of SR-NET and ESRGAN: impulse noise by hand, verdicts, a small run."""

import json

import numpy as np
import pytest

from jsr.evaluate.sets import Picture, PictureSet
from jsr.experiments import findings, study
from jsr.experiments.studies.srnet import impulse, report, systems
from jsr.train import recipe
from tests.conftest import ROOT


def flat(value, size=64):
  return np.full((size, size, 3), value, np.uint8)


def test_the_formula_by_hand():
  # Mid-grey: 1/4 whatever is drawn. Black and white alone: half of the pixels change.
  assert impulse.expected_psnr(0.25, 1.0) == pytest.approx(6.0206, abs=1e-4)
  assert impulse.expected_psnr(0.0, 1.0) == pytest.approx(3.0103, abs=1e-4)
  assert impulse.expected_error(0.2, 0.5) == pytest.approx(0.15)
  assert impulse.greyness(np.array([0.0, 0.5, 1.0, 0.1])) == pytest.approx(0.34 / 4)


def test_what_the_printed_figure_needs():
  # 10^-0.518667 = 0.302924: half less 0.197076; with half hit, beyond any picture.
  assert impulse.grey_of(5.18667, 1.0) == pytest.approx(0.197076, abs=1e-6)
  assert impulse.grey_of(5.18667, 0.5) == pytest.approx(-0.105848, abs=1e-6)


def test_noise_is_measured():
  pictures = PictureSet('two', [Picture('a', flat(51)), Picture('b', flat(255))], '')
  a, b = impulse.look(pictures, [0.5, 1.0])
  assert a.grey == pytest.approx(0.16)
  # -10 log10 of 0.17 and of 0.34.
  np.testing.assert_allclose(a.expected, [7.69551, 4.68521], atol=1e-5)
  np.testing.assert_allclose(a.measured, a.expected, atol=0.2)
  # On white nothing but black is seen: half of the hits.
  np.testing.assert_allclose(b.measured, [6.02, 3.01], atol=0.2)
  assert a.measured != a.expected


def measured(psnr):
  values = {'psnr_y': psnr, 'ssim_y': psnr / 40, 'high_frequency': 0.5}
  return {name: {'a': values, 'b': values} for name in ('Set5', 'Set14')}


def outcome(srnet, esrgan, greys=(0.2, 0.19)):
  return report.Outcome(
    {
      'srnet': [measured(x) for x in srnet],
      'rrdb': [measured(27.0) for _ in srnet],
      'esrgan': [measured(x) for x in esrgan],
    },
    measured(28.0),
    {'srnet': [0.1, 0.3, 0.1], 'rrdb': [0.05, 0.05, 0.2], 'esrgan': [0.2, 0.2, 0.1]},
    [impulse.Noisy('a', grey, [5.0, 4.0], [5.1, 3.8]) for grey in greys],
  )


@pytest.fixture
def opened(shared, tmp_path):
  return study.open_study(
    'srnet',
    f'{ROOT}/configs/studies/srnet.py:smoke',
    [],
    tmp_path / 'out',
    shared / 'data',
    None,
  )


def test_verdicts(opened):
  def claims(srnet, esrgan):
    return report.make(opened, outcome(srnet, esrgan)).claims

  near, noise = claims([25, 25.1, 25.2], [26, 26.2, 26.1])
  assert near.verdict == findings.CONFIRMED
  # 1, 1.1 and 0.9.
  assert 'PSNR Y: 1.00 [0.75, 1.25] dB on Set5, 1.00 [' in near.reason
  assert '27.00 dB on Set14' in near.reason
  assert noise.verdict == findings.CONFIRMED
  assert '3.01 to 6.02 dB' in noise.reason
  assert 'E[x(1-x)] = 0.197, a possible value' in noise.reason
  assert 'need -0.106, which no picture has' in noise.reason
  assert 'by 0.20 dB at most' in noise.reason
  # 5.23 and 5.53 dB with all hit: both are above what is printed.
  above = report.make(opened, outcome([25], [26], (0.2, 0.22))).claims[1]
  assert above.verdict == findings.UNDECIDABLE
  assert '5.23 to 5.53 dB, on one side of what is printed' in above.reason
  assert claims([25, 25.1], [24, 24.1])[0].verdict == findings.NOT_CONFIRMED
  assert claims([25, 25.5], [24, 26])[0].verdict == findings.UNDECIDABLE
  # One seed has no interval, and decides nothing.
  assert claims([25], [29])[0].verdict == findings.UNDECIDABLE


def test_report(opened):
  made = report.make(opened, outcome([25, 25.1], [24, 24.1]))
  text = findings.markdown(made, findings.Made('x', 1, 'y', {}))
  # Two steps of 0.1 s, of 0.05 and of 0.2: medians.
  assert '| SR-NET | 2 | 1 of 32 x 32 | 100 ms | 0 s | 0 s |' in text
  assert 'ESRGAN got +150 % of the time of SR-NET' in text
  assert 'below the 19.29 dB printed for SR-NET on 0 of the 4 pictures' in text
  assert 'Below bicubic here: SR-NET on Set5, RRDB (first stage) on Set5' in text
  assert [p.name for p in made.plots] == ['systems', 'impulse-noise']
  assert json.dumps(made.results)


def test_trainings_can_be_built(opened):
  steps = {}
  for name in systems.TITLES:
    config = systems.recipe(opened, name, 1, 'there' if name == 'esrgan' else '')
    plan = recipe.make(config)
    steps[name] = (config.generator.name, plan.discriminator is not None)
    assert config.seed == 1
    assert config.data.source.endswith('train/DIV2K_test_LRx4')
  assert steps == {
    'srnet': ('srnet', False),
    'rrdb': ('rrdb', False),
    'esrgan': ('rrdb', True),
  }
