"""A comparison from end to end: rows, results file, page, and what stops it."""

import json
import pathlib

import numpy as np
import pytest

from jsr.errors import UserError
from jsr.evaluate import benchmark, comparison, gate, methods, page, protocol, sets
from jsr.ops import resize
from tests import images, workdirs

# No multiple of 4: protocols cut it to 48 x 56.
A, B = images.smooth(50, 59), np.roll(images.smooth(48, 56), 9, 1)
ROW = ['method', 'set', 'scale', 'n', 'psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb']
ROW += ['seconds_per_image', 'per_image']


@pytest.fixture
def data(tmp_path):
  for stem, picture in (('a', A), ('b', B)):
    workdirs.save(tmp_path / 'data' / 'Mini' / 'HR' / f'{stem}.png', picture)
    workdirs.save(tmp_path / 'data' / 'Grey' / 'HR' / f'{stem}.png', picture[..., :1])
  return tmp_path / 'data'


def run(specs, data, **options):
  defaults = {'sets': ['Mini'], 'scale': 4, 'data': str(data), 'lr': None}
  defaults |= {'limit': None, 'protocol': 'rgb8', 'json_path': None, 'html_path': None}
  return comparison.run(specs, **(defaults | options))


def strict(path):
  def refuse(constant):
    raise AssertionError(f'{constant} is no JSON')

  return json.loads(path.read_text(encoding='utf-8'), parse_constant=refuse)


def theirs(data, folder, layout, make):
  for path in sorted((data / 'Mini' / 'HR').glob('*.png')):
    name = layout.format(set='Mini', stem=path.stem)
    workdirs.save(folder / name, make(sets.read(path)))
  return f'theirs=images:{folder}'


def bicubic(hr):
  method = methods.Interpolation('bicubic', 'bicubic')
  return method.upscale_uint8(protocol.make_lr(hr, 4), 4)


def test_the_results_file(data, tmp_path, capsys):
  file = tmp_path / 'new' / 'r.json'
  specs = ['nearest', 'bicubic', f'theirs=images:{data}/Mini/HR']
  assert run(specs, data, sets=['Mini', 'Grey'], json_path=file) == 0
  assert [p.name for p in file.parent.iterdir()] == ['r.json']
  got = strict(file)
  assert {'rows', 'protocol', 'versions'} <= set(got)
  assert got['protocol']['name'] == 'rgb8'
  assert {'jsr', 'jax', 'python'} <= set(got['versions'])
  rows = got['rows']
  assert [(r['set'], r['method']) for r in rows] == [
    (name, method)
    for name in ('Mini', 'Grey')
    for method in ('nearest', 'bicubic', 'theirs')
  ]
  for row in rows:
    assert list(row) == [*ROW, 'note']
    assert (row['scale'], row['n']) == (4, 2)
    assert list(row['per_image']) == ['a', 'b']
    for column in ('psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb'):
      each = [image[column] for image in row['per_image'].values()]
      if None not in each:
        assert row[column] == pytest.approx(np.mean(each))
  # Their pictures are the originals: an infinite PSNR, which JSON has not.
  assert rows[2]['psnr_rgb'] is None
  # Luma is computed of both, by programs that may round float64's last bit apart.
  assert rows[2]['psnr_y'] is None or rows[2]['psnr_y'] > 300
  assert rows[2]['ssim_y'] == rows[2]['ssim_rgb'] == pytest.approx(1)
  assert rows[2]['seconds_per_image'] is None
  assert rows[0]['seconds_per_image'] > 0
  out = capsys.readouterr().out
  assert out.startswith('protocol rgb8: LR by MATLAB bicubic')
  assert 'Mini ×4, 2 images' in out
  assert '∞' in out


@pytest.mark.parametrize('layout', ['{set}/{stem}.png', '{stem}_out.png'])
@pytest.mark.parametrize('rule', ['rgb8', 'y_float'])
def test_their_bicubic_is_ours(data, tmp_path, layout, rule):
  def make(hr):
    if rule == 'rgb8':
      return bicubic(hr)
    # The rule's result is a picture of Y alone.
    y = protocol.luma_uint8(resize.modcrop(hr, 4))
    ours = methods.Interpolation('bicubic', 'bicubic')
    big = ours.upscale(protocol.shrink_float(y, 4), 4)
    return np.clip(np.floor(big + 0.5), 0, 255).astype(np.uint8)

  spec = theirs(data, tmp_path / 'pictures', layout, make)
  results, _ = comparison.compare(
    ['bicubic', spec], sets=['Mini'], scale=4, data=str(data), protocol=rule
  )
  ours, other = results['rows']
  for row in (ours, other):
    row['per_image'] = {
      name: {k: v for k, v in image.items() if k != 'seconds'}
      for name, image in row['per_image'].items()
    }
  for key in set(ours) - {'method', 'note', 'seconds_per_image'}:
    assert ours[key] == other[key], key
  assert other['seconds_per_image'] is None
  assert other['note'] == 'pictures of pictures'


def test_pictures_of_the_uncut_size(data, tmp_path):
  spec = theirs(data, tmp_path / 'x', '{stem}.png', lambda hr: hr // 2)
  cut = theirs(
    data, tmp_path / 'y', '{stem}.png', lambda hr: resize.modcrop(hr, 4) // 2
  )
  rows = [
    comparison.compare([s], sets=['Mini'], scale=4, data=str(data))[0]['rows'][0]
    for s in (spec, cut)
  ]
  assert rows[0]['psnr_y'] == rows[1]['psnr_y'] < 20


def test_pictures_of_a_wrong_size(data, tmp_path):
  spec = theirs(data, tmp_path / 'x', '{stem}.png', lambda hr: hr[:40])
  with pytest.raises(UserError, match=r'Mini/a has 59 x 40 pixels, expected 56 x 48'):
    run([spec], data)


def test_y_float_has_no_rgb_figures(data, tmp_path, capsys):
  file = tmp_path / 'r.json'
  run(['bicubic'], data, protocol='y_float', json_path=file)
  (row,) = strict(file)['rows']
  assert row['psnr_y'] > 20
  assert (row['psnr_rgb'], row['ssim_rgb']) == (None, None)
  assert list(row) == [*ROW, 'note']
  assert 'RGB  ' not in capsys.readouterr().out.split('images')[1]


def test_given_lr(data):
  for stem, picture in (('a', A), ('b', B)):
    low = protocol.make_lr(picture, 4)
    workdirs.save(data / 'Mini' / 'low' / f'{stem}.png', low)
    workdirs.save(data / 'Mini' / 'small' / f'{stem}.png', low[1:])
  options = {'sets': ['Mini'], 'scale': 4, 'data': str(data)}
  made, given = (
    comparison.compare(['bicubic'], lr=lr, **options)[0]['rows'][0]
    for lr in (None, 'low')
  )
  assert made['psnr_y'] == given['psnr_y']
  with pytest.raises(UserError, match=r'LR of Mini/a has 14 x 11 .*expected 14 x 12'):
    run(['bicubic'], data, lr='small')


def test_a_trained_network(data, tmp_path):
  folder = workdirs.make(tmp_path / 'run')
  results, pictures = comparison.compare(
    ['bicubic', str(folder)], sets=['Grey'], scale=4, data=str(data), keep_pictures=True
  )
  assert [r['method'] for r in results['rows']] == ['bicubic', 'run']
  assert results['rows'][1]['note'] == 'srresnet, best checkpoint, step 1'
  assert list(pictures['Grey']['a']) == ['hr', 'lr', 'bicubic', 'run']
  assert pictures['Grey']['a']['run'].shape == (48, 56, 3)


def test_the_page(data, tmp_path):
  path = tmp_path / 'new' / 'page.html'
  kept = path.with_name('page_pictures') / 'mine.txt'
  kept.parent.mkdir(parents=True)
  kept.write_text('not of this program')
  for limit in (2, 1):  # Again, over the first.
    run(['nearest', 'bicubic'], data, html_path=path, limit=limit)
  text = path.read_text(encoding='utf-8')
  assert text.startswith('<!')
  assert 'Mini ×4' in text
  # The full pictures lie where the page looks for them.
  assert 'page_pictures/Mini/a/bicubic.png' in text
  got = sets.read(path.parent / 'page_pictures' / 'Mini' / 'a' / 'bicubic.png')
  np.testing.assert_array_equal(got, bicubic(A))
  assert kept.exists()
  names = sorted(p.name for p in path.parent.iterdir())
  assert names == ['page.html', 'page_pictures']


def test_a_page_that_fails_leaves_the_old_one(data, tmp_path, monkeypatch):
  path = tmp_path / 'new' / 'page.html'
  run(['nearest'], data, html_path=path)
  before = {p: p.read_bytes() for p in path.parent.rglob('*') if p.is_file()}

  def full(*_, **__):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(page, 'comparison_page', full)
  with pytest.raises(UserError, match=r'cannot write .*page\.html: No space left'):
    run(['bicubic'], data, html_path=path)
  assert before == {p: p.read_bytes() for p in path.parent.rglob('*') if p.is_file()}


def test_the_page_comes_after_its_pictures(data, tmp_path, monkeypatch):
  path = tmp_path / 'new' / 'page.html'
  replace, moved = pathlib.Path.replace, []

  def until_full(self, target):
    # Made beside the page: a rename from another disk would be no rename.
    assert path.parent in self.parents
    if len(moved) == 2:
      raise OSError(28, 'No space left on device')
    moved.append(target)
    return replace(self, target)

  monkeypatch.setattr(pathlib.Path, 'replace', until_full)
  with pytest.raises(UserError, match='No space left'):
    run(['bicubic'], data, html_path=path)
  assert [p.suffix for p in moved] == ['.png', '.png']
  assert [p.name for p in path.parent.iterdir()] == ['page_pictures']


def test_the_gate_comes_first(data, tmp_path, capsys, monkeypatch):
  """It refuses the second set before the first is measured."""
  wrong = {'rgb8': {'Mini': {'4': {'other': [30.0, 0.9]}}}}
  monkeypatch.setattr(gate, 'reference', lambda: wrong)
  monkeypatch.setattr(benchmark, 'measure', lambda *_, **__: pytest.fail('measured'))
  with pytest.raises(UserError, match='is not the standard set'):
    run(
      ['bicubic'],
      data,
      sets=['Grey', 'Mini'],
      json_path=tmp_path / 'out' / 'r.json',
      html_path=tmp_path / 'out' / 'r.html',
    )
  assert capsys.readouterr().out == ''
  assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('option', ['json_path', 'html_path'])
def test_unwritable_files_are_found_out_first(data, tmp_path, option, monkeypatch):
  monkeypatch.setattr(comparison, 'compare', lambda *_, **__: pytest.fail('measured'))
  (tmp_path / 'file').write_text('')
  for path, message in (
    (tmp_path / 'file' / 'x', 'cannot write into the folder'),
    (tmp_path / 'file' / 'deeper' / 'x', 'cannot write into the folder'),
    (tmp_path, 'it is a folder'),
  ):
    with pytest.raises(UserError, match=message):
      run(['bicubic'], data, **{option: path})


@pytest.mark.parametrize(
  ('specs', 'options', 'message'),
  [
    (['bicubic', 'bicubic'], {}, "two methods are called 'bicubic'"),
    (['x=bicubic', 'x=nearest'], {}, "two methods are called 'x'"),
    (['hr=bicubic'], {'html_path': 'x'}, "no method can be called 'hr'"),
    (['bicubic'], {'protocol': 'rgb'}, "did you mean 'rgb8'"),
    (['bicubic'], {'scale': 100}, 'too few for scale 100'),
    (['bicubic'], {'scale': 20}, 'too small'),
    (['bicubic'], {'sets': ['Mimi']}, "did you mean 'Mini'"),
    (['bicubc'], {}, 'no method or folder'),
  ],
)
def test_mistakes(data, tmp_path, monkeypatch, capsys, specs, options, message):
  monkeypatch.chdir(tmp_path)
  before = sorted(tmp_path.rglob('*'))
  if 'html_path' in options:
    options = {'html_path': tmp_path / options['html_path']}
  with pytest.raises(UserError, match=message):
    run(specs, data, **options)
  assert sorted(tmp_path.rglob('*')) == before
  assert capsys.readouterr().out == ''


def test_a_factor_that_a_network_lacks_is_told_first(data, tmp_path, monkeypatch):
  folder = workdirs.make(tmp_path / 'run')
  monkeypatch.setattr(benchmark, 'measure', lambda *_, **__: pytest.fail('measured'))
  with pytest.raises(UserError, match='run enlarges 4 times'):
    run(['bicubic', str(folder)], data, scale=2)
