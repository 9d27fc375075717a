"""What `mkdocs build` finds by itself: see mkdocs.yml.

- Documents outside docs/ become pages: the launchers' README and the cards of the
  models that come with jsr. Links to them lead to these pages, so that one link serves
  both the site and whoever reads the repository.
- Reports of studies join the navigation in the order of the commands, and a list of
  them with their verdicts stands where studies/index.md says `<!-- studies -->`; any
  other document joins the guides.
- In docs/api, `::: jsr.losses.*` stands for every public module of that folder.
"""

import ast
import collections
import json
import pathlib
import posixpath
import re
from typing import Any

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parent
CARDS = 'jsr/weights/embedded'
# Document of the repository: page of the site.
PAGES = {
  'launch/README.md': 'launch.md',
  **{f'{CARDS}/{p.name}': f'models/{p.name}' for p in (ROOT / CARDS).glob('*.md')},
}


def on_config(config: Any) -> Any:
  """Fills the navigation."""
  parts = {name: entries for part in config.nav for name, entries in part.items()}
  reports = [f'studies/{name}.md' for name in studies()]
  parts['Studies'] += [page for page in reports if (ROOT / 'docs' / page).is_file()]
  zoo = ['zoo.md'] * (ROOT / 'docs' / 'zoo.md').is_file()
  parts['Zoo'] += zoo + sorted(page for page in PAGES.values() if '/' in page)
  listed = set(_pages(config.nav))
  documents = sorted(path.name for path in (ROOT / 'docs').glob('*.md'))
  parts['Guides'] += [name for name in documents if name not in listed]
  return config


def studies() -> list[str]:
  """Returns the names of all studies, in order; imports nothing of jsr."""
  source = (ROOT / 'jsr' / 'experiments' / 'studies' / '__init__.py').read_text()
  for node in ast.parse(source).body:
    match node:
      case ast.AnnAssign(target=ast.Name(id='STUDIES'), value=ast.expr() as value):
        return list(ast.literal_eval(value))
  raise ValueError('jsr/experiments/studies/__init__.py has no STUDIES')


def studies_table() -> str:
  """Returns the list of all studies, Markdown: what each found, from its JSON."""
  lines = ['| study | command | verdicts |', '|---|---|---|']
  for name in studies():
    path = ROOT / 'docs' / 'studies' / f'{name}.json'
    title, verdicts = name, 'not run yet'
    if path.is_file():
      found = json.loads(path.read_text(encoding='utf-8'))
      title = f'[{found["title"]}]({name}.md)'
      counts = collections.Counter(claim['verdict'] for claim in found['claims'])
      verdicts = ', '.join(f'{count} {verdict}' for verdict, count in counts.items())
    lines.append(f'| {title} | `jsr study-{name}` | {verdicts} |')
  return '\n'.join(lines)


def on_files(files: Any, config: Any) -> Any:
  """Adds the documents outside docs/."""
  for document, page in PAGES.items():
    text = (ROOT / document).read_text(encoding='utf-8')
    files.append(File.generated(config, page, content=text))
  return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
  """Leads links to pages of the site, and names the modules of a folder."""
  here = page.file.src_uri
  origin = next((d for d, p in PAGES.items() if p == here), f'docs/{here}')

  def lead(found: re.Match[str]) -> str:
    path, anchor = found[1], found[2] or ''
    target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
    site = PAGES.get(target, target.removeprefix('docs/'))
    return f']({posixpath.relpath(site, posixpath.dirname(here) or ".")}{anchor})'

  markdown = markdown.replace('<!-- studies -->', studies_table())
  markdown = re.sub(r'\]\((?![a-z]+:)([^)#\s]+)(#[^)\s]*)?\)', lead, markdown)
  return re.sub(r'^::: (\S+)\.\*$', lambda m: _modules(m[1]), markdown, flags=re.M)


def _modules(package: str) -> str:
  folder = ROOT.joinpath(*package.split('.'))
  names = sorted(path.stem for path in folder.glob('[a-z]*.py'))
  return '\n\n'.join(f'::: {package}.{name}' for name in names)


def _pages(nav: Any) -> list[str]:
  if isinstance(nav, str):
    return [nav]
  values = nav.values() if isinstance(nav, dict) else nav
  return [page for value in values for page in _pages(value)]
