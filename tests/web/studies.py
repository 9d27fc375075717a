"""Studies for tests: their pictures, people who rate, and a site that really serves."""

import itertools
import os
import re
import subprocess
import sys

import numpy as np
from PIL import Image, PngImagePlugin

from jsr import cli
from tests.web import sites

METHODS = ('zebra', 'quokka')
IMAGES = ('lighthouse', 'harbour', 'meadow')
SMALL = ('--raters', '2', '--calibration', '1', '--repeats', '2')


def write_pictures(folder):
  """Fills a folder as jsr compare does; files name their method inside, too."""
  random = np.random.default_rng(0)
  for image in IMAGES:
    place = folder / 'Menagerie' / image
    place.mkdir(parents=True)
    for name in (*METHODS, 'hr', 'lr'):
      size = (6, 8) if name == 'lr' else (24, 32)
      array = random.integers(0, 256, (*size, 3), np.uint8)
      said = PngImagePlugin.PngInfo()
      said.add_text('Software', f'compare {name}')
      Image.fromarray(array).save(place / f'{name}.png', pnginfo=said)


def run(*arguments):
  """The exit status of a command of `jsr study`."""
  try:
    return cli.main(['study', *map(str, arguments)])
  except SystemExit as left:
    return left.code


def trials(rater):
  """All of a rater, in order."""
  return list(rater.trials.order_by('order'))


def next_of(rater):
  """The trial that waits."""
  return rater.trials.filter(answered=None).order_by('order').first()


class Person:
  """Somebody with an invitation, and a browser without JavaScript."""

  def __init__(self, rater, **options):
    self.link = rater.get_absolute_url()
    self.client = sites.visitor(**options)
    self.pages = []

  def open(self):
    answer = self.client.get(self.link)
    assert answer.status_code == 200
    self.pages.append(answer)
    return answer.content.decode()

  def post(self, **fields):
    answer = self.client.post(self.link, fields)
    self.pages.append(answer)
    return answer

  def begin(self):
    self.open()
    self.post(action='begin')
    return self

  def trial(self):
    """The token of the trial that is shown, or None at the end."""
    found = re.search(r'name="trial" value="([^"]+)">\s*<input[^>]*zoom', self.open())
    return found and found[1]

  def answer(self, score, trial=None, **fields):
    trial = trial or self.trial()
    return self.post(action='answer', trial=trial, score=score, **fields)

  def finish(self, choose=lambda trial, values: values[0]):
    """Answers all that comes; returns how many answers that took."""
    for count in itertools.count():
      trial = self.trial()
      if trial is None:
        return count
      page = self.pages[-1].content.decode()
      values = re.findall(r'name="score" value="(\d)"(?![^>]*disabled)', page)
      self.answer(choose(trial, values), trial)


def create(server, pictures, name, raters=1, *options):
  """Makes a study without examples; returns the researcher's link and the raters'."""
  command = [sys.executable, '-m', 'jsr.cli', 'study', 'create', name]
  command += ['--from', str(pictures), '--raters', str(raters), '--calibration', '0']
  command += ['--site', str(server.folder), '--address', server.url, *options]
  done = subprocess.run(
    command,
    env=os.environ | server._env,
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  return re.findall(r'http\S+', done.stdout)
