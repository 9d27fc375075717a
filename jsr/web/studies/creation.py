"""Makes a study: pictures into the storage, an order of trials for each rater."""

import dataclasses
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from PIL import Image

from jsr import errors
from jsr.experiments import opinion, opinion_order
from jsr.web.studies import folders, models
from jsr.web.studies.folders import ORIGINAL, WORST
from jsr.web.studies.models import (
  Kind,
  Method,
  Mode,
  Picture,
  Rater,
  Scene,
  Study,
  Trial,
)

REPEATS = 10
MAX_RATERS = 1000
# They are written in one transaction.
MAX_TRIALS = 200_000
# Characters of columns in the database.
MAX_TITLE = Study._meta.get_field('title').max_length
MAX_NAME = min(
  model._meta.get_field(field).max_length
  for model, field in ((Method, 'name'), (Scene, 'set'), (Scene, 'image'))
)

# Set, image, method.
Key = tuple[str, str, str]


class Stored(NamedTuple):
  """A picture in the storage; see `models.Picture`."""

  file: str
  width: int
  height: int


@dataclasses.dataclass(frozen=True)
class Plan:
  """What a study is to be.

  Attributes:
    name: See `models.Study`, as `title`, `mode`, `seed` and `reference`.
    scenes: Images to rate.
    methods: To rate, by name.
    raters: How many.
    repeats: Trials that come a second time; None: 10, or half of all where there are
      fewer than 20.
    examples: Images for the calibration.
  """

  name: str
  title: str
  mode: str
  seed: int
  reference: bool
  scenes: Sequence[folders.Scene]
  methods: Sequence[str]
  raters: int
  repeats: int | None
  examples: Sequence[folders.Scene] = ()


def make(plan: Plan) -> Study:
  """Makes a study; nothing of it stays after an error.

  Args:
    plan: What it is to be.

  Returns:
    The study.

  Raises:
    UserError: The plan cannot be carried out; see `check`.
  """
  repeats = check(plan)
  storage = models.storage()
  kept: dict[Key, Stored] = {}
  try:
    # Before the transaction: it would keep others from writing for minutes.
    for scene, name in needed(plan):
      kept[scene.set, scene.image, name] = _store(folders.read(scene, name))
    with transaction.atomic():
      study = Study.objects.create(
        name=plan.name,
        title=plan.title,
        mode=plan.mode,
        seed=plan.seed,
        reference=plan.reference,
      )
      _fill(study, plan, repeats, kept)
  except BaseException as error:
    for stored in kept.values():
      storage.delete(stored.file)
    if isinstance(error, IntegrityError):
      raise _taken(plan.name) from error
    raise
  return study


def needed(plan: Plan) -> list[tuple[folders.Scene, str]]:
  """Lists the pictures of a plan, each once."""
  found = [(scene, name) for scene in plan.scenes for name in plan.methods]
  if plan.reference:
    found += [(scene, ORIGINAL) for scene in plan.scenes]
  found += [(scene, name) for scene in plan.examples for name in (ORIGINAL, WORST)]
  return list({(s.set, s.image, name): (s, name) for s, name in found}.values())


def check(plan: Plan) -> int:
  """Checks a plan.

  Returns:
    The number of repeats.

  Raises:
    UserError: The name is bad or taken, a picture is missing, there are too few or too
      many of something, or the title names a method.
  """
  if not re.fullmatch(r'\w[\w.-]{0,59}', plan.name):
    raise errors.UserError(
      f"'{plan.name}' is no name of a study: use up to 60 letters, digits, - and _"
    )
  if Study.objects.filter(name=plan.name).exists():
    raise _taken(plan.name)
  _check_lengths(plan)
  if len(plan.methods) < 2:
    raise errors.UserError('a study compares methods: name two or more with --methods')
  known = folders.methods([*plan.scenes, *plan.examples])
  for name in plan.methods:
    if name not in known and not any(folders.has(scene, name) for scene in plan.scenes):
      raise errors.unknown('method', name, known)
    if re.search(rf'(?<!\w){re.escape(name)}(?!\w)', plan.title, re.IGNORECASE):
      raise errors.UserError(
        f"--title names the method '{name}', and raters read it; choose another"
      )
  same = {(scene.set, scene.image): scene for scene in plan.scenes}
  for scene in plan.examples:
    if same.get((scene.set, scene.image), scene) is not scene:
      raise errors.UserError(
        f'{scene.set}/{scene.image} of --calibration-from is also rated: take other'
        ' images as examples'
      )
  for scene, name in needed(plan):
    if not folders.has(scene, name):
      raise errors.UserError(
        f"'{name}' has no picture of {scene.set}/{scene.image}: choose with --methods"
        ' and --sets what all images have, or --calibration 0 where only that lacks'
      )
  if not 1 <= plan.raters <= MAX_RATERS:
    raise errors.UserError(f'--raters {plan.raters} is not from 1 to {MAX_RATERS}')
  ways = len(plan.methods)
  if plan.mode == Mode.PAIRS:
    ways = ways * (ways - 1) // 2
  trials = len(plan.scenes) * ways
  most = opinion_order.most_repeats(trials)
  repeats = min(REPEATS, most) if plan.repeats is None else plan.repeats
  if repeats > most:
    raise errors.UserError(
      f'--repeats {repeats} is more than half of {trials} trials; use {most} or less'
    )
  total = plan.raters * (trials + repeats + 2 * len(plan.examples))
  if total > MAX_TRIALS:
    raise errors.UserError(
      f'{plan.raters} raters with {total // plan.raters} trials each are too many;'
      ' choose fewer with --sets and --methods'
    )
  return repeats


def _check_lengths(plan: Plan) -> None:
  """Refuses what the database has no room for."""
  if not plan.title.strip() or len(plan.title) > MAX_TITLE:
    raise errors.UserError(
      f'--title has {len(plan.title)} characters; give it 1 to {MAX_TITLE}, not only'
      ' spaces'
    )
  names = dict.fromkeys(plan.methods, 'method')
  for scene in [*plan.scenes, *plan.examples]:
    names |= {scene.set: 'set', scene.image: 'image'}
  for name, what in names.items():
    if len(name) > MAX_NAME:
      raise errors.UserError(
        f"the name of the {what} '{name[:20]}...' has {len(name)} characters; rename it"
        f' to {MAX_NAME} or less'
      )


def _taken(name: str) -> errors.UserError:
  return errors.UserError(f"there is a study '{name}' already; choose another name")


def _fill(study: Study, plan: Plan, repeats: int, kept: Mapping[Key, Stored]) -> None:
  extra = []
  if plan.reference or plan.examples:
    extra.append(ORIGINAL)
  if plan.examples:
    extra.append(WORST)
  names = list(dict.fromkeys([*plan.methods, *extra]))
  methods = [
    Method.objects.create(study=study, name=name, order=k, rated=name in plan.methods)
    for k, name in enumerate(names)
  ]
  by_name = {method.name: method for method in methods}
  examples = {(scene.set, scene.image) for scene in plan.examples}
  rated = {(scene.set, scene.image) for scene in plan.scenes}
  scenes = {}
  for k, source in enumerate([*plan.scenes, *plan.examples]):
    place = source.set, source.image
    if place not in scenes:
      scenes[place] = Scene.objects.create(
        study=study,
        set=source.set,
        image=source.image,
        order=k,
        calibration=place in examples,
        rated=place in rated,
      )
  pictures = {
    (name, image, method): Picture.objects.create(
      scene=scenes[name, image], method=by_name[method], **stored._asdict()
    )
    for (name, image, method), stored in kept.items()
  }

  def of(scene: folders.Scene, method: str) -> Picture:
    return pictures[scene.set, scene.image, method]

  for number in range(plan.raters):
    rater = Rater.objects.create(study=study, number=number + 1)
    Trial.objects.bulk_create(_trials(plan, repeats, rater, of), batch_size=500)


def _trials(
  plan: Plan,
  repeats: int,
  rater: Rater,
  of: Callable[[folders.Scene, str], Picture],
) -> list[Trial]:
  trials = []
  for image, best in opinion_order.calibration(
    len(plan.examples), seed=plan.seed, rater=rater.number
  ):
    picture = of(plan.examples[image], ORIGINAL if best else WORST)
    score = opinion.HIGHEST if best else opinion.LOWEST
    trials.append(Trial(kind=Kind.CALIBRATION, picture=picture, score=score))
  pairs = plan.mode == Mode.PAIRS
  order = opinion_order.pairs if pairs else opinion_order.ratings
  for turn in order(
    len(plan.scenes),
    len(plan.methods),
    repeats=repeats,
    seed=plan.seed,
    rater=rater.number,
  ):
    scene = plan.scenes[turn.image]
    kind = Kind.PAIR if pairs else Kind.RATING
    trials.append(
      Trial(
        kind=Kind.REPEAT if turn.repeat else kind,
        picture=of(scene, plan.methods[turn.method]),
        other=of(scene, plan.methods[turn.other]) if pairs else None,
      )
    )
  for k, trial in enumerate(trials):
    trial.rater, trial.order = rater, k + 1
  return trials


def _store(array: np.ndarray) -> Stored:
  """Writes a picture anew: what its file says of itself could name the method."""
  out = io.BytesIO()
  Image.fromarray(array).save(out, 'PNG')
  name = models.storage().save(models.picture_place(), ContentFile(out.getvalue()))
  return Stored(name, array.shape[1], array.shape[0])
