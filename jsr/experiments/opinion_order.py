"""Who sees what when in a rating study: random, the same for the same seed.

Every rater has an order of their own, drawn from (seed, rater). Each picture comes
once; some come a second time, far from the first. One image does not come twice in a
row, in whatever method, where the number of images allows it.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Trials between the two times that a picture is seen, where there are enough.
GAP = 20


class Turn(NamedTuple):
  """What is shown in one trial.

  Attributes:
    image: Index of the image.
    method: Index of the method; in a pair the left one.
    other: Index of the right one; -1 where one picture is shown.
    repeat: It was shown before.
  """

  image: int
  method: int
  other: int
  repeat: bool


def most_repeats(trials: int) -> int:
  """Returns how many of so many trials can come a second time."""
  return trials // 2


def ratings(
  images: int, methods: int, *, repeats: int, seed: int, rater: int
) -> list[Turn]:
  """Orders the trials of a rater: each image in each method once, and repeats.

  The repeats are spread over the methods as evenly as possible.

  Args:
    images: How many.
    methods: How many.
    repeats: How many trials come again, up to `most_repeats`.
    seed: Of the study.
    rater: Index of the rater.

  Returns:
    images x methods + repeats turns.
  """
  random = np.random.default_rng([seed, rater])
  every = [Turn(i, m, -1, False) for i in range(images) for m in range(methods)]
  return _order(every, repeats, random)


def pairs(
  images: int, methods: int, *, repeats: int, seed: int, rater: int
) -> list[Turn]:
  """Orders the trials of a rater: each image in each two methods once, and repeats.

  Sides are random, and as often one way as the other; a repeat has them swapped.

  Args:
    images: How many.
    methods: How many, from 2.
    repeats: How many trials come again, up to `most_repeats`.
    seed: Of the study.
    rater: Index of the rater.

  Returns:
    images x methods (methods - 1) / 2 + repeats turns.
  """
  random = np.random.default_rng([seed, rater])
  couples = list(itertools.combinations(range(methods), 2))
  every = []
  for a, b in couples:
    # Each method of a couple is as often on the left, give or take one.
    sides = np.arange(images) % 2 == random.integers(2)
    for image, swap in enumerate(random.permutation(sides)):
      every.append(Turn(image, b, a, False) if swap else Turn(image, a, b, False))
  return _order(every, repeats, random)


def calibration(images: int, *, seed: int, rater: int) -> list[tuple[int, bool]]:
  """Orders the examples: each image as the best and as the worst.

  Args:
    images: How many.
    seed: Of the study.
    rater: Index of the rater.

  Returns:
    2 x images of (image, whether it is the best).
  """
  random = np.random.default_rng([seed, rater, 1])
  every = [Turn(i, m, -1, False) for i in range(images) for m in range(2)]
  return [(turn.image, turn.method == 1) for turn in _apart(every, random)]


def _order(every: list[Turn], repeats: int, random: np.random.Generator) -> list[Turn]:
  order = _apart(every, random)
  gap = min(GAP, len(order) // 2)
  for first in _pick(order[: len(order) - gap], repeats, random):
    again = first._replace(repeat=True)
    if first.other >= 0:
      again = again._replace(method=first.other, other=first.method)
    start = order.index(first) + gap + 1
    places = range(start, len(order) + 1)
    quiet = [
      place
      for place in places
      if all(turn.image != first.image for turn in order[place - 1 : place + 1])
    ]
    order.insert(int(random.choice(quiet or list(places))), again)
  return order


def _pick(turns: Sequence[Turn], count: int, random: np.random.Generator) -> list[Turn]:
  """Draws turns to repeat, each method or couple about as often as each other."""
  groups: dict[frozenset[int], list[Turn]] = {}
  for k in random.permutation(len(turns)):
    turn = turns[k]
    groups.setdefault(frozenset((turn.method, turn.other)), []).append(turn)
  # One of each group, then the second of each: the groups are in random order.
  rounds = itertools.zip_longest(*groups.values())
  dealt = [turn for one in rounds for turn in one if turn is not None]
  return dealt[:count]


def _apart(every: list[Turn], random: np.random.Generator) -> list[Turn]:
  """Shuffles so that neighbours show different images, where that can be."""
  waiting: dict[int, list[Turn]] = {}
  for k in random.permutation(len(every)):
    waiting.setdefault(every[k].image, []).append(every[k])
  order: list[Turn] = []
  for left in range(len(every), 0, -1):
    last = order[-1].image if order else None
    most = max(waiting, key=lambda i: len(waiting[i]))
    if 2 * len(waiting[most]) > left and most != last:
      # It takes every second place from here on, or it will be left over.
      chosen = most
    else:
      options = [i for i in waiting if i != last] or list(waiting)
      sizes = np.array([len(waiting[i]) for i in options], float)
      chosen = options[random.choice(len(options), p=sizes / sizes.sum())]
    order.append(waiting[chosen].pop())
    if not waiting[chosen]:
      del waiting[chosen]
  return order
