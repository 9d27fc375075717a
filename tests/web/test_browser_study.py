"""A rater finishes a study in a browser, with a pause on the way."""

import csv
import io
import os

import pytest
from PIL import Image

from tests.web import pictures, sites, studies

METHODS = ('hr', 'one', 'two')


def study(server, folder, name, raters=1):
  """Makes a study of two images by three methods; returns the links."""
  folder = folder / 'page_pictures'
  for i, image in enumerate(('boat', 'tree')):
    place = folder / 'Set' / image
    place.mkdir(parents=True)
    for k, method in enumerate(METHODS):
      array = pictures.array(32, 24, seed=10 * i + k)
      Image.fromarray(array).save(place / f'{method}.png')
    Image.fromarray(array[::4, ::4]).save(place / 'lr.png')
  return studies.create(server, folder, name, raters)


def arrived(page):
  """Waits until a trial takes answers, by keys too; returns its heading."""
  page.locator('#keys:not([hidden])').wait_for(state='attached')
  page.locator('[name=score]:enabled').nth(4).wait_for()
  return page.locator('h1').inner_text()


def answer(page, score, *, key):
  """Answers the trial by a key or a click, and waits for what comes next."""
  before = arrived(page)
  if key:
    page.keyboard.press(str(score))
  else:
    page.locator(f'[name=score][value="{score}"]').click()
  page.locator('h1').filter(has_not_text=before).wait_for()


@pytest.fixture(scope='module')
def links(server, tmp_path_factory):
  """The researcher's, and those of two raters."""
  return study(server, tmp_path_factory.mktemp('rated'), f'rated-{os.getpid()}', 2)


def test_a_rater_finishes(browser, server, links):
  """Agrees, rates by keys and clicks, pauses, goes on on a phone, and is done."""
  researcher, rater, _ = links
  given = []
  with sites.opened(browser, server.url) as page:
    page.goto(rater)
    assert page.get_by_text('You will see pictures, one at a time').is_visible()
    page.get_by_role('button', name='I agree: begin').press('Enter')
    total = int(arrived(page).rpartition(' ')[2])
    assert total == 6 + 3  # Each picture, and half of them again.
    for i in range(4):
      given.append(1 + i % 5)
      answer(page, given[-1], key=i % 2 == 0)
    paused = arrived(page)
    shown = page.locator('.viewer img').get_attribute('src')
  # Days later, on a phone, while the researcher looks on.
  with (
    sites.opened(browser, server.url) as watching,
    sites.opened(browser, server.url, device_scale_factor=2.625) as page,
  ):
    # No waiting for the seconds between two looks.
    watching.clock.install()
    watching.goto(researcher)
    page.set_viewport_size({'width': 390, 'height': 844})
    page.goto(rater)
    assert arrived(page) == paused == f'5 of {total}'
    # The same picture still waits, by the same address.
    picture = page.locator('.viewer img')
    assert picture.get_attribute('src') == shown
    size = picture.evaluate('(i) => [i.naturalWidth, i.naturalHeight]')
    assert size == [32, 24]
    # Each pixel is as wide as two or three of the screen: its density is 2.625.
    width = picture.evaluate('(i) => i.getBoundingClientRect().width')
    assert width * 2.625 / 32 == pytest.approx(3, abs=0.01)
    answer(page, 2, key=True)
    watching.clock.fast_forward(6000)
    watching.get_by_text('New answers have come in').wait_for()
    assert watching.locator('[data-rater="1"] .done').inner_text() == '5'
    page.get_by_role('button', name='Take back my last answer').click()
    page.locator('h1').filter(has_text=f'5 of {total}').wait_for()
    for i in range(4, total):
      given.append(1 + (2 * i) % 5)
      answer(page, given[-1], key=i % 2 == 1)
    assert 'That was all' in page.locator('h1').inner_text()
    assert page.get_by_text(f'All your {total} answers are stored').is_visible()
    # The researcher has exactly these answers.
    watching.get_by_role('link', name='Compute the results again').click()
    watching.get_by_text('1 of 2 raters have finished').wait_for()
    with watching.expect_download() as found:
      watching.get_by_role('link', name='All answers (CSV)').click()
    with open(found.value.path(), encoding='utf-8') as file:
      rows = list(csv.DictReader(io.StringIO(file.read())))
  assert [int(row['score']) for row in rows] == given
  assert [row['revised'] for row in rows].count('1') == 1
  assert {row['method'] for row in rows} == set(METHODS)


def test_without_javascript(browser, server, links):
  """The same by the server alone."""
  researcher, _, rater = links
  with sites.opened(browser, server.url, java_script_enabled=False) as page:
    page.goto(rater)
    page.locator('button.main').click()
    for number in (1, 2, 3):
      page.locator('h1').filter(has_text=f'{number} of ').wait_for()
      page.locator('[name=score][value="4"]').click()
    page.locator('h1').filter(has_text='4 of ').wait_for()
    page.get_by_role('button', name='Take back my last answer').click()
    page.locator('h1').filter(has_text='3 of ').wait_for()
    page.goto(researcher)
    assert page.locator('[data-rater="2"] .done').inner_text() == '2'
    assert page.locator('.plots img').count() == 2
