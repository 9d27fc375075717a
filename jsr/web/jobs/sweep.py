"""Deleting files that no row names: a machine may die between the two."""

import datetime
from collections.abc import Iterator

from django.core.files.storage import default_storage
from django.utils import timezone

from jsr.web.jobs.models import Job, Upload

_FOLDERS = ('uploads', 'results')
# A file is stored before its row is: only what is older than this is left over.
_AGE = datetime.timedelta(hours=1)


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
    if name not in named and _old(name):
      default_storage.delete(name)
      deleted += 1
  return deleted


def _old(name: str) -> bool:
  try:
    return default_storage.get_modified_time(name) < timezone.now() - _AGE
  except FileNotFoundError:
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
