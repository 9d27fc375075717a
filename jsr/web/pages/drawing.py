"""Plots of `jsr.evaluate.plots` as part of a page with a strict policy.

They come with `style` attributes, which the policy of the site forbids, and with an ink
that suits white and black alike. Here styles become attributes of their own, and the
ink becomes the colour of the text around it.
"""

import functools
import re
from xml.etree import ElementTree

from django.utils.safestring import SafeString, mark_safe

from jsr import errors
from jsr.evaluate.svg import INK
from jsr.web.pages import files
from jsr.web.pages.files import Comparison

# A set with more pictures gets no plot: its rows could not be told apart.
MAX_PICTURES = 40
# Inches: a plot stands beside its table, or fills a phone.
WIDTH = 5.0
_SVG = 'http://www.w3.org/2000/svg'


def plot(comparison: Comparison, block: int) -> SafeString | None:
  """Draws the PSNR of every picture of a table; None where there is nothing to draw."""
  found = comparison.blocks[block]
  try:
    rows = [
      row
      for row in comparison.results['rows']
      if (row['set'], row['scale']) == (found.set, found.scale)
    ]
    pictures = {name for row in rows for name in row.get('per_image') or {}}
    if len(rows) < 2 or not 2 <= len(pictures) <= MAX_PICTURES:
      return None
    return _draw(comparison, found.set, found.scale)
  except (*files.FAULTS, errors.UserError):
    return None


@functools.lru_cache(maxsize=64)
def _draw(comparison: Comparison, name: str, scale: int) -> SafeString:
  from jsr.evaluate import plots  # Matplotlib takes a second to start.

  results = comparison.results
  drawn = plots.per_image(
    results, dataset=name, scale=scale, metric='psnr_y', width=WIDTH
  )
  return mark_safe(inline(drawn))


def inline(svg: str) -> str:
  """Rewrites an SVG element of `jsr.evaluate.svg` for a page.

  It is hidden from screen readers: what stands around it says what it shows, in the
  visitor's language, and its numbers stand in the table.
  """
  root = ElementTree.fromstring(svg)
  for element in root.iter():
    # HTML knows SVG without a prefix.
    element.tag = element.tag.removeprefix(f'{{{_SVG}}}')
    for part in element.attrib.pop('style', '').split(';'):
      name, _colon, value = part.partition(':')
      if name.strip():
        element.set(name.strip(), value.strip())
    for name, value in element.attrib.items():
      if value == INK:
        element.set(name, 'currentColor')
  for name in ('width', 'height', 'role', 'aria-label'):
    root.attrib.pop(name, None)
  root.set('aria-hidden', 'true')
  root.set('focusable', 'false')
  return re.sub(r'>\s+<', '><', ElementTree.tostring(root, encoding='unicode'))
