"""Writes jsr/evaluate/reference.json: bicubic on the standard sets, picture by picture.

    python benchmarks/make_reference.py --data FOLDER [--protocols srgan report001]

FOLDER holds Set5/HR, Set14/HR and BSD100/HR, the originals. The means must be the
published ones, or nothing is written: the file then serves as the gate of every later
comparison (see jsr/evaluate/gate.py).
"""

import argparse
import json
import pathlib
import sys

import numpy as np

from jsr.evaluate import gate, protocol, sets

# The first of `Protocol.gated` as papers print it for bicubic. y_float: SRCNN, FSRCNN,
# VDSR and their successors; Set14 and BSD100 vary by 0.02 between papers. report001:
# report 001, to half a unit of its last digit. srgan: the SRGAN paper, whose pictures
# came from other archives.
PAPERS = {
  'Set5': {2: 33.66, 3: 30.39, 4: 28.42},
  'Set14': {2: 30.24, 3: 27.55, 4: 26.00},
  'BSD100': {2: 29.56, 3: 27.21, 4: 25.96},
}
PUBLISHED = {
  'rgb8': (PAPERS, 0.025),
  'y_float': (PAPERS, 0.025),
  'srgan': ({'Set5': {4: 28.43}, 'Set14': {4: 25.99}, 'BSD100': {4: 25.94}}, 0.025),
  'report001': ({'Set5': {4: 26.8905}, 'Set14': {4: 24.3709}}, 0.00006),
}
TARGET = pathlib.Path(__file__).parents[1] / 'jsr' / 'evaluate' / 'reference.json'


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--data', required=True)
  parser.add_argument(
    '--protocols', nargs='+', default=list(PUBLISHED), choices=list(PUBLISHED)
  )
  args = parser.parse_args()
  result: dict = dict(gate.reference())
  for name in args.protocols:
    known, tolerance = PUBLISHED[name]
    result[name] = {}
    rule = protocol.get(name)
    for opened in sets.open_sets(list(known), data=args.data):
      for scale, published in known[opened.name].items():
        rows = gate.bicubic(opened, scale, rule, slow=True)
        means = np.mean(list(rows.values()), axis=0)
        shown = ' '.join(f'{k} {x:.5f}' for k, x in zip(rule.gated, means, strict=True))
        print(f'{name:9} {opened.name:7} x{scale} {shown}', flush=True)
        if abs(means[0] - published) > tolerance:
          print(f'published is {published}: nothing written', file=sys.stderr)
          return 1
        digits = [4 if key.startswith('psnr') else 6 for key in rule.gated]
        result[name].setdefault(opened.name, {})[str(scale)] = {
          stem: [round(x, d) for x, d in zip(values, digits, strict=True)]
          for stem, values in rows.items()
        }
  TARGET.write_text(
    json.dumps(result, separators=(',', ':')).replace('},', '},\n') + '\n'
  )
  print(f'wrote {TARGET}')
  return 0


if __name__ == '__main__':
  sys.exit(main())
