"""Statistics of rating studies: by hand, by SciPy, and on people with known taste."""

import concurrent.futures
import itertools
import math

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from jsr.experiments import (
  opinion,
  opinion_order,
  opinion_pairs,
  opinion_plots,
  opinion_raters,
)

NAN = math.nan


def simulate(quality, *, raters=26, images=40, seed=0):
  """Ratings (R, I, M) of people with a bias, a taste and some chance."""
  random = np.random.default_rng(seed)
  value = np.asarray(quality) + random.normal(0, 0.3, (raters, 1, 1))
  value = value + random.normal(0, 0.15, (raters, 1, len(quality)))
  # The images are the same whoever rates.
  value = value + np.random.default_rng(7).normal(0, 0.25, (1, images, 1))
  value = value + random.normal(0, 0.6, (raters, images, len(quality)))
  return np.clip(np.round(value), 1, 5)


def test_means_by_hand():
  scores = np.array([[[1, 5], [2, 4]], [[3, 5], [NAN, 5]]], float)
  a, b = opinion.means(scores, ['a', 'b'])
  assert (a.n, a.mean, a.counts) == (3, 2.0, (1, 1, 1, 0, 0))
  assert (b.n, b.mean, b.counts) == (4, 4.75, (0, 0, 0, 1, 3))
  # Two raters: draws are (first twice), (both), (second twice); their means of b are
  # 4.5, 4.75 and 5.
  assert (b.low, b.high) == (4.5, 5.0)
  # A rater who gave one rating of a counts once: 1.5, 2, 3.
  assert (a.low, a.high) == (1.5, 3.0)


def test_too_few_say_nothing():
  nothing = opinion.means(np.zeros((0, 3, 2)), ['a', 'b'])
  assert [one.n for one in nothing] == [0, 0]
  assert math.isnan(nothing[0].mean)
  one = opinion.means(np.full((1, 3, 1), 4.0), ['a'])[0]
  assert one.mean == 4
  assert math.isnan(one.low)
  assert math.isnan(opinion.compare(np.full((2, 1, 2), NAN), ['a', 'b'])[0].p)
  assert len(opinion_raters.agreement(np.zeros((0, 3, 2)))) == 0


@pytest.mark.parametrize('scores', [np.zeros((2, 2)), np.full((2, 2, 2), 6.0)])
def test_contract(scores):
  with pytest.raises(ValueError, match=r'is no|not in'):
    opinion.means(scores, ['a', 'b'])


def test_the_interval_covers():
  """In about 95 of 100 studies the interval holds the truth."""
  everybody = simulate([2.3, 3.1], raters=4000, images=4)
  truth = everybody.mean((0, 1))
  random = np.random.default_rng(2)
  inside = total = 0
  for _ in range(200):
    some = everybody[random.choice(len(everybody), 26, replace=False)]
    for one, real in zip(
      opinion.means(some, ['a', 'b'], resamples=1000), truth, strict=True
    ):
      inside += one.low <= real <= one.high
      total += 1
  assert 0.90 < inside / total < 0.98


def test_signed_rank_is_scipys():
  random = np.random.default_rng(0)
  x = random.normal(0.3, 1, 26)
  assert opinion.signed_rank(x) == pytest.approx(stats.wilcoxon(x).pvalue)
  many = random.normal(0.1, 1, 101)
  assert opinion.signed_rank(many) == pytest.approx(stats.wilcoxon(many).pvalue)
  near = many[:100]
  asymptotic = stats.wilcoxon(near, method='asymptotic').pvalue
  assert opinion.signed_rank(near) == pytest.approx(asymptotic, rel=0.02)
  # By hand: of 5 positive differences, 2 of 2**5 sign patterns are as extreme.
  assert opinion.signed_rank(np.arange(1.0, 6)) == pytest.approx(2 / 32)
  assert opinion.signed_rank(np.zeros(4)) == 1
  assert math.isnan(opinion.signed_rank(np.array([])))


def test_signed_rank_with_ties():
  """Ranks 1.5, 1.5, 3, 4: of 16 patterns, 3 have at most 1.5 against them."""
  differences = np.array([-1.0, 1, 2, 3])
  # Against: {}, {1.5}, {1.5}; two-sided.
  assert opinion.signed_rank(differences) == pytest.approx(2 * 3 / 16)
  flips = stats.PermutationMethod()
  for seed in range(5):
    some = np.random.default_rng(seed).integers(-3, 5, 10).astype(float)
    some = some[some != 0]
    exact = stats.wilcoxon(some, method=flips).pvalue
    assert opinion.signed_rank(some) == pytest.approx(exact)


def test_signed_rank_sees_equal_means_as_equal():
  """3.4 computed in two ways is no difference, and ties stay ties."""
  differences = np.array([0.1 + 0.2 - 0.3, 1.0, 0.7 + 0.3, -1.0])
  exact = np.array([1.0, 1.0, -1.0])
  assert opinion.signed_rank(differences) == opinion.signed_rank(exact) == 1


def test_holm_by_hand():
  assert opinion.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
  assert opinion.holm([0.5, NAN, 0.9])[::2] == pytest.approx([1.0, 1.0])
  assert math.isnan(opinion.holm([0.5, NAN])[1])
  assert opinion.holm([]) == []


def test_compare_pairs_raters():
  scores = simulate([2.0, 3.0], raters=9, images=8)
  (one,) = opinion.compare(scores, ['a', 'b'])
  means = scores.mean(1)
  expected = opinion.signed_rank(means[:, 0] - means[:, 1])
  assert one.p == expected
  assert one.p_holm == expected
  assert (one.n, one.images) == (9, 8)
  assert one.difference == pytest.approx((scores[..., 0] - scores[..., 1]).mean())
  means = scores.mean(0)
  assert one.p_images == opinion.signed_rank(means[:, 0] - means[:, 1])


def test_compare_uses_what_both_have():
  scores = np.array([[[1, 5], [2, NAN]], [[NAN, 5], [2, 3]], [[NAN, 1], [4, NAN]]])
  (one,) = opinion.compare(scores, ['a', 'b'])
  assert (one.n, one.images, one.difference) == (2, 2, -2.5)


def test_26_raters_recover_known_preferences():
  quality = [1.3, 2.0, 2.6, 3.3, 3.3, 4.5]
  methods = [f'm{k}' for k in range(len(quality))]
  scores = simulate(quality, seed=3)
  truth = simulate(quality, raters=4000, seed=4).mean((0, 1))
  found = opinion.means(scores, methods)
  for one, real in zip(found, truth, strict=True):
    assert one.low < real < one.high < one.low + 0.5
  assert [one.method for one in sorted(found, key=lambda o: o.mean)][:3] == methods[:3]
  for one in opinion.compare(scores, methods):
    equal = {one.a, one.b} == {'m3', 'm4'}
    assert one.significant is not equal, one


def test_equal_methods_rarely_differ():
  """The chance of any false finding among ten tests stays near 5 %."""
  alarms = 0
  for seed in range(200):
    scores = simulate([3.0] * 5, raters=20, images=6, seed=seed)
    found = opinion.compare(scores, list('abcde'))
    alarms += any(one.significant for one in found)
  # Of 200 at 5 %, more than 20 would be a chance of 1 in 500.
  assert alarms <= 20


def test_all_ratings_as_pairs_would_find_what_is_not_there():
  """Why a pair is a rater: tastes of few people look like quality otherwise."""
  naive = 0
  for seed in range(60):
    scores = simulate([3.0, 3.0], raters=8, images=100, seed=seed)
    differences = (scores[..., 0] - scores[..., 1]).ravel()
    naive += opinion.signed_rank(differences) < 0.05
  assert naive > 10


def test_consistency_by_hand():
  pairs = np.array([[0, 3, 3], [0, 2, 4], [1, 5, 4], [1, 1, 1]])
  found = opinion_raters.consistency(pairs)
  assert (found.n, found.difference, found.exact) == (4, 0.75, 0.5)
  assert (found.shift, found.within_one) == (0.25, 0.75)
  # Squared differences 0, 4, 1, 0; of each first with each second 60 / 16 on average.
  assert found.kappa == pytest.approx(1 - 1.25 / 3.75)
  assert found.p_shift == opinion.signed_rank(np.array([1.0, -0.5]))
  assert math.isnan(opinion_raters.consistency(np.zeros((0, 3))).kappa)
  same = opinion_raters.consistency(np.array([[0, 3, 3], [1, 3, 3]]))
  assert same.exact == 1
  assert math.isnan(same.kappa)


def test_agreement():
  scores = simulate([1.5, 3, 4.5], raters=6, images=10)
  scores[5] = np.random.default_rng(0).integers(1, 6, scores[5].shape)
  found = opinion_raters.agreement(scores)
  assert found[:5].min() > 0.7
  assert abs(found[5]) < 0.4
  others = np.delete(scores, 2, 0).mean(0).ravel()
  expected = stats.spearmanr(scores[2].ravel(), np.round(others, 9)).statistic
  assert found[2] == pytest.approx(expected)
  scores[0] = 3
  assert math.isnan(opinion_raters.agreement(scores)[0])


def choose(score, *, raters=26, images=20, seed=0):
  """Wins (R, M, M) of people who choose by Bradley and Terry's rule."""
  random = np.random.default_rng(seed)
  wins = np.zeros((raters, len(score), len(score)))
  for a, b in itertools.combinations(range(len(score)), 2):
    chance = 1 / (1 + math.exp(score[b] - score[a]))
    wins[:, a, b] = random.binomial(images, chance, raters)
    wins[:, b, a] = images - wins[:, a, b]
  return wins


def test_bradley_terry_of_two():
  """Of two, it is the logarithm of the odds, with half a win to each."""
  found = opinion_pairs.bradley_terry(np.array([[0, 30], [10, 0]], float))
  assert found[0] - found[1] == pytest.approx(math.log(30.5 / 10.5))
  assert found.sum() == pytest.approx(0)
  always = opinion_pairs.bradley_terry(np.array([[0, 9], [0, 0]], float))
  assert np.isfinite(always).all()
  assert opinion_pairs.bradley_terry(np.zeros((1, 1))) == [0]


def test_pairs_recover_known_preferences():
  score = np.array([-1.0, 0.0, 0.0, 1.0])
  wins = choose(score, seed=1)
  found = opinion_pairs.strengths(wins, list('abcd'))
  for one, real in zip(found, score, strict=True):
    assert abs(one.score - real) < 0.15
    assert one.low < one.score < one.high < one.low + 0.4
    assert one.rate_low < one.rate < one.rate_high
  assert found[0].n == 26 * 20 * 3
  for one in opinion_pairs.duels(wins, list('abcd')):
    assert one.significant is not ({one.a, one.b} == {'b', 'c'}), one


def test_equal_methods_are_rarely_preferred():
  """As for ratings: of 60 studies of equal methods, about 5 % find something."""
  alarms = 0
  for seed in range(60):
    found = opinion_pairs.duels(choose([0.0] * 4, images=5, seed=seed), list('abcd'))
    alarms += any(one.significant for one in found)
  assert alarms <= 8


def test_duel_is_a_sign_test_of_raters():
  wins = np.zeros((9, 2, 2))
  wins[:7, 0, 1], wins[7, 1, 0], wins[8] = 3, 2, [[0, 2], [2, 0]]
  (one,) = opinion_pairs.duels(wins, ['a', 'b'])
  assert (one.for_a, one.for_b, one.n) == (7, 1, 27)
  assert one.rate == pytest.approx(23 / 27)
  assert one.p == stats.binomtest(7, 8).pvalue == pytest.approx(18 / 256)
  (nobody,) = opinion_pairs.duels(np.zeros((0, 2, 2)), ['a', 'b'])
  assert (nobody.p, nobody.significant) == (1.0, False)
  assert math.isnan(nobody.rate)
  assert math.isnan(opinion_pairs.strengths(np.zeros((0, 2, 2)), ['a', 'b'])[0].low)


@pytest.mark.parametrize(('images', 'methods', 'repeats'), [(7, 4, 10), (40, 6, 20)])
@pytest.mark.parametrize('rater', range(3))
def test_order_of_ratings(images, methods, repeats, rater):
  order = opinion_order.ratings(images, methods, repeats=repeats, seed=5, rater=rater)
  assert order == opinion_order.ratings(
    images, methods, repeats=repeats, seed=5, rater=rater
  )
  first = [turn[:2] for turn in order if not turn.repeat]
  assert sorted(first) == list(itertools.product(range(images), range(methods)))
  again = [turn[:2] for turn in order if turn.repeat]
  assert len(again) == len(set(again)) == repeats
  # Spread over the methods, as far as those of the first part allow.
  counts = np.bincount([m for _, m in again], minlength=methods)
  assert counts.max() - counts.min() <= (1 if images > 20 else 2)
  gap = min(opinion_order.GAP, images * methods // 2)
  for k, turn in enumerate(order):
    if turn.repeat:
      assert k - order.index(turn._replace(repeat=False)) > gap
  neighbours = [a.image == b.image for a, b in itertools.pairwise(order)]
  assert not any(neighbours)


def test_orders_differ_between_raters_and_seeds():
  orders = {
    tuple(opinion_order.ratings(9, 3, repeats=2, seed=seed, rater=rater))
    for seed in range(3)
    for rater in range(5)
  }
  assert len(orders) == 15


def test_order_is_uniform():
  """Each picture comes first about as often as each other."""
  firsts = [
    opinion_order.ratings(3, 2, repeats=0, seed=0, rater=r)[0][:2] for r in range(1200)
  ]
  counts = [firsts.count(p) for p in itertools.product(range(3), range(2))]
  assert min(counts) > 150
  assert max(counts) < 250


def test_order_when_images_must_meet():
  """One image alone has itself for a neighbour; two alternate."""
  assert len(opinion_order.ratings(1, 4, repeats=2, seed=0, rater=0)) == 6
  two = opinion_order.ratings(2, 4, repeats=0, seed=0, rater=0)
  assert not any(a.image == b.image for a, b in itertools.pairwise(two))


def test_order_of_pairs():
  order = opinion_order.pairs(10, 4, repeats=6, seed=1, rater=2)
  first = [turn for turn in order if not turn.repeat]
  assert len({(t.image, frozenset(t[1:3])) for t in first}) == len(first) == 60
  assert all(t.method != t.other for t in order)
  for a, b in itertools.combinations(range(4), 2):
    left = sum(t.method == a for t in first if {t.method, t.other} == {a, b})
    assert left == 5
  for turn in order:
    if turn.repeat:
      swapped = turn._replace(method=turn.other, other=turn.method, repeat=False)
      assert swapped in first


def test_order_of_examples():
  order = opinion_order.calibration(5, seed=0, rater=1)
  assert sorted(order) == list(itertools.product(range(5), (False, True)))
  assert opinion_order.calibration(0, seed=0, rater=1) == []


def test_plots_asked_at_once_are_those_asked_alone():
  """Matplotlib's settings are the process's, and a page asks for two plots."""
  scores = simulate([1.5, 3], raters=4, images=4)
  found = opinion.means(scores, ['a', 'b'], resamples=10)

  def draw(k):
    if k % 2:
      return opinion_plots.boxes(scores, found, title='t', label='−1')
    return opinion_plots.histograms(found, title='t', label='l', words=list('abcde'))

  alone = [draw(0), draw(1)]
  before = dict(matplotlib.rcParams)
  with concurrent.futures.ThreadPoolExecutor(4) as pool:
    drawn = list(pool.map(draw, range(12)))
  assert drawn == alone * 6
  assert dict(matplotlib.rcParams) == before


def test_whiskers_reach_at_least_the_box(monkeypatch):
  """Of raters at 1, 1, 1, 10 the last near one is below the upper quartile."""
  lines = []
  axes = Figure().add_subplot()
  monkeypatch.setattr(
    axes, 'plot', lambda x, *_, **__: lines.append([float(v) for v in x])
  )
  opinion_plots._box(axes, 0, np.array([1.0, 1, 1, 10]))
  assert lines[:2] == [[1, 1], [3.25, 3.25]]


def test_plots_are_the_same_again():
  scores = simulate([1.5, 3, 4.5], raters=6, images=10)
  scores[:, :, 1] = NAN
  found = opinion.means(scores, ['a_$x$', 'none', '<hr>'])
  words = ['bad', 'poor', 'fair', 'good', 'excellent']
  draw = [
    lambda: opinion_plots.boxes(scores, found, title='t', label='l'),
    lambda: opinion_plots.histograms(found, title='t', label='l', words=words),
    lambda: opinion_plots.preferences(
      opinion_pairs.strengths(choose([0, 1]), ['a_$x$', '<hr>']), title='t', label='l'
    ),
  ]
  for each in draw:
    text = each()
    assert text == each()
    assert text.startswith('<svg')
    assert 'a_$x$' in text
    assert '&lt;hr&gt;' in text
