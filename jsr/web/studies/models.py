"""What the database remembers of a rating study.

A study has scenes (images) and methods; a picture is a scene in a method. Each rater
has trials in a fixed order: what is shown, and what was answered.
"""

import secrets
from typing import Any

from django.core.files.storage import Storage, default_storage
from django.db import models
from django.urls import reverse


def storage() -> Storage:
  """Returns where files lie, as the settings say; see `FileField.storage`."""
  return default_storage


def token() -> str:
  """Returns 22 characters of 128 random bits: who has them may see what they name."""
  return secrets.token_urlsafe(16)


def picture_place(*_: Any) -> str:
  """Chooses where a picture lies; nothing of what it is goes in."""
  fresh = secrets.token_hex(16)
  return f'study/{fresh[:2]}/{fresh}.png'


class Mode(models.TextChoices):
  """What raters do."""

  RATING = 'rating'
  PAIRS = 'pairs'


class Study(models.Model):
  """A rating study.

  Attributes:
    name: For the researcher's commands; raters never see it.
    title: What raters read.
    mode: See `Mode`.
    reference: Whether the original is shown above a pair.
    admin: The researcher's token.
    seed: Of orders and of intervals.
    open: Whether raters may answer.
    created: When.
  """

  name = models.CharField(max_length=60, unique=True)
  title = models.CharField(max_length=200)
  mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.RATING)
  reference = models.BooleanField(default=False)
  admin = models.CharField(max_length=22, unique=True, default=token)
  seed = models.PositiveIntegerField(default=0)
  open = models.BooleanField(default=True)
  created = models.DateTimeField(auto_now_add=True)

  def get_absolute_url(self) -> str:
    """Returns the address of the researcher's page."""
    return reverse('studies:research', args=[self.admin])


class Method(models.Model):
  """What made pictures.

  Attributes:
    study: Of which.
    name: As `jsr compare` wrote it; 'hr' is the original. Raters never see it.
    order: Its place in tables.
    rated: False of what only calibrates or is shown for reference.
  """

  study = models.ForeignKey(Study, models.CASCADE, related_name='methods')
  name = models.CharField(max_length=200)
  order = models.PositiveIntegerField()
  rated = models.BooleanField(default=True)

  class Meta:
    ordering = ('order',)
    constraints = (
      models.UniqueConstraint(fields=['study', 'name'], name='method_once'),
    )


class Scene(models.Model):
  """An image, whatever made a picture of it.

  Attributes:
    study: Of which.
    set: The name of its set.
    image: Its name.
    order: Its place in tables.
    calibration: It is shown as an example.
    rated: It is shown in trials.
  """

  study = models.ForeignKey(Study, models.CASCADE, related_name='scenes')
  set = models.CharField(max_length=200)
  image = models.CharField(max_length=200)
  order = models.PositiveIntegerField()
  calibration = models.BooleanField(default=False)
  rated = models.BooleanField(default=True)

  class Meta:
    ordering = ('order',)


class Picture(models.Model):
  """A scene in a method.

  Attributes:
    scene: What it shows.
    method: What made it.
    file: A PNG without metadata.
    width: In pixels.
    height: In pixels.
  """

  scene = models.ForeignKey(Scene, models.CASCADE, related_name='pictures')
  method = models.ForeignKey(Method, models.CASCADE, related_name='pictures')
  file = models.FileField(upload_to=picture_place, storage=storage, max_length=120)
  width = models.PositiveIntegerField()
  height = models.PositiveIntegerField()

  class Meta:
    constraints = (
      models.UniqueConstraint(fields=['scene', 'method'], name='picture_once'),
    )


class Rater(models.Model):
  """Somebody with an invitation link.

  Attributes:
    study: Of which.
    number: From 1; all that is known of the person.
    token: Of the link.
    agreed: When they began, or None.
    last: The trial that can be taken back, or None.
  """

  study = models.ForeignKey(Study, models.CASCADE, related_name='raters')
  number = models.PositiveIntegerField()
  token = models.CharField(max_length=22, unique=True, default=token)
  agreed = models.DateTimeField(null=True, blank=True)
  last = models.ForeignKey(
    'Trial', models.SET_NULL, null=True, blank=True, related_name='+'
  )

  class Meta:
    ordering = ('number',)
    constraints = (
      models.UniqueConstraint(fields=['study', 'number'], name='rater_once'),
    )

  def get_absolute_url(self) -> str:
    """Returns the address of the invitation."""
    return reverse('studies:rate', args=[self.token])


class Kind(models.TextChoices):
  """What a trial is for."""

  CALIBRATION = 'calibration'
  RATING = 'rating'
  PAIR = 'pair'
  REPEAT = 'repeat'


class Trial(models.Model):
  """One thing shown to one rater.

  Attributes:
    token: Names it and its pictures in addresses: nothing can be inferred from it.
    rater: To whom.
    order: From 1.
    kind: See `Kind`.
    picture: What is shown, on the left of a pair.
    other: On the right of a pair, else None.
    score: 1 to 5; of a pair 1 where the left is better, 2 where the right is; None
      until answered. A calibration has what the example stands for.
    shown: When its page was last sent.
    answered: When, or None.
    seconds: From `shown` to `answered`.
    zoom: Screen pixels a side of a picture's pixel took, where the browser told.
    revised: How often the answer was taken back.
  """

  token = models.CharField(max_length=22, unique=True, default=token)
  rater = models.ForeignKey(Rater, models.CASCADE, related_name='trials')
  order = models.PositiveIntegerField()
  kind = models.CharField(max_length=12, choices=Kind.choices)
  picture = models.ForeignKey(Picture, models.CASCADE, related_name='+')
  other = models.ForeignKey(
    Picture, models.CASCADE, null=True, blank=True, related_name='+'
  )
  score = models.PositiveSmallIntegerField(null=True, blank=True)
  shown = models.DateTimeField(null=True, blank=True)
  answered = models.DateTimeField(null=True, blank=True)
  seconds = models.FloatField(null=True, blank=True)
  zoom = models.FloatField(null=True, blank=True)
  revised = models.PositiveIntegerField(default=0)

  class Meta:
    ordering = ('rater', 'order')
    constraints = (
      models.UniqueConstraint(fields=['rater', 'order'], name='trial_once'),
    )

  @property
  def calibrates(self) -> bool:
    """It shows an example."""
    return self.kind == Kind.CALIBRATION

  @property
  def choices(self) -> range:
    """What may be answered."""
    if self.calibrates and self.score is not None:
      return range(self.score, self.score + 1)
    return range(1, 3) if self.other_id is not None else range(1, 6)
