"""Simulates a rating study with known preferences through the website's own pages.

  python benchmarks/opinion.py [--quick] [--raters 26] [--images 20] [--seed 0]

Makes pictures that carry their image and method in their first pixel, makes a study of
them by `jsr study create` in a temporary site, and lets each rater open the invitation,
look at every picture that comes and press a button, over HTTP's forms. Then it prints
what `jsr study export` recovers beside what is true, and reads the export with pandas.

A rater's opinion of a picture is the method's quality + the image's + how lenient the
rater is + the rater's taste for the method + chance; rounded to 1..5. Two methods are
equally good. The true mean is that of 20,000 such raters on the same images.
"""

import argparse
import io
import json
import os
import pathlib
import re
import tempfile
import time

import numpy as np
import pandas as pd
from PIL import Image

from jsr import cli

QUALITY = {
  'nearest': 1.2,
  'bicubic': 1.9,
  'srcnn': 2.6,
  'twin-a': 3.2,
  'twin-b': 3.2,
  'srgan': 3.7,
  'hr': 4.7,
}
# Standard deviations.
LENIENCY, TASTE, CHANCE, SCENE = 0.3, 0.15, 0.6, 0.25


class People:
  """Raters, by seed."""

  def __init__(self, raters: int, images: int, seed: int):
    random = np.random.default_rng(seed)
    self.quality = np.array(list(QUALITY.values()))
    self.scenes = random.normal(0, SCENE, images)
    self.leniency = random.normal(0, LENIENCY, raters)
    self.taste = random.normal(0, TASTE, (raters, len(QUALITY)))
    self._random = random

  def opinion(self, rater: int, image: int, method: int) -> int:
    value = self.quality[method] + self.scenes[image] + self.leniency[rater]
    value += self.taste[rater, method] + self._random.normal(0, CHANCE)
    return int(np.clip(np.round(value), 1, 5))

  def truth(self, raters: int = 20_000) -> np.ndarray:
    """(M,): the expected rating of each method on these images."""
    random = np.random.default_rng(1)
    spread = np.hypot(np.hypot(LENIENCY, TASTE), CHANCE)
    noise = random.normal(0, spread, (raters, 1, 1))
    value = self.quality + self.scenes[:, None] + noise
    return np.clip(np.round(value), 1, 5).mean((0, 1))


def make_pictures(folder: pathlib.Path, images: int) -> None:
  """Writes SET/IMAGE/METHOD.png, as jsr compare does."""
  for image in range(images):
    for method, name in enumerate(QUALITY):
      array = np.full((16, 16, 3), 40 + 25 * method, np.uint8)
      array[0, 0] = image, method, 0
      path = folder / 'Simulated' / f'image{image:03}' / f'{name}.png'
      path.parent.mkdir(parents=True, exist_ok=True)
      Image.fromarray(array).save(path)


def rate(link: str, rater: int, people: People) -> int:
  """Goes through one invitation; returns the number of answers."""
  from django.test import Client

  client = Client(headers={'host': 'localhost'})
  page = client.get(link).content.decode()
  client.post(link, {'action': 'begin'})
  answers = 0
  while True:
    page = client.get(link).content.decode()
    trial = re.search(r'name="trial" value="([^"]+)">\s*<input[^>]*name="zoom"', page)
    if trial is None:
      return answers
    given = re.search(r'name="score" value="(\d)" class="main"', page)
    if given:
      score = int(given[1])
    else:
      address = re.search(r'<img src="(/study/p/[^"]+)"', page)
      assert address
      sent = b''.join(client.get(address[1]).streaming_content)
      pixel = np.asarray(Image.open(io.BytesIO(sent)))[0, 0]
      score = people.opinion(rater, int(pixel[0]), int(pixel[1]))
    client.post(link, {'action': 'answer', 'trial': trial[1], 'score': score})
    answers += 1


def simulate(root: pathlib.Path, people: People, seed: int) -> tuple[int, float]:
  """Makes a study on the open site, lets all rate, exports it to root / 'out'.

  Returns:
    Answers, and the seconds they took.
  """
  raters, images = len(people.leniency), len(people.scenes)
  make_pictures(root / 'page_pictures', images)
  command = ['study', 'create', 'simulated', '--from', str(root / 'page_pictures')]
  command += ['--methods', ','.join(QUALITY), '--raters', str(raters)]
  command += ['--calibration', '3', '--seed', str(seed)]
  if cli.main(command):
    raise SystemExit(2)
  from jsr.web.studies.models import Study

  links = [r.get_absolute_url() for r in Study.objects.get().raters.all()]
  start = time.perf_counter()
  answers = sum(rate(link, k, people) for k, link in enumerate(links))
  seconds = time.perf_counter() - start
  if cli.main(['study', 'export', 'simulated', '-o', str(root / 'out')]):
    raise SystemExit(2)
  return answers, seconds


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--raters', type=int, default=26)
  parser.add_argument('--images', type=int, default=20)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--quick', action='store_true', help='6 raters, 4 images')
  args = parser.parse_args()
  raters, images = (6, 4) if args.quick else (args.raters, args.images)
  people = People(raters, images, args.seed)
  with tempfile.TemporaryDirectory() as temporary:
    root = pathlib.Path(temporary)
    os.environ['JSR_SITE'] = str(root / 'site')
    # Nothing of it belongs to a real site.
    for name in ('JSR_DATABASE', 'JSR_S3_BUCKET'):
      os.environ.pop(name, None)
    answers, seconds = simulate(root, people, args.seed)
    report(root / 'out', people.truth())
    print(f'\n{answers} answers of {raters} raters in {seconds:.0f} s')


def report(folder: pathlib.Path, truth: np.ndarray) -> None:
  """Prints what the export recovers beside the truth."""
  found = json.loads((folder / 'summary.json').read_text())
  table = pd.read_csv(folder / 'ratings.csv')
  means = table[table.kind == 'rating'].groupby('method').score.mean()
  print(f'\n{"method":8}  true  recovered  95 % interval   pandas')
  for one, real in zip(found['opinions'], truth, strict=True):
    inside = one['low'] <= real <= one['high']
    print(
      f'{one["method"]:8}  {real:.2f}  {one["mean"]:9.2f}  {one["low"]:.2f} to'
      f' {one["high"]:.2f}   {means[one["method"]]:6.2f}'
      f'{"" if inside else "   the truth is outside"}'
    )
  tests = found['contrasts']
  different = [t for t in tests if QUALITY[t['a']] != QUALITY[t['b']]]
  equal = [t for t in tests if QUALITY[t['a']] == QUALITY[t['b']]]
  hits = sum(t['significant'] for t in different)
  alarms = sum(t['significant'] for t in equal)
  largest = max(t['p_holm'] for t in different)
  print(
    f'\n{hits} of {len(different)} pairs that differ are significant (largest p after'
    f' Holm: {largest:.2g}); {alarms} of {len(equal)} equal pairs (p'
    f' {equal[0]["p_holm"]:.2g})'
  )
  again = found['consistency']
  print(
    f'{again["n"]} pictures rated twice: mean absolute difference'
    f' {again["difference"]:.2f}, equal {again["exact"]:.0%}, weighted kappa'
    f' {again["kappa"]:.2f}'
  )
  others = [x for x in found['agreement'].values() if x is not None]
  print(f'agreement with the other raters: {min(others):.2f} to {max(others):.2f}')


if __name__ == '__main__':
  main()
