"""The report of the study `content`: tables, plots, sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from jsr.experiments.findings import Findings, Plot, Table
from jsr.experiments.reproduce import quoted
from jsr.experiments.studies.content import claims, measures, plots, texts
from jsr.experiments.studies.content.measures import Measured
from jsr.experiments.studies.content.variants import VARIANTS
from jsr.experiments.study import Study

# The paper's table, as report 002 prints it.
PRINTED = 'report002-losses'


def findings(
  study: Study,
  rows: Mapping[str, Sequence[Measured]],
  between: Sequence[tuple[float, Measured]],
  sizes: Mapping[str, Mapping[str, float]],
  shares: Mapping[str, Sequence[float | None]],
) -> Findings:
  """Judges and tells.

  Args:
    study: Which one.
    rows: What was measured of bicubic, the start, and each variant with each seed.
    between: (alpha, what was measured there).
    sizes: Of the content losses, before their weights; see `variants.calibrate`.
    shares: Adversarial part of the generator's loss at the end, by variant and seed.
  """
  c = study.config
  names, first = list(c.variants), c.variants[0]
  trained = {name: rows[name] for name in names}
  part = {name: [_of_sets(r, c.between_sets) for r in rows[name]] for name in names}
  return Findings(
    title='Five content losses from one SRResNet',
    question=texts.question(),
    claims=claims.make(trained, between, first, c.between),
    plots=[
      Plot(
        'tradeoff',
        'Looks over fidelity',
        plots.tradeoff(part, between, names, c.between),
        f'Means over {texts.of_sets(c, c.between_sets)}; left is more distortion,'
        ' lower is better looks. The grey line joins the networks between'
        f' {VARIANTS[first].title} and {VARIANTS[c.between].title} (seed 0), whose'
        ' parameters are (1 − α) of the one and α of the other; markers are'
        ' the variants.',
      )
    ],
    tables=[
      *_fidelity(c, rows, names),
      _looks(c, rows, names),
      _way(c, between),
      _losses(names, sizes, shares),
    ],
    setup=texts.setup(c),
    remarks=texts.remarks(c, rows, shares),
    results=_results(rows, between, sizes, shares),
  )


def _of_sets(run: Measured, names: Sequence[str]) -> Measured:
  return {name: run[name] for name in names}


def _cell(runs: Sequence[Measured], key: str, set_name: str = '') -> str:
  return f'{measures.mean(runs, key, set_name):.{measures.DIGITS[key]}f}'


def _fidelity(
  c: Any, rows: Mapping[str, Sequence[Measured]], names: Sequence[str]
) -> list[Table]:
  table = quoted.load(PRINTED)
  title_of = {method.key: method.title for method in table.methods}
  made = []
  for set_name, limit in zip(c.sets, c.limits, strict=True):
    printed = {  # Of all pictures of a set, or of none.
      title_of[row.method]: row.values
      for row in table.quoted
      if row.set == set_name and not limit
    }
    lines = []
    for name in (texts.BICUBIC, texts.START, *names):
      theirs: Mapping[str, str] = {}
      if name in VARIANTS:
        theirs = printed.get(VARIANTS[name].printed, {})
      own = [_cell(rows[name], key, set_name) for key in measures.FIDELITY]
      told = [theirs.get(key, '') for key in ('psnr', 'ssim_daala', 'mos')]
      lines.append([texts.title(name), *own, *(told if printed else [])])
    if printed and 'srgan-vgg31' in names and 'SRGAN-VGG54' in printed:
      values = printed['SRGAN-VGG54']
      told = [values[key] for key in ('psnr', 'ssim_daala', 'mos')]
      lines.append(['SRGAN-VGG54', '', '', '', *told])
    header = ['', *(measures.TITLES[key] for key in measures.FIDELITY)]
    if printed:
      header += ['PSNR, printed', 'SSIM, printed', 'MOS, printed']
    note = (
      f'Ours: {len(rows[names[0]])} training{"s" * (len(rows[names[0]]) > 1)} each.'
      if printed
      else ''
    )
    if printed:
      note += (
        ' Printed: 16 blocks, trained from scratch on ImageNet; their SSIM is the daala'
        " tool's, and MOS are marks of 26 people."
      )
      if any('*' in str(cell) for line in lines for cell in line):
        note += ' * best of its group by their test.'
    where = f'{texts.of_sets(c, [set_name])}'
    made.append(Table(f'Fidelity on {where}', header, lines, note))
  return made


def _looks(
  c: Any, rows: Mapping[str, Sequence[Measured]], names: Sequence[str]
) -> Table:
  columns = [(key, name) for key in measures.LOOKS for name in c.sets]
  short = dict(zip(measures.LOOKS, ('NIQE', 'distance', 'detail', 'grid'), strict=True))
  return Table(
    'Looks',
    ['', *(f'{short[key]} {name}' for key, name in columns)],
    [
      [texts.title(name), *(_cell(rows[name], key, where) for key, where in columns)]
      for name in (texts.BICUBIC, texts.START, *names)
    ],
    'NIQE (lower is better) sees the result alone and likes noise that resembles'
    ' texture. Distance (lower is better) is that to HR in the features of SqueezeNet'
    ' 1.1, unit length at each position, mean over seven layers; it is not LPIPS, whose'
    ' backbones are not at hand. Detail is the energy of the frequencies that shrinking'
    ' removes, over that of HR: 1 is as much, below smooth, above invented. Grid is the'
    ' part of the error on Y that repeats every 4 pixels, in levels of 255 (RMS): a'
    ' pattern, and no detail.',
  )


def _way(c: Any, between: Sequence[tuple[float, Measured]]) -> Table:
  return Table(
    f'Between {VARIANTS[c.variants[0]].title} and {VARIANTS[c.between].title}',
    ['α', *(measures.TITLES[key] for key in measures.KEYS)],
    [
      [f'{alpha:g}', *(_cell([run], key) for key in measures.KEYS)]
      for alpha, run in between
    ],
    f'Means over {texts.of_sets(c, c.between_sets)}, seed 0.',
  )


def _losses(
  names: Sequence[str],
  sizes: Mapping[str, Mapping[str, float]],
  shares: Mapping[str, Sequence[float | None]],
) -> Table:
  lines = []
  for name in names:
    variant, size = VARIANTS[name], sizes[name]
    told = [s for s in shares[name] if s is not None]
    lines.append(
      [
        variant.title,
        ', '.join(variant.layers) or '4 × MSE',
        f'{size["loss"]:.4g}',
        f'{size["gradient"]:.4g}',
        f'{size["weight"]:.3g}',
        f'{100 * sum(told) / len(told):.0f} %' if told else '',
      ]
    )
  return Table(
    'The losses brought to one size',
    ['', 'content loss', 'value', 'gradient', 'weight', 'adversarial share'],
    lines,
    'Value and gradient (its norm in the enlarged pictures) of the content loss at the'
    ' start, on training pictures, before the weight. The paper divides VGG features by'
    ' 12.75 to bring their loss to the size of MSE, a factor of 0.00615; for the'
    ' normalised features the weight is measured, so that each loss pulls at the'
    " pictures as strongly as the paper's MSE (on −1..1), and its 1e-3 for the"
    ' adversarial part stands against the same pull in all. The share is that part of'
    " the loss's value in the last third of the training, so it depends on how large a"
    ' loss is for its pull, too.',
  )


def _results(
  rows: Mapping[str, Sequence[Measured]],
  between: Sequence[tuple[float, Measured]],
  sizes: Mapping[str, Mapping[str, float]],
  shares: Mapping[str, Sequence[float | None]],
) -> dict[str, Any]:
  def means(run: Measured) -> dict[str, dict[str, float]]:
    return {
      name: {key: measures.mean([run], key, name) for key in measures.KEYS}
      for name in run
    }

  def per_picture(runs: Sequence[Measured]) -> dict[str, dict[str, dict[str, float]]]:
    """Rounded: the file is read by people too."""
    keys = ('psnr_y', *claims.JUDGES)
    return {
      name: {
        picture: {
          key: round(
            measures.mean([{name: {picture: r[name][picture]}} for r in runs], key), 4
          )
          for key in keys
        }
        for picture in pictures
      }
      for name, pictures in runs[0].items()
    }

  return {
    'sets': {name: [means(run) for run in runs] for name, runs in rows.items()},
    'pictures': {name: per_picture(runs) for name, runs in rows.items()},
    'between': [{'alpha': alpha, 'sets': means(run)} for alpha, run in between],
    'losses': sizes,
    'adversarial_share': shares,
  }
