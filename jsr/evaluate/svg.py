"""Matplotlib figures as small, reproducible SVG text with one quiet look."""

import contextlib
import hashlib
import io
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

# Reads on white and on black.
INK = '#7d7d7d'

_SVG = 'http://www.w3.org/2000/svg'
_XLINK = 'http://www.w3.org/1999/xlink'
# Typed loosely: Matplotlib names its settings in its stubs only from 3.11 on.
_STYLE: Any = {
  'svg.fonttype': 'none',
  'font.family': 'sans-serif',
  'font.sans-serif': ['DejaVu Sans'],
  'font.size': 9,
  'text.color': INK,
  'axes.labelcolor': INK,
  'axes.edgecolor': INK,
  'xtick.color': INK,
  'ytick.color': INK,
  'axes.spines.top': False,
  'axes.spines.right': False,
  'axes.spines.left': False,
  'ytick.left': False,
  'axes.unicode_minus': True,
  'text.usetex': False,
}
# Matplotlib's settings belong to the whole process, and a website draws in threads.
_ONE = threading.RLock()


@contextlib.contextmanager
def style() -> Iterator[None]:
  """The settings under which to draw; other threads wait until the context ends."""
  with _ONE, mpl.rc_context(_STYLE):
    yield


def render(figure: Figure, title: str) -> str:
  """Renders a figure as a small `<svg>` element, fit for HTML and for a file.

  Args:
    figure: Drawn within `style()`.
    title: What the picture shows, for those who cannot see it.

  Returns:
    The same text for the same figure and title.
  """
  out = io.StringIO()
  metadata = {'Date': None, 'Creator': None, 'Format': None, 'Type': None}
  with _ONE, mpl.rc_context({'svg.hashsalt': 'jsr'}), warnings.catch_warnings():
    # The reader's browser has the glyphs; here they are only measured.
    warnings.filterwarnings('ignore', message=r'Glyph .* missing from font')
    figure.savefig(out, format='svg', transparent=True, metadata=metadata)
  # Several pictures share a page: identifiers must differ between them.
  prefix = 'p' + hashlib.sha256((title + out.getvalue()).encode()).hexdigest()[:8]
  root = ElementTree.fromstring(out.getvalue())
  for parent in list(root.iter()):
    for child in list(parent):
      if child.tag in {f'{{{_SVG}}}metadata', f'{{{_SVG}}}style'}:
        parent.remove(child)
  for element in root.iter():
    _tidy(element, prefix)
  root.attrib.pop('version', None)
  root.set('role', 'img')
  root.set('aria-label', title)
  root.set('style', 'stroke-linejoin: round; stroke-linecap: butt')
  text = ElementTree.tostring(root, encoding='unicode')
  # ElementTree prefixes every tag; HTML knows SVG without a prefix.
  text = re.sub(r'(</?)ns0:', r'\1', text).replace('xmlns:ns0=', 'xmlns=', 1)
  return re.sub(r'>\s+<', '><', text).strip()


def _tidy(element: ElementTree.Element, prefix: str) -> None:
  """Makes identifiers unique, drops unused ones, shortens numbers and styles."""
  attributes = element.attrib
  if element.tag == f'{{{_SVG}}}g':
    attributes.pop('id', None)
  if 'id' in attributes:
    attributes['id'] = prefix + attributes['id']
  if link := attributes.pop(f'{{{_XLINK}}}href', None):
    attributes['href'] = link.replace('#', f'#{prefix}', 1)
  if 'clip-path' in attributes:
    attributes['clip-path'] = attributes['clip-path'].replace('#', f'#{prefix}', 1)
  for name in {'d', 'x', 'y', 'transform'} & attributes.keys():
    attributes[name] = _shorten(attributes[name])
  if attributes.get('transform', '').startswith('rotate(-0 '):
    del attributes['transform']
  if 'style' in attributes:
    attributes['style'] = attributes['style'].replace("'DejaVu Sans', ", '')


def _shorten(numbers: str) -> str:
  """Hundredths of a point are finer than any screen."""
  return re.sub(
    r'-?\d+\.\d{3,}',
    lambda m: f'{float(m.group()):.2f}'.rstrip('0').rstrip('.'),
    re.sub(r'\s+', ' ', numbers).strip(),
  )
