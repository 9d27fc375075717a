"""Metrics beside the protocol's."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.evaluate import comparison, extra, protocol, speed, table
from jsr.evaluate.methods import resolve
from jsr.metrics import registry
from jsr.weights import lpips, niqe
from tests import images, workdirs

HR = images.smooth(48, 56)
SR = np.clip(HR.astype(int) + np.arange(56)[:, None] % 7, 0, 255).astype(np.uint8)
RULE = protocol.get('rgb8')


def measured(name, sr=SR, hr=HR, rule=RULE):
  (metric,) = extra.open_metrics([name], rule)
  return metric.measure(sr, hr, 4, rule)


def test_what_the_protocol_measures():
  score = protocol.score(SR, HR, 4, RULE)
  assert measured('psnr') == pytest.approx(score['psnr_y'])
  assert measured('ssim') == pytest.approx(score['ssim_y'])
  srgan = protocol.get('srgan')
  score = protocol.score(SR, HR, 4, srgan)
  assert measured('psnr', rule=srgan) == pytest.approx(score['psnr_y'])
  with pytest.raises(UserError, match="protocol srgan measures 'ssim_daala' anyway"):
    measured('ssim_daala', rule=srgan)


def test_the_tool_for_video_sees_grey_as_video():
  grey = measured('ssim_daala', SR[..., :1], HR[..., :1])
  rgb = measured('ssim_daala', SR[..., :1].repeat(3, -1), HR[..., :1].repeat(3, -1))
  assert grey == pytest.approx(rgb, abs=2e-3)
  assert grey == pytest.approx(
    protocol.score(SR[..., :1], HR[..., :1], 4, protocol.get('srgan'))['ssim_daala']
  )


def test_too_small_a_picture_has_no_number():
  assert measured('ms_ssim') is None


def test_parameters_are_found_by_name(monkeypatch):
  asked = []

  def load(weights):
    asked.append(weights)
    return lambda sr, hr: jnp.abs(sr - hr).mean((1, 2, 3))

  monkeypatch.setattr(lpips, 'find', lambda net: ('trunk', net))
  monkeypatch.setattr(niqe, 'find', lambda: 'model')
  for name in ('lpips_alex', 'niqe'):
    metric = registry.METRICS[name]
    changed = registry.dataclasses.replace(metric, load=load, smallest=1)
    monkeypatch.setitem(registry.METRICS, name, changed)
  assert measured('lpips_alex') > 0
  assert measured('niqe') > 0
  assert asked == [('trunk', 'alex'), 'model']


@pytest.mark.parametrize(
  ('names', 'message'),
  [
    (['fsmi'], "unknown metric 'fsmi'; did you mean 'fsim'"),
    (['psnr', 'psnr'], "'psnr' is asked for twice"),
  ],
)
def test_mistakes(names, message):
  with pytest.raises(UserError, match=message):
    extra.open_metrics(names, RULE)


def test_a_table_with_more_columns(tmp_path, capsys):
  for name, picture in (('a', HR), ('b', np.roll(HR, 9, 1))):
    workdirs.save(tmp_path / 'Mini' / 'HR' / f'{name}.png', picture)
  comparison.run(
    ['nearest', 'bilinear', 'bicubic'],
    sets=['Mini'],
    scale=4,
    data=str(tmp_path),
    lr=None,
    limit=None,
    protocol='rgb8',
    json_path=tmp_path / 'r.json',
    html_path=tmp_path / 'r.html',
    metrics=['ssim_global', 'rmse'],
    speed_size=(16, 12),
  )
  out = capsys.readouterr().out
  assert 'Mini ×4, 2 images, no reference' in out
  assert 'SSIM (global)' in out
  assert 'RMSE ↓' in out
  assert 'lower is better' in out
  assert 'speed at 16 x 12 ×4' in out
  results = json.loads((tmp_path / 'r.json').read_text())
  assert [c['key'] for c in results['columns']] == [
    *('psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb', 'ssim_global', 'rmse')
  ]
  rows = {row['method']: row for row in results['rows']}
  assert rows['bicubic']['rmse'] < rows['nearest']['rmse']
  (block,) = table.blocks(results)
  by = dict(zip([x.method for x in block.lines], block.lines, strict=True))
  at = block.titles.index('RMSE ↓')
  best = min(rows, key=lambda k: rows[k]['rmse'])
  assert by[best].cells[at].mark == 'best'
  assert table.csv(results).splitlines()[0].count('rmse') == 1
  page = (tmp_path / 'r.html').read_text()
  assert 'RMSE ↓' in page
  assert 'speed at 16 x 12 ×4' in page
  assert {row['method'] for row in results['speed']} == set(rows)


def test_speed_of_a_network(tmp_path):
  network = resolve(str(workdirs.make(tmp_path / 'run')))
  row = speed.measure(network, 4, (12, 8))
  assert (row['method'], row['width'], row['height']) == ('run', 12, 8)
  assert row['images_per_second'] == pytest.approx(1 / row['seconds_per_image'])
  assert row['compile_seconds'] > 0
  # Parameters, a result of 48 x 32 x 3 floats, and more.
  assert row['memory_bytes'] > 48 * 32 * 3 * 4
  text = speed.text([row, speed.measure(resolve('bicubic'), 4, (12, 8))])
  assert text.splitlines()[0].startswith('speed at 12 x 8 ×4 on ')
  assert [line.split()[0] for line in text.splitlines()[2:]] == ['bicubic', 'run']


def test_their_rule_in_a_table(tmp_path, capsys):
  """Under report 001's protocol bicubic is OpenCV's, and says so."""
  workdirs.save(tmp_path / 'Mini' / 'HR' / 'a.png', HR)
  results, _ = comparison.compare(
    ['bicubic'], sets=['Mini'], scale=4, data=str(tmp_path), protocol='report001'
  )
  (row,) = results['rows']
  assert (row['psnr_y'], row['ssim_y']) == (None, None)
  assert 0 < row['rmse_4095'] < row['fsim_bandwise'] < 1
  assert 'OpenCV' in row['note']
  assert table.blocks(results)[0].titles[:4] == (
    *('RMSE/4095 ↓', 'PSNR RGB', 'SSIM RGB', 'FSIM bandwise'),
  )
  assert row['rmse_4095'] * 4095 == pytest.approx(
    255 * 10 ** (-row['psnr_rgb'] / 20), rel=1e-9
  )
