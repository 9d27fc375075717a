"""What every study shares: reports, intervals, trainings that resume, the commands."""

import json
import math
import sys
import types

import numpy as np
import pytest
from ml_collections import ConfigDict
from scipy import stats

from jsr import cli
from jsr.errors import UserError
from jsr.experiments import findings, intervals, studies, study

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


def found(**changes):
  values = {
    'title': 'Is it true?',
    'question': ['Report 000 says so.'],
    'claims': [findings.Claim('Water is wet.', findings.CONFIRMED, '3 of 3 | seeds')],
    'setup': ['Three seeds.'],
    'tables': [findings.Table('Numbers', ('a', 'b'), [('1', '2|3')], 'In dB.')],
    'plots': [findings.Plot('main-effects', 'Effects', SVG)],
    'results': {'a': math.inf, 'b': 1.5},
    'remarks': ['Nothing else.'],
  }
  return findings.Findings(**{**values, **changes})


MADE = findings.Made(
  'jsr study-x --data DATA', 600.0, 'a machine; 2026-11-21', {'k': 1}
)


def test_report(tmp_path):
  paths = findings.write(tmp_path, found(), MADE, report='x', results='x', prefix='x-')
  assert [p.name for p in paths] == ['x.md', 'x.json', 'x-main-effects.svg']
  text = paths[0].read_text()
  assert '| Water is wet. | **confirmed** | 3 of 3 \\| seeds |' in text
  assert '![Effects](x-main-effects.svg)' in text
  assert '| 1 | 2\\|3 |' in text
  assert '```sh\njsr study-x --data DATA\n```' in text
  assert '10 min on a machine; 2026-11-21.' in text
  read = json.loads(paths[1].read_text())
  assert read['results'] == {'a': None, 'b': 1.5}
  assert read['claims'][0]['verdict'] == 'confirmed'
  assert read['config'] == {'k': 1}
  assert not [p for p in tmp_path.iterdir() if p not in paths]


def test_bad_findings(tmp_path):
  with pytest.raises(ValueError, match='2 columns'):
    findings.markdown(found(tables=[findings.Table('t', ('a', 'b'), [('1',)])]), MADE)
  with pytest.raises(ValueError, match='no name'):
    findings.write(tmp_path, found(plots=[findings.Plot('a b', 't', SVG)]), MADE)


def test_interval_of_mean():
  x = [31.2, 31.5, 31.4]
  got = intervals.of_mean(x)
  expected = stats.t.interval(0.95, 2, np.mean(x), stats.sem(x))
  np.testing.assert_allclose((got.low, got.high), expected)
  assert got.excludes(33)
  assert not got.excludes(31.4)
  assert got.text() == f'31.37 [{expected[0]:.2f}, {expected[1]:.2f}]'
  alone = intervals.of_mean([2.0])
  assert alone.mean == 2
  assert not alone.excludes(1e9)
  assert alone.text(1) == '2.0'


def test_interval_of_difference_is_paired():
  a, b = [1.0, 2.0, 3.0], [0.5, 1.5, 2.4]
  assert intervals.of_difference(a, b) == intervals.of_mean(np.subtract(a, b).tolist())
  assert intervals.of_difference(a, b).excludes(0)


def test_bootstrap():
  """The values are those of jsr's design for opinion scores, with NumPy's generator."""
  a = [4, 4, 3, 5, 3, 4, 2, 4, 5, 3, 4, 4]
  got = intervals.bootstrap(a)
  np.testing.assert_allclose(got, (3.75, 3.25, 4.166667, 12), rtol=1e-6)


def make(tmp_path, **options):
  config = ConfigDict({'seeds': 1})
  root = tmp_path / 'configs'
  values = {'data': None, 'weights': None, **options}
  return study.Study('x', config, root, tmp_path / 'out', **values)


def test_folders_that_are_missing(tmp_path):
  with pytest.raises(UserError, match=r'needs faces; name its folder with --data'):
    make(tmp_path).data_folder('faces')
  with pytest.raises(UserError, match=r'--weights: there is no vgg in'):
    make(tmp_path, weights=tmp_path).weights_file('vgg')
  (tmp_path / 'faces').mkdir()
  assert make(tmp_path, data=tmp_path).data_folder('faces') == tmp_path / 'faces'


@pytest.fixture
def fake(tmp_path, monkeypatch):
  """A study that only tells its config."""
  module = types.ModuleType('jsr.experiments.studies.fake')
  module.run = lambda opened: found(results={'seeds': opened.config.seeds})
  monkeypatch.setitem(sys.modules, module.__name__, module)
  monkeypatch.setitem(studies.STUDIES, 'fake', 'nothing')
  monkeypatch.chdir(tmp_path)
  folder = tmp_path / 'configs' / 'studies'
  folder.mkdir(parents=True)
  (folder / 'fake.py').write_text(
    'from ml_collections import ConfigDict\n'
    "def get_config(arg=''):\n  return ConfigDict({'seeds': 3, 'arg': arg})\n"
  )
  return tmp_path


def test_command(fake, capsys):
  words = ['study-fake', '--report', 'docs', '--config.seeds=5', '--data', str(fake)]
  assert cli.main(words) == 0
  said = capsys.readouterr().out
  assert 'confirmed: Water is wet.' in said
  assert 'Read docs/fake.md' in said
  text = (fake / 'docs' / 'fake.md').read_text()
  # The reader's folder is not ours.
  assert 'jsr study-fake --config.seeds=5 --data DATA\n' in text
  for path in ('docs/fake.json', 'out/studies/fake/results.json'):
    assert json.loads((fake / path).read_text())['results'] == {'seeds': 5}


def test_time_adds_up(fake):
  assert cli.main(['study-fake']) == 0
  path = fake / 'out' / 'studies' / 'fake' / 'study.json'
  path.write_text(json.dumps({**json.loads(path.read_text()), 'seconds': 5000}))
  assert cli.main(['study-fake']) == 0
  assert json.loads(path.read_text())['seconds'] > 5000
  assert '83 min on' in (path.parent / 'report.md').read_text()


def test_another_config_finds_no_kept_results(fake, capsys):
  assert cli.main(['study-fake']) == 0
  assert cli.main(['study-fake', '--config', 'configs/studies/fake.py:b']) == 2
  assert "another config (arg was '' and is 'b')" in capsys.readouterr().err
  # More seeds are more of the same.
  assert cli.main(['study-fake', '--config.seeds=9']) == 0
  path = fake / 'out' / 'studies' / 'fake' / 'study.json'
  path.write_text(path.read_text().replace('"fake"', '"rrim"'))
  assert cli.main(['study-fake']) == 2
  assert 'out/studies/fake holds study-rrim' in capsys.readouterr().err
  (fake / 'mine').mkdir()
  (fake / 'mine' / 'results.json').write_text('{}')
  assert cli.main(['study-fake', '-o', 'mine']) == 2
  assert 'mine holds something else; choose another --output' in capsys.readouterr().err
  assert (fake / 'mine' / 'results.json').read_text() == '{}'


def test_a_study_that_cannot_start_leaves_nothing(fake, capsys, monkeypatch):
  def run(opened):
    opened.data_folder('train')

  monkeypatch.setattr(sys.modules['jsr.experiments.studies.fake'], 'run', run)
  assert cli.main(['study-fake', '-o', 'out/it']) == 2
  assert (
    'this study needs train; name its folder with --data' in capsys.readouterr().err
  )
  assert not (fake / 'out' / 'it').exists()


def test_a_bad_key(fake, capsys):
  assert cli.main(['study-fake', '--config.seed=5']) == 2
  assert "did you mean 'seeds'?" in capsys.readouterr().err
  assert not (fake / 'out').exists()


def test_a_training_is_made_once(tmp_path, monkeypatch):
  made = []

  def train(config, workdir):
    workdir.mkdir(parents=True)
    made.append(workdir.name)
    return {'step': config.train.max_steps, 'reason': 'max_steps'}

  monkeypatch.setattr(study.loop, 'train', train)
  config = ConfigDict({'train': {'max_steps': 3}, 'eval': {'sets': ('Set5',)}})
  opened = make(tmp_path)
  assert opened.train('a', config) == opened.train('a', config)
  assert made == ['a']
  # Neither a longer run nor a shorter one passes for it.
  for steps in (2, 4):
    config.train.max_steps = steps
    with pytest.raises(UserError, match=f'max_steps was 3 and is {steps}'):
      opened.train('a', config)
  monkeypatch.setattr(study.loop, 'train', lambda *_: {'reason': 'signal', 'step': 1})
  with pytest.raises(KeyboardInterrupt):
    opened.train('b', config)
  assert not (tmp_path / 'out' / 'runs' / 'b').exists()
