"""Workers, servers and databases that go away: each job ends exactly once.

`benchmarks/website.py` does the same at length: twenty kills.
"""

import json
import os
import time

import pytest

from tests.web import faults, pictures, sites

# A second or two of work, in many tiles, so that it can be caught in the middle.
SLOW = {'model': 'compact', 'scale': '4', 'self_ensemble': '1'}


@pytest.fixture
def troubled(tmp_path, databases):
  """A server of this test's own, and its database."""
  url = databases('troubled')
  server = sites.Server(tmp_path / 'site', env={'JSR_DATABASE': url})
  server.database = faults.Database(server, url)
  yield server
  server.kill()


def check(server, ids, state='done'):
  """Every job ended once, in one way, and left one result."""
  jobs = faults.finished(server, ids)
  assert {job['status'] for job in jobs.values()} == {state}
  assert server.database.ends() == {(token, state): 1 for token in ids}
  return jobs


def test_worker_server_and_database_go_away(troubled):
  server = troubled
  data = pictures.encoded('PNG', 260, 200)
  ids = [faults.send(server, data, **SLOW)['id'] for _ in range(3)]
  # A worker dies in mid-job.
  faults.kill_worker(server, ids, 0.2)
  # The server dies in mid-job; its worker gives the job back and does not go on alone.
  at_work = "SELECT worker FROM jobs_job WHERE state = 'running' AND attempts = 1"
  first = server.database.query('SELECT worker FROM jobs_job WHERE attempts > 0')
  sites.until(lambda: set(server.database.query(at_work)) - {*first, ('',)})
  workers = server.workers()
  assert workers
  server.process.kill()
  server.process.wait()
  sites.until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in workers), 20)
  states = server.database.query("SELECT token FROM jobs_job WHERE state = 'running'")
  assert states == []
  # (A power cut, with all processes at once, is benchmarks/website.py's.)
  server.start()
  # The database is locked by somebody while a job ends.
  sites.until(lambda: faults.running(server, ids))
  faults.hold(server.database, 2).join()
  jobs = check(server, ids)
  # One result each, and all alike.
  results = {faults.request(job['result_url'])[2] for job in jobs.values()}
  assert len(results) == 1
  files = list((server.folder / 'files' / 'results').rglob('*.png'))
  assert len(files) == len(ids)


def test_the_database_is_started_anew(tmp_path, databases):
  """Connections that were open are of no use then, and jobs go on all the same."""
  url = databases('anew')
  if not url:
    pytest.skip('SQLite has no server')
  server = sites.Server(tmp_path / 'site', env={'JSR_DATABASE': url})
  try:
    server.database = faults.Database(server, url)
    data = pictures.encoded('PNG', 260, 200)
    ids = [faults.send(server, data, **SLOW)['id'] for _ in range(2)]
    sites.until(lambda: faults.running(server, ids))
    databases.restart()
    check(server, ids)
  finally:
    server.kill()


def test_cancel_and_delete_while_it_runs(troubled):
  server = troubled
  data = pictures.encoded('PNG', 400, 300)
  one, two = (faults.send(server, data, **SLOW)['id'] for _ in range(2))
  sites.until(lambda: faults.running(server, [one]))
  status, _, body = faults.request(f'{server.url}/api/jobs/{one}/cancel', 'POST', {})
  assert (status, json.loads(body)['status']) == (200, 'cancelled')
  # The worker stops at once and takes the next, which is deleted under its hands.
  sites.until(lambda: faults.running(server, [two]), 20)
  assert faults.request(f'{server.url}/api/jobs/{two}', 'DELETE')[0] == 204
  small = faults.send(server, pictures.encoded(), model='espcn', scale='2')['id']
  faults.finished(server, [small], 30)
  assert server.database.ends() == {(one, 'cancelled'): 1, (small, 'done'): 1}
  # Nothing is left of what was deleted, or of the half-made.
  sites.until(lambda: len(list((server.folder / 'files').rglob('*.png'))) == 3, 10)


def test_ctrl_c_gives_the_job_back(troubled):
  server = troubled
  ids = [faults.send(server, pictures.encoded('PNG', 400, 300), **SLOW)['id']]
  sites.until(lambda: faults.running(server, ids))
  start = time.monotonic()
  server.end()
  # It does not wait for the job's end, which begins anew.
  assert time.monotonic() - start < 12
  rows = server.database.query('SELECT state, attempts, worker FROM jobs_job')
  assert rows == [('queued', 0, '')]
  # Its task waits for whoever comes next, as after any end (see above).
  tasks = server.database.query(
    "SELECT status FROM django_tasks_database_dbtaskresult WHERE status != 'SUCCESSFUL'"
  )
  assert tasks == [('READY',)]


def test_a_worker_elsewhere(tmp_path, databases):
  """`jsr serve --workers 0` leaves the work to `jsr worker`."""
  import subprocess
  import sys

  url = databases('elsewhere')
  server = sites.Server(tmp_path / 'site', workers=0, env={'JSR_DATABASE': url})
  try:
    server.database = faults.Database(server, url)
    token = faults.send(server, pictures.encoded(), model='espcn', scale='2')['id']
    time.sleep(1)
    assert faults.states(server, [token])[token]['status'] == 'queued'
    worker = subprocess.Popen(
      [sys.executable, '-m', 'jsr.cli', 'worker', '--site', str(server.folder)],
      env=os.environ | {'JSR_DATABASE': url},
    )
    try:
      check(server, [token])
    finally:
      worker.terminate()
      assert worker.wait(30) == 0
  finally:
    server.kill()
