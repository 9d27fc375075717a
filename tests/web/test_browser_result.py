"""The page of a result in a browser: the stage, methods, trust, strength, numbers."""

import re

import numpy as np
import pytest

from tests.web import pictures, sites, visits

_PLACES = """() => [...document.querySelectorAll('.layer img[src]')]
  .filter((image) => image.checkVisibility())
  .map((image) => {
    const {x, y, width, height} = image.getBoundingClientRect();
    return [x, y, width, height, image.style.transform];
  })"""


def noise(width=48, height=32):
  """A picture of which no two methods make the same."""
  return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def places(page):
  """Where the images of all layers lie; the same place, or the test fails."""
  found = page.evaluate(_PLACES)
  assert len(found) >= 2
  assert all(place == found[0] for place in found), found
  return found[0]


def seen(page):
  """The part of the stage where the picture is, at 1:1."""
  x, y, width, height, _ = places(page)
  box = page.locator('#stage').bounding_box()
  shot = visits.screen(page.locator('#stage'))
  left, top = round(x - box['x']), round(y - box['y'])
  return shot[top : top + round(height), left : left + round(width)]


def at_one(page):
  """Zooms to a pixel of the screen for each of the picture."""
  page.get_by_role('button', name='1:1').click()
  sites.until(lambda: page.locator('#zoom').inner_text() == '100 %')


def test_before_and_after(page):
  """Left of the divider is one picture, right of it the other, pixel by pixel."""
  data = noise()
  job = visits.opened(page, visits.png(data))
  visits.shown(page, 'method:bicubic', 'job:')
  after = visits.pixels(page, job['view_url'])
  page.locator('#left').select_option('nearest')
  visits.shown(page, 'nearest')
  before = data.repeat(4, 0).repeat(4, 1).astype(int)
  at_one(page)
  assert abs(before - after).mean() > 5

  def check(split):
    shot, at = seen(page), round(split)
    assert (shot[:, : at - 24] == before[:, : max(0, at - 24)]).all()
    assert (shot[:, at + 24 :] == after[:, at + 24 :]).all()

  check(192 / 2)
  # By the keyboard, and by dragging the divider.
  split = page.locator('#split')
  split.focus()
  for _ in range(5):
    split.press('ArrowRight')
  assert float(split.input_value()) == pytest.approx(50.5)
  x, y, *_ = places(page)
  box = page.locator('#divider').bounding_box()
  page.mouse.move(box['x'] + 22, y + 4)
  page.mouse.down()
  page.mouse.move(x + 40, y + 4, steps=3)
  page.mouse.up()
  assert places(page)[:2] == [x, y]  # The divider moved, not the pictures.
  check(40)
  split.press('Home')
  assert (seen(page)[:, 24:] == after[:, 24:]).all()


def test_zoom_and_move_together(page):
  """Wheel, buttons, keys, dragging: both sides stay over each other."""
  visits.opened(page, visits.png(noise()), scale='2')
  stage = page.locator('#stage')
  fitted = places(page)
  box = stage.bounding_box()
  assert fitted[2] == pytest.approx(box['width']) or fitted[3] == pytest.approx(
    box['height']
  )
  at_one(page)
  assert places(page)[2:4] == [96, 64]
  # The point under the pointer stays there.
  x, y, width, *_ = places(page)
  page.mouse.move(x + 24, y + 16)
  page.mouse.wheel(0, -400)
  sites.until(lambda: places(page)[2] > width)
  x, y, width, *_ = places(page)
  assert width == pytest.approx(96 * np.e, rel=0.01)
  stage.focus()
  page.keyboard.press('ArrowRight')
  assert places(page)[0] == pytest.approx(x - 40, abs=1)
  page.mouse.down()
  page.mouse.move(box['x'] + 200, box['y'] + 100, steps=4)
  page.mouse.up()
  assert places(page)[1] != y
  for name, factor in (('Zoom in', 1.5), ('Zoom out', 1 / 1.5)):
    width = places(page)[2]
    page.get_by_role('button', name=name).click()
    assert places(page)[2] == pytest.approx(width * factor, rel=1e-3)
  page.keyboard.press('Tab')
  stage.press('0')
  assert places(page)[2:] == fitted[2:]


def test_zoom_to_the_pixel(page):
  """At 32 screen pixels a pixel each is a square of one colour."""
  job = visits.opened(page, visits.png(noise(24, 16)), scale='2')
  page.locator('#split').press('Home')
  at_one(page)
  stage = page.locator('#stage')
  stage.focus()
  for _ in range(20):
    stage.press('+')
  assert page.locator('#zoom').inner_text() == '3200 %'
  x, y, *_ = places(page)
  box = stage.bounding_box()
  left, top = round(x - box['x']), round(y - box['y'])
  want = visits.pixels(page, job['view_url']).repeat(32, 0).repeat(32, 1)
  # Without what lies over the picture: divider and caption.
  rows, columns = slice(40, 500), slice(60, 1000)
  shot = visits.screen(stage)[rows, columns]
  assert (shot == want[40 - top : 500 - top, 60 - left : 1000 - left]).all()


def test_pinch(browser, server):
  """Two fingers zoom; one on the whole picture moves the page, or the divider."""
  with sites.opened(browser, server.url, has_touch=True) as page:
    visits.opened(page, visits.png(noise()), scale='2')
    width = places(page)[2]
    page.locator('#stage').evaluate(
      """(stage) => {
        const {x, y} = stage.getBoundingClientRect();
        const at = (dx) => ({clientX: x + dx, clientY: y + 90, bubbles: true});
        const touch = (type, pointerId, dx) =>
          stage.dispatchEvent(new PointerEvent(type, {pointerId, ...at(dx)}));
        stage.setPointerCapture = () => {};
        touch('pointerdown', 1, 100); touch('pointerdown', 2, 200);
        touch('pointermove', 2, 300);
        touch('pointerup', 1, 100); touch('pointerup', 2, 300);
      }"""
    )
    assert places(page)[2] == pytest.approx(2 * width)
    assert not page.locator('#stage.fitted').count()
    page.get_by_role('button', name='Fit').click()
    touch = page.locator('#stage').evaluate('(s) => getComputedStyle(s).touchAction')
    assert touch == 'pan-y'


def test_methods(page):
  """Each can be put on each side, and is what it is called."""
  from jsr.upscale.upscaler import Options, Upscaler

  data = noise(24, 16)
  job = visits.opened(page, visits.png(data))
  values = page.locator('#right option').evaluate_all(
    '(all) => all.map((o) => o.value)'
  )
  assert {'nearest', 'method:bicubic', 'method:compact', 'method:srcnn'} <= set(values)
  assert 'method:espcn' not in values  # It is this result.
  found = {}
  for value in values:
    page.locator('#right').select_option(value)
    visits.shown(page, '', value)
    image = page.locator('#layer-right img').first
    array = visits.pixels(page, image.get_attribute('src'))
    found[value] = array
    assert page.locator('#caption-right').inner_text() == image.get_attribute('alt')
  assert (found['nearest'] == data).all()  # Enlarged by the browser.
  del found['nearest']
  assert {array.shape for array in found.values()} == {(64, 96, 3)}
  names = sorted(found)
  for i, name in enumerate(names):
    for other in names[:i]:
      assert (found[name] != found[other]).any(), (name, other)
  for name in ('bicubic', 'bilinear'):
    want = Upscaler(name, Options(scale=4.0)).upscale(data)
    assert (found[f'method:{name}'] == want).all()
  # Those made to compare are not in the history, and the left side can have them too.
  assert [each['id'] for each in visits.jobs(page)] == [job['id']]
  page.locator('#left').select_option('method:srcnn')
  visits.shown(page, 'method:srcnn')
  # The download is of what lies on the right.
  page.locator('#right').select_option('method:bicubic')
  visits.shown(page, '', 'method:bicubic')
  assert page.locator('#download-what').inner_text() == 'Bicubic'


@pytest.fixture
def compact(page):
  """The page of a result of the network that has a partner."""
  visits.opened(page, pictures.encoded(), model='compact', consistent='1')
  return page


def test_trust_map(compact):
  """It lies over the picture, where it belongs, and goes away again."""
  plain = visits.screen(compact.locator('#stage'))
  button = compact.get_by_role('button', name='Trust map')
  button.click()
  layer = compact.locator('#layer-trust img')
  layer.wait_for(state='visible')
  visits.shown(compact)
  places(compact)
  assert button.get_attribute('aria-pressed') == 'true'
  token = layer.get_attribute('src').split('/')[-2]
  job = visits.job(compact, token)
  assert (job['kind'], job['width'], job['height']) == ('trust', 96, 64)
  trusted = visits.screen(compact.locator('#stage'))
  # What is invented shows bright on a dark grey.
  heat = visits.pixels(compact, job['view_url'])
  assert heat.max() > 60
  assert trusted[60:-60, 60:-200].mean() < plain[60:-60, 60:-200].mean()
  assert compact.get_by_text('Bright places').is_visible()
  button.click()
  layer.wait_for(state='hidden')
  after = visits.screen(compact.locator('#stage'))
  assert (abs(after - plain) > 24).mean() < 0.01
  assert (abs(trusted - plain) > 24).mean() > 0.2


def test_live_strength(compact):
  """The slider mixes at once; the network mixed like this is made when asked for."""
  page = compact
  make = page.get_by_role('button', name='Make it with this strength')
  assert make.is_hidden()
  page.get_by_role('slider', name='Invented texture').fill('0.5')
  page.locator('#layer-right img.mixed').wait_for(state='visible')
  visits.shown(page)
  places(page)
  ends = page.locator('#layer-right img').evaluate_all('(all) => all.map((i) => i.src)')
  jobs = [visits.job(page, url.split('/')[-2]) for url in ends]
  assert [job['strength'] for job in jobs] == [0, 1]
  page.locator('#split').press('Home')
  at_one(page)
  a, b = (visits.pixels(page, url) for url in ends)
  assert (a != b).any()
  shot = seen(page)[4:40, 24:70]
  assert abs(shot - ((a + b) / 2)[4:40, 24:70]).max() <= 1
  caption = page.locator('#caption-right')
  assert caption.inner_text() == 'Preview of strength 0.5'
  make.click()
  page.locator('#stage[data-right*="|0.5|"]').wait_for()
  # The ends of the preview are in no list: nobody asked for them.
  names = page.locator('#right option').all_inner_texts()
  assert [name for name in names if 'strength' in name] == [
    'Compact, strength 0.5, consistent'
  ]
  visits.shown(page)
  # With the options of the result that it was made from.
  assert caption.inner_text() == 'Compact, strength 0.5, consistent'
  assert page.locator('#download-what').inner_text() == caption.inner_text()
  assert make.is_hidden()
  assert not page.locator('#layer-right img.mixed').is_visible()
  url = page.locator('#layer-right img').first.get_attribute('src')
  assert visits.job(page, url.split('/')[-2])['strength'] == 0.5
  assert (seen(page)[4:40, 24:70] == visits.pixels(page, url)[4:40, 24:70]).all()
  # Another method on the right ends a preview.
  page.get_by_role('slider', name='Invented texture').fill('0.7')
  page.locator('#layer-right img.mixed').wait_for(state='visible')
  page.locator('#right').select_option('method:bicubic')
  page.locator('#layer-right img.mixed').wait_for(state='hidden')
  assert caption.inner_text() == 'Bicubic'


def test_metrics(page):
  """The numbers are those of the protocol, on the same pictures."""
  from jsr.evaluate import protocol

  truth = pictures.array(96, 64)
  job = visits.opened(page, visits.png(truth[2::4, 2::4]))
  field, said = page.locator('#original input'), page.locator('#measure-said')
  press = page.get_by_role('button', name='Measure against it').click
  field.set_input_files(visits.files(('none.png', b'')))
  press()
  assert said.inner_text() == 'The file is empty.'
  field.set_input_files(visits.files(('text.png', b'no picture')))
  press()
  sites.until(lambda: 'This is no picture' in said.inner_text())
  page.complaints.clear()  # The answer is 415.
  field.set_input_files(visits.files(('truth.png', visits.png(truth))))
  press()
  rows = page.locator('#metrics tbody tr')
  sites.until(lambda: rows.count() == 2)
  page.locator('#right').select_option('method:srcnn')
  sites.until(lambda: rows.count() == 3)
  assert said.inner_text() == ''
  urls = {'ESPCN': job['view_url']}
  for side, name in (('left', 'Bicubic'), ('right', 'SRCNN')):
    urls[name] = page.locator(f'#layer-{side} img').first.get_attribute('src')
  for text in rows.all_inner_texts():
    name, *numbers = re.split(r'\s*\t\s*', text)
    result = visits.pixels(page, urls[name]).astype(np.uint8)
    want = protocol.score(result, truth, 4, protocol.get('rgb8'))
    keys = ('psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb')
    assert numbers == [
      f'{want[key]:.{2 if key.startswith("psnr") else 4}f}' for key in keys
    ]
