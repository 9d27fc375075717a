"""A PostgreSQL of Debian for tests: made, started and thrown away."""

import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import urllib.parse

import pytest


class Cluster:
  """A running server that listens at a socket in its folder."""

  def __init__(self, run, folder):
    self._run, self._folder, self._made = run, folder, 0
    data, log = str(folder / 'data'), str(folder / 'log')
    # Of one that was started, what it was started with is remembered.
    self._restart = ('-D', data, '-w', '-m', 'fast', '-l', log, 'restart')

  def __call__(self, name):
    """Makes an empty database and returns its address."""
    self._made += 1
    name = f'{name}_{self._made}'
    self._run('createdb', '-h', str(self._folder), '-U', 'postgres', name)
    host = urllib.parse.quote(str(self._folder), safe='')
    return f'postgresql://postgres@{host}/{name}'

  def restart(self):
    """Ends all connections and comes back, as after an update."""
    self._run('pg_ctl', *self._restart)


def programs():
  """The folder of initdb and its like, or None."""
  found = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin/initdb'))
  if found:
    return found[-1].parent
  there = shutil.which('initdb')
  return pathlib.Path(there).parent if there else None


@contextlib.contextmanager
def cluster():
  """Yields a `Cluster`."""
  binaries = programs()
  if binaries is None:
    pytest.skip('PostgreSQL is not installed')
  folder = pathlib.Path(tempfile.mkdtemp(prefix='jsr-pg-'))
  prefix = []
  if os.geteuid() == 0:
    # It refuses to run as root.
    owner = pwd.getpwnam('postgres')
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    prefix = ['runuser', '-u', 'postgres', '--']

  def run(program, *arguments):
    done = subprocess.run(
      [*prefix, str(binaries / program), *arguments],
      capture_output=True,
      text=True,
      cwd='/',
      check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

  data = str(folder / 'data')
  run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8')
  options = f"-c listen_addresses='' -k {folder} -c fsync=off"
  run('pg_ctl', '-D', data, '-w', '-l', str(folder / 'log'), '-o', options, 'start')
  try:
    yield Cluster(run, folder)
  finally:
    run('pg_ctl', '-D', data, '-m', 'immediate', 'stop')
    shutil.rmtree(folder, ignore_errors=True)
