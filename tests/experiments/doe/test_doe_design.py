"""`jsr doe --design`: keys, runs that resume, runs that diverge, a confirmation."""

import json

import pytest

from jsr import cli
from jsr.errors import UserError
from jsr.experiments.doe import experiment
from jsr.train import guard, settings
from tests.conftest import ROOT

ESPCN = f'{ROOT}/configs/espcn.py:smoke'
RATE = 'optim.generator.learning_rate'
PSNR = 'eval/photographs_x3/psnr_y'


def test_keys_with_parts_left_out():
  pixel = settings.load(ESPCN)
  assert experiment.resolve('optim.learning_rate', pixel) == RATE
  assert experiment.resolve('data.batch_size', pixel) == 'data.batch_size'
  # The config's own errors tell of these.
  assert experiment.resolve('generator.args.features', pixel).endswith('features')
  assert experiment.resolve('learning_rate', pixel) == 'learning_rate'
  gan = settings.load(f'{ROOT}/configs/srgan.py:smoke')
  with pytest.raises(UserError, match=r'optim\.discriminator\.learning_rate or optim'):
    experiment.resolve('optim.learning_rate', gan)


def test_factors_and_responses():
  assert experiment.parse_factor('config.a.b=1, 2') == ('a.b', ('1', '2'))
  for text in ('a', 'a=1', 'a=1,1', '=1,2', 'a=1,,2'):
    with pytest.raises(UserError, match='cannot read --factor'):
      experiment.parse_factor(text)
  config = settings.load(ESPCN)
  assert experiment.full_name('psnr_y', config) == PSNR
  assert experiment.full_name('g/total', config) == 'g/total'
  with pytest.raises(UserError, match="no run measures 'psnr'"):
    experiment.full_name('psnr', config)


@pytest.fixture
def trained(monkeypatch):
  """Trainings that only tell what they were asked for; a rate of 0.1 diverges."""
  seen = []

  def train(study, name, config):
    workdir = study.output / 'runs' / name
    seen.append(name)
    rate = config.optim.generator.learning_rate
    if rate == 0.1:
      raise guard.TrainingStoppedError('training stopped at step 3: no number')
    value = 30 + 100 * rate + config.data.batch_size / 4 + config.seed / 10
    result = {'step': 6, 'reason': 'max_steps', PSNR: value}
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / 'done.json').write_text(json.dumps(result))
    return workdir

  monkeypatch.setattr(experiment.Study, 'train', train)
  monkeypatch.setattr(
    experiment.evaluator, 'Evaluator', lambda config: lambda state: {PSNR: 5.0}
  )
  return seen


WORDS = ['doe', '--design', 'L4', '--config', ESPCN, '--factor', 'data.batch_size=4,8']
WORDS += ['--response', 'psnr_y:larger', '--seeds', '2', '--confirm']


def test_a_design(tmp_path, capsys, trained):
  words = [
    *WORDS,
    '-o',
    str(tmp_path / 'o'),
    '--factor',
    'optim.learning_rate=0.01,0.02',
  ]
  assert cli.main(words) == 0
  assert trained[:3] == ['run01-seed0', 'run01-seed1', 'run02-seed0']
  assert len(trained) == 8
  said = capsys.readouterr().out
  assert f'best levels (*): data.batch_size 8, {RATE} 0.02' in said
  assert 'confirmation of psnr_y' in said
  read = json.loads((tmp_path / 'o' / 'results.json').read_text())
  assert read['design'] == 'L4(2^3)'
  assert read['confirmations'][0]['inside']
  assert read['analyses'][0]['tried'] == 3
  header = (tmp_path / 'o' / 'table.csv').read_text().splitlines()[0]
  assert header == f'run,data.batch_size,{RATE},psnr_y,psnr_y.2'
  assert (tmp_path / 'o' / 'main-effects.svg').is_file()
  # The table is one that can be analysed again.
  table = str(tmp_path / 'o' / 'table.csv')
  assert cli.main(['doe', 'analyse', table, '--response', 'psnr_y:larger']) == 0


def test_a_run_that_diverges_is_marked_and_the_design_goes_on(
  tmp_path, capsys, trained
):
  words = [
    *WORDS,
    '-o',
    str(tmp_path / 'o'),
    '--factor',
    'optim.learning_rate=0.1,0.02',
  ]
  assert cli.main(words) == 0
  said = capsys.readouterr().out
  assert 'run01 diverged with seed 1, and was measured at its last finite state' in said
  assert 'the median is' in said or 'best levels' in said
  read = json.loads((tmp_path / 'o' / 'results.json').read_text())
  assert read['runs'][0]['psnr_y'] == [5.0, 5.0]
  assert len(read['said']) == 4
  # They are not tried again.
  trained.clear()
  assert cli.main(words) == 0
  assert not [name for name in trained if name.startswith('run01')]


def test_what_cannot_be_is_told_before_training(tmp_path, capsys, trained):
  words = [*WORDS, '-o', str(tmp_path / 'o')]
  for more, said in (
    (['--factor', 'data.batchsize=1,2'], "did you mean 'data.batch_size'"),
    (['--factor', 'data.batch_size=16,32'], 'two factors vary one key'),
    (['--factor', 'scale=2,3,4'], 'no columns for factors with 2, 3 levels'),
    (['--factor', 'data.patch_size=36,35'], 'is no multiple of'),
    (['--response', 'loss:smaller'], "no run measures 'loss'"),
    (['--design', 'L5'], "unknown orthogonal array 'L5'"),
  ):
    assert cli.main([*words, *more]) == 2
    assert said in capsys.readouterr().err
  assert not trained
  assert not (tmp_path / 'o').exists()


def test_results_of_others_are_not_overwritten(tmp_path, capsys, trained):
  (tmp_path / 'runs').mkdir()
  (tmp_path / 'study.json').write_text('{}')
  words = [*WORDS, '--factor', 'optim.learning_rate=0.01,0.02', '-o', str(tmp_path)]
  assert cli.main(words) == 2
  assert 'holds something else' in capsys.readouterr().err
  (tmp_path / 'study.json').unlink()
  (tmp_path / 'runs').rmdir()
  (tmp_path / 'results.json').write_text('mine')
  assert cli.main(words) == 2
  assert (tmp_path / 'results.json').read_text() == 'mine'
  assert not trained
