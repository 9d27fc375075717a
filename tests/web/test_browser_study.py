"""A rater finishes a study in a browser, with a pause on the way."""

import csv
import io

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
  """Waits until the picture of a trial is there and the answers can be given."""
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


def test_a_rater_finishes(browser, server, tmp_path):
  """Agrees, rates by keys and clicks, pauses, goes on elsewhere, and is done."""
  researcher, rater = study(server, tmp_path, 'finished')
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
  # Days later, with another browser.
  with sites.opened(browser, server.url) as page:
    page.goto(rater)
    assert arrived(page) == paused == f'5 of {total}'
    # The same picture still waits, by the same address.
    assert page.locator('.viewer img').get_attribute('src') == shown
    size = page.locator('.viewer img').evaluate(
      '(i) => [i.naturalWidth, i.naturalHeight]'
    )
    assert size == [32, 24]
    answer(page, 2, key=True)
    page.get_by_role('button', name='Take back my last answer').click()
    sites.until(lambda: arrived(page) == f'5 of {total}')
    for i in range(4, total):
      given.append(1 + (2 * i) % 5)
      answer(page, given[-1], key=i % 2 == 1)
    assert 'That was all' in page.locator('h1').inner_text()
    assert page.get_by_text(f'All your {total} answers are stored').is_visible()
    page.reload()
    assert 'That was all' in page.locator('h1').inner_text()
    # The researcher has exactly these answers.
    page.goto(researcher)
    assert page.get_by_text('1 of 1 raters have finished').is_visible()
    with page.expect_download() as found:
      page.get_by_role('link', name='All answers (CSV)').click()
    with open(found.value.path(), encoding='utf-8') as file:
      rows = list(csv.DictReader(io.StringIO(file.read())))
  assert [int(row['score']) for row in rows] == given
  assert [row['revised'] for row in rows].count('1') == 1
  assert {row['method'] for row in rows} == set(METHODS)
