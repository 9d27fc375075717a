"""SVG pictures: determinism, what is drawn, odd names and values."""

import math
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from jsr.errors import UserError
from jsr.evaluate import plots

LOG = [
  {'step': s, 'g/pixel': 0.1 / (1 + s), 'eval/x/psnr_y': 20.0 + s} for s in range(5)
]
DRAW = (
  'from jsr.evaluate import plots;'
  "log = [{'step': s, 'loss': s * s} for s in range(9)];"
  "print(plots.curves({'a': log, 'b': log}, 'loss', title='t', references={'r': 3}))"
)


def results(values, dataset='Set5'):
  """Results with one row a method from {method: {image: PSNR}}."""
  return {
    'rows': [
      {
        'method': method,
        'set': dataset,
        'scale': 4,
        'per_image': {image: {'psnr_y': x} for image, x in images.items()},
      }
      for method, images in values.items()
    ]
  }


def texts(svg):
  tree = ElementTree.fromstring(svg)
  return [t.text for t in tree.iter('{http://www.w3.org/2000/svg}text')]


def lines(svg):
  """The drawn data lines: strokes in a colour of the palette that are long enough."""
  found = re.findall(r'<path d="([^"]*)" clip-path[^>]*stroke: (#\w{6})', svg)
  return [(d, colour) for d, colour in found if colour in plots.PALETTE]


def test_same_text_in_every_process():
  def draw(seed):
    return subprocess.run(
      [sys.executable, '-c', DRAW],
      env=os.environ | {'PYTHONHASHSEED': seed, 'SOURCE_DATE_EPOCH': seed},
      capture_output=True,
      text=True,
      check=True,
    ).stdout

  assert draw('1') == draw('2')


def test_fits_into_html():
  svg = plots.curves(LOG, 'g/pixel', title='a "loss" & <more>')
  root = ElementTree.fromstring(svg)
  assert svg.startswith('<svg ')
  assert root.get('role') == 'img'
  assert root.get('aria-label') == 'a "loss" & <more>'
  assert svg.count('http') == 1  # The namespace.
  assert 'ns0' not in svg
  assert '<style' not in svg  # It would hold for the whole page.
  assert len(svg) < 20_000


def test_identifiers_differ_between_pictures():
  def ids(title):
    svg = plots.curves(LOG, 'g/pixel', title=title)
    own, used = (set(re.findall(p, svg)) for p in (r' id="([^"]+)"', r'[(="]#([\w-]+)'))
    assert own
    assert {u for u in used if not re.fullmatch(r'[0-9a-f]{6}', u)} <= own
    return own

  assert not ids('one') & ids('two')


def test_a_line_for_each_run_and_key():
  two = plots.curves({'pixel': LOG, 'gan': LOG}, 'g/pixel', title='t')
  assert len(lines(two)) == 2
  assert {'pixel', 'gan'} <= set(texts(two))
  four = plots.curves(
    {'a': LOG, 'b': LOG},
    ['g/pixel', 'eval/x/psnr_y'],
    title='t',
    labels={'g/pixel': 'L'},
  )
  assert len(lines(four)) == 4
  assert {'a · L', 'b · eval/x/psnr_y'} <= set(texts(four))


def test_consecutive_stages_follow_each_other():
  def starts(**options):
    svg = plots.curves({'a': LOG, 'b': LOG}, 'g/pixel', title='t', **options)
    return [float(d.split()[1]) for d, _ in lines(svg)]

  same = starts()
  assert same[0] == same[1]
  first, second = starts(consecutive=True)
  assert second > first + 100


def test_reference_is_drawn_and_visible():
  svg = plots.curves(LOG, 'eval/x/psnr_y', title='t', references={'bicubic 40.0': 40.0})
  assert 'bicubic 40.0' in texts(svg)
  assert 'stroke-dasharray' in svg
  assert '40' in texts(svg)  # The axis reaches the line.


def test_the_last_of_a_repeated_step_counts():
  steps, values = plots._series([*LOG, {'step': 2, 'g/pixel': 9.0}], 'g/pixel')
  assert list(steps) == [0, 1, 2, 3, 4]
  assert values[2] == 9.0


def test_values_that_are_not_finite_leave_gaps():
  logged = [1, None, 2, 4, math.inf, math.nan]
  log = [{'step': s, 'loss': x} for s, x in enumerate(logged)]
  _, values = plots._series(log, 'loss')
  assert [math.isnan(x) for x in values] == [False, True, False, False, True, True]
  plots.curves(log, 'loss', title='t', smooth=3)
  mean = plots._moving_mean(values, 3)
  np.testing.assert_array_equal(mean, [1, math.nan, 3, 3, math.nan, math.nan])


def test_long_logs_stay_small():
  log = [{'step': s, 'loss': math.sin(s)} for s in range(50_000)]
  svg = plots.curves(log, 'loss', title='t', smooth=20)
  assert len(svg) < 60_000
  steps, values = plots._thin(*plots._series(log, 'loss'))
  assert len(steps) == plots.MAX_POINTS
  assert steps[0] == 49.5
  assert values[0] == pytest.approx(sum(math.sin(s) for s in range(100)) / 100)


def test_unknown_key_gets_a_suggestion():
  with pytest.raises(UserError, match=r"'g/pixle'; did you mean 'g/pixel'"):
    plots.curves(LOG, 'g/pixle', title='t')


def test_dots_for_each_image_and_method():
  svg = plots.per_image(
    results({'bicubic': {'a': 28.0, 'b': 30.0}, 'edsr': {'a': 31.0, 'b': math.inf}}),
    dataset='Set5',
  )
  assert {'a', 'b', 'bicubic', 'edsr', 'PSNR Y (dB)', '∞'} <= set(texts(svg))
  # Two dots and one in the legend, for each method.
  assert svg.count('<use ') == 6


def test_names_are_text():
  odd = '<b>"x" & $a_b$'
  svg = plots.per_image(
    results({odd: {odd: 28.0}, '_hidden': {odd: 29.0}, '漢字': {odd: 30.0}}),
    dataset='Set5',
  )
  assert texts(svg).count(odd) == 2
  assert {'_hidden', '漢字'} <= set(texts(svg))
  svg = plots.curves({odd: LOG, '_b': LOG}, 'g/pixel', title='t', references={odd: 0.1})
  assert texts(svg).count(odd) == 2
  assert '_b' in texts(svg)


def test_nothing_to_draw():
  with pytest.raises(UserError, match='Set14'):
    plots.per_image(results({'edsr': {'a': 30.0}}), dataset='Set14')
  with pytest.raises(UserError, match='psnr_rgb'):
    plots.per_image(results({'edsr': {'a': 30.0}}), dataset='Set5', metric='psnr_rgb')
