"""The pages that tell: in every language, with links that lead somewhere."""

import html.parser
import itertools
import json
import re

import pytest

from tests.conftest import ROOT
from tests.web import sites

pytest.importorskip('django')
PAGES = ('/', '/methods/', '/results/', '/references/')
LANGUAGES = ('en', 'zh-hant', 'ko')
STATIC = ROOT / 'jsr' / 'web' / 'static'


class Reader(html.parser.HTMLParser):
  """What a page holds: its tags, identifiers, links, headings."""

  def __init__(self, text: str):
    super().__init__()
    self.tags: list[tuple[str, dict[str, str | None]]] = []
    self.words: list[str] = []
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    self.tags.append((tag, dict(attrs)))

  def handle_data(self, data):
    self.words += data.split()

  def all(self, *names):
    return [(tag, found) for tag, found in self.tags if tag in names]

  def ids(self):
    return [found['id'] for _, found in self.tags if found.get('id')]


def read(client, path, language='en') -> Reader:
  client.cookies['django_language'] = language
  answer = client.get(path)
  assert answer.status_code == 200, path
  return Reader(answer.content.decode())


def well_made(page: Reader) -> list[str]:
  """What is wrong with any page of the site, in words."""
  found = []
  ids = page.ids()
  found += [f'id {i} is there twice' for i in {*ids} if ids.count(i) > 1]
  for tag, attributes in page.tags:
    names = [n for n in attributes if n == 'style' or n.startswith('on')]
    found += [f'<{tag} {name}>' for name in names]
    if tag == 'style' or (tag == 'script' and not attributes.get('src')):
      found.append(f'an inline <{tag}>')
    if tag == 'img' and 'alt' not in attributes:
      found.append(f'no alt: {attributes}')
    if tag == 'img' and not ('width' in attributes and 'height' in attributes):
      found.append(f'the page jumps when it arrives: {attributes}')
    for name in ('src', 'href'):
      address = attributes.get(name) or ''
      foreign = re.match(r'\w+:|//', address)
      if foreign and tag != 'a':
        found.append(f'{address} is of another host')
  levels = [int(tag[1]) for tag, _ in page.all('h1', 'h2', 'h3', 'h4')]
  if levels.count(1) != 1 or levels[0] != 1:
    found.append(f'headings: {levels}')
  steps = itertools.pairwise(levels)
  found += [f'h{b} after h{a}' for a, b in steps if b > a + 1]
  return found


@pytest.mark.parametrize('path', PAGES)
def test_page_in_every_language(client, path):
  texts = {}
  for language in LANGUAGES:
    page = read(client, path, language)
    assert page.all('html')[0][1]['lang'] == language
    assert well_made(page) == []
    texts[language] = ' '.join(page.words)
  assert len({*texts.values()}) == 3
  assert re.search('[가-힣]{2}', texts['ko'])
  # Twenty of the commonest signs stand in every text of some length.
  assert len(re.findall('[的是在有與不以為圖結果方法參考文獻]', texts['zh-hant'])) > 20


@pytest.mark.parametrize('path', PAGES)
def test_links_lead_somewhere(client, path):
  pages = {}
  for _, attributes in read(client, path).all('a', 'link', 'script', 'img'):
    address = attributes.get('href') or attributes.get('src') or ''
    where, _, anchor = address.partition('#')
    if re.match(r'https://', where):
      continue
    if where.startswith('/static/'):
      assert (STATIC / where.removeprefix('/static/')).is_file(), where
      continue
    where = where or path
    if where not in pages:
      answer = client.get(where)
      assert answer.status_code == 200, where
      pages[where] = Reader(answer.content.decode()).ids() if anchor else []
    if anchor:
      ids = pages[where] or Reader(client.get(where).content.decode()).ids()
      assert anchor in ids, address


def test_policy_of_the_browser_is_strict(client):
  answer = client.get('/results/')
  policy = answer['Content-Security-Policy']
  assert 'unsafe' not in policy
  assert "default-src 'none'" in policy


def test_the_checker_can_fail():
  bad = (
    '<h2 id=a style="x">A</h2><h1 id=a onclick=b>B</h1><h3>C</h3><img src=x>'
    '<script>1</script><style>1</style><link href="https://example.org/a.css">'
  )
  words = ' '.join(well_made(Reader(bad)))
  for fault in (
    *('twice', '<h2 style>', '<h1 onclick>', 'headings', 'h3 after h1', 'no alt'),
    *('jumps', 'inline <script>', 'inline <style>', 'another host'),
  ):
    assert fault in words


def row(method='bicubic', psnr=30.0, **changes):
  entry = {
    'method': method,
    'set': 'Mine',
    'scale': 2,
    'n': 2,
    'psnr_y': psnr,
    'ssim_y': 0.9,
    'per_image': {'a': {'psnr_y': psnr - 1}, 'b': {'psnr_y': psnr + 1}},
    'note': '',
  }
  return entry | changes


@pytest.fixture
def results(site):
  """A function that puts a file into the site's folder of results."""
  folder = site / 'results'
  folder.mkdir(exist_ok=True)

  def put(name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)

  yield put
  for path in folder.iterdir():
    path.unlink()


def test_own_results_are_shown(client, results):
  rows = [row(), row('theirs<b>', 31.0), row('mine', 32.0)]
  results('evening.json', {'rows': rows, 'date': '2026-01-02'})
  answer = client.get('/results/').content.decode()
  assert 'theirs&lt;b&gt;' in answer
  assert 'theirs<b>' not in answer
  assert '<strong>32.00</strong>' in answer
  assert '<em class="second">31.00</em>' in answer
  assert '2026-01-02' in answer
  command = 'jsr compare --methods &#x27;bicubic,theirs&lt;b&gt;,mine&#x27; --data DATA'
  assert command in answer
  part = answer[answer.rindex('>evening<') :]
  assert part.count('<svg') == 1
  assert well_made(Reader(answer)) == []


@pytest.mark.parametrize(
  'content',
  [
    '',
    '{',
    '[]',
    'null',
    '[' * 100_000,
    '{"rows": 3}',
    {'rows': []},
    {'rows': [3]},
    {'rows': [row(set=None)]},
    {'rows': [row(scale='x')]},
    {'rows': [row(psnr_y='x')]},
    {'rows': [row(psnr_y=10**400)]},
    {'rows': [row()], 'columns': [{}]},
    {'rows': [row()], 'columns': []},
    {'rows': [row()], 'protocol': 3},
    {'rows': [row()], 'references': 3},
    {'rows': [row(n='many')]},
    {'rows': [row(method=['a'])]},
  ],
  ids=lambda content: str(content)[:40],
)
def test_a_broken_file_is_told(client, results, content):
  results('evening.json', content)
  results('morning.json', {'rows': [row()]})
  results('.hidden.json', '{')
  page = client.get('/results/')
  assert page.status_code == 200
  text = page.content.decode()
  assert re.search(
    r'<p class="bad"[^>]*>The file evening\.json is not shown: .+\.</p>', text
  )
  assert text.count('class="bad"') == 1
  assert '>morning<' in text


@pytest.mark.parametrize(
  'changes',
  [
    {'per_image': 3},
    {'per_image': {'a': 3, 'b': 4}},
    {'per_image': {'a': {'psnr_y': 'x'}, 'b': {}}},
    {'per_image': {'a': {'psnr_y': None}, 'b': {'psnr_y': None}}},
    {'psnr_y': None, 'ssim_y': 1.0, 'per_image': {}},
    {'note': 3},
    {'psnr_y': float('nan')},
  ],
  ids=str,
)
def test_odd_pictures_break_nothing(client, results, changes):
  rows = [row(**changes), row('mine', **changes)]
  results('evening.json', {'rows': rows, 'versions': 3, 'machine': [], 'date': {}})
  assert client.get('/results/').status_code == 200


def test_a_changed_file_is_read_again(client, results):
  results('evening.json', {'rows': [row()]})
  assert '30.00' in client.get('/results/').content.decode()
  results('evening.json', {'rows': [row(psnr=41.25)]})
  assert '41.25' in client.get('/results/').content.decode()


def test_a_large_file_is_not_read(client, results, monkeypatch):
  from jsr.web.pages import files

  monkeypatch.setattr(files, 'MAX_BYTES', 10)
  results('evening.json', {'rows': [row()]})
  text = client.get('/results/').content.decode()
  assert 'evening.json is not shown: it is larger' in text


def test_plots_keep_the_policy_and_the_theme(site):
  from jsr.evaluate import plots
  from jsr.evaluate.svg import INK
  from jsr.web.pages import drawing

  rows = [row(m, 30.0 + i) for i, m in enumerate(('bicubic', '<i>', 'c'))]
  drawn = drawing.inline(plots.per_image({'rows': rows}, dataset='Mine'))
  assert 'style=' not in drawn
  assert INK not in drawn
  assert 'currentColor' in drawn
  assert '&lt;i&gt;' in drawn
  assert 'aria-hidden="true"' in drawn


@pytest.mark.parametrize('language', LANGUAGES)
def test_errors_in_every_language(site, language):
  from django.conf import settings
  from django.test import RequestFactory
  from django.utils import translation

  from jsr.web.pages import views

  request = RequestFactory().get('/')
  request.visitor = request.new_visitor = ''
  with translation.override(language):
    answers = [
      views.bad_request(request, ValueError()),
      views.forbidden(request, PermissionError()),
      views.not_found(request, LookupError()),
      views.broken(request),
      views.csrf_failure(request),
    ]
  assert [answer.status_code for answer in answers] == [400, 403, 404, 500, 403]
  texts = [answer.content.decode() for answer in answers]
  assert len({*texts}) == 5
  for text in texts:
    assert well_made(Reader(text)) == []
    assert f'lang="{language}"' in text
  assert settings.CSRF_FAILURE_VIEW.endswith('csrf_failure')


def test_a_form_without_its_token_is_explained(site):
  strict = sites.visitor(enforce_csrf_checks=True)
  answer = strict.post('/language/', {'language': 'ko'})
  assert answer.status_code == 403
  assert 'allow cookies' in answer.content.decode()
