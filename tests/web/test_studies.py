"""Rating studies: what raters and researchers can do, and what raters cannot know."""

import collections
import io
import itertools
import json
import re
import struct
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin

from jsr import cli
from tests.conftest import ROOT
from tests.web import sites

METHODS = ('zebra', 'quokka')
IMAGES = ('lighthouse', 'harbour', 'meadow')
# Nothing that a rater's browser gets may say one of these.
SECRETS = (*METHODS, *IMAGES, 'nearest', 'Menagerie', 'secretstudy', 'compare')


@pytest.fixture(scope='session')
def pictures(tmp_path_factory):
  """A folder as jsr compare writes it; files name their method inside, too."""
  folder = tmp_path_factory.mktemp('made') / 'page_pictures'
  random = np.random.default_rng(0)
  for image in IMAGES:
    place = folder / 'Menagerie' / image
    place.mkdir(parents=True)
    for name in (*METHODS, 'hr', 'lr'):
      size = (6, 8) if name == 'lr' else (24, 32)
      array = random.integers(0, 256, (*size, 3), np.uint8)
      said = PngImagePlugin.PngInfo()
      said.add_text('Software', f'compare {name}')
      Image.fromarray(array).save(place / f'{name}.png', pnginfo=said)
  return folder


def run(*arguments):
  """The exit status of a command."""
  try:
    return cli.main(['study', *map(str, arguments)])
  except SystemExit as left:
    return left.code


@pytest.fixture
def make(site, pictures):
  """A function that makes a study and returns it."""

  def call(*options, name='secretstudy'):
    assert run('create', name, '--from', pictures, *options) == 0
    from jsr.web.studies.models import Study

    return Study.objects.get(name=name)

  return call


SMALL = ('--raters', '2', '--calibration', '1', '--repeats', '2')


class Person:
  """Somebody with an invitation, and a browser without JavaScript."""

  def __init__(self, rater, **options):
    self.link = rater.get_absolute_url()
    self.client = sites.visitor(**options)
    self.pages = []

  def open(self):
    answer = self.client.get(self.link)
    assert answer.status_code == 200
    self.pages.append(answer)
    return answer.content.decode()

  def post(self, **fields):
    answer = self.client.post(self.link, fields)
    self.pages.append(answer)
    return answer

  def begin(self):
    self.open()
    self.post(action='begin')
    return self

  def trial(self):
    """The token of the trial that is shown, or None at the end."""
    found = re.search(r'name="trial" value="([^"]+)">\s*<input[^>]*zoom', self.open())
    return found and found[1]

  def answer(self, score, trial=None, **fields):
    trial = trial or self.trial()
    return self.post(action='answer', trial=trial, score=score, **fields)

  def finish(self, choose=lambda trial, values: values[0]):
    """Answers all that comes; returns how many answers that took."""
    for count in itertools.count():
      trial = self.trial()
      if trial is None:
        return count
      page = self.pages[-1].content.decode()
      values = re.findall(r'name="score" value="(\d)"(?![^>]*disabled)', page)
      self.answer(choose(trial, values), trial)


def trials(rater):
  return list(rater.trials.order_by('order'))


def test_a_rater_finishes(make):
  study = make(*SMALL)
  rater, other = study.raters.all()
  person = Person(rater)
  assert 'I agree' in person.open()
  person.begin()
  # 3 images in 3 methods (the original too), 2 repeats, an image as two examples.
  assert person.finish() == 3 * 3 + 2 + 2
  assert 'Thank you' in person.open()
  done = trials(rater)
  assert all(t.answered and t.seconds >= 0 for t in done)
  assert collections.Counter(t.kind for t in done) == {
    'calibration': 2,
    'rating': 9,
    'repeat': 2,
  }
  examples = {(t.picture.method.name, t.score) for t in done if t.calibrates}
  assert examples == {('nearest', 1), ('hr', 5)}
  assert not any(t.answered for t in trials(other))


def test_each_rater_sees_each_picture_once(make):
  study = make('--raters', '3', '--calibration', '0', '--repeats', '4')
  orders = []
  for rater in study.raters.all():
    shown = trials(rater)
    assert [t.order for t in shown] == list(range(1, len(shown) + 1))
    rated = [t.picture_id for t in shown if t.kind == 'rating']
    assert len(set(rated)) == len(rated) == 9
    for k, trial in enumerate(shown):
      if trial.kind == 'repeat':
        assert trial.picture_id in [t.picture_id for t in shown[: k - 3]]
    orders.append(tuple(t.picture_id for t in shown))
    scenes = [t.picture.scene_id for t in shown]
    # Nine of three images; repeats find a quiet place where there is one.
    assert sum(a == b for a, b in itertools.pairwise(scenes)) <= 2
  assert len(set(orders)) == 3


def test_nothing_tells_the_method(make):
  """Not a page, a header, an address, nor a file."""
  study = make(*SMALL)
  pairs = make('--raters', '1', '--mode', 'pairs', '--reference', name='secretstudy2')
  seen, addresses = [], []
  for rater in (study.raters.first(), pairs.raters.first()):
    person = Person(rater).begin()
    person.finish()
    person.open()
    for page in person.pages:
      seen.append(page.content + str(dict(page.headers)).encode())
      addresses += re.findall(rb'src="(/study/p/[^"]+)"', page.content)
    # The next picture is fetched in advance, by the address that it has then.
    following = re.findall(rb'data-following="([^"]+)"', b''.join(seen))
    ahead = {a for line in following for a in line.split()}
    assert ahead <= set(addresses)
  # 13 of ratings, three pictures with each of 3 pairs and a repeat; none twice.
  assert len(set(addresses)) == len(addresses) == 13 + 3 * 4
  for address in addresses:
    answer = person.client.get(address.decode())
    data = sites.body(answer)
    assert 'private' in answer['Cache-Control']
    assert 'Content-Disposition' not in answer
    assert Image.open(io.BytesIO(data)).size == (32, 24)
    assert set(chunks(data)) == {b'IHDR', b'IDAT', b'IEND'}
    seen.append(str(dict(answer.headers)).encode() + address)
  everything = b'\n'.join(seen).lower()
  assert [name for name in SECRETS if name.lower().encode() in everything] == []


def chunks(png):
  at = 8
  while at < len(png):
    (size,) = struct.unpack('>I', png[at : at + 4])
    yield png[at + 4 : at + 8]
    at += 12 + size


def test_files_have_random_names(make, site):
  make(*SMALL)
  files = [p for p in (site / 'files').rglob('*') if p.is_file()]
  # Three images in three methods, and nearest neighbour of the example.
  assert len(files) == 10
  for file in files:
    assert re.fullmatch(
      r'study/\w\w/\w{32}\.png', str(file.relative_to(site / 'files'))
    )
    assert file.stat().st_mode & 0o077 == 0


def test_pictures_are_those_of_the_folder(make, pictures):
  study = make(*SMALL)
  from jsr.web.studies.models import Picture

  for picture in Picture.objects.filter(scene__study=study):
    folder = pictures / picture.scene.set / picture.scene.image
    with picture.file.open() as file:
      found = np.asarray(Image.open(file))
    if picture.method.name == 'nearest':
      expected = np.asarray(Image.open(folder / 'lr.png')).repeat(4, 0).repeat(4, 1)
    else:
      expected = np.asarray(Image.open(folder / f'{picture.method.name}.png'))
    assert np.array_equal(found, expected)


def test_pause_and_resume(make):
  rater = make(*SMALL).raters.first()
  person = Person(rater).begin()
  for _ in range(4):
    person.answer(trials(rater)[trials(rater).index(next_of(rater))].choices[0])
  waiting = person.trial()
  # Another browser, another day: no welcome, the same trial.
  again = Person(rater)
  assert again.trial() == waiting == next_of(rater).token
  assert '3 of 11' in again.open()


def next_of(rater):
  return rater.trials.filter(answered=None).order_by('order').first()


def test_an_answer_counts_once(make):
  rater = make('--raters', '1', '--calibration', '0').raters.first()
  person = Person(rater).begin()
  token = person.trial()
  assert person.answer(4, token).status_code == 302
  answer = person.answer(2, token)
  assert answer.status_code == 302
  assert 'answered already' in person.client.get(answer.url).content.decode()
  assert [t.score for t in trials(rater)[:2]] == [4, None]


def test_only_the_next_trial_can_be_answered(make):
  study = make('--raters', '2', '--calibration', '0')
  rater, other = study.raters.all()
  person = Person(rater).begin()
  for stranger in (trials(rater)[1].token, trials(other)[0].token, 'x', ''):
    assert person.post(action='answer', trial=stranger, score=3).status_code == 302
  assert not any(t.answered for t in [*trials(rater), *trials(other)])
  # Before the welcome nothing counts either.
  Person(other).answer(3, trials(other)[0].token)
  assert trials(other)[0].score is None


@pytest.mark.parametrize('score', ['0', '6', '-1', 'x', '', '1.5', '9' * 30])
def test_no_other_score(make, score):
  rater = make('--raters', '1', '--calibration', '0').raters.first()
  person = Person(rater).begin()
  assert person.answer(score).status_code == 400
  assert trials(rater)[0].score is None


def test_an_example_has_one_answer(make):
  rater = make(*SMALL).raters.first()
  person = Person(rater).begin()
  assert person.answer(3).status_code == 400
  assert person.answer(trials(rater)[0].score).status_code == 302


def test_undo(make):
  rater = make('--raters', '1', '--calibration', '0').raters.first()
  person = Person(rater).begin()
  person.answer(1)
  person.answer(2)
  last = trials(rater)[1].token
  assert 'Take back' in person.open()
  person.post(action='undo', trial=last)
  assert person.trial() == last
  # Only the last answer, and only once; a second press of the button does nothing.
  assert 'Take back' not in person.open()
  person.post(action='undo', trial=last)
  person.post(action='undo', trial=trials(rater)[0].token)
  assert person.trial() == last
  person.answer(5)
  first, second, *_ = trials(rater)
  assert (first.score, first.revised, second.score, second.revised) == (1, 0, 5, 1)


def test_undo_of_an_example_keeps_its_answer(make):
  rater = make(*SMALL).raters.first()
  person = Person(rater).begin()
  given = trials(rater)[0].score
  person.answer(given)
  person.post(action='undo', trial=trials(rater)[0].token)
  first = trials(rater)[0]
  assert (first.score, first.answered, first.revised) == (given, None, 0)


def test_the_last_answer_can_be_taken_back(make):
  rater = make('--raters', '1', '--calibration', '0', '--repeats', '0').raters.first()
  person = Person(rater).begin()
  person.finish()
  assert 'Take back' in person.open()
  person.post(action='undo', trial=trials(rater)[-1].token)
  assert person.trial() == trials(rater)[-1].token


def test_answers_at_the_same_moment(make):
  """Of many presses for one trial one counts, and the next trial waits."""
  rater = make('--raters', '1', '--calibration', '0').raters.first()
  token = Person(rater).begin().trial()
  people = [Person(rater) for _ in range(6)]
  codes = []

  def press(person, score):
    from django.db import connections

    codes.append(person.answer(score, token).url)
    connections.close_all()

  threads = [
    threading.Thread(target=press, args=(person, 1 + k % 5))
    for k, person in enumerate(people)
  ]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert sum(not url.endswith('?again') for url in codes) == 1
  assert sum(t.answered is not None for t in trials(rater)) == 1


def test_forms_need_their_token(make):
  """Another site cannot answer for a rater."""
  rater = make(*SMALL).raters.first()
  person = Person(rater, enforce_csrf_checks=True)
  person.open()
  assert person.post(action='begin').status_code == 403
  token = person.client.cookies['csrftoken'].value
  assert person.post(action='begin', csrfmiddlewaretoken=token).status_code == 302


@pytest.mark.parametrize('fields', [{}, {'action': 'delete'}])
def test_other_requests_make_no_sense(make, fields):
  study = make(*SMALL)
  client = sites.visitor()
  for thing in (study.raters.first(), study):
    assert client.post(thing.get_absolute_url(), fields).status_code == 400
    assert client.put(thing.get_absolute_url()).status_code == 405


def test_zoom_is_kept_if_it_can_be(make):
  rater = make('--raters', '1', '--calibration', '0').raters.first()
  person = Person(rater).begin()
  for zoom in ('2', 'nan', 'inf', '-1', 'x', '1e9', ''):
    person.answer(3, zoom=zoom)
  assert [t.zoom for t in trials(rater)[:7]] == [2.0] + [None] * 6


def test_close_and_reopen(make):
  study = make(*SMALL)
  rater = study.raters.first()
  person = Person(rater).begin()
  trial = person.trial()
  researcher = sites.visitor()
  assert researcher.post(study.get_absolute_url(), {'action': 'close'}).url
  assert 'closed' in person.open()
  person.answer(trials(rater)[0].score, trial)
  assert trials(rater)[0].answered is None
  assert 'Reopen' in researcher.get(study.get_absolute_url()).content.decode()
  researcher.post(study.get_absolute_url(), {'action': 'open'})
  assert person.trial() == trial


def test_only_the_key_opens_the_researchers_pages(make):
  study = make(*SMALL)
  rater = study.raters.first()
  client = sites.visitor()
  for key in (rater.token, study.name, str(study.pk), 'x' * 22):
    for page in ('', 'progress.json', 'ratings.csv', 'summary.json', 'boxes.svg'):
      assert client.get(f'/study/a/{key}/{page}').status_code == 404
  assert client.get(f'/study/r/{study.admin}/').status_code == 404
  trial = trials(rater)[0].token
  for side in ('b', 'o', 'c', 'hr'):
    assert client.get(f'/study/p/{trial}/{side}/').status_code == 404
  assert client.get('/study/').status_code == 404
  assert client.get(f'/study/a/{study.admin}/none.svg').status_code == 404


def test_the_researcher_sees_all(make):
  study = make('--raters', '3', '--calibration', '1', '--repeats', '2')
  client = sites.visitor()
  place = study.get_absolute_url()
  assert 'Nothing is answered yet' in client.get(place).content.decode()
  quality = {'zebra': 2, 'quokka': 4, 'hr': 5}
  names = {
    t.token: t.picture.method.name for r in study.raters.all() for t in trials(r)
  }
  for rater in list(study.raters.all())[:2]:
    Person(rater).begin().finish(
      lambda trial, values: quality[names[trial]] if len(values) > 1 else values[0]
    )
  progress = client.get(place + 'progress.json').json()
  assert progress['finished'] == 2
  assert (progress['answers'], progress['asked']) == (26, 39)
  assert [r['done'] for r in progress['raters']] == [13, 13, 0]
  page = client.get(place).content.decode()
  for text in ('zebra', 'quokka', '26 answers; 2 of 3 raters', '4.00', '−', 'kappa'):
    assert text in page
  for rater in study.raters.all():
    assert f'http://localhost{rater.get_absolute_url()}' in page
  table = pd.read_csv(io.BytesIO(client.get(place + 'ratings.csv').content))
  means = table[table.kind == 'rating'].groupby('method').score.mean()
  assert means.to_dict() == quality
  found = client.get(place + 'summary.json').json()
  assert {o['method']: o['mean'] for o in found['opinions']} == quality
  assert found['consistency']['exact'] == 1
  for name in ('boxes', 'histograms'):
    answer = client.get(f'{place}{name}.svg')
    assert answer['Content-Type'] == 'image/svg+xml'
    assert 'quokka' in answer.content.decode()


def test_pairs(make):
  study = make('--raters', '2', '--mode', 'pairs', '--repeats', '1')
  names = {
    t.token: [t.picture.method.name, t.other.method.name]
    for r in study.raters.all()
    for t in trials(r)
  }
  # The original is no method of a choice unless it is asked for.
  assert {name for pair in names.values() for name in pair} == set(METHODS)
  for rater in study.raters.all():
    person = Person(rater).begin()
    assert person.finish(lambda trial, _: 1 + names[trial].index('zebra')) == 4
    repeat = next(t for t in trials(rater) if t.kind == 'repeat')
    first = next(
      t for t in trials(rater) if t.kind == 'pair' and t.picture_id == repeat.other_id
    )
    assert first.other_id == repeat.picture_id
  from jsr.web.studies import results

  found = results.find(study)
  assert found['strengths'][0].method == 'quokka'
  assert [s.rate for s in found['strengths']] == [0, 1]
  (duel,) = found['duels']
  assert (duel.for_a, duel.for_b, duel.n) == (0, 2, 6)
  assert found['consistency'] == {'n': 2, 'exact': 1}
  page = sites.visitor().get(study.get_absolute_url()).content.decode()
  assert '100 %' in page
  assert 'preferences.svg' in page


def test_reference_of_pairs(make, pictures):
  rater = make('--mode', 'pairs', '--reference').raters.first()
  person = Person(rater).begin()
  page = person.open()
  assert 'closer to the original' in page
  trial = trials(rater)[0]
  sent = sites.body(person.client.get(f'/study/p/{trial.token}/o/'))
  original = pictures / 'Menagerie' / trial.picture.scene.image / 'hr.png'
  expected = np.asarray(Image.open(original))
  assert np.array_equal(np.asarray(Image.open(io.BytesIO(sent))), expected)


def test_languages(make):
  rater = make(*SMALL).raters.first()
  client = sites.visitor()
  page = client.get(rater.get_absolute_url(), headers={'accept-language': 'ko'})
  assert '<html lang="ko">' in page.content.decode()


def test_the_command_end_to_end(site, pictures, tmp_path, capsys):
  options = ('--from', pictures, *SMALL, '--address', 'https://rate.example.org/')
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


def test_the_same_seed_gives_the_same_order(make):
  def order(study):
    shown = study.raters.first().trials.order_by('order')
    return [(t.picture.scene.image, t.picture.method.name, t.kind) for t in shown]

  same = [order(make(*SMALL, '--seed', '7', name=f'study{k}')) for k in range(2)]
  assert same[0] == same[1]
  assert order(make(*SMALL, '--seed', '8', name='study3')) != same[0]


def test_folders_add_methods(make, pictures, tmp_path):
  """Two comparisons of the same images make one study."""
  extra = tmp_path / 'more.html'
  for image in IMAGES:
    place = tmp_path / 'more_pictures' / 'Menagerie' / image
    place.mkdir(parents=True)
    source = pictures / 'Menagerie' / image
    (place / 'hr.png').write_bytes((source / 'hr.png').read_bytes())
    (place / 'okapi.png').write_bytes((source / 'zebra.png').read_bytes())
  study = make(extra, *SMALL)
  names = [m.name for m in study.methods.filter(rated=True)]
  assert sorted(names) == ['hr', 'okapi', 'quokka', 'zebra']


def test_examples_from_elsewhere(make, pictures, tmp_path, capsys):
  other = tmp_path / 'train_pictures' / 'Training' / 'one'
  other.mkdir(parents=True)
  for name in ('hr', 'lr'):
    source = pictures / 'Menagerie' / 'harbour' / f'{name}.png'
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
  ('create new --from {pictures} --address x', 'must begin with http'),
  ('create new --from {pictures} --mode pairs --calibration 2', '--mode rating'),
  ('create new --from {pictures} --reference', '--mode pairs'),
  ('create new --from {pictures} --mode other', 'invalid choice'),
  ('create new --from {pictures} {broken}', 'is no picture'),
  ('create new --from {pictures} {small}', 'the original has 32 x 24'),
  ('create new --from {pictures} {lacking}', 'has no picture of'),
  ('create new --from {pictures} --calibration-from {lacking}', 'is also rated'),
  ('status min', "did you mean 'mine'?"),
  ('status mine --site /dev/null/x', 'cannot be made'),
  ('export mine -o /dev/null/x', 'cannot write'),
  ('export mine', 'required: -o'),
  ('', 'required: ACTION'),
]


@pytest.mark.parametrize(('line', 'said'), BAD)
def test_mistakes(make, pictures, tmp_path, capsys, monkeypatch, site, line, said):
  monkeypatch.setenv('JSR_SITE', str(site))
  make(*SMALL, name='mine')
  other = {}
  for name in ('broken', 'small', 'lacking'):
    other[name] = tmp_path / name
    place = other[name] / 'Menagerie' / 'meadow'
    place.mkdir(parents=True)
    if name == 'broken':
      (place / 'gnu.png').write_bytes(b'none')
    else:
      Image.new('RGB', (9, 9)).save(place / 'gnu.png')
  if 'small' in line or 'broken' in line:
    line += ' --methods gnu,zebra --sets Menagerie'
    for name, image in itertools.product(('small', 'broken'), IMAGES[:2]):
      place = other[name] / 'Menagerie' / image
      place.mkdir()
      (place / 'gnu.png').write_bytes(
        (pictures / 'Menagerie/meadow/hr.png').read_bytes()
      )
  capsys.readouterr()
  from jsr.web.studies.models import Study

  before = set(site.rglob('*.png'))
  assert run(*line.format(pictures=pictures, **other).split()) == 2
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


def test_the_simulation(tmp_path):
  """benchmarks/opinion.py in its quick form: known preferences through the pages."""
  command = [sys.executable, 'benchmarks/opinion.py', '--quick']
  done = subprocess.run(
    command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
  )
  assert done.returncode == 0, done.stderr
  lines = done.stdout.split('method    true', 1)[1].splitlines()[1:8]
  rows = [line.split() for line in lines]
  assert [row[0] for row in rows][::6] == ['nearest', 'hr']
  for _, true, recovered, *_, pandas in (row[:7] for row in rows):
    assert recovered == pandas
    assert abs(float(true) - float(recovered)) < 0.4


@pytest.mark.parametrize('scripts', [True, False])
def test_in_a_browser(browser, server, pictures, scripts):
  """A phone: keys, whole pixels, the next picture in advance; or no JavaScript."""
  from tests.web import studies

  links = studies.create(server, pictures, f'browser{scripts}')
  with sites.opened(
    browser, server.url, java_script_enabled=scripts, device_scale_factor=2.625
  ) as page:
    page.set_viewport_size({'width': 390, 'height': 844})
    page.goto(links[1])
    page.click('button.main')
    for number in range(1, 6):
      page.wait_for_selector(f'h1:has-text("{number} of ")')
      if scripts:
        page.wait_for_selector('[name=score]:enabled')
        box = page.evaluate(
          "document.querySelector('.viewer img').getBoundingClientRect().width"
        )
        # 32 pixels, each as wide as two or three of the screen: its density is 2.625.
        assert box * 2.625 / 32 == pytest.approx(3, abs=0.01)
        page.keyboard.press('4')
      else:
        page.click('[name=score][value="4"]')
    page.wait_for_selector('h1:has-text("6 of ")')
    page.click('text=Take back')
    page.wait_for_selector('h1:has-text("5 of ")')
    page.goto(links[0])
    page.wait_for_selector('text=4 answers')
    assert page.locator('.plots img').count() == 2
    wide = page.evaluate('document.documentElement.scrollWidth') if scripts else 390
    assert wide <= 390


def test_progress_comes_by_itself(browser, server, pictures):
  from tests.web import studies

  links = studies.create(server, pictures, 'watched')
  with (
    sites.opened(browser, server.url) as watching,
    sites.opened(browser, server.url) as rating,
  ):
    watching.goto(links[0])
    rating.goto(links[1])
    rating.click('button.main')
    rating.wait_for_selector('[name=score]:enabled')
    rating.keyboard.press('3')
    rating.wait_for_selector('h1:has-text("2 of ")')
    watching.wait_for_selector('text=New answers have come in', timeout=30_000)
    assert watching.inner_text('[data-rater="1"] .done') == '1'
