"""The demo end to end, in its smoke form."""

import json

import pytest

from jsr.experiments import demo
from tests.conftest import on_one_device


@pytest.fixture(scope='module')
def output(tmp_path_factory):
  with on_one_device():
    folder = tmp_path_factory.mktemp('demo')
    demo.run(folder, 'configs/demo.py', argument='smoke')
  return folder


def test_results_have_the_schema(output):
  results = json.loads((output / 'results.json').read_text())
  assert tuple(row['method'] for row in results['rows']) == demo.METHODS
  for row in results['rows']:
    assert {'psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb', 'seconds_per_image'} <= set(row)
    assert row['set'] == 'photographs'
    assert row['n'] == len(row['per_image']) == 4
    assert 10 < row['psnr_y'] < 50
  assert results['protocol']['name'] == 'rgb8'
  assert 'jax' in results['versions']


def test_both_stages_were_trained(output):
  results = json.loads((output / 'results.json').read_text())
  by_name = {row['method']: row['psnr_y'] for row in results['rows']}
  # Six steps from bicubic: near it, but neither it nor each other.
  assert len({round(v, 6) for v in by_name.values()}) == 5
  assert abs(by_name['pixel'] - by_name['bicubic']) < 3
  assert by_name['compact-x4'] > by_name['bicubic'] + 0.8


def test_the_page_holds_curves_table_and_crops(output):
  page = (output / 'report.html').read_text()
  assert page.count('<svg') >= 3
  assert page.count('data:image/') > 10
  for word in (*demo.METHODS, 'Recipe', 'Training'):
    assert word in page
