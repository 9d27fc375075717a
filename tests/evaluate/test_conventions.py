"""The matrix of conventions, and numbers found in it."""

import dataclasses

import numpy as np
import pytest

from jsr.errors import UserError
from jsr.evaluate import benchmark, comparison, conventions, methods, protocol, sets
from tests import images, workdirs

HR = images.smooth(48, 56)
SR = np.clip(HR.astype(int) + np.arange(56)[:, None] % 7 * [1, 2, 3], 0, 255).astype(
  np.uint8
)
RULE = protocol.get('rgb8')


def psnr(x, y, crop):
  inside = slice(crop, -crop or None)
  return 10 * np.log10(255**2 / np.mean((x - y)[inside, inside] ** 2.0))


@pytest.fixture(scope='module')
def entries():
  return conventions.measure(SR, HR, 4, RULE)


def test_every_plane_and_border(entries):
  assert len(entries) == 15
  assert {crop for *_, crop in entries} == {0, 4, 10}
  weights = {
    'y': np.array([65.481, 128.553, 24.966]) / 255,
    'y_full': np.array([0.299, 0.587, 0.114]),
  }
  for (plane, rounded, crop), values in entries.items():
    x, y = SR.astype(float), HR.astype(float)
    if plane != 'rgb':
      offset = 16.0 if plane == 'y' else 0.0
      x, y = x @ weights[plane] + offset, y @ weights[plane] + offset
    if rounded:
      x, y = np.floor(x + 0.5), np.floor(y + 0.5)
    assert values['psnr'] == pytest.approx(psnr(x, y, crop), abs=1e-6)
    assert set(values) == {c.key for c in conventions.COLUMNS}


def test_the_protocol_is_one_of_them(entries):
  score = protocol.score(SR, HR, 4, RULE)
  assert entries['y', False, 4]['psnr'] == pytest.approx(score['psnr_y'], abs=1e-9)
  assert entries['y', False, 4]['ssim'] == pytest.approx(score['ssim_y'], abs=1e-9)
  assert entries['rgb', False, 4]['ssim'] == pytest.approx(score['ssim_rgb'], abs=1e-9)
  whole = dataclasses.replace(protocol.get('srgan'), crop=10)
  score = protocol.score(SR, HR, 4, whole)
  assert entries['y', True, 10]['ssim_daala'] == pytest.approx(score['ssim_daala'])
  # Full range raises the error by 255 / 219.
  gap = entries['y', False, 0]['psnr'] - entries['y_full', False, 0]['psnr']
  assert gap == pytest.approx(20 * np.log10(255 / 219), abs=1e-3)


def test_grey_and_luma_alone():
  grey = conventions.measure(SR[..., :1], HR[..., :1], 4, RULE)
  for crop in (0, 4, 10):
    assert len({grey[p, r, crop]['psnr'] for p, r in conventions.PLANES}) == 1
  luma = protocol.luma_uint8(HR)
  only = conventions.measure(luma - 1, luma, 4, protocol.get('y_float'))
  assert set(only) == {('y', True, c) for c in (0, 4, 10)}
  assert only['y', True, 0]['psnr'] == pytest.approx(20 * np.log10(255))


def test_too_small_a_picture():
  with pytest.raises(UserError, match='too small'):
    conventions.measure(SR[:30], HR[:30], 4, RULE)


def matrices():
  made = []
  for shift, name in ((0.0, 'bicubic'), (1.0, 'mine')):
    entries = {
      (plane, rounded, crop): {
        'psnr': 28 + shift + i / 10 + crop / 1000,
        'ssim': 0.81 + i / 100,
        'ssim_global': 0.95,
        'ssim_daala': 0.82,
        'ssim_matlab3d': 0.85,
      }
      for i, (plane, rounded) in enumerate(conventions.PLANES)
      for crop in (0, 4, 10)
    }
    row = {'method': name, 'set': 'Set5', 'scale': 4, 'n': 2}
    made.append(conventions.describe(row, [entries, entries]))
  return made


def test_locate():
  found = conventions.locate(matrices(), '28.10')
  assert [(x['plane'], x['rounded'], x['crop']) for x in found] == [
    ('y', True, 0),
    ('y', True, 4),
  ]
  assert all(x['exact'] and x['column'] == 'psnr' for x in found)
  (near,) = conventions.locate(matrices(), '35.1')
  assert not near['exact']
  assert (near['method'], near['plane'], near['crop']) == ('mine', 'rgb', 10)
  # Between -1 and 1 it is a similarity.
  assert {x['column'] for x in conventions.locate(matrices(), '.8200')} == {
    'ssim',
    'ssim_daala',
  }
  with pytest.raises(UserError, match="'much' is no number to locate"):
    conventions.locate(matrices(), 'much')


def test_text():
  found = conventions.locate(matrices(), '28.10')
  lines = conventions.text(matrices(), found).splitlines()
  assert lines[0] == 'bicubic on Set5 ×4, 2 images: every convention'
  marked = [line for line in lines if '<' in line]
  assert [line.split()[:4] for line in marked] == [
    ['Y', 'studio,', 'rounded', '0'],
    ['Y', 'studio,', 'rounded', '4'],
  ]
  assert lines[-2] == (
    '28.10 is PSNR of bicubic on Set5 ×4, Y studio, rounded, crop 0 (28.1000)'
  )
  near = conventions.text(matrices(), conventions.locate(matrices(), '0.5'))
  assert '0.5 is nothing here; nearest is SSIM Wang of bicubic' in near


def test_means_over_pictures():
  pictures = [sets.Picture('a', HR), sets.Picture('b', np.roll(HR, 9, 1))]
  found = []
  row = benchmark.measure(
    methods.resolve('nearest'),
    sets.PictureSet('Mini', pictures, 'here'),
    4,
    RULE,
    timed=False,
    matrix=found,
  )
  matrix = conventions.describe(row, found)
  assert (matrix['method'], matrix['n'], len(matrix['entries'])) == ('nearest', 2, 15)
  entry = next(
    x for x in matrix['entries'] if (x['plane'], x['rounded'], x['crop']) == ('y', 0, 4)
  )
  assert entry['psnr'] == pytest.approx(row['psnr_y'])
  assert entry['ssim'] == pytest.approx(row['ssim_y'])


def test_through_the_command(tmp_path, capsys):
  workdirs.save(tmp_path / 'Mini' / 'HR' / 'a.png', HR)
  comparison.run(
    ['bicubic'],
    sets=['Mini'],
    scale=4,
    data=str(tmp_path),
    lr=None,
    limit=None,
    protocol='rgb8',
    json_path=tmp_path / 'r.json',
    html_path=None,
    locate=['1.5'],
  )
  out = capsys.readouterr().out
  assert 'bicubic on Mini ×4, 1 image: every convention' in out
  assert '1.5 is nothing here' in out
  assert '"conventions"' in (tmp_path / 'r.json').read_text()
  assert '"located"' in (tmp_path / 'r.json').read_text()
