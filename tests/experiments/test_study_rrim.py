"""The study of RRIM: its verdicts from given figures, and a small run."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jsr import cli, models
from jsr.evaluate import protocol
from jsr.experiments import findings, quality, stability, step_time, study
from jsr.experiments.studies.rrim import curves, variants, verdicts
from jsr.train import logs, recipe, settings
from jsr.weights.model_file import ModelFile
from tests.conftest import ROOT

ASKED = stability.Rule(window=4, base=(4, 12), ratio=3.0, length=4)
STEPS = 24


def loss(grows, start=0.5):
  """A loss that swings by 0.1, and by a tenth of `grows` from step 13 on."""
  x = start + 0.05 * (-1.0) ** np.arange(STEPS)
  x[12:] = start + 0.05 * grows * (-1.0) ** np.arange(STEPS - 12)
  return x


def looked(*grows, skipped=0):
  """A training for each seed; its generator's loss grows so, the other does not."""
  return [
    curves.Looked(
      {
        'g/total': stability.swing(loss(factor), ASKED),
        'd/loss': stability.swing(loss(1), ASKED),
      },
      {'g/total': 0.5, 'd/loss': 1.25},
      skipped,
      STEPS,
    )
    for factor in grows
  ]


def measured(psnr, fsim=None):
  values = {'rmse_4095': 0.2 / psnr, 'psnr_rgb': psnr, 'ssim_rgb': psnr / 40}
  if fsim:
    values['fsim_bandwise'] = fsim
  return {
    'Set5': {'baby': dict(values), 'bird': {k: 1.1 * v for k, v in values.items()}}
  }


def outcome(**changes):
  values = {
    'asked': ASKED,
    'looked': {
      'srgan': looked(1, 1, 1),
      'srgan-nobn': looked(9, 9, 1),
      'rrim': looked(1, 2, 1),
    },
    'plainly': {'srgan': looked(1)[0], 'srgan-nobn': looked(9)[0]},
    'first': dict.fromkeys(
      ('srgan', 'srgan-nobn', 'rrim'), verdicts.FirstStage([0.02, 0.03, 0.01], 0.08)
    ),
    'measured': {
      'srgan': [measured(24, 0.5), measured(24.1), measured(24.2)],
      'srgan-nobn': [measured(20, 0.4), measured(22), measured(21)],
      'rrim': [measured(25, 0.6), measured(25.2), measured(25.3)],
    },
    'bicubic': measured(26, 0.65),
    'seconds': {
      'srgan': [1.0, 2.0, 1.5],
      'srgan-nobn': [0.9, 1.7, 1.3],
      'rrim': [0.8, 1.7, 1.2],
    },
  }
  return verdicts.Outcome(**{**values, **changes})


def judged(out):
  return [claim.verdict for claim in verdicts.claims(out, 'this size')]


def test_all_as_the_report_says():
  out = outcome()
  # A third of the measured FSIM is one seed's: judged over its pictures.
  assert judged(out) == [findings.CONFIRMED] * 4
  removal, cure, speed, better = verdicts.claims(out, 'this size')
  assert 'onset in 2 of 3 (step 13, 13)' in removal.reason
  assert 'SRGAN: onset in 0 of 3, swing at the end 1.00 to 1.00' in removal.reason
  assert 'nothing to cure' not in cure.reason
  assert 'report 001 prints 0.997' in speed.reason
  assert '138.32 s against 138.67 s' in speed.text
  # 25 - 24, 25.2 - 24.1 and 25.3 - 24.2, times the mean of 1 and 1.1.
  assert 'Set5 PSNR RGB 1.12 [' in better.reason
  assert 'in 2 of 2 figures, on the worse in 0. * One seed' in better.reason
  assert removal.reason.endswith('That is at this size.')


def test_nothing_breaks():
  calm = looked(1, 1, 1)
  out = outcome(looked={'srgan': calm, 'srgan-nobn': calm, 'rrim': calm})
  assert judged(out)[:2] == [findings.NOT_CONFIRMED, findings.UNDECIDABLE]
  assert 'nothing to cure' in verdicts.claims(out, 'this size')[1].reason


def test_a_calm_course_beside_a_far_calmer_one_decides_nothing():
  """SRGAN's losses end at a tenth of their swing, those without batch norm do not."""
  calm, calmer = looked(1, 1, 1), looked(0.1, 0.1, 0.1)
  out = outcome(looked={'srgan': calmer, 'srgan-nobn': calm, 'rrim': calm})
  assert judged(out)[0] == findings.UNDECIDABLE
  ratio = verdicts.swings_over_srgan(out, 'srgan-nobn')
  assert ratio['g/total'].mean == pytest.approx(10)
  assert ratio['d/loss'].mean == pytest.approx(1)


def test_all_break():
  wild = looked(9, 9, 9)
  out = outcome(looked={'srgan': wild, 'srgan-nobn': wild, 'rrim': wild})
  assert judged(out)[:2] == [findings.NOT_CONFIRMED, findings.NOT_CONFIRMED]


def test_one_seed_of_three_decides_nothing():
  out = outcome(
    looked={
      'srgan': looked(1, 1, 1),
      'srgan-nobn': looked(9, 1, 1),
      'rrim': looked(1, 1, 1),
    }
  )
  assert judged(out)[:2] == [findings.UNDECIDABLE, findings.UNDECIDABLE]


def test_a_skipped_step_is_unstable():
  out = outcome(
    looked={
      'srgan': looked(1),
      'srgan-nobn': looked(1, skipped=2),
      'rrim': looked(1),
    }
  )
  assert judged(out)[0] == findings.CONFIRMED
  assert '2 steps not finite' in verdicts.claims(out, 'this size')[0].reason


def test_slower_and_worse():
  base = outcome()
  out = outcome(
    seconds={**base.seconds, 'rrim': [1.1, 2.3, 1.6]},
    measured={**base.measured, 'rrim': base.measured['srgan-nobn']},
  )
  assert judged(out)[2:] == [findings.NOT_CONFIRMED, findings.NOT_CONFIRMED]
  # Rounds differ too much.
  out = outcome(seconds={**base.seconds, 'rrim': [0.8, 2.3, 1.6]})
  assert judged(out)[2] == findings.UNDECIDABLE


def test_losses_are_read_step_by_step(tmp_path):
  lines = [
    {'step': i + 1, 'g/total': float(x), 'd/loss': 2 * float(x), 'skipped': 0.0}
    for i, x in enumerate(loss(9))
  ]
  lines[20] |= {'g/total': None, 'skipped': 1.0}
  text = '\n'.join(json.dumps(line) for line in [*lines, {'step': 3, 'event': 'x'}])
  (tmp_path / logs.FILE).write_text(text)
  got = curves.look(tmp_path, STEPS, ASKED)
  assert got.skipped == 1
  assert got.onset == 13
  assert got.swings['d/loss'].usual == pytest.approx(0.1)
  # The last four are 0.95, 0.05, 0.95 and 0.05, and the first of them was skipped.
  assert got.levels == pytest.approx({'g/total': 0.35, 'd/loss': 1.0})
  assert got.unstable


def test_a_training_that_never_was_finite(tmp_path):
  (tmp_path / logs.FILE).write_text('')
  got = curves.look(tmp_path, STEPS, ASKED)
  assert got.unstable
  assert got.onset is None
  assert curves.band([got], 'g/total')['step'] == []
  described = curves.describe([got])
  assert described['g/total']['last'] == [None]


def test_bands_span_the_seeds():
  band = curves.band(looked(1, 3, 2), 'g/total')
  assert band['step'][0] == 4
  assert band['step'][-1] == STEPS
  ends = [band[name][-1] for name in ('low', 'middle', 'high')]
  np.testing.assert_allclose(ends, [1, 2, 3])
  assert all(math.isfinite(x) for x in band['high'])


@pytest.fixture
def without_training(monkeypatch):
  """Trainings that write a log and learn nothing, steps that take a second: what is
  left is all that a study does besides, in seconds."""

  def train(config, workdir):
    workdir.mkdir(parents=True)
    settings.write(workdir, config)
    lines = [
      {'step': i + 1, 'g/total': x, 'd/loss': x, 'g/pixel': x, 'skipped': 0.0}
      for i, x in enumerate(loss(1)[: config.train.max_steps].tolist())
    ]
    (workdir / logs.FILE).write_text('\n'.join(map(json.dumps, lines)))
    return {'step': config.train.max_steps, 'reason': 'max_steps'}

  def read(workdir, which):
    assert which == 'latest'
    c = settings.read(workdir)
    model = models.build(c.generator.name, scale=4, **c.generator.args.to_dict())
    variables = model.lazy_init(
      jax.random.key(0), jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    )
    return ModelFile(c.generator.name, 4, c.generator.args.to_dict(), variables, '')

  # Of bicubic on the one picture: the gate measures it, for seconds each time.
  monkeypatch.setitem(protocol.SLOW, 'fsim_bandwise', lambda x, y: [0.669072])
  monkeypatch.setattr(study.loop, 'train', train)
  monkeypatch.setattr(quality.conversion, 'read_workdir', read)
  monkeypatch.setattr(
    step_time,
    'alternate',
    lambda configs, rounds: dict.fromkeys(configs, [1.0] * rounds),
  )


def test_smoke(shared, tmp_path, without_training, capsys):
  out = tmp_path / 'out'
  config = f'{ROOT}/configs/studies/rrim.py:smoke'
  words = ['--data', str(shared / 'data'), '-o', str(out)]
  assert cli.main(['study-rrim', '--config', config, *words]) == 0
  said = capsys.readouterr().out
  assert 'training rrim-0: 12 steps' in said
  assert 'measuring srgan-nobn-0 on Set5' in said
  found = json.loads((out / 'results.json').read_text())['results']
  assert found['seconds_per_step']['rrim'] == [1, 1]
  assert found['swings']['rrim']['steps'] == [12]
  assert found['swings_plain']['rrim']['steps'] == [12]
  # The printed row beside ours; FSIM of bicubic is known, of the others not asked for.
  text = (out / 'report.md').read_text()
  assert '| Set5 | RRIM | printed in report 001 | 0.0030 | 26.8981 | 0.7768 |' in text
  assert '| 0.6691 |' in text
  assert '| RRIM * | generator |' in text
  # The second start trains and measures nothing.
  assert cli.main(['study-rrim', '--config', config, *words]) == 0
  said = capsys.readouterr().out
  assert 'training' not in said
  assert 'measuring' not in said


def test_trainings_differ_by_their_generator_alone(shared, tmp_path):
  opened = study.open_study(
    'rrim',
    f'{ROOT}/configs/studies/rrim.py:smoke',
    [],
    tmp_path / 'out',
    shared / 'data',
    None,
  )
  for first_stage in (True, False):
    flat = [
      settings.flatten(variants.recipe(opened, name, 0, first_stage=first_stage))
      for name in variants.VARIANTS
    ]
    differ = {k for one in flat for k in one if one[k] != flat[0].get(k)}
    assert all(key.startswith('generator.') for key in differ)
    rate = 1e-3 if first_stage else 0.03
    assert flat[1]['optim.generator.learning_rate'] == rate
    assert not flat[1]['generator.args.batch_norm']
  plain = variants.recipe(opened, 'rrim', 0, first_stage=True, plain=True)
  assert plain.optim.generator.name == 'sgd'
  # What is timed can be built, in the report's sizes too.
  with opened.config.unlocked():
    opened.config.timing.full = True
  for name in variants.VARIANTS:
    plan = recipe.make(variants.timed(opened, name))
    assert plan.discriminator.features == 64
