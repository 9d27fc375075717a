"""Writes jsr/evaluate/reference.json: bicubic on the standard sets, picture by picture.

    python benchmarks/make_reference.py --data FOLDER

FOLDER holds Set5/HR, Set14/HR and BSD100/HR, the originals. The means must be the
published ones, or nothing is written: the file then serves as the gate of every later
comparison (see jsr/evaluate/gate.py).
"""

import argparse
import json
import pathlib
import sys

import numpy as np

from jsr.evaluate import benchmark, methods, protocol, sets

# PSNR dB on Y as papers print it for bicubic, x2 / x3 / x4. y_float: SRCNN, FSRCNN,
# VDSR and their successors; Set14 and BSD100 vary by 0.02 between papers.
PUBLISHED = {
  'Set5': {2: 33.66, 3: 30.39, 4: 28.42},
  'Set14': {2: 30.24, 3: 27.55, 4: 26.00},
  'BSD100': {2: 29.56, 3: 27.21, 4: 25.96},
}
TARGET = pathlib.Path(__file__).parents[1] / 'jsr' / 'evaluate' / 'reference.json'


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--data', required=True)
  args = parser.parse_args()
  bicubic = methods.Interpolation('bicubic', 'bicubic')
  result: dict = {}
  for opened in sets.open_sets(list(PUBLISHED), data=args.data):
    for name, rule in protocol.PROTOCOLS.items():
      for scale, published in PUBLISHED[opened.name].items():
        row = benchmark.measure(bicubic, opened, scale, rule, progress=True)
        print(
          f'{name:8} {opened.name:7} x{scale} {row["psnr_y"]:.4f} {row["ssim_y"]:.5f}'
        )
        if abs(row['psnr_y'] - published) > 0.025:
          print(f'published is {published}: nothing written', file=sys.stderr)
          return 1
        result.setdefault(name, {}).setdefault(opened.name, {})[str(scale)] = {
          stem: [float(np.round(v['psnr_y'], 4)), float(np.round(v['ssim_y'], 6))]
          for stem, v in row['per_image'].items()
        }
  TARGET.write_text(
    json.dumps(result, separators=(',', ':')).replace('},', '},\n') + '\n'
  )
  print(f'wrote {TARGET}')
  return 0


if __name__ == '__main__':
  sys.exit(main())
