"""Deleting files that no row names: a machine may die between the two."""

import datetime
import re
from collections.abc import Iterator

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from jsr.web.jobs.models import Job, Upload

_FOLDERS = ('uploads', 'results')
# What `models` names so; all else in the folder or bucket is somebody else's.
_OURS = re.compile(r'(uploads|results)/[0-9a-f]{2}/[0-9a-f]{32}\.\w+')


def run() -> int:
  """Deletes left-over files of uploads and results; returns how many."""
  # Files first: what a row names by then is no file that came later.
  found = list(_files())
  named: set[str] = set()
  for rows in (
    Upload.objects.values_list('file', 'view', 'thumb', 'original'),
    Job.objects.values_list('file', 'view'),
  ):
    for names in rows.iterator():
      named.update(names)
  deleted = 0
  for name in found:
    if _OURS.fullmatch(name) and name not in named and _old(name):
      default_storage.delete(name)
      deleted += 1
  return deleted


def _old(name: str) -> bool:
  # Past its time by any site's count: two that share a bucket do each other no harm.
  age = datetime.timedelta(hours=settings.KEEP_HOURS + 1)
  try:
    return default_storage.get_modified_time(name) < timezone.now() - age
  except Exception:  # Gone already; what storages raise then has no common kind.
    return False


def _files() -> Iterator[str]:
  for folder in _FOLDERS:
    try:
      parts, _ = default_storage.listdir(folder)
    except FileNotFoundError:
      continue
    for part in parts:
      yield from (
        f'{folder}/{part}/{n}' for n in default_storage.listdir(f'{folder}/{part}')[1]
      )
