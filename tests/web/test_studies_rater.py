"""What a rater can do: answer, pause, go on, take back; each answer counts once."""

import collections
import io
import itertools
import threading

import numpy as np
import pytest
from PIL import Image

from tests.web import sites
from tests.web.studies import SMALL, Person, next_of, trials


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


def test_zoom_is_kept_if_it_can_be(make):
  rater = make('--raters', '1', '--calibration', '0').raters.first()
  person = Person(rater).begin()
  for zoom in ('2', 'nan', 'inf', '-1', 'x', '1e9', ''):
    person.answer(3, zoom=zoom)
  assert [t.zoom for t in trials(rater)[:7]] == [2.0] + [None] * 6


@pytest.mark.parametrize('reference', [True, False])
def test_pairs_ask_one_question(make, reference):
  """Beside an original all speak of closeness, else all of looks."""
  options = ['--reference'] if reference else []
  rater = make('--mode', 'pairs', *options).raters.first()
  person = Person(rater)
  welcome = person.open()
  page = person.begin().open()
  close = (
    ('closer to the original', 'how close a picture'),
    ('A is closer', 'B is closer'),
  )
  looks = (
    ('looks better to you', 'how good the picture'),
    ('A is better', 'B is better'),
  )
  said, unsaid = (close, looks) if reference else (looks, close)
  assert [text for text in said[0] if text not in welcome] == []
  assert [text for text in said[1] if text not in page] == []
  assert [text for text in (*unsaid[0], *unsaid[1]) if text in welcome + page] == []
  assert ('Which one is closer to the original?' in page) is reference
  assert ('Which one looks better?' in page) is not reference
  # Nothing comes before the questions.
  assert 'Then come' not in welcome
  assert 'There are 4 questions.' in welcome


def test_questions_come_after_examples(make):
  welcome = Person(make(*SMALL).raters.first()).open()
  assert 'First come 2 examples' in welcome
  assert 'Then come 11 questions' in welcome


def test_reference_of_pairs(make, compared):
  rater = make('--mode', 'pairs', '--reference').raters.first()
  person = Person(rater).begin()
  trial = trials(rater)[0]
  sent = sites.body(person.client.get(f'/study/p/{trial.token}/o/'))
  original = compared / 'Menagerie' / trial.picture.scene.image / 'hr.png'
  expected = np.asarray(Image.open(original))
  assert np.array_equal(np.asarray(Image.open(io.BytesIO(sent))), expected)


@pytest.mark.parametrize('cut', ['', 'abc/', 'x' * 22 + '/', '%00/', '%00' * 22 + '/'])
def test_a_mistyped_link_says_whom_to_ask(make, cut):
  make(*SMALL)
  answer = sites.visitor().get(f'/study/r/{cut}')
  assert answer.status_code == 404
  assert 'ask the researcher' in answer.content.decode()
  assert 'no-store' in answer['Cache-Control']
  assert sites.visitor().get(f'/study/a/{cut}').status_code == 404


def test_the_last_slash_of_a_link_may_be_missing(make):
  link = make(*SMALL).raters.first().get_absolute_url()
  answer = sites.visitor().get(link.rstrip('/'))
  assert (answer.status_code, answer.url) == (301, link)


def test_languages(make):
  rater = make(*SMALL).raters.first()
  client = sites.visitor()
  page = client.get(rater.get_absolute_url(), headers={'accept-language': 'ko'})
  assert '<html lang="ko">' in page.content.decode()
