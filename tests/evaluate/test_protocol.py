"""The protocol against the published rows of bicubic."""

import csv

import numpy as np
import pytest

from jsr.errors import UserError
from jsr.evaluate import benchmark, gate, methods, protocol, sets
from jsr.ops import resize
from tests import images

BICUBIC = methods.Interpolation('bicubic', 'bicubic')
# What papers print for bicubic; PSNR and SSIM on Y.
ROWS = {
  ('rgb8', 'Set5'): {2: (33.673, 0.9303), 3: (30.403, 0.8689), 4: (28.429, 0.8111)},
  ('y_float', 'Set5'): {2: (33.661, 0.9299), 3: (30.392, 0.8682), 4: (28.421, 0.8104)},
  ('rgb8', 'Set14'): {4: (25.994, 0.7029)},
  ('y_float', 'Set14'): {4: (26.000, 0.7019)},
}


@pytest.mark.parametrize(('name', 'set_name'), ROWS)
def test_published_rows(shared, name, set_name):
  (pictures,) = sets.open_sets([set_name], data=str(shared / 'data'))
  with (shared / 'data' / 'reference' / 'bicubic.csv').open() as file:
    known = {
      (r['image'], int(r['scale'])): (float(r['psnr_y']), float(r['ssim_y']))
      for r in csv.DictReader(file)
      if r['set'] == set_name and r['protocol'] == name
    }
  for scale, (psnr, ssim) in ROWS[name, set_name].items():
    row = benchmark.measure(BICUBIC, pictures, scale, protocol.get(name))
    # Half a unit of the published digit, and 0.001 as the goal.
    assert row['psnr_y'] == pytest.approx(psnr, abs=6e-4)
    assert row['ssim_y'] == pytest.approx(ssim, abs=6e-5)
    assert (row['psnr_rgb'] is None) == (name == 'y_float')
    for stem, values in row['per_image'].items():
      want = known[stem, scale]
      assert values['psnr_y'] == pytest.approx(want[0], abs=1e-4), stem
      assert values['ssim_y'] == pytest.approx(want[1], abs=1e-5), stem


def test_bsd100_first_pictures(shared):
  (pictures,) = sets.open_sets(['BSD100'], data=str(shared / 'data'), limit=2)
  for name in ('rgb8', 'y_float', 'srgan'):
    assert gate.check(pictures, 4, protocol.get(name)) == 'published'
  assert gate.check(pictures, 4, protocol.get('report001')) == 'no reference'


def test_reference_means_are_the_published_ones():
  """The file in the package, all sets and scales, without the pictures."""
  published = {
    'rgb8': {
      'Set5': ((33.673, 0.9303), (30.403, 0.8689), (28.429, 0.8111)),
      'Set14': ((30.230, 0.8691), (27.537, 0.7745), (25.994, 0.7029)),
      'BSD100': ((29.560, 0.8434), (27.209, 0.7391), (25.961, 0.6681)),
    },
    'y_float': {
      'Set5': ((33.661, 0.9299), (30.392, 0.8682), (28.421, 0.8104)),
      'Set14': ((30.232, 0.8687), (27.541, 0.7736), (26.000, 0.7019)),
      'BSD100': ((29.558, 0.8431), (27.207, 0.7384), (25.961, 0.6674)),
    },
  }
  for name, by_set in published.items():
    for set_name, rows in by_set.items():
      for scale, want in zip((2, 3, 4), rows, strict=True):
        values = gate.reference()[name][set_name][str(scale)]
        assert len(values) == {'Set5': 5, 'Set14': 14, 'BSD100': 100}[set_name]
        psnr, ssim = np.mean(list(values.values()), axis=0)
        assert psnr == pytest.approx(want[0], abs=6e-4)
        assert ssim == pytest.approx(want[1], abs=6e-5)


def test_reference_means_of_two_papers():
  """Report 001's rows to every digit, and the SRGAN paper's SSIM as far as it goes."""
  for set_name, want in {
    'Set5': ('26.8905', '.7762', '.0031', '.6601'),
    'Set14': ('24.3709', '.6687', '.0040', '.6039'),
  }.items():
    values = gate.reference()['report001'][set_name]['4']
    means = np.mean(list(values.values()), axis=0)
    assert [f'{x:.4f}'.lstrip('0') for x in means] == list(want)
  # Paper: 28.43 / .8211, 25.99 / .7486, 25.94 / .6935.
  for set_name, n, psnr, daala in (
    ('Set5', 5, 28.418, '.820'),
    ('Set14', 14, 25.99, '.749'),
    ('BSD100', 100, 25.957, '.693'),
  ):
    values = gate.reference()['srgan'][set_name]['4']
    means = np.mean(list(values.values()), axis=0)
    assert len(values) == n
    assert means[0] == pytest.approx(psnr, abs=0.006)
    assert f'{means[1]:.3f}'.lstrip('0') == daala


@pytest.mark.parametrize('rule', ['srgan', 'report001'])
def test_two_papers_are_measured(shared, rule):
  """The smallest picture of Set5, through the gate, with LR made and LR given."""
  for lr in (None, 'LR_x4'):
    (opened,) = sets.open_sets(['Set5'], data=str(shared / 'data'), lr=lr)
    small = [p for p in opened.pictures if p.name == 'butterfly']
    only = sets.PictureSet('Set5', small, opened.origin)
    assert gate.check(only, 4, protocol.get(rule)) == 'published'


def test_the_lr_of_the_selfexsr_distribution(shared):
  """Bit for bit: MATLAB repeated the edge then."""
  for set_name, scale, limit in (('Set5', 4, 5), ('Set14', 3, 4), ('BSD100', 4, 2)):
    (opened,) = sets.open_sets(
      [set_name], data=str(shared / 'data'), lr=f'LR_x{scale}', limit=limit
    )
    for picture in opened.pictures:
      made = protocol.make_lr(picture.hr, scale, 'replicate')
      np.testing.assert_array_equal(made, picture.lr, err_msg=picture.name)


def test_lr_from_a_folder(shared):
  """SelfExSR's LR files, made by an older MATLAB: within 0.003 dB of MATLAB's today."""
  (pictures,) = sets.open_sets(['Set5'], data=str(shared / 'data'), lr='LR_x4')
  row = benchmark.measure(BICUBIC, pictures, 4, protocol.get('rgb8'))
  assert row['psnr_y'] == pytest.approx(28.429, abs=3e-3)
  assert row['psnr_y'] != pytest.approx(28.4290, abs=2e-4)  # Yet other files.
  assert gate.check(pictures, 4, protocol.get('rgb8')) == 'published'


def test_equal_pictures_are_infinite_and_written_as_null():
  picture = images.smooth(32, 40)
  got = protocol.score(picture, picture, 4, protocol.get('rgb8'))
  assert got['psnr_y'] == got['psnr_rgb'] == float('inf')
  assert got['ssim_y'] == pytest.approx(1)
  assert benchmark.to_json({'a': [got['psnr_y'], 1.5]}) == {'a': [None, 1.5]}


def test_grey_is_luma_already():
  grey = images.smooth(32, 40)[..., :1]
  noisy = np.clip(grey.astype(int) + np.arange(40)[:, None] % 7, 0, 255)
  got = protocol.score(noisy.astype(np.uint8), grey, 4, protocol.get('rgb8'))
  inside = (noisy - grey.astype(float))[4:-4, 4:-4]
  want = 10 * np.log10(255**2 / np.mean(inside**2))
  assert got['psnr_y'] == pytest.approx(want, abs=1e-9)
  # A colour method's grey answer is the same answer.
  colour = np.repeat(noisy.astype(np.uint8), 3, axis=-1)
  again = protocol.score(colour, grey, 4, protocol.get('rgb8'))
  assert again['psnr_y'] == pytest.approx(want, abs=1e-6)


def test_the_daala_tool_sees_video():
  """A grey picture gets there what the same picture as RGB gets."""
  grey = images.smooth(32, 40)[..., :1]
  noisy = np.clip(grey.astype(int) + np.arange(40)[:, None] % 7, 0, 255)
  noisy = noisy.astype(np.uint8)
  rule = protocol.get('srgan')
  one = protocol.score(noisy, grey, 4, rule)
  three = protocol.score(noisy.repeat(3, -1), grey.repeat(3, -1), 4, rule)
  assert one['ssim_daala'] == pytest.approx(three['ssim_daala'], abs=1e-9)
  assert abs(one['ssim_y'] - three['ssim_y']) > 5e-5


def test_sizes_that_do_not_fit():
  rule = protocol.get('rgb8')
  with pytest.raises(UserError, match='cannot be measured against'):
    protocol.score(images.smooth(32, 40), images.smooth(32, 36), 4, rule)
  with pytest.raises(UserError, match='too small'):
    protocol.score(images.smooth(16, 40), images.smooth(16, 40), 4, rule)
  with pytest.raises(UserError, match="did you mean 'rgb8'"):
    protocol.get('rgb')


def test_float_path_rounds_only_at_the_end():
  hr = images.smooth(24, 32)
  lr = protocol.shrink_float(protocol.luma_uint8(hr), 4)
  want = resize.matrix(24, 6, 0.25) @ protocol.luma_uint8(hr)[..., 0]
  want = want @ resize.matrix(32, 8, 0.25).T
  np.testing.assert_allclose(lr[..., 0], want, atol=1e-10)
  assert np.abs(lr - np.round(lr)).max() > 0.1
