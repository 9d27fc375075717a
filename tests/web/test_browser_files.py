"""Results leaving the site in a browser: downloads, the history, deleting, expiry."""

import io
import pathlib
import re

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.web import pictures, sites, visits


def photograph():
  """A JPEG with EXIF and a colour profile."""
  exif = Image.Exif()
  exif[0x010F] = 'A camera'
  profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
  return pictures.encoded('JPEG', exif=exif.tobytes(), icc_profile=profile)


def download(page, press):
  """Returns the name and the Pillow image of what a press downloads."""
  with page.expect_download() as found:
    press()
  data = pathlib.Path(found.value.path()).read_bytes()
  return found.value.suggested_filename, len(data), Image.open(io.BytesIO(data))


def test_download_formats(page):
  """Each format decodes, has its size, and keeps EXIF and the profile."""
  job = visits.opened(page, photograph(), name='holiday.jpg')
  want = visits.pixels(page, job['view_url'])
  form = page.locator('#download')
  press = form.get_by_role('button', name='Download').click
  quality = page.locator('#quality')
  sizes = {}
  for name, suffix in (
    ('png', 'png'),
    ('jpeg', 'jpg'),
    ('webp', 'webp'),
    ('tiff', 'tif'),
    ('avif', 'avif'),
  ):
    form.locator('select').select_option(name)
    assert quality.is_visible() == (name in ('jpeg', 'webp', 'avif'))
    filename, sizes[name], image = download(page, press)
    assert filename == f'holiday-espcn-x4.{suffix}'
    assert (image.format.lower(), image.size) == (name, (96, 64))
    assert image.getexif()[0x010F] == 'A camera'
    assert 'sRGB' in ImageCms.getProfileDescription(
      ImageCms.ImageCmsProfile(io.BytesIO(image.info['icc_profile']))
    )
    difference = abs(np.asarray(image.convert('RGB')).astype(int) - want)
    assert difference.mean() < (0.01 if name in ('png', 'tiff') else 8)
  form.locator('select').select_option('jpeg')
  quality.fill('10')
  assert download(page, press)[1] < sizes['jpeg']
  # From the list too, without loss.
  page.goto('/pictures/')
  _, _, image = download(page, page.get_by_role('link', name='Download').click)
  assert (np.asarray(image.convert('RGB')) == want).all()


def test_upload_again(page):
  """From the result to another upload."""
  visits.opened(page)
  page.get_by_role('link', name='Upscale another picture').click()
  page.wait_for_url('**/upscale/')
  visits.choose(page, ('next.png', pictures.encoded()))
  page.locator('#model').select_option('espcn')
  visits.send(page)
  found = sites.until(lambda: len(visits.jobs(page)) == 2 and visits.jobs(page))
  assert {job['upload']['name'] for job in found} >= {'next.png'}


def test_history_and_delete(browser, server):
  """One's own only, the newest first; what is deleted is gone for everybody."""
  allow = [r'status of 404']
  with sites.opened(browser, server.url, allow=allow) as page:
    first, second = (visits.made(page, name=f'{n}.png') for n in ('one', 'two'))
    page.goto('/pictures/')
    names = page.locator('.job .name')
    assert names.all_inner_texts() == ['two.png', 'one.png']
    assert visits.picture(page, page.locator('.thumb img').first.get_attribute('src'))
    with sites.opened(browser, server.url, allow=allow) as other:
      other.goto('/pictures/')
      assert other.locator('.job').count() == 0
      assert other.get_by_text('There is nothing yet.').is_visible()
      # By its link a picture is open to all, and does not become theirs.
      other.goto(second['url'])
      visits.shown(other)
      other.goto('/pictures/')
      assert other.locator('.job').count() == 0
      press = page.get_by_role('button', name='Delete two.png').click
      page.once('dialog', lambda dialog: dialog.dismiss())
      press()
      assert names.count() == 2
      page.once('dialog', lambda dialog: dialog.accept())
      press()
      sites.until(lambda: names.all_inner_texts() == ['one.png'])
      assert page.locator('#said').inner_text() == 'two.png is deleted.'
      assert page.evaluate('document.activeElement.textContent') == 'one.png'
      assert other.goto(second['url']).status == 404
      assert 'Sorry' in other.locator('h1').inner_text()
    for url in (second['result_url'], f'/uploads/{second["upload"]["id"]}/view'):
      assert page.request.get(url).status == 404
    # The other one, on its own page.
    page.goto(first['url'])
    visits.shown(page)
    page.once('dialog', lambda dialog: dialog.accept())
    page.get_by_role('button', name='Delete').click()
    page.wait_for_url('**/pictures/')
    assert page.get_by_text('There is nothing yet.').is_visible()
    assert visits.jobs(page) == []


def test_expiry(browser, server):
  """It is told beforehand, and a page that stays open says so when it happens."""
  with sites.opened(browser, server.url, allow=[r'status of 404']) as page:
    job = visits.opened(page)
    assert 'deleted after 24 hours' in page.locator('footer').inner_text()
    visits.expire(server, job['upload']['id'])
    before = page.locator('#right').input_value()
    page.locator('#right').select_option('method:srcnn')
    making = page.locator('#making')
    sites.until(lambda: 'it may have been deleted' in making.inner_text())
    # What could not be made is not what is chosen.
    assert page.locator('#right').input_value() == before
    for url in (job['result_url'], job['view_url'], f'/api/jobs/{job["id"]}'):
      assert page.request.get(url).status == 404
    assert page.reload().status == 404
    page.goto('/pictures/')
    assert page.locator('.job').count() == 0


def alpha():
  """A PNG, the left half of which is transparent."""
  pixels = np.full((24, 32, 4), (200, 0, 0, 255), np.uint8)
  pixels[:, :16, 3] = 0
  return _encoded(Image.fromarray(pixels), 'PNG')


def deep():
  """A grey PNG of 16 bits."""
  ramp = np.linspace(0, 65535, 32 * 24).reshape(24, 32).astype(np.uint16)
  return _encoded(Image.fromarray(ramp), 'PNG')


def cmyk():
  """A JPEG for printers."""
  return _encoded(Image.fromarray(pictures.array(32, 24)).convert('CMYK'), 'JPEG')


def tiff():
  """A format that browsers do not show."""
  return pictures.encoded('TIFF', 32, 24)


def gif():
  """An animation."""
  frames = [Image.fromarray(pictures.array(32, 24, seed=i)) for i in range(3)]
  return _encoded(frames[0], 'GIF', save_all=True, append_images=frames[1:])


def _encoded(image, format, **options):
  stream = io.BytesIO()
  image.save(stream, format, **options)
  return stream.getvalue()


@pytest.mark.parametrize(
  ('make', 'width', 'height'),
  [
    (alpha, 128, 96),
    (deep, 128, 96),
    (cmyk, 128, 96),
    (tiff, 128, 96),
    (gif, 128, 96),
    (lambda: pictures.encoded('PNG', 1, 1), 4, 4),
    (lambda: pictures.encoded('PNG', 3, 150), 12, 600),
    (lambda: pictures.encoded('PNG', 150, 3), 600, 12),
  ],
  ids=['alpha', 'deep', 'cmyk', 'tiff', 'gif', 'pixel', 'tall', 'wide'],
)
def test_kinds_of_pictures(page, make, width, height):
  """Whatever came is shown on both sides, as a whole."""
  job = visits.opened(page, make(), model='bicubic')
  assert (job['width'], job['height']) == (width, height)
  page.locator('#left').select_option('nearest')
  visits.shown(page, 'nearest')
  stage = page.locator('#stage').bounding_box()
  for image in page.locator('.layer img[src]').all():
    box = image.bounding_box()
    assert box['width'] / box['height'] == pytest.approx(width / height, rel=0.01)
    assert box['width'] <= stage['width'] + 1
    assert box['height'] <= stage['height'] + 1
  page.get_by_role('button', name='Zoom in').click()
  assert image.bounding_box()['width'] >= box['width']
  if make is alpha:
    # Squares show through where the picture does not cover, on both sides.
    page.get_by_role('button', name='Fit').click()
    shot = visits.screen(page.locator('#stage'))
    assert {187, 238} <= set(np.unique(shot[50:200, 150:400]))
    assert (abs(shot[50:200, 700:900] - [200, 0, 0]) <= 1).all()
  if make is gif:
    notes = page.locator('section', has_text='Download').last.inner_text()
    assert re.search('frame', notes), notes
