"""What visitors do in a browser, for tests of pages."""

import io
import os
import re
import subprocess
import sys

import numpy as np
from PIL import Image

from tests.web import pictures, sites


def files(*named):
  """Turns (name, bytes) into what Playwright puts into a file field."""
  return [
    {'name': name, 'mimeType': 'application/octet-stream', 'buffer': data}
    for name, data in named
  ]


def choose(page, *named):
  """Chooses files, and waits until each is described."""
  before = page.locator('.file').count()
  page.locator('#files').set_input_files(files(*named))
  sites.until(lambda: page.locator('.file').count() == before + len(named))
  for i in range(before, before + len(named)):
    item = page.locator('.file').nth(i)
    sites.until(lambda item=item: item.locator('.about').inner_text().count('\n'))


def send(page):
  """Presses the button of the form."""
  page.locator('#go').click()


def data_transfer(page, *named):
  """A handle of a DataTransfer that holds files, for events of dropping and pasting."""
  return page.evaluate_handle(
    """(files) => {
      const transfer = new DataTransfer();
      for (const [name, type, bytes] of files)
        transfer.items.add(new File([new Uint8Array(bytes)], name, {type}));
      return transfer;
    }""",
    [[name, 'image/png', list(data)] for name, data in named],
  )


def job(page, token):
  """What the API tells of a job."""
  return page.request.get(f'/api/jobs/{token}').json()


def jobs(page):
  """The visitor's jobs, the newest first."""
  return page.request.get('/api/jobs').json()['jobs']


def sent(page, data=None, name='cat.png', **fields):
  """Sends a picture of this page's visitor; returns the job."""
  data = pictures.encoded() if data is None else data
  form = {'model': 'espcn', 'scale': '4', **fields}
  form['image'] = {
    'name': name,
    'mimeType': 'application/octet-stream',
    'buffer': data,
  }
  # A visitor who is known shows that the request comes from the site's own page.
  text = page.request.get('/upscale/').text()
  token = re.search('name="csrfmiddlewaretoken" value="(.+?)"', text)[1]
  headers = {'X-CSRFToken': token}
  answer = page.request.post('/api/jobs', multipart=form, headers=headers)
  assert answer.status == 201, answer.text()
  return answer.json()


def made(page, data=None, name='cat.png', **fields):
  """Has a picture enlarged for this page's visitor; returns the job when it is done."""
  token = sent(page, data, name, **fields)['id']
  found = until_ended(page, token)
  assert found['status'] == 'done', found
  return found


def until_ended(page, token):
  """Waits until a job has ended; returns it."""
  return sites.until(
    lambda: (now := job(page, token))['status'] in ('done', 'failed') and now
  )


def opened(page, data=None, **fields):
  """Opens the page of a result when both sides are there; returns the job."""
  found = made(page, data, **fields)
  page.goto(found['url'])
  shown(page)
  return found


def shown(page, left='', right=''):
  """Waits until the stage shows what was chosen, and its pictures have arrived."""
  sides = {'left': left, 'right': right}
  want = ''.join(f'[data-{k}^="{v}"]' if v else f'[data-{k}]' for k, v in sides.items())
  page.locator(f'#stage{want}').wait_for()
  sites.until(lambda: page.evaluate(_ARRIVED))


_ARRIVED = """() => [...document.querySelectorAll('.layer img[src]')]
  .every((image) => image.complete && image.naturalWidth)"""


def picture(page, url):
  """Fetches a picture as Pillow's image."""
  answer = page.request.get(url)
  assert answer.ok, (url, answer.status)
  image = Image.open(io.BytesIO(answer.body()))
  image.load()
  return image


def pixels(page, url):
  """Fetches a picture as RGB, int."""
  return np.asarray(picture(page, url).convert('RGB')).astype(int)


def png(array):
  """Encodes an array."""
  stream = io.BytesIO()
  Image.fromarray(array).save(stream, 'PNG')
  return stream.getvalue()


def screen(locator):
  """An element as it is seen, RGB, int."""
  shot = locator.screenshot(animations='disabled')
  return np.asarray(Image.open(io.BytesIO(shot)).convert('RGB')).astype(int)


def expire(server, upload):
  """Lets the time of an upload run out."""
  within(
    server,
    f"""
from django.utils import timezone
from jsr.web.jobs import queue
from jsr.web.jobs.models import Upload
assert Upload.objects.filter(pk={upload!r}).update(expires=timezone.now())
queue.tidy()
""",
  )


def fail(server, token):
  """Makes a failure of a job."""
  within(
    server,
    f"""
from jsr.web.jobs import phrases
from jsr.web.jobs.models import Job, State
failed = {{'state': State.FAILED, 'error': phrases.DAMAGED}}
assert Job.objects.filter(pk={token!r}).update(**failed)
""",
  )


def within(server, code):
  """Runs Python in a process of a site's own."""
  code = f"""
import pathlib

from jsr.web import setup

setup.open_site(pathlib.Path({str(server.folder)!r}))
{code}"""
  subprocess.run(
    [sys.executable, '-c', code],
    check=True,
    env=os.environ | server._env,
    timeout=120,
  )
