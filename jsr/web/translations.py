"""Translations of the site: `python -m jsr.web.translations update|compile|check`.

`update` brings the .po files up to date with what templates and code say, `compile`
writes the .mo files that Django reads, `check` tells what is missing or wrong. The .mo
files are committed: who installs jsr has no compiler for them. In place of GNU gettext
it takes Babel, and Django's own reader of templates.
"""

import argparse
import io
import pathlib
import re
import sys
from collections.abc import Iterator

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from django.utils.translation.template import templatize

HERE = pathlib.Path(__file__).parent
# Folders of `locale`, as Django spells languages with a script.
LANGUAGES = ('zh_Hant', 'ko')
_KEYWORDS = {
  **dict.fromkeys(('_', 'gettext', 'gettext_lazy', 'gettext_noop'), (1,)),
  **dict.fromkeys(('ngettext', 'ngettext_lazy'), (1, 2)),
  **dict.fromkeys(('pgettext', 'pgettext_lazy'), ((1, 'c'), 2)),
  **dict.fromkeys(('npgettext', 'npgettext_lazy'), ((1, 'c'), 2, 3)),
}
_COMMENT = 'Translators'
# %(name)s, %d, %% and {name}, {}.
_FIELD = re.compile(r'%(?:\(\w+\))?[#0\-+]*[\d.]*[a-zA-Z%]|{\w*}')


def path(language: str, suffix: str = '.po') -> pathlib.Path:
  """Returns the file of a language."""
  return HERE / 'locale' / language / 'LC_MESSAGES' / f'django{suffix}'


def template() -> Catalog:
  """Returns what the site says, untranslated, in the order of its files."""
  found = Catalog(project='jsr', charset='utf-8')
  files = [*HERE.rglob('*.py'), *(HERE / 'templates').rglob('*.*')]
  for file in sorted(files):
    if 'migrations' in file.parts or file.suffix not in ('.py', '.html', '.txt', '.js'):
      continue
    name = file.relative_to(HERE).as_posix()
    for text, comments, context in _strings(file):
      found.add(text, locations=[(name, 0)], auto_comments=comments, context=context)
  return found


def _strings(file: pathlib.Path) -> Iterator[tuple]:
  source = file.read_text(encoding='utf-8')
  if file.suffix != '.py':
    source = templatize(source, origin=str(file))
    # What is left of the HTML is no Python: each line shall stand for itself.
    lines = source.splitlines()
    source = '\n'.join(line.strip() if _speaks(line) else '' for line in lines)
  read = extract('python', io.BytesIO(source.encode()), _KEYWORDS, (_COMMENT,))
  for _line, text, comments, context in read:
    yield text, comments, context


def _speaks(line: str) -> bool:
  return 'gettext(' in line or ' _(' in line or line.lstrip().startswith('#')


def load(language: str) -> Catalog:
  """Returns the translations of a language; none where there is no file yet."""
  file = path(language)
  if not file.is_file():
    return Catalog(
      locale=language,
      project='jsr',
      version='website',
      header_comment=f'# The website of jsr, {language}.',
      last_translator='jsr',
      language_team=language,
      fuzzy=False,
    )
  with file.open('rb') as stream:
    return pofile.read_po(stream, locale=language)


def update() -> None:
  """Writes the .po files: new strings are empty, those no longer said are gone."""
  said = template()
  for language in LANGUAGES:
    catalog = load(language)
    catalog.update(said, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    file = path(language)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open('wb') as stream:
      pofile.write_po(stream, catalog, width=88, include_lineno=False)


def compiled(language: str) -> bytes:
  """Returns the .mo file of a language."""
  out = io.BytesIO()
  write_mo(out, load(language))
  return out.getvalue()


def faults(language: str) -> list[str]:
  """Returns what is wrong with the translations of a language, a line each."""
  catalog, found = load(language), []
  for said in template():
    if not said.id:
      continue
    message = catalog.get(_id(said), said.context)
    if message is None or not _texts(message.string) or message.fuzzy:
      found.append(f'{language}: not translated: {_id(said)!r}')
      continue
    found += [f'{language}: {fault}: {_id(said)!r}' for fault in _wrong(message)]
  file = path(language, '.mo')
  if not file.is_file() or file.read_bytes() != compiled(language):
    found.append(f'{language}: {file.name} is not what {path(language).name} says')
  return found


def _wrong(message: Message) -> Iterator[str]:
  singular, *plural = [message.id] if isinstance(message.id, str) else message.id
  wanted = set(_FIELD.findall(plural[0] if plural else singular))
  for text in _texts(message.string):
    fields = set(_FIELD.findall(text))
    if fields != wanted:
      yield f'it has {sorted(fields)}, not {sorted(wanted)}'
    if text[:1].isspace() != singular[:1].isspace():
      yield 'it starts otherwise'
    if text.startswith('\n') != singular.startswith('\n'):
      yield 'its lines break otherwise'


def _id(message: Message) -> str:
  return message.id if isinstance(message.id, str) else message.id[0]


def _texts(string: str | tuple[str, ...] | list[str] | None) -> list[str]:
  """Returns all forms; none where one of them is empty."""
  texts = [string] if isinstance(string, str) else list(string or ())
  return texts if all(texts) else []


def main() -> int:
  """Runs one of the three."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('what', choices=('update', 'compile', 'check'))
  what = parser.parse_args().what
  if what == 'update':
    update()
  if what == 'compile':
    for language in LANGUAGES:
      path(language, '.mo').write_bytes(compiled(language))
  found = [fault for language in LANGUAGES for fault in faults(language)]
  print('\n'.join(found) or 'all is translated')
  return 1 if what == 'check' and found else 0


if __name__ == '__main__':
  sys.exit(main())
