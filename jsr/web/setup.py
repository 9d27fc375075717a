"""Opens the site for a command: settings, folder, tables."""

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator

from jsr import errors
from jsr.web import environment

# Any number that no other program of the database uses.
_LOCK = 7_355_608


def open_site(
  folder: pathlib.Path | None = None, *, what: str = 'the website'
) -> pathlib.Path:
  """Sets Django up in this process, and brings the database up to date.

  A command on the same machine needs no HTTPS: JSR_HTTPS is 0 unless it is set.

  Args:
    folder: Of the site; None: as JSR_SITE says. It is made where it is missing, for
      this user only.
    what: Needs Django, in the words of an error.

  Returns:
    The folder.

  Raises:
    UserError: Django is missing, the folder cannot be made, or the database cannot be
      opened.
    RuntimeError: The process has another site open.
  """
  if folder is not None:
    os.environ['JSR_SITE'] = str(folder.expanduser().absolute())
  os.environ.setdefault('JSR_HTTPS', '0')
  os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'jsr.web.settings')
  site = environment.folder()
  try:
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError
  except ImportError as error:
    raise errors.UserError(f'{what} needs Django: {errors.install("web")}') from error
  try:
    site.mkdir(mode=0o700, parents=True, exist_ok=True)
  except OSError as error:
    raise errors.UserError(
      f'the folder of the site {site} cannot be made: {error.strerror}; choose another'
    ) from error
  try:
    if site != settings.SITE:
      raise RuntimeError(f'this process has the site {settings.SITE} open, not {site}')
    django.setup()
    _migrate(site)
  except ModuleNotFoundError as error:
    raise errors.UserError(
      f'{what} needs {error.name}: {errors.install("web")}'
    ) from error
  except (DatabaseError, ImproperlyConfigured, OSError) as error:
    if 'psycopg' in str(error):
      raise errors.UserError(
        f'{what} with PostgreSQL needs psycopg: {errors.install("cluster")}'
      ) from error
    raise errors.UserError(
      f'the database of the site {site} cannot be opened: {errors.first_line(error)};'
      ' check JSR_SITE and JSR_DATABASE'
    ) from error
  return site


def _migrate(site: pathlib.Path) -> None:
  from django.core.management import call_command
  from django.db import connection
  from django.db.migrations.executor import MigrationExecutor

  def pending() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

  if pending():
    # Several processes may start at once; one of them makes the tables.
    with _alone(site):
      if pending():
        call_command('migrate', verbosity=0, interactive=False)


@contextlib.contextmanager
def _alone(site: pathlib.Path) -> Iterator[None]:
  from django.db import connection

  if connection.vendor == 'postgresql':
    with connection.cursor() as cursor:
      cursor.execute('SELECT pg_advisory_lock(%s)', [_LOCK])
      try:
        yield
      finally:
        cursor.execute('SELECT pg_advisory_unlock(%s)', [_LOCK])
    return
  with (site / '.setup').open('w') as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    yield
