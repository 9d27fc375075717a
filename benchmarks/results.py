"""Makes the page of results: tables of what `jsr compare` measured, and its pictures.

    jsr compare --methods ... --scale 4 --json out/results-x4.json   # x3, x2 likewise
    python benchmarks/results.py out/results-x4.json out/results-x3.json \
        out/results-x2.json
    python benchmarks/results.py --pictures

The first form, on the machine that measured, puts the scales of its files into
docs/results.json, and makes docs/results.md from that alone; the page prints the
commands. The second makes docs/pictures from the held-out photographs of scikit-image's
wheel: crops of every method side by side, and of every strength.
"""

import argparse
import json
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jsr import cli
from jsr.evaluate import benchmark, crops, machine, methods, protocol, sets, svg, table
from jsr.ops import resize

DOCS = pathlib.Path(__file__).resolve().parents[1] / 'docs'
PICTURES = DOCS / 'pictures'
KEPT = ('method', 'set', 'n', 'psnr_y', 'ssim_y', 'psnr_rgb', 'ssim_rgb')
GRID = ('bicubic', 'espcn-x4', 'compact-x4', 'compact-x4-gan')
STRENGTHS = ('0', '0.5', '1')
SCALE, SIDE, ZOOM, GAP, LINE = 4, 96, 2, 8, 40

TOP = """\
# Results

Every number and picture of this page is made by a command that stands beside it, or on
the page that is linked there. What exactly is measured: [the protocol](protocol.md).
What the networks were trained on, by which commands, and how far they are from the
papers: [the zoo](zoo.md).

## What it looks like

![Crops of four photographs: original, bicubic, ESPCN, compact, and compact trained with
a GAN](pictures/grid.webp)

The four held-out photographs of scikit-image's wheel, made four times smaller by
MATLAB's bicubic and enlarged again. The crops are those in which the methods differ
most, chosen by `jsr/evaluate/crops.py`; below each stands its own PSNR on Y, in dB. The
network that was trained with a GAN looks sharpest, and in each crop it is further from
the original than the same network without one: it invents.

```sh
python benchmarks/results.py --pictures
```

## How good, how fast

![PSNR on Set14 against seconds a megapixel](pareto.svg)

Two CPU cores; the table, the command and the machine stand in
[speed and exactness](performance.md#which-network-to-take).
"""

BOTTOM = """\
## More numbers

- [The zoo](zoo.md): every network that jsr has trained, beside its paper. The hundred
  pictures of BSD100, which take longest, stand here at x4 only: the cards of the
  networks have them at x2 and x3.
- [Studies](studies/index.md): what five student reports claim, rerun.
- [Published tables](reproduce.md) beside ours.
- [Speed, memory, tiles, precision](performance.md) of enlarging, and
  [training on many devices](scaling.md).
"""


def shrink(results: dict[str, Any]) -> dict[str, Any]:
  """Keeps of a results file of `jsr compare` what the page shows."""
  (scale,) = {row['scale'] for row in results['rows']}
  return {
    'scale': scale,
    'protocol': results['protocol']['name'],
    'machine': f'{machine.processor()}, {results["machine"].removeprefix("cpu, ")}',
    'versions': results['versions'],
    'date': results['date'],
    'rows': [{key: row[key] for key in KEPT} for row in results['rows']],
  }


def page(measured: list[dict[str, Any]]) -> str:
  """Returns the page, Markdown; every number is one of `measured`."""
  parts = [TOP.rstrip()]
  for one in measured:
    names = list(dict.fromkeys(row['method'] for row in one['rows']))
    counts = {row['set']: row['n'] for row in one['rows']}
    cells = {(row['method'], row['set']): row for row in one['rows']}
    lines = [
      '| | ' + ' | '.join(f'{name} ({n})' for name, n in counts.items()) + ' |',
      '|---|' + '---|' * len(counts),
    ]
    for method in names:
      numbers = [cells[method, name] for name in counts]
      line = (
        f'{table.number(row["psnr_y"], 2)} / {table.number(row["ssim_y"], 4)}'
        for row in numbers
      )
      lines.append(f'| {method} | ' + ' | '.join(line) + ' |')
    scale = one['scale']
    jax = one['versions'].get('jax', '?')
    parts += [
      f'## Enlarging {scale} times',
      '\n'.join(lines),
      f'PSNR in dB / SSIM, on Y, protocol `{one["protocol"]}`; in brackets the number'
      f' of pictures. {one["machine"]}, jax {jax}, {one["date"][:10]}:',
      f'```sh\njsr compare --methods {",".join(names)} --data DATA \\\n    --sets'
      f' {",".join(counts)} --scale {scale} --json out/results-x{scale}.json\n```',
    ]
  files = ' '.join(f'out/results-x{one["scale"]}.json' for one in measured)
  parts += [
    'and, for this page:',
    f'```sh\npython benchmarks/results.py {files}\n```',
    BOTTOM.rstrip(),
  ]
  return '\n\n'.join(parts) + '\n'


def save(cells: list[list[tuple[np.ndarray, str]]], path: pathlib.Path) -> None:
  """Writes rows of crops (SIDE, SIDE, 3) with a label below each, zoomed."""
  side = SIDE * ZOOM
  width, height = side + GAP, side + LINE
  whole = Image.new('RGBA', (width * len(cells[0]) - GAP, height * len(cells)))
  draw = ImageDraw.Draw(whole)
  folder = pathlib.Path(matplotlib.get_data_path()) / 'fonts' / 'ttf'
  font = ImageFont.truetype(str(folder / 'DejaVuSans.ttf'), 17)
  for i, row in enumerate(cells):
    for j, (pixels, label) in enumerate(row):
      crop = Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)
      whole.paste(crop, (j * width, i * height))
      where = (j * width + side // 2, i * height + side + 14)
      draw.text(where, label, svg.INK, font, anchor='mm')
  path.parent.mkdir(exist_ok=True)
  whole.save(path, quality=86, method=6)
  print(path, path.stat().st_size, 'bytes')


def check_invention(crop: str, scores: Mapping[str, float]) -> None:
  """Raises ValueError where the page's sentence on the GAN is not true of a crop.

  Args:
    crop: Its name.
    scores: PSNR on Y by method.
  """
  careful, gan = scores['compact-x4'], scores['compact-x4-gan']
  if not gan < careful:
    raise ValueError(
      f'{crop}: compact-x4-gan has {gan:.2f} dB, compact-x4 {careful:.2f}; the page'
      ' says that the former is further from the original in each crop'
    )


def grid() -> None:
  """Crops of every photograph by every method.

  Raises:
    ValueError: What the page says of them is not true.
  """
  rule = protocol.get('rgb8')
  (photographs,) = sets.open_sets(['photographs'])
  compared = [methods.resolve(name) for name in GRID]
  rows = []
  for picture in photographs.pictures:
    made = {}
    for method in compared:
      made[method.label], truth, _ = benchmark.enlarge(
        method, picture, SCALE, rule, set_name='photographs'
      )
    (box,) = crops.pick({'hr': truth, **made}, size=SIDE, count=1, align=SCALE)
    row = [(box.cut(truth), f'original, {picture.name}')]
    psnr = {}
    for name, result in made.items():
      scores = protocol.score(box.cut(result), box.cut(truth), SCALE, rule)
      psnr[name] = scores['psnr_y']
      row.append((box.cut(result), f'{name} {table.number(psnr[name], 2)}'))
    check_invention(picture.name, psnr)
    rows.append(row)
  save(rows, PICTURES / 'grid.webp')


def strengths() -> None:
  """One photograph as `jsr upscale` enlarges it, from true to sharp."""
  (photographs,) = sets.open_sets(['photographs'])
  picture = next(p for p in photographs.pictures if p.name == 'chelsea')
  hr = picture.hr[: picture.hr.shape[0] // SCALE * SCALE, :448]
  lr = np.asarray(resize.resize_uint8(hr, 1 / SCALE))
  left, top = 148, 84
  cut = np.s_[top : top + SIDE, left : left + SIDE]
  row = [(np.kron(lr, np.ones((SCALE, SCALE, 1), np.uint8))[cut], 'input')]
  with tempfile.TemporaryDirectory() as made:
    folder = pathlib.Path(made)
    Image.fromarray(lr).save(folder / 'cat.png')
    for strength in STRENGTHS:
      target = folder / strength
      words = ['upscale', str(folder / 'cat.png'), '-o', str(target)]
      assert cli.main([*words, '--strength', strength, '--trust-map']) == 0
      result = np.asarray(Image.open(target / 'cat.png').convert('RGB'))
      row.append((result[cut], f'--strength {strength}'))
    trust = np.asarray(Image.open(target / 'cat-trust.png').convert('RGB'))
  row.append((trust[cut], '--trust-map'))
  save([row], PICTURES / 'strength.webp')


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('results', nargs='*', type=pathlib.Path, metavar='FILE.json')
  parser.add_argument('--pictures', action='store_true')
  args = parser.parse_args()
  if args.results:
    kept = json.loads((DOCS / 'results.json').read_text(encoding='utf-8'))
    new = [shrink(json.loads(path.read_text())) for path in args.results]
    # One scale can be measured again without the others.
    by_scale = {one['scale']: one for one in (*kept, *new)}
    measured = [by_scale[scale] for scale in sorted(by_scale, reverse=True)]
    text = json.dumps(measured, indent=1)
    (DOCS / 'results.json').write_text(text + '\n', encoding='utf-8')
    (DOCS / 'results.md').write_text(page(measured), encoding='utf-8')
  if args.pictures:
    grid()
    strengths()


if __name__ == '__main__':
  main()
