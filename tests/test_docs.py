"""The site of the documents builds strictly, asks no other host, and its links hold."""

import functools
import importlib
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


def module(path: pathlib.Path):
  spec = importlib.util.spec_from_file_location(path.stem, path)
  loaded = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(loaded)
  return loaded


def test_the_site(tmp_path):
  """It builds without a warning. One test, as building takes long, and each of several
  workers would build it for itself."""
  pytest.importorskip('mkdocs')
  command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-d', tmp_path]
  env = {**os.environ, 'NO_MKDOCS_2_WARNING': '1'}
  done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  every_document_is_a_page_in_the_navigation(tmp_path)
  nothing_is_loaded_from_elsewhere(tmp_path)
  the_reference_has_every_model_and_loss(tmp_path)
  studies_are_listed_with_their_verdicts(tmp_path)


def every_document_is_a_page_in_the_navigation(site: pathlib.Path) -> None:
  home = (site / 'index.html').read_text()
  hooks = module(ROOT / 'mkdocs_hooks.py')
  pages = [*hooks.PAGES.values()]
  pages += [path.relative_to(DOCS).as_posix() for path in DOCS.rglob('*.md')]
  for page in pages:
    html = page.removesuffix('.md') + '.html'
    assert (site / html).is_file(), page
    assert f'href="{html}"' in home, f'{page} is not in the navigation'


def nothing_is_loaded_from_elsewhere(site: pathlib.Path) -> None:
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


def the_reference_has_every_model_and_loss(site: pathlib.Path) -> None:
  page = (site / 'api' / 'models.html').read_text()
  for name in models.generator_names():
    assert f'id="jsr.models.{name}.Generator"' in page, name
  for name in models.discriminator_names():
    assert re.search(rf'id="jsr\.models\.discriminators\.\w+\.{name}"', page), name
  assert 'id="jsr.losses.pixel.charbonnier"' in (site / 'api/losses.html').read_text()
  assert 'id="jsr.load"' in (site / 'api' / 'index.html').read_text()


def studies_are_listed_with_their_verdicts(site: pathlib.Path) -> None:
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


def test_what_the_page_says_of_the_gan_is_checked(monkeypatch):
  results = module(ROOT / 'benchmarks' / 'results.py')
  results.check_invention('cat', {'compact-x4': 26.77, 'compact-x4-gan': 25.92})
  with pytest.raises(ValueError, match='cat: compact-x4-gan'):
    results.check_invention('cat', {'compact-x4': 26.77, 'compact-x4-gan': 26.8})


def reference() -> set[str]:
  """What has an entry in the API reference; a folder's `*` stands for its modules."""
  found = set()
  for path in (DOCS / 'api').glob('*.md'):
    for entry in re.findall(r'^::: (\S+)$', path.read_text(), re.M):
      folder = ROOT.joinpath(*entry.removesuffix('.*').split('.'))
      files = folder.glob('[a-z]*.py') if entry.endswith('.*') else ()
      found |= {entry, *(f'{entry[:-2]}.{file.stem}' for file in files)}
  return found


def is_module(name: str) -> bool:
  path = ROOT.joinpath(*name.split('.'))
  return path.with_suffix('.py').is_file() or (path / '__init__.py').is_file()


def not_in_reference(text: str) -> list[str]:
  """Names of jsr in code font that are not there, or whose module has no entry."""
  text = re.sub(r'^( *)```.*?^\1```', '', text, flags=re.M | re.S)
  listed, found = reference(), []
  for name in re.findall(r'`(jsr(?:\.\w+)+)', text):
    words = name.split('.')
    heads = ['.'.join(words[:n]) for n in range(1, len(words) + 1)]
    longest = [head for head in heads if is_module(head)][-1]
    inside = name[len(longest) + 1 :].split('.')[0]
    exists = not inside or hasattr(importlib.import_module(longest), inside)
    entry = name if longest == 'jsr' else longest
    if not exists or entry not in listed:
      found.append(name)
  return found


def test_the_checker_of_the_reference_can_fail():
  assert (
    not_in_reference('`jsr.load` `jsr.errors.UserError` `jsr.losses.pixel.l1`') == []
  )
  bad = ['jsr.commands.zoo', 'jsr.losses.pixel.l7', 'jsr.looses', 'jsr.train.memory']
  assert not_in_reference(' '.join(f'`{name}`' for name in bad)) == bad


@pytest.mark.parametrize('path', documents.DOCUMENTS, ids=documents.name)
def test_modules_in_code_font_are_in_the_reference(path):
  assert not_in_reference(path.read_text()) == []


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
