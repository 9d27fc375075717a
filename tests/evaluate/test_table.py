"""Numbers as text: formats, marks, missing and infinite values."""

import copy
import csv
import io
import json
import math

import pytest

from jsr.errors import UserError
from jsr.evaluate import table


def row(method, psnr, ssim=0.8, *, dataset='Set5', scale=4, **more):
  per_image = {'baby': {'psnr_y': psnr, 'ssim_y': ssim, 'seconds': 0.01}}
  return {
    'method': method,
    'set': dataset,
    'scale': scale,
    'n': 5,
    'psnr_y': psnr,
    'ssim_y': ssim,
    'psnr_rgb': None,
    'ssim_rgb': None,
    'seconds_per_image': 0.0123,
    'per_image': per_image,
    'note': '',
  } | more


def results(*rows):
  return {
    'rows': list(rows),
    'protocol': {'name': 'rgb8', 'description': 'Eight bits.'},
    'versions': {'jsr': '0.1.0'},
    'machine': 'CPU',
    'date': '2025-01-01',
  }


FOUR = results(
  row('nearest', 26.26, 0.75),
  row('bicubic', 28.429, 0.8111),
  row('edsr', 32.0949, 0.8938),
  row('srcnn', 30.0849, 0.8525, note='luma only'),
)


@pytest.mark.parametrize(
  ('x', 'digits', 'sign', 'expected'),
  [
    (28.4295, 2, False, '28.43'),
    (0.81106, 4, False, '0.8111'),
    (math.inf, 2, False, '∞'),
    (math.inf, 2, True, '+∞'),
    (-math.inf, 2, True, '−∞'),
    (None, 2, False, '–'),
    (math.nan, 2, False, 'NaN'),
    (2.168, 2, True, '+2.17'),
    (-0.05, 2, True, '−0.05'),
    (-0.001, 2, True, '0.00'),
  ],
)
def test_number(x, digits, sign, expected):
  assert table.number(x, digits, sign=sign) == expected


def test_seconds_keep_their_worth():
  printed = [table.seconds(x) for x in (0.0004, 0.0123, 12.345, None)]
  assert printed == ['<0.001', '0.012', '12.3', '–']


def test_infinity_survives_json():
  entry = {'psnr_y': math.inf, 'ssim_y': 1.0}
  assert table.value(json.loads(json.dumps(entry)), 'psnr_y') == math.inf
  assert table.value(entry | {'psnr_y': 'inf'}, 'psnr_y') == math.inf
  assert table.value(entry | {'psnr_y': None}, 'psnr_y') == math.inf
  assert table.value({'psnr_y': None, 'ssim_y': 0.99}, 'psnr_y') is None
  assert table.value({'psnr_y': None, 'ssim_y': None}, 'psnr_y') is None
  # One equal image makes the mean of its set infinite, whatever the mean SSIM.
  whole = {'psnr_y': None, 'ssim_y': 0.9, 'per_image': {'x': entry | {'psnr_y': None}}}
  assert table.value(whole, 'psnr_y') == math.inf


def test_marks():
  assert table.marks([1.0, 3.0, 2.0], 2) == ['', 'best', 'second']
  assert table.marks([1.0, None, math.inf, 2.0], 2) == ['', '', 'best', 'second']
  # Values that print alike share the mark.
  assert table.marks([1.0, 2.001, 2.004, 1.5], 2) == ['', 'best', 'best', 'second']
  assert table.marks([1.0, math.nan, 2.0, 3.0], 2) == ['', '', 'second', 'best']
  assert table.marks([2.0, 2.0, 2.0], 2) == ['', '', '']
  assert table.marks([1.0, 2.0], 2) == ['', '']
  assert table.marks([1.0, None, 2.0], 2) == ['', '', '']


def test_text_table():
  assert table.text_table(FOUR) == (
    'protocol rgb8: Eight bits.\n\n'
    'Set5 ×4, 5 images\n'
    '           PSNR Y   SSIM Y   Δ bicubic   s/image\n'
    '  nearest   26.26   0.7500       −2.17     0.012\n'
    '  bicubic   28.43   0.8111        0.00     0.012\n'
    '  edsr      32.09*  0.8938*      +3.67     0.012\n'
    '  srcnn     30.08+  0.8525+      +1.66     0.012\n'
    '  srcnn: luma only\n\n'
    '* best, + second best; Δ bicubic: PSNR minus that of bicubic, in dB\n'
  )


def test_text_columns_align_whatever_the_alphabet():
  text = table.text_table(results(row('双三次', 28.0), row('x', 30.0)))
  lines = [line for line in text.splitlines() if '28.00' in line or '30.00' in line]
  # Each of the three letters takes two columns.
  assert lines[0].index('28.00') + 3 == lines[1].index('30.00')


def test_blocks_by_set_and_scale():
  found = table.blocks(
    results(
      row('bicubic', 28.4),
      row('bicubic', 33.7, scale=2),
      row('srcnn', 30.1, n=3),
      row('srcnn', 27.1, dataset='Set14'),
    )
  )
  assert [b.heading for b in found] == [
    'Set5 ×4, 3–5 images',
    'Set5 ×2, 5 images',
    'Set14 ×4, 5 images',
  ]
  assert [line.method for line in found[0].lines] == ['bicubic', 'srcnn']
  assert found[0].titles[-1] == 'images'
  assert [line.cells[-1].text for line in found[0].lines] == ['5', '3']
  assert 'Δ bicubic' in found[0].titles
  assert 'Δ bicubic' not in found[2].titles


def test_difference_of_infinities():
  block = table.blocks(
    results(row('bicubic', math.inf, 1.0), row('a', math.inf, 1.0), row('b', 30.0))
  )[0]
  column = block.titles.index('Δ bicubic')
  assert [line.cells[column].text for line in block.lines] == ['–', '–', '−∞']


def test_difference_on_rgb_where_luma_was_not_measured():
  rows = [
    row(m, None, None, psnr_rgb=x, per_image={})
    for m, x in [('bicubic', 26.0), ('edsr', 28.5)]
  ]
  block = table.blocks(results(*rows))[0]
  assert block.titles == ('PSNR RGB', 'Δ bicubic', 's/image')
  assert [line.cells[1].text for line in block.lines] == ['0.00', '+2.50']


def test_missing_values_are_dashes():
  text = table.text_table(results(row('a', 30.0, psnr_rgb=28.0), row('b', 31.0)))
  assert text.splitlines()[5].split() == ['b', '31.00', '0.8000', '–', '0.012']
  assert '– not measured' in text


def test_markdown():
  text = table.markdown(FOUR)
  assert '### Set5 ×4, 5 images' in text
  assert '| edsr | **32.09** | **0.8938** | +3.67 | 0.012 |' in text
  assert '| srcnn | *30.08* | *0.8525* | +1.66 | 0.012 |' in text
  assert 'srcnn: luma only' in text


def test_markdown_escapes_names():
  text = table.markdown(results(row('a|b*<i>', 30.0)))
  assert r'| a\|b\*\<i\> |' in text


def test_csv_is_exact():
  rows = copy.deepcopy(FOUR['rows'])
  rows[0] |= {'method': 'a, "b"', 'psnr_y': math.inf}
  lines = list(csv.DictReader(io.StringIO(table.csv(results(*rows)))))
  assert lines[0]['method'] == 'a, "b"'
  assert float(lines[0]['psnr_y']) == math.inf
  assert float(lines[2]['psnr_y']) == 32.0949
  assert lines[2]['psnr_rgb'] == ''
  assert lines[3]['note'] == 'luma only'


def test_no_rows():
  assert table.text_table(results()) == 'no results\n'
  for function in (table.text_table, table.markdown, table.csv):
    with pytest.raises(UserError, match='rows'):
      function({'other': 1})
