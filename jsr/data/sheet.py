"""Contact sheets: small pictures in rows, each with a line below it, as one image."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GAP, _LINE, _FONT = 6, 14, 11
_PAPER, _INK, _EDGE = (250, 250, 250), (30, 30, 30), (190, 190, 190)


class Cell(NamedTuple):
  """One place of a sheet.

  Attributes:
    pictures: uint8 (H, W, 3), beside each other.
    caption: The line below them.
  """

  pictures: Sequence[np.ndarray]
  caption: str


class Section(NamedTuple):
  """Cells under a heading; each as wide as the widest."""

  title: str
  cells: Sequence[Cell]


def draw(sections: Sequence[Section], width: int = 1200) -> Image.Image:
  """Draws a sheet.

  Args:
    sections: From top to bottom.
    width: Of the sheet, pixels; a cell that is wider makes it wider.

  Returns:
    RGB.
  """
  sizes = [_cell_size(section) for section in sections]
  width = max([width, *(w + 2 * _GAP for w, _ in sizes)])
  rows = [
    -(-len(section.cells) // max(1, (width - _GAP) // (w + _GAP)))
    for section, (w, _) in zip(sections, sizes, strict=True)
  ]
  height = _GAP + sum(
    2 * _LINE + n * (h + _LINE + _GAP) for n, (_, h) in zip(rows, sizes, strict=True)
  )
  sheet = Image.new('RGB', (width, height), _PAPER)
  pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
  top = _GAP
  for section, (w, h), n in zip(sections, sizes, rows, strict=True):
    pen.text((_GAP, top), section.title, _INK, ImageFont.load_default(_FONT + 3))
    top += 2 * _LINE
    columns = max(1, (width - _GAP) // (w + _GAP))
    for i, cell in enumerate(section.cells):
      x = _GAP + i % columns * (w + _GAP)
      y = top + i // columns * (h + _LINE + _GAP)
      pen.text((x, y + h), cell.caption, _INK, font)
      for picture in cell.pictures:
        sheet.paste(Image.fromarray(picture), (x, y))
        # White pictures have an edge, too.
        box = (x - 1, y - 1, x + picture.shape[1], y + picture.shape[0])
        pen.rectangle(box, outline=_EDGE)
        x += picture.shape[1] + 2
    top += n * (h + _LINE + _GAP)
  return sheet


def _cell_size(section: Section) -> tuple[int, int]:
  """Returns (width, height) that holds every cell's pictures and caption."""
  font = ImageFont.load_default(_FONT)
  width = height = 1
  for cell in section.cells:
    side_by_side = sum(p.shape[1] + 2 for p in cell.pictures)
    width = max(width, side_by_side, int(font.getlength(cell.caption)) + 1)
    height = max([height, *(p.shape[0] for p in cell.pictures)])
  return width, height
