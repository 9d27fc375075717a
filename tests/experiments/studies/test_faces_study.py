"""The study of faces: a small run, its verdicts, and what is kept."""

import json
import pathlib

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from configs.studies import faces as faces_config
from jsr import cli
from jsr.data import faces as data_faces
from jsr.errors import UserError
from jsr.experiments.studies import faces as faces_study
from jsr.experiments.studies.faces import embeddings, report, verdicts
from jsr.experiments.studies.faces.embeddings import BICUBIC, HR, Condition
from jsr.experiments.studies.faces.scores import Score, Scores
from jsr.experiments.study import Study
from jsr.metrics.verification import Folds, Roc
from tests.conftest import ROOT, jit_to_run

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


@pytest.fixture
def quick(monkeypatch):
  """Batches of the faces that there are, by a network of faces that runs fast."""
  monkeypatch.setattr(embeddings, 'BATCH', 20)
  make = embeddings.embedder

  def embedder(study):
    network, digest = make(study)
    network._apply = jit_to_run(network._apply.__wrapped__)
    return network, digest

  monkeypatch.setattr(embeddings, 'embedder', embedder)


def run(data, shared, out, *words):
  args = ['--data', str(data), '--weights', str(shared / 'weights'), '-o', str(out)]
  return cli.main(['study-faces', '--config', f'{CONFIG}:smoke', *args, *words])


def test_smoke(data, shared, tmp_path, capsys, quick):
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
  assert 'people of LFW (faces/LFW100)' in text
  assert 'photographed at press conferences' in text
  # What was embedded is kept, until something that it depends on changes, or damaged.
  path = out / 'embeddings' / 'SRGAN-20.npz'
  with np.load(path) as archive:
    stale = dict(archive)
  np.savez(path, **{**stale, 'key': 'of other weights'})
  damaged = out / 'embeddings' / 'bicubic-20.npz'
  damaged.write_bytes(damaged.read_bytes()[:-40])
  assert run(data, shared, out) == 0
  made = [x for x in capsys.readouterr().out.splitlines() if x.startswith('embed')]
  assert made == ['embedding bicubic 20', 'embedding SRGAN 20']
  assert json.loads((out / 'results.json').read_text())['results'] == read['results']


@pytest.mark.parametrize('content', [b'', b'PK', b'PK\x03\x04' + 60 * b'x', b'no zip'])
def test_a_damaged_file_holds_nothing(tmp_path, content):
  (tmp_path / 'x.npz').write_bytes(content)
  assert embeddings._kept(tmp_path / 'x.npz', 'key') is None
  assert embeddings._kept(tmp_path / 'y.npz', 'key') is None


def test_a_flipped_bit_is_seen(tmp_path):
  path = tmp_path / 'x.npz'
  np.savez(path, key='key', embeddings=np.zeros((20, 8)))
  assert embeddings._kept(path, 'key').shape == (20, 8)
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)
  assert embeddings._kept(path, 'key') is None


def test_pictures_are_whole_or_not_there(tmp_path, monkeypatch):
  config = ConfigDict({'sizes': (8,), 'network': 'mobilefacenet'})
  study = Study('faces', config, tmp_path, tmp_path / 'out', None, None)
  crops = np.zeros((2, 16, 16, 3), np.uint8)

  def stop(self, target):
    raise KeyboardInterrupt

  monkeypatch.setattr(pathlib.Path, 'replace', stop)
  with pytest.raises(KeyboardInterrupt):
    embeddings.sheet(study, crops, {}, [0, 1])
  assert not list((tmp_path / 'out').iterdir())
  monkeypatch.undo()
  path = embeddings.sheet(study, crops, {}, [0, 1])
  with Image.open(path) as picture:
    assert picture.size == (224, 112)


def test_facenet_wants_cut_faces():
  config = ConfigDict({'network': 'facenet', 'box': ()})
  with pytest.raises(UserError, match='cut to 160x160 and these pictures have 250x240'):
    faces_study._check_cut(config, np.zeros((1, 240, 250, 3)))
  faces_study._check_cut(config, np.zeros((1, 160, 160, 3)))
  config.box = (1, 2, 3, 4)
  faces_study._check_cut(config, np.zeros((1, 2, 2, 3)))


def test_faces_of_nobody_known(tmp_path):
  """A report of a user's own folder says nothing of LFW."""
  files = tuple(tmp_path / f'{i}.png' for i in range(20))
  person, pairs = np.arange(20) // 2, np.arange(10)
  asked = data_faces.FacePairs(
    files, tuple('abcdefghij'), person, 2 * pairs, 2 * pairs + 1, pairs
  )
  config = faces_config.get_config().unlock()
  config.sizes = SIZES
  found = scores((-0.01, 0.03, 0.0), 0.05)
  methods = dict.fromkeys((BICUBIC, 'SRGAN'), embeddings.Enlarger(None, '', 'x'))
  for folder, known in (('mine', False), ('faces/LFW100', True)):
    config.faces = folder
    made = report.make(config, asked, (128, 128), methods, found)
    told = '\n'.join([*made.setup, *made.remarks])
    assert ('of LFW' in told) == known
    assert ('press conferences' in told) == known
    assert 'people are few' in told


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
    ('box=(1,2,3)', 'box: (1, 2, 3) must be (left, top, right, bottom) in pixels'),
    ("box=(1,2,3,'x')", "box: (1, 2, 3, 'x') must be (left, top"),
    ('draws=0', 'draws: 0 samples of people are too few'),
    ("published=('../x=srgan_x4/netG_epoch_4_100.v2.pth',)", "cannot be called '../x'"),
    ("methods=('a/b=espcn-x4',)", "a method cannot be called 'a/b'"),
    ("methods=('HR=espcn-x4',)", 'no method can be called HR'),
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
  sign, told = verdicts.at(found, 20, 'SRGAN')
  assert sign == 1
  assert 'the second of three figures looked at, not corrected for, over 10' in told
  assert 'accuracy, which the claim is about, changes by -1.00 [-5.' in told
  assert verdicts.decided(found, 30, 'SRGAN')[0] == ''
