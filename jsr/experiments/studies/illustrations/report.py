"""The report of the drawings: tables, plots and words around the claims."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jsr.data import curate
from jsr.experiments import intervals
from jsr.experiments.findings import Findings, Plot, Table
from jsr.experiments.studies.illustrations import (
  claims,
  comparing,
  curating,
  enhancing,
  spectra,
)

Results = Mapping[str, Any]
PUBLISHED = 16_697_987  # Parameters of ESRGAN's generator.
# What each method is, beyond its name.
NOTES = {
  'SRCNN': "9-5-5, its authors' weights",
  'ESPCN': 'of jsr',
  'SRGAN': 'published, 5 blocks, photographs',
  'SRResNet': 'published, 8 blocks',
  'RRDB, small': 'trained here, on drawings alone',
  'ESRGAN, small': 'that RRDB, then a relativistic GAN, trained here',
  'compact': 'of jsr, photographs',
  'compact, tuned': 'the same, trained further on drawings here',
  'head': 'compact with few features, trained here on drawings alone',
}


def findings(config: ConfigDict, results: dict[str, Any]) -> Findings:
  """Makes the report."""
  size = next(iter(results['seconds']))
  seconds, quality = results['seconds'], results['quality']
  return Findings(
    title='Drawings: tiles, enlargers, and samples of a GAN',
    question=_question(),
    claims=claims.all_claims(results),
    setup=_setup(config, results),
    tables=[
      _tiles(results['curation']),
      _found(results['curation']),
      _quality(quality, results['parameters']),
      _speed(seconds),
      _real(results['enhancing']['real']),
      _samples(results['enhancing']['samples']),
    ],
    plots=[
      Plot(
        'quality-speed',
        'Quality against speed',
        comparing.plot(quality, seconds[size], size.replace('x', '×')),
        'Hollow: methods that stand in no order of report 004.',
      ),
      Plot(
        'fingerprints',
        'How far apart fingerprints lie',
        curating.plot(results['curation']),
        'Planted copies are no part of the counts of real tiles.',
      ),
      Plot(
        'spectra',
        'Detail of samples and of real pictures',
        spectra.plot(results['enhancing']['curves'], 0.5 / enhancing.SCALE),
        'Mean power of luma by frequency. Right of the dashed line lies what the 64'
        ' pixels before enlarging cannot hold.',
      ),
    ],
    remarks=_remarks(config, results),
    results=_rounded(results),
  )


def _question() -> list[str]:
  return [
    'Report 004 cuts drawings into tiles of 128 pixels, drops tiles that repeat (a'
    ' fingerprint of 13 × 13) or show little (concentrated colours), compares Anime4K,'
    ' SRCNN, ESPCN, SRGAN and ESRGAN on them, ranks them by speed and by quality, and'
    ' wants to enlarge what a small GAN makes from 64 to 256 pixels. It ends with a'
    ' proposal: train the enlarger as a part of the GAN.',
    'Its tiles are not public and its scale is not stated; it quotes PSNR 18.21 for'
    ' Anime4K, 25.73 for SRCNN, 26.44 for ESPCN and 30.51 for ESRGAN. No figure below'
    ' is compared with these; the orders are.',
  ]


def _setup(c: ConfigDict, results: Results) -> list[str]:
  count, held = results['curation']['tiles'][str(c.size)], results['held out']
  game, stacked = c.gan, c.stacked
  ratio = PUBLISHED / results['parameters']['ESRGAN, small']
  return [
    f'**Pictures.** {count["pictures"]} drawings of up to 256 pixels (the report had'
    f' about 15,000 tiles of much larger ones), cut into {count["tiles"]} tiles of'
    f' {c.size} pixels. {held["tiles"]} tiles of {held["pictures"]} pictures are held'
    ' out; nothing was trained on any tile of those pictures, and no setting was chosen'
    ' by them. The drawings were saved as JPEG by others, so PSNR counts some of its'
    ' noise as truth.',
    "**Comparison.** ×4, LR by MATLAB's bicubic, Y, 4 pixels cut; SSIM is Wang's, and"
    " beside it the report's, with one window as large as the tile. Intervals are over"
    ' pictures, by bootstrap. Published weights are those named in the table.',
    '**Trained here**, on the tiles that are not held out: `compact, tuned`'
    f' ({c.tuned.steps} steps from the network of photographs), `head` ({c.head.steps}'
    f' steps), `RRDB, small` ({c.rrdb.steps} steps, one block of {c.rrdb.features}'
    f' maps) and from it `ESRGAN, small` ({c.esrgan.steps} steps of L1 and a'
    ' relativistic GAN, no VGG19). Weights of ESRGAN could not be had; the published'
    f' network is {ratio:.0f} times as large as this one, which therefore stands in no'
    ' order below. One seed each.',
    '**Speed.** From a uint8 picture on the host to the enlarged one, float32, in'
    ' seconds of the processor, which other programs hardly lengthen; the median of'
    f' {" and ".join(map(str, c.speed_calls))} calls, the methods in turn, after one'
    ' that compiles.',
    f'**GAN.** Noise to 64 × 64: five convolutions, {game.steps} steps of'
    f' {game.batch_size} pictures, then {game.more} more alone; or {game.more} steps of'
    f' {stacked.batch_size} with the enlarger `head` behind it and a critic that sees'
    f' 256 × 256. {c.seeds} seeds, {c.samples} samples each. Both start from the same'
    ' parts. What the stacked GAN makes must also shrink to what it was made of (L1,'
    f' weight {stacked.consistency:g}). Real pictures are the drawings, mirrored at'
    ' their edges until they fill 256 × 256, so that their pixels stay as they are; the'
    " small GAN sees them shrunk by MATLAB's bicubic.",
    '**Figures without truth.** NIQE (lower is better; its model is of photographs);'
    ' PSNR of the result, shrunk, against the 64 pixels that it was made of; and the'
    ' distance of the spectrum from that of held-out drawings, above the frequencies'
    ' that 64 pixels hold.',
  ]


def _tiles(curation: Results) -> Table:
  steps = [
    *('pictures', 'too small', 'tiles', *curate.REASONS[:3], 'after low information'),
    *(curate.DUPLICATE, 'kept', 'within 10 bits'),
  ]
  sizes = curation['tiles']
  rows = [[step, *(str(counts[step]) for counts in sizes.values())] for step in steps]
  rows.append(
    ['kept (%)', *(f'{100 * n["kept"] / n["tiles"]:.1f}' for n in sizes.values())]
  )
  rows.append(
    [
      'duplicates if 4, 6, 8, 10, 14 bits may differ',
      *(', '.join(map(str, n['duplicates by bits'].values())) for n in sizes.values()),
    ]
  )
  return Table(
    'What curation keeps',
    ['step', *(f'{size} × {size}' for size in sizes)],
    rows,
    '"Within 10 bits": tiles whose bits alone would make them a duplicate; the values'
    ' and the mean colours say that they are not.',
  )


def _found(curation: Results) -> Table:
  columns = list(next(iter(curation['found'].values())))
  rows = [
    [kind, *(f'{100 * shares[column]:.0f}' for column in columns)]
    for kind, shares in curation['found'].items()
  ]
  return Table(
    f'Planted copies found (%), of {curation["planted"]}',
    ['copy', *(f'{c} bits' if c.isdigit() else '10 bits, and turns' for c in columns)],
    rows,
    'Copies of tiles, put among all of them for this table alone.',
  )


def _quality(quality: Results, parameters: Results) -> Table:
  rows = []
  for label, row in quality.items():
    gain = claims.difference(quality, label, 'bicubic', 'psnr_y')
    rows.append(
      [
        f'{label} ({NOTES[label]})' if label in NOTES else label,
        f'{parameters[label]:,}' if parameters[label] else '',
        f'{row["psnr_y"]:.2f}',
        gain.text() if label != 'bicubic' else '0.00',
        f'{row["ssim_y"]:.4f}',
        f'{row["ssim_global"]:.4f}',
        f'{row["detail"]:.2f}',
      ]
    )
  return Table(
    'Quality on held-out tiles, ×4',
    ['method', 'parameters', 'PSNR Y', 'Δ bicubic', 'SSIM', 'SSIM global', 'detail'],
    rows,
    'Means over tiles; Δ is the mean over pictures with its 95 % interval. Detail is'
    ' the energy of fine detail over that of the truth, the median over pictures; of'
    ' the nearest pixel it is the energy of its steps.',
  )


def _speed(seconds: Results) -> Table:
  header, sizes = ['method'], list(seconds)
  for size in sizes:
    header += [f'{size.replace("x", "×")}: s', 'Anime4K 0.9 = 1']
  rows = []
  for label in seconds[sizes[0]]:
    row = [label]
    for size in sizes:
      times = seconds[size]
      row += [f'{times[label]:.4f}', f'{times[label] / times["Anime4K 0.9"]:.2f}']
    rows.append(row)
  return Table('Seconds of one picture, ×4', header, rows)


def _real(real: Results) -> Table:
  rows = [
    [
      label,
      *(_number(row[key], d) if key in row else '' for key, d in _DIGITS),
    ]
    for label, row in real.items()
  ]
  return Table(
    'Held-out drawings, shrunk to 64 and enlarged to 256',
    ['enlarger', 'PSNR Y', 'SSIM', 'NIQE', 'PSNR of the reduced', 'spectrum, dB'],
    rows,
    'The control with truth, which is the first row.',
  )


_DIGITS = (
  ('psnr_y', 2),
  ('ssim_y', 4),
  ('niqe', 2),
  ('lr_psnr', 2),
  ('spectrum', 2),
)


def _number(value: float | None, digits: int) -> str:
  # JSON has no infinity: nothing stands for it, as for what was not measured.
  return '–' if value is None else f'{value:.{digits}f}'


def _interval(values: Sequence[float | None]) -> str:
  measured = [value for value in values if value is not None]
  return intervals.of_mean(measured).text() if measured else '–'


def _samples(samples: Results) -> Table:
  rows = [
    [label, *(_interval(row[key]) for key, _ in _DIGITS[2:])]
    for label, row in samples.items()
  ]
  return Table(
    'Samples of the GAN, enlarged to 256',
    ['enlarger', 'NIQE', 'PSNR of the reduced, dB', 'spectrum, dB'],
    rows,
    'Means over seeds with 95 % intervals. "stacked" is the GAN that was trained with'
    ' the head; the other rows enlarge what the small GAN makes.',
  )


def _remarks(c: ConfigDict, results: Results) -> list[str]:
  steps = results['enhancing']['steps']
  # The first seed's time holds the compiler's.
  ratio = np.median([s['stacked'] / s['alone'] for s in steps])
  counts = results['curation']['tiles']
  low = {
    size: 100 * (1 - n['after low information'] / n['tiles'])
    for size, n in counts.items()
  }
  told = ', '.join(f'{share:.1f} % at {size} pixels' for size, share in low.items())
  return [
    f'These drawings are small and each is whole, so few tiles show little ({told}),'
    ' and none can repeat but by chance; a set of large pictures with re-posted copies'
    " loses more. The share that tiles lose says nothing of the report's 15,000.",
    f'The GANs are far from drawing: {c.gan.steps + c.gan.more} steps on'
    f' {results["enhancing"]["pictures"]["train"]} pictures teach colours and patches.'
    f" A step of the stacked GAN took {ratio:.1f} times the processor's time of one of"
    f' the small GAN, with {c.stacked.batch_size} pictures against {c.gan.batch_size}.'
    ' What the figures say of it holds for networks of this size and length only.',
    *_grid(results['enhancing']['curves']),
    'NIQE and the spectrum can be pleased by noise that looks like texture, and neither'
    ' knows drawings; PSNR of the reduced result says that the input was kept, not that'
    ' what was added is right.',
    "Before and after stand side by side in the study's output folder (real.png,"
    ' samples-0.png), as does what curation dropped. They are not shown here: most of'
    ' the drawings are under licences that forbid changed copies.',
  ]


def _grid(curves: Results) -> list[str]:
  """Says so where the stacked GAN's detail is the grid of its sub-pixel shuffle."""
  curve = np.array(curves[f'samples: {enhancing.STACKED}'])
  at = int(np.argmin(np.abs(spectra.frequencies() - 1 / enhancing.SCALE)))
  above = curve[at] - np.mean(curve[[at - 4, at + 4]])
  if above < 10:
    return []
  apart = curves['real pictures'][0] - curve[0]
  return [
    f"The stacked GAN's spectrum stands {above:.0f} dB above its surroundings at a"
    ' quarter of a cycle a pixel: what it adds is the grid of its sub-pixel shuffle,'
    ' and what that does to the distance of spectra is no merit. At the lowest'
    f' frequencies real pictures have {apart:.0f} dB more than its samples.'
  ]


def _rounded(value: Any) -> Any:
  """Six digits are enough for a file that people read."""
  if isinstance(value, Mapping):
    return {str(k): _rounded(v) for k, v in value.items()}
  if isinstance(value, list | tuple):
    return [_rounded(v) for v in value]
  return float(f'{value:.6g}') if isinstance(value, float) else value
