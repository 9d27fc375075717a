"""The page: sound HTML, nothing from outside, right crops, odd names, grey pictures."""

import base64
import html.parser
import io
import math
import re
import urllib.parse

import numpy as np
import pytest
from PIL import Image

from jsr.evaluate import crops, page, plots

VOID = {'meta', 'img', 'input', 'br', 'link', 'hr'}


class Reader(html.parser.HTMLParser):
  """Fails on tags that do not match; collects tags and visible text."""

  def __init__(self):
    super().__init__()
    self.open, self.tags, self.text = [], [], []

  def handle_starttag(self, tag, attrs):
    self.tags.append((tag, dict(attrs)))
    if tag not in VOID:
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    self.tags.append((tag, dict(attrs)))

  def handle_endtag(self, tag):
    assert self.open, f'</{tag}> closes nothing'
    assert self.open.pop() == tag

  def handle_data(self, data):
    if self.open and self.open[-1] not in {'style', 'script'}:
      self.text.append(data.strip())

  def all(self, name, **attrs):
    return [a for t, a in self.tags if t == name and attrs.items() <= a.items()]


def read(text):
  reader = Reader()
  reader.feed(text)
  reader.close()
  assert not reader.open
  return reader


def scene(seed=0, *, size=(48, 64), scale=4, channels=3, methods=('bicubic', 'edsr')):
  """An original of noise patches, its small picture and stand-ins for methods."""
  rng = np.random.default_rng(seed)
  h, w = size
  low = rng.integers(0, 256, (h // scale, w // scale, channels), np.uint8)
  hr = np.kron(low, np.ones((scale, scale, 1), np.uint8))
  hr = np.clip(hr.astype(int) + rng.integers(-20, 20, hr.shape), 0, 255).astype(
    np.uint8
  )
  found = {'hr': hr, 'lr': low}
  for i, method in enumerate(methods):
    found[method] = np.clip(hr.astype(int) + 5 * i + 3, 0, 255).astype(np.uint8)
  return found


def results(values, *, dataset='Set5', scale=4):
  """One row a method from {method: {image: PSNR}}."""
  return {
    'rows': [
      {
        'method': method,
        'set': dataset,
        'scale': scale,
        'n': len(images),
        'psnr_y': float(np.mean(list(images.values()))),
        'ssim_y': 0.8,
        'psnr_rgb': None,
        'ssim_rgb': None,
        'seconds_per_image': 0.01,
        'per_image': {
          image: {'psnr_y': x, 'ssim_y': 0.8, 'psnr_rgb': None, 'ssim_rgb': None}
          for image, x in images.items()
        },
        'note': '',
      }
      for method, images in values.items()
    ],
    'protocol': {'name': 'rgb8', 'description': 'Eight bits.', 'ssim': 'Wang 2004'},
    'versions': {'jsr': '0.1.0'},
    'machine': 'CPU',
    'date': '2025-01-01',
  }


TWO = results({'bicubic': {'a': 28.0, 'b': 27.0}, 'edsr': {'a': 31.0, 'b': math.inf}})
PICTURES = {'Set5': {'a': scene(0), 'b': scene(1)}}


@pytest.fixture(scope='module')
def text():
  section = page.Section(
    'Training',
    text=['Six steps.'],
    plots=[plots.curves([{'step': 0, 'x': 1}, {'step': 1, 'x': 2}], 'x', title='t')],
    facts={'learning_rate': 2e-4},
    code='jsr train & more',
  )
  return page.comparison_page(
    TWO,
    PICTURES,
    title='Set5, twice',
    intro=['Hello.'],
    sections=[section],
    crop_size=16,
    pictures_dir='full',
  )


@pytest.fixture(scope='module')
def reader(text):
  return read(text)


def test_is_complete_html(text, reader):
  assert text.startswith('<!doctype html>')
  assert reader.all('html', lang='en')
  for words in ('Set5, twice', 'Hello.', 'Six steps.', 'learning_rate', '0.0002'):
    assert words in reader.text
  for words in ('rgb8', 'Eight bits.', 'Wang 2004', 'jsr train & more', 'jsr 0.1.0'):
    assert words in reader.text
  ids = [a['id'] for _, a in reader.tags if 'id' in a]
  assert len(ids) == len(set(ids))


def test_asks_nothing_of_the_network(text, reader):
  for _, attrs in reader.tags:
    for name in ('src', 'href', 'data', 'action', 'srcset', 'poster'):
      assert not re.match(r'\s*(https?:)?//', attrs.get(name) or '')
  assert not re.search(r'@import|url\(\s*[\'"]?(?!#)', text)
  assert set(re.findall(r'https?://[^\s"<]*', text)) == {'http://www.w3.org/2000/svg'}
  assert not [a for a in reader.all('script') if 'src' in a]


def test_can_be_read_without_eyes_and_mouse(text, reader):
  images = reader.all('img')
  assert len(images) > 10
  assert all('alt' in a for a in images)
  assert {a['scope'] for a in reader.all('th')} == {'col', 'row'}
  assert all(a.get('aria-label') for a in reader.all('svg'))
  assert "event.key === 'Enter'" in text


def test_infinity_is_shown(reader):
  assert '∞ dB' in reader.text
  assert '31.00 dB' in reader.text


def windows(reader):
  """Yields (image, {label: pixels}) for each row of windows."""
  tags = iter(reader.tags)
  name, found = '', {}
  for tag, attrs in tags:
    if attrs.get('class') == 'crop':
      name, found = attrs['aria-label'].split(',')[0], {}
    if tag == 'figure':
      found[attrs['data-label']] = decode(next(tags)[1]['src'])
      if attrs['data-label'] == 'original':
        yield name, found


def test_crops_are_exact_pixels(reader):
  """Each embedded window equals the pixels of its picture, at one place for all."""
  rows = list(windows(reader))
  assert [name for name, _ in rows] == ['a', 'a', 'b', 'b']
  for name, found in rows:
    pictures = PICTURES['Set5'][name]
    boxes = [crops.Box(x, y, 16, 16) for y in range(0, 48, 4) for x in range(0, 64, 4)]
    (box,) = (
      b for b in boxes if np.array_equal(b.cut(pictures['hr']), found['original'])
    )
    for method in ('bicubic', 'edsr'):
      np.testing.assert_array_equal(found[method], box.cut(pictures[method]))
    np.testing.assert_array_equal(found['input'], box.cut(pictures['lr'], 4))


def decode(address):
  data = base64.b64decode(address.split(',', 1)[1])
  return np.asarray(Image.open(io.BytesIO(data)).convert('RGB'))


def test_the_input_is_not_shown_twice():
  pictures = scene()
  nearest = np.kron(pictures['lr'], np.ones((4, 4, 1), np.uint8))
  found = page.comparison_page(
    results({'nearest': {'a': 20.0}}),
    {'Set5': {'a': {**pictures, 'nearest': nearest}}},
    title='t',
    crop_size=16,
  )
  labels = {a['data-label'] for a in read(found).all('figure')}
  assert labels == {'nearest', 'bicubic', 'edsr', 'original'}


@pytest.mark.parametrize(
  ('methods', 'zoom', 'columns'), [(3, 3, 5), (4, 2, 6), (6, 3, 4), (9, 3, 4)]
)
def test_rows_of_windows_are_even(methods, zoom, columns):
  names = [f'm{i}' for i in range(methods)]
  pictures = {'Set5': {'a': scene(methods=names)}}
  values = results({name: {'a': 30.0} for name in names})
  found = page.comparison_page(values, pictures, title='t', crop_size=16)
  assert f'--zoom: {zoom}; --columns: {columns}"' in found


def test_odd_names_are_escaped(tmp_path):
  odd = '<b>"x"&\'</b>'
  pictures = {odd: {odd: scene(methods=('bicubic', odd, '../up'))}}
  values = {'bicubic': {odd: 28.0, 'z': 2.0}, odd: {odd: 31.0, 'z': 2.0}}
  measured = results(values, dataset=odd)
  measured['rows'][0]['note'] = measured['protocol']['description'] = odd
  section = page.Section(odd, text=[odd], facts={odd: odd}, code=odd)
  path = tmp_path / 'out' / 'x.html'
  page.write_page(path, measured, pictures, title=odd, sections=[section], crop_size=16)
  text = path.read_text(encoding='utf-8')
  reader = read(text)
  assert '<b>"' not in text
  assert reader.text.count(odd) >= 8
  links = [a['href'] for a in reader.all('a')]
  assert len(links) == 5
  files = {path.parent / urllib.parse.unquote(link) for link in links}
  assert files == set((tmp_path / 'out' / 'x_pictures').rglob('*.png'))
  assert len(files) == 5


def test_full_pictures_are_the_pictures(tmp_path):
  grey = scene(channels=1)
  page.save_pictures({'Set5': {'a': grey, 'b': scene()}}, tmp_path)
  saved = np.asarray(Image.open(tmp_path / 'Set5' / 'a' / 'hr.png'))
  np.testing.assert_array_equal(saved, grey['hr'][..., 0])
  assert (tmp_path / 'Set5' / 'b' / 'edsr.png').exists()


def test_grey_pictures():
  values = {'bicubic': {'a': 28.0}, 'edsr': {'a': 31.0}}
  pictures = {'Set5': {'a': scene(channels=1)}}
  reader = read(
    page.comparison_page(results(values), pictures, title='t', crop_size=16)
  )
  assert len(reader.all('figure')) == 8


def test_same_page_for_same_input(text):
  again = page.comparison_page(TWO, PICTURES, title='t', crop_size=16)
  assert again == page.comparison_page(TWO, PICTURES, title='t', crop_size=16)
  assert again != text


def test_pages_without_pictures_or_results():
  assert 'Results' in read(page.comparison_page(TWO, {}, title='t')).text
  empty = page.comparison_page(results({}), {}, title='t', intro=['Only words.'])
  assert 'Only words.' in read(empty).text


def test_each_scale_shows_its_own_pictures():
  both = results({'edsr': {'a': 31.0}})
  both['rows'] += results({'edsr': {'a': 35.0}}, scale=2)['rows']
  pictures = {'Set5': {'a': scene(scale=2, methods=('edsr',))}}
  reader = read(page.comparison_page(both, pictures, title='t', crop_size=16))
  assert 'Set5 ×2, side by side' in reader.text
  assert 'Set5 ×4, side by side' not in reader.text
  assert '35.00 dB' in reader.text
  assert '31.00 dB' not in reader.text


def test_bad_pictures_are_refused():
  good = scene()
  values = results({'edsr': {'a': 31.0}})
  for bad in (
    {**good, 'edsr': good['edsr'][:-1]},
    {**good, 'edsr': good['edsr'] / 255},
    {**good, 'edsr': good['edsr'][..., 0]},
    {**good, 'lr': good['lr'][:, :8]},
  ):
    with pytest.raises(ValueError, match=r'edsr of a|no whole scale'):
      page.comparison_page(values, {'Set5': {'a': bad}}, title='t')
  with pytest.raises(ValueError, match='Set14'):
    page.comparison_page(values, {'Set14': {'a': good}}, title='t')


@pytest.mark.parametrize(
  ('shape', 'size', 'align'),
  [((48, 64), 16, 4), ((50, 67), 16, 3), ((20, 90), 32, 4), ((9, 9), 64, 4)],
)
def test_windows_lie_inside_and_apart(shape, size, align):
  rng = np.random.default_rng(0)
  pictures = {k: rng.integers(0, 256, (*shape, 3), np.uint8) for k in 'abc'}
  boxes = crops.pick(pictures, size=size, count=3, align=align)
  assert boxes == crops.pick(pictures, size=size, count=3, align=align)
  assert boxes
  cover = np.zeros(shape, int)
  for box in boxes:
    assert all(x % align == 0 for x in box)
    assert box.width > 0
    assert box.height > 0
    assert box.left + box.width <= shape[1]
    assert box.top + box.height <= shape[0]
    cover[box.top : box.top + box.height, box.left : box.left + box.width] += 1
  assert cover.max() == 1


def test_windows_lie_where_methods_differ():
  hr = np.full((64, 64, 3), 100, np.uint8)
  hr[:16, 32:48] = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
  other = hr.copy()
  other[40:48, 24:32] += 9
  assert crops.pick({'hr': hr, 'x': other}, size=8, count=1) == [
    crops.Box(24, 40, 8, 8)
  ]
  # Where all agree, the detail of the original decides.
  (box,) = crops.pick({'hr': hr, 'x': hr}, size=8, count=1)
  assert 24 < box.left < 48
  assert box.top < 16
