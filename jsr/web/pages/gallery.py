"""Pictures of the first page, made by benchmarks/gallery.py, and what they show."""

import dataclasses
import functools
import json
import pathlib

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

FOLDER = pathlib.Path(__file__).parents[1] / 'static' / 'web' / 'gallery'
# What each picture shows, and what to look at; in the order of the file.
CAPTIONS = {
  'chelsea': (
    gettext_lazy('A cat'),
    gettext_lazy(
      'Fur: the GAN draws sharp strokes, no nearer to the truth than bicubic is.'
    ),
  ),
  'coffee': (
    gettext_lazy('A cup of coffee'),
    gettext_lazy('Clean edges are what a network gains most on.'),
  ),
  'astronaut': (
    gettext_lazy('An astronaut'),
    gettext_lazy('A face: eyes and teeth are guessed. They need not be hers.'),
  ),
  'rocket': (
    gettext_lazy('A launch pad at dusk'),
    gettext_lazy('Thin struts, finer than a pixel of the small picture, stay lost.'),
  ),
  'ihc': (
    gettext_lazy('Stained tissue under a microscope'),
    gettext_lazy('Sharp is not true: never decide anything by invented texture.'),
  ),
  'hubble_deep_field': (
    gettext_lazy('Distant galaxies'),
    gettext_lazy('Small bright spots come back well, faint ones do not.'),
  ),
}


@dataclasses.dataclass(frozen=True)
class Version:
  """One way to the large picture: file below static/, name, number, what is heard."""

  file: str
  name: str
  psnr: str
  alt: str


@dataclasses.dataclass(frozen=True)
class Entry:
  """A photograph in all its versions, bicubic first and the original last."""

  title: str
  text: str
  credit: str
  versions: tuple[Version, ...]


def entries() -> list[Entry]:
  """Returns the gallery in the visitor's language."""
  return [_entry(each) for each in about()['pictures']]


@functools.cache
def about() -> dict:
  """Returns what benchmarks/gallery.py wrote about the pictures."""
  return dict(json.loads((FOLDER / 'gallery.json').read_text(encoding='utf-8')))


def _entry(each: dict) -> Entry:
  title, text = CAPTIONS[each['name']]
  versions = [
    Version(
      f'web/gallery/{each["name"]}-{method}.webp',
      method,
      f'{psnr:.2f} dB',
      _('%(picture)s, enlarged by %(method)s') % {'picture': title, 'method': method},
    )
    for method, psnr in each['psnr_y'].items()
  ]
  original = Version(
    f'web/gallery/{each["name"]}-original.webp',
    _('original'),
    '',
    _('%(picture)s, the original') % {'picture': title},
  )
  free = {'public domain': _('public domain')}
  credit = _(', ').join(free.get(part, part) for part in each['credit'].split(', '))
  return Entry(str(title), str(text), credit, (*versions, original))
