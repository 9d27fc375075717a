"""What the database remembers of uploads, jobs, workers and visits.

The queue itself is django-tasks': a `Job` says what is to be done and what became of
it, a task of the same token delivers it to a worker. See `queue.py`.
"""

import datetime
import secrets
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage, default_storage
from django.db import models
from django.urls import reverse
from django.utils import timezone


def storage() -> Storage:
  """Returns where files lie, as the settings say; see `FileField.storage`."""
  return default_storage


def token() -> str:
  """Returns 22 characters of 128 random bits: who has them may see what they name."""
  return secrets.token_urlsafe(16)


def _place(folder: str, name: str) -> str:
  # Nothing of a visitor goes into a name on the disk.
  suffix = name.rpartition('.')[2]
  fresh = secrets.token_hex(16)
  return f'{folder}/{fresh[:2]}/{fresh}.{suffix if suffix.isalnum() else "bin"}'


def upload_place(_: Any, name: str) -> str:
  """Chooses where an upload lies."""
  return _place('uploads', name)


def result_place(_: Any, name: str) -> str:
  """Chooses where a result lies."""
  return _place('results', name)


def expiry() -> datetime.datetime:
  """Returns when what is made now is to be deleted."""
  return timezone.now() + datetime.timedelta(hours=settings.KEEP_HOURS)


class Alive(models.Manager['Upload']):
  """Finds uploads whose time has not come."""

  def alive(self) -> 'models.QuerySet[Upload]':
    """Returns them."""
    return self.filter(expires__gt=timezone.now())


class Upload(models.Model):
  """A picture that a visitor sent.

  Attributes:
    token: Names it in addresses.
    visitor: See `visitors.py`; '' for a program that keeps no cookies.
    address: Keyed hash of where it came from.
    name: Of the file, for people only.
    file: As it came.
    view: What browsers can show of it, where they cannot show the file.
    thumb: The same, small, for lists.
    original: The truth, if the visitor has it, to measure against.
    format: Pillow's name.
    width: In pixels, upright.
    height: In pixels, upright.
    created: When.
    expires: When it is deleted, with all its jobs.
  """

  token = models.CharField(primary_key=True, max_length=22, default=token)
  visitor = models.CharField(max_length=64, blank=True, db_index=True)
  address = models.CharField(max_length=64, blank=True, db_index=True)
  name = models.CharField(max_length=200)
  file = models.FileField(upload_to=upload_place, storage=storage, max_length=120)
  view = models.FileField(
    upload_to=result_place, storage=storage, max_length=120, blank=True
  )
  thumb = models.FileField(
    upload_to=result_place, storage=storage, max_length=120, blank=True
  )
  original = models.FileField(
    upload_to=upload_place, storage=storage, max_length=120, blank=True
  )
  format = models.CharField(max_length=20)
  width = models.PositiveIntegerField()
  height = models.PositiveIntegerField()
  created = models.DateTimeField(auto_now_add=True)
  expires = models.DateTimeField(default=expiry, db_index=True)

  objects = Alive()


class State(models.TextChoices):
  """What a job can be."""

  QUEUED = 'queued'
  RUNNING = 'running'
  DONE = 'done'
  FAILED = 'failed'
  CANCELLED = 'cancelled'


# Nothing more happens to a job in one of them.
ENDED = (State.DONE, State.FAILED, State.CANCELLED)


class Kind(models.TextChoices):
  """What a job makes."""

  RESULT = 'result'
  TRUST = 'trust'


class AliveJobs(models.Manager['Job']):
  """Finds jobs of uploads whose time has not come."""

  def alive(self) -> 'models.QuerySet[Job]':
    """Returns them, with their uploads."""
    found = self.select_related('upload')
    return found.filter(upload__expires__gt=timezone.now())


class Job(models.Model):
  """One enlargement of one upload.

  Attributes:
    token: Names it in addresses.
    upload: Of what.
    kind: A picture, or the map of what is invented in it.
    model: See `jsr.upscale.upscaler.Upscaler`.
    scale: See its `Options`, as the four that follow.
    strength: 0 to 1, or None.
    self_ensemble: Or not.
    wrap: Or not.
    consistent: Or not.
    companion: Of an upload that has a job already, for the page that compares.
    state: See `State`.
    progress: 0 to 1.
    error: One sentence, of a job that failed.
    claim: Who may end it: a worker draws one when it takes the job, and a job that was
      given to another has another.
    worker: Which has it.
    attempts: How often a worker took it.
    created: When it was asked for.
    started: When the last worker took it.
    finished: When it ended.
    seconds: That the enlargement took.
    file: The result, without loss and with metadata.
    view: What browsers can show of it, where they cannot show the file.
    width: Of the result.
    height: Of the result.
    notes: What could not be kept, phrases.
    residual: See `Upscaler.residual`.
    metrics: Against the original, by name.
    converted: Stored files in other formats, by format and quality.
  """

  token = models.CharField(primary_key=True, max_length=22, default=token)
  upload = models.ForeignKey(Upload, models.CASCADE, related_name='jobs')
  kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.RESULT)
  model = models.CharField(max_length=60)
  scale = models.FloatField()
  strength = models.FloatField(null=True, blank=True)
  self_ensemble = models.BooleanField(default=False)
  wrap = models.BooleanField(default=False)
  consistent = models.BooleanField(default=False)
  companion = models.BooleanField(default=False)
  state = models.CharField(
    max_length=10, choices=State.choices, default=State.QUEUED, db_index=True
  )
  progress = models.FloatField(default=0)
  error = models.TextField(blank=True)
  claim = models.CharField(max_length=32, blank=True)
  worker = models.CharField(max_length=64, blank=True, db_index=True)
  attempts = models.PositiveIntegerField(default=0)
  created = models.DateTimeField(auto_now_add=True, db_index=True)
  started = models.DateTimeField(null=True, blank=True)
  finished = models.DateTimeField(null=True, blank=True)
  seconds = models.FloatField(null=True, blank=True)
  file = models.FileField(
    upload_to=result_place, storage=storage, max_length=120, blank=True
  )
  view = models.FileField(
    upload_to=result_place, storage=storage, max_length=120, blank=True
  )
  width = models.PositiveIntegerField(default=0)
  height = models.PositiveIntegerField(default=0)
  notes = models.JSONField(default=list)
  residual = models.JSONField(null=True, blank=True)
  metrics = models.JSONField(null=True, blank=True)
  converted = models.JSONField(default=dict)

  objects = AliveJobs()

  class Meta:
    ordering = ('created', 'token')

  @property
  def files(self) -> list[str]:
    """Names of all that is stored for it; '' for what is not."""
    return [self.file.name, self.view.name, *self.converted.values()]

  @property
  def ended(self) -> bool:
    """Nothing more happens to it."""
    return self.state in ENDED

  def get_absolute_url(self) -> str:
    """Returns the address of its page."""
    return reverse('jobs:result', args=[self.token])


class Worker(models.Model):
  """A process that does jobs, for as long as its heart beats.

  Attributes:
    name: Of one process.
    beat: When it was last heard of, by the database's clock.
  """

  name = models.CharField(primary_key=True, max_length=64)
  beat = models.DateTimeField(db_index=True)


class Visit(models.Model):
  """An upload by somebody, to count; it outlives the upload.

  Attributes:
    who: A visitor, or a hash of an address.
    at: When.
  """

  who = models.CharField(max_length=64)
  at = models.DateTimeField(auto_now_add=True)

  class Meta:
    indexes = (models.Index(fields=['who', 'at']),)
