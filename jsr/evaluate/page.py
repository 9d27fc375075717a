"""A comparison as one HTML file: numbers, plots, and crops side by side.

The file holds everything it shows: pictures as lossless data, styles, a small script.
It asks nothing of the network and works without the script. Pictures are uint8 arrays,
(H, W, 3) RGB or (H, W, 1) grey: `pictures[set][image]` maps 'hr', 'lr' and each method
to one of them.
"""

import dataclasses
import hashlib
import pathlib
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from jsr.evaluate import crops, plots, table
from jsr.evaluate.table import Results

Pictures = Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]

# Sets with more images than this get no plot of every image.
MAX_PLOTTED = 40


@dataclasses.dataclass(frozen=True)
class Section:
  """A part of the page beside the comparison itself.

  Attributes:
    title: Its heading.
    text: Paragraphs.
    plots: SVG elements from `jsr.evaluate.plots`. They are trusted markup: never put a
      user's text here.
    facts: A table of two columns, such as a configuration.
    code: Lines in a fixed-width font, such as the command that made the page.
  """

  title: str
  text: Sequence[str] = ()
  plots: Sequence[str] = ()
  facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  code: str = ''


def comparison_page(
  results: Results,
  pictures: Pictures,
  *,
  title: str,
  intro: Sequence[str] = (),
  sections: Sequence[Section] = (),
  appendix: Sequence[Section] = (),
  crops_per_image: int = 2,
  crop_size: int = 64,
  zoom: int | None = None,
  pictures_dir: str | None = None,
) -> str:
  """Writes the page of a comparison.

  Args:
    results: What was measured; see `jsr.evaluate.table`.
    pictures: The pictures to cut crops from; may lack sets or images, or be empty.
    title: The heading.
    intro: Paragraphs under the heading.
    sections: Parts before the results.
    appendix: Parts after the pictures.
    crops_per_image: How many windows to show of each image; a small image has fewer.
    crop_size: Side of a window in pixels of the ground truth.
    zoom: How many screen pixels a pixel becomes; by default 3, or 2 where that brings
      all methods into one row.
    pictures_dir: Where `save_pictures` put the full pictures, relative to the page; the
      page then links to them.

  Returns:
    An HTML document.

  Raises:
    UserError: The results hold no rows.
    ValueError: The pictures of an image differ in size or are not uint8, or belong to a
      set that the results lack.
  """
  blocks = table.blocks(results)
  if unmeasured := set(pictures) - {block.set for block in blocks}:
    raise ValueError(f'pictures of {sorted(unmeasured)}, which the results lack')
  groups = []
  for block in blocks:
    shown = [
      _picture(results, block, name, found, crops_per_image, crop_size)
      | {'links': _links(pictures_dir, block, name, found)}
      for name, found in pictures.get(block.set, {}).items()
      if _scale(found) in (None, block.scale)
    ]
    longest = max((len(c['cells']) for p in shown for c in p['crops']), default=0)
    numbers = _numbers(results, block)
    groups.append(
      {
        'block': block,
        'numbers': numbers,
        'pictures': shown,
        'plot': _plot(results, block, numbers),
        'zoom': zoom or (2 if longest in (6, 7) else 3),
        'columns': longest if longest <= 7 else -(-longest // -(-longest // 5)),
      }
    )
  protocol = results.get('protocol') or {}
  spoken = {'name', 'description'}
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader('jsr.evaluate', 'templates'),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  return environment.get_template('page.html').render(
    title=title,
    intro=intro,
    protocol=protocol,
    conventions={k: x for k, x in protocol.items() if k not in spoken},
    sections=[_trusted(section) for section in sections],
    appendix=[_trusted(section) for section in appendix],
    groups=groups,
    legend=table.legend(blocks, 'bold', 'underlined'),
    made={
      'date': results.get('date'),
      'machine': results.get('machine'),
      **(results.get('versions') or {}),
    },
  )


def write_page(
  path: pathlib.Path,
  results: Results,
  pictures: Pictures,
  *,
  full_pictures: bool = True,
  **options: Any,
) -> None:
  """Writes the page to a file, and the full pictures into a folder beside it.

  Args:
    path: The HTML file; `x.html` gets the folder `x_pictures`.
    results: As for `comparison_page`.
    pictures: As for `comparison_page`.
    full_pictures: Whether to write and link the full pictures.
    **options: Further arguments of `comparison_page`.
  """
  path.parent.mkdir(parents=True, exist_ok=True)
  if full_pictures and pictures:
    folder = path.with_name(path.stem + '_pictures')
    save_pictures(pictures, folder)
    options['pictures_dir'] = folder.name
  path.write_text(comparison_page(results, pictures, **options), encoding='utf-8')


def save_pictures(pictures: Pictures, folder: pathlib.Path) -> None:
  """Writes all pictures as PNG: folder / set / image / method.png."""
  for name, images in pictures.items():
    for image, found in images.items():
      for method, array in found.items():
        path = folder.joinpath(*_parts(name, image, method))
        path.parent.mkdir(parents=True, exist_ok=True)
        crops.to_pil(array).save(path)


def _picture(
  results: Results,
  block: table.Block,
  name: str,
  pictures: Mapping[str, np.ndarray],
  count: int,
  size: int,
) -> dict[str, Any]:
  """What the template shows of one image."""
  full = {'hr': pictures['hr']} | {
    method: pictures[method] for method in _methods(block, pictures)
  }
  for key, array in pictures.items():
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] not in (1, 3):
      raise ValueError(f'{key} of {name} is {array.dtype} {array.shape}, not an image')
    if key != 'lr' and array.shape[:2] != pictures['hr'].shape[:2]:
      raise ValueError(f'{key} of {name} is {array.shape}, not {pictures["hr"].shape}')
  scale = _scale(pictures) or 1
  # Grey and colour pictures of one scene are compared by their brightness.
  boxes = crops.pick(full, size=size, count=count, align=scale)
  height, width = pictures['hr'].shape[:2]
  psnr = {method: _psnr(results, block, method, name) for method in full}
  scores = table.marks([psnr[method] for method in full], 2)
  best = {method for method, mark in zip(full, scores, strict=True) if mark == 'best'}

  # A method that only repeats pixels shows the input already.
  plain = 'lr' not in pictures
  if not plain:
    repeated = np.kron(pictures['lr'], np.ones((scale, scale, 1), np.uint8))
    plain = any(np.array_equal(repeated, array) for array in full.values())

  def cells(box: crops.Box) -> Iterator[dict[str, Any]]:
    if not plain:
      yield {
        'label': 'input',
        'detail': f'1/{scale} size',
        'src': crops.lossless(box.cut(pictures['lr'], scale)),
        'best': False,
      }
    for method in [*list(full)[1:], 'hr']:
      x = psnr[method]
      yield {
        'label': 'original' if method == 'hr' else method,
        'detail': '' if x is None else f'{table.number(x, 2)} dB',
        'src': crops.lossless(box.cut(full[method])),
        'best': method in best,
      }

  return {
    'name': name,
    'width': width,
    'height': height,
    'thumbnail': crops.thumbnail(pictures['hr']),
    'crops': [
      {
        'box': box,
        'left': 100 * box.left / width,
        'top': 100 * box.top / height,
        'width': 100 * box.width / width,
        'height': 100 * box.height / height,
        'cells': list(cells(box)),
      }
      for box in boxes
    ],
  }


def _methods(block: table.Block, pictures: Mapping[str, np.ndarray]) -> list[str]:
  """Methods with a picture: those of the table in its order, then the others."""
  listed = [line.method for line in block.lines if line.method in pictures]
  return listed + [m for m in pictures if m not in {'hr', 'lr', *listed}]


def _scale(pictures: Mapping[str, np.ndarray]) -> int | None:
  if 'lr' not in pictures:
    return None
  high, low = pictures['hr'].shape, pictures['lr'].shape
  scale = high[0] // low[0]
  if scale < 1 or high[1] // low[1] != scale:
    raise ValueError(f'no whole scale between {low} and {high}')
  return scale


def _rows(results: Results, block: table.Block) -> list[Mapping[str, Any]]:
  return [
    row
    for row in results['rows']
    if row['set'] == block.set and row['scale'] == block.scale
  ]


def _psnr(
  results: Results, block: table.Block, method: str, image: str
) -> float | None:
  for row in _rows(results, block):
    if row['method'] == method:
      entry = (row.get('per_image') or {}).get(image, {})
      values = (table.value(entry, key) for key in ('psnr_y', 'psnr_rgb'))
      return next((x for x in values if x is not None), None)
  return None


def _numbers(results: Results, block: table.Block) -> dict[str, Any] | None:
  """PSNR and SSIM of every image by method, on luma or else on RGB."""
  rows = _rows(results, block)
  images = list(dict.fromkeys(i for row in rows for i in row.get('per_image') or {}))
  for plane in ('y', 'rgb'):
    lines = []
    for image in images:
      entries = [(row.get('per_image') or {}).get(image, {}) for row in rows]
      psnr = [table.value(entry, f'psnr_{plane}') for entry in entries]
      ssim = [table.value(entry, f'ssim_{plane}') for entry in entries]
      texts = [
        (table.number(x, 2), table.number(y, 4), mark)
        for x, y, mark in zip(psnr, ssim, table.marks(psnr, 2), strict=True)
      ]
      if any(x is not None for x in psnr):
        lines.append({'name': image, 'cells': texts})
    if lines:
      methods = [row['method'] for row in rows]
      return {'plane': plane.upper(), 'methods': methods, 'lines': lines}
  return None


def _plot(
  results: Results, block: table.Block, numbers: Mapping[str, Any] | None
) -> Markup | None:
  """The dots of every image, where there are some to compare and not too many."""
  if numbers is None or len(numbers['methods']) < 2:
    return None
  if not 2 <= len(numbers['lines']) <= MAX_PLOTTED:
    return None
  metric = f'psnr_{numbers["plane"].lower()}'
  return Markup(
    plots.per_image(results, dataset=block.set, scale=block.scale, metric=metric)
  )


def _trusted(section: Section) -> dict[str, Any]:
  """The section with its plots marked as markup."""
  fields = {f.name: getattr(section, f.name) for f in dataclasses.fields(section)}
  return fields | {'plots': [Markup(svg) for svg in section.plots]}


def _links(
  folder: str | None, block: table.Block, image: str, pictures: Mapping[str, np.ndarray]
) -> list[tuple[str, str]]:
  """What to call each full picture, and its address relative to the page."""
  if folder is None:
    return []
  names = {'lr': 'input', **{m: m for m in _methods(block, pictures)}, 'hr': 'original'}
  return [
    (names[key], urllib.parse.quote('/'.join([folder, *_parts(block.set, image, key)])))
    for key in names
    if key in pictures
  ]


def _parts(name: str, image: str, method: str) -> tuple[str, str, str]:
  return _safe(name), _safe(image), _safe(method) + '.png'


def _safe(name: str) -> str:
  """A file name for any text; different texts get different names."""
  clean = re.sub(r'[^\w.-]|^\.', '_', name)
  if clean == name:
    return name
  return f'{clean}-{hashlib.sha256(name.encode()).hexdigest()[:8]}'
