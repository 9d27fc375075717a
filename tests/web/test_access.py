"""Everybody can use every page: axe, keyboard, phones; and pages keep to themselves.

Each page is visited once, on a phone in one scheme of colours and on a desk in the
other, and axe reads one of the two. JSR_SCREENS=FOLDER has axe read each page in all
four combinations and puts screenshots there, which are for people to look at.
"""

import itertools
import os
import pathlib
import re
import urllib.parse

import pytest
from PIL import Image

from tests.web import pictures, sites, studies, visits
from tests.web.test_browser_study import study

SCREENS = os.environ.get('JSR_SCREENS')
SIZES, SCHEMES = ((390, 844), (1280, 900)), ('light', 'dark')
# Findings of these kinds fail a test.
GRAVE = ('serious', 'critical')
# Of pages that are opened as they are.
PLAIN = {
  **{'home': '/', 'methods': '/methods/', 'results': '/results/'},
  **{'references': '/references/', 'api': '/api/', 'missing': '/nowhere/'},
  **{'upscale': '/upscale/', 'nothing': '/pictures/'},
}


@pytest.fixture(scope='module')
def axe():
  """The text of axe-core, which needs no network."""
  module = pytest.importorskip('axe_playwright_python')
  return (pathlib.Path(module.__file__).parent / 'axe.min.js').read_text()


@pytest.fixture(scope='module')
def invitations(server, tmp_path_factory):
  """The researcher's link of a study, and those of raters who have not begun."""
  folder = tmp_path_factory.mktemp('study')
  links = study(server, folder, f'access-{folder.name}-{os.getpid()}', raters=9)
  return links[0], iter(links[1:])


@pytest.fixture(scope='module')
def pairs(server, tmp_path_factory):
  """A study of one pair: the links of its researcher and of two raters."""
  folder = tmp_path_factory.mktemp('pairs')
  place = folder / 'Set' / 'boat'
  place.mkdir(parents=True)
  for i, method in enumerate(('one', 'two')):
    Image.fromarray(pictures.array(32, 24, seed=i)).save(place / f'{method}.png')
  options = ('--mode', 'pairs', '--repeats', '0')
  return studies.create(server, folder, f'pairs-{os.getpid()}', 2, *options)


@pytest.fixture
def links(invitations, pairs, server):
  """Of the researcher, of a rater who has not begun; of a study of pairs; the site."""
  return invitations[0], next(invitations[1]), *pairs, server


def choose(page, _):
  page.goto('/upscale/')
  page.locator('summary').click()
  visits.choose(page, ('An old photograph.jpg', pictures.encoded('JPEG', 60, 40)))
  visits.choose(page, ('empty.png', b''))


def waiting(page, _):
  """A large picture keeps the worker busy; it is cancelled on the next page."""
  data = pictures.encoded('PNG', 400, 300)
  page.goto(visits.sent(page, data, model='compact', self_ensemble='1')['url'])
  page.locator('#waiting').wait_for()


def cancelled(page, _):
  page.locator('#waiting .cancel').click()
  page.get_by_text('This job was cancelled.').wait_for()


def result(page, _):
  visits.opened(page, model='compact')
  page.locator('#trust').click()
  page.locator('#layer-trust img').wait_for()
  if SCREENS:  # Two more networks: tests of results have them too.
    page.locator('#live').fill('0.5')
    page.locator('#layer-right img.mixed').wait_for()
  page.locator('#original input').set_input_files(
    visits.files(('truth.png', pictures.encoded('PNG', 96, 64)))
  )
  page.locator('#original button').click()
  page.locator('#metrics tbody tr').nth(1).wait_for()
  page.locator('#format').select_option('jpeg')
  visits.shown(page)


def failed(page, links):
  job = visits.made(page, name='failed.png')
  visits.fail(links[-1], job['id'])
  page.goto(job['url'])
  page.get_by_role('alert').wait_for()


def forbidden(page, _):
  """A form without its token."""
  page.goto('/references/')
  page.context.clear_cookies(name='csrftoken')
  page.get_by_role('button', name='English').click()
  page.get_by_text('allow cookies').wait_for()


def history(page, _):
  page.goto('/pictures/')
  page.locator('.job[data-status=done]').first.wait_for()


def research(page, links):
  page.goto(links[0])


def welcome(page, links):
  page.goto(links[1])


def trial(page, links):
  page.goto(links[1])
  page.get_by_role('button', name='I agree: begin').click()
  page.locator('[name=score]:enabled').first.wait_for()


def pair(page, links):
  page.goto(links[3])
  page.get_by_role('button', name='I agree: begin').click()
  page.locator('[name=score]:enabled').first.wait_for()


def end(page, _):
  page.locator('[name=score]').first.click()
  page.get_by_text('That was all').wait_for()


def closed(page, links):
  page.goto(links[2])
  page.get_by_role('button', name='Close the study').click()
  page.get_by_role('button', name='Reopen the study').wait_for()
  page.goto(links[4])
  page.get_by_text('The study is closed').wait_for()


# In this order, for one visitor.
VISITS = {
  **{
    name: (lambda page, _, path=path: page.goto(path)) for name, path in PLAIN.items()
  },
  **{'chosen': choose, 'waiting': waiting, 'cancelled': cancelled},
  **{'result': result, 'failed': failed, 'forbidden': forbidden, 'history': history},
  **{'research': research, 'welcome': welcome, 'trial': trial},
  **{'pair': pair, 'end': end, 'closed': closed},
}


def test_every_page(browser, server, axe, links):
  """No grave finding of axe, nothing in the console, no request to another host."""
  foreign, found = [], []
  host = urllib.parse.urlsplit(server.url).netloc
  allow = [r'status of 40[34]']  # The pages that are missing or forbidden.
  # Without motion: a colour on its way to another is neither.
  with sites.opened(browser, server.url, allow=allow, reduced_motion='reduce') as page:
    page.on('dialog', lambda dialog: dialog.accept())
    page.on(
      'request',
      lambda request: (
        urllib.parse.urlsplit(request.url).netloc not in (host, '')
        and foreign.append(request.url)
      ),
    )
    for i, (name, visit) in enumerate(VISITS.items()):
      visit(page, links)
      # Not by a script element, which the page's policy forbids.
      page.evaluate(axe)
      for k, (size, scheme) in enumerate(_looks(i)):
        page.set_viewport_size({'width': size[0], 'height': size[1]})
        page.emulate_media(color_scheme=scheme)
        wide = page.evaluate('document.documentElement.scrollWidth')
        assert wide <= size[0], (name, wide)
        if SCREENS or k == i // 2 % 2:
          found += [(name, *size, scheme, *each) for each in _grave(page)]
        if SCREENS:
          folder = pathlib.Path(SCREENS) / f'{size[0]}-{scheme}'
          folder.mkdir(parents=True, exist_ok=True)
          page.screenshot(path=folder / f'{name}.png', full_page=True)
  assert found == []
  assert foreign == []


def _looks(i):
  """Sizes and schemes of a visit, by its number: two, or all four for screenshots."""
  if SCREENS:
    return list(itertools.product(SIZES, SCHEMES))
  return list(zip(SIZES, SCHEMES[:: 1 if i % 2 else -1], strict=True))


def _grave(page):
  """What axe finds, but for trifles."""
  run = page.evaluate("() => axe.run({resultTypes: ['violations']})")
  return [
    (each['id'], node['html'][:120])
    for each in run['violations']
    if each['impact'] in GRAVE
    for node in each['nodes']
  ]


@pytest.mark.parametrize('language', ['en', 'zh-TW', 'ko'])
def test_narrow_phones(browser, server, links, language):
  """Nothing is wider than the screen, and what is to be touched is large enough."""
  allow = [r'status of 404']
  options = {'locale': language, 'has_touch': True, 'is_mobile': True}
  with sites.opened(browser, server.url, allow=allow, **options) as page:
    page.set_viewport_size({'width': 320, 'height': 640})
    for name in (*PLAIN, 'chosen', 'result', 'history', 'research', 'welcome'):
      if name == 'result':
        visits.opened(page, model='compact')
      else:
        VISITS[name](page, links)
      wide = page.evaluate('document.documentElement.scrollWidth')
      assert wide <= 320, (name, wide)
      small = page.evaluate(_SMALL)
      assert small == [], name


# What is to be pressed and has less than 44 pixels of height, or 24 if it is a line of
# a list; links in running text are as high as the text.
_SMALL = """() => [...document.querySelectorAll(
    'button, .button, select, summary, nav a, .name a, input, label.check')]
  .filter((e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true}))
  .filter((e) => !e.closest('label.check') || e.matches('label.check'))
  .map((e) => [e, e.getBoundingClientRect(), e.matches('a:not(.button)') ? 24 : 44])
  .filter(([, {width, height}, least]) => height < least || width < 24)
  .map(([e, {width, height}]) => `${e.outerHTML.slice(0, 80)} ${width} x ${height}`)"""


def _focused(page):
  """The focused element, by what tells it apart, and whether its focus is seen."""
  return page.evaluate(
    """() => {
      const e = document.activeElement;
      const ring = (x) => getComputedStyle(x).outlineStyle !== 'none';
      // The label stands for the field of files.
      const shown = e.id === 'files' ? e.parentElement.querySelector('.button') : e;
      const name = e.id || e.name || e.textContent.trim().slice(0, 40);
      return [name, ring(shown), e.tagName];
    }"""
  )


def _walk(page, most=60):
  """Presses Tab until the page ends; names what got the focus."""
  names = []
  for _ in range(most):
    page.keyboard.press('Tab')
    name, seen, tag = _focused(page)
    if tag == 'BODY':
      return names
    assert seen, f'the focus on {name} is not seen'
    names.append(name)
  raise AssertionError(f'no end after {names}')


def test_by_keyboard_alone(page):
  """From the first Tab to a result that is compared and deleted."""
  page.goto('/upscale/')
  page.keyboard.press('Tab')
  assert _focused(page)[0] == 'Skip to the content'
  page.keyboard.press('Enter')
  names = _walk(page)
  assert names[:4] == ['files', 'model', 'scale', 'More choices']
  assert names[4] == 'go'
  with page.expect_file_chooser() as chooser:
    page.locator('#files').focus()
    page.keyboard.press('Enter')
  chooser.value.set_files(visits.files(('cat.png', pictures.encoded())))
  page.locator('.file .what').get_by_text('pixels become').wait_for()
  page.locator('#model').focus()
  page.keyboard.type('ESP')
  page.locator('#go').focus()
  page.keyboard.press('Enter')
  page.locator('.job[data-status=done]').wait_for()
  page.locator('.job .open').focus()
  page.keyboard.press('Enter')
  page.wait_for_url('**/jobs/*/')
  visits.shown(page)
  assert page.locator('h1').inner_text() == 'cat.png'
  names = _walk(page)
  order = ['left', 'right', 'stage', 'split', 'Fit', '−', '+', '1:1', 'format']
  assert [name for name in names if name in order] == order
  assert names[-1] == 'API'
  page.on('dialog', lambda dialog: dialog.accept())
  page.get_by_role('button', name='Delete').focus()
  page.keyboard.press('Enter')
  page.wait_for_url('**/pictures/')


def test_quiet_for_those_who_want_it(browser, server):
  """Nothing moves by itself where the visitor wants no motion."""
  with sites.opened(browser, server.url, reduced_motion='reduce') as page:
    for path in ('/', '/upscale/'):
      page.goto(path)
      moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].map((e) => getComputedStyle(e))
          .filter((s) => s.transitionDuration !== '0s' || s.animationName !== 'none'
            || s.scrollBehavior === 'smooth').length"""
      )
      assert moving == 0


def test_no_styles_or_scripts_in_pages(page):
  """What the policy forbids is not there in the first place."""
  for path in (*PLAIN.values(), '/pictures/'):
    text = page.request.get(path).text()
    assert not re.search(r'<[^>]+\s(style|on\w+)=', text), path
    assert not re.search(
      r'<style|<script(?![^>]*\ssrc=)(?![^>]*application/json)', text
    )
