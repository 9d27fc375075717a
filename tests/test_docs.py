"""The site of the documents builds strictly, asks no other host, and its links hold."""

import functools
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest

from jsr import models
from tests import documents
from tests.conftest import ROOT

DOCS = ROOT / 'docs'


@pytest.fixture(scope='module')
def site(tmp_path_factory):
  pytest.importorskip('mkdocs')
  folder = tmp_path_factory.mktemp('site')
  command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-d', folder]
  env = {**os.environ, 'NO_MKDOCS_2_WARNING': '1'}
  done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  return folder


def module(path: pathlib.Path):
  spec = importlib.util.spec_from_file_location(path.stem, path)
  loaded = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(loaded)
  return loaded


def test_every_document_is_a_page_in_the_navigation(site):
  home = (site / 'index.html').read_text()
  hooks = module(ROOT / 'mkdocs_hooks.py')
  pages = [*hooks.PAGES.values()]
  pages += [path.relative_to(DOCS).as_posix() for path in DOCS.rglob('*.md')]
  for page in pages:
    html = page.removesuffix('.md') + '.html'
    assert (site / html).is_file(), page
    assert f'href="{html}"' in home, f'{page} is not in the navigation'


def test_nothing_is_loaded_from_elsewhere(site):
  loading = re.compile(
    r'<(?:script|img|iframe|source)[^>]*\ssrc="?(https?:)?//'
    r'|<link(?=[^>]*rel="?(?:stylesheet|icon|preload|preconnect|dns-prefetch))'
    r'[^>]*href="?(https?:)?//'
  )
  assert loading.search('<script src="https://a.example/b.js">')
  assert loading.search('<link rel="stylesheet" href="//a.example/b.css">')
  for path in site.rglob('*.html'):
    assert not loading.search(path.read_text()), path.name
  for path in site.rglob('*.css'):
    assert not re.search(r'url\(["\']?(https?:)?//', path.read_text()), path.name


def test_reference_has_every_model_and_loss(site):
  page = (site / 'api' / 'models.html').read_text()
  for name in models.generator_names():
    assert f'id="jsr.models.{name}.Generator"' in page, name
  for name in models.discriminator_names():
    assert re.search(rf'id="jsr\.models\.discriminators\.\w+\.{name}"', page), name
  assert 'id="jsr.losses.pixel.charbonnier"' in (site / 'api/losses.html').read_text()
  assert 'id="jsr.load"' in (site / 'api' / 'index.html').read_text()


def test_studies_are_listed_with_their_verdicts(site):
  """Reports come and go; the list follows."""
  from jsr.experiments.studies import STUDIES

  page = (site / 'studies' / 'index.html').read_text()
  names = re.findall(r'<code>jsr study-(\w+)</code></td>', page)
  assert names == list(STUDIES)
  for name in names:
    report = DOCS / 'studies' / f'{name}.json'
    row = next(r for r in page.split('<tr>') if f'study-{name}<' in r)
    if report.is_file():
      assert f'href="{name}.html"' in row
      for claim in json.loads(report.read_text())['claims']:
        assert claim['verdict'] in row
    else:
      assert 'not run yet' in row


def test_results_are_what_was_measured():
  """The page is written from its JSON, and the README quotes the page."""
  results = module(ROOT / 'benchmarks' / 'results.py')
  measured = json.loads((DOCS / 'results.json').read_text())
  text = (DOCS / 'results.md').read_text()
  assert text == results.page(measured)
  part = (ROOT / 'README.md').read_text().split('## Results')[1].split('\n## ')[0]
  rows = [line for line in part.splitlines() if line.startswith('| ')]
  assert len(rows) > 3
  for row in rows:
    assert row in text


def test_pictures_are_small():
  pictures = [*(DOCS / 'pictures').iterdir()]
  assert {p.name for p in pictures} == {'grid.webp', 'strength.webp'}
  assert sum(p.stat().st_size for p in pictures) < 400_000


@functools.cache
def anchors(path: pathlib.Path) -> set[str]:
  """The anchors of a document's headings, as GitHub and the site make them."""
  text = re.sub(r'^```.*?^```', '', path.read_text(), flags=re.M | re.S)
  found = re.findall(r'^#+ (.+)$', text, re.M)
  plain = [re.sub(r'[`*\\]|\]\([^)]*\)|\[', '', heading) for heading in found]
  return {re.sub(r'[^\w\- ]', '', h.lower()).strip().replace(' ', '-') for h in plain}


def broken(path: pathlib.Path, text: str) -> list[str]:
  """The links of a document that lead nowhere."""
  text = re.sub(r'^( *)```.*?^\1```|`[^`\n]*`', '', text, flags=re.M | re.S)
  found = []
  for link in re.findall(r'\]\(([^)\s]+)\)', text):
    url = urllib.parse.urlsplit(link)
    if url.scheme:
      good = url.scheme in ('http', 'https', 'mailto') and '.' in url.netloc + url.path
    else:
      target = path.parent / url.path if url.path else path
      generated = url.fragment.startswith('jsr.')  # Of the API; MkDocs checks them.
      good = target.exists() and (
        not url.fragment or generated or url.fragment in anchors(target.resolve())
      )
    if not good:
      found.append(link)
  return found


@pytest.mark.parametrize('path', documents.DOCUMENTS, ids=documents.name)
def test_links_lead_somewhere(path):
  assert broken(path, path.read_text()) == []


def test_the_checker_finds_bad_links():
  path = ROOT / 'README.md'
  good = '[a](docs/data.md#order) [b](#develop) [c](https://a.example/b) `[d](e)`'
  assert broken(path, good) == []
  bad = (
    '[a](docs/none.md) [b](docs/data.md#none) [c](#none) [d](ftp://x.y) [e](https://)'
  )
  assert len(broken(path, bad)) == 5
