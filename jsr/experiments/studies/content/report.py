"""The report of the study `content`: tables, plots, sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from jsr.experiments.findings import Findings, Plot, Table
from jsr.experiments.reproduce import quoted
from jsr.experiments.studies.content import claims, measures, plots
from jsr.experiments.studies.content.measures import Measured
from jsr.experiments.studies.content.variants import VARIANTS
from jsr.experiments.study import Study

# The paper's table, as report 002 prints it.
PRINTED = 'report002-losses'
START, BICUBIC = 'start', 'bicubic'
TITLES = {START: 'the start, untouched', BICUBIC: 'bicubic'}


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
    question=_question(),
    claims=claims.make(trained, between, first, c.between),
    plots=[
      Plot(
        'tradeoff',
        'Looks over fidelity',
        plots.tradeoff(part, between, names),
        f'Means over {_sets(c, c.between_sets)}; left is more distortion, lower is'
        ' better looks. The grey line joins the networks between'
        f' {VARIANTS[first].title} and {VARIANTS[c.between].title} (seed 0), whose'
        ' parameters are (1 − α) of the one and α of the other; markers are means over'
        ' seeds.',
      )
    ],
    tables=[
      *_fidelity(c, rows, names),
      _looks(c, rows, names),
      _way(c, between),
      _losses(names, sizes, shares),
    ],
    setup=_setup(study),
    remarks=_remarks(c, rows, shares),
    results=_results(rows, between, sizes, shares),
  )


def _title(name: str) -> str:
  return TITLES[name] if name in TITLES else VARIANTS[name].title


def _of_sets(run: Measured, names: Sequence[str]) -> Measured:
  return {name: run[name] for name in names}


def _cell(runs: Sequence[Measured], key: str, set_name: str = '') -> str:
  return f'{measures.mean(runs, key, set_name):.{measures.DIGITS[key]}f}'


def _sets(c: Any, names: Sequence[str]) -> str:
  """'Set5, Set14 and the first 5 pictures of BSD100'."""
  limits = dict(zip(c.sets, c.limits, strict=True))
  told = [
    f'the first {limits[name]} pictures of {name}' if limits[name] else name
    for name in names
  ]
  return f'{", ".join(told[:-1])} and {told[-1]}' if len(told) > 1 else told[0]


def _question() -> list[str]:
  return [
    "Report 002 presents SRGAN and prints the paper's table of five variants: content"
    ' loss by MSE or in features of VGG19 (VGG22, VGG54), without a discriminator'
    ' (SRResNet) and with one (SRGAN). PSNR falls from variant to variant, while people'
    ' give the later ones better marks (MOS). Is that so when all are trained alike'
    ' from one network, and is it a trade, more of one for less of the other?',
    'Complete VGG19 weights are not at hand, so there is no VGG54. In its place stands'
    ' the deepest layer of the public part of VGG19, relu3_1 (normalised: each filter'
    ' scaled to mean activation 1), as SRGAN-VGG31; VGG22 is the real relu2_2 of the'
    ' same file. SqueezeNet 1.1 (Caffe) judges: its features are no part of any loss'
    ' here.',
  ]


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
    for name in (BICUBIC, START, *names):
      theirs: Mapping[str, str] = {}
      if name in VARIANTS:
        theirs = printed.get(VARIANTS[name].printed, {})
      own = [_cell(rows[name], key, set_name) for key in measures.FIDELITY]
      told = [theirs.get(key, '') for key in ('psnr', 'ssim_daala', 'mos')]
      lines.append([_title(name), *own, *(told if printed else [])])
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
        " tool's, and MOS are marks of 26 people. * best of its group by their test."
      )
    where = f'{_sets(c, [set_name])}'
    made.append(Table(f'Fidelity on {where}', header, lines, note))
  return made


def _looks(
  c: Any, rows: Mapping[str, Sequence[Measured]], names: Sequence[str]
) -> Table:
  columns = [(key, name) for key in measures.LOOKS for name in c.sets]
  short = {'niqe': 'NIQE', measures.DISTANCE: 'distance', measures.DETAIL: 'detail'}
  return Table(
    'Looks',
    ['', *(f'{short[key]} {name}' for key, name in columns)],
    [
      [_title(name), *(_cell(rows[name], key, where) for key, where in columns)]
      for name in (BICUBIC, START, *names)
    ],
    'NIQE (lower is better) sees the result alone and likes noise that resembles'
    ' texture. Distance (lower is better) is that to HR in the features of SqueezeNet'
    ' 1.1, unit length at each position, mean over seven layers; it is not LPIPS, whose'
    ' backbones are not at hand. Detail is the energy of the frequencies that shrinking'
    ' removes, over that of HR: 1 is as much, below smooth, above invented.',
  )


def _way(c: Any, between: Sequence[tuple[float, Measured]]) -> Table:
  return Table(
    f'Between {VARIANTS[c.variants[0]].title} and {VARIANTS[c.between].title}',
    ['α', *(measures.TITLES[key] for key in measures.KEYS)],
    [
      [f'{alpha:g}', *(_cell([run], key) for key in measures.KEYS)]
      for alpha, run in between
    ],
    f'Means over {_sets(c, c.between_sets)}, seed 0.',
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
    ' adversarial part means the same for all. The share is that part of the loss in'
    ' the last third of the training.',
  )


def _setup(study: Study) -> list[str]:
  c, d = study.config, study.config.discriminator
  seeds = f'{c.seeds} {"seed" if c.seeds == 1 else "seeds"}'
  return [
    'All variants start from one published SRResNet of 8 blocks (others trained it)'
    f' and take {c.steps} steps of {c.batch_size} patches of {c.patch_size} ×'
    f' {c.patch_size} pixels, in one order, with Adam from {c.learning_rate:g} after'
    f' {c.warmup} steps of warm-up down to 0 by a cosine, {seeds}. SRResNet-MSE is'
    ' trained further as well: what the short training itself does is in its row.'
    f' Training pictures: DATA/{c.source} (BSDS500 train and test, 91 images, DIV2K'
    ' test LR), none of which is in the sets.',
    f'The discriminator is small: {d.depth} convolutions from {d.features} maps, mean'
    f' over space, {d.hidden} units, no batch norm (each batch of a kind would be'
    ' normalised by itself, which hides how much detail it has), Adam at'
    f' {d.learning_rate:g}. The game is the vanilla one with weight 1e-3, as in the'
    ' paper. Its rate was chosen on training pictures.',
    f'Measured on {_sets(c, c.sets)} by protocol srgan: LR of the SelfExSR'
    ' distribution, Y rounded, 4 pixels cut. Intervals are 95 %, of the mean of'
    ' differences paired by picture, each picture the mean over seeds; a verdict also'
    ' needs every seed on the same side.',
    'What differs from the paper: 8 blocks in place of 16, a start that others'
    ' trained and a few steps in place of 1e6 and 2e5, small patches, a small'
    ' discriminator, no VGG54.',
  ]


def _remarks(
  c: Any,
  rows: Mapping[str, Sequence[Measured]],
  shares: Mapping[str, Sequence[float | None]],
) -> list[str]:
  start = measures.mean(rows[START], 'psnr_y')
  own = measures.mean(rows[c.variants[0]], 'psnr_y')
  return [
    f'Training further by MSE changes PSNR by {own - start:+.2f} dB over all pictures:'
    ' so much is due to the short training itself, and what the other variants lose'
    ' beyond it to their loss.'.replace('-', '−'),
    'No figure here is a mark of a person. NIQE and the distance stand for looks and'
    ' disagree at times; `jsr study` asks people.',
    'Verdicts hold for these few steps. A GAN of 2e5 steps has moved much farther from'
    ' its start, and VGG54 may do what relu3_1 cannot.',
  ]


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
