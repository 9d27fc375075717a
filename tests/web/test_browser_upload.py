"""The upload page in a browser: choosing, options, the queue, and bad files."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.web import pictures, sites, visits


def flat(colour, width=40, height=24):
  """A PNG of one colour."""
  stream = io.BytesIO()
  Image.new('RGB', (width, height), colour).save(stream, 'PNG')
  return stream.getvalue()


def preview(page, i=0):
  """The middle pixel of a preview."""
  found = page.locator('.file canvas').nth(i)
  return found.evaluate(
    "(canvas) => [...canvas.getContext('2d').getImageData(80, 80, 1, 1).data]"
  )


def texts(page, selector):
  return page.locator(selector).all_inner_texts()


@pytest.fixture
def form(page):
  """The upload page, with the quickest network."""
  page.goto('/upscale/')
  page.locator('#model').select_option('espcn')
  page.locator('#scale').select_option('2')
  return page


def done(page, count=1):
  """Waits for cards of results."""
  sites.until(lambda: page.locator('.job[data-status=done]').count() == count)


def test_choose_several(form):
  """Each is shown at once, before anything is sent, and each becomes a job."""
  sent = []
  form.on('request', lambda r: sent.append(r) if r.method == 'POST' else None)
  visits.choose(form, ('red.png', flat('red')), ('green.png', flat('lime', 7, 90)))
  assert preview(form, 0) == [255, 0, 0, 255]
  assert preview(form, 1) == [0, 255, 0, 255]
  assert texts(form, '.file .name') == ['red.png', 'green.png']
  assert texts(form, '.file .what')[1] == '7 × 90 pixels become 14 × 180'
  form.locator('#scale').select_option('3')
  assert texts(form, '.file .what')[0] == '40 × 24 pixels become 120 × 72'
  assert not sent
  visits.send(form)
  done(form, 2)
  assert [(j['upload']['name'], j['width']) for j in visits.jobs(form)] == [
    ('green.png', 21),
    ('red.png', 120),
  ]
  assert form.locator('.file').count() == 0
  # The card leads to the result, and to its file.
  card = form.locator('.job').nth(0)
  assert visits.picture(form, card.locator('.save').get_attribute('href')).size == (
    21,
    270,
  )
  card.locator('.open').click()
  form.wait_for_url('**/jobs/*/')


def test_remove_before_sending(form):
  visits.choose(form, ('red.png', flat('red')), ('blue.png', flat('blue')))
  form.get_by_role('button', name='Remove red.png').click()
  visits.send(form)
  done(form)
  assert [j['upload']['name'] for j in visits.jobs(form)] == ['blue.png']


def test_drop(form):
  """On the frame, which lights up, or beside it."""
  transfer = visits.data_transfer(form, ('red.png', flat('red')))
  form.dispatch_event('#drop', 'dragover', {'dataTransfer': transfer})
  assert 'over' in form.locator('#drop').get_attribute('class')
  form.dispatch_event('#drop', 'drop', {'dataTransfer': transfer})
  assert 'over' not in form.locator('#drop').get_attribute('class')
  other = visits.data_transfer(form, ('blue.png', flat('blue')))
  form.dispatch_event('h1', 'drop', {'dataTransfer': other})
  sites.until(lambda: len(texts(form, '.file .what')) == 2 and preview(form, 1)[2])
  assert texts(form, '.file .name') == ['red.png', 'blue.png']
  assert preview(form) == [255, 0, 0, 255]


def test_paste(form):
  transfer = visits.data_transfer(form, ('image.png', flat('red')))
  form.evaluate(
    """(clipboardData) => document.body.dispatchEvent(
      new ClipboardEvent('paste', {clipboardData, bubbles: true}))""",
    transfer,
  )
  sites.until(lambda: form.locator('.file').count() and preview(form)[0])
  visits.send(form)
  done(form)
  assert visits.jobs(form)[0]['width'] == 80


def test_options(form):
  """What is chosen is what the job is, and what cannot be chosen together is off."""
  form.locator('summary').click()
  strength, use = form.locator('#strength'), form.get_by_label('Invent texture')
  assert use.is_disabled()  # ESPCN has no partner.
  form.locator('#model').select_option('bicubic')
  assert form.get_by_label('Self-ensemble').is_disabled()
  form.locator('#model').select_option('compact')
  form.locator('#scale').select_option('4')
  assert strength.is_disabled()
  use.check()
  strength.fill('0.25')
  for name in ('Self-ensemble', 'Seamless', 'Consistent'):
    form.get_by_label(name).check()
  visits.choose(form, ('cat.png', pictures.encoded()))
  visits.send(form)
  done(form)
  [job] = visits.jobs(form)
  wanted = {'model': 'compact', 'scale': 4.0, 'strength': 0.25, 'self_ensemble': True}
  wanted |= {'seamless': True, 'consistent': True, 'width': 96, 'height': 64}
  assert {name: job[name] for name in wanted} == wanted
  what = 'compact ×4, strength 0.25, self-ensemble, seamless, consistent'
  assert form.locator('.job .what').inner_text() == what
  assert job['residual']['mean'] < 1  # It was made consistent, not only asked for.


def test_queue_progress_cancel(form):
  """The first shows how far it is, the second waits; the first is cancelled."""
  form.locator('#model').select_option('compact')
  form.locator('#scale').select_option('4')
  form.locator('summary').click()
  form.get_by_label('Self-ensemble').check()
  visits.choose(form, ('large.png', pictures.encoded('PNG', 500, 400)))
  visits.send(form)
  large = form.locator('.job', has_text='large.png')
  bar = large.locator('progress')
  share = sites.until(lambda: float(bar.get_attribute('value') or 0))
  assert 0 < share < 1
  assert re.fullmatch(r'\d+ % done', large.locator('.status').inner_text())
  form.get_by_label('Self-ensemble').uncheck()
  visits.choose(form, ('small.png', pictures.encoded()))
  visits.send(form)
  small = form.locator('.job', has_text='small.png')
  assert small.locator('.status').inner_text() == 'waiting'
  small.locator('.name a').click()
  form.locator('#waiting').get_by_text('waiting', exact=True).wait_for()
  form.go_back()
  # The list is there again, after a reload too.
  form.reload()
  large.get_by_role('button', name='Cancel').click()
  sites.until(lambda: large.get_attribute('data-status') == 'cancelled')
  assert large.locator('.status').inner_text() == 'cancelled'
  sites.until(lambda: small.get_attribute('data-status') == 'done')
  assert [job['status'] for job in visits.jobs(form)] == ['done', 'cancelled']


BAD = ('empty', 'text', 'bomb', 'large', 'huge', 'truncated')


@pytest.mark.parametrize('kind', BAD)
def test_bad_uploads(form, kind, tmp_path):
  """Each is told by a sentence, and the good one beside it is made."""
  whole = pictures.encoded('PNG', 64, 64)
  data = {
    'empty': b'',
    'text': b'This is a text.\n' * 9,
    'bomb': pictures.bomb() if kind == 'bomb' else b'',
    'large': pictures.bomb(6000, 5000),
    'truncated': whole[: len(whole) // 2],
  }
  path = tmp_path / 'bad.png'
  if kind == 'huge':
    with path.open('wb') as file:
      file.write(whole)
      file.truncate(200 * 2**20)
  else:
    path.write_bytes(data[kind])
  allow = [r'status of 4(13|15)'] if kind in ('text', 'bomb', 'truncated') else []
  form.locator('#files').set_input_files(path)
  form.locator('.file .what').wait_for(state='attached')
  visits.choose(form, ('good.png', pictures.encoded()))
  visits.send(form)
  sites.until(lambda: form.locator('.job[data-status=done]').count() == 1)
  bad = form.locator('.file, .job', has_text='bad.png')
  said = bad.locator('.problem')
  said.wait_for()
  words = {
    'empty': 'The file is empty.',
    'text': 'This is no picture',
    'bomb': 'takes at most 25',
    'large': 'more than 25,000,000 pixels',
    'huge': 'larger than 50 MB',
    'truncated': 'cut off',
  }
  assert re.search(words[kind], said.inner_text()), said.inner_text()
  assert said.inner_text().endswith('.')
  assert [j['upload']['name'] for j in visits.jobs(form) if j['status'] == 'done'] == [
    'good.png'
  ]
  form.complaints[:] = [
    c for c in form.complaints if not any(re.search(a, c) for a in allow)
  ]


def test_nothing_is_sent_twice(form):
  """A double click, and many files at once."""
  many = [(f'{i}.png', flat((i, 0, 0))) for i in range(12)]
  visits.choose(form, *many)
  form.locator('#go').dblclick()
  done(form, 12)
  found = visits.jobs(form)
  assert sorted(j['upload']['name'] for j in found) == sorted(name for name, _ in many)


def test_without_scripts(browser, server):
  """The form works as a form, and says what is wrong."""
  with sites.opened(browser, server.url, java_script_enabled=False) as page:
    page.goto('/upscale/')
    page.locator('#model').select_option('bicubic')
    both = visits.files(('a.png', b'text'), ('good.png', flat('red')))
    page.locator('#files').set_input_files(both)
    visits.send(page)
    assert 'a.png: This is no picture' in page.locator('#problems').inner_text()
    assert texts(page, '#made a') == ['good.png']
    page.complaints.clear()  # The answer is 400.
    page.locator('#model').select_option('bicubic')
    page.locator('#files').set_input_files(visits.files(('b.png', flat('red'))))
    visits.send(page)
    page.wait_for_url('**/jobs/*/')
    token = page.url.rstrip('/').rpartition('/')[2]
    sites.until(lambda: visits.job(page, token)['status'] == 'done')
    page.reload()
    # Nothing is there that would do nothing.
    for name in ('1:1', 'Trust map', 'Measure against it', 'Cancel'):
      assert page.get_by_role('button', name=name).count() == 0
    assert page.get_by_role('combobox').count() == 1  # The format of the download.
    shown = page.get_by_alt_text('The result')
    assert (
      np.ptp(visits.pixels(page, shown.get_attribute('src')), axis=(0, 1)).max() == 0
    )
    assert (visits.screen(shown)[5:-5, 5:-5] == [255, 0, 0]).all()


def test_names_of_all_kinds(form):
  """Long, right to left, and with signs that mean something to HTML."""
  names = ['<b>&.png', 'x' * 180 + '.png', 'תמונה 🐈.png']
  visits.choose(form, *((name, flat('red')) for name in names))
  visits.send(form)
  done(form, 3)
  assert texts(form, '.job .name') == names[::-1]
  form.set_viewport_size({'width': 320, 'height': 700})
  assert form.evaluate('document.documentElement.scrollWidth') == 320
  form.locator('.job .name a').nth(2).click()
  assert form.locator('h1').inner_text() == names[0]
