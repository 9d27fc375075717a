"""The website under load and under fire: times, losses, wrong hands.

    python benchmarks/website.py first     # a fresh site to the first picture saved
    python benchmarks/website.py load      # 200 uploads of 20 visitors at once
    python benchmarks/website.py faults    # twenty workers killed in mid-job, and more

JSR_TEST_DATABASE=postgresql does it on a PostgreSQL made for it. Prints Markdown.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import random
import re
import sys
import tempfile
import threading
import time

import numpy as np
from PIL import Image

from jsr.evaluate import machine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from tests.web import faults, pictures, postgresql, sites

VISITORS, EACH = 20, 10
SIZE = (320, 240)
KILLS, JOBS = 20, 12
PAGES = ('/', '/upscale/', '/pictures/', '/methods/', '/results/')


@contextlib.contextmanager
def served(database: str, **options):
  """Yields (server, address of its database) in a temporary folder."""
  with contextlib.ExitStack() as stack:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='jsr-site-'))
    url = ''
    if database == 'postgresql':
      url = stack.enter_context(postgresql.cluster())('site')
    server = sites.Server(
      folder, env={'JSR_DATABASE': url, 'JSR_NICE': '10'}, **options
    )
    try:
      yield server, url
    finally:
      server.kill()


def first() -> None:
  """From the start of the program to a picture on a visitor's disk, in a browser."""
  from playwright.sync_api import sync_playwright

  start = time.monotonic()
  with served('sqlite') as (server, _):
    answers = time.monotonic() - start
    with sync_playwright() as playwright:
      browser = playwright.chromium.launch(
        executable_path=sites.CHROMIUM, args=sites.CHROMIUM_ARGUMENTS
      )
      opened = time.monotonic()
      with sites.opened(browser, server.url) as page:
        page.goto('/upscale/')
        data = pictures.encoded('JPEG', 640, 480, quality=92)
        file = {'name': 'old.jpg', 'mimeType': 'image/jpeg', 'buffer': data}
        page.set_input_files('#files', file)
        page.click('#go')
        page.wait_for_selector('.job[data-status=done]')
        with page.expect_download() as download:
          page.click('.job .save')
        picture = Image.open(download.value.path())
        done = time.monotonic()
      browser.close()
  assert picture.size == (2560, 1920)
  print(f'- `jsr serve` answers after {answers:.1f} s')
  print(f'- browser opened to 640 x 480 by 4 on disk: {done - opened:.1f} s')
  print(f'- both, with the start of the browser: {done - start:.1f} s')


class Visitor(threading.Thread):
  """Sends pictures, waits for them, and looks at what comes."""

  def __init__(self, server: sites.Server, number: int, expected: dict):
    super().__init__()
    self.server, self.number, self.expected = server, number, expected
    self.cookie, self.jobs, self.uploads = '', {}, []
    self.wrong: list[str] = []

  def run(self) -> None:
    for i in range(EACH):
      seed = self.number * EACH + i
      data = pictures.encoded('PNG', *SIZE, seed=seed)
      start = time.monotonic()
      fields = {'model': 'compact', 'scale': '4'}
      if self.cookie:
        # A program with a cookie must show the token of the site's forms.
        fields['csrfmiddlewaretoken'] = self.token
      status, headers, body = faults.request(
        f'{self.server.url}/api/jobs', 'POST', fields, data, self.cookie
      )
      self.uploads.append(time.monotonic() - start)
      if status != 201:
        self.wrong.append(f'{status}: {body[:200]!r}')
        continue
      self.jobs[json.loads(body)['id']] = seed
      if not self.cookie:
        cookie = re.search(
          r'jsr_visitor=[\w-]+', ' '.join(headers.get_all('Set-Cookie'))
        )
        self._greet(cookie[0])

  def _greet(self, cookie: str) -> None:
    _, headers, body = faults.request(f'{self.server.url}/upscale/', cookie=cookie)
    csrf = re.search(r'csrftoken=[\w-]+', ' '.join(headers.get_all('Set-Cookie')))
    self.cookie = f'{cookie}; {csrf[0]}'
    self.token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', body.decode())[1]

  def check(self) -> None:
    """Every job is there, is this visitor's, and is the right picture."""
    _, _, body = faults.request(f'{self.server.url}/api/jobs', cookie=self.cookie)
    own = {job['id'] for job in json.loads(body)['jobs']}
    if own != set(self.jobs):
      self.wrong.append(f'{len(own)} in the list, {len(self.jobs)} sent')
    for token, seed in self.jobs.items():
      status, _, body = faults.request(f'{self.server.url}/jobs/{token}/file')
      if status != 200:
        self.wrong.append(f'{token}: {status}')
      elif not np.array_equal(
        np.asarray(Image.open(io.BytesIO(body))), self.expected[seed]
      ):
        self.wrong.append(f'{token}: not the picture of upload {seed}')


def load(database: str) -> None:
  """Many visitors at once, while somebody reads pages."""
  from jsr.upscale.upscaler import Options, Upscaler

  upscaler = Upscaler('compact', Options(scale=4.0))
  count = VISITORS * EACH
  expected = {
    seed: upscaler.upscale(pictures.array(*SIZE, seed=seed)) for seed in range(count)
  }
  with served(database) as (server, _):
    ready(server)
    visitors = [Visitor(server, n, expected) for n in range(VISITORS)]
    times: dict[str, list[float]] = {page: [] for page in PAGES}
    over = threading.Event()

    def read() -> None:
      while not over.is_set():
        for page, found in times.items():
          start = time.monotonic()
          status, _, _ = faults.request(server.url + page, cookie=visitors[0].cookie)
          assert status == 200, page
          found.append(time.monotonic() - start)
          time.sleep(0.05)

    reader = threading.Thread(target=read)
    reader.start()
    start = time.monotonic()
    for each in visitors:
      each.start()
    for each in visitors:
      each.join()
    sent = time.monotonic() - start
    ids = [token for each in visitors for token in each.jobs]
    jobs = faults.finished(server, ids, 900)
    took = time.monotonic() - start
    over.set()
    reader.join()
    for each in visitors:
      each.check()
  wrong = [w for each in visitors for w in each.wrong]
  done = sum(job['status'] == 'done' for job in jobs.values())
  uploads = [t for each in visitors for t in each.uploads]
  print(
    f'{database}: {count} uploads of {SIZE[0]} x {SIZE[1]} pixels by {VISITORS}'
    ' visitors'
  )
  print(
    f'- sent in {sent:.1f} s, all done after {took:.1f} s ({count / took:.1f} a second)'
  )
  print(f'- done: {done} of {count}; lost, wrong or in wrong hands: {len(wrong)}')
  for line in wrong[:10]:
    print(f'  - {line}')
  print('\n| answer | requests | median ms | 99th percentile ms | longest ms |')
  print('|---|---|---|---|---|')
  pages = [t for found in times.values() for t in found]
  for name, found in (*times.items(), ('all pages', pages), ('upload', uploads)):
    p50, p99 = (1000 * np.percentile(found, q) for q in (50, 99))
    print(
      f'| {name} | {len(found)} | {p50:.0f} | {p99:.0f} | {1000 * max(found):.0f} |'
    )


def ready(server: sites.Server) -> None:
  """Waits until the worker does jobs."""
  token = faults.send(server, pictures.encoded(), model='espcn', scale='2')['id']
  faults.finished(server, [token], 120)
  faults.request(f'{server.url}/api/jobs/{token}', 'DELETE')


def under_fire(database: str) -> None:
  """Kills, a power cut, a locked database; then counts how often each job ended."""
  chance = random.Random(0)
  with served(database) as (server, url):
    watched = faults.Database(server, url)
    slow = {'model': 'compact', 'scale': '4', 'self_ensemble': '1'}
    data = [pictures.encoded('PNG', 400, 300, seed=seed) for seed in range(JOBS)]
    start = time.monotonic()
    ids = [faults.send(server, each, **slow)['id'] for each in data]
    victims = []
    for kill in range(KILLS):
      if not faults.running(server, ids) and kill:
        # All that is left waits or is done; more work for more kills.
        left = [
          j for j in faults.states(server, ids).values() if j['status'] == 'queued'
        ]
        if not left:
          data.append(pictures.encoded('PNG', 400, 300, seed=len(data)))
          ids.append(faults.send(server, data[-1], **slow)['id'])
      victims.append(faults.kill_worker(server, ids, chance.uniform(0, 1.5)))
      if kill == KILLS // 2:
        faults.hold(watched, 5).join()
    sites.until(lambda: faults.running(server, ids), 120)
    server.kill()
    server.start()
    sites.until(lambda: faults.running(server, ids), 120)
    faults.hold(watched, 5).join()
    jobs = faults.finished(server, ids, 900)
    ends = watched.ends()
    took = time.monotonic() - start
    files = len(list((server.folder / 'files' / 'results').rglob('*.png')))
    results = {
      token: faults.request(job['result_url'])[2]
      for token, job in jobs.items()
      if job['status'] == 'done'
    }
  from jsr.upscale.upscaler import Options, Upscaler

  upscaler = Upscaler('compact', Options(scale=4.0, self_ensemble=True))
  right = 0
  for seed, token in enumerate(ids):
    made = (
      np.asarray(Image.open(io.BytesIO(results[token]))) if token in results else None
    )
    wanted = upscaler.upscale(pictures.array(400, 300, seed=seed))
    right += made is not None and np.array_equal(made, wanted)
  states = [job['status'] for job in jobs.values()]
  print(f'{database}: {len(victims)} workers killed, {len(set(victims))} jobs hit')
  print('- a server killed with all its workers, the database locked twice for 5 s')
  print(f'- jobs: {len(ids)}; ended exactly once: {sum(n == 1 for n in ends.values())}')
  print(f'- done: {states.count("done")}, failed: {states.count("failed")}')
  print(f'- results equal to those of a quiet machine: {right}; files left: {files}')
  print(f'- {took:.0f} s')


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('what', choices=('first', 'load', 'faults'))
  args = parser.parse_args()
  database = os.environ.get('JSR_TEST_DATABASE', 'sqlite')
  print(f'{machine.describe()}\n')
  {
    'first': first,
    'load': lambda: load(database),
    'faults': lambda: under_fire(database),
  }[args.what]()


if __name__ == '__main__':
  main()
