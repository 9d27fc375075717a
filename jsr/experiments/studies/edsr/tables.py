"""The tables of study `edsr`."""

from collections.abc import Mapping, Sequence
from typing import Any

from jsr.experiments import intervals
from jsr.experiments.findings import Table
from jsr.experiments.studies.edsr import memory
from jsr.experiments.studies.edsr.measuring import BICUBIC, SCALE

SMALL = 'EDSR, 8 blocks'
BASE = 'EDSR baseline'
MULTI = 'MDSR baseline'
GAN = 'EDSR-GAN'
# In dB. DIV2K: Lim et al., "Enhanced Deep Residual Networks for Single Image
# Super-Resolution", 2017, first ten validation pictures, RGB, scale + 6 cut. The
# others, on Y, stand in no table of that paper; later ones print them.
PAPER = {
  'EDSR baseline': {'DIV2K': 28.94, 'Set5': 32.09, 'Set14': 28.58},
  'MDSR baseline': {'DIV2K': 28.95},
}
_MIB = 2**20


def values_of(
  final: Sequence[Mapping[str, Any]],
  method: str,
  key: str,
  *,
  of: str | None = None,
  scale: int = SCALE,
) -> list[float]:
  """A figure of a method, each seed; on the first set, or on `of`."""
  first = final[0]['set']
  return [
    row[key]
    for row in final
    if row['method'] == method and row['scale'] == scale and row['set'] == (of or first)
  ]


def of_networks(final: Sequence[Mapping[str, Any]], c: Any) -> Table:
  """What the networks reach at x4, beside the paper's figures."""
  rows = []
  first = final[0]['set']
  seen = dict.fromkeys((r['method'], r['set']) for r in final if r['scale'] == SCALE)
  for method, name in sorted(seen, key=lambda key: [*seen].index((key[0], first))):

    def mean(key: str, digits: int, method: str = method, name: str = name) -> str:
      values = values_of(final, method, key, of=name)
      return intervals.of_mean(values).text(digits)

    paper, distance = _against_paper(final, method, name, c)
    rows.append(
      (
        method,
        name,
        mean('psnr_y', 2),
        mean('ssim_y', 4),
        mean('psnr_wide', 2),
        mean('ssim_wide', 4),
        mean('detail', 2),
        paper,
        distance,
      )
    )
  return Table(
    f'After training, x{SCALE}',
    (
      'network',
      'set',
      'PSNR Y',
      'SSIM Y',
      'PSNR RGB, 10 cut',
      'SSIM RGB, 10 cut',
      'detail',
      'paper (dB)',
      'distance (dB)',
    ),
    rows,
    f'{c.seeds} seed(s). Y with {SCALE} pixels cut; RGB with scale + 6 cut and SSIM by'
    ' Wang’s window on each channel, as EDSR’s rows of DIV2K cut it (SSIM of RGB'
    ' differs between programs). Detail: high-frequency energy over HR’s. The paper’s'
    ' DIV2K figure, of RGB, is of the first ten validation pictures and not of these;'
    ' its Set5 and Set14 figures are of PSNR Y. Why the distance:'
    f' {c.steps} steps of {c.batch_size} patches of {c.patch_size} pixels in place of'
    ' 300,000 of 16 of 192.',
  )


def _against_paper(
  final: Sequence[Mapping[str, Any]], method: str, name: str, c: Any
) -> tuple[str, str]:
  known = PAPER.get(method, {})
  validation = name == c.validation and 'DIV2K' in name
  figure = known.get('DIV2K' if validation else name)
  if figure is None:
    return '', ''
  if validation:  # Of other pictures: a distance to it would say nothing.
    return f'{figure:.2f} (others)', ''
  ours = intervals.of_mean(values_of(final, method, 'psnr_y', of=name)).mean
  return f'{figure:.2f}', f'{ours - figure:+.2f}'


def of_scales(final: Sequence[Mapping[str, Any]]) -> Table:
  """MDSR beside bicubic, at each factor."""
  rows = []
  for scale in sorted({row['scale'] for row in final}):
    ours, theirs = (
      intervals.of_mean(values_of(final, method, 'psnr_wide', scale=scale))
      for method in (MULTI, BICUBIC)
    )
    change = f'{ours.mean - theirs.mean:+.2f}'
    rows.append((f'x{scale}', f'{theirs.mean:.2f}', ours.text(), change))
  return Table(
    'MDSR at its three factors, validation pictures',
    ('factor', 'bicubic, PSNR RGB (dB)', 'MDSR baseline (dB)', 'difference'),
    rows,
    'RGB, scale + 6 cut.',
  )


def of_memory(found: Mapping[str, Any], c: Any) -> Table:
  """What compiled steps need."""
  rows = []
  for size in c.memory.patch_sizes:
    for name, sizes in found['steps'].items():
      need = memory.Bytes(**sizes[str(size)])
      saved = memory.saving(found['steps'], size, name)
      rows.append(
        (
          f'{c.memory.batch_size} x {size} x {size}',
          name,
          f'{need.arguments / _MIB:.0f}',
          f'{need.temporary / _MIB:.0f}',
          f'{need.total / _MIB:.0f}',
          f'{100 * saved:.0f} %' if name != memory.NORMED else '',
        )
      )
  return Table(
    'Memory of a compiled training step',
    ('HR batch', 'network', 'arguments (MiB)', 'temporary (MiB)', 'sum', 'saved'),
    rows,
    f'{c.memory.blocks} blocks, x{SCALE}, float32, as XLA’s memory analysis gives it.'
    ' Arguments: parameters, Adam’s state, the batch. Temporary: what the forward pass'
    ' keeps, gradients, and what convolutions unfold. In the second row each batch norm'
    ' of the same network passes its input on.',
  )


def of_processes(found: Mapping[str, Any]) -> Table:
  """What processes took."""
  processes = found['processes']
  rows = [
    (name, 'not known' if peak is None else f'{peak / _MIB:.0f}')
    for name, peak in processes.items()
  ]
  return Table(
    'Peak of a real process',
    ('network', 'resident (MiB)'),
    rows,
    '`jsr train` for two steps at the first of the sizes above, with all that the'
    ' program has loaded: Python, JAX, its compiler at work, the pictures.',
  )
