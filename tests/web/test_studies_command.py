"""`jsr study`: creates, watches, exports, deletes; and says what is wrong."""

import itertools
import json
import re
import runpy
import sys

import pandas as pd
import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.web import sites
from tests.web.studies import IMAGES, SMALL, Person, run, trials


def test_the_command_end_to_end(site, compared, tmp_path, capsys):
  options = ('--from', compared, *SMALL, '--address', 'https://rate.example.org/')
  assert run('create', 'mine', *options, '--methods', 'zebra,nearest,hr') == 0
  out = capsys.readouterr().out
  links = re.findall(r'https://rate\.example\.org(/study/\w/[\w-]{22}/)', out)
  assert len(links) == len(set(links)) == 3
  assert links[0].startswith('/study/a/')
  assert 'images of the study itself' in out
  from jsr.web.studies.models import Rater

  for link in links[1:]:
    Person(Rater.objects.get(token=link.split('/')[3])).begin().finish()
  assert run('status', 'mine') == 0
  text = capsys.readouterr().out
  assert '26 of 26 answers, 2 of 2 raters have finished' in text
  assert run('status', 'mine', '--json') == 0
  figures = json.loads(capsys.readouterr().out)
  assert figures['methods'] == ['zebra', 'nearest', 'hr']
  assert [r['done'] for r in figures['progress']] == [13, 13]
  assert 'token' not in figures['progress'][0]
  assert run('export', 'mine', '-o', tmp_path / 'out') == 0
  assert {p.name for p in (tmp_path / 'out').iterdir()} == {
    *('ratings.csv', 'summary.json', 'boxes.svg', 'histograms.svg')
  }
  table = pd.read_csv(tmp_path / 'out' / 'ratings.csv', parse_dates=['answered'])
  assert len(table) == 26
  assert set(table.kind) == {'calibration', 'rating', 'repeat'}
  assert set(table.method) == {'zebra', 'nearest', 'hr'}
  assert table.score.between(1, 5).all()
  assert (
    table.groupby('rater').order.apply(list).map(lambda o: o == [*range(1, 14)]).all()
  )
  assert json.loads((tmp_path / 'out' / 'summary.json').read_text())['study'] == 'mine'


def test_delete(make, site, capsys):
  """Rows, files and links go; another study stays as it is."""
  study, other = make(*SMALL), make(*SMALL, name='other')
  rater = study.raters.first()
  Person(rater).begin().answer(trials(rater)[0].score)
  kept = {
    (site / 'files' / p.file.name) for s in other.scenes.all() for p in s.pictures.all()
  }
  capsys.readouterr()
  assert run('delete', study.name, '--yes') == 0
  said = capsys.readouterr().out
  assert said == "study 'secretstudy' is deleted: 10 pictures, 1 answers\n"
  from jsr.web.studies.models import Rater, Study, Trial

  assert [s.name for s in Study.objects.all()] == ['other']
  assert {r.study_id for r in Rater.objects.all()} == {other.pk}
  assert Trial.objects.count() == 2 * len(trials(other.raters.first()))
  assert {p for p in (site / 'files').rglob('*') if p.is_file()} == kept
  for link in (rater.get_absolute_url(), study.get_absolute_url()):
    assert sites.visitor().get(link).status_code == 404


def test_the_same_seed_gives_the_same_order(make):
  def order(study):
    shown = study.raters.first().trials.order_by('order')
    return [(t.picture.scene.image, t.picture.method.name, t.kind) for t in shown]

  same = [order(make(*SMALL, '--seed', '7', name=f'study{k}')) for k in range(2)]
  assert same[0] == same[1]
  assert order(make(*SMALL, '--seed', '8', name='study3')) != same[0]


def test_folders_add_methods(make, compared, tmp_path):
  """Two comparisons of the same images make one study."""
  extra = tmp_path / 'more.html'
  for image in IMAGES:
    place = tmp_path / 'more_pictures' / 'Menagerie' / image
    place.mkdir(parents=True)
    source = compared / 'Menagerie' / image
    (place / 'hr.png').write_bytes((source / 'hr.png').read_bytes())
    (place / 'okapi.png').write_bytes((source / 'zebra.png').read_bytes())
  study = make(extra, *SMALL)
  names = [m.name for m in study.methods.filter(rated=True)]
  assert sorted(names) == ['hr', 'okapi', 'quokka', 'zebra']


def test_examples_from_elsewhere(make, compared, tmp_path, capsys):
  other = tmp_path / 'train_pictures' / 'Training' / 'one'
  other.mkdir(parents=True)
  for name in ('hr', 'lr'):
    source = compared / 'Menagerie' / 'harbour' / f'{name}.png'
    (other / f'{name}.png').write_bytes(source.read_bytes())
  study = make('--calibration-from', other.parents[1], '--raters', '1')
  assert 'study itself' not in capsys.readouterr().out
  shown = trials(study.raters.first())
  assert {t.picture.scene.set for t in shown if t.calibrates} == {'Training'}
  assert {t.picture.scene.set for t in shown if not t.calibrates} == {'Menagerie'}
  assert study.scenes.get(set='Training').rated is False


BAD = [
  ('create a/b --from {pictures}', 'no name of a study'),
  ('create mine --from {pictures}', "there is a study 'mine' already"),
  ('create new --from /nowhere', 'holds no SET/IMAGE/METHOD.png'),
  ('create new --from {pictures} --sets Menagery', "did you mean 'Menagerie'?"),
  ('create new --from {pictures} --methods zebra,quoka', "did you mean 'quokka'?"),
  ('create new --from {pictures} --methods zebra', 'compares methods'),
  ('create new --from {pictures} --repeats 99', 'more than half of 9 trials'),
  ('create new --from {pictures} --calibration 9', 'more than the 3 images'),
  ('create new --from {pictures} --raters 0', 'no whole number from 1'),
  ('create new --from {pictures} --raters 5000', 'is not from 1 to 1000'),
  ('create new --from {pictures} --title Zebra', "names the method 'zebra'"),
  (f'create new --from {{pictures}} --title {"x" * 201}', 'has 201 characters'),
  ('create new --from {pictures} {long}', 'has 201 characters; rename it'),
  ('create new --from {pictures} --address x', 'must begin with http'),
  ('create new --from {pictures} --mode pairs --calibration 2', '--mode rating'),
  ('create new --from {pictures} --reference', '--mode pairs'),
  (
    'create new --from {pictures} --mode pairs --reference --methods zebra,hr',
    'itself',
  ),
  ('create new --from {pictures} --mode other', 'invalid choice'),
  ('create new --from {pictures} {broken}', 'is no picture'),
  ('create new --from {pictures} {small}', 'the original has 32 x 24'),
  ('create new --from {pictures} {lacking}', 'has no picture of'),
  ('create new --from {pictures} --calibration-from {lacking}', 'is also rated'),
  ('status min', "did you mean 'mine'?"),
  ('status mine --site /dev/null/x', 'cannot be made'),
  ('delete mine', 'has 0 answers, which would be lost; --yes'),
  ('delete min --yes', "did you mean 'mine'?"),
  ('export mine -o /dev/null/x', 'cannot write'),
  ('export mine', 'required: -o'),
  ('', 'required: ACTION'),
]


@pytest.mark.parametrize(('line', 'said'), BAD)
def test_mistakes(make, compared, tmp_path, capsys, monkeypatch, site, line, said):
  monkeypatch.setenv('JSR_SITE', str(site))
  make(*SMALL, name='mine')
  other = {}
  for name in ('broken', 'small', 'lacking', 'long'):
    other[name] = tmp_path / name
    place = other[name] / 'Menagerie' / 'meadow'
    place.mkdir(parents=True)
    if name == 'broken':
      (place / 'gnu.png').write_bytes(b'none')
    elif name == 'long':
      Image.new('RGB', (32, 24)).save(place / f'{"g" * 201}.png')
    else:
      Image.new('RGB', (9, 9)).save(place / 'gnu.png')
  if 'small' in line or 'broken' in line:
    line += ' --methods gnu,zebra --sets Menagerie'
    for name, image in itertools.product(('small', 'broken'), IMAGES[:2]):
      place = other[name] / 'Menagerie' / image
      place.mkdir()
      (place / 'gnu.png').write_bytes(
        (compared / 'Menagerie/meadow/hr.png').read_bytes()
      )
  capsys.readouterr()
  from jsr.web.studies.models import Study

  before = set(site.rglob('*.png'))
  assert run(*line.format(pictures=compared, **other).split()) == 2
  out, err = capsys.readouterr()
  assert out == ''
  assert said in err
  assert err.count('\n') == 1
  assert err.startswith('jsr study')
  # Nothing of it stays.
  assert [s.name for s in Study.objects.all()] == ['mine']
  assert set(site.rglob('*.png')) == before


def test_without_django(monkeypatch, capsys, tmp_path):
  monkeypatch.setenv('JSR_SITE', str(tmp_path))
  monkeypatch.setitem(sys.modules, 'django', None)
  assert run('status', 'mine') == 2
  said = capsys.readouterr().err
  assert said.startswith("jsr study: jsr study needs Django: pip install -e '.[web]'")


def test_the_simulation(site, tmp_path):
  """benchmarks/opinion.py, small: known preferences through the pages."""
  opinion = runpy.run_path(ROOT / 'benchmarks' / 'opinion.py')
  people = opinion['People'](raters=3, images=3, seed=0)
  answers, _ = opinion['simulate'](tmp_path, people, seed=0)
  # 3 images by 7 methods, 10 repeats, 3 images as two examples each.
  assert answers == 3 * (3 * 7 + 10 + 2 * 3)
  found = json.loads((tmp_path / 'out' / 'summary.json').read_text())
  table = pd.read_csv(tmp_path / 'out' / 'ratings.csv')
  means = table[table.kind == 'rating'].groupby('method').score.mean()
  for one, real in zip(found['opinions'], people.truth(), strict=True):
    assert one['mean'] == pytest.approx(means[one['method']])
    assert abs(one['mean'] - real) < 0.6, one
