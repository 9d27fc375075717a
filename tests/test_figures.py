"""One network, one set, one figure: wherever it is kept, it is the same."""

import json

import pytest

from tests.conftest import ROOT

Figures = dict[tuple[str, str, int], dict[str, float]]
PROTOCOL = 'rgb8'


def of_cards() -> Figures:
  """What the cards of the networks that come with jsr print."""
  cards = [
    json.loads(path.read_text())
    for path in (ROOT / 'jsr' / 'weights' / 'embedded').glob('*.json')
  ]
  return {
    (card['name'], row['set'], row.get('scale', card['scale'])): row
    for card in cards
    for row in card['results']
    if row['protocol'] == PROTOCOL
  }


def of_results() -> Figures:
  """What docs/results.md prints."""
  return {
    (row['method'], row['set'], part['scale']): row
    for part in json.loads((ROOT / 'docs' / 'results.json').read_text())
    for row in part['rows']
    if part['protocol'] == PROTOCOL
  }


def of_website() -> Figures:
  """What the website's page of results shows."""
  parts = [
    json.loads(path.read_text())
    for path in (ROOT / 'jsr' / 'web' / 'pages' / 'results').glob('x*.json')
  ]
  return {
    (row['method'], row['set'], row['scale']): row
    for part in parts
    if part['protocol']['name'] == PROTOCOL
    for row in part['rows']
  }


@pytest.mark.parametrize(
  ('one', 'other', 'least'),
  [
    (of_cards, of_results, 17),
    (of_cards, of_website, 24),
    (of_results, of_website, 27),
  ],
)
def test_figures_agree(one, other, least):
  """To what a card keeps of them: four decimals of a dB, six of SSIM."""
  a, b = one(), other()
  both = a.keys() & b.keys()
  assert len(both) >= least
  for key in both:
    assert a[key]['psnr_y'] == pytest.approx(b[key]['psnr_y'], abs=6e-5), key
    assert a[key]['ssim_y'] == pytest.approx(b[key]['ssim_y'], abs=6e-7), key
