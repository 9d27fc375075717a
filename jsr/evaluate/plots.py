"""Curves and dots as SVG text, for a page or a file.

Every function returns one `<svg>` element without prolog, so that it can stand inside
HTML and be saved as a file too. The same input gives the same text: no date, no random
identifier. The background is transparent and the ink mid-tone: it reads on white and on
black. Colours are those of Okabe and Ito ("Color Universal Design", 2008), which people
with any common colour blindness tell apart.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from jsr.errors import UserError, unknown
from jsr.evaluate import svg
from jsr.evaluate.svg import INK
from jsr.evaluate.table import BASELINE, METRICS, Results, value

Record = Mapping[str, Any]

PALETTE = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
MARKERS = 'osD^vP'
DASHES = ('-', '--', ':', '-.')
# More points than this are not seen at the width of a page.
MAX_POINTS = 500


def curves(
  records: Sequence[Record] | Mapping[str, Sequence[Record]],
  keys: str | Sequence[str],
  *,
  title: str,
  y_label: str = '',
  labels: Mapping[str, str] | None = None,
  references: Mapping[str, float] | None = None,
  log_y: bool = False,
  smooth: int = 1,
  consecutive: bool = False,
  size: tuple[float, float] = (7.2, 2.9),
) -> str:
  """Draws metrics over training steps, a line a run and key.

  A step that was logged twice (a run that went on from a checkpoint) counts as it was
  logged last. Values that are not finite leave a gap.

  Args:
    records: Lines of a log, {'step': 100, 'g/pixel': 0.04, ...}; or several logs by
      name, such as stages or runs.
    keys: What to draw; a run that lacks a key has no line for it.
    title: What the picture shows, for those who cannot see it; it is not drawn.
    y_label: The quantity and its unit.
    labels: Names to print for keys.
    references: Dashed horizontal lines by name, such as {'bicubic': 26.3}.
    log_y: Whether the vertical axis is logarithmic.
    smooth: Points of the moving mean that is drawn over the pale raw line.
    consecutive: Whether each log starts where the one before it ended.
    size: Width and height in inches of 72 points.

  Returns:
    An `<svg>` element.

  Raises:
    UserError: No log has one of the keys.
  """
  runs = records if isinstance(records, Mapping) else {'': records}
  keys = [keys] if isinstance(keys, str) else list(keys)
  labels = labels or {}
  names: list[str] = []
  lines: list[tuple[np.ndarray, np.ndarray]] = []
  offset = 0
  for run, log in runs.items():
    for key in keys:
      steps, values = _series(log, key)
      if len(steps):
        parts = [run] if run and len(keys) == 1 else [run, labels.get(key, key)]
        names.append(' · '.join(filter(None, parts)))
        lines.append((steps + offset, values))
    if consecutive:
      offset += max((int(record['step']) for record in log), default=0)
  for key in keys:
    if not any(key in record for log in runs.values() for record in log):
      known = {k for log in runs.values() for record in log for k in record} - {'step'}
      raise unknown('metric of the log', key, known)

  with svg.style():
    figure = Figure(figsize=size, layout='constrained')
    axes = figure.add_subplot()
    handles = []
    for i, (steps, values) in enumerate(lines):
      look: dict[str, Any] = {
        'color': PALETTE[i % len(PALETTE)],
        'linestyle': DASHES[i // len(PALETTE) % len(DASHES)],
        'linewidth': 1.6,
      }
      steps, values = _thin(steps, values)
      if len(steps) <= 30:
        look |= {'marker': 'o', 'markersize': 3}
      if smooth > 1 and len(steps) > smooth:
        axes.plot(steps, values, **look | {'linewidth': 0.8, 'alpha': 0.3})
        values = _moving_mean(values, smooth)
      handles += axes.plot(steps, values, **look)
    _decorate(axes, 'y')
    if log_y:
      axes.set_yscale('log')
    else:
      axes.yaxis.set_major_locator(MaxNLocator(5))
    for name, level in (references or {}).items():
      _reference(axes, name, level)
    axes.set_xlabel('step')
    axes.set_ylabel(y_label)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=''))
    if len(handles) > 1:
      _legend(axes, handles, names)
    return svg.render(figure, title)


def per_image(
  results: Results,
  *,
  dataset: str,
  scale: int | None = None,
  metric: str = 'psnr_y',
  width: float = 7.2,
) -> str:
  """Draws a metric of each image of a set: a row an image, a dot a method.

  An infinite value stands at the right edge, beside its sign.

  Args:
    results: What a comparison measured; see `jsr.evaluate.table`.
    dataset: The name of the set.
    scale: The scale, where the results hold the set at several.
    metric: A key of the images' entries.
    width: In inches of 72 points; the height follows from the number of images.

  Returns:
    An `<svg>` element.

  Raises:
    UserError: The results hold no such numbers.
  """
  rows = [
    row
    for row in results['rows']
    if row['set'] == dataset and scale in (None, row['scale'])
  ]
  scores = {row['method']: _scores(row, metric) for row in rows}
  images = list(dict.fromkeys(image for score in scores.values() for image in score))
  if not images:
    raise UserError(f"the results hold no '{metric}' of the images of '{dataset}'")
  title = next((m.title for m in METRICS if m.key == metric), metric)
  unit = f'{title} (dB)' if metric.startswith('psnr') else title
  numbers = [x for score in scores.values() for x in score.values()]
  finite = [x for x in numbers if math.isfinite(x)]
  low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
  margin = 0.04 * (high - low) or 1.0
  edge = high + 2 * margin

  with svg.style():
    figure = Figure(figsize=(width, 0.9 + 0.26 * len(images)), layout='constrained')
    axes = figure.add_subplot()
    for y, image in enumerate(images):
      known = [min(s[image], edge) for s in scores.values() if image in s]
      axes.plot([min(known), max(known)], [y, y], color=INK, alpha=0.35, linewidth=1)
    handles = []
    colours = iter(PALETTE * (1 + len(scores) // len(PALETTE)))
    for i, (method, score) in enumerate(scores.items()):
      look: dict[str, Any] = {
        'marker': MARKERS[i % len(MARKERS)],
        'markersize': 5,
        'linestyle': 'none',
        'color': INK if method == BASELINE else next(colours),
      }
      points = [(score[x], y) for y, x in enumerate(images) if x in score]
      handles += axes.plot(
        [min(x, edge) for x, _ in points], [y for _, y in points], **look
      )
      for x, y in points:
        if x == math.inf:
          axes.annotate(
            '∞', (edge, y), (6, 0), textcoords='offset points', va='center_baseline'
          )
    _decorate(axes, 'x')
    axes.set_yticks(range(len(images)), images)
    for label in axes.get_yticklabels():
      label.set_parse_math(False)
    axes.set_ylim(len(images) - 0.5, -0.5)
    axes.set_xlim(low - margin, high + (1 if finite == numbers else 4) * margin)
    axes.set_xlabel(unit)
    _legend(axes, handles, list(scores))
    return svg.render(figure, f'{title} of each image of {dataset} by method')


def _scores(row: Mapping[str, Any], metric: str) -> dict[str, float]:
  """The measured values of a row by image."""
  entries = row.get('per_image') or {}
  found = {image: value(entry, metric) for image, entry in entries.items()}
  return {k: x for k, x in found.items() if x is not None and not math.isnan(x)}


def _series(log: Sequence[Record], key: str) -> tuple[np.ndarray, np.ndarray]:
  """Steps in order, and the value that was logged last for each."""
  found = {int(record['step']): record[key] for record in log if key in record}
  steps = sorted(found)
  values = [math.nan if found[s] is None else float(found[s]) for s in steps]
  array = np.array(values, np.float64)
  return np.array(steps, np.int64), np.where(np.isfinite(array), array, math.nan)


def _thin(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Means of neighbours, so that at most MAX_POINTS are left."""
  group = math.ceil(len(steps) / MAX_POINTS)
  if group <= 1:
    return steps, values
  starts = np.arange(0, len(steps), group)
  counts = np.diff([*starts, len(steps)])
  return (
    np.add.reduceat(steps, starts) / counts,
    np.add.reduceat(values, starts) / counts,
  )


def _moving_mean(values: np.ndarray, width: int) -> np.ndarray:
  """A centred mean of the finite values; windows at the ends are shorter."""
  kernel = np.ones(width)
  finite = np.isfinite(values)
  total = np.convolve(np.where(finite, values, 0), kernel, 'same')
  count = np.convolve(finite, kernel, 'same')
  return np.where(finite, total / np.maximum(count, 1), math.nan)


def _decorate(axes: Axes, grid: Literal['x', 'y']) -> None:
  axes.grid(axis=grid, color=INK, alpha=0.25, linewidth=0.6)
  axes.set_axisbelow(True)
  axes.tick_params(length=0)
  axes.spines['bottom'].set_alpha(0.5)


def _reference(axes: Axes, name: str, level: float) -> None:
  axes.axhline(level, color=INK, linestyle=(0, (4, 3)), linewidth=1.1)
  axes.annotate(
    name,
    (1, level),
    (0, 3),
    xycoords=('axes fraction', 'data'),
    textcoords='offset points',
    ha='right',
    parse_math=False,
  )


def _legend(axes: Axes, handles: Sequence[Any], labels: Sequence[str]) -> None:
  columns = max(1, min(len(labels), 90 // (max(map(len, labels)) + 6)))
  # Matplotlib drops labels that begin with an underscore and reads others as formulas,
  # so the names go in afterwards.
  legend = axes.legend(
    handles,
    ['x' * len(label) for label in labels],
    loc='lower left',
    bbox_to_anchor=(0, 1),
    ncols=columns,
    frameon=False,
    borderaxespad=0.2,
    borderpad=0.2,
    handlelength=1.6,
    handletextpad=0.5,
    columnspacing=1.6,
  )
  for text, label in zip(legend.get_texts(), labels, strict=True):
    text.set_parse_math(False)
    text.set_text(label)
