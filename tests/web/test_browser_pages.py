"""The telling pages in a browser: slider, no script, a phone, the rules of axe."""

import pytest

from tests.web import sites

pytest.importorskip('django')
PAGES = ('/', '/methods/', '/results/', '/references/', '/nowhere/')


def test_slider_by_keyboard_pointer_and_buttons(page):
  page.goto('/')
  first = page.locator('.compare').first
  slider = first.get_by_role('slider')
  slider.focus()
  for _ in range(5):
    page.keyboard.press('ArrowRight')
  assert slider.input_value() == '55'
  box = first.locator('.stage').bounding_box()
  page.mouse.click(box['x'] + 0.25 * box['width'], box['y'] + 0.3 * box['height'])
  assert abs(float(slider.input_value()) - 25) <= 1
  left = first.locator('.left').evaluate('(e) => getComputedStyle(e).clipPath')
  assert left == f'inset(0px {100 - float(slider.input_value()):g}% 0px 0px)'
  group = first.get_by_role('group')
  group.get_by_role('button', name='compact-x4-gan').click()
  shown = first.locator('.version:not([hidden]) .name')
  assert shown.all_inner_texts() == ['compact-x4-gan', 'bicubic']
  pressed = group.locator('[aria-pressed=true]')
  assert pressed.all_inner_texts() == ['compact-x4-gan']


def test_gallery_without_script(browser, server):
  with sites.opened(browser, server.url, java_script_enabled=False) as page:
    page.goto('/')
    first = page.locator('.compare').first
    assert first.locator('.name').all_inner_texts() == [
      'bicubic',
      'compact-x4',
      'compact-x4-gan',
      'original',
    ]
    assert all(image.is_visible() for image in first.locator('img').all())
    assert first.get_by_role('slider').count() == 0


@pytest.mark.parametrize(
  ('language', 'scheme'), [('en', 'light'), ('zh-TW', 'dark'), ('ko', 'light')]
)
def test_rules_of_axe(browser, server, language, scheme):
  axe = pytest.importorskip('axe_playwright_python.sync_playwright').Axe()
  narrow = {'width': 390, 'height': 800}
  options = {'locale': language, 'color_scheme': scheme, 'viewport': narrow}
  rules = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']
  context = browser.new_context(base_url=server.url, **options)
  page = context.new_page()
  for path in PAGES:
    page.goto(path)
    found = axe.run(page, options={'runOnly': rules}).response['violations']
    assert [(path, each['id'], each['nodes'][0]['html']) for each in found] == []
    # Nothing is wider than the phone.
    assert page.evaluate('document.documentElement.scrollWidth') == narrow['width']
  context.close()
