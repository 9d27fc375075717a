"""The telling pages in a browser: the slider, and no script."""

import pytest

from tests.web import sites

pytest.importorskip('django')


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
