"""The study of faces: a small run, its verdicts, and what is kept."""

import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from jsr import cli
from jsr.experiments.studies.faces import verdicts
from jsr.experiments.studies.faces.embeddings import BICUBIC, HR, Condition
from jsr.experiments.studies.faces.scores import Score, Scores
from jsr.metrics.verification import Folds, Roc
from tests.conftest import ROOT

CONFIG = f'{ROOT}/configs/studies/faces.py'


@pytest.fixture
def data(shared, tmp_path):
  """Two pictures of each person."""
  source = shared / 'data' / 'faces' / 'LFW100'
  for person in source.iterdir():
    folder = tmp_path / 'data' / 'faces' / 'LFW100' / person.name
    folder.mkdir(parents=True)
    for path in sorted(person.iterdir())[:2]:
      (folder / path.name).symlink_to(path)
  return tmp_path / 'data'


def run(data, shared, out, *words):
  args = ['--data', str(data), '--weights', str(shared / 'weights'), '-o', str(out)]
  return cli.main(['study-faces', '--config', f'{CONFIG}:smoke', *args, *words])


def test_smoke(data, shared, tmp_path, capsys):
  out = tmp_path / 'out'
  assert run(data, shared, out) == 0
  said = capsys.readouterr().out
  assert 'embedding SRGAN 20' in said
  read = json.loads((out / 'results.json').read_text())
  conditions = read['results']['conditions']
  assert set(conditions) == {
    'HR 0',
    *(f'{m} 20' for m in (BICUBIC, 'SRGAN', 'espcn-x4')),
  }
  hr, low = conditions['HR 0'], conditions['bicubic 20']
  assert hr['auc'][0] > 0.99
  assert hr['cosine'] == [1, 1, 1]
  assert low['accuracy'][0] < 1
  assert low['eer'][0] > hr['eer'][0]
  assert 0.3 < low['cosine'][0] < 0.6 < 1
  assert (read['results']['pairs'], read['results']['all_pairs']) == (20, [10, 180])
  assert read['claims'][0]['text'].startswith('SRGAN x4 hurts')
  text = (out / 'report.md').read_text()
  assert '| 20x20 | 93.5 | 92.217 | -1.28 |' in text
  for name in ('seen.png', 'roc.svg', 'accuracy.svg', 'eer.svg', 'cosine.svg'):
    assert (out / name).is_file()
  # What was embedded is kept, until something that it depends on changes.
  path = out / 'embeddings' / 'SRGAN-20.npz'
  with np.load(path) as archive:
    stale = dict(archive)
  np.savez(path, **{**stale, 'key': 'of other weights'})
  assert run(data, shared, out) == 0
  made = [x for x in capsys.readouterr().out.splitlines() if x.startswith('embed')]
  assert made == ['embedding SRGAN 20']


@pytest.mark.parametrize(
  ('option', 'told'),
  [
    ('claimed=GAN', "claims are about 'GAN', which is none of the methods bicubic, SR"),
    ("published=('x.pth',)", "published: 'x.pth' is not LABEL=FILE"),
    ("methods=('bicubic',)", 'methods: bicubic is no network'),
    ("methods=('SRGAN=espcn-x4',)", 'two methods are called SRGAN'),
    ("methods=('espcn-x2',)", 'espcn-x2 enlarges 2 times and cannot be asked for 4'),
    ('sizes=(4,)', 'must be some sides from 8 pixels on'),
    ('network=facenet', 'does not fit FaceNet of facenet-pytorch: missing: conv2d_1a'),
    ('pairs=pairs.txt', 'there is no pairs.txt in'),
  ],
)
def test_mistakes(data, shared, tmp_path, capsys, option, told):
  assert run(data, shared, tmp_path / 'out', f'--config.{option}') == 2
  said = capsys.readouterr().err
  assert told in said
  assert said.count('\n') == 1


SIZES = (20, 30, 40)


def scores(gains, spread):
  """SRGAN's gains in accuracy by size, with samples `spread` around them.

  What lifts one size lowers the next, so that differences of sizes have noise too.
  """
  samples = np.linspace(-1, 1, 41)
  roc = Roc(np.array([0.0, 1.0]), np.array([0.5, 1.0]))
  of = {}

  def add(condition, accuracy, around):
    values = {'accuracy': accuracy, 'eer': 0.1, 'auc': 0.9, 'cosine': 0.5}
    drawn = {name: np.full(41, x) for name, x in values.items()}
    drawn['accuracy'] = accuracy + around * samples
    folds = Folds(np.full(10, accuracy), np.full(10, 1.4))
    of[condition] = Score(folds, (folds, 0.0), 0.5, roc, values, drawn)

  add(Condition(HR, 0), 1.0, 0)
  for size, gain in zip(SIZES, gains, strict=True):
    add(Condition(BICUBIC, size), 0.9, 0)
    add(Condition('SRGAN', size), 0.9 + gain, spread)
    spread = -spread
  return Scores(of, 10, (450, 4500))


@pytest.mark.parametrize(
  ('gains', 'spread', 'wanted'),
  [
    ((-0.02, 0.03, 0.01), 0.005, ('confirmed', 'confirmed', 'confirmed')),
    ((0.02, 0.01, 0.03), 0.005, ('not confirmed', 'confirmed', 'not confirmed')),
    ((-0.02, -0.03, 0.01), 0.005, ('confirmed', 'not confirmed', 'not confirmed')),
    ((-0.01, 0.03, 0.0), 0.05, 3 * ('not decidable at this size',)),
    # Less harm is no shrinking gain.
    ((-0.02, -0.01, -0.03), 0.005, ('confirmed', 'not confirmed', 'not confirmed')),
  ],
)
def test_verdicts(gains, spread, wanted):
  config = ConfigDict({'sizes': SIZES, 'claimed': 'SRGAN'})
  found = scores(gains, spread)
  claims = verdicts.claims(config, found)
  assert tuple(c.verdict for c in claims) == wanted
  assert all('SRGAN' in c.reason for c in claims)


def test_the_figure_that_decides():
  found = scores((-0.01, 0.03, 0.01), 0.05)
  score = found.of[Condition('SRGAN', 20)]
  score.values['eer'], score.samples['eer'] = 0.05, np.full(41, 0.05)
  figure, gain = verdicts.decided(found, 20, 'SRGAN')
  assert figure == 'eer'
  assert gain.mean == pytest.approx(0.05)
  assert verdicts.at(found, 20, 'SRGAN')[0] == 1
  assert verdicts.decided(found, 30, 'SRGAN')[0] == ''
