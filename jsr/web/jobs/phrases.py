"""What jsr says of picture files, in words for visitors that have translations.

jsr itself speaks English, and of paths and options. A sentence without a translation
is shown as it is.
"""

from django.utils.translation import gettext as translate
from django.utils.translation import gettext_noop as _

from jsr import errors

UNKNOWN = _('This is no picture in a format that the site knows.')
HEIC = _(
  'HEIC is not supported: convert it to JPEG or PNG first, or have the phone save'
  ' pictures as “most compatible”.'
)
CUT = _('The file is cut off: a part of the picture is missing. Send it again.')
DAMAGED = _('The file is damaged: it cannot be decoded.')
EMPTY = _('The file is empty.')
KIND = _('Pictures of this kind are not supported: save it as PNG, JPEG or TIFF first.')
# Parts of what jsr raises, the first that fits.
_OF_FILES = {
  'not an image': UNKNOWN,
  'HEIC': HEIC,
  'the file is empty': EMPTY,
  'truncated': CUT,
  'cut off': CUT,
  'strips are missing': CUT,
  'cannot hold': CUT,
  'not supported': KIND,
  'of a kind': KIND,
  'damaged': DAMAGED,
  'cannot be decoded': DAMAGED,
  'without a header': DAMAGED,
  'without picture data': DAMAGED,
  'header cannot be read': DAMAGED,
}
_NOTES = {
  'EXIF orientation applied': _('turned upright, as its EXIF data say'),
  'the first frame of several': _('only the first frame of the animation'),
  'the first page of several': _('only the first page'),
  'the first picture of several': _('only the first of several pictures'),
  'palette looked up': _('the colours of its palette became RGB'),
  '1-bit becomes grey': _('black and white became grey'),
  'transparent colour becomes alpha': _('the transparent colour became transparency'),
  'premultiplied alpha becomes straight': _('transparency was stored anew'),
  'channels beside colour and alpha left out': _('channels beside colour left out'),
  'more than 8 bits a sample become 8': _('read with 8 bits'),
  'read with 8 bits and without what is beside the colours': _('read with 8 bits'),
  'damaged EXIF left out': _('damaged EXIF data left out'),
  'damaged colour profile left out': _('a damaged colour profile left out'),
  'the colour profile is for another colour space: left out': _(
    'a colour profile that does not fit left out'
  ),
}


def of_file(text: str) -> str:
  """Returns a sentence, in English, for what jsr found wrong with a file."""
  for part, sentence in _OF_FILES.items():
    if part in text:
      return sentence
  text = errors.first_line(Exception(text))
  return text[:1].upper() + text[1:].rstrip('.') + '.'


def notes(found: list[str]) -> list[str]:
  """Returns the notes of a job in the language of the request."""
  return [translate(_NOTES.get(note, note)) for note in found]
