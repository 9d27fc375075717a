"""What the researcher sees and does."""

import io
import re

import pandas as pd
import pytest

from tests.web import sites
from tests.web.studies import METHODS, SMALL, Person, run, trials


@pytest.mark.parametrize('fields', [{}, {'action': 'delete'}])
def test_other_requests_make_no_sense(make, fields):
  study = make(*SMALL)
  client = sites.visitor()
  for thing in (study.raters.first(), study):
    assert client.post(thing.get_absolute_url(), fields).status_code == 400
    assert client.put(thing.get_absolute_url()).status_code == 405


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
  for text in (
    'zebra',
    'quokka',
    '26 answers; 2 of 3 raters',
    '4.00',
    '−',
    'kappa',
    'rated in both',
  ):
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


def test_figures_are_computed_once_for_the_same_answers(make, monkeypatch):
  """The page and its plots ask one after the other; a changed answer counts."""
  from jsr.experiments import opinion

  calls = []
  means = opinion.means
  monkeypatch.setattr(
    opinion, 'means', lambda *a, **k: calls.append(1) or means(*a, **k)
  )
  study = make('--raters', '1', '--calibration', '0')
  rater, client = study.raters.get(), sites.visitor()
  person, place = Person(rater).begin(), study.get_absolute_url()

  def mean():
    found = client.get(place + 'summary.json').json()['opinions']
    return [one['mean'] for one in found if one['n']]

  person.answer(2)
  for name in ('', 'boxes.svg', 'histograms.svg'):
    client.get(place + name)
  assert (mean(), len(calls)) == ([2], 1)
  # Another answer in its place: as many as before.
  person.post(action='undo', trial=trials(rater)[0].token)
  person.answer(5)
  assert (mean(), len(calls)) == ([5], 2)


def test_page_and_command_print_numbers_alike(make, capsys):
  """Half-way numbers and minus signs too."""
  study = make('--raters', '2', '--calibration', '0', '--repeats', '0')
  names = {
    t.token: t.picture.method.name for r in study.raters.all() for t in trials(r)
  }
  given = {'zebra': iter('111112'), 'quokka': iter('344445'), 'hr': iter('555555')}
  for rater in study.raters.all():
    Person(rater).begin().finish(lambda trial, _: next(given[names[trial]]))
  capsys.readouterr()
  assert run('status', study.name) == 0
  status = capsys.readouterr().out
  page = sites.visitor().get(study.get_absolute_url()).content.decode()
  table = re.findall(r'(?:zebra|quokka|hr) +6 +(\S+) +(\S+ … \S+)\n', status)
  assert sorted(mean for mean, _ in table) == ['1.17', '4.00', '5.00']
  for mean, span in table:
    assert f'<b>{mean}</b>' in page
    assert span in page
  assert '−2.83<' in page
  assert not re.search(r'[ >]-\d', page)


@pytest.mark.parametrize(
  ('value', 'printed'),
  [(2.125, '2.12'), (-0.004, '0.00'), (-1.5, '−1.50'), (None, '–')],
)
def test_figure(site, value, printed):
  from django.template import engines

  text = '{% load figures %}{{ x|figure }}'
  assert engines['django'].from_string(text).render({'x': value}) == printed
