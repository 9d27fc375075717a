"""The README's table tells the truth: every name in it exists."""

import ast
import re

import pytest

from jsr import models
from tests.conftest import ROOT

README = (ROOT / 'README.md').read_text()
HEADER = '| name | generator | discriminator | losses | step | config | evidence |'


def rows() -> list[dict[str, str]]:
  lines = README.split(HEADER)[1].split('\n\n')[0].strip().splitlines()[1:]
  names = [cell.strip() for cell in HEADER.strip('|').split('|')]
  return [
    dict(zip(names, [c.strip() for c in line.strip('|').split('|')], strict=True))
    for line in lines
  ]


def exists(reference: str) -> bool:
  """Whether 'path' or 'path::name' is there; a name is a top-level definition."""
  path, _, name = reference.partition('::')
  if not (ROOT / path).is_file():
    return False
  if not name:
    return True
  tree = ast.parse((ROOT / path).read_text())
  return any(getattr(node, 'name', None) == name for node in tree.body)


def test_the_checker_can_fail():
  assert exists('jsr/losses/pixel.py::l1')
  assert not exists('jsr/losses/pixel.py::l7')
  assert not exists('jsr/losses/pixels.py')


@pytest.mark.parametrize('row', rows(), ids=lambda row: row['name'])
def test_every_name_in_a_row_exists(row):
  assert row['generator']
  assert row['evidence']
  for column, cell in row.items():
    if column == 'name':
      continue
    references = re.findall(r'`([^`]+)`', cell)
    assert re.sub(r'`[^`]+`|[ ,]', '', cell) == '', f'{column}: not only references'
    for reference in references:
      assert exists(reference), f'{row["name"]}: {column} {reference} does not exist'


def test_every_generator_and_discriminator_has_a_row():
  table = ' '.join(' '.join(row.values()) for row in rows())
  for name in models.generator_names():
    assert f'`jsr/models/{name}.py`' in table
  for name in models.discriminator_names():
    assert re.search(rf'`jsr/models/discriminators/\w+\.py::{name}`', table), name
  for path in (ROOT / 'configs').glob('[a-z]*.py'):
    assert path.stem == 'default' or f'`configs/{path.name}`' in table


def test_links_and_paths_of_all_documents_exist():
  documents = [ROOT / 'README.md', ROOT / 'launch' / 'README.md']
  documents += sorted((ROOT / 'docs').glob('*.md'))
  for document in documents:
    text = document.read_text()
    for target in re.findall(r'\]\(([^)#]+)\)', text):
      assert (document.parent / target).exists(), f'{document.name}: {target}'
    # Paths in code font; capitals stand for what the reader fills in.
    folders = 'jsr|configs|tests|docs|launch|benchmarks'
    for path in re.findall(rf'`((?:{folders})/[^` ]*)`', text):
      # x.py stands for the reader's own.
      path = re.sub(r'(?<!:):[\w,-]+$', '', path)  # The argument of a config.
      if not path.endswith('x.py'):
        assert exists(path) or (ROOT / path).is_dir(), f'{document.name}: {path}'


def test_no_placeholder_is_left():
  for document in (ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))):
    assert not re.search(r'^[A-Z_]+_TABLE$', document.read_text(), re.M), document.name


def test_commands_of_the_readme_exist():
  from jsr import cli

  commands = set(re.findall(r'^jsr (\w+)', README, re.M))
  assert {'train', 'evaluate', 'compare', 'upscale'} <= commands
  for command in commands:
    with pytest.raises(SystemExit) as ended:
      cli.main([command, '--help'])
    assert ended.value.code == 0
  makefile = (ROOT / 'Makefile').read_text()
  for target in set(re.findall(r'^make (\w+)', README, re.M)):
    assert re.search(rf'^{target}:', makefile, re.M)
