"""Every string of the site in every language, and the files that Django reads."""

import re

import pytest

from tests.conftest import ROOT

pytest.importorskip('django')
pytest.importorskip('babel')
pytestmark = pytest.mark.usefixtures('site')
WEB = ROOT / 'jsr' / 'web'


@pytest.fixture(scope='module')
def translations(_django):
  from jsr.web import translations

  return translations


@pytest.mark.parametrize('language', ['zh_Hant', 'ko'])
def test_all_is_translated(translations, language):
  assert translations.faults(language) == []


@pytest.mark.parametrize('language', ['zh_Hant', 'ko'])
def test_nothing_is_left_over(translations, language):
  """`update` would change nothing."""
  said = {(m.context, str(m.id)) for m in translations.template() if m.id}
  kept = {(m.context, str(m.id)) for m in translations.load(language) if m.id}
  assert kept == said


def test_languages_are_those_of_the_settings(translations):
  from django.conf import settings
  from django.utils.translation import to_locale

  wanted = {to_locale(code) for code, _ in settings.LANGUAGES} - {'en'}
  assert wanted == {*translations.LANGUAGES}
  assert {p.name for p in (WEB / 'locale').iterdir()} == wanted


def test_the_reader_finds_every_tag(translations):
  """Counted by another reader: no translated tag of a template is overlooked."""
  ids = {m.id if isinstance(m.id, str) else m.id[0] for m in translations.template()}
  count = 0
  for file in (WEB / 'templates').rglob('*.html'):
    tags = re.findall(r"""{% translate (?:"([^"]*)"|'([^']*)')""", file.read_text())
    for double, single in tags:
      count += 1
      assert (double or single).replace('%', '%%') in ids, file.name
  assert count > 50


def test_no_text_of_a_template_is_untranslated():
  """What stands between tags of HTML, outside of what is translated, has no words."""
  # First the template's tags: those of HTML hold some, with signs of comparison.
  tags = re.compile(
    r'{% blocktranslate.*?{% endblocktranslate %}|{% comment.*?{% endcomment %}'
    r'|{% block body %}.*?{% endblock %}|{%.*?%}|{{.*?}}|{#.*?#}',
    re.DOTALL,
  )
  quiet = re.compile(
    r'<(code|pre|kbd|style|script)\b.*?</\1>|<!--.*?-->|<[^>]*>|&\w+;', re.DOTALL
  )
  # Names, which are the same in every language.
  names = {
    *('jsr', 'jsr:', 'English', '繁體中文', '한국어', 'Ledig', 'et', 'al.,'),
    *('API', 'CSV', 'OpenAPI', 'PSNR', 'RGB', 'SSIM', 'WebP'),
    'Bradley-Terry',
  }
  for file in (WEB / 'templates').rglob('*.html'):
    left = {
      w
      for w in quiet.sub(' ', tags.sub(' ', file.read_text())).split()
      if re.search(r'\w\w', w)
    }
    words = {w for w in left - names if not re.fullmatch(r'[\d.,]+', w)}
    assert words == set(), f'{file.relative_to(WEB)}: {sorted(words)}'


def test_the_check_finds_faults(translations, monkeypatch, tmp_path):
  from babel.messages.catalog import Catalog

  catalog = Catalog(locale='ko')
  said = Catalog()
  for text, korean in (
    ('Remove %(name)s', '빼기 %(nam)s'),
    ('Open', ''),
    ('{n} of {m}', '{n}'),
    ('Good', '좋음'),
  ):
    said.add(text)
    catalog.add(text, korean)
  monkeypatch.setattr(translations, 'template', lambda: said)
  monkeypatch.setattr(translations, 'load', lambda language: catalog)
  monkeypatch.setattr(translations, 'path', lambda *_: tmp_path / 'django.mo')
  found = translations.faults('ko')
  assert [re.sub(r'^ko: (\S+ \S+).*', r'\1', line) for line in found] == [
    'it has',
    'not translated:',
    'it has',
    'django.mo is',
  ]


def test_update_keeps_what_is_translated(translations, monkeypatch, tmp_path):
  from babel.messages.catalog import Catalog

  monkeypatch.setattr(
    translations, 'path', lambda language, suffix='.po': tmp_path / (language + suffix)
  )
  said = Catalog()
  said.add('Picture')
  said.add(('%(n)s picture', '%(n)s pictures'))
  monkeypatch.setattr(translations, 'template', lambda: said)
  translations.update()
  catalog = translations.load('ko')
  assert catalog.num_plurals == 1
  file = tmp_path / 'ko.po'
  text = file.read_text()
  file.write_text(
    text.replace('msgid "Picture"\nmsgstr ""', 'msgid "Picture"\nmsgstr "사진"')
  )
  translations.update()
  assert translations.load('ko').get('Picture').string == '사진'
  before = file.read_bytes()
  translations.update()
  assert file.read_bytes() == before
